"""Answer REST requests as Binance does: depth, trades by id, aggregates, bars, what is listed, the time.

Source: Binance's public REST documentation; limits and error codes are the venue's own.
"""

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, Final

from aiohttp import web

from functions.domain.market import NS_PER_S
from functions.domain.simulation import Listing, Print
from functions.local.venues.ledger import Candle, candles
from functions.local.venues.texts import NS_PER_MS, decimal_text, places_of

if TYPE_CHECKING:
    from functions.local.venues.binance import Binance, Section
    from functions.local.venues.exchange import Exchange

INTERVALS_S: Final = {"1s": 1, "1m": 60, "3m": 180, "5m": 300, "15m": 900, "1h": 3_600, "4h": 14_400, "1d": 86_400}
_INVALID_SYMBOL: Final = -1121
_INVALID_INTERVAL: Final = -1120
_ILLEGAL_PARAMETER: Final = -1100
_AGG_MAX: Final = 1_000
_DEFAULT: Final = 500
_SPOT_DEPTH: Final = 100
_NOTIONAL_PLACES: Final = 8
_STEP_PLACES: Final = 8
_INT64_MAX: Final = 2**63 - 1


class RefusedError(Exception):
    """A request the venue does not answer; its code and sentence are the venue's."""

    def __init__(self, code: int, message: str) -> None:
        """Keep both."""
        super().__init__(message)
        self.code = code


def routes(venue: "Exchange", dialect: "Binance", section: "Section") -> Iterable[web.RouteDef]:
    """Give the paths of one of Binance's venues."""
    rest = _Rest(venue, dialect, section)
    answers: dict[str, Callable[[web.Request], object]] = {
        "ping": lambda _: {},
        "time": lambda _: {"serverTime": venue.clock() // NS_PER_MS},
        "exchangeInfo": rest.listed,
        "historicalTrades": rest.trades,
        "trades": rest.recent,
        "aggTrades": rest.aggregates,
        "klines": rest.klines,
    }
    found = [web.get(f"{section.prefix}/{name}", _answering(answer)) for name, answer in answers.items()]
    return [*found, web.get(f"{section.prefix}/depth", rest.depth)]


def _answering(answer: Callable[[web.Request], object]) -> Callable[[web.Request], Any]:
    async def handle(request: web.Request) -> web.Response:
        try:
            return web.json_response(answer(request))
        except RefusedError as refused:
            return _refusal(refused)

    return handle


def _refusal(refused: RefusedError) -> web.Response:
    return web.json_response({"code": refused.code, "msg": str(refused)}, status=400)


class _Rest:
    def __init__(self, venue: "Exchange", dialect: "Binance", section: "Section") -> None:
        self._venue = venue
        self._dialect = dialect
        self._section = section

    async def depth(self, request: web.Request) -> web.Response:
        try:
            listing, limit = self._listing(request), self._depth_limit(request)
        except RefusedError as refused:
            return _refusal(refused)
        snapshot = self._venue.snapshot(listing.symbol, limit)
        text = self._dialect.snapshot_text(snapshot, listing, self._venue.clock() // NS_PER_MS)
        return web.Response(text=text, content_type="application/json")

    def listed(self, _request: web.Request) -> object:
        """Say what is listed and in which steps it trades; contracts name their pair, type and precision too."""
        return {
            "timezone": "UTC",
            "serverTime": self._venue.clock() // NS_PER_MS,
            "rateLimits": [],
            "exchangeFilters": [],
            "symbols": [self._symbol(one) for one in self._venue.listings.values()],
        }

    def trades(self, request: web.Request) -> object:
        """Give prints from an id on; without one, the newest."""
        listing = self._listing(request)
        limit = self._limit(request, self._section.trades_max)
        if "fromId" not in request.query:
            return self._trades(self._venue.ledger.newest(listing.symbol, limit), listing)
        first = self._number(request, "fromId", 0)
        return self._trades(self._venue.ledger.from_id(listing.symbol, first, limit), listing)

    def recent(self, request: web.Request) -> object:
        listing = self._listing(request)
        limit = self._limit(request, _AGG_MAX)
        return self._trades(self._venue.ledger.newest(listing.symbol, limit), listing)

    def aggregates(self, request: web.Request) -> object:
        listing = self._listing(request)
        limit, ledger = self._limit(request, _AGG_MAX), self._venue.ledger
        if "fromId" in request.query:
            prints = ledger.from_id(listing.symbol, self._number(request, "fromId", 0), limit)
        elif {"startTime", "endTime"} & set(request.query):
            prints = ledger.between(listing.symbol, *self._window(request), limit=limit)
        else:
            prints = ledger.newest(listing.symbol, limit)
        return [self._aggregate(one, listing) for one in prints]

    def klines(self, request: web.Request) -> object:
        """Give bars, oldest first; the last one may still be open. Without a start, the newest."""
        listing = self._listing(request)
        interval_s = INTERVALS_S.get(request.query.get("interval", ""))
        if interval_s is None:
            raise RefusedError(_INVALID_INTERVAL, "Invalid interval.")
        limit = self._limit(request, self._section.klines_max)
        start, end = self._window(request)
        prints = self._venue.ledger.between(listing.symbol, start, end, limit=_INT64_MAX)
        found = list(candles(prints, interval_s * NS_PER_S))
        kept = found[:limit] if "startTime" in request.query else found[-limit:]
        return [self._kline(one, interval_s, listing) for one in kept]

    # -- what is written

    def _symbol(self, listing: Listing) -> dict[str, object]:
        tick, lot = (decimal_text(step, _STEP_PLACES) for step in (listing.tick, listing.lot))
        found: dict[str, object] = {
            "symbol": listing.symbol,
            "status": "TRADING",
            "baseAsset": listing.symbol.removesuffix("USDT"),
            "quoteAsset": "USDT",
            "filters": [
                {"filterType": "PRICE_FILTER", "tickSize": tick},
                {"filterType": "LOT_SIZE", "stepSize": lot},
            ],
        }
        return {**found, **_contract(listing, coin=self._section.coin)} if self._section.futures else found

    def _trades(self, prints: Iterable[Print], listing: Listing) -> list[dict[str, object]]:
        return [self._trade(one, listing) for one in prints]

    def _trade(self, one: Print, listing: Listing) -> dict[str, object]:
        found: dict[str, object] = {
            "id": one.trade_id,
            "price": self._dialect.price(one.price, listing),
            "qty": self._dialect.size(one.size, listing),
            ("baseQty" if self._section.coin else "quoteQty"): _notional(one.price * one.size),
            "time": one.ts_event // NS_PER_MS,
            "isBuyerMaker": one.buyer_is_maker,
        }
        return found if self._section.futures else {**found, "isBestMatch": True}

    def _aggregate(self, one: Print, listing: Listing) -> dict[str, object]:
        found: dict[str, object] = {
            "a": one.trade_id,
            "p": self._dialect.price(one.price, listing),
            "q": self._dialect.size(one.size, listing),
            "f": one.trade_id,
            "l": one.trade_id,
            "T": one.ts_event // NS_PER_MS,
            "m": one.buyer_is_maker,
        }
        return found if self._section.futures else {**found, "M": True}

    def _kline(self, bar: Candle, interval_s: int, listing: Listing) -> list[object]:
        price, size, start_ms = self._dialect.price, self._dialect.size, bar.start_ns // NS_PER_MS
        return [
            start_ms,
            *(price(value, listing) for value in (bar.open, bar.high, bar.low, bar.close)),
            size(bar.volume, listing),
            start_ms + interval_s * 1_000 - 1,
            _notional(bar.notional),
            bar.trades,
            size(bar.buy_volume, listing),
            _notional(bar.buy_notional),
            "0",
        ]

    # -- what is asked

    def _listing(self, request: web.Request) -> Listing:
        found = self._venue.listings.get(request.query.get("symbol", ""))
        if found is None:
            raise RefusedError(_INVALID_SYMBOL, "Invalid symbol.")
        return found

    def _number(self, request: web.Request, name: str, default: int) -> int:
        text = request.query.get(name, str(default))
        if not text.isdecimal() or int(text) > _INT64_MAX:
            raise RefusedError(_ILLEGAL_PARAMETER, f"Illegal characters found in parameter '{name}'.")
        return int(text)

    def _depth_limit(self, request: web.Request) -> int:
        limit = self._number(request, "limit", _DEFAULT if self._section.futures else _SPOT_DEPTH)
        if not 0 < limit <= self._section.depth_max:
            raise RefusedError(_ILLEGAL_PARAMETER, "Illegal characters found in parameter 'limit'.")
        return limit

    def _limit(self, request: web.Request, most: int) -> int:
        return min(max(self._number(request, "limit", min(_DEFAULT, most)), 1), most)

    def _window(self, request: web.Request) -> tuple[int, int]:
        start = self._number(request, "startTime", 0) * NS_PER_MS
        return start, (self._number(request, "endTime", _INT64_MAX // NS_PER_MS - 1) + 1) * NS_PER_MS


def _notional(value: int) -> str:
    """Write a product of price and size, an integer of 1e-16, at the venue's eight digits."""
    return decimal_text(value // 10**_NOTIONAL_PLACES, _NOTIONAL_PLACES)


def _contract(listing: Listing, *, coin: bool) -> dict[str, object]:
    pair = listing.symbol.partition("_")[0]
    base = pair.removesuffix("USDT").removesuffix("USD")
    found: dict[str, object] = {
        "pair": pair,
        "contractType": "PERPETUAL",
        "baseAsset": base,
        "quoteAsset": pair.removeprefix(base),
        "marginAsset": base if coin else pair.removeprefix(base),
        "pricePrecision": places_of(listing.tick),
        "quantityPrecision": places_of(listing.lot),
    }
    return {**found, "contractSize": 100} if coin else found
