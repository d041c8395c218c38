"""Say how Polygon's (Massive's) US stock interface is polled: pages of trades and quotes, and closed bars.

A window of time is asked for once it has settled, and its pages are followed by `next_url` to the last. The cursor is
the window's start in nanoseconds; while its pages are followed, `start|end|cursor of the next page`.
A reply that says `DELAYED` has nothing of the last fifteen minutes, so it is taken for a window before those only.
Source: Polygon's documentation, "Stocks REST: trades v3, quotes v3, aggregates v2, pagination", and its knowledge base,
"What is the function of the limit parameter in Massive's Aggregate Endpoint?".
"""

import json
import re
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import parse_qs, quote, urlsplit

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

NS_PER_S: Final = 1_000_000_000
NS_PER_MS: Final = 1_000_000
SPANS_S: Final[Mapping[str, int]] = {"second": 1, "minute": 60, "hour": 3_600}
BASES_S: Final[Mapping[str, int]] = {"second": 1, "minute": 60, "hour": 60}
"""Span of the bars that those of each span are made of, seconds."""
BASES_MAX: Final = 50_000
"""Most of them that a reply is made of; of a longer window it would lack the end, and say so in `next_url` alone."""
WINDOW_NS: Final = 60 * NS_PER_S
"""Longest window of ticks: a busy minute of one stock is some dozens of pages. A shorter one has reached the present,
and the next is asked for a while later."""
DELAY_NS: Final = 15 * 60 * NS_PER_S
"""By so much plans without real time are behind."""
_AGGREGATES: Final = re.compile(r"aggs_([1-9][0-9]{0,2})_([a-z]+)")
_NAMES: Final = ("trades", "quotes", "aggs_<count>_<second|minute|hour>")
_FREE: Final = Rate(5, 60.0)


def ticks(kind: str) -> Channel:
    """Poll pages of `trades` or `quotes`, oldest first."""

    def ask(symbol: str, cursor: str, moment: Moment) -> Ask | None:
        start, _, rest = cursor.partition("|")
        end, _, page = rest.partition("|")
        path = f"/v3/{kind}/{quote(symbol)}"
        if page:
            settled_ns = moment.now_ns - int(end)
            return Ask(f"{path}?cursor={quote(page, safe='')}", symbol, 1.0, cursor, int(end), settled_ns)
        begin = int(start) if start else moment.start_ns
        until = min(moment.now_ns - moment.settle_ns, begin + WINDOW_NS)
        if begin >= until:
            return None
        window = f"timestamp.gte={begin}&timestamp.lt={until}"
        query = f"{window}&order=asc&sort=timestamp&limit={PAGE_ROWS}"
        return Ask(f"{path}?{query}", symbol, 1.0, f"{begin}", until, moment.now_ns - until)

    def read(row: bytes, asked: Ask) -> Answer:
        content = _reply(row, asked)
        following = content.get("next_url")
        if not following:
            return Answer(str(asked.end), more=asked.end - int(asked.cursor.partition("|")[0]) >= WINDOW_NS)
        page = parse_qs(urlsplit(following).query)["cursor"][0]
        return Answer(f"{asked.cursor.partition('|')[0]}|{asked.end}|{page}", more=True)

    return Channel(ask, read, 1.0)


def aggregates(count: int, span: str) -> Channel:
    """Poll closed bars of `count` spans."""
    step_s = count * SPANS_S[span]
    rows = max(min(PAGE_ROWS, BASES_MAX * BASES_S[span] // step_s), 1)

    def ask(symbol: str, cursor: str, moment: Moment) -> Ask | None:
        begin = int(cursor) if cursor else moment.start_ns // NS_PER_S // step_s * step_s * NS_PER_S
        closed = (moment.now_ns - moment.settle_ns) // NS_PER_S // step_s * step_s * NS_PER_S
        if begin >= closed:
            return None
        until = min(closed, begin + rows * step_s * NS_PER_S)
        window = f"{begin // NS_PER_MS}/{until // NS_PER_MS - 1}"
        query = f"adjusted=false&sort=asc&limit={BASES_MAX}"
        path = f"/v2/aggs/ticker/{quote(symbol)}/range/{count}/{span}/{window}?{query}"
        return Ask(path, f"{symbol}@{count}/{span}", 1.0, cursor, until, moment.now_ns - until)

    def read(row: bytes, asked: Ask) -> Answer:
        _reply(row, asked)
        return Answer(str(asked.end), more=True)

    return Channel(ask, read, max(1.0, step_s / 10))


def _reply(row: bytes, asked: Ask) -> dict[str, Any]:
    content = json.loads(row)
    if not isinstance(content, dict) or content.get("status") not in {"OK", "DELAYED"}:
        msg = f"the reply's status is {content.get('status')!r}" if isinstance(content, dict) else "no object"
        raise ValueError(msg)
    if content["status"] == "DELAYED" and asked.settled_ns < DELAY_NS:
        behind_s = DELAY_NS // NS_PER_S
        msg = f"the key's data is {behind_s} s late, and the window ends less ago; set settle_s to at least {behind_s}"
        raise ValueError(msg)
    return content


def _channel(name: str) -> Channel:
    found = _AGGREGATES.fullmatch(name)
    if name in {"trades", "quotes"}:
        return ticks(name)
    if found and found[2] in SPANS_S:
        return aggregates(int(found[1]), found[2])
    msg = f"polygon.stocks has no channel {name[:32]!r} to poll; there are {', '.join(_NAMES)}"
    raise UnknownPollError(msg)


PROFILES: Final[Mapping[str, PollProfile]] = {
    "polygon.stocks": PollProfile(
        "polygon.stocks",
        "https://api.polygon.io",
        _FREE,
        _channel,
        _NAMES,
        lambda key: {"Authorization": f"Bearer {key}"},
    )
}
"""How Polygon is polled; the rate is that of the free plan."""
