"""Each simulated venue keeps its own venue's rules and remembers what it has said."""

import asyncio
import itertools
import json
import pathlib
from decimal import Decimal

import pytest
from venue_clients import (
    BINANCE,
    REST,
    STREAMING,
    Levels,
    ask,
    checked,
    heard,
    heard_verbatim,
    plan,
    playing,
    said,
    trade_ids,
    wanted,
)
from websockets.asyncio.client import connect

from functions.domain.market import TRADE_INFORMS_ONLY
from functions.domain.simulation import Print
from functions.local.venues.exchange import VenueOptions, serving
from functions.local.venues.ledger import Ledger, candles
from functions.local.venues.plans import KITS, Plan, build
from functions.wire.batching import Label, Mark, batch_of
from functions.wire.venues.registry import decoder_of


@pytest.mark.parametrize("dialect", STREAMING)
async def test_trades_are_the_ledger(dialect: str) -> None:
    """A client that misses nothing has exactly the ledger's trades, in their order."""
    async with playing(plan(dialect)) as (venue, socket):
        for request in wanted(dialect):
            await socket.send(request)
        await heard(socket, dialect)
        await venue.play(3)
        ids = trade_ids(dialect, await heard(socket, dialect))
        assert ids == said(venue, dialect, KITS[dialect].symbols[0])
        assert len(ids) > 20


@pytest.mark.parametrize("dialect", BINANCE)
@pytest.mark.parametrize("gap", [False, True], ids=["whole", "gap"])
async def test_binance_books_chain(dialect: str, *, gap: bool) -> None:
    """Depth messages chain from one to the next and from the REST snapshot on, unless one is withheld."""
    symbol = KITS[dialect].symbols[0]
    async with playing(plan(dialect)) as (venue, socket):
        await socket.send(wanted(dialect, "book")[0])
        await heard(socket, dialect)
        await venue.play(1)
        _, snapshot = await ask(venue, f"{REST[dialect]}/depth?symbol={symbol}&limit=1000")
        if gap:
            await ask(venue, f"/faults/gap?kind=book&symbol={symbol}", "POST")
        await venue.play(2)
        depths = [one["data"] for one in await heard(socket, dialect)]
        assert all(one["e"] == "depthUpdate" for one in depths)
        chained = [
            later["pu"] == earlier["u"] if "pu" in later else later["U"] == earlier["u"] + 1
            for earlier, later in itertools.pairwise(depths)
        ]
        assert chained.count(False) == gap
        book = Levels()
        for side, name in (("b", "bids"), ("a", "asks")):
            book.put(side, snapshot[name])
        for one in depths:
            if one["u"] > snapshot["lastUpdateId"]:
                book.put("b", one["b"])
                book.put("a", one["a"])
        _, later = await ask(venue, f"{REST[dialect]}/depth?symbol={symbol}&limit=1000")
        equal = [list(map(list, book.best(side))) == later[name] for side, name in (("b", "bids"), ("a", "asks"))]
        assert gap or all(equal)


@pytest.mark.parametrize("depth", [10, 25])
@pytest.mark.parametrize("dialect", ["kraken.v1", "kraken.v2"])
async def test_kraken_checksums(dialect: str, depth: int) -> None:
    """A book cut at its depth after each message has the checksum each message tells, and no longer after a gap."""
    symbol = KITS[dialect].symbols[0]
    v1 = {"event": "subscribe", "pair": [symbol], "subscription": {"name": "book", "depth": depth}}
    v2 = {"method": "subscribe", "params": {"channel": "book", "symbol": [symbol], "depth": depth}}
    async with playing(plan(dialect)) as (venue, socket):
        await socket.send(json.dumps(v1 if dialect == "kraken.v1" else v2))
        await venue.play(3)
        whole = checked(dialect, await heard_verbatim(socket, dialect), book := Levels(), depth)
        assert len(whole) > 20
        assert all(whole)
        await ask(venue, f"/faults/gap?kind=book&symbol={symbol}", "POST")
        await venue.play(1)
        assert not checked(dialect, await heard_verbatim(socket, dialect), book, depth)[0]


async def test_second_subscriber_gets_the_book_as_it_is() -> None:
    """Who subscribes to a book that others hear already gets a snapshot that later updates go on from."""
    subscribe = wanted("kraken.v2", "book")[0]
    async with playing(plan("kraken.v2")) as (venue, first):
        await first.send(subscribe)
        await heard(first, "kraken.v2")
        await venue.play(1)
        async with connect(f"ws://127.0.0.1:{venue.port}/v2") as second:
            await second.send(subscribe)
            await heard_verbatim(first, "kraken.v2")
            await venue.play(1)
            assert all(checked("kraken.v2", await heard_verbatim(second, "kraken.v2"), Levels(), 10))


async def test_coinbase_book_is_the_venues() -> None:
    """Snapshot and updates make the book that REST gives; the side of a match is the maker's."""
    async with playing(plan("coinbase.exchange")) as (venue, socket):
        await socket.send(wanted("coinbase.exchange", "book", "trade")[0])
        await heard(socket, "coinbase.exchange")
        await socket.send(json.dumps({"type": "unsubscribe", "product_ids": ["BTC-USD"], "channels": ["level2"]}))
        await socket.send(wanted("coinbase.exchange", "book")[0])
        await venue.play(2)
        book = Levels()
        messages = await heard(socket, "coinbase.exchange")
        for one in messages:
            if one["type"] == "snapshot":
                book = Levels()
                book.put("b", one["bids"])
                book.put("a", one["asks"])
            for side, price, size in one.get("changes", []):
                book.put("b" if side == "buy" else "a", [(price, size)])
        _, rest = await ask(venue, "/products/BTC-USD/book?level=2")
        for side, name in (("b", "bids"), ("a", "asks")):
            assert [list(level) for level in book.best(side)] == [level[:2] for level in rest[name]]
        makers = {one["trade_id"]: one["side"] for one in messages if one["type"] == "match"}
        assert {
            one.trade_id: "buy" if one.buyer_is_maker else "sell" for one in venue.ledger.trades("BTC-USD")
        } == makers


async def test_a_plan_is_paced_by_the_clock() -> None:
    """Without being told to play, a venue trades in real time from its first subscriber on."""
    async with serving(build(Plan("kraken.v2", rate=500))) as venue, connect(f"ws://127.0.0.1:{venue.port}/v2") as one:
        await one.send(wanted("kraken.v2", "trade")[0])
        async with asyncio.timeout(10):
            while '"type":"update","data":[{"symbol"' not in str(await one.recv()):
                pass


@pytest.mark.parametrize(
    ("dialect", "symbols", "message"),
    [("nasdaq", (), "binance.spot"), ("kraken.v2", ("XX/USD",), "BTC"), ("coinbase.exchange", ("BTC",), "BASE-QUOTE")],
)
def test_unknown_venues_and_symbols_are_refused(dialect: str, symbols: tuple[str, ...], message: str) -> None:
    """A plan that cannot be built says what can."""
    with pytest.raises(ValueError, match=message):
        build(Plan(dialect, symbols))


async def test_kraken_capture_is_played_whole(captures: pathlib.Path) -> None:
    """A captured book channel comes as it was recorded: every one of its 4,269 checksums matches."""
    path = captures / "kraken_ws_20210417/KRAKEN.ws.50.0.gz"
    pairs = ("XMR/USD", "WAVES/EUR", "KSM/XBT", "GRT/ETH", "SC/EUR", "ETH/CHF", "OCEAN/XBT", "OMG/USD", "XBT/CHF")
    one = Plan("kraken.v1", (*pairs, "ADA/XBT"), 1_000.0, capture=path, options=VenueOptions(paced=False))
    subscribe = {"event": "subscribe", "pair": list(one.symbols), "subscription": {"name": "book", "depth": 1000}}
    async with playing(one) as (venue, socket):
        await socket.send(json.dumps(subscribe))
        await heard(socket, "kraken.v1")
        await venue.play(1)
        books: dict[str, Levels] = {}
        results: list[bool] = []
        for message in await heard_verbatim(socket, "kraken.v1"):
            if isinstance(message, list):
                results += checked("kraken.v1", [message], books.setdefault(message[-1], Levels()), 1000)
        assert (len(results), all(results)) == (4_269, True)
        assert venue.source.ended


async def test_binance_capture_answers_its_snapshot(captures: pathlib.Path) -> None:
    """A played capture answers REST with its own books, and its trades come with the ids they had."""
    path = captures / "binance_usdm_ws_ethusdt/ethusdt_20240808.gz"
    one = Plan("binance.usdm", ("ETHUSDT",), 50.0, capture=path, options=VenueOptions(paced=False))
    async with playing(one) as (venue, socket):
        await socket.send('{"method":"SUBSCRIBE","id":1,"params":["ethusdt@trade"]}')
        await heard(socket, "binance.usdm")
        _, snapshot = await ask(venue, "/fapi/v1/depth?symbol=ETHUSDT&limit=1000")
        assert snapshot["lastUpdateId"] == 5_123_107_856_276
        await venue.play(0.5)
        ids = trade_ids("binance.usdm", await heard(socket, "binance.usdm"))
        assert ids == list(range(ids[0], ids[0] + len(ids)))
        assert ids == said(venue, "binance.usdm", "ETHUSDT")


def test_the_ledger_is_bounded() -> None:
    """The oldest prints are let go and counted; the newest stay findable."""
    ledger = Ledger(prints_max=16)
    for number in range(100):
        ledger.add(Print(number * 10, "X", number, 1, 1, buyer_is_maker=False))
    assert len(ledger) <= 18
    assert ledger.forgotten == 100 - len(ledger)
    assert [one.trade_id for one in ledger.from_id("X", 98, 5)] == [98, 99]
    assert [one.trade_id for one in ledger.before_id("X", 98, 2)] == [96, 97]
    assert [one.trade_id for one in ledger.between("X", 970, 991, limit=9)] == [97, 98, 99]


def test_candles_add_up() -> None:
    """Bars of prints have their first, greatest, least and last price, and what was bought."""
    prints = [
        Print(5, "X", 1, 10, 2, buyer_is_maker=False),
        Print(9, "X", 2, 30, 1, buyer_is_maker=True),
        Print(31, "X", 3, 20, 1, buyer_is_maker=True),
    ]
    assert list(candles(prints, 10)) == [(0, 10, 30, 10, 30, 3, 50, 2, 2, 20), (30, 20, 20, 20, 20, 1, 20, 1, 0, 0)]


@pytest.mark.parametrize("dialect", STREAMING)
async def test_what_is_said_decodes(dialect: str) -> None:
    """The project's own decoder reads every message of a venue, refuses none, and finds the ledger's trades."""
    symbol = KITS[dialect].symbols[0]
    channels = ("trade", "book", "spread" if dialect == "kraken.v1" else "ticker")
    if dialect in (*BINANCE, "coinbase.exchange"):
        channels = ("trade", "book", "quote")
    async with playing(plan(dialect)) as (venue, socket):
        for request in wanted(dialect, *channels):
            await socket.send(request)
        await heard(socket, dialect)
        await venue.play(3)
        rows = [json.dumps(one, separators=(",", ":")).encode() for one in await heard(socket, dialect)]
        prints = venue.ledger.trades(symbol)
    now = prints[-1].ts_event
    label = Label("X-0", "X-0.test", dialect, bar_channel="match" if dialect == "coinbase.exchange" else "")
    batch = batch_of(label, [(row, now) for row in rows], Mark(0, now), keep=lambda *_: None)
    ticks = decoder_of(dialect)(batch, {}, future_skew_ms_max=10_000)
    assert [(one.reason, one.detail) for one in ticks.rejections] == []
    feeding = (ticks.trades.flags & TRADE_INFORMS_ONLY) == 0
    assert int(feeding.sum()) == len(prints)
    assert len(ticks.book.row) > 20
    (ref,) = set(ticks.instruments)
    scale = Decimal(10) ** ref.price_exponent
    prices = [Decimal(value) * scale for value in ticks.trades.price[feeding].tolist()]
    assert prices == [Decimal(one.price).scaleb(-8) for one in prints]
