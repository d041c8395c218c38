"""Say how Coinbase Exchange is polled: closed bars by time.

Source: Coinbase Exchange's REST documentation, "Get product candles" (at most 300 a request, intervals without trades
are left out) and "Rate limits" (ten requests a second and address). The cursor is the next bar's start in seconds.
"""

import json
from collections.abc import Mapping
from typing import Final

from functions.adapters.polling._profile import Answer, Ask, Channel, Moment, PollProfile, UnknownPollError
from functions.adapters.resilience import Rate

NS_PER_S: Final = 1_000_000_000
GRANULARITIES_S: Final = (60, 300, 900, 3_600, 21_600, 86_400)
CANDLES_MAX: Final = 300
_EVERY_S: Final = 6.0


def candles(step_s: int) -> Channel:
    """Poll closed bars of so many seconds."""

    def ask(symbol: str, cursor: str, moment: Moment) -> Ask | None:
        start = int(cursor) if cursor else moment.start_ns // NS_PER_S // step_s * step_s
        closed = (moment.now_ns - moment.settle_ns) // NS_PER_S // step_s * step_s
        if start >= closed:
            return None
        end = min(closed, start + CANDLES_MAX * step_s)
        # Both ends are inclusive, and a bar belongs to a window by its start.
        window = f"granularity={step_s}&start={start}&end={end - 1}"
        return Ask(f"/products/{symbol}/candles?{window}", f"{symbol}@{step_s}", 1.0, cursor, end)

    def read(row: bytes, asked: Ask) -> Answer:
        content = json.loads(row)
        if not isinstance(content, list) or any(int(bar[0]) >= asked.end for bar in content):
            msg = f"the reply is no array of bars before {asked.end}"
            raise ValueError(msg)
        return Answer(str(asked.end), more=True)

    return Channel(ask, read, max(_EVERY_S, step_s / 10))


def _channel(name: str) -> Channel:
    kind, _, step = name.partition("_")
    if kind == "candles" and step.isdecimal() and int(step) in GRANULARITIES_S:
        return candles(int(step))
    msg = f"coinbase.exchange has no channel {name[:32]!r} to poll; there are {', '.join(_NAMES)}"
    raise UnknownPollError(msg)


_NAMES: Final = tuple(f"candles_{step}" for step in GRANULARITIES_S)

PROFILES: Final[Mapping[str, PollProfile]] = {
    "coinbase.exchange": PollProfile(
        "coinbase.exchange", "https://api.exchange.coinbase.com", Rate(10, 1.0), _channel, _NAMES
    )
}
"""How Coinbase is polled."""
