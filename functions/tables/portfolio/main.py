"""Compose the portfolio table from its settings, and serve it: `python -m functions.tables.portfolio.main`."""

from dataclasses import dataclass
from decimal import Decimal

from functions.domain.market import NS_PER_S
from functions.domain.money import plain_decimal
from functions.domain.portfolio.books import BookRules
from functions.domain.portfolio.metrics import MetricRules
from functions.domain.portfolio.opening import named_openings, opening_of
from functions.domain.portfolio.state import Rules
from functions.runtime import table_app
from functions.runtime.hosting import HostedTable
from functions.runtime.settings import at_least_one
from functions.tables.portfolio import CARD
from functions.tables.portfolio.table import PortfolioTable


@dataclass(frozen=True, slots=True)
class Settings:
    """Say which accounts are kept, how they are valued, and what they are held to.

    The first three are the orders service's own, read from the same variables: an account's opening is said once.

    Args:
        account: Account that the orders service opens.
        capital: Its capital, a plain decimal.
        opening_positions: Its positions, each `INSTRUMENT=QUANTITY@PRICE`.
        portfolio_capitals: Further accounts, each `NAME=CAPITAL`; an account nobody opened has none, and breaches.
        portfolio_currency: Currency of accounts.
        portfolio_rates: Instruments whose bars are rates between currencies, for example `EUR-USD.X`.
        portfolio_inverse: Instruments that are settled in their base currency, at 1 / price.
        portfolio_exposure_ratio_max: Greatest gross exposure, as a share of the capital.
        portfolio_drawdown_max: Greatest loss from the peak of equity, as a share of it; empty for no bound.
        portfolio_var_ratio_max: Greatest value at risk at 95 % in a minute, as a share of the capital; empty for none.
        portfolio_returns_window: Most one-minute returns behind a value at risk.
        portfolio_returns_min: Returns below which none is told.
        portfolio_mark_minutes_max: Age of a price, minutes, beyond which rows are flagged.
        portfolio_silence_s: How far behind the newest time a shard is waited for, seconds of venue time.
        portfolio_accounts_max: Most accounts.
        portfolio_positions_max: Most positions of an account.
        portfolio_instruments_max: Most instruments whose prices are kept.
    """

    account: str = "paper"
    capital: str = "1000000"
    opening_positions: tuple[str, ...] = ()
    portfolio_capitals: tuple[str, ...] = ()
    portfolio_currency: str = "USDT"
    portfolio_rates: tuple[str, ...] = ()
    portfolio_inverse: tuple[str, ...] = ()
    portfolio_exposure_ratio_max: str = "0.95"
    portfolio_drawdown_max: str = "0.20"
    portfolio_var_ratio_max: str = ""
    portfolio_returns_window: int = 120
    portfolio_returns_min: int = 30
    portfolio_mark_minutes_max: int = 5
    portfolio_silence_s: int = 10
    portfolio_accounts_max: int = 4
    portfolio_positions_max: int = 12
    portfolio_instruments_max: int = 24

    def __post_init__(self) -> None:
        """Refuse bounds that hold nothing, and texts that cannot be read."""
        bounds = ("returns_window", "mark_minutes_max", "silence_s", "accounts_max", "positions_max", "instruments_max")
        at_least_one(self, *(f"portfolio_{name}" for name in bounds))
        if not 2 <= self.portfolio_returns_min <= self.portfolio_returns_window:  # noqa: PLR2004 - a deviation needs two
            message = "portfolio_returns_min must be 2 or more, and at most portfolio_returns_window"
            raise ValueError(message)
        limits = rules_of(self).metrics
        given = (limits.exposure_ratio_max, limits.drawdown_max, limits.var_ratio_max)
        if any(one < 0 for one in given if one is not None) or (limits.drawdown_max or 0) > 1:
            message = (
                "portfolio_exposure_ratio_max, portfolio_drawdown_max and portfolio_var_ratio_max are shares, 0.2 is "
                "20 %: none is negative, and a drawdown at most 1"
            )
            raise ValueError(message)


def rules_of(settings: Settings) -> Rules:
    """Read the table's rules from settings.

    Raises:
        ValueError: A text cannot be read.
    """
    return Rules(
        metrics=MetricRules(
            books=BookRules(
                currency=settings.portfolio_currency,
                inverse=frozenset(settings.portfolio_inverse),
                positions_max=settings.portfolio_positions_max,
            ),
            rates=settings.portfolio_rates,
            exposure_ratio_max=plain_decimal(settings.portfolio_exposure_ratio_max),
            drawdown_max=_share(settings.portfolio_drawdown_max),
            var_ratio_max=_share(settings.portfolio_var_ratio_max),
            returns_window=settings.portfolio_returns_window,
            returns_min=settings.portfolio_returns_min,
            mark_minutes_max=settings.portfolio_mark_minutes_max,
        ),
        openings={
            settings.account: opening_of(settings.capital, settings.opening_positions),
            **named_openings(settings.portfolio_capitals),
        },
        silence_ns=settings.portfolio_silence_s * NS_PER_S,
        accounts_max=settings.portfolio_accounts_max,
        instruments_max=settings.portfolio_instruments_max,
    )


def _share(text: str) -> Decimal | None:
    return plain_decimal(text) if text else None


def compose(settings: Settings) -> HostedTable:
    """Build the table; nothing is opened.

    Raises:
        ValueError: What is to be kept would weigh more than a host stores.
    """
    return HostedTable(card=CARD, fold=PortfolioTable(rules_of(settings)))


if __name__ == "__main__":
    table_app.serve(Settings, compose)
