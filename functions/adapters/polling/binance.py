"""Say how Binance is polled: aggregated trades by id, closed bars by time, and book snapshots; spot and futures.

Source: Binance's REST documentation (`aggTrades`, `klines`, `depth`; "LIMITS" for weights and rates). None of these
needs a key. Trades: the cursor is the next id. Bars: the cursor is the next opening time in milliseconds, and a window
ends before the bar that is still open. Depth: the cursor is the last update id, which only says whether a page is new.
"""

import json
import re
from collections.abc import Mapping
from typing import Any, Final

from functions.adapters.polling._profile import (
    PAGE_ROWS,
    Answer,
    Ask,
    Channel,
    Moment,
    PollProfile,
    UnknownPollError,
)
from functions.adapters.resilience import Rate

NS_PER_MS: Final = 1_000_000
INTERVALS_MS: Final[Mapping[str, int]] = {
    "1s": 1_000,
    "1m": 60_000,
    "3m": 180_000,
    "5m": 300_000,
    "15m": 900_000,
    "30m": 1_800_000,
    "1h": 3_600_000,
    "4h": 14_400_000,
    "1d": 86_400_000,
}
DEPTH_LIMITS: Final[Mapping[int, float]] = {5: 5, 10: 5, 20: 5, 50: 5, 100: 5, 500: 25, 1_000: 50}
"""Weight of a snapshot by its levels (spot; futures ask for less)."""
_DEPTH: Final = re.compile(r"depth(?:_([0-9]{1,4}))?")
_EVERY_S: Final = 2.0
_TRADES_WEIGHT: Final = {"/api/v3": 4.0, "/fapi/v1": 20.0, "/dapi/v1": 20.0}
_KLINES_WEIGHT: Final = 2.0
_SPOT: Final = Rate(6_000, 60.0)
_FUTURES: Final = Rate(2_400, 60.0)


def trades(prefix: str) -> Channel:
    """Poll aggregated trades by id; without a cursor the newest page is the first."""

    def ask(symbol: str, cursor: str, _: Moment) -> Ask:
        path = f"{prefix}/aggTrades?symbol={symbol}&limit={PAGE_ROWS}" + (f"&fromId={int(cursor)}" if cursor else "")
        return Ask(path, symbol, _TRADES_WEIGHT[prefix], cursor)

    def read(row: bytes, asked: Ask) -> Answer:
        page: list[dict[str, Any]] = _list(json.loads(row))
        if not page:
            return Answer(asked.cursor, more=False)
        return Answer(str(int(page[-1]["a"]) + 1), more=len(page) >= PAGE_ROWS and bool(asked.cursor))

    return Channel(ask, read, _EVERY_S)


def klines(prefix: str, interval: str) -> Channel:
    """Poll closed bars of an interval, oldest first."""
    step = INTERVALS_MS[interval]

    def ask(symbol: str, cursor: str, moment: Moment) -> Ask | None:
        start = int(cursor) if cursor else moment.start_ns // NS_PER_MS // step * step
        closed = (moment.now_ns - moment.settle_ns) // NS_PER_MS // step * step
        if start >= closed:
            return None
        end = min(closed, start + PAGE_ROWS * step)
        window = f"startTime={start}&endTime={end - 1}"
        path = f"{prefix}/klines?symbol={symbol}&interval={interval}&limit={PAGE_ROWS}&{window}"
        return Ask(path, f"{symbol}@{step // 1_000}", _KLINES_WEIGHT, cursor, end)

    def read(row: bytes, asked: Ask) -> Answer:
        for bar in _list(json.loads(row)):
            if int(bar[0]) >= asked.end:
                msg = f"bar of {bar[0]} lies behind the window's end {asked.end}"
                raise ValueError(msg)
        return Answer(str(asked.end), more=True)  # an empty window is told by `ask`

    return Channel(ask, read, max(_EVERY_S, step / 1_000 / 10))


def depth(prefix: str, limit: int) -> Channel:
    """Poll whole books of so many levels a side."""

    def ask(symbol: str, cursor: str, _: Moment) -> Ask:
        return Ask(f"{prefix}/depth?symbol={symbol}&limit={limit}", symbol, DEPTH_LIMITS[limit], cursor)

    def read(row: bytes, _: Ask) -> Answer:
        return Answer(str(int(json.loads(row)["lastUpdateId"])), more=False)

    return Channel(ask, read, _EVERY_S)


def _profile(dialect: str, url: str, prefix: str, rate: Rate) -> PollProfile:
    names = ("trades", "depth", "depth_100", *(f"klines_{interval}" for interval in INTERVALS_MS))

    def channel(name: str) -> Channel:
        kind, _, interval = name.partition("_")
        found = _DEPTH.fullmatch(name)
        if name == "trades":
            return trades(prefix)
        if kind == "klines" and interval in INTERVALS_MS:
            return klines(prefix, interval)
        if found and (limit := int(found[1] or 500)) in DEPTH_LIMITS:
            return depth(prefix, limit)
        msg = f"{dialect} has no channel {name[:32]!r} to poll; there are {', '.join(names)}"
        raise UnknownPollError(msg)

    return PollProfile(dialect, url, rate, channel, names, lambda key: {"X-MBX-APIKEY": key})


def _list(content: Any) -> list[Any]:  # noqa: ANN401 - a reply can be anything
    if not isinstance(content, list):
        msg = f"the reply is a JSON {type(content).__name__} where an array belongs"
        raise TypeError(msg)
    return content


PROFILES: Final[Mapping[str, PollProfile]] = {
    "binance.spot": _profile("binance.spot", "https://api.binance.com", "/api/v3", _SPOT),
    "binance.usdm": _profile("binance.usdm", "https://fapi.binance.com", "/fapi/v1", _FUTURES),
    "binance.coinm": _profile("binance.coinm", "https://dapi.binance.com", "/dapi/v1", _FUTURES),
}
"""How each of Binance's venues is polled."""
