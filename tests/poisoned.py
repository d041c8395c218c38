"""Make tapes with one bad row among good ones: good rows, rows of a kind nobody uses, and poison in their places."""

import gzip
import itertools
import json
import os
import pathlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final, TypeAlias

import numpy as np

from functions.domain.simulation import LISTINGS, Market
from functions.local.venues.binance import SPOT, Binance

CAPTURE: Final = "binance_spot_ws_ethusdt/ethusdt_20240808.gz"
SLOTS: Final = 8
OVERSIZED_BYTES: Final = 2 * 1024 * 1024

Line: TypeAlias = tuple[str, bytes]
"""Receive time as it is written, and the row."""


@dataclass(frozen=True, slots=True)
class Poison:
    """A row that must not pass: its bytes, and the reason on its dead letter."""

    row: bytes
    reason: str


def trade(**changes: object) -> bytes:
    """Write a trade of the spot venue, with some fields changed; a value that is bytes is written as it is."""
    fields = {"e": "trade", "E": 1, "s": "ETHUSDT", "t": 1, "p": "2683.81", "q": "1.5", "T": 1, "m": True} | changes
    parts = [
        f'"{name}":'.encode() + (value if isinstance(value, bytes) else _json(value)) for name, value in fields.items()
    ]
    return b'{"stream":"ethusdt@trade","data":{%s}}' % b",".join(parts)


def _json(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


POISONS: Final[Mapping[str, Poison]] = MappingProxyType(
    {
        "bad_json": Poison(trade()[:60], "bad_json"),
        "nan_price": Poison(trade(p="NaN"), "not_finite"),
        "bare_nan_price": Poison(trade(p=b"NaN"), "not_finite"),
        "negative_size": Poison(trade(q="-1.5"), "negative_size"),
        "unknown_type": Poison(b'{"stream":"ethusdt@tea","data":{"e":"tea","E":1,"s":"ETHUSDT"}}', "unknown_kind"),
        "oversized": Poison(trade(x="y" * OVERSIZED_BYTES), "oversized"),
    }
)
UNUSED: Final = b'{"stream":"ethusdt@miniTicker","data":{"e":"24hrMiniTicker","E":1,"s":"ETHUSDT"}}'
"""A row of a kind that is known and not used: it counts, and leaves no tick."""


def good_lines(count: int) -> list[Line]:
    """Take the first lines of a real capture, or of a simulated one where captures are absent."""
    folder = os.environ.get("TICKLOOM_DATA")
    found = _captured(pathlib.Path(folder) / CAPTURE) if folder else _simulated()
    return list(itertools.islice(found, count))


def _captured(path: pathlib.Path) -> Iterator[Line]:
    with gzip.open(path) as lines:
        for line in lines:
            when, _, row = line.rstrip(b"\n").partition(b" ")
            yield when.decode(), row


def _simulated() -> Iterator[Line]:
    start = 1_723_161_254_000_000_000
    market = Market(LISTINGS[1:2], np.random.default_rng(3), start_ns=start, rate=100)
    for line in Binance(SPOT).history(market, start + 900_000_000_000):
        when, _, row = line.rstrip("\n").partition(" " if line[0].isdigit() else ": ")
        yield when.rpartition(" ")[2] if when[0].isdigit() else str(start), row.encode()


def with_slots(lines: Sequence[Line], rows: Mapping[int, bytes] = MappingProxyType({})) -> list[Line]:
    """Spread `SLOTS` rows evenly between the good ones, each received with the one before it.

    Args:
        lines: The good rows.
        rows: Row of a slot by its number, 0 to SLOTS - 1; the others hold `UNUSED`, so that no row's number depends
            on what a slot holds.
    """
    out = list(lines)
    for slot in reversed(range(SLOTS)):
        at = slot_row(len(lines), slot) - slot
        out.insert(at, (lines[at - 1][0], rows.get(slot, UNUSED)))
    return out


def slot_row(count: int, slot: int) -> int:
    """Give the number of a slot's row on a tape of `count` good rows."""
    return count * (slot + 1) // (SLOTS + 1) + slot


def write(path: pathlib.Path, lines: Sequence[Line]) -> pathlib.Path:
    """Write a tape."""
    path.write_bytes(b"".join(b"%s %s\n" % (when.encode(), row) for when, row in lines))
    return path


def contents(row: bytes) -> dict[str, Any]:
    """Read what a row says."""
    message: dict[str, Any] = json.loads(row)
    data: dict[str, Any] = message.get("data", message)
    return data


def book_after(lines: Sequence[Line]) -> bytes:
    """Follow the venue's rules through the rows and write the book as a snapshot."""
    last = 0
    sides: dict[str, dict[str, str]] = {"b": {}, "a": {}}
    for _, row in lines:
        data = contents(row)
        if "lastUpdateId" in data:
            last, sides = data["lastUpdateId"], {"b": dict(data["bids"]), "a": dict(data["asks"])}
        elif data.get("e") == "depthUpdate" and data["u"] > last:
            last = data["u"]
            for side, levels in sides.items():
                levels.update(dict(data[side]))
    kept = {side: [[price, size] for price, size in levels.items() if float(size)] for side, levels in sides.items()}
    best = sorted(kept["b"], key=lambda one: -float(one[0]))[:50], sorted(kept["a"], key=lambda one: float(one[0]))[:50]
    return _json({"lastUpdateId": last, "bids": best[0], "asks": best[1]})
