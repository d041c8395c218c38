"""Read the `s p v` prints that NYSE- and NASDAQ-style feeds send; the two venues beside this file use it.

Neither exchange publishes a JSON feed: the dialect is this project's own, made from the keys `s`, `p`, `v` that its
requirements name. A row is one print or an array of them, or a control message.

    {"s":"IBM","p":182.05,"v":100,"t":1381152600123,"c":"@F","z":"A","i":17}

| field | meaning |
| --- | --- |
| `s` | symbol |
| `p` | price, US dollars: a number or its text |
| `v` | shares, above zero |
| `t` | optional: time of the print, UTC milliseconds since 1970; without it the receive time is taken |
| `c` | optional: sale conditions, letters in one text or in an array |
| `z` | optional: tape, `A`, `B` or `C`, whose letters these are; without it the tape of the exchange's own listings |
| `x` | optional: exchange letter; not used |
| `i` | optional: id of the print, a whole number that may start again every day: the session's date is put before it |
| `type` | of a control message, which has no `s`: `heartbeat`, `status`, `subscribed`, `error` |
"""

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any, Final, TypeAlias

import msgspec

from functions.domain.market import SIDE_UNKNOWN, TRADE_WITHOUT_ID, InstrumentRef
from functions.wire.venues import plan_kernel, typed
from functions.wire.venues.columns import Decoder
from functions.wire.venues.conditions import flags_by_letter
from functions.wire.venues.payloads import Content, an_object, read_json, together, unknown_kind
from functions.wire.venues.plans import Flags, Id, Plan, Shape, Time
from functions.wire.venues.rows import NS_PER_MS, IgnoredRow, Reading, TradeRow, bad, decimal, symbol, whole
from functions.wire.venues.sessions import NEW_YORK_HOURS
from functions.wire.venues.times import milliseconds_column
from functions.wire.venues.typed import Taken, Typed, WholeNumber, shapes
from functions.wire.venues.work import Venue

UNKNOWN_EXPONENT: Final = -6
"""Unit of prices and sizes without reference: the tapes' finest price, and the finest fraction of a share."""
_CONTROL: Final = frozenset({"heartbeat", "status", "subscribed", "error"})
_LETTERS_MAX: Final = 8
_FLAGS_KEPT: Final = 4096

Readers: TypeAlias = Mapping[type, Callable[[Taken, int, Any], None]]
"""What appends each shape's content."""


def decoder(venue: str, tape: str) -> Decoder:
    """Make the decoder of an exchange.

    Args:
        venue: Venue code.
        tape: Tape of its own listings, `A` or `C`.
    """

    def read_row(raw: bytes, _: str) -> Reading:
        content = read_json(raw)
        prints = content if isinstance(content, list) else [content]
        return together([_read_print(an_object(one, "a print"), tape) for one in prints])

    def unknown(venue_symbol: str) -> InstrumentRef:
        return InstrumentRef(f"{venue_symbol}.{venue}", UNKNOWN_EXPONENT, UNKNOWN_EXPONENT)

    def take_prints(taken: Taken, row: int, prints: list[Print]) -> None:
        taken.trades += [_taken(row, one, tape) for one in prints]

    def take_print(taken: Taken, row: int, one: Print) -> None:
        taken.trades.append(_taken(row, one, tape))

    readers: Readers = {list: take_prints, Print: take_print}
    fast = Typed(decode=shapes(Print | list[Print]), readers=readers, clock=milliseconds_column)
    return Decoder(
        Venue(
            code=venue,
            read_form=lambda _: None,
            read_row=read_row,
            level_marks=(),
            unknown=unknown,
            ids_sparse=True,
            ids_day_hours=NEW_YORK_HOURS,
            fast=fast,
            plans=(Plan(tuple(_shape(letter, tape) for letter in "ABC")),),
        )
    )


def _shape(letter: str, own: str) -> Shape:
    """Say where a print of one tape has its values; one that names no tape is of the exchange's own."""
    letters = map(chr, range(ord(" "), ord("~") + 1))
    flags = {ord(one): flags_by_letter(one, letter) for one in letters}
    return Shape(
        plan_kernel.TRADE,
        "trade",
        ("", "*"),
        ("p", "v"),
        symbol="s",
        time=Time(plan_kernel.MILLISECONDS, ("t",), optional=True),
        when={"?z" if letter == own else "z": letter},
        id=Id(plan_kernel.WHOLE_ID, "i", optional=True),
        more=Flags(plan_kernel.LETTERS, "c", tuple(flags.get(byte, 0) for byte in range(plan_kernel.TABLE_SIZE))),
    )


def _read_print(content: Content, tape: str) -> TradeRow | IgnoredRow:
    if "s" not in content:
        kind = content.get("type")
        return IgnoredRow(kind) if isinstance(kind, str) and kind in _CONTROL else unknown_kind(content)
    return TradeRow(
        kind="trade",
        symbol=symbol(content, "s"),
        ts_ns=whole(content, "t") * NS_PER_MS if "t" in content else None,
        price=decimal(content, "p"),
        size=decimal(content, "v"),
        side=SIDE_UNKNOWN,
        trade_id=whole(content, "i") if "i" in content else None,
        flags=flags_by_letter(_letters(content.get("c")), _tape(content.get("z", tape))),
    )


def _letters(letters: object) -> str:
    if letters is None:
        return ""
    if isinstance(letters, list) and all(isinstance(one, str) and len(one) == 1 for one in letters):
        letters = "".join(letters)
    if not isinstance(letters, str) or len(letters) > _LETTERS_MAX:
        reason, detail = "wrong_type", f"field 'c' is no text or array of at most {_LETTERS_MAX} condition letters"
        raise bad(reason, detail)
    return letters


def _tape(told: object) -> str:
    if not isinstance(told, str):
        reason, detail = "wrong_type", f"field 'z' is {type(told).__name__} where a tape's letter belongs"
        raise bad(reason, detail)
    return told


# --- the fast path ----------------------------------------------------------------------------------------------------


class Print(msgspec.Struct, gc=False):
    """A print."""

    s: str
    p: Any
    v: Any
    t: WholeNumber | msgspec.UnsetType = msgspec.UNSET
    c: Any = None
    z: Any = msgspec.UNSET
    i: WholeNumber | msgspec.UnsetType = msgspec.UNSET


@lru_cache(maxsize=_FLAGS_KEPT)
def _flags(letters: str, tape: object) -> int:
    return flags_by_letter(_letters(letters), _tape(tape))


def _taken(row: int, one: Print, tape: str) -> typed.Print:
    whose = tape if one.z is msgspec.UNSET else one.z
    flags = _flags(one.c, whose) if isinstance(one.c, str) else flags_by_letter(_letters(one.c), _tape(whose))
    time = None if one.t is msgspec.UNSET else one.t
    trade_id, without = (0, TRADE_WITHOUT_ID) if one.i is msgspec.UNSET else (one.i, 0)
    return (row, "trade", one.s, time, one.p, one.v, SIDE_UNKNOWN, trade_id, flags | without)
