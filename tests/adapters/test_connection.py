"""A connection hands over everything a venue says, whatever happens to it, and fetches what it missed."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hearing import Ear, hearing, patience, subscription, trades_in
from hypothesis import given
from hypothesis import strategies as st

from functions.adapters.resilience import BreakerLimits
from functions.adapters.venues._connection import Connection
from functions.adapters.venues._patience import Hands, Patience
from functions.adapters.venues._profile import Glance, Profile, Subscription, profile_of
from functions.adapters.venues._sync import Marks
from functions.domain.market import NS_PER_S
from functions.local.venues.exchange import Exchange, VenueOptions, serving
from functions.local.venues.faults import Fault
from functions.local.venues.plans import KITS, Plan, build

DIALECTS = ("binance.spot", "binance.usdm", "binance.coinm", "coinbase.exchange", "kraken.v1", "kraken.v2")
BACKFILLED = ("binance.spot", "binance.usdm", "binance.coinm", "coinbase.exchange")
NUMBERED = (*BACKFILLED, "kraken.v2")


def venue_of(dialect: str) -> Exchange:
    return build(Plan(dialect, rate=100, options=VenueOptions(paced=False)))


def ledger(venue: Exchange) -> set[tuple[str, int]]:
    return {(symbol, one.trade_id) for symbol in venue.listings for one in venue.ledger.trades(symbol)}


def play_unheard(venue: Exchange, seconds: int) -> None:
    """Let time pass without a turn for anybody, so that who was cut off cannot be back in between."""
    end = venue.source.next_ns() + seconds * NS_PER_S
    while venue.source.next_ns() < end:
        for said in venue.source.due(venue.source.next_ns()):
            venue.say(said)


def told_missing(ear: Ear) -> set[tuple[str, int]]:
    """Give the trades that were reported as missing."""
    holes: list[dict[str, Any]] = [keys for event, keys in ear.reports if event == "trades_missing"]
    return {(one["symbol"], number) for one in holes for number in range(one["first"], one["last"] + 1)}


async def subscribed(venue: Exchange, ear: Ear, connection: Connection, *, times: int = 1) -> None:
    """Wait until everything is subscribed to and every book is there."""
    symbols = KITS[venue.dialect.name].symbols
    await ear.until(lambda: connection.counts.connections >= times and all(map(connection.has_book, symbols)))


@pytest.mark.parametrize("dialect", DIALECTS)
async def test_hears_everything(dialect: str) -> None:
    """Without a fault every trade comes once, every book is right, and nothing is asked for twice."""
    ear = Ear()
    async with serving(venue_of(dialect)) as venue, hearing(venue, ear) as connection:
        await subscribed(venue, ear, connection)
        await venue.play(3)
        await ear.until(lambda: dialect == "kraken.v1" or set(ear.trades()) >= ledger(venue))
        counts = connection.counts
    assert (counts.connections, counts.breaches, counts.holes, counts.backfilled_rows) == (1, 0, 0, 0)
    assert set(ear.trades().values()) <= {1}
    assert ear.reports == []


@pytest.mark.parametrize("dialect", BACKFILLED)
async def test_missed_trades_are_fetched(dialect: str) -> None:
    """Trades that were withheld are fetched by id, and handed over before the message that told the hole."""
    ear = Ear()
    async with serving(venue_of(dialect)) as venue, hearing(venue, ear) as connection:
        await subscribed(venue, ear, connection)
        await venue.play(1)
        venue.faults.arm(Fault.GAP, kind="trade", count=5)
        await venue.play(3)
        await ear.until(lambda: set(ear.trades()) >= ledger(venue))
    seen: dict[str, list[int]] = {}
    for received in ear.heard:
        for symbol, number in trades_in(received.row, received.symbol):
            seen.setdefault(symbol, []).append(number)
    first_seen = {symbol: list(dict.fromkeys(numbers)) for symbol, numbers in seen.items()}
    assert all(sorted(numbers) == numbers for numbers in first_seen.values()) or dialect == "coinbase.exchange"
    assert ear.reported("trades_missing") >= 1
    assert connection.counts.backfilled_rows >= 1


@pytest.mark.parametrize("dialect", NUMBERED)
async def test_trades_of_a_lost_connection(dialect: str) -> None:
    """What is traded while no connection is there is fetched, or told, once one is, and books begin anew."""
    ear = Ear()
    async with serving(venue_of(dialect)) as venue, hearing(venue, ear) as connection:
        await subscribed(venue, ear, connection)
        await venue.play(2)
        venue.audience.cut()
        play_unheard(venue, 1)  # of either symbol less than the 50 trades that Kraken tells a new subscriber
        await subscribed(venue, ear, connection, times=2)
        await venue.play(1)
        await ear.until(lambda: set(ear.trades()) >= ledger(venue))
    assert ear.reported("connection_lost") == 1


async def test_trades_that_a_venue_never_tells_again() -> None:
    """Of trades that are too old for a new subscriber, and asked for nowhere, ids are told, each once."""
    ear = Ear()
    async with serving(venue_of("kraken.v2")) as venue, hearing(venue, ear) as connection:
        await subscribed(venue, ear, connection)
        await venue.play(2)
        await ear.until(lambda: set(ear.trades()) >= ledger(venue))
        venue.audience.cut()
        play_unheard(venue, 2)
        await subscribed(venue, ear, connection, times=2)
        await venue.play(1)
        await ear.until(lambda: set(ear.trades()) | told_missing(ear) >= ledger(venue))
    assert told_missing(ear) & set(ear.trades()) == set()
    assert connection.counts.holes == ear.reported("trades_missing") >= 1


@pytest.mark.parametrize("dialect", ["binance.spot", "coinbase.exchange"])
async def test_trades_since_an_earlier_run(dialect: str) -> None:
    """A connection that knows the last trades of an earlier run fetches all that came after them first."""
    ear, channel = Ear(), {"binance.spot": "trade", "coinbase.exchange": "matches"}[dialect]
    async with serving(venue_of(dialect)) as venue:
        await venue.play(4)
        symbol = KITS[dialect].symbols[0]
        numbers = [one.trade_id for one in venue.ledger.trades(symbol)]
        async with hearing(venue, ear, known={(symbol, channel): numbers[2]}):
            await venue.play(1)
            await ear.until(lambda: {(symbol, number) for number in numbers[3:]} <= set(ear.trades()))


async def test_a_channel_that_is_no_longer_listened_to() -> None:
    """Of a channel that only an earlier run listened to nothing is fetched."""
    ear, wanted = Ear(), Subscription(("BTCUSDT",), ("aggTrade",))
    async with serving(venue_of("binance.spot")) as venue:
        await venue.play(2)
        last = max(one.trade_id for one in venue.ledger.trades("BTCUSDT"))
        known = {("BTCUSDT", "trade"): last - 5, ("ETHUSDT", "aggTrade"): 1}
        connection = Connection(
            profile_of("binance.spot"), wanted, patience(venue), hands=Hands(ear.report), known=known
        )
        task = asyncio.create_task(connection.run(ear.put))
        await played(venue, ear)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    assert connection.counts.backfilled_rows == 0


@pytest.mark.parametrize("fault", [Fault.FAIL, Fault.THROTTLE])
async def test_trades_are_owed_until_they_come(fault: Fault) -> None:
    """While REST fails messages go on without marks, and what is owed is asked for until it comes."""
    ear = Ear()
    async with serving(venue_of("binance.spot")) as venue, hearing(venue, ear) as connection:
        await subscribed(venue, ear, connection)
        await venue.play(1)
        venue.faults.arm(fault, count=1)
        venue.faults.arm(Fault.GAP, kind="trade", count=1)
        await venue.play(1)
        await ear.until(lambda: connection.counts.backfills_owed)
        await ear.until(lambda: set(ear.trades()) >= ledger(venue))
        await venue.play(1)
        await ear.until(lambda: set(ear.trades()) >= ledger(venue))
    assert ear.reported("backfill_failed") == 1
    assert ear.heard[-1].marks or any(received.marks for received in ear.heard[-50:])


@pytest.mark.parametrize("dialect", DIALECTS)
async def test_books_are_fetched_anew(dialect: str) -> None:
    """A hole in a book is found where the venue lets it be found, and a new book follows."""
    ear = Ear()
    async with serving(venue_of(dialect)) as venue, hearing(venue, ear) as connection:
        await subscribed(venue, ear, connection)
        await venue.play(1)
        venue.faults.arm(Fault.GAP, kind="book", count=3)
        await venue.play(4)
        if dialect == "coinbase.exchange":  # its books are not numbered: only a crossed one shows
            return
        await ear.until(lambda: connection.counts.breaches)
        await subscribed(venue, ear, connection)
        await venue.play(1)
        await subscribed(venue, ear, connection)
    assert ear.reported("book_broken") >= 1


@pytest.mark.parametrize("dialect", DIALECTS)
async def test_garbage_and_doubles_travel(dialect: str) -> None:
    """What cannot be read travels as it came; a doubled message is two; neither breaks anything."""
    ear = Ear()
    async with serving(venue_of(dialect)) as venue, hearing(venue, ear) as connection:
        await subscribed(venue, ear, connection)
        venue.faults.arm(Fault.DUPLICATE, count=3)
        venue.broadcast("{")
        await venue.play(1)
        await ear.until(lambda: any(received.row == b"{" for received in ear.heard))
    assert connection.counts.breaches == 0


@pytest.mark.parametrize(
    ("dialect", "row"),
    [
        ("coinbase.exchange", '{"type":"error","message":"Failed to subscribe","reason":"A-B is not a valid product"}'),
        ("coinbase.advanced", '{"type":"error","message":"A-B is not a valid product"}'),
        ("kraken.v1", '{"event":"subscriptionStatus","status":"error","errorMessage":"A-B is not a valid product"}'),
        ("kraken.v2", '{"method":"subscribe","success":false,"error":"A-B is not a valid product","symbol":"A-B"}'),
    ],
)
def test_a_refusal_is_seen(dialect: str, row: str) -> None:
    """What a venue says when it takes no subscription is seen in every dialect that says it."""
    (glance,) = profile_of(dialect).glance(row.encode(), "")
    assert "A-B is not a valid product" in glance.refused


async def test_a_refusal_is_told() -> None:
    """A subscription that the venue refuses is told of, or nobody would know why nothing comes; the row travels on."""
    ear, row = Ear(), '{"method":"subscribe","success":false,"error":"Currency pair not supported A/B"}'
    async with serving(venue_of("kraken.v2")) as venue, hearing(venue, ear) as connection:
        await subscribed(venue, ear, connection)
        venue.broadcast(row)
        await ear.until(lambda: any(received.row == row.encode() for received in ear.heard))
    assert ear.reports == [("subscription_refused", {"reason": "Currency pair not supported A/B"})]


async def test_silence_is_a_lost_connection() -> None:
    """A connection without a word is left, and a new one made."""
    ear = Ear()
    async with serving(venue_of("kraken.v2")) as venue, hearing(venue, ear, idle_s=0.1) as connection:
        await subscribed(venue, ear, connection)
        venue.faults.silent = True
        await ear.until(lambda: connection.counts.connections >= 3)
    assert ear.reported("connection_lost") >= 2
    assert "silent for 0.1 s" in str(ear.reports[0][1]["error"])


async def played(venue: Exchange, ear: Ear) -> None:
    """Let time pass until something was heard."""
    async with asyncio.timeout(20):
        while not ear.heard:
            await venue.play(0.2)


async def test_refused_trades_stay_missing() -> None:
    """What the venue refuses for good is reported once, and not asked for again; messages go on."""
    ear = Ear()
    async with serving(venue_of("binance.spot")) as venue:
        wanted = Subscription(("BTCUSDT",), ("trade",))
        patient = patience(venue, rest_url=f"http://127.0.0.1:{venue.port}/nowhere")
        connection = Connection(profile_of("binance.spot"), wanted, patient, hands=Hands(ear.report))
        task = asyncio.create_task(connection.run(ear.put))
        await played(venue, ear)
        venue.faults.arm(Fault.GAP, kind="trade", symbol="BTCUSDT", count=1)
        await venue.play(2)
        await ear.until(lambda: ear.reported("backfill_given_up"))
        before = len(ear.heard)
        await venue.play(1)
        await ear.until(lambda: len(ear.heard) > before)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    assert (ear.reported("backfill_given_up"), ear.reported("backfill_failed")) == (1, 0), ear.reports
    assert ear.heard[-1].marks


async def test_an_answer_that_is_no_book_is_asked_for_again() -> None:
    """Where REST answers well and tells no book, as a proxy's page does, the book is asked for until it comes."""
    ear, profile, pages = Ear(), profile_of("binance.spot"), iter(["proxy"])

    def glance(row: bytes, symbol: str) -> tuple[Glance, ...]:
        return () if symbol and next(pages, "") else profile.glance(row, symbol)

    async with serving(venue_of("binance.spot")) as venue:
        wanted = Subscription(("BTCUSDT",), ("depth@100ms",))
        connection = Connection(replace(profile, glance=glance), wanted, patience(venue), hands=Hands(ear.report))
        task = asyncio.create_task(connection.run(ear.put))
        await ear.until(lambda: connection.has_book("BTCUSDT"))
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    assert ear.reported("snapshot_failed") == 1
    assert len([one for one in ear.heard if one.symbol]) == 2


class Sky:
    """Move a clock by hand: whoever waits moves it, until enough was waited."""

    def __init__(self, waits_max: int) -> None:
        """Begin at zero."""
        self.now = 0.0
        self.waits: list[float] = []
        self.waits_max = waits_max

    async def pause(self, seconds: float) -> None:
        """Wait."""
        await asyncio.sleep(0)
        self.now += seconds
        self.waits.append(seconds)
        if len(self.waits) >= self.waits_max:
            raise asyncio.CancelledError


async def listened(sky: Sky, jitter: Callable[[int], float] | None, patient: Patience) -> Ear:
    """Listen to a venue that is not there until enough was waited; only the loop that connects."""
    ear = Ear()
    hands = Hands(ear.report, elapsed=lambda: sky.now, pause=sky.pause, jitter=jitter)
    wanted = Subscription(("BTCUSDT",), ("trade",))
    connection = Connection(profile_of("binance.spot"), wanted, patient, hands=hands)
    with pytest.raises(asyncio.CancelledError):
        await connection._listen()  # noqa: SLF001 - the loop alone, for its waits
    return ear


NOWHERE = Patience("ws://127.0.0.1:1", "http://127.0.0.1:1", breaker=BreakerLimits(4, window_s=1e6, open_s=50.0))


async def test_waits_longer_and_longer() -> None:
    """Each failed attempt is followed by a wait drawn from a longer span; a breaker adds its own."""
    attempts: list[int] = []

    def jitter(attempt: int) -> float:
        attempts.append(attempt)
        return 0.0

    sky = Sky(12)
    ear = await listened(sky, jitter, NOWHERE)
    assert attempts[:5] == [1, 2, 3, 4, 5]
    assert sky.waits[:10] == [0, 0, 0, 0, 0, 0, 0, 0, 50.0, 0]
    assert ear.reported("connection_lost") >= 5


async def test_never_faster_than_the_venue_allows() -> None:
    """However quick attempts fail, no more are made than the venue documents: 300 in 5 minutes."""
    sky = Sky(1_500)
    patient = Patience("ws://127.0.0.1:1", breaker=BreakerLimits(10**6))
    ear = await listened(sky, lambda _attempt: 0.0, patient)
    assert ear.reported("connection_lost") <= 300 + sky.now


@pytest.mark.parametrize(
    ("symbols", "channels"), [((), ("trade",)), (("BTCUSDT",), ()), (tuple(f"S{i}" for i in range(600)), ("a", "b"))]
)
def test_refuses_what_one_connection_cannot_carry(symbols: tuple[str, ...], channels: tuple[str, ...]) -> None:
    """Nothing, or more streams than the venue allows, is refused before anything is connected."""
    with pytest.raises(ValueError, match="one connection carries"):
        Connection(profile_of("binance.spot"), Subscription(symbols, channels), NOWHERE, hands=Hands(Ear().report))


class Tap:
    """Keep what passes beside the messages."""

    def __init__(self) -> None:
        """Begin empty."""
        self.lines: list[str] = []

    def connected(self, url: str, _ts: int) -> None:
        """Keep the address."""
        self.lines.append(url)

    def sent(self, _url: str, _ts: int, text: str) -> None:
        """Keep the text."""
        self.lines.append(text)


async def test_a_tap_hears_what_is_sent() -> None:
    """Whoever taps a connection hears of it, and of every message sent over it."""
    ear, tap = Ear(), Tap()
    async with serving(venue_of("kraken.v1")) as venue:
        profile = profile_of("kraken.v1")
        hands = Hands(ear.report, tap=tap)
        connection = Connection(profile, subscription(profile), patience(venue), hands=hands)
        task = asyncio.create_task(connection.run(ear.put))
        await subscribed(venue, ear, connection)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    assert tap.lines == [connection.url, *profile.subscribe(replace(subscription(profile), depth=profile.depth))]


@given(st.lists(st.integers(1, 30), min_size=1), st.data())
def test_marks_find_every_hole(numbers: list[int], data: st.DataObject) -> None:
    """Whatever is dropped from growing ids, what marks call missing is exactly what lies between."""
    ids = sorted(set(numbers))
    marks, missing = Marks(), set()
    profile = profile_of("binance.spot")
    for number in ids:
        row = b'{"stream":"x@trade","data":{"e":"trade","s":"X","t":%d}}' % number
        (seen,) = profile.glance(row, "")
        assert seen.trades is not None
        found = marks.see("X", seen.trades)
        if found is not None:
            assert found.last is not None
            missing |= set(range(found.first, found.last + 1))
    assert missing == set(range(ids[0], ids[-1])) - set(ids)
    repeated = data.draw(st.sampled_from(ids))
    (seen,) = profile.glance(b'{"stream":"x@trade","data":{"e":"trade","s":"X","t":%d}}' % repeated, "")
    assert seen.trades is not None
    assert marks.see("X", seen.trades) is None


async def test_a_cancelled_connection_ends() -> None:
    """Cancelled in the very moment in which its connection breaks, it ends all the same."""
    ear = Ear()
    async with serving(venue_of("binance.spot")) as venue:
        profile = profile_of("binance.spot")
        for turn in range(20):
            connection = Connection(profile, subscription(profile), patience(venue), hands=Hands(ear.report))
            task = asyncio.create_task(connection.run(ear.put))
            await ear.until(lambda one=connection: one.counts.connections and one.has_book("BTCUSDT"))  # type: ignore[misc]
            venue.audience.cut()
            for _ in range(turn % 5):
                await asyncio.sleep(0)
            task.cancel()
            done, _pending = await asyncio.wait({task}, timeout=5)
            assert done


@pytest.mark.parametrize("dialect", DIALECTS)
async def test_everything_is_subscribed_to_again(dialect: str) -> None:
    """On a new connection every symbol's trades, quotes and book come again."""
    ear = Ear()
    profile = profile_of(dialect)
    async with serving(venue_of(dialect)) as venue, hearing(venue, ear) as connection:
        await subscribed(venue, ear, connection)
        await venue.play(1)
        venue.audience.cut()
        await ear.until(lambda: ear.reported("connection_lost"))
        await subscribed(venue, ear, connection, times=2)
        ear.heard.clear()
        await venue.play(5)
        symbols = set(KITS[dialect].symbols)
        await ear.until(
            lambda: (
                all(kinds(profile, ear, symbol) >= {"book", "quote", "trade"} for symbol in symbols)
                or dialect == "kraken.v1"
            )
        )
    assert {symbol for symbol in symbols if kinds(profile, ear, symbol)} == symbols


def kinds(profile: Profile, ear: Ear, symbol: str) -> set[str]:
    """Say what was heard of a symbol."""
    glances = [one for received in ear.heard for one in profile.glance(received.row, received.symbol)]
    mine = [one for one in glances if one.symbol == symbol]
    told = {"book" for one in mine if one.book} | {"quote" for one in mine if one.quote}
    return told | {"trade" for one in mine if one.trades}
