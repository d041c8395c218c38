"""Speak as Binance does: spot, USD-M and COIN-M futures; combined and raw streams, and the REST answers beside them.

What a made-up market has traded before it is listened to can be written down as a capture, its `history`.

Source: Binance's public API documentation (web-socket-streams, rest-api, usds-margined-futures, coin-margined-futures)
and real captures of spot and USD-M.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from aiohttp import web

from functions.domain.market import NS_PER_S
from functions.domain.simulation import LISTINGS, UNIT, Best, Depth, Level, Listing, Market, Message, Print, Snapshot
from functions.local.venues import binance_rest
from functions.local.venues.clients import Client
from functions.local.venues.sources import Reading
from functions.local.venues.texts import NS_PER_MS, decimal_text, json_text, places_of, units

if TYPE_CHECKING:
    from functions.local.venues.exchange import Exchange

STREAMS_MAX: Final = 1_024
RECEIVE_DELAY_NS: Final = 2_000_000
"""How long a message takes to whoever recorded a history."""
_SPEEDS: Final = ("", "@0ms", "@100ms", "@250ms", "@500ms", "@1000ms")
_INVALID_REQUEST: Final = 2
_SPOT_PLACES: Final = 8
_QUOTES: Final = ("USDT", "USDC", "FDUSD", "USD_PERP", "EUR", "BTC", "USD")


@dataclass(frozen=True, slots=True)
class Section:
    """Say what one of Binance's three venues has of its own.

    Args:
        dialect: Dialect of its rows.
        prefix: Path of its REST interface.
        futures: Whether messages carry two times and chain by `pu`.
        coin: Whether sizes are contracts, and messages name the pair (`ps`).
        depth_max: Most levels of a snapshot.
        trades_max: Most trades of a page of `historicalTrades`.
        klines_max: Most bars of a page.
    """

    dialect: str
    prefix: str
    futures: bool
    coin: bool
    depth_max: int
    trades_max: int
    klines_max: int


SPOT: Final = Section(
    "binance.spot", "/api/v3", futures=False, coin=False, depth_max=5_000, trades_max=1_000, klines_max=1_000
)
USDM: Final = Section(
    "binance.usdm", "/fapi/v1", futures=True, coin=False, depth_max=1_000, trades_max=500, klines_max=1_500
)
COINM: Final = Section(
    "binance.coinm", "/dapi/v1", futures=True, coin=True, depth_max=1_000, trades_max=500, klines_max=1_500
)


class Binance:
    """Speak as one of Binance's venues; a key is the name of a stream as it was asked for."""

    heartbeat_s = 0.0  # the WebSocket's own pings are the venue's

    def __init__(self, section: Section) -> None:
        """Say nothing yet."""
        self.name = section.dialect
        self._section = section
        self._previous: dict[str, int] = {}

    @staticmethod
    def listing(symbol: str, section: Section) -> Listing:
        """Say how a symbol of this venue is priced, from the simulated market's own.

        Raises:
            ValueError: Its base asset is not simulated.

        >>> Binance.listing("BTCUSD_PERP", COINM).lot == UNIT
        True
        """
        quote = next((quote for quote in _QUOTES if symbol.endswith(quote)), "")
        known = {one.symbol.removesuffix("USDT"): one for one in LISTINGS}
        found = known.get(symbol.removesuffix(quote) if quote else symbol)
        if found is None:
            msg = f"symbol {symbol!r} is not simulated; bases are {', '.join(known)}"
            raise ValueError(msg)
        if section.coin:
            return replace(found, symbol=symbol, tick=max(found.tick * 10, 1), lot=UNIT, typical=20 * UNIT)
        return replace(found, symbol=symbol)

    def routes(self, venue: "Exchange") -> Iterable[web.RouteDef]:
        """Give the paths it answers."""
        return [
            web.get("/stream", venue.listen),
            web.get("/ws", venue.listen),
            web.get("/ws/{streams:.+}", venue.listen),
            *binance_rest.routes(venue, self, self._section),
        ]

    def greet(self, venue: "Exchange", client: Client, request: web.Request) -> list[str]:  # noqa: ARG002 - the port's
        """Subscribe to the streams that the address names; the venue says nothing of its own."""
        client.combined = request.path.startswith("/stream")
        named = request.query.get("streams", "") if client.combined else request.match_info.get("streams", "")
        client.hears.update(name for name in named.split("/") if name)
        return []

    def answer(self, venue: "Exchange", client: Client, text: str) -> list[str]:
        """Take SUBSCRIBE, UNSUBSCRIBE and LIST_SUBSCRIPTIONS; refuse what else is sent."""
        try:
            request = json.loads(text)
            method, names, number = request["method"], [*map(str, request.get("params", []))], request.get("id")
        except (ValueError, KeyError, TypeError, AttributeError):
            return [json.dumps({"error": {"code": _INVALID_REQUEST, "msg": "Invalid request"}})]
        result: object = None
        if method == "SUBSCRIBE" and len(client.hears | {*names}) <= STREAMS_MAX:
            for name in names:
                venue.audience.subscribe(client, name)
        elif method == "UNSUBSCRIBE":
            for name in names:
                venue.audience.unsubscribe(client, name)
        elif method == "LIST_SUBSCRIPTIONS":
            result = sorted(client.hears)
        else:
            error = {"code": _INVALID_REQUEST, "msg": f"Invalid request: {str(method)[:40]}"}
            return [json.dumps({"error": error, "id": number})]
        return [json_text({"result": result, "id": number})]

    def tell(self, venue: "Exchange", message: Message) -> list[tuple[str, str]]:
        """Write a message for each stream that anyone hears."""
        symbol, heard = message.symbol.lower(), venue.audience.heard
        listing = venue.listings[message.symbol]
        match message:
            case Print():
                texts = {f"{symbol}@trade": self.trade_text, f"{symbol}@aggTrade": self.agg_trade_text}
                return [(key, write(message, listing)) for key, write in texts.items() if key in heard]
            case Best():
                key = f"{symbol}@bookTicker"
                return [(key, self.quote_text(message, listing))] if key in heard else []
            case Depth():
                previous = self._previous_of(message)
                keys = [key for speed in _SPEEDS if (key := f"{symbol}@depth{speed}") in heard]
                text = self.depth_text(message, listing, previous) if keys else ""
                return [(key, text) for key in keys]

    def frame(self, client: Client, key: str, text: str) -> str:
        """Wrap a text with its stream's name on a combined connection."""
        return _envelope(key, text) if client.combined else text

    def beat(self, venue: "Exchange", client: Client) -> list[str]:  # noqa: ARG002 - the port's shape
        """Give none."""
        return []

    def history(self, market: Market, until_ns: int) -> Iterator[str]:
        """Trade up to a time and give it as capture lines, each book's snapshot first."""
        received = market.now_ns + RECEIVE_DELAY_NS
        when, limit = f"{received // NS_PER_S}.{received % NS_PER_S:09d}", self._section.depth_max
        for name, one in market.symbols.items():
            text = self.snapshot_text(market.snapshot(name, limit), one.listing, received // NS_PER_MS)
            yield f"https://simulator{self._section.prefix}/depth?symbol={name}&limit={limit} -> {when}: {text}\n"
        for message in market.advance(until_ns):
            key, text = self._streamed(message, market.symbols[message.symbol].listing)
            yield f"{message.ts_event + RECEIVE_DELAY_NS} {_envelope(key, text)}\n"

    def _streamed(self, message: Message, listing: Listing) -> tuple[str, str]:
        symbol = message.symbol.lower()
        match message:
            case Print():
                return f"{symbol}@trade", self.trade_text(message, listing)
            case Best():
                return f"{symbol}@bookTicker", self.quote_text(message, listing)
            case Depth():
                return f"{symbol}@depth@100ms", self.depth_text(message, listing, self._previous_of(message))

    def _previous_of(self, depth: Depth) -> int:
        """Give the last update of the depth message before; this one is the last from now on."""
        previous = self._previous.get(depth.symbol, depth.first_update_id - 1)
        self._previous[depth.symbol] = depth.last_update_id
        return previous

    # -- texts

    def price(self, value: int, listing: Listing) -> str:
        """Write a price: spot pads to eight digits, futures write the tick's."""
        return decimal_text(value, places_of(listing.tick) if self._section.futures else _SPOT_PLACES)

    def size(self, value: int, listing: Listing) -> str:
        """Write a size, or a number of contracts."""
        return decimal_text(value, places_of(listing.lot) if self._section.futures else _SPOT_PLACES)

    def levels(self, levels: Iterable[Level], listing: Listing) -> str:
        """Write one side of a book."""
        pairs = (f'["{self.price(price, listing)}","{self.size(size, listing)}"]' for price, size in levels)
        return f"[{','.join(pairs)}]"

    def trade_text(self, one: Print, listing: Listing) -> str:
        """Write a print for the stream `trade`."""
        ms = one.ts_event // NS_PER_MS
        price, size, maker = self.price(one.price, listing), self.size(one.size, listing), _bool(one.buyer_is_maker)
        if self._section.futures:
            return (
                f'{{"e":"trade","E":{ms},"T":{ms},"s":"{one.symbol}","t":{one.trade_id},"p":"{price}","q":"{size}",'
                f'"X":"MARKET","m":{maker}}}'
            )
        return (
            f'{{"e":"trade","E":{ms},"s":"{one.symbol}","t":{one.trade_id},"p":"{price}","q":"{size}","T":{ms},'
            f'"m":{maker},"M":true}}'
        )

    def agg_trade_text(self, one: Print, listing: Listing) -> str:
        """Write a print for the stream `aggTrade`: an aggregate of one, under the print's own id."""
        ms, number = one.ts_event // NS_PER_MS, one.trade_id
        price, size, maker = self.price(one.price, listing), self.size(one.size, listing), _bool(one.buyer_is_maker)
        best = "" if self._section.futures else ',"M":true'
        return (
            f'{{"e":"aggTrade","E":{ms},"s":"{one.symbol}","a":{number},"p":"{price}","q":"{size}","f":{number},'
            f'"l":{number},"T":{ms},"m":{maker}{best}}}'
        )

    def quote_text(self, best: Best, listing: Listing) -> str:
        """Write a best bid and offer; spot gives no time."""
        ms = best.ts_event // NS_PER_MS
        bid, bid_size = self.price(best.bid_price, listing), self.size(best.bid_size, listing)
        ask, ask_size = self.price(best.ask_price, listing), self.size(best.ask_size, listing)
        sides = f'"b":"{bid}","B":"{bid_size}","a":"{ask}","A":"{ask_size}"'
        if self._section.futures:
            pair = self._pair(best.symbol)
            return f'{{"e":"bookTicker","u":{best.update_id},"s":"{best.symbol}"{pair},{sides},"T":{ms},"E":{ms}}}'
        return f'{{"u":{best.update_id},"s":"{best.symbol}",{sides}}}'

    def depth_text(self, depth: Depth, listing: Listing, previous: int) -> str:
        """Write changed levels; futures name the update before (`pu`)."""
        ms = depth.ts_event // NS_PER_MS
        bids, asks = self.levels(depth.bids, listing), self.levels(depth.asks, listing)
        ids = f'"U":{depth.first_update_id},"u":{depth.last_update_id}'
        if self._section.futures:
            pair = self._pair(depth.symbol)
            return (
                f'{{"e":"depthUpdate","E":{ms},"T":{ms},"s":"{depth.symbol}"{pair},{ids},"pu":{previous},'
                f'"b":{bids},"a":{asks}}}'
            )
        return f'{{"e":"depthUpdate","E":{ms},"s":"{depth.symbol}",{ids},"b":{bids},"a":{asks}}}'

    def snapshot_text(self, snapshot: Snapshot, listing: Listing, ms: int) -> str:
        """Write a book as the REST interface does."""
        bids, asks = self.levels(snapshot.bids, listing), self.levels(snapshot.asks, listing)
        times = f'"E":{ms},"T":{ms},' if self._section.futures else ""
        if self._section.coin:
            times = f'"symbol":"{snapshot.symbol}","pair":"{snapshot.symbol.partition("_")[0]}",{times}'
        return f'{{"lastUpdateId":{snapshot.last_update_id},{times}"bids":{bids},"asks":{asks}}}'

    def _pair(self, symbol: str) -> str:
        return f',"ps":"{symbol.partition("_")[0]}"' if self._section.coin else ""


# --- captures ---------------------------------------------------------------------------------------------------------


def read_capture(row: bytes, symbol: str) -> Reading:
    """Read one captured row: a combined message, a bare one, or a REST snapshot."""
    try:
        content: Any = json.loads(row)
    except ValueError:
        return Reading()
    if not isinstance(content, dict):
        return Reading()
    if "lastUpdateId" in content:
        bids, asks = _levels_of(content["bids"]), _levels_of(content["asks"])
        return Reading(happened=(Snapshot(symbol, content["lastUpdateId"], bids, asks),))
    key, text, data = content.get("stream", ""), row.decode("utf-8", "replace"), content
    if key:
        data, text = content["data"], text[text.index('"data":') + len('"data":') : text.rindex("}")]
    key = key or _stream_of(data)
    return Reading(key, text, tuple(_happened(data)))


def _happened(data: Mapping[str, Any]) -> Iterable[Message]:
    match data.get("e", "bookTicker" if "A" in data and "B" in data else ""):
        case "trade":
            price, size = units(data["p"]), units(data["q"])
            yield Print(data["T"] * NS_PER_MS, data["s"], data["t"], price, size, data["m"])
        case "aggTrade":
            price, size = units(data["p"]), units(data["q"])
            yield Print(data["T"] * NS_PER_MS, data["s"], data["a"], price, size, data["m"])
        case "depthUpdate":
            bids, asks = _levels_of(data["b"]), _levels_of(data["a"])
            yield Depth(data["E"] * NS_PER_MS, data["s"], data["U"], data["u"], bids, asks)


def _stream_of(data: Mapping[str, Any]) -> str:
    channel = {"depthUpdate": "depth"}.get(str(data.get("e", "bookTicker")), str(data.get("e", "bookTicker")))
    return f"{str(data.get('s', '')).lower()}@{channel}" if "s" in data else ""


def _levels_of(levels: Iterable[tuple[str, str]]) -> tuple[Level, ...]:
    return tuple((units(price), units(size)) for price, size, *_ in levels)


def _envelope(stream: str, text: str) -> str:
    return f'{{"stream":"{stream}","data":{text}}}'


def _bool(value: bool) -> str:  # noqa: FBT001 - the venue's own flag
    return "true" if value else "false"
