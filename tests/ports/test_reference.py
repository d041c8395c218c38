"""One suite for every adapter of the port `Reference`: a file, memory, PostgreSQL, and PostgreSQL behind its caches."""

import asyncio
import contextlib
import pathlib
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from decimal import Decimal

import pytest
from redis.asyncio import Redis
from redis.exceptions import ConnectionError as RedisConnectionError
from referred import instrument

from functions.adapters.layered_reference import FallbackReference, RememberedReference
from functions.adapters.memory_reference import MemoryReference
from functions.adapters.postgres import Pool
from functions.adapters.postgres_reference import PostgresReference
from functions.adapters.redis_reference import CHECKED, VERSION, RedisReference
from functions.adapters.reference import FileReference
from functions.domain.loads import Update
from functions.domain.reference import Instrument, Status, TradingStatus
from functions.local.children import Children
from functions.local.servers import start_stores
from functions.ports.errors import Unavailable
from functions.ports.reference import Reference, ReferenceStore, Snapshot
from functions.wire.codecs.reference import write_instruments_json

DATABASE = "12"
NOBODY = "redis://127.0.0.1:9/0"
ONE, TWO = instrument(sector="Software", market_cap=Decimal(5)), instrument("A-B.V", symbol="AB")
ELSEWHERE = instrument("A-B.W", symbol="AB")
EVERYTHING = (ONE, TWO, ELSEWHERE)
IDS = [one.instrument_id for one in EVERYTHING]
HALT = Status(TradingStatus.HALTED, 50, "LUDP")


async def load(store: ReferenceStore, *instruments: Instrument, at_ns: int = 0) -> None:
    """Take in listings."""
    await store.take_in([Update(one) for one in instruments], at_ns=at_ns, source="test")


@dataclass(frozen=True, slots=True)
class Place:
    """A reference that knows everything above, where it can be written, and what is to be told of a change."""

    reference: Reference
    store: ReferenceStore
    cache: RedisReference | None = None

    async def fresh(self, name: str) -> Instrument | None:
        """Look an instrument up after a change, as `tickloom reference` leaves the cache."""
        if self.cache is not None:
            await self.cache.forget()
        return (await self.reference.look_up([name])).instruments.get(name)


@pytest.fixture
async def postgres(database_url: str) -> AsyncIterator[PostgresReference]:
    """Give an empty store."""
    pool = Pool(database_url)
    await (await pool.get()).execute("TRUNCATE instruments, reference_versions")
    yield PostgresReference(pool)
    await pool.close()


@pytest.fixture
def redis_at(redis_url: str) -> str:
    """Give the URL of a database of this module's own."""
    return f"{redis_url.rsplit('/', 1)[0]}/{DATABASE}"


@pytest.fixture
async def redis(redis_at: str) -> AsyncIterator["Redis"]:
    """Give that database, empty."""
    client = Redis.from_url(redis_at)
    await client.flushdb()
    yield client
    await client.aclose()


@pytest.fixture(params=["file", "memory", "postgres", "cached", "cache down", "layered"])
def kind(request: pytest.FixtureRequest) -> tuple[str, str, str]:
    """Say which adapter, and where its stores are."""
    which = str(request.param)
    if which in {"file", "memory"}:
        return which, "", ""
    cached = which in {"cached", "layered"}
    redis = request.getfixturevalue("redis_at") if cached else NOBODY
    return which, str(request.getfixturevalue("database_url")), str(redis)


@pytest.fixture
async def place(kind: tuple[str, str, str], tmp_path: pathlib.Path) -> AsyncIterator[Place]:
    """Give each adapter with the same instruments."""
    which, database_url, redis_url = kind
    if which == "file":
        file = tmp_path / "instruments.json"
        file.write_bytes(write_instruments_json(EVERYTHING))
        found = FileReference(file)
        yield Place(found, found)
        return
    if which == "memory":
        store = MemoryReference()
        await load(store, *EVERYTHING)
        yield Place(store, store)
        return
    async with stored(which, database_url, redis_url) as opened:
        yield opened


@contextlib.asynccontextmanager
async def stored(which: str, database_url: str, redis_url: str) -> AsyncIterator[Place]:
    """Open PostgreSQL, and its caches where they are asked for."""
    pool = Pool(database_url)
    await (await pool.get()).execute("TRUNCATE instruments, reference_versions")
    store = PostgresReference(pool)
    await load(store, *EVERYTHING)
    client = Redis.from_url(redis_url)
    with contextlib.suppress(RedisConnectionError):
        await client.flushdb()
    cache = RedisReference(store, redis_url, check_ms=60_000)
    remembered = RememberedReference(cache, instruments_max=2, check_ms=0)
    layered = FallbackReference(remembered, MemoryReference())
    yield Place({"postgres": store, "layered": layered}.get(which, cache), store, cache)
    await client.aclose()
    await cache.close()
    await pool.close()


WRITABLE = pytest.mark.parametrize("kind", ["memory", "postgres", "cached", "cache down", "layered"], indirect=True)


async def test_looked_up(place: Place) -> None:
    """Instruments come back whole by id; those nobody knows are absent; every answer names its version."""
    found = await place.reference.look_up([*IDS, "NO.WHERE"])
    assert found.instruments == {one.instrument_id: one for one in EVERYTHING}
    assert found.version == await place.reference.version() != ""


async def test_asked_again(place: Place) -> None:
    """Asked again, and for some of them, the answer is the same."""
    first = await place.reference.look_up([*IDS, "NO.WHERE"])
    assert await place.reference.look_up([*IDS, "NO.WHERE"]) == first
    assert await place.reference.look_up(IDS[:1]) == Snapshot(first.version, {IDS[0]: ONE})
    assert await place.reference.look_up([]) == Snapshot(first.version, {})


async def test_listed(place: Place) -> None:
    """A venue's instruments come ordered by id; a venue nobody knows has none."""
    assert await place.reference.listed("V") == (TWO, ONE)
    assert await place.reference.listed("NOWHERE") == ()


@WRITABLE
async def test_taken_in(place: Place) -> None:
    """What is taken in is a new version, once; taken in again it changes nothing, and no version."""
    store = place.store
    before = await place.reference.version()
    changed = instrument(tick="0.05")
    await load(store, changed, at_ns=10)
    one = await place.fresh("X-Y.V")
    after = await place.reference.version()
    await load(store, changed, at_ns=10)
    assert one is not None
    assert [step.tick_size for step in one.steps] == [Decimal("0.01"), Decimal("0.05")]
    assert await place.fresh("X-Y.V") == one
    assert before != after == await place.reference.version()


@WRITABLE
async def test_halted(place: Place) -> None:
    """A halt is a status of the instrument from its time on; an instrument nobody knows cannot be halted."""
    store = place.store
    assert await store.set_status("NO.WHERE", HALT) is None
    halted = await store.set_status("A-B.V", HALT)
    assert halted is not None
    assert halted.statuses == (HALT,)
    assert await place.fresh("A-B.V") == halted
    version = await place.reference.version()
    assert await store.set_status("A-B.V", HALT) == halted
    assert await place.reference.version() == version


@WRITABLE
async def test_an_unknown_one_becomes_known(place: Place) -> None:
    """That nobody knew an instrument is forgotten with the next version."""
    store = place.store
    await place.reference.look_up(["NEW.V"])
    new = instrument("NEW.V", symbol="NEW")
    await load(store, new)
    assert await place.fresh("NEW.V") == new


async def test_loads_at_once(postgres: PostgresReference) -> None:
    """Loads that come together are versions one after the other, without holes, and none is lost."""
    await asyncio.gather(*(load(postgres, instrument(f"I{n}.V", symbol=f"I{n}")) for n in range(8)))
    assert (await postgres.version()).startswith("8-")
    assert len(await postgres.listed("V")) == 8


async def test_all_or_nothing(postgres: PostgresReference) -> None:
    """A load that fails midway leaves what was known, and no version."""
    await load(postgres, ONE)
    bad = instrument("BAD.V", symbol="BAD\x00")  # PostgreSQL's text cannot hold NUL
    with pytest.raises(Exception, match=r"(?i)null|0x00"):
        await load(postgres, TWO, bad)
    assert (await postgres.version()).startswith("1-")
    assert await postgres.listed("V") == (ONE,)


async def test_versions_are_named_by_what_they_know(postgres: PostgresReference, database_url: str) -> None:
    """A store that is loaded anew alike gives its versions the same names, otherwise others; an empty one is `0`."""
    names, pool = [], Pool(database_url)
    for instruments in ((ONE, TWO), (ONE, TWO), (ONE, ELSEWHERE)):
        await (await pool.get()).execute("TRUNCATE instruments, reference_versions")
        assert await postgres.look_up(["X-Y.V"]) == Snapshot("0", {})
        await load(postgres, *instruments)
        names.append(await postgres.version())
    await pool.close()
    assert names[0] == names[1] != names[2]


async def test_an_earlier_version(postgres: PostgresReference, database_url: str) -> None:
    """A version that is past answers as it did then, for a replay of what was said."""
    await load(postgres, ONE)
    name = await postgres.version()
    await postgres.set_status("X-Y.V", HALT)
    pool = Pool(database_url)
    then = PostgresReference(pool, at_version=1)
    assert await then.look_up(["X-Y.V"]) == Snapshot(name, {"X-Y.V": ONE})
    assert (await then.listed("V"), await then.version()) == ((ONE,), name)
    await pool.close()


async def test_a_record_nobody_can_read(postgres: PostgresReference, database_url: str) -> None:
    """What this release cannot read is the store's fault, not the asking event's: unavailable, so retried."""
    await load(postgres, ONE)
    pool = Pool(database_url)
    await (await pool.get()).execute("UPDATE instruments SET record = 'nonsense'")
    await pool.close()
    with pytest.raises(Unavailable, match="cannot read"):
        await postgres.look_up(["X-Y.V"])
    with pytest.raises(Unavailable, match="cannot read"):
        await postgres.listed("V")


class Asked(MemoryReference):
    """Count what is asked, and be down on demand."""

    asked = 0
    down = False

    async def version(self) -> str:
        """Name the version, if up."""
        self._ask()
        return await super().version()

    async def look_up(self, ids: Sequence[str]) -> Snapshot:
        """Look up, if up."""
        self._ask()
        return await super().look_up(ids)

    def _ask(self) -> None:
        self.asked += 1
        if self.down:
            reason = "down"
            raise Unavailable(reason)


@pytest.mark.usefixtures("redis")
async def test_redis_spares_the_store(redis_at: str) -> None:
    """What Redis holds is not asked of the store again."""
    store = Asked(EVERYTHING)
    cache = RedisReference(store, redis_at, check_ms=60_000)
    first = await cache.look_up([*IDS, "NO.WHERE"])
    asked = store.asked
    assert await cache.look_up([*IDS, "NO.WHERE"]) == first
    assert store.asked == asked
    await cache.close()


@pytest.mark.parametrize("junk", [b"", b"x", b"\xff" * 100, b"12345678\x0a\x05X-Y.V"])
async def test_wrong_bytes_in_redis_are_ignored(redis: "Redis", redis_at: str, junk: bytes) -> None:
    """Whatever lies under its keys, the cache says what the store says."""
    store = Asked(EVERYTHING)
    cache = RedisReference(store, redis_at, check_ms=60_000)
    right = await cache.look_up([*IDS, "NO.WHERE"])
    for key in [key async for key in redis.scan_iter("reference:*") if key.decode() != CHECKED]:
        await redis.set(key, junk)
        assert await cache.look_up([*IDS, "NO.WHERE"]) == right
    await redis.delete(VERSION)
    await redis.rpush(VERSION, "a list")
    assert await cache.look_up(IDS) == Snapshot(right.version, dict(right.instruments))
    await cache.close()


async def test_a_record_under_another_s_key_is_ignored(redis: "Redis", redis_at: str) -> None:
    """A right record in the wrong place is wrong."""
    cache = RedisReference(MemoryReference(EVERYTHING), redis_at, check_ms=60_000)
    right = await cache.look_up(IDS)
    await redis.copy("reference:memory:A-B.W", "reference:memory:A-B.V", replace=True)
    assert await cache.look_up(IDS) == right
    await cache.close()


async def test_store_down_redis_up(redis: "Redis", redis_at: str) -> None:
    """While the store is down Redis answers for what it holds, of the version it is; for the rest nobody can."""
    store = Asked(EVERYTHING)
    cache = RedisReference(store, redis_at, check_ms=1)
    right = await cache.look_up(IDS[:2])
    store.down = True
    await redis.delete(CHECKED)
    assert await cache.look_up(IDS[:2]) == right
    with pytest.raises(Unavailable):
        await cache.look_up(IDS)
    await cache.close()


async def test_redis_killed_in_the_middle(
    tmp_path: pathlib.Path, postgres: PostgresReference, database_url: str
) -> None:
    """Redis is killed and comes back empty: every answer stays right, none fails."""
    await load(postgres, *EVERYTHING)
    children = Children(tmp_path)
    await children.open()
    stores = await start_stores(tmp_path, children, database_url=database_url)
    cache = RedisReference(postgres, stores.redis_url, check_ms=1)
    right = await cache.look_up(IDS)
    await children.close()
    assert await cache.look_up(IDS) == right
    await load(postgres, instrument(tick="0.05"), at_ns=10)
    changed = await cache.look_up(IDS)
    assert changed.version != right.version
    assert len(changed.instruments["X-Y.V"].steps) == 2
    assert await cache.listed("V") == await postgres.listed("V")
    await cache.close()


async def test_remembered() -> None:
    """What is remembered needs nobody until a check is due; then a new version is found."""
    clock = [0.0]
    store = Asked(EVERYTHING)
    remembered = RememberedReference(store, instruments_max=10, check_ms=1000, clock=lambda: clock[0])
    right = await remembered.look_up(IDS)
    asked = store.asked
    store.down = True
    assert await remembered.look_up(IDS) == right
    assert store.asked == asked
    clock[0] = 1.0
    assert await remembered.look_up(IDS) == right
    store.down = False
    await store.set_status("A-B.V", HALT)
    clock[0] = 2.0
    assert (await remembered.look_up(IDS)).instruments["A-B.V"].statuses == (HALT,)


async def test_remembered_of_one_version() -> None:
    """An answer never mixes versions: when a missing one is of a newer version, all are."""
    store = MemoryReference(EVERYTHING)
    remembered = RememberedReference(store, instruments_max=10, check_ms=1000, clock=lambda: 0.0)
    await remembered.look_up(IDS[:1])
    await store.set_status("X-Y.V", HALT)
    found = await remembered.look_up(IDS)
    assert found == await store.look_up(IDS)
    assert (await remembered.look_up(IDS[:1])).instruments["X-Y.V"].statuses == (HALT,)


async def test_remembered_is_bounded() -> None:
    """More instruments than may be remembered are answered all the same, also at once."""
    many = [instrument(f"I{n}.V", symbol=f"I{n}") for n in range(50)]
    remembered = RememberedReference(MemoryReference(many), instruments_max=7, check_ms=1000, clock=lambda: 0.0)
    ids = [one.instrument_id for one in many]
    answers = await asyncio.gather(*(remembered.look_up(ids[n : n + 10]) for n in range(40)))
    assert [sorted(one.instruments) for one in answers] == [sorted(ids[n : n + 10]) for n in range(40)]
    assert len(remembered._known) <= 7  # noqa: SLF001 - the bound is the point


async def test_nobody_knows() -> None:
    """Down from the start, the remembered one is unavailable, and asks again only when a check is due."""
    clock = [0.0]
    store = Asked(EVERYTHING)
    store.down = True
    remembered = RememberedReference(store, instruments_max=10, check_ms=1000, clock=lambda: clock[0])
    for _ in range(3):
        with pytest.raises(Unavailable):
            await remembered.look_up(IDS)
    assert store.asked == 1
    store.down, clock[0] = False, 1.0
    assert len((await remembered.look_up(IDS)).instruments) == 3


async def test_fallback() -> None:
    """The first is believed, the second fills in; with the first down it answers if it knows all, and says so."""
    first, second = (
        Asked([instrument(sector="first")]),
        MemoryReference([instrument(sector="second"), TWO], name="file"),
    )
    layered = FallbackReference(first, second)
    up = await layered.look_up(["X-Y.V", "A-B.V"])
    first.down = True
    down = await layered.look_up(["X-Y.V", "A-B.V"])
    assert (up.version, down.version) == ("memory/file", "/file")
    assert [one.instruments["X-Y.V"].sector for one in (up, down)] == ["first", "second"]
    assert up.instruments["A-B.V"] == TWO
    assert await layered.version() == "/file"
    with pytest.raises(Unavailable):
        await layered.look_up(["X-Y.V", "NO.WHERE"])
