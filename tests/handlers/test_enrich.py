"""`enrich` answers every TickBatch with its ticks and what was known of their instruments; the table of its errors."""

import pathlib
from dataclasses import replace
from decimal import Decimal

import pytest
from referred import instrument
from ticking import T0, Trade, batch

from functions.adapters.calendars import shipped_calendars
from functions.adapters.memory_reference import MemoryReference
from functions.adapters.postgres import Pool
from functions.adapters.postgres_reference import PostgresReference
from functions.domain.loads import Update
from functions.domain.market import InstrumentRef, Rejection
from functions.domain.reference import AssetClass, Instrument, Status, TradingStatus
from functions.domain.sessions import SessionState
from functions.handlers.enrich import CARD
from functions.handlers.enrich.handler import Deps, handle
from functions.handlers.enrich.main import Settings, compose
from functions.handlers.enrich.sheets import Sheets
from functions.ports.errors import Unavailable
from functions.runtime.outcomes import status_of
from functions.wire.codecs.enriched import ENRICHED_BATCH, decode_enriched_batch
from functions.wire.codecs.market import encode_tick_batch
from functions.wire.codecs.reference import write_instruments_json
from functions.wire.envelope import Event
from functions.wire.errors import Malformed
from functions.wire.facts import batch_id

NOBODY = "postgresql://p@127.0.0.1:9/none"
ETH = instrument("ETH-USDT.BINANCE", symbol="ETHUSDT", asset_class=AssetClass.CRYPTO, calendar="24X7")
AAPL = instrument("AAPL.US", symbol="AAPL", asset_class=AssetClass.EQUITY, calendar="XNYS", sector="Technology")
REF = {one.instrument_id: one.ref for one in (ETH, AAPL)}


def ticks(*ids: str, time_ns: int | None = T0, **more: object) -> Event:
    """Make a TickBatch event of one trade an instrument."""
    known = tuple(REF.get(name, InstrumentRef(name, -2, -3)) for name in ids)
    value = batch([Trade(T0 + n, instrument=n) for n in range(len(ids))], 40, known, **more)  # type: ignore[arg-type]
    return Event(
        id="cause",
        source="/tickloom/handlers/normalize/BINANCE-0.replay",
        type="tickloom.market.v1.TickBatch",
        data=encode_tick_batch(value),
        time_ns=time_ns,
        extensions={"sequence": "00000000000000000007", "partitionkey": "BINANCE-0", "correlationid": "first"},
    )


def deps(*instruments: Instrument) -> Deps:
    """Give what the handler needs."""
    return Deps(MemoryReference(instruments or (ETH, AAPL)), Sheets(shipped_calendars(), sheets_max=100))


async def answer(event: Event, needs: Deps) -> Event:
    """Answer one event; there always is an answer."""
    reply = await handle(event, deps=needs)
    assert reply is not None
    return reply


async def test_one_batch_in_one_batch_out() -> None:
    """The answer names the version of the reference, follows its cause, and keeps its time and ticks."""
    event = ticks("ETH-USDT.BINANCE", "AAPL.US")
    reply = await answer(event, deps())
    found, facts = decode_enriched_batch(reply.data or b"")
    assert (reply.type, reply.source) == (ENRICHED_BATCH, "/tickloom/handlers/enrich/BINANCE-0.replay")
    assert (reply.id, reply.time_ns) == (batch_id(reply.source, 7), T0)
    assert reply.extensions["sequence"] == "00000000000000000007"
    assert (reply.extensions["causationid"], reply.extensions["correlationid"]) == ("cause", "first")
    assert reply.extensions["referenceversion"] == "memory"
    assert encode_tick_batch(found) == event.data
    assert [(one.instrument_id, one.asset_class) for one in facts] == [
        ("ETH-USDT.BINANCE", AssetClass.CRYPTO),
        ("AAPL.US", AssetClass.EQUITY),
    ]
    # 2023-11-15 00:00 UTC is 19:00 in New York, after the session of the 14th.
    assert [one.session.state for one in facts] == [SessionState.REGULAR, SessionState.POST]


async def test_the_same_event_twice_gives_equal_bytes() -> None:
    """What is said is a function of event and reference: in any process, warm or cold, whatever came between."""
    event, needs = ticks("ETH-USDT.BINANCE", "AAPL.US", "NO.WHERE"), deps()
    first = await answer(event, needs)
    assert await answer(event, needs) == first
    await answer(ticks("AAPL.US", "ETH-USDT.BINANCE", time_ns=T0 + 86_400 * 10**9), needs)
    assert await answer(event, needs) == first == await answer(event, deps())


async def test_time_decides() -> None:
    """A halt is told from its time on, to events of any order."""
    halted = replace(ETH, statuses=(Status(TradingStatus.HALTED, T0, "LUDP"),))
    needs = deps(halted)
    found = [
        decode_enriched_batch((await answer(ticks("ETH-USDT.BINANCE", time_ns=time), needs)).data or b"")[1][0].status
        for time in (T0, T0 - 1, T0)
    ]
    assert [(one.status.name, one.reason) for one in found] == [("HALTED", "LUDP"), ("TRADING", ""), ("HALTED", "LUDP")]


async def test_rejections_stay_behind() -> None:
    """The rows that broke a rule are not carried, nor their count; ticks are otherwise the same."""
    rejected = Rejection(41, "bad_json", "found [", b"[", "binance.spot", T0)
    event = ticks("ETH-USDT.BINANCE", rejections=(rejected,))
    counted = replace(event, extensions={**event.extensions, "rejected": "1"})
    reply = await answer(counted, deps())
    assert "rejected" not in reply.extensions
    assert reply.data == (await answer(ticks("ETH-USDT.BINANCE"), deps())).data


@pytest.mark.parametrize("mark", ["heartbeat", "end_of_tape"])
async def test_clock_and_end_travel_on(mark: str) -> None:
    """A heartbeat and the end of a tape, which name no instrument, are answered with their flag."""
    found, facts = decode_enriched_batch((await answer(ticks(**{mark: True}), deps())).data or b"")  # type: ignore[arg-type]
    assert (getattr(found, mark), facts) == (True, ())


async def test_an_unknown_instrument() -> None:
    """An instrument nobody knows passes, and is said to be unknown."""
    _, (facts,) = decode_enriched_batch((await answer(ticks("NO.WHERE"), deps())).data or b"")
    assert (facts.instrument_id, facts.known) == ("NO.WHERE", False)


async def test_a_load_is_seen() -> None:
    """After a load the next event says the new facts, and names the new version."""
    reference = MemoryReference((ETH,))
    needs = Deps(reference, Sheets({}, sheets_max=10))
    before = await answer(ticks("ETH-USDT.BINANCE"), needs)
    await reference.take_in([Update(replace(ETH, sector="Layer 1"))], at_ns=0, source="test")
    after = await answer(ticks("ETH-USDT.BINANCE"), needs)
    assert decode_enriched_batch(after.data or b"")[1][0].sector == "Layer 1"
    assert before.extensions["referenceversion"] != after.extensions["referenceversion"]


async def test_sheets_are_bounded() -> None:
    """More instruments than facts may be kept of are answered all the same."""
    few = Deps(MemoryReference(), Sheets({}, sheets_max=3))
    event = ticks(*(f"I{n}.V" for n in range(20)))
    assert (await answer(event, few)).data == (await answer(event, deps())).data


@pytest.mark.parametrize("data", [b"\xff", b"\x0a\x05ab"])
async def test_malformed(data: bytes) -> None:
    """Bytes that are no TickBatch go to the dead letters at once: 400."""
    with pytest.raises(Malformed) as caught:
        await handle(replace(ticks("AAPL.US"), data=data), deps=deps())
    assert status_of(caught.value) == 400


async def test_no_store_at_all() -> None:
    """Without a store the shipped file answers; nothing is opened."""
    hosted = compose(Settings())
    reply = await hosted.handle(ticks("ETH-USDT.BINANCE"))
    assert hosted.card == CARD
    assert reply is not None
    assert str(reply.extensions["referenceversion"]).startswith("file.")
    assert decode_enriched_batch(reply.data or b"")[1][0].known
    await hosted.close()


async def test_store_down() -> None:
    """With the store down from the start the file answers for what it knows; the rest is retried: 503."""
    hosted = compose(Settings(database_url=NOBODY, redis_url="redis://127.0.0.1:9/0"))
    reply = await hosted.handle(ticks("ETH-USDT.BINANCE"))
    assert reply is not None
    assert str(reply.extensions["referenceversion"]).startswith("/file.")
    with pytest.raises(Unavailable) as caught:
        await hosted.handle(ticks("ETH-USDT.BINANCE", "NO.WHERE"))
    assert status_of(caught.value) == 503
    await hosted.close()


async def test_with_stores(database_url: str, redis_url: str, tmp_path: pathlib.Path) -> None:
    """With PostgreSQL and Redis, what was loaded is said, the file fills in, and the version names both."""
    file = tmp_path / "instruments.json"
    file.write_bytes(write_instruments_json([instrument("FILE.V", symbol="F", sector="file")]))
    pool = Pool(database_url)
    store = PostgresReference(pool)
    await store.take_in([Update(AAPL)], at_ns=0, source="test")
    name = await store.version()
    await pool.close()
    hosted = compose(Settings(database_url=database_url, redis_url=f"{redis_url[:-1]}13", reference=str(file)))
    event = ticks("AAPL.US", "FILE.V")
    reply = await hosted.handle(event)
    assert reply is not None
    facts = decode_enriched_batch(reply.data or b"")[1]
    assert [one.sector for one in facts] == ["Technology", "file"]
    assert facts[0].steps is not None
    assert facts[0].steps.tick_size == Decimal("0.01")
    assert str(reply.extensions["referenceversion"]).startswith(f"{name}/file.")
    assert await hosted.handle(event) == reply
    await hosted.close()


@pytest.mark.parametrize(
    "wrong", [{"reference_check_ms": 0}, {"reference_instruments_max": 0}, {"reference_version": -1}]
)
def test_settings_that_cannot_be(wrong: dict[str, int]) -> None:
    """Limits that would serve nothing stop the start."""
    with pytest.raises(ValueError, match=next(iter(wrong))):
        Settings(**wrong)  # type: ignore[arg-type]  # by name
