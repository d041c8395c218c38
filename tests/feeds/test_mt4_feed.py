"""The MetaTrader 4 feed hands on every tick of its bridge in order and once, whatever the connection does."""

import asyncio
import contextlib
import itertools
import pathlib
from collections.abc import AsyncIterator, Iterable, Mapping
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from waiting import until

from functions.adapters.file_outbox import FileOutbox, OutboxOptions
from functions.adapters.memory_sink import MemorySink
from functions.adapters.mt4_client import BridgeClient, Sequencer
from functions.adapters.mt4_connection import BridgeEnd
from functions.domain.market import RawBatch
from functions.feeds.mt4.feed import Rhythm, listen
from functions.feeds.mt4.main import Settings, compose
from functions.local.venues.faults import Fault, FaultRates
from functions.local.venues.mt4 import Bridge, BridgeOptions, serving
from functions.ports.lines import Line, PutLine
from functions.wire.batching import Label
from functions.wire.codecs.market import decode_raw_batch
from functions.wire.envelope import Event
from functions.wire.venues.registry import decoder_of

SYMBOLS = ("EURUSD", "USDJPY")
TICKS = 50  # ticks a symbol that a test waits for


def bridge(**faults: float) -> Bridge:
    return Bridge(BridgeOptions(SYMBOLS, rate=200, faults=FaultRates(**faults), paced=False))


def settings(port: int, folder: pathlib.Path) -> Settings:
    return Settings(
        mt4_port=port,
        mt4_symbols=SYMBOLS,
        mt4_state=str(folder / "mt4.json"),
        spool=str(folder / "spool"),
        flush_ms=1,
        backoff_s=0.001,
        backoff_max_s=0.01,
    )


def batches(events: Iterable[Event]) -> list[RawBatch]:
    return [decode_raw_batch(event.data) for event in events if event.data is not None]


def lines(events: Iterable[Event]) -> list[str]:
    return [
        one.payload[start:end].decode()
        for one in batches(events)
        for start, end in itertools.pairwise(one.offsets.tolist())
    ]


def ticks(events: Iterable[Event], symbol: str) -> list[str]:
    return [line for line in lines(events) if line.startswith("TICK ") and line.split()[2:3] == [symbol]]


def whole(sink: MemorySink, served: Bridge) -> bool:
    """Say whether the feed has published every tick there is."""
    return all(len(ticks(sink.events, symbol)) >= served.last[symbol] for symbol in SYMBOLS)


@contextlib.asynccontextmanager
async def feeding(served: Bridge, what: Settings, sink: MemorySink) -> AsyncIterator[None]:
    """Run the feed until it is subscribed, and stop it at the end as SIGTERM would."""
    task = asyncio.ensure_future(compose(what).run(sink))
    before = len(lines(sink.events))
    try:
        await until(lambda: any(line.startswith("OK ") for line in lines(sink.events)[before:]) or task.done())
        assert served.port
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


@pytest.mark.parametrize("fault", ["", "gap", "duplicate", "reorder", "disconnect", "garbage"])
async def test_every_tick_once_and_in_order(tmp_path: pathlib.Path, fault: str) -> None:
    """Lost, doubled, late and garbled lines, and cut connections, leave the published ticks as the bridge made them."""
    rates = {fault: 0.03} if fault else {}
    sink = MemorySink()
    async with serving(bridge(**rates)) as served, feeding(served, settings(served.port, tmp_path), sink):
        await served.play(3)
        await until(lambda: whole(sink, served), within_s=20)
        assert {symbol: ticks(sink.events, symbol) for symbol in SYMBOLS} == {
            symbol: list(served.ticks[symbol]) for symbol in SYMBOLS
        }
        assert min(served.last.values()) > TICKS
        assert not fault or served.faults.counts[fault] > 0


async def test_a_restarted_feed_asks_for_what_it_missed(tmp_path: pathlib.Path) -> None:
    """Ticks that came while no feed ran are asked for; numbers, rows and ticks go on without a seam."""
    async with serving(bridge()) as served:
        what, sink = settings(served.port, tmp_path), MemorySink()
        async with feeding(served, what, sink):
            await served.play(1)
            await until(lambda: whole(sink, served))
        await served.play(1)
        async with feeding(served, what, sink):
            await served.play(1)
            await until(lambda: whole(sink, served))
        for symbol in SYMBOLS:
            assert ticks(sink.events, symbol) == list(served.ticks[symbol])
        found = batches(sink.events)
        assert all(later.first_row == one.first_row + one.row_count for one, later in itertools.pairwise(found))
        numbers = [int(str(event.extensions["sequence"])) for event in sink.events]
        assert numbers == list(range(len(numbers)))


async def test_what_was_taken_is_published_when_told_to_stop(tmp_path: pathlib.Path) -> None:
    """A line that waits for company when the feed is told to stop is published like those behind it."""

    class Three:
        async def run(self, put: PutLine, cursors: Mapping[str, str]) -> None:
            assert not cursors
            for number in (1, 2, 3):
                await put(Line(b"%d" % number, number, "EURUSD", f"s {number}"))
                await asyncio.sleep(0.01)
            await asyncio.Event().wait()

    sink = MemorySink()
    label = Label("MT4-0", "MT4-0.mt4", "mt4.bridge")
    async with FileOutbox(label, sink, OutboxOptions("mt4", "", str(tmp_path))) as outbox:
        task = asyncio.create_task(listen(Three(), outbox, Rhythm(512, 65_536, 100, 60.0, 60.0)))
        await asyncio.sleep(0.1)
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
    assert lines(sink.events) == ["1", "2", "3"]


async def test_a_new_session_is_taken_from_its_beginning(tmp_path: pathlib.Path) -> None:
    """After the bridge was started anew, everything it has said since then comes."""
    async with serving(bridge()) as served:
        sink = MemorySink()
        async with feeding(served, settings(served.port, tmp_path), sink):
            await served.play(1)
            await until(lambda: whole(sink, served))
            before = {symbol: ticks(sink.events, symbol) for symbol in SYMBOLS}
            served.restart()
            await served.play(1)
            await until(
                lambda: all(
                    len(ticks(sink.events, symbol)) == len(before[symbol]) + served.last[symbol] for symbol in SYMBOLS
                )
            )
            for symbol in SYMBOLS:
                assert ticks(sink.events, symbol) == before[symbol] + list(served.ticks[symbol])


async def test_what_the_bridge_forgot_is_a_gap(tmp_path: pathlib.Path) -> None:
    """Ticks that are too old to be sent again are told as a gap, and the feed goes on behind it."""
    async with serving(bridge()) as served:
        what, sink = settings(served.port, tmp_path), MemorySink()
        async with feeding(served, what, sink):
            await served.play(0.5)
            await until(lambda: whole(sink, served))
        seen = len(sink.events)
        await served.play(0.5)
        served.forget()
        async with feeding(served, what, sink):
            await served.play(0.5)
            await until(lambda: all(ticks(sink.events, one)[-1:] == list(served.ticks[one])[-1:] for one in SYMBOLS))
        gaps = [line for line in lines(sink.events[seen:]) if line.startswith("GAPFILL")]
        assert len(gaps) == len(SYMBOLS)
        for symbol in SYMBOLS:
            assert ticks(sink.events[seen:], symbol) == list(served.ticks[symbol])


async def test_silence_ends_the_connection(tmp_path: pathlib.Path) -> None:
    """A bridge that says nothing, not even a heartbeat, counts as gone; what it kept is asked for afterwards."""
    async with serving(bridge()) as served:
        sink = MemorySink()
        what = replace(settings(served.port, tmp_path), mt4_idle_s=0.2)
        async with feeding(served, what, sink):
            served.faults.silent = True
            await served.play(0.5)
            served.faults.silent = False
            await until(lambda: whole(sink, served))
            for symbol in SYMBOLS:
                assert ticks(sink.events, symbol) == list(served.ticks[symbol])


async def test_published_ticks_decode(tmp_path: pathlib.Path) -> None:
    """Every published row decodes: ticks to quotes of the instrument, the rest counted by kind, nothing refused."""
    async with serving(bridge()) as served:
        sink = MemorySink()
        async with feeding(served, settings(served.port, tmp_path), sink):
            await served.play(1)
            await until(lambda: whole(sink, served))
        decode = decoder_of("mt4.bridge")
        found = [decode(one, {}, future_skew_ms_max=10_000) for one in batches(sink.events)]
        assert sum(len(one.quotes.row) for one in found) == sum(served.last.values())
        assert not [rejection for one in found for rejection in one.rejections]
        assert {ref.instrument_id for one in found for ref in one.instruments} == {"EUR-USD.MT4", "USD-JPY.MT4"}
        assert {kind for one in found for kind, _ in one.kinds} >= {"tick", "hello", "ok"}


@pytest.mark.parametrize(
    ("said", "answer"),
    [
        ("SUBSCRIBE EURUSD", "ERROR order"),
        ("HELLO 2 me", "ERROR version"),
        ("HELLO 1 me\nSUBSCRIBE NOSUCH", "ERROR symbol"),
        ("HELLO 1 me\nDANCE", "ERROR syntax"),
        ("HELLO 1 me\nRESEND EURUSD x y", "ERROR syntax"),
    ],
)
async def test_the_bridge_refuses_what_it_does_not_understand(said: str, answer: str) -> None:
    """A client that breaks the protocol is told how."""
    async with serving(bridge()) as served:
        reader, writer = await asyncio.open_connection("127.0.0.1", served.port)
        writer.write(said.encode() + b"\n")
        async with asyncio.timeout(5):
            while not (line := (await reader.readline()).decode()).startswith("ERROR"):
                pass
        writer.close()
        assert line.startswith(answer)


@given(st.data())
def test_numbers_are_put_in_order(data: st.DataObject) -> None:
    """Whatever the order and however often numbers come, each is handed on once, in order, and none is left out."""
    count = data.draw(st.integers(1, 40))
    numbers = data.draw(st.lists(st.integers(1, count), max_size=80)) + list(range(1, count + 1))
    one = Sequencer(held_max=count)
    handed = [line.ts_receive for number in numbers for line in one.take(number, Line(b"", number))]
    assert handed == list(range(1, count + 1))
    assert one.missing(count) is None


def test_a_hole_is_asked_for_once() -> None:
    """A hole is asked for when it shows, and not again with every line behind it; a greater one is asked for anew."""
    one = Sequencer(last=10)
    one.take(14, Line(b"", 14))
    assert one.missing(14) == (11, 13)
    one.take(15, Line(b"", 15))
    assert one.missing(15) is None
    assert [line.ts_receive for line in one.skip(11, 13)] == [14, 15]
    assert one.missing(20) == (16, 20)


def test_a_hole_that_never_fills_is_given_up() -> None:
    """When too much is held back behind a hole, the feed goes on behind it and counts what it gave up."""
    one = Sequencer(held_max=3)
    found = [line.ts_receive for number in (5, 6, 7, 8) for line in one.take(number, Line(b"", number))]
    assert (found, one.abandoned) == ([5, 6, 7, 8], 4)


@pytest.mark.parametrize("symbols", [(), ("EUR USD",), ("A,B",), ("x\n",)])
def test_symbols_that_do_not_fit_a_line_are_refused(symbols: tuple[str, ...]) -> None:
    """A symbol with a blank, a comma or a line end would break the protocol."""
    with pytest.raises(ValueError, match="symbols"):
        BridgeClient(BridgeEnd("127.0.0.1", 1), symbols, report=lambda _, **__: None)


def test_faults_have_names() -> None:
    """The faults of these tests are faults of the simulator."""
    assert {"gap", "duplicate", "reorder", "disconnect", "garbage"} <= set(Fault)
