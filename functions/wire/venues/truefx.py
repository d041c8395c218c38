"""Say what TrueFX's tick files mean: a currency pair's best bid and offer, one row each; sizes are not told.

Two forms: `timestamp,bid,ask`, whose pair the batch's `symbol` names (`USDJPY`), and TrueFX's own
`EUR/USD,20130101 22:00:00.295,1.32003,1.32012`. Times are UTC. A header is counted as `header`.
Source: TrueFX's historical downloads, and a recorded file.
"""

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Final

from functions.domain.market import InstrumentRef
from functions.wire.venues import plan_kernel
from functions.wire.venues.columns import Decoder
from functions.wire.venues.lean import FOREX_EXPONENT, currencies
from functions.wire.venues.plans import Facts, Plan, Shape, Time
from functions.wire.venues.rows import IgnoredRow, QuoteRow, Reading, bad, symbol
from functions.wire.venues.times import iso_column, iso_ns
from functions.wire.venues.typed import Taken, Typed
from functions.wire.venues.work import Found, Venue, Work

VENUE: Final = "TRUEFX"
_NAMELESS, _NAMED = 3, 4
_DATES_KEPT: Final = 64
_OWN_TIME: Final = re.compile(r"([0-9]{4})([0-9]{2})([0-9]{2}) ([0-9:.]{8,18})")


def _read_row(raw: bytes, batch_symbol: str) -> Reading:
    try:
        columns = raw.rstrip(b"\r\n").decode("ascii").split(",")
    except UnicodeDecodeError as error:
        reason, detail = "wrong_type", f"the row is no plain text: {error.reason} at byte {error.start}"
        raise bad(reason, detail) from None
    if len(columns) == _NAMELESS:
        columns = [batch_symbol, *columns]
    if len(columns) != _NAMED:
        reason, detail = "unknown_kind", f"no row of {len(columns)} columns is known"
        raise bad(reason, detail)
    pair, time, bid, ask = columns
    if time.lower() == "timestamp":
        return IgnoredRow("header")
    return QuoteRow("quote", _pair(pair), _time_ns(time), bid, "0", ask, "0", 0)


def _pair(text: str) -> str:
    if not text:
        reason, detail = "missing_field", "the row names no currency pair, and neither does its batch"
        raise bad(reason, detail)
    return symbol({"symbol": text.replace("/", "")}, "symbol")


def _time_ns(text: str) -> int:
    own = _OWN_TIME.fullmatch(text)
    return iso_ns(f"{own[1]}-{own[2]}-{own[3]}T{own[4]}Z" if own else text)


# --- the fast path ----------------------------------------------------------------------------------------------------


def _fast(work: Work) -> Found:
    """Read plain ticks; a header and what is odd are left to be read one by one."""
    symbol_of_rows = work.batch.symbol

    def take(taken: Taken, row: int, columns: list[str]) -> None:
        if len(columns) == _NAMELESS:
            columns = [symbol_of_rows, *columns]
        pair, time, bid, ask = columns
        taken.quotes.append((row, "quote", pair, _plain_time(time), bid, "0", ask, "0", 0))

    return Typed(decode=_split, readers={list: take}, clock=iso_column, name=_unslashed)(work)


def _split(raw: bytes) -> list[str]:
    return raw.decode("ascii").split(",")


def _unslashed(pair: str) -> str:
    return pair.replace("/", "")


def _plain_time(text: str) -> str:
    """Write a time as a column of times is read; a text that is no time stays unlike one."""
    if text[8:9] == " ":
        return f"{_plain_date(text[:8])}T{text[9:]}Z"
    zone = "Z" if text.endswith("+00:00") else ""
    text = text[:-6] if zone else text
    return (f"{text[:10]}T{text[11:]}" if text[10:11] == " " else text) + zone


@lru_cache(maxsize=_DATES_KEPT)
def _plain_date(text: str) -> str:
    return f"{text[:4]}-{text[4:6]}-{text[6:]}"


PLAN: Final = Plan(
    (
        Shape(
            plan_kernel.QUOTE,
            "quote",
            ("",),
            ("1", "", "2", ""),
            time=Time(plan_kernel.COMPACT, ("0",)),
            columns=_NAMELESS,
        ),
        Shape(
            plan_kernel.QUOTE,
            "quote",
            ("",),
            ("2", "", "3", ""),
            symbol="0",
            time=Time(plan_kernel.COMPACT, ("1",)),
            columns=_NAMED,
        ),
    ),
    facts=lambda batch_symbol: Facts(_unslashed(batch_symbol), _unslashed),
    is_csv=True,
)
"""Which columns quotes have."""


def _unknown(pair: str) -> InstrumentRef:
    return InstrumentRef(f"{currencies(pair)}.{VENUE}", FOREX_EXPONENT, FOREX_EXPONENT)


DECODERS: Final[Mapping[str, Decoder]] = {
    "truefx.csv": Decoder(
        Venue(
            code=VENUE,
            read_form=lambda _: None,
            read_row=_read_row,
            level_marks=(),
            unknown=_unknown,
            fast=_fast,
            plans=(PLAN,),
        )
    )
}
"""Decoder by dialect."""
