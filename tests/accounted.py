"""Make fills and minutes for tests of accounts, and fold them in any order."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from decimal import Decimal

from barred import Bar, bar_batch

from functions.domain.decisions import Fill, Side
from functions.domain.market import BarBatch, InstrumentRef
from functions.domain.portfolio.fold import Row, fold_bars, fold_fill
from functions.domain.portfolio.marks import MARK_NS
from functions.domain.portfolio.metrics import LimitBreach, RiskMetrics
from functions.domain.portfolio.state import Desk, Opening, Rules, start

ETH = InstrumentRef("ETH-USDT.BINANCE", -2, -4)
SOL = InstrumentRef("SOL-USDT.KRAKEN", -2, -4)
EURUSDT = InstrumentRef("EUR-USDT.KRAKEN", -4, -2)
HERE, THERE = "BINANCE-0", "KRAKEN-0"
RULES = Rules(openings={"paper": Opening(Decimal(100_000))})
TEN = 10 * MARK_NS
"""The end of minute 10, where the stories begin."""


def fill(  # noqa: PLR0913 - a fill has this many facts
    n: int,
    quantity: str,
    price: str = "3000",
    *,
    after_ms: int = 0,
    instrument: InstrumentRef = ETH,
    account: str = "paper",
    replaces: str = "",
    fee: str = "0",
    currency: str = "",
) -> Fill:
    """Make execution `e<n>`, so many milliseconds behind minute 10; a negative quantity sells."""
    amount = Decimal(quantity)
    return Fill(
        client_order_id="order",
        n=n + 1,
        account=account,
        instrument_id=instrument.instrument_id,
        side=Side.SELL if amount < 0 else Side.BUY,
        quantity=abs(amount),
        price=Decimal(price),
        signal_id="",
        as_of_ns=TEN + after_ms * 1_000_000,
        exec_id=f"e{n}",
        fee=Decimal(fee),
        currency=currency,
        replaces_exec_id=replaces,
    )


def minute(
    number: int, close: int, *, instrument: InstrumentRef = ETH, shard: str = HERE, end: bool = False
) -> BarBatch:
    """Make the bar that ends with a minute, at a close mantissa."""
    bar = Bar(bar=number - 1, interval_s=60, close=close)
    return replace(bar_batch([bar], instruments=(instrument,)), shard=shard, end_of_tape=end)


def fold(story: Iterable[tuple[int, Fill] | BarBatch], rules: Rules = RULES, desk: Desk | None = None) -> list[Row]:
    """Fold numbered fills and bars in this order."""
    state = start(rules) if desk is None else desk
    told: list[Row] = []
    for one in story:
        told += fold_bars(state, one, rules) if isinstance(one, BarBatch) else fold_fill(state, one[1], one[0], rules)
    return told


def numbered(fills: Sequence[Fill]) -> list[tuple[int, Fill]]:
    """Number fills as the stream of their account does."""
    return list(enumerate(fills))


def breached() -> tuple[RiskMetrics, LimitBreach]:
    """Tell a row that is beyond its exposure, and the breach."""
    row, breach = fold(numbered([fill(0, "40"), fill(1, "1", after_ms=60)]))
    assert isinstance(row, RiskMetrics)
    assert isinstance(breach, LimitBreach)
    return row, breach


def rows(told: Iterable[Row]) -> list[RiskMetrics]:
    """Give the rows, as they were told."""
    return [one for one in told if isinstance(one, RiskMetrics)]


def final(told: Iterable[Row]) -> dict[tuple[object, ...], Row]:
    """Keep the highest revision of each row and breach, without breaches that were withdrawn."""
    kept: dict[tuple[object, ...], Row] = {}
    for one in told:
        key = (one.account, one.window, one.limit if isinstance(one, LimitBreach) else "")
        if key not in kept or kept[key].revision < one.revision:
            kept[key] = one
    return {key: one for key, one in kept.items() if not (isinstance(one, LimitBreach) and one.withdrawn)}
