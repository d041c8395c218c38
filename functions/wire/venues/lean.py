"""Say what LEAN's data files mean: US equity ticks and bars (AlgoSeek), and FXCM's currency ticks; CSV without header.

A row names neither its instrument nor its day, so the batch's `symbol` does: `IBM@2013-10-07` for ticks, and for bars
their length in seconds too, `IBM@2013-10-07@60`. A row's first column is the wall clock, milliseconds since midnight:
New York's for `lean.equity`, UTC-05:00 without daylight saving for `lean.forex`. Equity prices are dollars x 10,000.

| dialect | columns | what it is |
| --- | --- | --- |
| lean.equity | ms, price, size, exchange, conditions (hex flags), suspicious | trade on the consolidated tape |
| lean.equity | ms, bid, size, ask, size, exchange, conditions, suspicious | quote of one exchange |
| lean.equity | ms, open, high, low, close, volume | candle |
| lean.forex | ms, bid, ask | quote; sizes are not told and read as 0 |
| both | ms, bid open, high, low, close, size, ask open, high, low, close, size | counted as `quote_bar`, not used |

A quote row tells one side of one exchange's quote; the other is written 0, which says nothing of it. So that it is
never taken for the market's quote, it belongs to an instrument of that exchange: `IBM.ARCX`, venue symbol `IBM@P`;
trades and candles belong to `IBM.US`. The vendor leaves suspicious ticks out of its bars: a suspicious trade only
informs, a suspicious quote is counted as `suspicious_quote` and not used. Trades have no ids; equal rows are prints of
their own.
Source: LEAN's data format documents for equity and forex, and its TradeConditionFlags.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from typing import Final, TypeAlias

from functions.domain.market import CANDLE_CLOSED, SIDE_UNKNOWN, TRADE_INFORMS_ONLY, TRADE_WITHOUT_ID, InstrumentRef
from functions.wire.venues import plan_kernel
from functions.wire.venues.clocks import NS_PER_DAY, NS_PER_S, calendar_date, hours_of, wall_column, wall_ns
from functions.wire.venues.columns import Decoder
from functions.wire.venues.conditions import UNKNOWN, flags_by_number
from functions.wire.venues.digits import BadText
from functions.wire.venues.plans import Facts, Flags, Plan, Shape, Time
from functions.wire.venues.rows import (
    NS_PER_MS,
    CandleRow,
    IgnoredRow,
    QuoteRow,
    Reading,
    TradeRow,
    bad,
    symbol,
)
from functions.wire.venues.typed import Taken, Typed
from functions.wire.venues.work import Found, Venue, Work

EQUITY_EXPONENT: Final = -6
FOREX_EXPONENT: Final = -6
"""Units without reference: the tapes' finest price; a tenth of a pip's tenth."""
_TRADE_COLUMNS, _QUOTE_COLUMNS, _BAR_COLUMNS, _FOREX_COLUMNS = 6, 8, 11, 3
_NEW_YORK: Final = "America/New_York"
_FXCM: Final = "Etc/GMT+5"  # POSIX signs: this is UTC-05:00
_DAYS_KEPT: Final = 1024
_YEAR_FIRST, _YEAR_LAST = 1970, 2200  # whose nanoseconds fit int64 with room to spare
_FLAGS_KEPT: Final = 4096
_DOLLAR_PLACES: Final = 4
_MS: Final = re.compile(r"([0-9]{1,9})(?:\.([0-9]{1,6}))?")
_WHOLE: Final = re.compile(r"[0-9]{1,19}")
_HEX: Final = re.compile(r"[0-9a-fA-F]{1,8}")
_SECONDS: Final = re.compile(r"[0-9]{1,6}")
_SHOWN: Final = 48

_CONDITION_OF_BIT: Final = (
    *(0, 7, 20, 29, 36, 14),  # regular, cash, next day, seller, yellow flag, intermarket sweep
    *(25, 8, 28, 10, 12, 30),  # opening, closing, reopening prints, derivatively priced, Form T, sold last
    *(27, 12, 32, 34, 1, 4),  # stopped, extended hours, out of sequence, split, acquisition, bunched
    *(35, 11, 2, 9, 21, 23),  # stock option, distribution, average price, cross, price variation, rule 155
    *(15, 22, 16, 6, 3, 41),  # official close, prior reference, official open, CAP, automatic, trade-through exempt
)
"""Polygon's number of the condition that each bit stands for; the two highest are unnamed, and the odd lot."""
_BIT_UNNAMED, _BIT_ODD_LOT, _BITS = 30, 31, 32
_ODD_LOT: Final = 37

EXCHANGES: Final = {
    "A": "XASE",
    "B": "XBOS",
    "C": "XCIS",
    "D": "XADF",
    "I": "XISE",
    "J": "EDGA",
    "K": "EDGX",
    "M": "XCHI",
    "N": "XNYS",
    "P": "ARCX",
    "Q": "XNAS",
    "T": "XNAS",
    "W": "CBSX",
    "X": "XPSX",
    "Y": "BATY",
    "Z": "BATS",
}
"""Market identifier code (ISO 10383) by the tapes' exchange letter."""


@dataclass(frozen=True, slots=True)
class Day:
    """Say what a batch's symbol tells of its rows; `interval_ns` is 0 where it tells no length of bars."""

    ticker: str
    date: date
    interval_ns: int


_NO_DAY: Final = Day("", date(1970, 1, 1), 0)

Reader: TypeAlias = Callable[[Taken, int, list[str]], None]
"""Appends what a row's columns say."""


@lru_cache(maxsize=_DAYS_KEPT)
def day_of(batch_symbol: str) -> Day:
    """Read `TICKER@YYYY-MM-DD` or `TICKER@YYYY-MM-DD@SECONDS`.

    Raises:
        BadText: `missing_field` when it is neither.

    >>> day_of("IBM@2013-10-07@60")
    Day(ticker='IBM', date=datetime.date(2013, 10, 7), interval_ns=60000000000)
    """
    ticker, _, rest = batch_symbol.partition("@")
    day, _, seconds = rest.partition("@")
    if not ticker or not day or (seconds and _SECONDS.fullmatch(seconds) is None):
        reason = "missing_field"
        detail = f"rows tell no instrument and no day, and their batch's symbol is {batch_symbol[:_SHOWN]!r}"
        raise bad(reason, f"{detail}; name both, as in `IBM@2013-10-07`")
    return Day(symbol({"symbol": ticker}, "symbol"), calendar_date(day), int(seconds or 0) * NS_PER_S)


def _read_equity(raw: bytes, batch_symbol: str) -> Reading:
    columns, day = _columns(raw), day_of(batch_symbol)
    if len(columns) == _TRADE_COLUMNS:
        return _read_trade(columns, day) if columns[3].isalpha() else _read_candle(columns, day)
    if len(columns) == _QUOTE_COLUMNS:
        return _read_quote(columns, day)
    return _read_bar(columns)


def _read_forex(raw: bytes, batch_symbol: str) -> Reading:
    columns, day = _columns(raw), day_of(batch_symbol)
    if len(columns) != _FOREX_COLUMNS:
        return _read_bar(columns)
    ms, bid, ask = columns
    return QuoteRow("quote", day.ticker, _time_ns(ms, day, _FXCM), bid, "0", ask, "0", 0)


def _read_bar(columns: list[str]) -> IgnoredRow:
    if len(columns) == _BAR_COLUMNS:
        return IgnoredRow("quote_bar")
    reason, detail = "unknown_kind", f"no row of {len(columns)} columns is known"
    raise bad(reason, detail)


def _read_trade(columns: list[str], day: Day) -> TradeRow:
    ms, price, size, exchange, conditions, suspicious = columns
    _known_exchange(exchange)
    return TradeRow(
        kind="trade",
        symbol=day.ticker,
        ts_ns=_time_ns(ms, day, _NEW_YORK),
        price=_dollars(price),
        size=size,
        side=SIDE_UNKNOWN,
        trade_id=None,
        flags=_flags(conditions) | (TRADE_INFORMS_ONLY if _is_suspicious(suspicious) else 0),
    )


def _read_quote(columns: list[str], day: Day) -> QuoteRow | IgnoredRow:
    ms, bid, bid_size, ask, ask_size, exchange, _, suspicious = columns
    _known_exchange(exchange)
    if _is_suspicious(suspicious):
        return IgnoredRow("suspicious_quote")
    return QuoteRow(
        kind="quote",
        symbol=f"{day.ticker}@{exchange}",
        ts_ns=_time_ns(ms, day, _NEW_YORK),
        bid_price=_dollars(bid),
        bid_size=bid_size,
        ask_price=_dollars(ask),
        ask_size=ask_size,
        update_id=0,
    )


def _read_candle(columns: list[str], day: Day) -> CandleRow:
    if not day.interval_ns:
        reason, detail = "missing_field", "bars do not tell their length; the batch's symbol must: `IBM@2013-10-07@60`"
        raise bad(reason, detail)
    ms, *prices, volume = columns
    first, high, low, last = map(_dollars, prices)
    start_ns = _time_ns(ms, day, _NEW_YORK)
    return CandleRow(
        "candle", day.ticker, start_ns, day.interval_ns, first, high, low, last, volume, None, CANDLE_CLOSED
    )


# --- the fast path ----------------------------------------------------------------------------------------------------


def _fast_equity(work: Work) -> Found:
    return _fast(work, _NEW_YORK, _equity_reader)


def _fast_forex(work: Work) -> Found:
    return _fast(work, _FXCM, _forex_reader)


def _fast(work: Work, zone: str, reader: Callable[[Day], Reader]) -> Found:
    """Read the plain ticks of a day; bars and what is odd are left to be read one by one."""
    day = _plain_day(work.batch.symbol)
    readers: Mapping[type, Reader] = {list: reader(day)} if day.ticker else {}
    return Typed(decode=_split, readers=readers, clock=wall_column(day.date, zone))(work)


def _plain_day(batch_symbol: str) -> Day:
    """Read a batch's symbol; one that is no such symbol, or of a year without nanoseconds, is no day."""
    try:
        day = day_of(batch_symbol)
    except BadText:
        return _NO_DAY
    return day if _YEAR_FIRST <= day.date.year <= _YEAR_LAST else _NO_DAY


def _split(raw: bytes) -> list[str]:
    return raw.decode("ascii").split(",")


def _equity_reader(day: Day) -> Reader:
    ticker = day.ticker
    symbols = {letter: f"{ticker}@{letter}" for letter in EXCHANGES}

    def take(taken: Taken, row: int, columns: list[str]) -> None:
        if len(columns) == _QUOTE_COLUMNS:
            ms, bid, bid_size, ask, ask_size, exchange, _, suspicious = columns
            if suspicious == "0":
                prices = _plain_dollars(bid), _plain_dollars(ask)
                taken.quotes.append((row, "quote", symbols[exchange], ms, prices[0], bid_size, prices[1], ask_size, 0))
        elif len(columns) == _TRADE_COLUMNS:
            ms, price, size, exchange, conditions, suspicious = columns
            if suspicious == "0" and exchange in EXCHANGES:
                flags = _flags(conditions) | TRADE_WITHOUT_ID
                taken.trades.append((row, "trade", ticker, ms, _plain_dollars(price), size, SIDE_UNKNOWN, 0, flags))

    return take


def _forex_reader(day: Day) -> Reader:
    def take(taken: Taken, row: int, columns: list[str]) -> None:
        ms, bid, ask = columns
        taken.quotes.append((row, "quote", day.ticker, ms, bid, "0", ask, "0", 0))

    return take


def _plain_dollars(text: str) -> str:
    """Point a price that is plain digits; anything else becomes a text that no one reads as a number."""
    if len(text) > _DOLLAR_PLACES and text.isdigit():
        return f"{text[:-4]}.{text[-4:]}"
    return _pointed(text) if text.isdigit() else ""


def _columns(raw: bytes) -> list[str]:
    try:
        return raw.rstrip(b"\r\n").decode("ascii").split(",")
    except UnicodeDecodeError as error:
        reason, detail = "wrong_type", f"the row is no plain text: {error.reason} at byte {error.start}"
        raise bad(reason, detail) from None


def _time_ns(ms: str, day: Day, zone: str) -> int:
    found = _MS.fullmatch(ms)
    since_ns = int(found[1]) * NS_PER_MS + int((found[2] or "").ljust(6, "0")) if found else NS_PER_DAY
    if since_ns >= NS_PER_DAY:
        reason, detail = "wrong_type", f"found {ms[:_SHOWN]!r} where milliseconds since midnight belong"
        raise bad(reason, detail)
    return wall_ns(day.date, since_ns, zone)


def _dollars(text: str) -> str:
    if _WHOLE.fullmatch(text) is None:
        reason, detail = "wrong_type", f"found {text[:_SHOWN]!r} where a price x 10,000 belongs"
        raise bad(reason, detail)
    return _pointed(text)


def _pointed(text: str) -> str:
    text = text.zfill(5)
    return f"{text[:-4]}.{text[-4:]}"


@lru_cache(maxsize=_FLAGS_KEPT)
def _flags(conditions: str) -> int:
    if _HEX.fullmatch(conditions) is None:
        reason, detail = "wrong_type", f"found {conditions[:_SHOWN]!r} where condition flags belong, in hex"
        raise bad(reason, detail)
    bits = int(conditions, 16)
    numbers = [number for bit, number in enumerate(_CONDITION_OF_BIT) if bits >> bit & 1]
    odd_lot = [_ODD_LOT] if bits >> _BIT_ODD_LOT & 1 else []
    return flags_by_number([*numbers, *odd_lot]) | (UNKNOWN if bits >> _BIT_UNNAMED & 1 else 0)


def _is_suspicious(text: str) -> bool:
    if text not in ("0", "1"):
        reason, detail = "wrong_type", f"found {text[:_SHOWN]!r} where 0 or 1 belongs"
        raise bad(reason, detail)
    return text == "1"


def _known_exchange(letter: str) -> None:
    if letter not in EXCHANGES:
        reason, detail = "unknown_exchange", f"no exchange has the letter {letter[:8]!r}"
        raise bad(reason, detail)


def _unknown_equity(name: str) -> InstrumentRef:
    ticker, _, exchange = name.partition("@")
    return InstrumentRef(f"{ticker}.{EXCHANGES.get(exchange, 'US')}", EQUITY_EXPONENT, EQUITY_EXPONENT)


def _unknown_forex(pair: str) -> InstrumentRef:
    return InstrumentRef(f"{currencies(pair)}.FXCM", FOREX_EXPONENT, FOREX_EXPONENT)


def currencies(pair: str) -> str:
    """Part the two currencies of a pair.

    >>> currencies("EURUSD"), currencies("USD/JPY"), currencies("XAG")
    ('EUR-USD', 'USD-JPY', 'XAG')
    """
    found = re.fullmatch(r"([A-Z]{3})[/-]?([A-Z]{3})", pair)
    return f"{found[1]}-{found[2]}" if found else pair


_MS_OF_DAY: Final = Time(plan_kernel.WALL, ("0",))


def _equity_facts(batch_symbol: str) -> Facts | None:
    day = _plain_day(batch_symbol)
    if not day.ticker:
        return None
    return Facts(
        day.ticker,
        # Without its exchange a quote's instrument has no name.
        lambda letter: f"{day.ticker}@{letter}" if letter in EXCHANGES else "",
        hours_of(day.date, _NEW_YORK),
    )


def _forex_facts(batch_symbol: str) -> Facts | None:
    day = _plain_day(batch_symbol)
    return Facts(day.ticker, hours=hours_of(day.date, _FXCM)) if day.ticker else None


EQUITY: Final = Plan(
    (
        Shape(
            plan_kernel.TRADE,
            "trade",
            ("",),
            ("1", "2"),
            time=_MS_OF_DAY,
            when={"5": "0"},
            side=("3", dict.fromkeys(EXCHANGES, SIDE_UNKNOWN)),
            more=Flags(plan_kernel.HEX, "4", tuple(_flags(f"{1 << bit:x}") for bit in range(_BITS))),
            fractions=(_DOLLAR_PLACES, 0, 0, 0),
            columns=_TRADE_COLUMNS,
        ),
        Shape(
            plan_kernel.QUOTE,
            "quote",
            ("",),
            ("1", "2", "3", "4"),
            symbol="5",
            time=_MS_OF_DAY,
            when={"7": "0"},
            fractions=(_DOLLAR_PLACES, 0, _DOLLAR_PLACES, 0),
            columns=_QUOTE_COLUMNS,
        ),
    ),
    facts=_equity_facts,
    is_csv=True,
)
"""Which columns trades and quotes have."""
FOREX: Final = Plan(
    (Shape(plan_kernel.QUOTE, "quote", ("",), ("1", "", "2", ""), time=_MS_OF_DAY, columns=_FOREX_COLUMNS),),
    facts=_forex_facts,
    is_csv=True,
)
"""Which columns quotes have."""

DECODERS: Final[Mapping[str, Decoder]] = {
    "lean.equity": Decoder(
        Venue(
            code="US",
            read_form=lambda _: None,
            read_row=_read_equity,
            level_marks=(),
            unknown=_unknown_equity,
            fast=_fast_equity,
            plans=(EQUITY,),
        )
    ),
    "lean.forex": Decoder(
        Venue(
            code="FXCM",
            read_form=lambda _: None,
            read_row=_read_forex,
            level_marks=(),
            unknown=_unknown_forex,
            fast=_fast_forex,
            plans=(FOREX,),
        )
    ),
}
"""Decoder by dialect."""
