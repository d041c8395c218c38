"""Speak as Polygon's REST interface for US stocks does: pages of trades and quotes that name the next page.

Source: Polygon's documentation, "Stocks REST: trades v3, quotes v3, aggregates v2", and its client's recorded replies.
"""

import base64
import json
import re
from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from aiohttp import web

from functions.domain.market import NS_PER_S
from functions.domain.simulation import LISTINGS, UNIT, Listing, Message, Print
from functions.local.venues.clients import Client
from functions.local.venues.ledger import candles
from functions.local.venues.texts import NS_PER_MS, decimal_text

if TYPE_CHECKING:
    from functions.local.venues.exchange import Exchange

LIMIT_MAX: Final = 50_000
_LIMIT: Final = 1_000
_TICKER: Final = re.compile(r"[A-Z][A-Z.]{0,5}")
_SPANS_S: Final = {"second": 1, "minute": 60, "hour": 3_600, "day": 86_400}
_EXCHANGE: Final = 12
_TAPE: Final = 3
_INT64_MAX: Final = 2**63 - 1


class Polygon:
    """Answer for stocks; it has no WebSocket here."""

    name = "polygon.stocks"
    heartbeat_s = 0.0

    @staticmethod
    def listing(symbol: str) -> Listing:
        """Say how a stock is priced: cents and whole shares.

        Raises:
            ValueError: It is no ticker.

        >>> Polygon.listing("AAPL").tick == UNIT // 100
        True
        """
        if not _TICKER.fullmatch(symbol):
            msg = f"{symbol!r} is no ticker: one to six capital letters"
            raise ValueError(msg)
        stock = replace(LISTINGS[1], symbol=symbol, price=190 * UNIT, tick=UNIT // 100, lot=UNIT, typical=100 * UNIT)
        return replace(stock, volatility=0.3)

    def routes(self, venue: "Exchange") -> Iterable[web.RouteDef]:
        """Give the paths it answers."""
        rest = _Rest(venue)
        return [
            web.get("/v3/trades/{ticker}", rest.trades),
            web.get("/v2/aggs/ticker/{ticker}/range/{count}/{span}/{start}/{end}", rest.aggregates),
        ]

    def greet(self, venue: "Exchange", client: Client, request: web.Request) -> list[str]:  # noqa: ARG002 - the port's
        """Give nothing: nobody can connect."""
        return []

    def answer(self, venue: "Exchange", client: Client, text: str) -> list[str]:  # noqa: ARG002 - the port's shape
        """Give nothing: nobody can connect."""
        return []

    def tell(self, venue: "Exchange", message: Message) -> list[tuple[str, str]]:  # noqa: ARG002 - the port's shape
        """Give nothing: nobody hears."""
        return []

    def frame(self, client: Client, key: str, text: str) -> str:  # noqa: ARG002 - the port's shape
        """Give the text as it is."""
        return text

    def beat(self, venue: "Exchange", client: Client) -> list[str]:  # noqa: ARG002 - the port's shape
        """Give none."""
        return []


class _Rest:
    def __init__(self, venue: "Exchange") -> None:
        self._venue = venue
        self._replies = 0

    async def trades(self, request: web.Request) -> web.Response:
        """Give a page in the order that is asked for (newest first unless `order=asc`), and the address of the next."""
        ticker, query = request.match_info["ticker"], _query(request)
        if ticker not in self._venue.listings:
            return web.json_response({"status": "NOT_FOUND", "request_id": self._number()}, status=404)
        limit = min(max(int(query.get("limit", _LIMIT)), 1), LIMIT_MAX)
        after = max(int(query.get("timestamp.gt", -1)) + 1, int(query.get("timestamp.gte", 0)))
        before = min(int(query.get("timestamp.lt", _INT64_MAX)), int(query.get("timestamp.lte", _INT64_MAX - 1)) + 1)
        ledger = self._venue.ledger
        newest_first = query.get("order", "desc") == "desc"
        found = ledger.between(ticker, after, before, limit=_INT64_MAX)
        last_id = int(query.get("id", 0))
        found = [one for one in found if not last_id or (one.trade_id < last_id) == newest_first]
        found = [one for one in found if one.trade_id != last_id]
        page = found[: -limit - 1 : -1] if newest_first else found[:limit]
        rows = ",".join(_trade(one) for one in page)
        next_url = f',"next_url":"{self._next(request, query, page[-1])}"' if len(found) > len(page) else ""
        text = f'{{"results":[{rows}],"status":"OK","request_id":"{self._number()}"{next_url}}}'
        return web.Response(text=text, content_type="application/json")

    async def aggregates(self, request: web.Request) -> web.Response:
        """Give bars, oldest first; start and end are milliseconds, both included."""
        info = request.match_info
        ticker, span_s = info["ticker"], _SPANS_S.get(info["span"], 0) * int(info["count"])
        if ticker not in self._venue.listings or not span_s:
            return web.json_response({"status": "NOT_FOUND", "request_id": self._number()}, status=404)
        start, end = int(info["start"]) * NS_PER_MS, (int(info["end"]) + 1) * NS_PER_MS
        prints = self._venue.ledger.between(ticker, start, end, limit=_INT64_MAX)
        rows = ",".join(
            f'{{"v":{_whole(bar.volume)},"vw":{decimal_text(bar.notional // bar.volume, 8)},"o":{_cents(bar.open)},'
            f'"c":{_cents(bar.close)},"h":{_cents(bar.high)},"l":{_cents(bar.low)},"t":{bar.start_ns // NS_PER_MS},'
            f'"n":{bar.trades}}}'
            for bar in candles(prints, span_s * NS_PER_S)
        )
        head = f'"ticker":"{ticker}","adjusted":true,"status":"OK","request_id":"{self._number()}"'
        return web.Response(text=f'{{{head},"results":[{rows}]}}', content_type="application/json")

    def _next(self, request: web.Request, query: dict[str, str], last: Print) -> str:
        # Bounds by id, not by time alone: two prints may share a time.
        content = {name: value for name, value in query.items() if name not in {"cursor", "apiKey"}}
        cursor = base64.urlsafe_b64encode(json.dumps({**content, "id": str(last.trade_id)}).encode()).decode()
        return f"{request.url.origin()}{request.path}?cursor={cursor}"

    def _number(self) -> str:
        self._replies += 1
        return f"{self._replies:032x}"


def _query(request: web.Request) -> dict[str, str]:
    """Read what is asked for; a cursor holds all of it."""
    query = dict(request.query)
    if cursor := query.get("cursor"):
        query |= json.loads(base64.urlsafe_b64decode(cursor))
    return query


def _trade(one: Print) -> str:
    return (
        f'{{"conditions":[12],"exchange":{_EXCHANGE},"id":"{one.trade_id}","participant_timestamp":{one.ts_event},'
        f'"price":{_cents(one.price)},"sequence_number":{one.trade_id},"sip_timestamp":{one.ts_event},'
        f'"size":{_whole(one.size)},"tape":{_TAPE}}}'
    )


def _cents(value: int) -> str:
    return decimal_text(value, 2)


def _whole(value: int) -> str:
    return str(value // UNIT)
