"""Answer REST requests as Coinbase Exchange does: products, trades by cursor, books, tickers and bars.

Source: Coinbase Exchange's REST documentation (docs.cdp.coinbase.com/exchange).
"""

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Final

from aiohttp import web

from functions.domain.market import NS_PER_S
from functions.domain.simulation import Level, Listing, Print
from functions.local.venues.ledger import Candle, candles
from functions.local.venues.texts import decimal_text, iso_ns, iso_text, json_text, places_of, trimmed

if TYPE_CHECKING:
    from functions.local.venues.exchange import Exchange

PAGE_MAX: Final = 1_000
CANDLES_MAX: Final = 300
GRANULARITIES_S: Final = (60, 300, 900, 3_600, 21_600, 86_400)
LEVELS_MAX: Final = 5_000
_SIZE_PLACES: Final = 8
_INT64_MAX: Final = 2**63 - 1


def routes(venue: "Exchange", sequence: Callable[[str], int]) -> Iterable[web.RouteDef]:
    """Give the paths; `sequence` gives the number of a product's last order event."""
    rest = _Rest(venue, sequence)
    return [
        web.get("/time", rest.time),
        web.get("/products", rest.products),
        web.get("/products/{product}", rest.product),
        web.get("/products/{product}/trades", rest.trades),
        web.get("/products/{product}/book", rest.book),
        web.get("/products/{product}/ticker", rest.ticker),
        web.get("/products/{product}/candles", rest.candles),
    ]


class _Rest:
    def __init__(self, venue: "Exchange", sequence: Callable[[str], int]) -> None:
        self._venue = venue
        self._sequence = sequence

    async def time(self, _request: web.Request) -> web.Response:
        now = self._venue.clock()
        return web.json_response({"iso": iso_text(now), "epoch": now / NS_PER_S})

    async def products(self, _request: web.Request) -> web.Response:
        return web.json_response([_product(one) for one in self._venue.listings.values()])

    async def product(self, request: web.Request) -> web.Response:
        return web.json_response(_product(self._listing(request)))

    async def trades(self, request: web.Request) -> web.Response:
        """Give a page of trades, newest first; `after` gives older ones, `before` newer ones, both exclusive."""
        listing, query, ledger = self._listing(request), request.query, self._venue.ledger
        limit = min(max(_number(query.get("limit"), PAGE_MAX), 1), PAGE_MAX)
        if "after" in query:
            prints = ledger.before_id(listing.symbol, _number(query["after"], 0), limit)
        elif "before" in query:
            # The newest of the newer ones, as the venue does: who is further behind walks back with `after`.
            newer = ledger.from_id(listing.symbol, _number(query["before"], 0) + 1, _INT64_MAX)
            prints = newer[-limit:]
        else:
            prints = ledger.newest(listing.symbol, limit)
        headers = {"CB-BEFORE": str(prints[-1].trade_id), "CB-AFTER": str(prints[0].trade_id)} if prints else {}
        return web.json_response([_trade(one, listing) for one in reversed(prints)], headers=headers)

    async def book(self, request: web.Request) -> web.Response:
        listing, level = self._listing(request), request.query.get("level", "1")
        limit = {"1": 1, "2": LEVELS_MAX}.get(level)
        if limit is None:
            raise web.HTTPBadRequest(text=json_text({"message": "Invalid level"}))
        bids, asks = self._venue.book(listing.symbol).best(limit)
        sides = {
            name: [[*pair, 1] for pair in level_texts(side, listing)] for name, side in (("bids", bids), ("asks", asks))
        }
        sequence, now = self._sequence(listing.symbol), iso_text(self._venue.clock())
        return web.json_response({**sides, "sequence": sequence, "auction_mode": False, "auction": None, "time": now})

    async def ticker(self, request: web.Request) -> web.Response:
        listing = self._listing(request)
        bid, ask = bests_of(self._venue, listing.symbol)
        last = self._venue.ledger.last(listing.symbol)
        found: dict[str, object] = {"bid": price_text(bid, listing), "ask": price_text(ask, listing)}
        return web.json_response({**found, **(_trade(last, listing) if last else {})})

    async def candles(self, request: web.Request) -> web.Response:
        """Give bars, newest first: [start s, low, high, open, close, volume]."""
        listing, query = self._listing(request), request.query
        interval_s = _number(query.get("granularity"), GRANULARITIES_S[0])
        if interval_s not in GRANULARITIES_S:
            raise web.HTTPBadRequest(text=json_text({"message": "Unsupported granularity"}))
        start, end = _instant(query.get("start"), 0), _instant(query.get("end"), _INT64_MAX - 1)
        prints = self._venue.ledger.between(listing.symbol, start, end + 1, limit=_INT64_MAX)
        found = list(candles(prints, interval_s * NS_PER_S))[-CANDLES_MAX:]
        rows = (_row(one, listing) for one in reversed(found))
        return web.Response(text=f"[{','.join(rows)}]", content_type="application/json")

    def _listing(self, request: web.Request) -> Listing:
        found = self._venue.listings.get(request.match_info["product"])
        if found is None:
            raise web.HTTPNotFound(text=json_text({"message": "NotFound"}), content_type="application/json")
        return found


def bests_of(venue: "Exchange", symbol: str) -> tuple[int, int]:
    """Give the best bid and ask as they were told; 0 for an empty side."""
    if best := venue.bests.get(symbol):
        return best.bid_price, best.ask_price
    bids, asks = venue.book(symbol).best(1)
    return (bids[0][0] if bids else 0), (asks[0][0] if asks else 0)


def maker_side(one: Print) -> str:
    """Say which side of the book a print took from."""
    return "buy" if one.buyer_is_maker else "sell"


def price_text(value: int, listing: Listing) -> str:
    """Write a price at its tick's digits."""
    return decimal_text(value, places_of(listing.tick))


def level_texts(levels: Iterable[Level], listing: Listing) -> list[list[str]]:
    """Write levels as pairs of text."""
    return [[price_text(price, listing), trimmed(size)] for price, size in levels]


def _product(listing: Listing) -> dict[str, object]:
    base, _, quote = listing.symbol.partition("-")
    return {
        "id": listing.symbol,
        "base_currency": base,
        "quote_currency": quote,
        "quote_increment": trimmed(listing.tick),
        "base_increment": trimmed(listing.lot),
        "display_name": f"{base}-{quote}",
        "min_market_funds": "1",
        "margin_enabled": False,
        "post_only": False,
        "limit_only": False,
        "cancel_only": False,
        "status": "online",
        "status_message": "",
        "trading_disabled": False,
        "fx_stablecoin": False,
        "auction_mode": False,
    }


def _trade(one: Print, listing: Listing) -> dict[str, object]:
    return {
        "trade_id": one.trade_id,
        "side": maker_side(one),
        "size": decimal_text(one.size, _SIZE_PLACES),
        "price": price_text(one.price, listing),
        "time": iso_text(one.ts_event),
    }


def _number(text: str | None, default: int) -> int:
    return int(text) if text and text.isdecimal() else default


def _instant(text: str | None, default: int) -> int:
    """Read a time as the venue takes it: seconds, or ISO 8601 in UTC."""
    if not text:
        return default
    return int(text) * NS_PER_S if text.isdecimal() else iso_ns(text)


def _row(bar: Candle, listing: Listing) -> str:
    prices = ",".join(price_text(value, listing) for value in (bar.low, bar.high, bar.open, bar.close))
    return f"[{bar.start_ns // NS_PER_S},{prices},{trimmed(bar.volume)}]"
