"""The polling feed fetches every page once, goes on where it stopped, and is patient with the venue."""

import asyncio
import itertools
import json
import pathlib
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from email.utils import formatdate
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from functions.adapters.file_outbox import BadStateError
from functions.adapters.memory_sink import MemorySink
from functions.adapters.polling._poller import HttpPoller, Polls, Timing
from functions.adapters.polling._profile import PAGE_ROWS, Moment, UnknownPollError, profile_of
from functions.adapters.resilience import BreakerLimits, Rate
from functions.domain.market import NS_PER_S, RawBatch
from functions.feeds.rest.main import Settings, compose
from functions.local.venues.exchange import Exchange, VenueOptions, serving
from functions.local.venues.ledger import candles
from functions.local.venues.plans import Plan, build
from functions.ports.errors import Unavailable
from functions.wire.codecs.market import decode_raw_batch
from functions.wire.envelope import Event
from functions.wire.venues.registry import decoder_of

AGO_S = 900


def venue(dialect: str, symbols: tuple[str, ...], *, rate: float = 30.0) -> Exchange:
    """Build a venue whose time began a while ago and passes only when told to."""
    began = time.time_ns() - AGO_S * NS_PER_S
    return build(Plan(dialect, symbols, rate, options=VenueOptions(paced=False)), clock=lambda: began)


def settings(running: Exchange, folder: pathlib.Path, *channels: str, **more: Any) -> Settings:  # noqa: ANN401 - a setting's
    return Settings(
        poll_dialect=running.dialect.name,
        poll_symbols=tuple(running.listings),
        poll_channels=channels,
        poll_url=f"http://127.0.0.1:{running.port}",
        poll_state=str(folder / "rest.json"),
        spool=str(folder / "spool"),
        poll_rate=1_000_000.0,
        lookback_s=AGO_S + 60,
        backoff_s=0.001,
        rounds=1,
        **more,
    )


async def run(what: Settings, sink: MemorySink | None = None) -> list[Event]:
    sink = sink or MemorySink()
    hosted = compose(what)
    try:
        await hosted.run(sink)
    finally:
        await hosted.close()
    return sink.events


def batches(events: Iterable[Event]) -> list[RawBatch]:
    return [decode_raw_batch(event.data) for event in events if event.data is not None]


def pages(events: Iterable[Event], symbol: str) -> list[Any]:
    return [json.loads(one.payload) for one in batches(events) if one.row_count and one.symbol == symbol]


def assert_contiguous(events: Iterable[Event], first: int = 0) -> None:
    """Each number follows the one before, and so does each row."""
    listed = list(events)
    assert [int(str(one.extensions["sequence"])) for one in listed] == list(range(first, first + len(listed)))
    found = batches(listed)
    assert all(later.first_row == one.first_row + one.row_count for one, later in itertools.pairwise(found))


async def test_bars_are_fetched_once(tmp_path: pathlib.Path) -> None:
    """Every closed bar comes exactly once and oldest first; the batch names its symbol and interval."""
    async with serving(venue("binance.spot", ("BTCUSDT",))) as running:
        await running.play(200)
        events = await run(settings(running, tmp_path, "klines_1s"))
        bars = [bar for page in pages(events, "BTCUSDT@1") for bar in page]
        made = list(candles(running.ledger.trades("BTCUSDT"), NS_PER_S))
        assert [bar[0] for bar in bars] == [one.start_ns // 1_000_000 for one in made]
        assert [bar[8] for bar in bars] == [one.trades for one in made]
        assert_contiguous(events)
        assert batches(events)[-1].end_of_tape


async def test_trades_go_on_by_id(tmp_path: pathlib.Path) -> None:
    """A restarted feed asks from the next id on: with what it fetched before, every trade is there once."""
    async with serving(venue("binance.spot", ("BTCUSDT", "ETHUSDT"))) as running:
        await running.play(20)
        what = settings(running, tmp_path, "trades")
        first = await run(what)
        await running.play(150)
        second = await run(what)
        for symbol in running.listings:
            ids = [one["a"] for page in pages([*first, *second], symbol) for one in page]
            assert ids == [one.trade_id for one in running.ledger.trades(symbol)]
            assert len(ids) > PAGE_ROWS
        assert_contiguous([*first, *second])


async def test_next_url_is_followed(tmp_path: pathlib.Path) -> None:
    """Polygon's pages are followed to the last, window by window; decoded, they are the venue's trades."""
    async with serving(venue("polygon.stocks", ("AAPL",), rate=300)) as running:
        await running.play(80)
        events = await run(settings(running, tmp_path, "trades"))
        found = [page for page in pages(events, "AAPL") if page["results"]]
        assert sum("next_url" in page for page in found) > 2
        ids = [int(one["id"]) for page in found for one in page["results"]]
        assert ids == [one.trade_id for one in running.ledger.trades("AAPL")]
        decode = decoder_of("polygon.stocks")
        ticks = [decode(one, {}, future_skew_ms_max=10_000) for one in batches(events)]
        assert sum(len(one.trades.row) for one in ticks) == len(ids)


async def test_a_window_is_not_asked_for_twice_after_a_restart(tmp_path: pathlib.Path) -> None:
    """A feed that was stopped between two pages goes on with the second."""
    async with serving(venue("polygon.stocks", ("AAPL",), rate=300)) as running:
        await running.play(80)
        what = settings(running, tmp_path, "trades")
        stopping = _StopsAfter(3)
        with pytest.raises(ExceptionGroup):
            await run(what, stopping)
        events = [*stopping.events, *await run(what)]
        unique = {event.id: event for event in events}
        ids = [int(one["id"]) for page in pages(unique.values(), "AAPL") for one in page["results"]]
        assert ids == [one.trade_id for one in running.ledger.trades("AAPL")]


class _StopsAfter(MemorySink):
    """Store some events, and then one more of which nobody learns that it is stored."""

    def __init__(self, count: int) -> None:
        super().__init__()
        self._left = count

    async def publish(self, event: Event) -> None:
        await super().publish(event)
        self._left -= 1
        if self._left < 0:
            msg = "the process dies here"
            raise RuntimeError(msg)


async def test_what_may_not_be_stored_is_sent_again(tmp_path: pathlib.Path) -> None:
    """After a death between storing and noting, the same bytes come under the same id, and nothing else does."""
    async with serving(venue("binance.spot", ("BTCUSDT",))) as running:
        await running.play(20)
        what = settings(running, tmp_path, "trades")
        dying = _StopsAfter(0)
        with pytest.raises(ExceptionGroup):
            await run(what, dying)
        await running.play(20)
        after = await run(what)
        assert (after[0].id, after[0].data) == (dying.events[0].id, dying.events[0].data)
        ids = [one["a"] for page in pages(after, "BTCUSDT") for one in page]
        assert ids == [one.trade_id for one in running.ledger.trades("BTCUSDT")]


async def test_snapshots_that_did_not_change_are_not_told_twice(tmp_path: pathlib.Path) -> None:
    """A book with the update id of the last one is no row."""
    async with serving(venue("binance.spot", ("BTCUSDT",))) as running:
        await running.play(1)
        what = replace(settings(running, tmp_path, "depth_100"), rounds=3, poll_every_s=0.001)
        assert len(pages(await run(what), "BTCUSDT")) == 1
        await running.play(1)
        assert len(pages(await run(what), "BTCUSDT")) == 1


async def test_coinbase_bars(tmp_path: pathlib.Path) -> None:
    """Coinbase's bars come newest first in a page, and every page goes on where the last one ended."""
    async with serving(venue("coinbase.exchange", ("BTC-USD",), rate=10)) as running:
        await running.play(400)
        events = await run(settings(running, tmp_path, "candles_60"))
        starts = [bar[0] for page in pages(events, "BTC-USD@60") for bar in reversed(page)]
        made = candles(running.ledger.trades("BTC-USD"), 60 * NS_PER_S)
        assert starts == [one.start_ns // NS_PER_S for one in made]


async def test_a_failing_venue_is_waited_out(tmp_path: pathlib.Path) -> None:
    """Requests that are refused or throttled are made again, and no page is missing in the end."""
    async with serving(venue("binance.spot", ("BTCUSDT",))) as running:
        await running.play(150)
        for fault in ("fail", "fail", "fail"):
            running.faults.arm(fault)
        events = await run(settings(running, tmp_path, "klines_1s"))
        starts = [bar[0] for page in pages(events, "BTCUSDT@1") for bar in page]
        made = candles(running.ledger.trades("BTCUSDT"), NS_PER_S)
        assert starts == [one.start_ns // 1_000_000 for one in made]
        assert running.faults.counts["fail"] == 3


@dataclass
class Hands:
    """Move a poller's clock by hand: waiting takes no time here and is written down."""

    now_s: float = 1_000_000.0
    waits: list[float] = field(default_factory=list)

    async def pause(self, seconds: float) -> None:
        """Let the time pass at once."""
        self.waits.append(seconds)
        self.now_s += seconds
        await asyncio.sleep(0)

    def timing(self) -> Timing:
        """Give the clocks."""
        return Timing(
            clock=lambda: int(self.now_s * 1e9),
            elapsed=lambda: self.now_s,
            pause=self.pause,
            jitter=lambda attempt, base_s, max_s: min(max_s, base_s * 2**attempt),
        )


def poller(running: Exchange, hands: Hands, report: Callable[..., None], **more: Any) -> HttpPoller:  # noqa: ANN401
    polls = Polls(
        profile_of("binance.spot"),
        ("BTCUSDT",),
        ("depth_100",),
        url=f"http://127.0.0.1:{running.port}",
        backoff_s=1.0,
        **more,
    )
    return HttpPoller(polls, report=report, timing=hands.timing())


def silent(event: str, **_: object) -> None:
    """Report nothing."""
    assert event


async def test_retry_after_is_obeyed() -> None:
    """A venue that says when to come back is not asked before."""
    async with serving(venue("binance.spot", ("BTCUSDT",))) as running:
        running.faults.arm("throttle")
        hands = Hands()
        one = poller(running, hands, silent, rate=Rate(5, 5.0))
        page = await one.page("BTCUSDT depth_100", "")
        await one.close()
        assert page.row
        assert sum(hands.waits) >= 1.0


async def test_a_ban_is_sat_out() -> None:
    """A venue that bans an address for a day is not asked once before the day is over."""
    asked: list[float] = []

    async def answer(_: web.Request) -> web.Response:
        asked.append(hands.now_s)
        banned = len(asked) == 1
        return web.Response(status=418 if banned else 200, headers={"Retry-After": "86400"}, text='{"lastUpdateId":7}')

    hands, app = Hands(), web.Application()
    app.router.add_get("/{tail:.*}", answer)
    async with TestServer(app, host="127.0.0.1") as server:
        polls = Polls(profile_of("binance.spot"), ("BTCUSDT",), ("depth_100",), url=str(server.make_url("/")))
        one = HttpPoller(polls, report=silent, timing=hands.timing())
        page = await one.page("BTCUSDT depth_100", "")
        await one.close()
    assert page.cursor == "7"
    assert len(asked) == 2
    assert asked[1] - asked[0] >= 86_400.0


async def test_a_clock_that_is_ahead_closes_no_window() -> None:
    """Where our clock is ahead, what is still open at the venue is not taken, and the clock is corrected by `Date`."""
    asked: list[int] = []
    reports: list[str] = []

    async def answer(request: web.Request) -> web.Response:
        asked.append(int(request.query["endTime"]))
        date = formatdate(hands.now_s - 30, usegmt=True)
        return web.Response(headers={"Date": date}, text="[]")

    hands, app = Hands(), web.Application()
    app.router.add_get("/{tail:.*}", answer)
    async with TestServer(app, host="127.0.0.1") as server:
        start_ns = int((hands.now_s - 60) * 1e9)
        profile, url = profile_of("binance.spot"), str(server.make_url("/"))
        polls = Polls(profile, ("BTCUSDT",), ("klines_1s",), url=url, start_ns=start_ns)
        one = HttpPoller(
            polls, report=lambda event, **told: reports.append(f"{event} {told['error']}"), timing=hands.timing()
        )
        page = await one.page("BTCUSDT klines_1s", "")
        await one.close()
    ahead, behind = (((end + 1) / 1000) - (hands.now_s - 30) for end in asked)
    assert ahead > 0 >= behind
    assert int(page.cursor) <= (hands.now_s - 30) * 1000
    assert [one for one in reports if "30 s ahead" in one or "29 s ahead" in one]


async def test_a_clock_that_is_ahead_is_corrected_once() -> None:
    """Series that are asked for at once do not each take off what our clock is ahead."""
    asked: dict[str, list[int]] = {}

    async def answer(request: web.Request) -> web.Response:
        asked.setdefault(request.query["symbol"], []).append(int(request.query["endTime"]))
        return web.Response(headers={"Date": formatdate(hands.now_s - 30, usegmt=True)}, text="[]")

    hands, app, symbols = Hands(), web.Application(), ("BTCUSDT", "ETHUSDT", "SOLUSDT")
    app.router.add_get("/{tail:.*}", answer)
    async with TestServer(app, host="127.0.0.1") as server:
        start_ns, url = int((hands.now_s - 200) * 1e9), str(server.make_url("/"))
        polls = Polls(profile_of("binance.spot"), symbols, ("klines_1s",), url=url, start_ns=start_ns)
        one = HttpPoller(polls, report=silent, timing=hands.timing())
        await asyncio.gather(*(one.page(f"{symbol} klines_1s", "") for symbol in symbols))
        await one.close()
    assert all(hands.now_s - 45 < ends[-1] / 1000 <= hands.now_s - 30 for ends in asked.values()), asked


async def test_the_rate_is_kept() -> None:
    """Requests cost their weight, and wait for it once what was saved is spent."""
    async with serving(venue("binance.spot", ("BTCUSDT",))) as running:
        hands = Hands()
        one = poller(running, hands, silent, rate=Rate(10, 10.0))
        for _ in range(6):
            await one.page("BTCUSDT depth_100", "")
        await one.close()
        assert sum(hands.waits) == pytest.approx(20.0)


async def test_a_venue_that_is_down_is_left_alone() -> None:
    """After some failures nothing is asked until the breaker lets one trial through."""
    async with serving(venue("binance.spot", ("BTCUSDT",))) as running:
        for _ in range(3):
            running.faults.arm("fail")
        hands, told = Hands(), []
        breaker = BreakerLimits(failures_max=3, window_s=60.0, open_s=15.0)
        one = poller(running, hands, lambda event, **_: told.append(event), breaker=breaker)
        page = await one.page("BTCUSDT depth_100", "")
        await one.close()
        assert page.row
        assert told == ["poll_failed"] * 3
        assert hands.waits[:2] == [2.0, 4.0]
        assert sum(hands.waits[2:]) >= 15.0


@pytest.mark.parametrize(
    ("dialect", "name", "reply"),
    [
        ("binance.spot", "trades", b'{"code":-1121}'),
        ("binance.spot", "klines_1m", b"[[9999999999999]]"),
        ("binance.spot", "depth", b"[]"),
        ("coinbase.exchange", "candles_60", b'{"message":"NotFound"}'),
        ("polygon.stocks", "trades", b'{"status":"ERROR"}'),
        ("polygon.stocks", "trades", b'{"status":"OK","next_url":"https://x/y?z=1"}'),
        ("polygon.stocks", "quotes", b"not json"),
    ],
)
def test_what_is_no_reply_is_refused(dialect: str, name: str, reply: bytes) -> None:
    """A reply that cannot be one moves no cursor: reading it is an error."""
    channel = profile_of(dialect).channel(name)
    asked = channel.ask("X", "", Moment(2_000 * NS_PER_S, 1_000 * NS_PER_S, 0))
    assert asked is not None
    with pytest.raises((ValueError, KeyError, IndexError, TypeError)):
        channel.read(reply, asked)


@pytest.mark.parametrize("name", ["trades", "aggs_1_minute"])
def test_delayed_data_moves_no_cursor_past_what_is_missing(name: str) -> None:
    """A key without real time tells nothing of the last quarter hour: a window that ends there is asked for again."""
    channel, began_s = profile_of("polygon.stocks").channel(name), 60_000
    late, early = (
        channel.ask("X", "", Moment((began_s + passed_s) * NS_PER_S, began_s * NS_PER_S, settle_s * NS_PER_S))
        for passed_s, settle_s in ((959, 2), (960, 900))
    )
    assert late is not None
    assert early is not None
    with pytest.raises(ValueError, match="settle_s to at least 900"):
        channel.read(b'{"status":"DELAYED"}', late)
    assert channel.read(b'{"status":"DELAYED"}', early).cursor == str((began_s + 60) * NS_PER_S)


@pytest.mark.parametrize(
    ("name", "rows"), [("aggs_1_minute", 400), ("aggs_1_hour", 400), ("aggs_12_hour", 69), ("aggs_300_second", 166)]
)
def test_bars_are_made_of_what_a_reply_may_be_made_of(name: str, rows: int) -> None:
    """A window of bars spans no more of those beneath them than the venue reads for one reply: it cuts off the rest."""
    asked = profile_of("polygon.stocks").channel(name).ask("X", "", Moment(NS_PER_S * 10**9, 0, 0))
    assert asked is not None
    count, span = name.split("_")[1:]
    assert asked.end == rows * int(count) * {"second": 1, "minute": 60, "hour": 3_600}[span] * NS_PER_S
    assert "limit=50000" in asked.path


@pytest.mark.parametrize(("dialect", "name"), [("binance.spot", "klines_7m"), ("coinbase.exchange", "trades")])
def test_unknown_channels_are_refused(dialect: str, name: str) -> None:
    """A channel that a venue does not have is refused with those it has."""
    with pytest.raises(UnknownPollError, match="there are"):
        profile_of(dialect).channel(name)


def test_a_rate_that_buys_nothing_is_refused() -> None:
    """A rate below the price of one request stops the start, and says what to set."""
    compose(Settings(poll_channels=("depth_1000",), poll_rate=50.0))
    with pytest.raises(ValueError, match="depth_1000 costs 50 of 49; set poll_rate"):
        compose(Settings(poll_channels=("klines_1m", "depth_1000"), poll_rate=49.0))


@pytest.mark.parametrize("dialect", ["nowhere.spot", "binance.moon", "../etc", ""])
def test_unknown_dialects_are_refused(dialect: str) -> None:
    """A dialect nobody says how to poll is refused."""
    with pytest.raises(UnknownPollError):
        profile_of(dialect)


async def test_a_state_of_another_stream_is_refused(tmp_path: pathlib.Path) -> None:
    """Cursors of one stream are never taken for another's."""
    async with serving(venue("binance.spot", ("BTCUSDT",))) as running:
        await running.play(5)
        what = settings(running, tmp_path, "trades")
        await run(what)
        with pytest.raises(BadStateError, match="stream"):
            await run(replace(what, stream="OTHER-0.rest"))


async def test_two_markets_of_a_venue_are_two_streams(tmp_path: pathlib.Path) -> None:
    """As shipped, spot and futures number their batches apart, and take no cursor of each other."""
    async with serving(venue("binance.spot", ("BTCUSDT",))) as running:
        await running.play(5)
        what = settings(running, tmp_path, "trades")
        (source,) = {event.source for event in await run(what)}
        assert source.endswith("/BINANCE-0.rest")
        with pytest.raises(BadStateError, match=r"not of 'BINANCE-USDM-0.rest'"):
            await run(replace(what, poll_dialect="binance.usdm"))


async def test_the_clock_ticks_while_nothing_comes(tmp_path: pathlib.Path) -> None:
    """A feed without news still says that it lives."""
    async with serving(venue("binance.spot", ("BTCUSDT",))) as running:
        what = replace(settings(running, tmp_path, "trades"), rounds=3, poll_every_s=0.05, heartbeat_ms=10)
        found = batches(await run(what))
        assert sum(one.heartbeat for one in found) > 2


class _Down(MemorySink):
    """Be down for the first few events."""

    def __init__(self, failures: int) -> None:
        super().__init__()
        self._left = failures

    async def publish(self, event: Event) -> None:
        self._left -= 1
        if self._left >= 0:
            msg = "down"
            raise Unavailable(msg)
        await super().publish(event)


async def test_a_broker_that_is_down_is_waited_out(tmp_path: pathlib.Path) -> None:
    """No page is lost while the broker is away, and none is sent twice."""
    async with serving(venue("binance.spot", ("BTCUSDT",))) as running:
        await running.play(20)
        events = await run(settings(running, tmp_path, "trades"), _Down(3))
        ids = [one["a"] for page in pages(events, "BTCUSDT") for one in page]
        assert ids == [one.trade_id for one in running.ledger.trades("BTCUSDT")]
        assert_contiguous(events)
