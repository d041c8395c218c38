"""Speak as Kraken's WebSocket v1 does: arrays of channel id, payload, channel name and pair, and checked books.

Source: Kraken's documentation, "Spot WebSockets v1", and real captures of 2021.
"""

import json
from collections.abc import Iterable
from itertools import count
from typing import TYPE_CHECKING, Any, Final

from aiohttp import web

from functions.domain.market import NS_PER_S
from functions.domain.simulation import Best, Depth, Level, Listing, Message, Print, Snapshot
from functions.local.venues import kraken_rest
from functions.local.venues.clients import Client
from functions.local.venues.kraken import DEPTHS, SIZE_PLACES, Change, Views, checksum, listing, v1_places
from functions.local.venues.sources import Reading
from functions.local.venues.texts import NS_PER_US, decimal_text, json_text, seconds_text, units

if TYPE_CHECKING:
    from functions.local.venues.exchange import Exchange

CHANNELS: Final = ("trade", "ticker", "spread", "book")
DAY_PRINTS_MAX: Final = 1_000
VERSION: Final = "1.9.6"
_CHANNELS_A_PAIR: Final = 16


class KrakenV1:
    """Speak v1; a key is `<channel name> <pair>`, for example `book-10 XBT/USD`."""

    name = "kraken.v1"
    heartbeat_s = 1.0

    def __init__(self) -> None:
        """Say nothing yet."""
        self._views = Views()
        self._places: dict[str, int] = {}
        self._channels: dict[str, int] = {}
        self._numbers: dict[str, count[int]] = {}
        self._connections = count(18_239_578_009_413_566_319)

    listing = staticmethod(listing)

    def routes(self, venue: "Exchange") -> Iterable[web.RouteDef]:
        """Give the paths it answers."""
        return [web.get("/", venue.listen), web.get("/ws", venue.listen), *kraken_rest.routes(venue)]

    def greet(self, venue: "Exchange", client: Client, request: web.Request) -> list[str]:  # noqa: ARG002 - the port's
        """Say that the system is online."""
        status = {"connectionID": next(self._connections), "event": "systemStatus"}
        return [json_text({**status, "status": "online", "version": VERSION})]

    def answer(self, venue: "Exchange", client: Client, text: str) -> list[str]:
        """Take subscribe, unsubscribe and ping."""
        try:
            request = json.loads(text)
            event = request["event"]
            number = {"reqid": request["reqid"]} if "reqid" in request else {}
            if event == "ping":
                return [json_text({"event": "pong", **number})]
            pairs, wanted = [*map(str, request["pair"])], request["subscription"]
            channel, depth = str(wanted["name"]), int(wanted.get("depth", DEPTHS[0]))
        except (ValueError, KeyError, TypeError, AttributeError):
            return [json_text({"errorMessage": "Malformed request", "event": "error"})]
        if event not in {"subscribe", "unsubscribe"}:
            return [json_text({"errorMessage": "Unsupported event", "event": "error", **number})]
        subscription = {"depth": depth, "name": channel} if channel == "book" else {"name": channel}
        found: list[str] = []
        for pair in pairs:
            common = {"pair": pair, "subscription": subscription, **number}
            if problem := _problem(venue, channel, depth, pair):
                found.append(
                    json_text({"errorMessage": problem, "event": "subscriptionStatus", "status": "error", **common})
                )
            else:
                found += self._subscribe(venue, client, _key(channel, depth, pair), common, on=event == "subscribe")
        return found

    def _subscribe(
        self, venue: "Exchange", client: Client, key: str, common: dict[str, Any], *, on: bool
    ) -> Iterable[str]:
        name, _, pair = key.partition(" ")
        fresh = key not in venue.audience.heard
        status = "subscribed" if on else "unsubscribed"
        changed = (venue.audience.subscribe if on else venue.audience.unsubscribe)(client, key)
        channel = {"channelID": self._channel(key), "channelName": name}
        yield json_text({**channel, "event": "subscriptionStatus", "status": status, **common})
        if not (on and changed):
            return
        if name.startswith("book-"):
            depth, book = int(name.removeprefix("book-")), venue.book(pair)
            view = (self._views.begin if fresh else self._views.of)(pair, depth, book)
            if view.bids or view.asks:
                yield self.snapshot_text(key, view.bids, view.asks, venue)
        elif name == "ticker" and venue.ledger.last(pair):
            yield self.ticker_text(venue, pair)

    def tell(self, venue: "Exchange", message: Message) -> list[tuple[str, str]]:
        """Write a message for each channel that anyone hears."""
        pair, heard = message.symbol, venue.audience.heard
        match message:
            case Print():
                told: list[tuple[str, str]] = []
                if (key := f"trade {pair}") in heard:
                    told.append((key, self.trade_text(key, [message], venue)))
                if (key := f"ticker {pair}") in heard:
                    told.append((key, self.ticker_text(venue, pair)))
                return told
            case Best():
                key = f"spread {pair}"
                return [(key, self.spread_text(key, message, venue))] if key in heard else []
            case Depth():
                return [text for depth in DEPTHS if (text := self._depth(venue, message, depth)) is not None]

    def _depth(self, venue: "Exchange", message: Depth, depth: int) -> tuple[str, str] | None:
        pair, key = message.symbol, f"book-{depth} {message.symbol}"
        if key not in venue.audience.heard:
            return None
        bids, asks = self._views.of(pair, depth, venue.book(pair)).follow(venue.book(pair), message)
        if not (bids or asks):
            return None
        return key, self.book_text(key, bids, asks, venue=venue, ts=message.ts_event)

    def frame(self, client: Client, key: str, text: str) -> str:  # noqa: ARG002 - the port's shape
        """Give the text as it is."""
        return text

    def beat(self, venue: "Exchange", client: Client) -> list[str]:  # noqa: ARG002 - the port's shape
        """Give a heartbeat to whoever has subscribed to anything."""
        return ['{"event":"heartbeat"}'] if client.hears else []

    # -- texts

    def trade_text(self, key: str, prints: Iterable[Print], venue: "Exchange") -> str:
        """Write prints: price, volume, time, side of the taker, market order, nothing else."""
        rows = [
            [
                self._price(one.price, venue.listings[one.symbol]),
                decimal_text(one.size, SIZE_PLACES),
                seconds_text(one.ts_event),
                "s" if one.buyer_is_maker else "b",
                "m",
                "",
            ]
            for one in prints
        ]
        return self._wrapped(key, rows)

    def spread_text(self, key: str, best: Best, venue: "Exchange") -> str:
        """Write a best bid and offer: bid, ask, time, bid volume, ask volume."""
        found = venue.listings[best.symbol]
        bid, ask = self._price(best.bid_price, found), self._price(best.ask_price, found)
        sizes = decimal_text(best.bid_size, SIZE_PLACES), decimal_text(best.ask_size, SIZE_PLACES)
        return self._wrapped(key, [bid, ask, seconds_text(best.ts_event), *sizes])

    def ticker_text(self, venue: "Exchange", pair: str) -> str:
        """Write a ticker; its figures of the day are those of the newest prints, `today` and `24 hours` alike."""
        found, day = venue.listings[pair], venue.ledger.newest(pair, DAY_PRINTS_MAX)
        prices, volume = [one.price for one in day], sum(one.size for one in day)
        mean = sum(one.price * one.size for one in day) // max(volume, 1)
        bids, asks = venue.book(pair).best(1)
        last = [self._price(prices[-1], found), decimal_text(day[-1].size, SIZE_PLACES)]
        twice = {"v": decimal_text(volume, SIZE_PLACES), "p": decimal_text(mean, SIZE_PLACES)}
        ends = {"l": min(prices), "h": max(prices), "o": prices[0]}
        content: dict[str, object] = {"a": self._top(asks, found), "b": self._top(bids, found), "c": last}
        content |= {name: [text, text] for name, text in twice.items()}
        content["t"] = [len(day), len(day)]
        content |= {name: [self._price(value, found)] * 2 for name, value in ends.items()}
        return self._wrapped(f"ticker {pair}", content)

    def snapshot_text(self, key: str, bids: Iterable[Level], asks: Iterable[Level], venue: "Exchange") -> str:
        """Write a whole book: `as` and `bs`, no checksum."""
        found, at = venue.listings[key.partition(" ")[2]], seconds_text(venue.clock())
        sides = {
            name: [[self._price(price, found), decimal_text(size, SIZE_PLACES), at] for price, size in side]
            for name, side in (("as", asks), ("bs", bids))
        }
        return self._wrapped(key, sides)

    def book_text(self, key: str, bids: list[Change], asks: list[Change], *, venue: "Exchange", ts: int) -> str:
        """Write changed levels, each side an object of its own, the last one with the checksum of the book after it."""
        name, _, pair = key.partition(" ")
        found = venue.listings[pair]
        view = self._views.of(pair, int(name.removeprefix("book-")), venue.book(pair))
        parts: list[dict[str, object]] = [
            {letter: [self._level(one, found, ts) for one in side]}
            for letter, side in (("a", asks), ("b", bids))
            if side
        ]
        parts[-1]["c"] = str(checksum(view.bids, view.asks, self._place(found)))
        return self._wrapped(key, *parts)

    def _level(self, one: Change, found: Listing, ts: int) -> list[str]:
        texts = [self._price(one.price, found), decimal_text(one.size, SIZE_PLACES), seconds_text(ts)]
        return [*texts, "r"] if one.republished else texts

    def _top(self, side: tuple[Level, ...], found: Listing) -> list[object]:
        price, size = side[0] if side else (0, 0)
        text = decimal_text(size, SIZE_PLACES)
        return [self._price(price, found), int(text.partition(".")[0]), text]

    def _wrapped(self, key: str, *payload: object) -> str:
        name, _, pair = key.partition(" ")
        return json_text([self._channel(key), *payload, name, pair])

    def _channel(self, key: str) -> int:
        return self._channels.setdefault(key, (len(self._channels) + 1) * _CHANNELS_A_PAIR)

    def _place(self, found: Listing) -> int:
        return self._places.get(found.symbol) or v1_places(found)

    def _price(self, value: int, found: Listing) -> str:
        return decimal_text(value, self._place(found))

    # -- captures

    def read_capture(self, row: bytes, symbol: str) -> Reading:  # noqa: ARG002 - every message names its pair
        """Read one captured row, and take note of the digits its prices have."""
        try:
            content: Any = json.loads(row)
        except ValueError:
            return Reading()
        match content:
            case [int(), *payload, str(name), str(pair)]:
                key = f"{name} {pair}"
                return Reading(key, row.decode("utf-8", "replace"), tuple(self._happened(name, pair, payload)))
            case _:
                return Reading()

    def _happened(self, name: str, pair: str, payload: list[Any]) -> Iterable[Message | Snapshot]:
        if name == "trade":
            numbers = self._numbers.setdefault(pair, count(1))
            for price, size, at, side, *_ in payload[0]:
                yield Print(_ns(at), pair, next(numbers), units(price), units(size), side == "s")
        elif name.startswith("book-"):
            sides: dict[str, list[list[str]]] = {}
            for part in payload:
                sides |= part
            bids, asks = (_levels(sides.get(letter) or sides.get(letter + "s", [])) for letter in "ba")
            if "as" in sides or "bs" in sides:
                self._places[pair] = len((sides.get("as") or sides["bs"])[0][0].partition(".")[2])
                yield Snapshot(pair, 0, bids, asks)
            else:
                times = [_ns(level[2]) for side in "ab" for level in sides.get(side, [])]
                yield Depth(max(times), pair, 0, 0, bids, asks)


def _problem(venue: "Exchange", channel: str, depth: int, pair: str) -> str:
    if pair not in venue.listings:
        return f"Currency pair not supported {pair[:40]}"
    if channel not in CHANNELS:
        return "Subscription name invalid"
    return "Subscription depth not supported" if depth not in DEPTHS else ""


def _key(channel: str, depth: int, pair: str) -> str:
    return f"book-{depth} {pair}" if channel == "book" else f"{channel} {pair}"


def _levels(levels: list[list[str]]) -> tuple[Level, ...]:
    return tuple((units(price), units(size)) for price, size, *_ in levels)


def _ns(seconds: str) -> int:
    whole, _, micros = seconds.partition(".")
    return int(whole) * NS_PER_S + int(micros.ljust(6, "0")[:6] or "0") * NS_PER_US
