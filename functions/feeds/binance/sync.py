"""Watch books from afar: tell from the messages alone when a symbol's book has to be fetched anew.

Source: "How to manage a local order book correctly", Binance spot WebSocket documentation.
"""

from dataclasses import dataclass, replace
from decimal import Decimal, InvalidOperation
from typing import Final

import msgspec


@dataclass(frozen=True, slots=True)
class Watch:
    """Know of one book what its next depth message is checked against.

    Args:
        first: First update id seen; 0 before any.
        last: Last update id seen; 0 before any.
        snapshot: Update id of the newest snapshot; 0 before any.
    """

    first: int = 0
    last: int = 0
    snapshot: int = 0


UNSEEN: Final = Watch()


class _Data(msgspec.Struct):
    s: str = ""
    U: int = 0
    u: int = 0
    b: object = ""  # text in a quote, levels in a depth message
    a: object = ""


class _Message(msgspec.Struct):
    stream: str = ""
    data: _Data = msgspec.field(default_factory=_Data)
    lastUpdateId: int = 0  # noqa: N815 - the venue's name


@dataclass(frozen=True, slots=True)
class Glance:
    """Hold what a message says of a book: its symbol and kind, its update ids, and whether its quote is crossed."""

    symbol: str = ""
    quote: bool = False
    first: int = 0
    last: int = 0
    crossed: bool = False
    snapshot: int = 0


_NOTHING: Final = Glance()
_decode: Final = msgspec.json.Decoder(_Message).decode


def glance(row: bytes, symbol: str = "") -> Glance:
    """Read the little that matters here; a row that cannot be read says nothing, and is refused further on.

    Args:
        row: The message.
        symbol: Symbol of a snapshot, which names none itself.
    """
    try:
        message = _decode(row)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return _NOTHING
    if symbol:
        return Glance(symbol, snapshot=message.lastUpdateId)
    name, _, channel = message.stream.partition("@")
    data = message.data
    if channel == "bookTicker":
        return Glance(name.upper(), quote=True, crossed=_crossed(data.b, data.a))
    if channel.startswith("depth"):
        return Glance(name.upper(), first=data.U, last=data.u)
    return _NOTHING


def _crossed(bid: object, ask: object) -> bool:
    try:
        return Decimal(str(bid)) > Decimal(str(ask))
    except InvalidOperation:
        return False


def needs_resync(watch: Watch, seen: Glance) -> tuple[Watch, bool]:
    """Take note of a message, and tell whether the book has to be fetched anew.

    It has when update ids leave a hole, when a snapshot is older than the first message it should be joined to, and
    when one venue's own quote is crossed, which only a corrupt book can be.

    >>> watch, _ = needs_resync(UNSEEN, Glance("X", first=1, last=5))
    >>> needs_resync(watch, Glance("X", first=7, last=9))
    (Watch(first=7, last=9, snapshot=0), True)
    """
    if seen.snapshot:
        return replace(watch, snapshot=seen.snapshot), bool(watch.first) and seen.snapshot + 1 < watch.first
    if not seen.last:
        return watch, seen.crossed
    expected = (watch.last or watch.snapshot or seen.first - 1) + 1
    joined = seen.first <= expected if not watch.last else seen.first == expected
    # A hole begins the chain anew behind it: only a snapshot that reaches it can be joined.
    return replace(watch, first=watch.first if joined and watch.first else seen.first, last=seen.last), not joined
