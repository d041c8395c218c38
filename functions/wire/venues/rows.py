"""Say what one venue row means and hold it against the field's rules, slowly and with a reason for every refusal.

This is the authority: the column path must give the same ticks for every row that it takes, and leaves the rest to
this file.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, TypeAlias

from functions.domain.market import (
    BOOK_CHECKSUM,
    CANDLE_TRADES_UNKNOWN,
    NO_VENUE_TIME,
    QUOTE_CROSSED,
    QUOTE_LOCKED,
    TRADE_INFORMS_ONLY,
    TRADE_WITHOUT_ID,
    InstrumentRef,
)
from functions.wire.venues.digits import INT64_MAX, BadText, mantissa

NS_PER_MS: Final = 1_000_000
LEVELS_MAX: Final = 2**16 - 1
ID_DIGITS_MAX: Final = 18
"""Digits of an id that is written as text; all such fit int64."""
_INTERVAL_DIGITS_MAX: Final = 9
CRC32_MAX: Final = 2**32 - 1
_SYMBOL_CHARS_MAX: Final = 64
_SHOWN: Final = 48


@dataclass(frozen=True, slots=True)
class TradeRow:
    """A print as the venue wrote it; `ts_ns` is None where the venue gives no time, `trade_id` where it numbers none.

    `flags` say what a sale condition or a correction does; see TRADE_NOT_LAST and its neighbours in `domain.market`.
    """

    kind: str
    symbol: str
    ts_ns: int | None
    price: str
    size: str
    side: int
    trade_id: int | None
    flags: int = 0


@dataclass(frozen=True, slots=True)
class QuoteRow:
    """A best bid and offer as the venue wrote it; `ts_ns` is None where the venue gives no time."""

    kind: str
    symbol: str
    ts_ns: int | None
    bid_price: str
    bid_size: str
    ask_price: str
    ask_size: str
    update_id: int


@dataclass(frozen=True, slots=True)
class BookRow:
    """An order book message as the venue wrote it; `checksum` is None where the venue tells none."""

    kind: str
    symbol: str
    ts_ns: int | None
    first_update_id: int
    last_update_id: int
    previous_update_id: int
    bids: tuple[tuple[str, str], ...]
    asks: tuple[tuple[str, str], ...]
    flags: int
    checksum: int | None = None


@dataclass(frozen=True, slots=True)
class CandleRow:
    """A bar as the venue made it; `ts_ns` is its start, `trades` None where the venue does not count them."""

    kind: str
    symbol: str
    ts_ns: int
    interval_ns: int
    open: str
    high: str
    low: str
    close: str
    volume: str
    trades: int | None
    flags: int


@dataclass(frozen=True, slots=True)
class IgnoredRow:
    """A row of a kind that is known and not used."""

    kind: str


MarketRow: TypeAlias = TradeRow | QuoteRow | BookRow | CandleRow
Row: TypeAlias = MarketRow | IgnoredRow
Reading: TypeAlias = Row | tuple[MarketRow, ...]
"""What one message says: one row, or several of one kind that stand or fall together."""


@dataclass(frozen=True, slots=True)
class Tick:
    """A row that kept every rule: its integers, in the order of its section's columns from `price` on."""

    row: int
    symbol: str
    ts_event: int
    values: tuple[int, ...]
    levels: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Limits:
    """Say what a row is held against: when it was received, and how far the venue may be ahead of that."""

    ts_receive: int
    future_skew_ms_max: int


def bad(reason: str, detail: str) -> BadText:
    """Build the refusal of a row."""
    return BadText(reason, detail)


def field(content: Mapping[str, object], name: str) -> object:
    """Give a field that must be there."""
    if name not in content:
        reason, detail = "missing_field", f"the row has no field {name!r}"
        raise bad(reason, detail)
    return content[name]


def whole(content: Mapping[str, object], name: str) -> int:
    """Give a whole number that is never negative and fits int64."""
    value = field(content, name)
    if type(value) is not int:
        raise _wrong(name, value, "a whole number")
    if not 0 <= value <= INT64_MAX:
        reason, detail = "out_of_range", f"field {name!r} is {str(value)[:_SHOWN]}, not between 0 and 2^63 - 1"
        raise bad(reason, detail)
    return value


def flag(content: Mapping[str, object], name: str) -> bool:
    """Give a boolean."""
    value = field(content, name)
    if not isinstance(value, bool):
        raise _wrong(name, value, "true or false")
    return value


def decimal(content: Mapping[str, object], name: str) -> str:
    """Give the text of a decimal; JSON numbers with a fraction arrive as their text."""
    return _decimal_text(name, field(content, name))


def text(content: Mapping[str, object], name: str) -> str:
    """Give a text."""
    value = field(content, name)
    if not isinstance(value, str):
        raise _wrong(name, value, "a text")
    return value


def numbered(content: Mapping[str, object], name: str) -> int:
    """Give an id that is written as a whole number in a text."""
    value = text(content, name)
    if not (value.isascii() and value.isdigit() and len(value) <= ID_DIGITS_MAX):
        raise _wrong(name, value, f"an id of 1 to {ID_DIGITS_MAX} digits")
    return int(value)


def named_by_batch(batch_symbol: str) -> tuple[str, int]:
    """Give the symbol and the interval, nanoseconds, of candles that tell neither: their batch says `BTC-USD@3600`."""
    name, _, interval_s = batch_symbol.partition("@")
    if not (interval_s.isascii() and interval_s.isdigit() and len(interval_s) <= _INTERVAL_DIGITS_MAX):
        reason, detail = (
            "missing_field",
            "the reply says no interval, and neither does its batch's symbol, as in X@3600",
        )
        raise bad(reason, detail)
    return symbol({"symbol": name}, "symbol"), int(interval_s) * 1_000_000_000


def checksum(value: int) -> int:
    """Give a CRC32 that fits its 32 bits."""
    if not 0 <= value <= CRC32_MAX:
        reason, detail = "out_of_range", f"the checksum is {value}, not between 0 and 2^32 - 1"
        raise bad(reason, detail)
    return value


def choice(content: Mapping[str, object], name: str, known: Mapping[str, int]) -> int:
    """Give what a text stands for."""
    value = field(content, name)
    found = known.get(value) if isinstance(value, str) else None
    if found is None:
        raise _wrong(name, value, f"one of {', '.join(known)}")
    return found


def symbol(content: Mapping[str, object], name: str) -> str:
    """Give a venue symbol."""
    value = field(content, name)
    if not isinstance(value, str):
        raise _wrong(name, value, "a symbol")
    if not 0 < len(value) <= _SYMBOL_CHARS_MAX or not value.isprintable() or " " in value:
        raise _wrong(name, value, "a symbol of 1 to 64 visible characters")
    return value


def levels(content: Mapping[str, object], name: str) -> tuple[tuple[str, str], ...]:
    """Give the levels of one side of a book, as texts."""
    value = field(content, name)
    if not isinstance(value, list):
        raise _wrong(name, value, "a list of levels")
    return tuple(_level(name, level) for level in value)


def _level(name: str, level: object) -> tuple[str, str]:
    match level:
        case [price, size, *_]:
            return _decimal_text(name, price), _decimal_text(name, size)
        case _:
            raise _wrong(name, level, "a [price, size] pair")


def _decimal_text(name: str, value: object) -> str:
    if isinstance(value, str):
        return value
    if type(value) is int:
        return _int_text(value)
    raise _wrong(name, value, "a decimal number")


def _int_text(value: int) -> str:
    # Python refuses to write out integers of thousands of digits; their size is refused anyway.
    return str(value) if abs(value) <= INT64_MAX else "1e999" if value > 0 else "-1e999"


def _wrong(name: str, value: object, wanted: str) -> BadText:
    shown = type(value).__name__ if isinstance(value, int | list | dict) else repr(value)[:_SHOWN]
    return bad("wrong_type", f"field {name!r} is {shown} where {wanted} belongs")


def tick(row: int, read: MarketRow, ref: InstrumentRef, limits: Limits, *, bar_channel: str = "") -> Tick:
    """Hold a row against the rules.

    Args:
        row: Index of the row in its batch.
        read: What the venue wrote.
        ref: Instrument that it is about.
        limits: Receive time and allowed skew.
        bar_channel: Channel whose trades feed bars; empty when all do.

    Raises:
        BadText: A rule is broken; `reason` says which.
    """
    ts_event = _time(read.ts_ns, limits)
    match read:
        case TradeRow():
            return Tick(row, read.symbol, ts_event, _trade(read, ref, bar_channel))
        case QuoteRow():
            return Tick(row, read.symbol, ts_event, _quote(read, ref))
        case BookRow():
            return _book(row, read, ref, ts_event)
        case CandleRow():
            return Tick(row, read.symbol, ts_event, _candle(read, ref))


def _trade(read: TradeRow, ref: InstrumentRef, bar_channel: str) -> tuple[int, ...]:
    price, size = _price(read.price, ref, zero=False), _size(read.size, ref, zero=False)
    flags = read.flags | (TRADE_INFORMS_ONLY if bar_channel and bar_channel != read.kind else 0)
    if read.trade_id is None:
        return (price, size, read.side, 0, flags | TRADE_WITHOUT_ID)
    return (price, size, read.side, read.trade_id, flags)


def _candle(read: CandleRow, ref: InstrumentRef) -> tuple[int, ...]:
    first, high, low, last = (_price(text, ref, zero=False) for text in (read.open, read.high, read.low, read.close))
    if not low <= min(first, last) <= max(first, last) <= high:
        reason = "bad_candle"
        detail = f"open {read.open}, high {read.high}, low {read.low}, close {read.close} do not lie in each other"
        raise bad(reason, detail)
    trades = CANDLE_TRADES_UNKNOWN if read.trades is None else read.trades
    return (read.interval_ns, first, high, low, last, _size(read.volume, ref), trades, read.flags)


def _quote(read: QuoteRow, ref: InstrumentRef) -> tuple[int, ...]:
    bid, ask = _price(read.bid_price, ref), _price(read.ask_price, ref)
    flags = NO_VENUE_TIME if read.ts_ns is None else 0
    # A price of 0 says that this side is empty, so there is nothing to cross.
    if bid and ask:
        flags |= QUOTE_CROSSED if bid > ask else QUOTE_LOCKED if bid == ask else 0
    return (bid, _size(read.bid_size, ref), ask, _size(read.ask_size, ref), read.update_id, flags)


def _book(row: int, read: BookRow, ref: InstrumentRef, ts_event: int) -> Tick:
    if max(len(read.bids), len(read.asks)) > LEVELS_MAX:
        reason, detail = "out_of_range", f"{len(read.bids)} bids and {len(read.asks)} asks; at most {LEVELS_MAX} fit"
        raise bad(reason, detail)
    found = tuple((_price(price, ref), _size(size, ref)) for price, size in (*read.bids, *read.asks))
    flags = read.flags | (NO_VENUE_TIME if read.ts_ns is None else 0)
    flags |= 0 if read.checksum is None else BOOK_CHECKSUM
    ids = (read.first_update_id, read.last_update_id, read.previous_update_id)
    values = (*ids, len(read.bids), len(read.asks), flags, read.checksum or 0)
    return Tick(row, read.symbol, ts_event, values, found)


def _time(ts_ns: int | None, limits: Limits) -> int:
    if ts_ns is None:
        return limits.ts_receive
    if not 0 <= ts_ns <= INT64_MAX:
        reason, detail = "out_of_range", f"venue time {ts_ns} ns is not between 0 and 2^63 - 1"
        raise bad(reason, detail)
    if ts_ns > limits.ts_receive + limits.future_skew_ms_max * NS_PER_MS:
        ahead_ms = ts_ns // NS_PER_MS - limits.ts_receive // NS_PER_MS
        reason = "future_timestamp"
        detail = f"venue time is {ahead_ms} ms ahead of the receive time; at most {limits.future_skew_ms_max} ms pass"
        raise bad(reason, detail)
    return ts_ns


def _price(text: str, ref: InstrumentRef, *, zero: bool = True) -> int:
    return _positive("price", text, mantissa(text, ref.price_exponent), zero=zero)


def _size(text: str, ref: InstrumentRef, *, zero: bool = True) -> int:
    return _positive("size", text, mantissa(text, ref.size_exponent), zero=zero)


def _positive(name: str, text: str, value: int, *, zero: bool) -> int:
    if value < 0:
        reason, detail = f"negative_{name}", f"the {name} is {text[:_SHOWN]}"
        raise bad(reason, detail)
    if value == 0 and not zero:
        reason, detail = f"zero_{name}", f"the {name} is {text[:_SHOWN]}; a trade's is positive"
        raise bad(reason, detail)
    return value
