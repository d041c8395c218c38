"""Say what MetaTrader 4 gives: ticks of the TCP bridge, and bars of its History Center's CSV files.

| dialect | row | what it is |
| --- | --- | --- |
| mt4.bridge | `TICK 812 EURUSD 1700000000123 1.08512 1.08514 7` | quote; its update id is the bridge's number |
| mt4.bridge | HELLO, OK, HEARTBEAT, GAPFILL, ERROR, BYE | counted as `hello` ... `bye`, not used |
| mt4.csv | `2022.09.29,13:43,105.572,105.591,105.572,105.581,64` | candle |
| mt4.csv | `Date,Time,Open,High,Low,Close,Volume` | counted as `header` |

The bridge's times are UTC milliseconds; the whole line protocol is told in `functions.feeds.mt4`. Prices are what the
broker quotes; a size is not told and reads as 0.

A CSV row names neither its instrument, nor its bar's length, nor the broker's time zone, so the batch's `symbol` names
all three: `EURUSD@3600@Europe/Athens` is EURUSD, bars of an hour, times of the zone that many brokers' servers keep
(IANA name; where an hour is shown twice, its first time is meant). A row's time is its bar's OPENING. The volume is
the number of price changes. Trailing zeros may be cut, and line ends may be CRLF.
Source: MetaTrader 4's History Center export, and two recorded files.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo, available_timezones

from functions.domain.market import CANDLE_CLOSED, CANDLE_COUNTS_CHANGES, InstrumentRef
from functions.wire.venues.clocks import NS_PER_S, calendar_date, wall_ns
from functions.wire.venues.columns import Decoder
from functions.wire.venues.lean import currencies
from functions.wire.venues.rows import NS_PER_MS, CandleRow, IgnoredRow, QuoteRow, Reading, bad, symbol
from functions.wire.venues.work import Venue

VENUE: Final = "MT4"
UNKNOWN_EXPONENT: Final = -6
"""Unit without reference: a tenth of the fifth digit that brokers quote."""

_CONTROL: Final = frozenset({"HELLO", "OK", "HEARTBEAT", "GAPFILL", "ERROR", "BYE"})
_TICK_FIELDS: Final = (6, 7)
_COLUMNS: Final = 7
_WHOLE: Final = re.compile(r"[0-9]{1,18}")
_DATE: Final = re.compile(r"([0-9]{4})\.([0-9]{2})\.([0-9]{2})")
_TIME: Final = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9])")
_SECONDS: Final = re.compile(r"[1-9][0-9]{0,6}")
_SETTINGS_KEPT: Final = 256
_SHOWN: Final = 48


@dataclass(frozen=True, slots=True)
class History:
    """Say what a batch's symbol tells of its bars."""

    pair: str
    interval_ns: int
    zone: str


@lru_cache(maxsize=_SETTINGS_KEPT)
def history_of(batch_symbol: str) -> History:
    """Read `SYMBOL@SECONDS@ZONE`.

    Raises:
        BadText: `missing_field` when it is not that, or no such time zone is known.

    >>> history_of("EURUSD@3600@Europe/Athens")
    History(pair='EURUSD', interval_ns=3600000000000, zone='Europe/Athens')
    """
    pair, _, rest = batch_symbol.partition("@")
    seconds, _, named = rest.partition("@")
    zone = _zone_named(named)
    if not pair or _SECONDS.fullmatch(seconds) is None or not zone:
        reason = "missing_field"
        detail = "rows name no instrument, bar length and server time zone, and their batch's symbol is "
        raise bad(reason, f"{detail}{batch_symbol[:_SHOWN]!r}; name all three, as in `EURUSD@3600@Europe/Athens`")
    return History(symbol({"symbol": pair}, "symbol"), int(seconds) * NS_PER_S, zone)


def _zone_named(text: str) -> str:
    """Give a zone's IANA name, in whatever case it was written: a tape writes symbols in capitals; empty for none."""
    try:
        if text and ZoneInfo(text).key == text:
            return text
    except (KeyError, ValueError, OSError):  # unknown here, no name of a zone, or a folder of zones
        pass
    return _zones().get(text.upper(), "")


@lru_cache(maxsize=1)
def _zones() -> Mapping[str, str]:
    return {name.upper(): name for name in available_timezones()}


def _read_csv(raw: bytes, batch_symbol: str) -> Reading:
    columns = _text(raw).split(",")
    if len(columns) != _COLUMNS:
        reason, detail = "unknown_kind", f"no row of {len(columns)} columns is known"
        raise bad(reason, detail)
    day, time, *prices, volume = columns
    if day.lower() == "date":
        return IgnoredRow("header")
    history = history_of(batch_symbol)
    first, high, low, last = prices
    flags = CANDLE_CLOSED | CANDLE_COUNTS_CHANGES
    start_ns = _start_ns(day, time, history.zone)
    return CandleRow("candle", history.pair, start_ns, history.interval_ns, first, high, low, last, volume, None, flags)


def _start_ns(day: str, time: str, zone: str) -> int:
    found, clock = _DATE.fullmatch(day), _TIME.fullmatch(time)
    if found is None or clock is None:
        reason, detail = "wrong_type", f"found {day[:_SHOWN]!r} and {time[:_SHOWN]!r} where YYYY.MM.DD and HH:MM belong"
        raise bad(reason, detail)
    minutes = int(clock[1]) * 60 + int(clock[2])
    return wall_ns(calendar_date("-".join(found.groups())), minutes * 60 * NS_PER_S, zone)


def _read_bridge(raw: bytes, batch_symbol: str) -> Reading:  # noqa: ARG001 - a tick names its symbol
    kind, *fields = _text(raw).split(" ")
    if kind in _CONTROL:
        return IgnoredRow(kind.lower())
    if kind != "TICK":
        reason, detail = "unknown_kind", f"no line {kind[:_SHOWN]!r} is known"
        raise bad(reason, detail)
    if len(fields) + 1 not in _TICK_FIELDS:
        reason, detail = "missing_field", f"a tick has six or seven words, this line {len(fields) + 1}"
        raise bad(reason, detail)
    number, pair, ms, bid, ask = fields[:5]
    named = symbol({"symbol": pair}, "symbol")
    return QuoteRow("tick", named, _whole(ms) * NS_PER_MS, bid, "0", ask, "0", _whole(number))


def _whole(text: str) -> int:
    if _WHOLE.fullmatch(text) is None:
        reason, detail = "wrong_type", f"found {text[:_SHOWN]!r} where a whole number belongs"
        raise bad(reason, detail)
    return int(text)


def _text(raw: bytes) -> str:
    try:
        return raw.rstrip(b"\r\n").decode("ascii")
    except UnicodeDecodeError as error:
        reason, detail = "wrong_type", f"the row is no plain text: {error.reason} at byte {error.start}"
        raise bad(reason, detail) from None


def _unknown(pair: str) -> InstrumentRef:
    return InstrumentRef(f"{currencies(pair)}.{VENUE}", UNKNOWN_EXPONENT, UNKNOWN_EXPONENT)


def _venue(read_row: Callable[[bytes, str], Reading]) -> Decoder:
    return Decoder(Venue(code=VENUE, read_form=lambda _: None, read_row=read_row, level_marks=(), unknown=_unknown))


DECODERS: Final[Mapping[str, Decoder]] = {"mt4.bridge": _venue(_read_bridge), "mt4.csv": _venue(_read_csv)}
"""Decoder by dialect."""
