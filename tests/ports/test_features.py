"""One suite for every adapter of the feature ports: what is newest, what was known when, and what moves."""

import asyncio
import random
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from functools import partial

import numpy as np
import pytest
from counts import examples
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from redis.asyncio import Redis
from scored import BTC, Row, columns_of
from stores import fresh_database

from functions.adapters import redis_features
from functions.adapters.memory_features import MemoryOffline, MemoryOnline, rows_of
from functions.adapters.postgres import Pool
from functions.adapters.postgres_features import PostgresFeatures
from functions.adapters.redis_features import EXPIRED_KEPT_MS, TTL_MS, RedisFeatures
from functions.domain.features import FeatureKey, FeatureRow, Latest, PointInTime, Presence, known_from, schema_digest
from functions.domain.market import NS_PER_S, STATE_DEGENERATE, STATE_VALID, FeatureBatch, InstrumentRef
from functions.ports.errors import Unavailable

DATABASE = "12"
KEY = FeatureKey("BTC-USDT.BINANCE", 5)
ETH = InstrumentRef("ETH-USDT.BINANCE", -3, -5)
WAIT_MS = 5_000
"""Longer than any move takes to be seen."""


def batch_of(*rows: Row, names: tuple[str, ...] = ()) -> FeatureBatch:
    return FeatureBatch("BINANCE-0", columns_of(rows, names, instruments=(BTC, ETH)))


def row_of(one: Row, *, late_ns: int = 250, names: tuple[str, ...] = ()) -> FeatureRow:
    batch = batch_of(one, names=names)
    (row,) = rows_of(batch, known_from(batch.columns, told_ns=0, lateness_ns=late_ns))
    return row


def shown(row: FeatureRow | None) -> object:
    """Give a row as values that can be compared."""
    if row is None:
        return None
    head = (row.key, row.start_ns, row.revision, row.available_ns, row.close, row.price_exponent)
    return (*head, row.names, row.values.tolist(), row.states.tolist())


# --- online -----------------------------------------------------------------------------------------------------------


@dataclass
class Kept:
    """An online adapter, and a way to let time pass for it."""

    online: MemoryOnline | RedisFeatures
    clear: Callable[[], "asyncio.Future[None]"] = field(repr=False)
    pass_ms: Callable[[int], "asyncio.Future[None]"] = field(repr=False)

    async def put(self, *rows: Row, late_ns: int = 250, names: tuple[str, ...] = ()) -> None:
        """Write rows of one batch."""
        batch = batch_of(*rows, names=names)
        await self.online.put(batch, available_ns=known_from(batch.columns, told_ns=0, lateness_ns=late_ns))

    async def one(self, key: FeatureKey = KEY) -> Latest:
        """Read one series."""
        (found,) = await self.online.latest([key])
        return found


class Clock:
    """A clock that is moved by hand."""

    def __init__(self) -> None:
        """Begin."""
        self.now_ms = 0


async def _pass_in_redis(redis: "Redis", ms: int) -> None:
    """Let time pass on the server: each row lives so much shorter."""
    async for key in redis.scan_iter("features:row:*"):
        await redis.pexpire(key, max(await redis.pttl(key) - ms, 0))


@pytest.fixture(params=["memory", "redis"])
def place(request: pytest.FixtureRequest) -> str:
    """Say where rows are kept: nowhere but in memory, or a database of this module's own."""
    if request.param == "memory":
        return ""
    return str(request.getfixturevalue("redis_url")).rsplit("/", 1)[0] + "/" + DATABASE


@pytest.fixture
async def kept(place: str) -> AsyncIterator[Kept]:
    """Give each online adapter, empty."""
    if not place:
        clock = Clock()
        memory = MemoryOnline(now_ms=lambda: clock.now_ms)

        async def pass_ms(ms: int) -> None:
            clock.now_ms += ms

        async def forget() -> None:
            memory.__init__(now_ms=lambda: clock.now_ms)  # type: ignore[misc]  # as good as new

        yield Kept(memory, forget, pass_ms)
        return
    redis = Redis.from_url(place)
    await redis.flushdb()
    adapter = RedisFeatures(place)
    yield Kept(adapter, redis.flushdb, partial(_pass_in_redis, redis))
    await adapter.close()
    await redis.aclose()


async def test_row_comes_back(kept: Kept) -> None:
    """A row comes back bit for bit, with its states, its close and when it was known."""
    one = Row(
        features={"rsi_14": 0.1 + 0.2, "tiny": 5e-324, "flat": 1.0}, states={"flat": STATE_DEGENERATE}, revision=2
    )
    await kept.put(one)
    found = await kept.one()
    assert found.presence is Presence.FOUND
    assert shown(found.row) == shown(row_of(one))


async def test_missing(kept: Kept) -> None:
    """Where nothing was written it says so, key by key, in the order asked."""
    await kept.put(Row(features={"rsi_14": 1.0}))
    keys = [FeatureKey("X", 5), KEY, FeatureKey(KEY.instrument_id, 60)]
    assert [one.presence for one in await kept.online.latest(keys)] == [
        Presence.MISSING,
        Presence.FOUND,
        Presence.MISSING,
    ]
    assert await kept.online.latest([]) == []


@pytest.mark.parametrize("interval_s", [1, 60])
async def test_time_to_live(kept: Kept, interval_s: int) -> None:
    """A row is served until its time to live has passed since the next was due; then it is expired, then unknown."""
    key = FeatureKey(KEY.instrument_id, interval_s)
    await kept.put(Row(features={"rsi_14": 1.0}, interval_s=interval_s))
    await kept.pass_ms(interval_s * 1000 + TTL_MS - 1000)
    assert (await kept.one(key)).presence is Presence.FOUND
    await kept.pass_ms(1000)
    assert (await kept.one(key)).presence is Presence.EXPIRED
    assert (await kept.one(key)).row is None
    await kept.pass_ms(EXPIRED_KEPT_MS)
    assert (await kept.one(key)).presence is Presence.MISSING


async def test_written_again_stays_as_old(kept: Kept) -> None:
    """Writing the same row again does not make it younger."""
    one = Row(features={"rsi_14": 1.0})
    await kept.put(one)
    await kept.pass_ms(TTL_MS)
    await kept.put(one)
    await kept.pass_ms(5000)
    assert (await kept.one()).presence is Presence.EXPIRED


async def test_schemas_differ(kept: Kept) -> None:
    """Rows with other columns, of two releases, stand side by side."""
    await kept.put(Row(features={"a": 1.0, "b": 2.0}), Row(features={"a": 1.0, "b": 2.0}, interval_s=60))
    await kept.put(Row(bar=101, features={"b": 3.0, "c": 4.0}))
    old = await kept.one(FeatureKey(KEY.instrument_id, 60))
    new = await kept.one()
    assert [old.row and old.row.names, new.row and new.row.names] == [("a", "b"), ("b", "c")]


async def test_more_schemas_than_remembered(kept: Kept, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows of more schemas than a reader remembers are all named in one answer."""
    monkeypatch.setattr(redis_features, "SCHEMAS_MAX", 1)
    await kept.put(Row(features={"a": 1.0}, interval_s=60))
    keys = [KEY, FeatureKey(KEY.instrument_id, 60)]
    await kept.online.latest(keys)
    await kept.put(Row(features={"b": 2.0}))
    assert [one.row and one.row.names for one in await kept.online.latest(keys)] == [("b",), ("a",)]


async def test_store_emptied(kept: Kept) -> None:
    """A store that lost everything takes rows again, and names them."""
    one = Row(features={"rsi_14": 1.0})
    await kept.put(one)
    await kept.clear()
    await kept.put(one)
    assert shown((await kept.one()).row) == shown(row_of(one))


async def test_moves(kept: Kept) -> None:
    """Each step forward is told once, in order; a step back or the same again is none."""
    start = await kept.online.head()
    await kept.put(Row(bar=101, features={"x": 1.0}))
    await kept.put(Row(bar=100, features={"x": 1.0}), Row(bar=101, features={"x": 1.0}))
    await kept.put(Row(bar=101, features={"x": 1.0}, instrument=1))
    got = await kept.online.moves(start, wait_ms=WAIT_MS)
    assert got.keys == (KEY, FeatureKey(ETH.instrument_id, 5))
    assert got.cursor == await kept.online.head()
    assert (await kept.online.moves(got.cursor, wait_ms=1)).keys == ()
    assert await kept.online.known() == (KEY, FeatureKey(ETH.instrument_id, 5))


async def test_waiting_for_moves(kept: Kept) -> None:
    """Who waits is told as soon as something moves."""
    waiting = asyncio.create_task(kept.online.moves(await kept.online.head(), wait_ms=WAIT_MS))
    await asyncio.sleep(0)
    await kept.put(Row(features={"x": 1.0}))
    assert (await waiting).keys == (KEY,)


async def test_cursors_covered(kept: Kept) -> None:
    """A cursor of this store is covered from its beginning to now; one from ahead of it is of another store."""
    first = await kept.online.head()
    await kept.put(Row(features={"x": 1.0}))
    assert await kept.online.covers(first)
    assert await kept.online.covers(await kept.online.head())
    assert not await kept.online.covers("9999999999999-1")


async def test_forgotten_moves_not_covered(place: str) -> None:
    """A cursor behind which moves are no longer kept is not covered; the newest always is."""
    online = RedisFeatures(place) if place else MemoryOnline(moves_kept=1)
    first = await online.head()
    for bar in range(3):
        batch = batch_of(Row(bar=10**6 + bar, features={"x": 1.0}))
        await online.put(batch, available_ns=batch.columns.start_ns + 5 * NS_PER_S)
    if place:  # the server trims by nodes of a hundred entries, when it does so by itself
        async with Redis.from_url(place) as redis:
            await redis.xtrim("features:moves", 1, approximate=False)
    assert not await online.covers(first)
    assert await online.covers(await online.head())
    await online.close()


ROWS = st.builds(
    Row,
    bar=st.integers(98, 102),
    features=st.just({"rsi_14": 27.3}),
    revision=st.integers(0, 12),
    interval_s=st.sampled_from([1, 5]),
    instrument=st.integers(0, 1),
)


@settings(max_examples=examples(200), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=st.lists(st.lists(ROWS, max_size=5), max_size=6), chance=st.randoms(use_true_random=False))
async def test_forward_only(kept: Kept, rows: list[list[Row]], chance: random.Random) -> None:
    """Any order of delivery, repeated and concurrent, ends in the rows with the latest start and revision."""
    await kept.clear()
    deliveries = rows * 2
    chance.shuffle(deliveries)
    await asyncio.gather(*(kept.put(*one, names=("rsi_14",)) for one in deliveries[::2]))
    await asyncio.gather(*(kept.put(*one, names=("rsi_14",)) for one in deliveries[1::2]))
    newest: dict[FeatureKey, FeatureRow] = {}
    for one in (row_of(row) for group in rows for row in group):
        had = newest.get(one.key, one)
        newest[one.key] = max(one, had, key=lambda row: (row.start_ns, row.revision))
    keys = [FeatureKey(ref.instrument_id, interval_s) for ref in (BTC, ETH) for interval_s in (1, 5)]
    found = await kept.online.latest(keys)
    assert [shown(one.row) for one in found] == [shown(newest.get(key)) for key in keys]
    assert set(await kept.online.known()) == set(newest)


# --- offline ----------------------------------------------------------------------------------------------------------


@pytest.fixture(params=["memory", "postgres"])
def database(request: pytest.FixtureRequest) -> str:
    """Say where rows are kept: nowhere but in memory, or on a server."""
    return "" if request.param == "memory" else str(request.getfixturevalue("postgres_url"))


@pytest.fixture
async def offline(database: str) -> AsyncIterator[MemoryOffline | PostgresFeatures]:
    """Give each offline adapter, empty."""
    if not database:
        yield MemoryOffline()
        return
    pool = Pool(await fresh_database(database))
    adapter = PostgresFeatures(pool)
    yield adapter
    await adapter.close()
    await pool.close()


async def put_known(
    offline: MemoryOffline | PostgresFeatures, row: Row, known_ns: int, *, sequence: int, names: tuple[str, ...] = ()
) -> None:
    await offline.put(batch_of(row, names=names), available_ns=np.array([known_ns]), sequence=sequence)


async def test_offline_row_comes_back(offline: MemoryOffline | PostgresFeatures) -> None:
    """A row comes back bit for bit, with its states, its close and when it was known."""
    one = Row(
        features={"rsi_14": 0.1 + 0.2, "tiny": 5e-324, "flat": 1.0}, states={"flat": STATE_DEGENERATE}, revision=2
    )
    row = row_of(one)
    await put_known(offline, one, row.available_ns, sequence=1)
    (found,) = await offline.as_of([PointInTime(KEY, row.available_ns)])
    assert shown(found) == shown(row)


async def test_known_at_its_time(offline: MemoryOffline | PostgresFeatures) -> None:
    """A row is known from its time on, not a nanosecond before."""
    row = row_of(Row(features={"x": 1.0}))
    await put_known(offline, Row(features={"x": 1.0}), row.available_ns, sequence=1)
    points = [PointInTime(KEY, row.available_ns + off) for off in (-1, 0, 10**18)]
    assert [found is not None for found in await offline.as_of(points)] == [False, True, True]


async def test_revision_known_later(offline: MemoryOffline | PostgresFeatures) -> None:
    """A revision is invisible before it was known, and a later bar goes before a later revision."""
    end = row_of(Row(), names=("x",)).end_ns
    await put_known(offline, Row(features={"x": 1.0}), end, sequence=1)
    await put_known(offline, Row(features={"x": 2.0}, revision=1), end + 7 * NS_PER_S, sequence=3)
    await put_known(offline, Row(bar=101, features={"x": 3.0}), end + 5 * NS_PER_S, sequence=2)
    points = [PointInTime(KEY, end + off * NS_PER_S) for off in (0, 4, 5, 9)]
    found = await offline.as_of(points)
    assert [row and row.values.tolist() for row in found] == [[1.0], [1.0], [3.0], [3.0]]


async def test_chosen_intervals(postgres_url: str) -> None:
    """Only rows of the intervals chosen are kept; the others are stored nowhere and no error."""
    pool = Pool(await fresh_database(postgres_url))
    for adapter in (MemoryOffline(intervals_s=(60,)), PostgresFeatures(pool, intervals_s=(60,))):
        batch = batch_of(Row(features={"x": 1.0}), Row(features={"x": 2.0}, interval_s=60))
        await adapter.put(batch, available_ns=batch.columns.start_ns + 60 * NS_PER_S, sequence=1)
        points = [PointInTime(FeatureKey(KEY.instrument_id, one), 10**18) for one in (5, 60)]
        assert [row and row.values.tolist() for row in await adapter.as_of(points)] == [None, [2.0]]
        await adapter.close()
    await pool.close()


async def test_plain_sql(postgres_url: str) -> None:
    """People read the newest revision of each row by name; what is not valid is null."""
    pool = Pool(await fresh_database(postgres_url))
    adapter = PostgresFeatures(pool)
    late = row_of(Row(), names=("x",)).end_ns
    await put_known(adapter, Row(features={"x": 1.0}), late, sequence=1, names=("x", "y"))
    await put_known(adapter, Row(features={"x": 2.5}, revision=1), late + 1, sequence=2, names=("x", "y"))
    records = await (await pool.get()).fetch("SELECT close::text, revision, feature_values FROM features")
    assert [tuple(one) for one in records] == [("60000.00", 1, '{"x": 2.5, "y": null}')]
    await adapter.close()
    await pool.close()


FORMS = st.tuples(
    st.builds(
        Row,
        bar=st.integers(0, 6),
        features=st.fixed_dictionaries({"x": st.floats(-1e9, 1e9)}),
        revision=st.integers(0, 2),
        interval_s=st.sampled_from([1, 5]),
        instrument=st.integers(0, 1),
    ),
    st.integers(0, 20 * NS_PER_S),
)


@settings(max_examples=examples(200), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    forms=st.lists(FORMS, max_size=14),
    points=st.lists(st.tuples(st.integers(0, 1), st.sampled_from([1, 5]), st.integers(1, 60 * NS_PER_S)), min_size=1),
    chance=st.randoms(use_true_random=False),
)
async def test_never_the_future(
    offline: MemoryOffline | PostgresFeatures,
    forms: list[tuple[Row, int]],
    points: list[tuple[int, int, int]],
    chance: random.Random,
) -> None:
    """For any rows, revisions and times, in any order of delivery, a read is the newest row that was known by then."""
    rows = [(row, row_of(row).end_ns + late_ns, sequence) for sequence, (row, late_ns) in enumerate(forms)]
    await _forget(offline)
    deliveries = rows * 2
    chance.shuffle(deliveries)
    await asyncio.gather(*(put_known(offline, row, known, sequence=number) for row, known, number in deliveries))
    asked = [
        PointInTime(FeatureKey((BTC, ETH)[instrument].instrument_id, interval_s), as_of_ns)
        for instrument, interval_s, as_of_ns in points
    ]
    found = await offline.as_of(asked)
    assert [shown(row) for row in found] == [shown(_oracle(rows, point)) for point in asked]
    assert all(row is None or row.available_ns <= point.as_of_ns for row, point in zip(found, asked, strict=True))


def _oracle(rows: list[tuple[Row, int, int]], point: PointInTime) -> FeatureRow | None:
    """Look at every row: the last form of each stands, and the newest of those known by then is read."""
    forms: dict[tuple[FeatureKey, int, int], FeatureRow] = {}
    for row, known_ns, _ in rows:  # in the order of their numbers
        (one,) = rows_of(batch_of(row), np.array([known_ns]))
        forms[one.key, one.start_ns, one.revision] = one
    known = [one for one in forms.values() if one.key == point.key and one.available_ns <= point.as_of_ns]
    return max(known, key=lambda one: (one.start_ns, one.revision), default=None)


async def _forget(offline: MemoryOffline | PostgresFeatures) -> None:
    if isinstance(offline, MemoryOffline):
        offline.rows.clear()
    else:
        await (await offline._pool.get()).execute("TRUNCATE feature_rows")  # noqa: SLF001 - the test's own database


# --- both -------------------------------------------------------------------------------------------------------------


async def test_nobody_there() -> None:
    """Without a server writing and reading are unavailable, to be tried again."""
    online, offline = RedisFeatures("redis://127.0.0.1:9/0"), PostgresFeatures(Pool("postgresql://p@127.0.0.1:9/none"))
    batch = batch_of(Row(features={"x": 1.0}))
    known = batch.columns.start_ns + 10 * NS_PER_S
    for asked in (
        online.put(batch, available_ns=known),
        online.latest([KEY]),
        online.known(),
        online.head(),
        online.moves("0-0", wait_ms=1),
        offline.put(batch, available_ns=known, sequence=1),
        offline.as_of([PointInTime(KEY, 1)]),
    ):
        with pytest.raises(Unavailable):
            await asked
    await online.close()
    await offline.close()


def test_names_of_keys() -> None:
    """A key is read back from its name, whatever its instrument is called."""
    for key in (KEY, FeatureKey("a:b:c.X", 86_400)):
        assert redis_features._key(redis_features._name(key)) == key  # noqa: SLF001 - the format of what is stored


def test_known_from() -> None:
    """A row is known the lateness after its bar's end, a revised one not before the batch that brings it."""
    columns = batch_of(Row(features={"x": 1.0}), Row(features={"x": 1.0}, revision=1)).columns
    end = 505 * NS_PER_S
    assert known_from(columns, told_ns=end + 9, lateness_ns=2).tolist() == [end + 2, end + 11]
    assert len(schema_digest(("x",))) == redis_features.SCHEMA_BYTES
    assert columns.states.tolist() == [[STATE_VALID], [STATE_VALID]]
