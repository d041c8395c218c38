"""Make histories of accounts for tests, told by what matters to them; and put them where services read them."""

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Final

import asyncpg
from stores import fresh_database

from functions.adapters.postgres import Pool
from functions.domain.market import NS_PER_S
from functions.domain.portfolio.books import BookRules, Trade
from functions.domain.portfolio.history import History

ETH = "ETH-USDT.BINANCE"
BTC = "BTC-USDT.BINANCE"
RULES = BookRules("USDT", positions_max=64)
MIDNIGHT = 1_709_251_200 * NS_PER_S
"""2024-03-01 in UTC."""
HOUR = 3600 * NS_PER_S


def trade(  # noqa: PLR0913 - a trade has this many figures
    number: int, hour: float, quantity: str, price: str, *, fee: str = "0", of: str = ETH, replaces: int = 0
) -> Trade:
    """Make a trade so many hours after midnight; its number is its place on the stream, and names it."""
    figures = (Decimal(quantity), Decimal(price), Decimal(fee))
    order = replaces or number
    corrected = f"o{order}/x{replaces}" if replaces else ""
    key = f"o{order}/x{number}"
    return Trade(number, MIDNIGHT + round(hour * HOUR), of, *figures, key=key, replaces=corrected)


def history(*trades: Trade, capital: str = "10000", held: Iterable[tuple[str, str, str]] = ()) -> History:
    """Make the history of the account `paper`."""
    opening = tuple((name, Decimal(quantity), Decimal(price)) for name, quantity, price in held)
    return History("paper", Decimal(capital), opening, trades)


def closes(hours: Mapping[str, Mapping[float, str]]) -> dict[str, list[tuple[int, Decimal]]]:
    """Give closes by instrument at hours after midnight."""
    return {
        name: [(MIDNIGHT + round(hour * HOUR), Decimal(price)) for hour, price in found.items()]
        for name, found in hours.items()
    }


async def filled(url: str, prices: Mapping[str, Sequence[tuple[int, Decimal]]], *told: History) -> str:
    """Make a database on a server that knows accounts and closes, and give its address."""
    made = await fresh_database(url)
    pool = Pool(made)
    for one in told:
        await _put_history(await pool.get(), one)
    await _put_closes(await pool.get(), prices)
    await pool.close()
    return made


async def _put_history(pool: asyncpg.Pool, told: History) -> None:
    """Put an account with its fills into the ledger, each fill under an order of its own, corrections under theirs."""
    await pool.execute(
        "INSERT INTO ledger_account VALUES ($1, $2, $2, $3)", told.account, told.capital, len(told.trades)
    )
    for name, quantity, price in told.held:
        await pool.execute(_PUT_HELD, told.account, name, quantity, price)
    for n, one in enumerate(told.trades, start=1):
        order, execution = one.key.split("/")
        side = "buy" if one.quantity >= 0 else "sell"
        await pool.execute(_PUT_ORDER, told.account, order, one.instrument_id, side, n, one.as_of_ns)
        figures = (abs(one.quantity), one.price, one.fee, one.currency, one.multiplier)
        replaced = one.replaces.partition("/")[2]
        await pool.execute(_PUT_FILL, order, n, one.sequence, one.as_of_ns, *figures, execution, replaced)


async def _put_closes(pool: asyncpg.Pool, told: Mapping[str, Sequence[tuple[int, Decimal]]]) -> None:
    """Put closes as final bars of a minute, and beside each one of another length and one that is not final."""
    for name, found in told.items():
        for end_ns, close in found:
            for interval_s, finality, price in (
                (60, "final", close),
                (300, "final", _NEVER),
                (1, "provisional", _NEVER),
            ):
                start_ns = end_ns - interval_s * NS_PER_S
                await pool.execute(_PUT_BAR, name, interval_s, start_ns, finality, price)


_NEVER: Final = Decimal(1_000_000)
"""A price that no answer may show."""
_PUT_HELD: Final = "INSERT INTO ledger_position VALUES ($1, $2, $3, $4, $3, $4)"
_PUT_ORDER: Final = """
INSERT INTO ledger_order (account, client_order_id, instrument_id, side, opened, as_of_ns, quantity, limit_price,
    bid_price, bid_size, ask_price, ask_size, quote_ns, limits_version, signal_id, causation_id, correlation_id,
    answer_n, life)
VALUES ($1, $2, $3, $4, $5, $6, 1, 1, 0, 0, 0, 0, 0, '', '', '', '', 1, '{}') ON CONFLICT DO NOTHING
"""
_PUT_FILL: Final = """
INSERT INTO ledger_fill (client_order_id, n, sequence, as_of_ns, quantity, price, fee, currency, multiplier, exec_id,
    replaces_exec_id)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
"""
_PUT_BAR: Final = """
INSERT INTO bars (instrument_id, interval_s, start_ns, finality, close, revision, sequence, shard, open, high, low,
    volume, buy_volume, notional, trades, crossed)
VALUES ($1, $2, $3, $4::text::bar_finality, $5, 0, 1, 'BINANCE-0', $5, $5, $5, 0, 0, 0, 0, false)
"""
