"""Answer REST requests as Kraken does: pairs, depth, trades since a time, bars, the time.

Source: Kraken's documentation, "Spot REST: market data", and a real capture of AssetPairs.
"""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Final

from aiohttp import web

from functions.domain.market import NS_PER_S
from functions.domain.simulation import Level, Listing, Print
from functions.local.venues.kraken import FORMER_NAMES, SIZE_PLACES, v1_places
from functions.local.venues.ledger import candles
from functions.local.venues.texts import decimal_text, iso_text, places_of, trimmed

if TYPE_CHECKING:
    from functions.local.venues.exchange import Exchange

TRADES_MAX: Final = 1_000
DEPTH_MAX: Final = 500
BARS_MAX: Final = 720
INTERVALS_MIN: Final = (1, 5, 15, 30, 60, 240, 1_440)
_DEPTH: Final = 100
_INT64_MAX: Final = 2**63 - 1
_LEGACY: Final = {"XBT": "XXBT", "ETH": "XETH", "XRP": "XXRP", "XDG": "XXDG", "USD": "ZUSD", "EUR": "ZEUR"}
"""Assets whose name in REST carries the venue's old prefix."""


def routes(venue: "Exchange") -> Iterable[web.RouteDef]:
    """Give the paths."""
    rest = _Rest(venue)
    return [
        web.get("/0/public/Time", rest.time),
        web.get("/0/public/SystemStatus", rest.status),
        web.get("/0/public/AssetPairs", rest.pairs),
        web.get("/0/public/Depth", rest.depth),
        web.get("/0/public/Trades", rest.trades),
        web.get("/0/public/OHLC", rest.bars),
    ]


def pair_names(symbol: str) -> tuple[str, str, str]:
    """Give a pair's key in REST answers, its short name, and its name in v1.

    >>> pair_names("BTC/USD"), pair_names("SOL/USD")
    (('XXBTZUSD', 'XBTUSD', 'XBT/USD'), ('SOLUSD', 'SOLUSD', 'SOL/USD'))
    """
    base, _, quote = symbol.partition("/")
    base = FORMER_NAMES.get(base, base)
    legacy = base in _LEGACY and quote in _LEGACY
    return (_LEGACY[base] + _LEGACY[quote] if legacy else base + quote), base + quote, f"{base}/{quote}"


class _Rest:
    def __init__(self, venue: "Exchange") -> None:
        self._venue = venue

    async def time(self, _request: web.Request) -> web.Response:
        now = self._venue.clock()
        return _result({"unixtime": now // NS_PER_S, "rfc1123": iso_text(now)})

    async def status(self, _request: web.Request) -> web.Response:
        return _result({"status": "online", "timestamp": iso_text(self._venue.clock())[:-8] + "Z"})

    async def pairs(self, request: web.Request) -> web.Response:
        wanted = request.query.get("pair", "")
        listings = self._venue.listings
        found = [self._listing(name) for name in wanted.split(",")] if wanted else list(listings.values())
        if None in found:
            return _error("EQuery:Unknown asset pair")
        return _result({pair_names(one.symbol)[0]: _pair(one) for one in found if one})

    async def depth(self, request: web.Request) -> web.Response:
        listing = self._listing(request.query.get("pair", ""))
        if listing is None:
            return _error("EQuery:Unknown asset pair")
        count = min(_number(request.query.get("count"), _DEPTH), DEPTH_MAX)
        bids, asks = self._venue.book(listing.symbol).best(count)
        at = self._venue.clock() // NS_PER_S
        sides = {name: _levels(side, listing, at) for name, side in (("asks", asks), ("bids", bids))}
        return _result({pair_names(listing.symbol)[0]: sides})

    async def trades(self, request: web.Request) -> web.Response:
        """Give trades behind a time in nanoseconds, oldest first; `last` is what to ask with next."""
        listing = self._listing(request.query.get("pair", ""))
        if listing is None:
            return _error("EQuery:Unknown asset pair")
        count = min(_number(request.query.get("count"), TRADES_MAX), TRADES_MAX)
        since, ledger = request.query.get("since"), self._venue.ledger
        prints = ledger.newest(listing.symbol, count)
        if since is not None:
            prints = ledger.between(listing.symbol, _number(since, 0) + 1, _INT64_MAX, limit=count)
        last = str(prints[-1].ts_event) if prints else since or "0"
        return _result({pair_names(listing.symbol)[0]: [_trade(one, listing) for one in prints], "last": last})

    async def bars(self, request: web.Request) -> web.Response:
        """Give bars, oldest first, the last one still open: [start s, open, high, low, close, vwap, volume, count]."""
        listing, query = self._listing(request.query.get("pair", "")), request.query
        if listing is None:
            return _error("EQuery:Unknown asset pair")
        minutes = _number(query.get("interval"), 1)
        if minutes not in INTERVALS_MIN:
            return _error("EGeneral:Invalid arguments")
        since = _number(query.get("since"), 0)
        prints = self._venue.ledger.between(listing.symbol, since * NS_PER_S, _INT64_MAX, limit=_INT64_MAX)
        found = list(candles(prints, minutes * 60 * NS_PER_S))[-BARS_MAX:]
        rows = [
            [
                one.start_ns // NS_PER_S,
                *(_price(value, listing) for value in (one.open, one.high, one.low, one.close)),
                decimal_text(one.notional // one.volume, SIZE_PLACES),
                decimal_text(one.volume, SIZE_PLACES),
                one.trades,
            ]
            for one in found
        ]
        closed = found[-2].start_ns // NS_PER_S if len(found) > 1 else since
        return _result({pair_names(listing.symbol)[0]: rows, "last": closed})

    def _listing(self, name: str) -> Listing | None:
        return next((one for key, one in self._venue.listings.items() if name in {key, *pair_names(key)}), None)


def _pair(one: Listing) -> dict[str, object]:
    _, short, former = pair_names(one.symbol)
    base, _, quote = former.partition("/")
    return {
        "altname": short,
        "wsname": former,
        "aclass_base": "currency",
        "base": _LEGACY.get(base, base),
        "aclass_quote": "currency",
        "quote": _LEGACY.get(quote, quote),
        "lot": "unit",
        "cost_decimals": 5,
        "pair_decimals": places_of(one.tick),
        "lot_decimals": SIZE_PLACES,
        "lot_multiplier": 1,
        "ordermin": "0.0001",
        "costmin": "0.5",
        "tick_size": trimmed(one.tick),
        "status": "online",
    }


def _levels(levels: Iterable[Level], listing: Listing, at: int) -> list[list[object]]:
    return [[_price(price, listing), decimal_text(size, SIZE_PLACES), at] for price, size in levels]


def _trade(one: Print, listing: Listing) -> list[object]:
    side = "s" if one.buyer_is_maker else "b"
    size = decimal_text(one.size, SIZE_PLACES)
    return [_price(one.price, listing), size, one.ts_event / NS_PER_S, side, "m", "", one.trade_id]


def _price(value: int, listing: Listing) -> str:
    return decimal_text(value, v1_places(listing))


def _result(content: object) -> web.Response:
    return web.json_response({"error": [], "result": content})


def _error(text: str) -> web.Response:
    return web.json_response({"error": [text]})


def _number(text: str | None, default: int) -> int:
    return int(text) if text and text.isdecimal() else default
