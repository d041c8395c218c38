"""The feature store over gRPC on loopback, with real Redis and PostgreSQL behind it and with their twins."""

import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, TypeAlias

import grpc
import grpc.aio
import numpy as np
import pytest
from redis.asyncio import Redis
from scored import BTC, Row, columns_of
from stores import fresh_database
from tickloom.features.v1 import service_pb2, service_pb2_grpc
from trading import serving

from functions.adapters.memory_features import MemoryOffline, MemoryOnline
from functions.adapters.postgres import Pool
from functions.adapters.postgres_features import PostgresFeatures
from functions.adapters.redis_features import EXPIRED_KEPT_MS, RedisFeatures
from functions.domain.features import known_from
from functions.domain.indicators.registry import NAMES
from functions.domain.market import NS_PER_S, STATE_DEGENERATE, FeatureBatch, InstrumentRef
from functions.ports.features import Moves
from functions.runtime import settings
from functions.services.features import CARD
from functions.services.features import store as stores
from functions.services.features.main import Settings, compose
from functions.services.features.service import FeaturesServicer
from functions.services.features.store import FeatureStore, Limits
from functions.wire.codecs.feature_store import KEYS_MAX

Stub: TypeAlias = "service_pb2_grpc.FeaturesServiceAsyncStub"

DATABASE = "13"
ETH = InstrumentRef("ETH-USDT.BINANCE", -3, -5)
LATE_NS = 250_000_000
NOW = 2_000 * NS_PER_S
BULL = {"rsi_14": 71.5, "macd": 2.0, "macd_signal": 1.5, "macd_hist": 0.5, "sma_20": 59_000.0, "ema_20": 60_000.0}
BANDS = {"bb_upper": 61_000.0, "bb_lower": 57_000.0}


@dataclass
class Served:
    """A service that answers, with its stores."""

    stub: Stub
    online: MemoryOnline | RedisFeatures
    offline: MemoryOffline | PostgresFeatures
    server: "Redis | None" = None

    async def put(self, *rows: Row, sequence: int = 1) -> None:
        """Write rows as `project` does."""
        batch = FeatureBatch("BINANCE-0", columns_of(rows, instruments=(BTC, ETH)))
        known = known_from(batch.columns, told_ns=0, lateness_ns=LATE_NS)
        await self.online.put(batch, available_ns=known)
        await self.offline.put(batch, available_ns=known, sequence=sequence)


@contextlib.asynccontextmanager
async def answering(
    online: MemoryOnline | RedisFeatures, offline: MemoryOffline | PostgresFeatures, limits: Limits | None = None
) -> AsyncIterator[Stub]:
    servicer = FeaturesServicer(FeatureStore(online, offline, limits), now_ns=lambda: NOW)
    register = partial(service_pb2_grpc.add_FeaturesServiceServicer_to_server, servicer)
    async with serving(CARD, register) as target, grpc.aio.insecure_channel(target) as channel:
        yield service_pb2_grpc.FeaturesServiceStub(channel)


@pytest.fixture(params=["memory", "real"])
def place(request: pytest.FixtureRequest) -> tuple[str, str]:
    """Say where the stores are, Redis and PostgreSQL; nowhere for the twins."""
    if request.param == "memory":
        return "", ""
    url = str(request.getfixturevalue("redis_url")).rsplit("/", 1)[0] + "/" + DATABASE
    return url, str(request.getfixturevalue("postgres_url"))


@pytest.fixture
async def served(place: tuple[str, str]) -> AsyncIterator[Served]:
    """Serve from the twins and from real stores, empty."""
    url, postgres_url = place
    if not url:
        memory = MemoryOnline(), MemoryOffline()
        async with answering(*memory) as stub:
            yield Served(stub, *memory)
        return
    pool = Pool(await fresh_database(postgres_url))
    online, offline = RedisFeatures(url), PostgresFeatures(pool)
    async with Redis.from_url(url) as server:
        await server.flushdb()
        async with answering(online, offline) as stub:
            yield Served(stub, online, offline, server)
    await online.close()
    await offline.close()
    await pool.close()


def values(vector: service_pb2.FeatureVector) -> list[float]:
    return np.frombuffer(vector.values, "<f8").tolist()


async def refused(call: Any, code: grpc.StatusCode = grpc.StatusCode.INVALID_ARGUMENT) -> str:  # noqa: ANN401 - any call
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call
    assert caught.value.code() is code
    return str(caught.value.details())


# --- now --------------------------------------------------------------------------------------------------------------


async def test_newest(served: Served) -> None:
    """Every pair is answered in the order asked: the newest row with its times and age, or that there is none."""
    await served.put(Row(bar=99, features={"a": 1.0}), Row(bar=100, features={"a": 2.5}, revision=3))
    request = service_pb2.GetFeaturesRequest(instrument_ids=["X", BTC.instrument_id], intervals_s=[5, 60])
    answer = await served.stub.GetFeatures(request)
    assert [(one.instrument_id, one.interval_s) for one in answer.vectors] == [
        ("X", 5),
        ("X", 60),
        (BTC.instrument_id, 5),
        (BTC.instrument_id, 60),
    ]
    assert [one.presence for one in answer.vectors] == [
        service_pb2.PRESENCE_MISSING,
        service_pb2.PRESENCE_MISSING,
        service_pb2.PRESENCE_FOUND,
        service_pb2.PRESENCE_MISSING,
    ]
    found = answer.vectors[2]
    assert (found.start_ns, found.end_ns) == (500 * NS_PER_S, 505 * NS_PER_S)
    assert (found.revision, found.close, found.offline) == (3, "60000", False)
    assert found.available_ns == 505 * NS_PER_S + LATE_NS
    assert (answer.as_of_ns, found.age_ns) == (NOW, NOW - found.available_ns)
    assert (list(answer.names), values(found), found.states) == (["a"], [2.5], b"\x01")
    assert (answer.vectors[0].values, answer.vectors[0].states) == (b"", b"")


async def test_chosen_names(served: Served) -> None:
    """Names are answered in the order asked, each with its state; one that the row does not have is absent."""
    row = Row(features={"a": 1.0, "b": 2.0, "flat": 0.0}, states={"flat": STATE_DEGENERATE, "b": 0})
    await served.put(row)
    request = service_pb2.GetFeaturesRequest(
        instrument_ids=[BTC.instrument_id], intervals_s=[5], names=["flat", "none", "a", "b"]
    )
    answer = await served.stub.GetFeatures(request)
    assert list(answer.names) == ["flat", "none", "a", "b"]
    assert (values(answer.vectors[0]), answer.vectors[0].states) == ([0.0, 0.0, 1.0, 0.0], bytes((2, 3, 1, 0)))


async def test_no_future_online(served: Served) -> None:
    """Who asks with a time is not shown what was known only later; with the fallback he gets what was known."""
    await served.put(Row(bar=100, features={"a": 1.0}))
    await served.put(Row(bar=101, features={"a": 2.0}))
    as_of_ns = 505 * NS_PER_S + LATE_NS
    request = service_pb2.GetFeaturesRequest(instrument_ids=[BTC.instrument_id], intervals_s=[5], as_of_ns=as_of_ns)
    (alone,) = (await served.stub.GetFeatures(request)).vectors
    request.offline_fallback = True
    (fallen,) = (await served.stub.GetFeatures(request)).vectors
    assert (alone.presence, alone.values) == (service_pb2.PRESENCE_MISSING, b"")
    assert (fallen.presence, fallen.offline, values(fallen)) == (service_pb2.PRESENCE_FOUND, True, [1.0])
    assert fallen.age_ns == 0


async def test_expired(redis_url: str) -> None:
    """What outlived its time is said to be expired, with no value; the fallback finds it where it was asked for."""
    url = redis_url.rsplit("/", 1)[0] + "/" + DATABASE
    online, offline = RedisFeatures(url), MemoryOffline()
    async with Redis.from_url(url) as server, answering(online, offline) as stub:
        await server.flushdb()
        await Served(stub, online, offline).put(Row(features={"a": 1.0}))
        (key,) = [one async for one in server.scan_iter("features:row:*")]
        await server.pexpire(key, EXPIRED_KEPT_MS)  # the server's own clock, moved
        request = service_pb2.GetFeaturesRequest(instrument_ids=[BTC.instrument_id], intervals_s=[5])
        (expired,) = (await stub.GetFeatures(request)).vectors
        request.offline_fallback = True
        (found,) = (await stub.GetFeatures(request)).vectors
    await online.close()
    assert (expired.presence, expired.values) == (service_pb2.PRESENCE_EXPIRED, b"")
    assert (found.presence, found.offline) == (service_pb2.PRESENCE_FOUND, True)


# --- then -------------------------------------------------------------------------------------------------------------


async def test_as_of(served: Served) -> None:
    """As of a time, the features known then are answered, never those of a bar that ends later."""
    await served.put(*(Row(bar=bar, features={"a": float(bar)}) for bar in (100, 101, 102)))
    request = service_pb2.GetFeaturesAsOfRequest(
        instrument_ids=[BTC.instrument_id, ETH.instrument_id], intervals_s=[5], as_of_ns=510 * NS_PER_S + LATE_NS + 1
    )
    answer = await served.stub.GetFeaturesAsOf(request)
    assert [values(one) for one in answer.vectors] == [[101.0], []]
    assert [one.presence for one in answer.vectors] == [service_pb2.PRESENCE_FOUND, service_pb2.PRESENCE_MISSING]
    assert answer.vectors[0].age_ns == 1


def training(*points: tuple[int, int, int], names: tuple[str, ...] = ()) -> service_pb2.GetTrainingSetRequest:
    """Ask for points, each an instrument's number, an interval and a time."""
    instruments, intervals, times = zip(*points, strict=True)
    return service_pb2.GetTrainingSetRequest(
        instrument_ids=[BTC.instrument_id, ETH.instrument_id],
        instrument=np.array(instruments, "<u2").tobytes(),
        interval_s=np.array(intervals, "<i4").tobytes(),
        as_of_ns=np.array(times, "<i8").tobytes(),
        names=names,
    )


async def test_training_set(served: Served) -> None:
    """Each point gets what was known at its own time, in the order asked; a point too early gets nothing."""
    await served.put(*(Row(bar=bar, features={"a": float(bar), "b": 1.0}) for bar in (100, 101)))
    known = 505 * NS_PER_S + LATE_NS
    answer = await served.stub.GetTrainingSet(
        training((0, 5, known + 5 * NS_PER_S), (0, 5, known - 1), (0, 5, known), (1, 5, NOW), names=("a", "c"))
    )
    assert list(answer.found) == [1, 0, 1, 0]
    assert np.frombuffer(answer.values, "<f8").reshape(4, 2).tolist() == [[101, 0], [0, 0], [100, 0], [0, 0]]
    assert list(answer.states) == [1, 3, 3, 3, 1, 3, 3, 3]
    assert np.frombuffer(answer.start_ns, "<i8").tolist() == [505 * NS_PER_S, 0, 500 * NS_PER_S, 0]
    assert np.frombuffer(answer.available_ns, "<i8").tolist() == [known + 5 * NS_PER_S, 0, known, 0]


async def test_training_set_names(served: Served) -> None:
    """Without names the columns are all that any row has."""
    await served.put(Row(features={"a": 1.0}))
    await served.put(Row(features={"b": 2.0}, interval_s=60))
    answer = await served.stub.GetTrainingSet(training((0, 60, NOW * 9), (0, 5, NOW * 9)))
    assert list(answer.names) == ["b", "a"]
    assert np.frombuffer(answer.values, "<f8").tolist() == [2.0, 0.0, 0.0, 1.0]


# --- as they move -----------------------------------------------------------------------------------------------------


async def next_of(call: Any) -> service_pb2.StreamFeaturesResponse:  # noqa: ANN401 - a call of the stub
    message = await call.read()
    assert isinstance(message, service_pb2.StreamFeaturesResponse)
    return message


async def test_stream(served: Served) -> None:
    """A stream begins with what is there, then tells of each step forward, only of what was chosen."""
    await served.put(Row(features={"a": 1.0}), Row(features={"a": 1.0}, instrument=1))
    call = served.stub.StreamFeatures(service_pb2.StreamFeaturesRequest(instrument_ids=[BTC.instrument_id]))
    first = await next_of(call)
    await served.put(Row(bar=101, features={"a": 9.0}, instrument=1), Row(bar=101, features={"a": 2.0}))
    second = await next_of(call)
    call.cancel()
    assert (first.snapshot, [values(one) for one in first.vectors]) == (True, [[1.0]])
    assert (second.snapshot, [values(one) for one in second.vectors]) == (False, [[2.0]])
    assert np.frombuffer(second.conflated, "<i4").tolist() == [0]
    assert second.vectors[0].instrument_id == BTC.instrument_id


async def test_stream_says_what_is_missing(served: Served) -> None:
    """What is named but not there is said to be missing; where nothing is named and nothing there, a cursor comes."""
    named = service_pb2.StreamFeaturesRequest(instrument_ids=["X"], intervals_s=[5])
    for request, expected in ((named, [service_pb2.PRESENCE_MISSING]), (service_pb2.StreamFeaturesRequest(), [])):
        call = served.stub.StreamFeatures(request)
        first = await next_of(call)
        call.cancel()
        assert (first.snapshot, [one.presence for one in first.vectors]) == (True, expected)
        assert first.cursor


async def test_stream_resumes(served: Served) -> None:
    """With the cursor of the last message a stream goes on: every series that moved meanwhile comes once, newest."""
    call = served.stub.StreamFeatures(service_pb2.StreamFeaturesRequest())
    cursor = (await next_of(call)).cursor
    call.cancel()
    for bar in (100, 101, 102):
        await served.put(Row(bar=bar, features={"a": float(bar)}))
    await served.put(Row(bar=50, features={"a": 7.0}, instrument=1))
    call = served.stub.StreamFeatures(service_pb2.StreamFeaturesRequest(cursor=cursor))
    message = await next_of(call)
    call.cancel()
    assert not message.snapshot
    assert [values(one) for one in message.vectors] == [[102.0], [7.0]]
    assert np.frombuffer(message.conflated, "<i4").tolist() == [2, 0]
    assert message.cursor != cursor


async def test_stream_of_a_lost_cursor(served: Served) -> None:
    """A cursor that cannot be gone on from gets everything that is there, and is told so."""
    await served.put(Row(features={"a": 1.0}))
    call = served.stub.StreamFeatures(service_pb2.StreamFeaturesRequest(cursor="9999999999999-7"))
    message = await next_of(call)
    call.cancel()
    assert (message.snapshot, len(message.vectors)) == (True, 1)


async def test_slow_reader_catches_up_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """A backlog longer than one look is read to its end before anything is sent: each series once, with the count."""
    monkeypatch.setattr(stores, "BACKLOG", 2)

    class Small(MemoryOnline):
        async def moves(self, cursor: str, *, wait_ms: int) -> Moves:
            got = await super().moves(cursor, wait_ms=wait_ms)
            return Moves(got.keys[:2], f"0-{int(cursor[2:]) + len(got.keys[:2])}")

    online, offline = Small(), MemoryOffline()
    async with answering(online, offline) as stub:
        for bar in range(7):
            await Served(stub, online, offline).put(Row(bar=bar, features={"a": float(bar)}))
        call = stub.StreamFeatures(service_pb2.StreamFeaturesRequest(cursor="0-0"))
        message = await next_of(call)
        call.cancel()
    assert [values(one) for one in message.vectors] == [[6.0]]
    assert np.frombuffer(message.conflated, "<i4").tolist() == [6]
    assert message.cursor == "0-7"


async def test_stream_in_pieces() -> None:
    """More series than one message holds come in several; only the last has a cursor, so that none is skipped."""
    online, offline = MemoryOnline(), MemoryOffline()
    async with answering(online, offline, Limits(keys=2)) as stub:
        rows = [Row(features={"a": 1.0}, interval_s=one, instrument=at) for one in (1, 5, 60) for at in (0, 1)]
        await Served(stub, online, offline).put(*rows[:5])
        call = stub.StreamFeatures(service_pb2.StreamFeaturesRequest())
        messages = [await next_of(call) for _ in range(3)]
        call.cancel()
    assert [len(one.vectors) for one in messages] == [2, 2, 1]
    assert [bool(one.cursor) for one in messages] == [False, False, True]


async def test_streams_end_and_are_bounded() -> None:
    """A stream ends after its time, before routers cut it; one more than may be open is refused."""
    online, offline = MemoryOnline(), MemoryOffline()
    async with answering(online, offline, Limits(stream_s=0.0)) as stub:
        assert [one async for one in stub.StreamFeatures(service_pb2.StreamFeaturesRequest())] == []
    async with answering(online, offline, Limits(streams=1)) as stub:
        first = stub.StreamFeatures(service_pb2.StreamFeaturesRequest())
        await next_of(first)
        second = stub.StreamFeatures(service_pb2.StreamFeaturesRequest())
        await refused(second.read(), grpc.StatusCode.RESOURCE_EXHAUSTED)
        first.cancel()


# --- what they are, and what they say ---------------------------------------------------------------------------------


async def test_registry(served: Served) -> None:
    """Every feature is listed in column order with what there is to know of it; a family narrows the list."""
    everything = (await served.stub.ListFeatures(service_pb2.ListFeaturesRequest())).features
    assert [one.name for one in everything] == list(NAMES)
    assert all(one.family and one.formula and one.unit and one.warm_up_bars > 0 for one in everything)
    (rsi,) = [one for one in everything if one.name == "rsi_14"]
    assert (rsi.family, rsi.warm_up_bars) == ("momentum", 15)
    trend = (await served.stub.ListFeatures(service_pb2.ListFeaturesRequest(family="trend"))).features
    assert {one.family for one in trend} == {"trend"}


def asking(*indicators: str) -> service_pb2.GetIndicatorsRequest:
    return service_pb2.GetIndicatorsRequest(
        instrument_id=BTC.instrument_id, interval_s=5, indicators=indicators, as_of_ns=NOW
    )


async def test_indicators(served: Served) -> None:
    """Each indicator comes with its period and its verdict."""
    await served.put(Row(features=BULL | BANDS, close=6_200_000))
    answer = await served.stub.GetIndicators(asking())
    assert (answer.presence, answer.close) == (service_pb2.PRESENCE_FOUND, "62000")
    assert (answer.rsi.value, answer.rsi.period, answer.rsi.verdict) == (71.5, 14, service_pb2.VERDICT_OVERBOUGHT)
    lines = answer.macd.macd, answer.macd.signal, answer.macd.histogram
    assert (lines, answer.macd.bias) == ((2.0, 1.5, 0.5), service_pb2.VERDICT_BULLISH)
    bands = answer.bb.upper, answer.bb.middle, answer.bb.lower
    assert (bands, answer.bb.verdict) == ((61_000.0, 59_000.0, 57_000.0), service_pb2.VERDICT_ABOVE_BANDS)
    assert (answer.sma.value, answer.sma.bias) == (59_000.0, service_pb2.VERDICT_BULLISH)
    assert (answer.ema.period, answer.ema.bias) == (20, service_pb2.VERDICT_BULLISH)


async def test_indicators_chosen(served: Served) -> None:
    """Only what is asked for is answered; one that is not known is refused by name."""
    await served.put(Row(features=BULL))
    answer = await served.stub.GetIndicators(asking("rsi"))
    assert (answer.HasField("rsi"), answer.HasField("macd")) == (True, False)
    assert "there are rsi, macd" in await refused(served.stub.GetIndicators(asking("rsy")))


@pytest.mark.parametrize(
    ("states", "state"),
    [
        ({"rsi_14": 0}, service_pb2.FEATURE_STATE_COLD),
        ({"rsi_14": STATE_DEGENERATE}, service_pb2.FEATURE_STATE_DEGENERATE),
    ],
)
async def test_no_verdict_on_what_is_not_valid(served: Served, states: dict[str, int], state: int) -> None:
    """A value that is cold or degenerate is not shown and gets no verdict, though a dead market's RSI reads as 0."""
    await served.put(Row(features=BULL, states=states))
    answer = await served.stub.GetIndicators(asking("rsi", "macd", "bb"))
    assert (answer.rsi.state, answer.rsi.verdict) == (state, service_pb2.VERDICT_UNSPECIFIED)
    assert not answer.rsi.HasField("value")
    assert answer.macd.bias is service_pb2.VERDICT_BULLISH
    assert (answer.bb.state, answer.bb.verdict) == (service_pb2.FEATURE_STATE_ABSENT, service_pb2.VERDICT_UNSPECIFIED)


async def test_no_indicators_without_a_row(served: Served) -> None:
    """Where there is no row there is no indicator, only that it is missing."""
    answer = await served.stub.GetIndicators(asking())
    assert (answer.presence, answer.HasField("rsi")) == (service_pb2.PRESENCE_MISSING, False)


# --- what is refused --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "ask",
    [
        lambda stub: stub.GetFeatures(service_pb2.GetFeaturesRequest()),
        lambda stub: stub.GetFeatures(service_pb2.GetFeaturesRequest(instrument_ids=[""], intervals_s=[1])),
        lambda stub: stub.GetFeatures(service_pb2.GetFeaturesRequest(instrument_ids=["X"], intervals_s=[0])),
        lambda stub: stub.GetFeatures(service_pb2.GetFeaturesRequest(instrument_ids=["X", "X"], intervals_s=[1])),
        lambda stub: stub.GetFeatures(
            service_pb2.GetFeaturesRequest(instrument_ids=["X"], intervals_s=[1], names=["a", "a"])
        ),
        lambda stub: stub.GetFeatures(
            service_pb2.GetFeaturesRequest(instrument_ids=["X"], intervals_s=range(1, KEYS_MAX + 2))
        ),
        lambda stub: stub.GetFeatures(
            service_pb2.GetFeaturesRequest(instrument_ids=["X"], intervals_s=[1], as_of_ns=-1)
        ),
        lambda stub: stub.GetIndicators(service_pb2.GetIndicatorsRequest(instrument_id="X", interval_s=1, as_of_ns=-1)),
        lambda stub: stub.GetFeaturesAsOf(service_pb2.GetFeaturesAsOfRequest(instrument_ids=["X"], intervals_s=[1])),
        lambda stub: stub.GetTrainingSet(service_pb2.GetTrainingSetRequest()),
        lambda stub: stub.GetTrainingSet(training((2, 5, 1))),
        lambda stub: stub.GetTrainingSet(training((0, 0, 1))),
        lambda stub: stub.GetTrainingSet(training((0, 5, 0))),
        lambda stub: stub.GetTrainingSet(training(*[(0, 5, 1)] * 1000, names=tuple(map(str, range(101))))),
        lambda stub: stub.GetTrainingSet(training(*[(0, 5, 1)] * 1000)),
        lambda stub: stub.StreamFeatures(service_pb2.StreamFeaturesRequest(cursor="x")).read(),
    ],
)
async def test_impossible_requests(ask: Callable[[Stub], Any]) -> None:
    """A request without names, with impossible ones or for more than is served at once is an invalid argument."""
    async with answering(MemoryOnline(), MemoryOffline()) as stub:
        await refused(ask(stub))


async def test_answers_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """An answer that no message would hold is refused with a sentence, not cut."""
    monkeypatch.setattr("functions.wire.codecs.feature_store.CELLS_MAX", 3)
    online, offline = MemoryOnline(), MemoryOffline()
    async with answering(online, offline) as stub:
        await Served(stub, online, offline).put(Row(features={"a": 1.0, "b": 1.0}))
        request = service_pb2.GetFeaturesRequest(instrument_ids=["X", BTC.instrument_id], intervals_s=[5])
        assert "ask for fewer rows" in await refused(stub.GetFeatures(request))


async def test_composes() -> None:
    """Composing opens nothing; it binds what the card names, and without stores it answers unavailable."""
    given = Settings(database_url="postgresql://p@127.0.0.1:9/none", redis_url="redis://127.0.0.1:9/0")
    hosted = compose(given)
    assert (hosted.card, hosted.service_names) == (CARD, ("tickloom.features.v1.FeaturesService",))
    async with serving(CARD, hosted.register) as target, grpc.aio.insecure_channel(target) as channel:
        stub = service_pb2_grpc.FeaturesServiceStub(channel)
        request = service_pb2.GetFeaturesRequest(instrument_ids=["X"], intervals_s=[1])
        await refused(stub.GetFeatures(request), grpc.StatusCode.UNAVAILABLE)
    await hosted.close()
    with pytest.raises(ValueError, match="features_streams_max"):
        replace(given, features_streams_max=0)
    with pytest.raises(settings.SettingsError):
        settings.load(Settings, {})
