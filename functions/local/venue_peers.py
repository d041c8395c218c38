"""Put cryptofeed's own parsers beside ours: the same messages, through its handlers, to its callbacks.

cryptofeed is a tool of measuring that nothing here needs and that has no wheel, so it is installed by whoever compares,
and loaded when asked for; no connection is opened.
"""

import asyncio
import importlib
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import Any, Final, TypeAlias

Feed: TypeAlias = Any
"""A feed of cryptofeed's, which has no types."""
Parser: TypeAlias = Callable[[Sequence[bytes]], object]
"""Takes all messages through cryptofeed's handler, one by one, as it would from a socket."""

NAME: Final = "cryptofeed"
_READ_WITH: Final = "2.4.1"
_RECEIVED_S: Final = 1.7e9
_NUMBER: Final = re.compile(r'"(pu|u)":(\d+)')


@dataclass(frozen=True, slots=True)
class Peer:
    """Say how cryptofeed reads one kind of message.

    Args:
        exchange: Name of its class.
        channel: Name of its channel.
        symbol: The symbol as it and as the venue writes it.
        write: Makes of our message the one that it reads.
        prepare: Readies the feed before each round; it is given the feed and the first message.
    """

    exchange: str
    channel: str
    symbol: tuple[str, str]
    write: Callable[[str], str] = str
    prepare: Callable[[Feed, str, str], None] = lambda _feed, _pair, _message: None


def _as_aggregate(message: str) -> str:
    """Write a trade as the aggregate trade that cryptofeed reads, which has an `a` where a trade has a `t`."""
    return message.replace("@trade", "@aggTrade").replace('"e":"trade"', '"e":"aggTrade"').replace('"t":', '"a":')


def _contiguous(message: str) -> str:
    """Number a depth message so that it follows the one before."""
    return _NUMBER.sub(lambda found: f'"{found[1]}":{int(found[2]) - (found[1] == "pu")}', message)


def _empty_book(feed: Feed, pair: str, message: str) -> None:
    """Give a feed the book that the messages go on from."""
    book = importlib.import_module("cryptofeed.types").OrderBook
    feed._l2_book[pair] = book(feed.id, pair, bids={}, asks={})  # noqa: SLF001 - its snapshot would ask the venue
    found = dict(_NUMBER.findall(message))
    if found:
        feed.last_update_id = {pair: int(found["pu"])}


_BINANCE: Final = ("BTC-USDT", "BTCUSDT")
_COINBASE: Final = ("BTC-USD", "BTC-USD")
_KRAKEN: Final = ("BTC-USD", "XBT/USD")
PEERS: Final[Mapping[tuple[str, str], Peer]] = {
    ("binance.spot", "trade"): Peer("Binance", "trades", _BINANCE, _as_aggregate),
    ("binance.spot", "bookTicker"): Peer("Binance", "ticker", _BINANCE),
    ("binance.usdm", "depthUpdate"): Peer("BinanceFutures", "l2_book", _BINANCE, _contiguous, _empty_book),
    ("coinbase.advanced", "market_trades"): Peer("Coinbase", "trades", _COINBASE),
    ("kraken.v1", "trade"): Peer("Kraken", "trades", _KRAKEN),
    ("kraken.v1", "ticker"): Peer("Kraken", "ticker", _KRAKEN),
    ("kraken.v1", "book"): Peer("Kraken", "l2_book", _KRAKEN, prepare=_empty_book),
}
"""What cryptofeed reads of the kinds that are timed: its Coinbase is Advanced Trade and has no ticker."""


def told() -> str:
    """Say which cryptofeed stands beside ours, or why none does."""
    try:
        return f"{NAME} {version(NAME)}"
    except PackageNotFoundError:
        return f"{NAME} is not installed (it has no wheel: pip install {NAME}=={_READ_WITH} builds it)"


def parser(dialect: str, kind: str, rows: Sequence[bytes]) -> Parser | None:
    """Give cryptofeed's parser of messages; None where it reads no such kind or is not installed.

    Args:
        dialect: The dialect.
        kind: The kind of message.
        rows: Our messages.

    Raises:
        ValueError: It does not take all of them, when it runs.
    """
    peer = PEERS.get((dialect, kind))
    if peer is None:
        return None
    try:
        feed, taken = _feed(peer)
    except ImportError:
        return None
    messages = [peer.write(row.decode()) for row in rows]

    async def hand_over() -> None:
        handle = feed.message_handler
        for message in messages:
            await handle(message, None, _RECEIVED_S)

    def read(_: Sequence[bytes]) -> None:
        taken.clear()
        peer.prepare(feed, peer.symbol[0], messages[0])
        asyncio.run(hand_over())
        if len(taken) != len(messages):
            message = f"{NAME} took {len(taken)} of {len(messages)} {dialect} {kind}; a sample has to be right"
            raise ValueError(message)

    return read


def _feed(peer: Peer) -> tuple[Feed, list[None]]:
    """Make a feed that knows one symbol, asks nobody, and notes what comes to its callback."""
    exchange = getattr(importlib.import_module("cryptofeed.exchanges"), peer.exchange)
    symbols = importlib.import_module("cryptofeed.symbols").Symbols
    own, venues = peer.symbol
    symbols.set(exchange.id, {own: venues}, {"instrument_type": {own: "spot"}})
    taken: list[None] = []

    async def take(_: object, __: float) -> None:
        taken.append(None)

    feed = exchange(symbols=[own], channels=[peer.channel], callbacks={peer.channel: take})
    feed.std_symbol_mapping, feed.exchange_symbol_mapping = {own: venues}, {venues: own}
    return feed, taken
