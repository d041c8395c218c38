"""Data of a venue are expected in its session and outside of halts, so that silence beside them is no fault."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial
from zoneinfo import ZoneInfo

import pytest
from referred import instrument
from ticking import T0, Trade, batch

from functions.adapters.calendars import shipped_calendars
from functions.adapters.memory_reference import MemoryReference
from functions.domain.reference import AssetClass, Instrument, Status, TradingStatus
from functions.domain.sessions import FOREVER
from functions.handlers.enrich.expected import NS_PER_S, Measuring, expected, regular_at
from functions.ports.errors import Unavailable
from functions.ports.reference import Snapshot
from functions.wire.codecs.market import encode_tick_batch
from functions.wire.envelope import Event

CALENDARS = shipped_calendars()
NEW_YORK = ZoneInfo("America/New_York")
ETH = instrument("ETH-USDT.BINANCE", symbol="ETHUSDT", asset_class=AssetClass.CRYPTO, calendar="24X7")
AAPL = instrument("AAPL.US", symbol="AAPL", asset_class=AssetClass.EQUITY, calendar="XNYS")
HALT, RESUME = TradingStatus.HALTED, TradingStatus.TRADING


def at(hour: int, minute: int = 0, *, day: int = 8) -> int:
    """Give a time of August 2024 in New York; the 8th is a Thursday."""
    return int(datetime(2024, 8, day, hour, minute, tzinfo=NEW_YORK).timestamp()) * NS_PER_S


def window(one: Instrument, ts_ns: int) -> tuple[int, int] | None:
    """Ask when its data may be expected."""
    return expected(one, partial(regular_at, CALENDARS[one.calendar]), ts_ns)


@pytest.mark.parametrize(
    ("asked", "since", "until"),
    [
        (at(12), at(9, 30), at(16)),
        (at(9, 30), at(9, 30), at(16)),
        (at(16), at(9, 30, day=9), at(16, day=9)),
        (at(5), at(9, 30), at(16)),
        (at(17, day=9), at(9, 30, day=12), at(16, day=12)),
    ],
    ids=["open", "at the open", "at the close", "before the open", "before a weekend"],
)
def test_sessions(asked: int, since: int, until: int) -> None:
    """An equity is expected in its regular session; outside of it, in the next one."""
    assert window(AAPL, asked) == (since, until)


def test_around_the_clock() -> None:
    """Sessions that follow each other are one: midnight is no end."""
    found = window(ETH, at(19, 59))
    assert found is not None
    assert found[0] <= at(19, 59)
    assert found[1] - at(19, 59) > 5 * 86_400 * NS_PER_S


@pytest.mark.parametrize(
    ("statuses", "found"),
    [
        ((Status(HALT, at(11)),), None),
        ((Status(HALT, at(11)), Status(RESUME, at(13))), (at(13), at(16))),
        ((Status(HALT, at(10)), Status(RESUME, at(11))), (at(11), at(16))),
        ((Status(HALT, at(14)),), (at(9, 30), at(14))),
        ((Status(HALT, at(11)), Status(RESUME, at(18))), (at(9, 30, day=9), at(16, day=9))),
    ],
    ids=["halted", "resumes later", "resumed", "will halt", "resumes after the close"],
)
def test_halts(statuses: tuple[Status, ...], found: tuple[int, int] | None) -> None:
    """Nothing is expected in a halt, and silence counts from its end."""
    assert window(replace(AAPL, statuses=statuses), at(12)) == found


def test_not_listed() -> None:
    """What is not listed any more is not expected."""
    assert window(replace(AAPL, listed_to_ns=at(11)), at(12)) is None


def ticks(one: Instrument, *, rows: int, ts_ns: int) -> Event:
    """Make a TickBatch of so many trades; none is a heartbeat."""
    known = (one.ref,) if rows else ()
    value = batch([Trade(T0 + n) for n in range(rows)], 0, known)
    return Event("1", "/tickloom/handlers/normalize/US", "t", encode_tick_batch(value), time_ns=ts_ns)


async def gauges(measuring: Measuring, event: Event) -> dict[str, float]:
    return {name: value for name, _, value in await measuring.measures(event)}


async def test_rows_and_receipt() -> None:
    """Rows count by venue and symbol, and the newest receipt is the venue's."""
    told = await Measuring(MemoryReference([ETH]), CALENDARS).measures(ticks(ETH, rows=3, ts_ns=at(12)))
    assert told[0] == ("market.data.processed.total", {"source": "BINANCE", "symbol": "ETH-USDT"}, 3)
    name, labels, received_s = told[1]
    assert (name, labels) == ("market_data_last_received_timestamp", {"source": "BINANCE"})
    assert received_s == pytest.approx(T0 / NS_PER_S, abs=60)


async def test_halt_is_learnt_while_nothing_comes() -> None:
    """A heartbeat is enough to learn that all of a venue is halted, and to hear when it trades again."""
    reference = MemoryReference([AAPL])
    measuring = Measuring(reference, CALENDARS)
    open_ = await gauges(measuring, ticks(AAPL, rows=1, ts_ns=at(12)))
    assert open_["market_data_expected_until_timestamp"] == at(16) / NS_PER_S
    await reference.set_status("AAPL.US", Status(HALT, at(12)))
    halted = await gauges(measuring, ticks(AAPL, rows=0, ts_ns=at(12, 1)))
    assert halted == {"market_data_expected_since_timestamp": 0, "market_data_expected_until_timestamp": 0}
    await reference.set_status("AAPL.US", Status(RESUME, at(12, 2)))
    again = await gauges(measuring, ticks(AAPL, rows=0, ts_ns=at(12, 3)))
    assert again["market_data_expected_since_timestamp"] == at(12, 2) / NS_PER_S


async def test_one_halted_of_two() -> None:
    """A venue is expected while anything of it trades."""
    halted = replace(AAPL, statuses=(Status(HALT, at(11)),))
    other = instrument("MSFT.US", symbol="MSFT", asset_class=AssetClass.EQUITY, calendar="XNYS")
    measuring = Measuring(MemoryReference([halted, other]), CALENDARS)
    await measuring.measures(ticks(halted, rows=1, ts_ns=at(12)))
    told = await gauges(measuring, ticks(other, rows=1, ts_ns=at(12, 1)))
    assert told["market_data_expected_until_timestamp"] == at(16) / NS_PER_S


async def test_no_calendar_is_always() -> None:
    """What has no calendar is expected for ever."""
    measuring = Measuring(MemoryReference([replace(ETH, calendar="")]), CALENDARS)
    told = await gauges(measuring, ticks(ETH, rows=1, ts_ns=at(12)))
    assert told["market_data_expected_until_timestamp"] == FOREVER / NS_PER_S


@pytest.mark.parametrize(("after_ns", "asked"), [(NS_PER_S // 2, 0), (-2_000_000, 0), (NS_PER_S, 1), (-NS_PER_S, 1)])
async def test_windows_once_a_second(after_ns: int, asked: int) -> None:
    """The reference is asked once a second of event time, not with every batch, nor when shards come out of step."""
    measuring = Measuring(MemoryReference([ETH]), CALENDARS)
    await measuring.measures(ticks(ETH, rows=1, ts_ns=at(12)))
    then = await measuring.measures(ticks(ETH, rows=1, ts_ns=at(12) + after_ns))
    assert [name for name, *_ in then].count("market_data_expected_until_timestamp") == asked


class Away(MemoryReference):
    """A reference that nobody reaches."""

    async def look_up(self, ids: Sequence[str]) -> Snapshot:
        """Fail."""
        message = f"nobody knows {ids}"
        raise Unavailable(message)


async def test_reference_away() -> None:
    """While the reference is away the rows still count, and what was told last of windows stands."""
    told = await gauges(Measuring(Away([ETH]), CALENDARS), ticks(ETH, rows=2, ts_ns=at(12)))
    assert told.keys() == {"market.data.processed.total", "market_data_last_received_timestamp"}
