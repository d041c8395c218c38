"""Speak as Kraken's WebSocket v2 does: objects with channel, type and data, numbers unquoted, and checked books.

Numbers are written at their full digits (`0.10000000`), which the checksum is made of.
Source: Kraken's documentation, "Spot WebSockets v2: book, trade, ticker, instrument, ping, subscribe".
"""

import json
from collections.abc import Iterable
from itertools import count
from typing import TYPE_CHECKING, Final

from aiohttp import web

from functions.domain.simulation import Best, Depth, Level, Listing, Message, Print
from functions.local.venues import kraken_rest
from functions.local.venues.clients import Client
from functions.local.venues.kraken import DEPTHS, SIZE_PLACES, View, Views, checksum, listing
from functions.local.venues.texts import decimal_text, iso_text, json_text, places_of, trimmed

if TYPE_CHECKING:
    from functions.local.venues.exchange import Exchange

CHANNELS: Final = ("trade", "ticker", "book")
SNAPSHOT_TRADES: Final = 50
DAY_PRINTS_MAX: Final = 1_000
VERSION: Final = "2.0.10"


class KrakenV2:
    """Speak v2; a key is `<channel> <symbol>`: `book-10 BTC/USD`, `ticker-bbo BTC/USD` (by best offer), `trade ...`."""

    name = "kraken.v2"
    heartbeat_s = 1.0

    def __init__(self) -> None:
        """Say nothing yet."""
        self._views = Views()
        self._connections = count(12_723_063_000_000_000_000)

    listing = staticmethod(listing)

    def routes(self, venue: "Exchange") -> Iterable[web.RouteDef]:
        """Give the paths it answers."""
        return [web.get("/v2", venue.listen), web.get("/ws", venue.listen), *kraken_rest.routes(venue)]

    def greet(self, venue: "Exchange", client: Client, request: web.Request) -> list[str]:  # noqa: ARG002 - the port's
        """Say that the system is online."""
        status = {"version": VERSION, "system": "online", "api_version": "v2", "connection_id": next(self._connections)}
        return [json_text({"channel": "status", "type": "update", "data": [status]})]

    def answer(self, venue: "Exchange", client: Client, text: str) -> list[str]:
        """Take subscribe, unsubscribe and ping."""
        now = iso_text(venue.clock())
        times = {"time_in": now, "time_out": now}
        try:
            request = json.loads(text)
            method = request["method"]
            number = {"req_id": request["req_id"]} if "req_id" in request else {}
            if method == "ping":
                return [json_text({"method": "pong", **number, **times})]
            params = request["params"]
            channel, symbols = str(params["channel"]), [*map(str, params.get("symbol", []))]
            depth, bbo = int(params.get("depth", DEPTHS[0])), params.get("event_trigger") == "bbo"
        except (ValueError, KeyError, TypeError, AttributeError):
            return [json_text({"error": "Malformed request", "success": False, **times})]
        if method not in {"subscribe", "unsubscribe"}:
            return [json_text({"error": "Method(s) not found", "method": method, "success": False, **number, **times})]
        if channel == "instrument":
            ack = {"method": method, "result": {"channel": channel, "snapshot": True}, "success": True}
            return [json_text({**ack, **times, **number}), _instruments(venue)]
        found: list[str] = []
        for symbol in symbols:
            rest = {**times, **number}
            if problem := _problem(venue, channel, depth, symbol):
                found.append(
                    json_text({"error": problem, "method": method, "success": False, "symbol": symbol, **rest})
                )
                continue
            name = {"book": f"book-{depth}", "ticker": "ticker-bbo" if bbo else "ticker"}.get(channel, channel)
            snapshot = bool(params.get("snapshot", channel != "trade"))
            result: dict[str, object] = {"channel": channel, "symbol": symbol, "snapshot": snapshot}
            result |= {"depth": depth} if channel == "book" else {}
            found.append(json_text({"method": method, "result": result, "success": True, **rest}))
            found += self._changed(venue, client, f"{name} {symbol}", on=method == "subscribe", snapshot=snapshot)
        return found

    def _changed(self, venue: "Exchange", client: Client, key: str, *, on: bool, snapshot: bool) -> Iterable[str]:
        name, _, symbol = key.partition(" ")
        fresh = key not in venue.audience.heard
        changed = (venue.audience.subscribe if on else venue.audience.unsubscribe)(client, key)
        if not (on and changed):
            return
        if name.startswith("book-"):
            view = (self._views.begin if fresh else self._views.of)(
                symbol, int(name.removeprefix("book-")), venue.book(symbol)
            )
            if snapshot:
                yield self.book_text("snapshot", symbol, (view.bids, view.asks), view=view, venue=venue)
        elif not snapshot:
            return
        elif name == "trade" and (prints := venue.ledger.newest(symbol, SNAPSHOT_TRADES)):
            yield self.trade_text("snapshot", prints, venue)
        elif name.startswith("ticker") and venue.ledger.last(symbol):
            yield self.ticker_text("snapshot", symbol, venue)

    def tell(self, venue: "Exchange", message: Message) -> list[tuple[str, str]]:
        """Write a message for each channel that anyone hears."""
        symbol, heard = message.symbol, venue.audience.heard
        match message:
            case Print():
                told: list[tuple[str, str]] = []
                if (key := f"trade {symbol}") in heard:
                    told.append((key, self.trade_text("update", [message], venue)))
                if (key := f"ticker {symbol}") in heard:
                    told.append((key, self.ticker_text("update", symbol, venue)))
                return told
            case Best():
                key = f"ticker-bbo {symbol}"
                known = key in heard and venue.ledger.last(symbol)
                return [(key, self.ticker_text("update", symbol, venue))] if known else []
            case Depth():
                return [text for depth in DEPTHS if (text := self._depth(venue, message, depth)) is not None]

    def _depth(self, venue: "Exchange", message: Depth, depth: int) -> tuple[str, str] | None:
        symbol, key = message.symbol, f"book-{depth} {message.symbol}"
        if key not in venue.audience.heard:
            return None
        view = self._views.of(symbol, depth, venue.book(symbol))
        bids, asks = view.follow(venue.book(symbol), message)
        if not (bids or asks):
            return None
        sides = tuple(one[:2] for one in bids), tuple(one[:2] for one in asks)
        return key, self.book_text("update", symbol, sides, view=view, venue=venue, ts=message.ts_event)

    def frame(self, client: Client, key: str, text: str) -> str:  # noqa: ARG002 - the port's shape
        """Give the text as it is."""
        return text

    def beat(self, venue: "Exchange", client: Client) -> list[str]:  # noqa: ARG002 - the port's shape
        """Give a heartbeat to whoever has subscribed to anything."""
        return ['{"channel":"heartbeat"}'] if client.hears else []

    # -- texts: written by hand, for JSON libraries would cut the zeros that the checksum needs

    def trade_text(self, kind: str, prints: Iterable[Print], venue: "Exchange") -> str:
        """Write prints; their side is the taker's."""
        rows = (
            f'{{"symbol":"{one.symbol}","side":"{"sell" if one.buyer_is_maker else "buy"}",'
            f'"price":{_price(one.price, venue.listings[one.symbol])},"qty":{decimal_text(one.size, SIZE_PLACES)},'
            f'"ord_type":"market","trade_id":{one.trade_id},"timestamp":"{iso_text(one.ts_event)}"}}'
            for one in prints
        )
        return f'{{"channel":"trade","type":"{kind}","data":[{",".join(rows)}]}}'

    def ticker_text(self, kind: str, symbol: str, venue: "Exchange") -> str:
        """Write a ticker; its figures of the day are those of the newest prints."""
        found, day = venue.listings[symbol], venue.ledger.newest(symbol, DAY_PRINTS_MAX)
        prices, volume = [one.price for one in day], sum(one.size for one in day)
        bid, bid_size, ask, ask_size = _best(venue, symbol)
        mean = sum(one.price * one.size for one in day) // max(volume, 1) // found.tick * found.tick
        change = prices[-1] - prices[0]
        values = {"bid": bid, "ask": ask, "last": prices[-1], "vwap": mean, "low": min(prices), "high": max(prices)}
        sizes = {"bid_qty": bid_size, "ask_qty": ask_size, "volume": volume}
        texts = {name: _price(value, found) for name, value in values.items()}
        texts |= {name: decimal_text(value, SIZE_PLACES) for name, value in sizes.items()}
        texts["change"] = ("-" if change < 0 else "") + _price(abs(change), found)
        texts["change_pct"] = f"{100 * change / prices[0]:.2f}"
        fields = ",".join(f'"{name}":{text}' for name, text in texts.items())
        return f'{{"channel":"ticker","type":"{kind}","data":[{{"symbol":"{symbol}",{fields}}}]}}'

    def book_text(  # noqa: PLR0913 - two sides of one message
        self,
        kind: str,
        symbol: str,
        sides: tuple[Iterable[Level], Iterable[Level]],
        *,
        view: View,
        venue: "Exchange",
        ts: int = 0,
    ) -> str:
        """Write a book or what changed in it, with the checksum of the book after it."""
        found = venue.listings[symbol]
        bids, asks = (_levels(side, found) for side in sides)
        total = checksum(view.bids, view.asks, places_of(found.tick))
        when = f',"timestamp":"{iso_text(ts)}"' if ts else ""
        content = f'"symbol":"{symbol}","bids":{bids},"asks":{asks},"checksum":{total}{when}'
        return f'{{"channel":"book","type":"{kind}","data":[{{{content}}}]}}'


def _problem(venue: "Exchange", channel: str, depth: int, symbol: str) -> str:
    if symbol not in venue.listings:
        return f"Currency pair not supported {symbol[:40]}"
    if channel not in CHANNELS:
        return "Channel not found"
    return "Depth not supported" if depth not in DEPTHS else ""


def _instruments(venue: "Exchange") -> str:
    pairs = ",".join(
        f'{{"symbol":"{one.symbol}","base":"{one.symbol.partition("/")[0]}","quote":"{one.symbol.partition("/")[2]}",'
        f'"status":"online","qty_precision":{SIZE_PLACES},"qty_increment":{trimmed(one.lot)},'
        f'"price_precision":{places_of(one.tick)},"price_increment":{trimmed(one.tick)},"cost_precision":5,'
        f'"marginable":false,"has_index":true,"cost_min":0.50,"qty_min":0.00010000}}'
        for one in venue.listings.values()
    )
    return f'{{"channel":"instrument","type":"snapshot","data":{{"assets":[],"pairs":[{pairs}]}}}}'


def _best(venue: "Exchange", symbol: str) -> tuple[int, int, int, int]:
    if best := venue.bests.get(symbol):
        return best.bid_price, best.bid_size, best.ask_price, best.ask_size
    bids, asks = venue.book(symbol).best(1)
    return (*(bids[0] if bids else (0, 0)), *(asks[0] if asks else (0, 0)))


def _levels(levels: Iterable[Level], found: Listing) -> str:
    texts = (f'{{"price":{_price(price, found)},"qty":{decimal_text(size, SIZE_PLACES)}}}' for price, size in levels)
    return f"[{','.join(texts)}]"


def _price(value: int, found: Listing) -> str:
    return decimal_text(value, places_of(found.tick))
