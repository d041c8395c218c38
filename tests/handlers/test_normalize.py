"""`normalize` answers every RawBatch with one TickBatch, whatever its rows are worth."""

import json
import pathlib

import numpy as np
import pytest
from referred import instrument

from functions.adapters.memory_reference import MemoryReference
from functions.adapters.postgres import Pool
from functions.adapters.postgres_reference import PostgresReference
from functions.adapters.reference import BadReference, FileReference
from functions.domain.loads import Update
from functions.domain.market import RawBatch
from functions.handlers.normalize import CARD
from functions.handlers.normalize.handler import Deps, handle, units_from
from functions.handlers.normalize.main import Settings, compose
from functions.ports.errors import Unavailable
from functions.wire.codecs.market import TICK_BATCH, decode_tick_batch, encode_raw_batch
from functions.wire.envelope import Event
from functions.wire.errors import Malformed
from functions.wire.facts import batch_id

NOW = 1_723_161_255_340_863_867
TRADE = (
    b'{"stream":"ethusdt@trade","data":{"e":"trade","E":1723161255612,"s":"ETHUSDT","t":1520538925,'
    b'"p":"2683.80000000","q":"0.00200000","T":1723161255611,"m":true,"M":true}}'
)
QUOTE = (
    b'{"stream":"ethusdt@bookTicker","data":{"u":35346513501,"s":"ETHUSDT",'
    b'"b":"2683.80000000","B":"3.02920000","a":"2683.81000000","A":"31.43950000"}}'
)


def raw(*rows: bytes, **more: object) -> Event:
    """Make a RawBatch event."""
    values: dict[str, object] = {
        "shard": "BINANCE-0",
        "stream": "BINANCE-0.replay",
        "dialect": "binance.spot",
        "first_row": 40,
        "payload": b"".join(rows),
        "offsets": np.cumsum([0, *map(len, rows)]).astype(np.uint32),
        "ts_receive": np.full(len(rows), NOW, np.int64),
        "symbol": "ETHUSDT",
        "bar_channel": "trade",
        **more,
    }
    return event_of(encode_raw_batch(RawBatch(**values)))  # type: ignore[arg-type] # fields are picked by the caller


def event_of(data: bytes) -> Event:
    """Wrap a RawBatch's bytes as the feed does."""
    return Event(
        id="cause",
        source="/tickloom/feeds/replay/BINANCE-0.replay",
        type="tickloom.market.v1.RawBatch",
        data=data,
        time_ns=NOW,
        extensions={"sequence": "00000000000000000007", "partitionkey": "BINANCE-0", "correlationid": "first"},
    )


@pytest.fixture(scope="module")
def deps() -> Deps:
    """Give what the handler needs, with the shipped reference."""
    return Deps(units=units_from(FileReference()), future_skew_ms_max=10_000)


async def answer(event: Event, deps: Deps) -> Event:
    """Answer one event; there always is an answer."""
    reply = await handle(event, deps=deps)
    assert reply is not None
    return reply


async def test_one_batch_in_one_batch_out(deps: Deps) -> None:
    """The answer names its rows, follows its cause, and takes the greatest venue time."""
    reply = await answer(raw(TRADE, QUOTE), deps)
    batch = decode_tick_batch(reply.data or b"")
    assert reply.type == TICK_BATCH
    assert reply.source == "/tickloom/handlers/normalize/BINANCE-0.replay"
    assert reply.id == batch_id(reply.source, 7)
    assert reply.time_ns == 1723161255611_000_000
    assert reply.extensions["sequence"] == "00000000000000000007"
    assert reply.extensions["causationid"] == "cause"
    assert reply.extensions["correlationid"] == "first"
    assert "rejected" not in reply.extensions
    assert (batch.first_row, batch.row_count) == (40, 2)
    assert batch.kinds == (("bookTicker", 1), ("trade", 1))


async def test_units_come_from_the_reference(deps: Deps) -> None:
    """Prices and sizes count in the units of the shipped reference."""
    batch = decode_tick_batch((await answer(raw(TRADE), deps)).data or b"")
    (ref,) = batch.instruments
    assert ref == (await deps.units("BINANCE", NOW))["ETHUSDT"]
    assert (ref.instrument_id, ref.price_exponent) == ("ETH-USDT.BINANCE", -2)
    assert batch.trades.price.tolist() == [268380]
    assert int(batch.trades.size[0]) * 10.0**ref.size_exponent == pytest.approx(0.002)


async def test_the_same_event_twice_gives_equal_bytes(deps: Deps) -> None:
    """Answering is a function of the event, however often and in whatever process it is asked."""
    event = raw(TRADE, b"{", QUOTE, TRADE.replace(b'"2683', b'"x'))
    first = await answer(event, deps)
    assert await answer(event, deps) == first
    assert await answer(event, Deps(units_from(FileReference()), 10_000)) == first


async def test_bad_rows_ride_along(deps: Deps) -> None:
    """Rejected rows are counted in the attribute `rejected`, as text, and leave the good rows alone."""
    reply = await answer(raw(b"{", TRADE, b"7"), deps)
    batch = decode_tick_batch(reply.data or b"")
    assert reply.extensions["rejected"] == "2"
    assert [(one.row, one.reason) for one in batch.rejections] == [(40, "bad_json"), (42, "wrong_type")]
    assert batch.trades.row.tolist() == [1]


async def test_a_batch_of_bad_rows_is_answered_too(deps: Deps) -> None:
    """The sequence has no hole: an all-bad batch gives an empty one at its cause's time."""
    reply = await answer(raw(b"{"), deps)
    assert reply.time_ns == NOW
    assert reply.extensions["rejected"] == "1"
    assert len(decode_tick_batch(reply.data or b"").trades.row) == 0


@pytest.mark.parametrize("mark", ["heartbeat", "end_of_tape"])
async def test_clock_and_end_travel_on(deps: Deps, mark: str) -> None:
    """A heartbeat and the end of a tape are answered with their flag and clock."""
    reply = await answer(raw(**{mark: True, "ts_cut_ns": 5}), deps)
    batch = decode_tick_batch(reply.data or b"")
    assert getattr(batch, mark)
    assert batch.ts_cut_ns == 5
    assert reply.time_ns == NOW


async def test_truncated_bytes_are_malformed(deps: Deps) -> None:
    """Half a RawBatch is Malformed."""
    data = raw(TRADE, QUOTE).data or b""
    with pytest.raises(Malformed):
        await handle(event_of(data[: len(data) // 2]), deps=deps)


async def test_an_unknown_dialect_is_malformed(deps: Deps) -> None:
    """Rows that no decoder reads are Malformed as a whole."""
    with pytest.raises(Malformed, match="kraken"):
        await handle(raw(TRADE, dialect="kraken"), deps=deps)


async def test_compose_gives_the_handler() -> None:
    """The composed handler answers; nothing was opened."""
    hosted = compose(Settings())
    reply = await hosted.handle(raw(TRADE))
    assert hosted.card == CARD
    assert reply is not None
    assert reply.extensions["handlerversion"] == CARD.version


async def test_skew_is_set_by_the_settings() -> None:
    """The captures are 1.27 s ahead; with less allowed every trade is refused."""
    hosted = compose(Settings(future_skew_ms_max=100))
    reply = await hosted.handle(raw(TRADE))
    assert reply is not None
    assert reply.extensions["rejected"] == "1"


def reference_file(folder: pathlib.Path, **changes: str) -> pathlib.Path:
    """Write a reference of one instrument."""
    record = {
        "instrument_id": "X-Y.BINANCE",
        "venue_symbol": "XY",
        "venue": "BINANCE",
        "tick_size": "0.5",
        "lot_size": "10",
        **changes,
    }
    path = folder / "instruments.json"
    path.write_text(json.dumps({"instruments": [record]}))
    return path


async def test_another_reference_may_be_named(tmp_path: pathlib.Path) -> None:
    """Steps become exponents: 0.5 moves in tenths, 10 in ones; a finer step that still rests in the book counts."""
    path = reference_file(tmp_path)
    units = compose(Settings(reference=str(path))).handle.keywords["deps"].units  # type: ignore[attr-defined]
    one = (await units("BINANCE", NOW))["XY"]
    assert (one.price_exponent, one.size_exponent) == (-1, 0)
    (finer,) = await FileReference(reference_file(tmp_path, finest_lot="0.01")).listed("BINANCE")
    assert finer.ref.size_exponent == -2


@pytest.mark.parametrize("changes", [{"tick_size": "0"}, {"lot_size": "NaN"}, {"tick_size": "-1"}, {"colour": "red"}])
def test_a_bad_reference_stops_the_start(tmp_path: pathlib.Path, changes: dict[str, str]) -> None:
    """A reference with a step that is none, or a field that is not known, is refused with its path."""
    with pytest.raises(BadReference, match=r"instruments\.json"):
        FileReference(reference_file(tmp_path, **changes))


def test_a_missing_reference_stops_the_start(tmp_path: pathlib.Path) -> None:
    """A reference that is not there is refused with what to do."""
    with pytest.raises(BadReference, match="name another one"):
        FileReference(tmp_path / "none.json")


async def test_an_unknown_venue_has_no_instruments() -> None:
    """Asking for a venue that the file does not list gives nothing."""
    assert await FileReference().listed("NOWHERE") == ()


async def test_symbols_are_those_of_the_time() -> None:
    """A ticker that was reused means the instrument that had it when the rows came."""
    old = instrument("OLD.BINANCE", symbol="ETHUSDT", listed_to_ns=NOW)
    new = instrument("NEW.BINANCE", symbol="ETHUSDT", listed_from_ns=NOW)
    needs = Deps(units_from(MemoryReference([old, new])), 10_000)
    early = raw(TRADE, ts_receive=np.full(1, NOW - 10**9, np.int64))
    found = [decode_tick_batch((await answer(event, needs)).data or b"") for event in (raw(TRADE), early)]
    assert [batch.instruments[0].instrument_id for batch in found] == ["NEW.BINANCE", "OLD.BINANCE"]


async def test_a_load_is_seen() -> None:
    """An instrument that is listed while the handler runs has its own units from the next batch on."""
    reference = MemoryReference()
    needs = Deps(units_from(reference), 10_000)
    before = decode_tick_batch((await answer(raw(TRADE), needs)).data or b"")
    await reference.take_in([Update(instrument("E-U.BINANCE", symbol="ETHUSDT"))], at_ns=0, source="test")
    after = decode_tick_batch((await answer(raw(TRADE), needs)).data or b"")
    assert before.instruments[0].instrument_id != after.instruments[0].instrument_id == "E-U.BINANCE"


async def test_store_down() -> None:
    """A store that cannot be asked is not taken for one that knows nothing: the delivery is retried."""
    hosted = compose(Settings(database_url="postgresql://p@127.0.0.1:9/none"))
    with pytest.raises(Unavailable):
        await hosted.handle(raw(TRADE))
    await hosted.close()


async def test_with_a_store(database_url: str) -> None:
    """What was loaded goes before the file; the file fills in."""
    pool = Pool(database_url)
    eth = instrument("ETH-USDT.BINANCE", symbol="ETHUSDT", tick="0.001")
    await PostgresReference(pool).take_in([Update(eth)], at_ns=0, source="test")
    await pool.close()
    hosted = compose(Settings(database_url=database_url))
    found = [
        decode_tick_batch(((await hosted.handle(raw(row))) or raw()).data or b"").instruments[0]
        for row in (TRADE, TRADE.replace(b"ETHUSDT", b"BTCUSDT").replace(b"ethusdt", b"btcusdt"))
    ]
    assert [(one.instrument_id, one.price_exponent) for one in found] == [
        ("ETH-USDT.BINANCE", -3),
        ("BTC-USDT.BINANCE", -2),
    ]
    await hosted.close()
