"""Speak as Coinbase Exchange does: matches, level2, ticker and heartbeat, and the REST answers beside them.

Source: Coinbase Exchange's WebSocket and REST documentation (docs.cdp.coinbase.com/exchange), and real captures of its
2021 form, from which these channels have not changed.
"""

import json
from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID, uuid5

from aiohttp import web

from functions.domain.simulation import LISTINGS, Depth, Level, Listing, Message, Print, Snapshot
from functions.local.venues import coinbase_rest
from functions.local.venues.clients import Client
from functions.local.venues.coinbase_rest import bests_of, level_texts, maker_side, price_text
from functions.local.venues.sources import Reading
from functions.local.venues.texts import iso_ns, iso_text, json_text, trimmed, units

if TYPE_CHECKING:
    from functions.local.venues.exchange import Exchange

CHANNELS: Final = ("matches", "level2", "level2_batch", "ticker", "heartbeat")
DAY_PRINTS_MAX: Final = 1_000
"""Newest prints that a ticker's figures of the day are made of."""
_CHANNEL_OF: Final = {"match": "matches", "snapshot": "level2", "l2update": "level2", "ticker": "ticker"}
_ORDERS: Final = UUID("6f1b7a52-3d6e-5a43-9d9c-2a8f3c1b7e10")


class Coinbase:
    """Speak as Coinbase Exchange; a key is `<channel> <product>`."""

    name = "coinbase.exchange"
    heartbeat_s = 1.0

    def __init__(self) -> None:
        """Say nothing yet."""
        self._sequences: dict[str, int] = {}

    @staticmethod
    def listing(symbol: str) -> Listing:
        """Say how a product is priced, from the simulated market's own.

        Raises:
            ValueError: Its base currency is not simulated.

        >>> Coinbase.listing("ETH-USD").symbol
        'ETH-USD'
        """
        known = {one.symbol.removesuffix("USDT"): one for one in LISTINGS}
        base, dash, quote = symbol.partition("-")
        if base not in known or not (dash and quote):
            msg = f"product {symbol!r} is not simulated; write BASE-QUOTE, bases are {', '.join(known)}"
            raise ValueError(msg)
        return replace(known[base], symbol=symbol, lot=1)

    def routes(self, venue: "Exchange") -> Iterable[web.RouteDef]:
        """Give the paths it answers."""
        rest = coinbase_rest.routes(venue, self.sequence)
        return [web.get("/", venue.listen), web.get("/ws", venue.listen), *rest]

    def greet(self, venue: "Exchange", client: Client, request: web.Request) -> list[str]:  # noqa: ARG002 - the port's
        """Say nothing before a client asks."""
        return []

    def answer(self, venue: "Exchange", client: Client, text: str) -> list[str]:
        """Take `subscribe` and `unsubscribe`; books begin with a snapshot, matches with the last one."""
        try:
            request = json.loads(text)
            kind, wanted = request["type"], _wanted(request)
        except (ValueError, KeyError, TypeError, AttributeError):
            return [_error("Malformed JSON")]
        if kind not in {"subscribe", "unsubscribe"}:
            return [_error(f"Type {str(kind)[:40]} not supported")]
        for channel, product in wanted:
            if channel not in CHANNELS or product not in venue.listings:
                return [_error("Failed to subscribe", f"{product[:40]} or {channel[:40]} is not a valid subscription")]
        audience, fresh = venue.audience, []
        for channel, product in wanted:
            key = f"{channel} {product}"
            if kind == "subscribe" and audience.subscribe(client, key):
                fresh.append((channel, product))
            elif kind == "unsubscribe":
                audience.unsubscribe(client, key)
        first = (one for channel, product in fresh for one in self._first(venue, channel, product))
        return [_subscriptions(client), *first]

    def _first(self, venue: "Exchange", channel: str, product: str) -> Iterable[str]:
        listing, last = venue.listings[product], venue.ledger.last(product)
        if channel.startswith("level2") and (venue.book(product).bids or venue.book(product).asks):
            yield self.snapshot_text(product, *venue.book(product).best(coinbase_rest.LEVELS_MAX), listing)
        if channel == "matches" and last:
            yield self.match_text(last, listing, self.sequence(product), kind="last_match")
        if channel == "ticker" and last:
            yield self.ticker_text(venue, last, listing)

    def tell(self, venue: "Exchange", message: Message) -> list[tuple[str, str]]:
        """Write a message for each channel that anyone hears; a quote has no channel of its own."""
        listing, heard, symbol = venue.listings[message.symbol], venue.audience.heard, message.symbol
        match message:
            case Print():
                sequence = self._next(symbol)
                found = []
                if (key := f"matches {symbol}") in heard:
                    found.append((key, self.match_text(message, listing, sequence)))
                if (key := f"ticker {symbol}") in heard:
                    found.append((key, self.ticker_text(venue, message, listing)))
                return found
            case Depth():
                self._next(symbol, len(message.bids) + len(message.asks))
                keys = [key for channel in ("level2", "level2_batch") if (key := f"{channel} {symbol}") in heard]
                text = self.update_text(message, listing) if keys else ""
                return [(key, text) for key in keys]
            case _:
                return []

    def frame(self, client: Client, key: str, text: str) -> str:  # noqa: ARG002 - the port's shape
        """Give the text as it is."""
        return text

    def beat(self, venue: "Exchange", client: Client) -> list[str]:
        """Give a heartbeat for each product whose heartbeat channel the client hears."""
        products = [key.partition(" ")[2] for key in client.hears if key.startswith("heartbeat ")]
        return [self._heartbeat(venue, product) for product in products]

    def _heartbeat(self, venue: "Exchange", product: str) -> str:
        last = venue.ledger.last(product)
        return json_text(
            {
                "type": "heartbeat",
                "sequence": self.sequence(product),
                "last_trade_id": last.trade_id if last else 0,
                "product_id": product,
                "time": iso_text(venue.clock()),
            }
        )

    # -- texts

    def match_text(self, one: Print, listing: Listing, sequence: int, *, kind: str = "match") -> str:
        """Write a print; its side is the maker's."""
        return json_text(
            {
                "type": kind,
                "trade_id": one.trade_id,
                "maker_order_id": str(uuid5(_ORDERS, f"maker {one.symbol} {one.trade_id}")),
                "taker_order_id": str(uuid5(_ORDERS, f"taker {one.symbol} {one.trade_id}")),
                "side": maker_side(one),
                "size": trimmed(one.size),
                "price": price_text(one.price, listing),
                "product_id": one.symbol,
                "sequence": sequence,
                "time": iso_text(one.ts_event),
            }
        )

    def ticker_text(self, venue: "Exchange", one: Print, listing: Listing) -> str:
        """Write a ticker after a print, with the day's figures and the best bid and offer; its side is the taker's."""
        day = venue.ledger.newest(one.symbol, DAY_PRINTS_MAX)
        prices = [item.price for item in day] or [one.price]
        volume = trimmed(sum(item.size for item in day))
        bid, ask = bests_of(venue, one.symbol)
        return json_text(
            {
                "type": "ticker",
                "sequence": self.sequence(one.symbol),
                "product_id": one.symbol,
                "price": price_text(one.price, listing),
                "open_24h": price_text(prices[0], listing),
                "volume_24h": volume,
                "low_24h": price_text(min(prices), listing),
                "high_24h": price_text(max(prices), listing),
                "volume_30d": volume,
                "best_bid": price_text(bid, listing),
                "best_ask": price_text(ask, listing),
                "side": "sell" if one.buyer_is_maker else "buy",
                "time": iso_text(one.ts_event),
                "trade_id": one.trade_id,
                "last_size": trimmed(one.size),
            }
        )

    def snapshot_text(self, product: str, bids: Iterable[Level], asks: Iterable[Level], listing: Listing) -> str:
        """Write a whole book."""
        sides = {"asks": level_texts(asks, listing), "bids": level_texts(bids, listing)}
        return json_text({"type": "snapshot", "product_id": product, **sides})

    def update_text(self, depth: Depth, listing: Listing) -> str:
        """Write changed levels: side, price, size now."""
        changes = [["buy", *level] for level in level_texts(depth.bids, listing)]
        changes += [["sell", *level] for level in level_texts(depth.asks, listing)]
        return json_text(
            {"type": "l2update", "product_id": depth.symbol, "changes": changes, "time": iso_text(depth.ts_event)}
        )

    # -- sequences count every order event of a product, so these channels show holes

    def sequence(self, product: str) -> int:
        """Give the number of the last order event of a product."""
        return self._sequences.get(product, 0)

    def _next(self, product: str, events: int = 1) -> int:
        self._sequences[product] = self.sequence(product) + events
        return self._sequences[product]


# --- captures ---------------------------------------------------------------------------------------------------------


def read_capture(row: bytes, symbol: str) -> Reading:  # noqa: ARG001 - every message names its product
    """Read one captured row; a REST reply tells nothing here."""
    try:
        content: Any = json.loads(row)
    except ValueError:
        return Reading()
    if not isinstance(content, dict) or "product_id" not in content:
        return Reading()
    product, text = content["product_id"], row.decode("utf-8", "replace")
    channel = _CHANNEL_OF.get(content["type"])
    return Reading(f"{channel} {product}", text, tuple(_happened(content, product))) if channel else Reading()


def _happened(content: dict[str, Any], product: str) -> Iterable[Message | Snapshot]:
    match content["type"]:
        case "match":
            price, size, maker = units(content["price"]), units(content["size"]), content["side"] == "buy"
            yield Print(iso_ns(content["time"]), product, content["trade_id"], price, size, maker)
        case "snapshot":
            bids, asks = (tuple((units(p), units(s)) for p, s in content[name]) for name in ("bids", "asks"))
            yield Snapshot(product, 0, bids, asks)
        case "l2update":
            sides: dict[str, list[Level]] = {"buy": [], "sell": []}
            for side, price, size in content["changes"]:
                sides[side].append((units(price), units(size)))
            yield Depth(iso_ns(content["time"]), product, 0, 0, tuple(sides["buy"]), tuple(sides["sell"]))


# --- small texts ------------------------------------------------------------------------------------------------------


def _wanted(request: dict[str, Any]) -> list[tuple[str, str]]:
    """Read which channels of which products are meant; a channel may name its own products."""
    common = [str(one) for one in request.get("product_ids", [])]
    found = []
    for channel in request["channels"]:
        name = channel["name"] if isinstance(channel, dict) else channel
        products = channel.get("product_ids", common) if isinstance(channel, dict) else common
        found += [(str(name), str(product)) for product in products]
    return found


def _subscriptions(client: Client) -> str:
    channels: dict[str, list[str]] = {}
    for key in sorted(client.hears):
        channel, _, product = key.partition(" ")
        channels.setdefault(channel, []).append(product)
    listed = [{"name": name, "product_ids": products} for name, products in channels.items()]
    return json_text({"type": "subscriptions", "channels": listed})


def _error(message: str, reason: str = "") -> str:
    return json_text({"type": "error", "message": message, **({"reason": reason} if reason else {})})
