"""Which trades count, how days are cut, what fills a gap, and what else a bar tells."""

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, cast
from zoneinfo import ZoneInfo

import pytest
from ticking import MS, T0, Depth, Quote, Row, S, Trade, batch, instruments, latest, lines

from functions.adapters.calendars import shipped_calendars
from functions.adapters.kernels import compiled
from functions.domain.bars import kernel
from functions.domain.bars.days import FIRST_DAY, DayTables
from functions.domain.bars.fold import BarRules, fold_batch
from functions.domain.bars.state import start
from functions.domain.enrichment import InstrumentFacts
from functions.domain.market import (
    BAR_FINAL,
    BAR_NO_PRICE,
    BAR_SYNTHETIC,
    BOOK_SNAPSHOT,
    INTERVALS_S,
    MARKET_BOOK_VALID,
    NO_VENUE_TIME,
    QUOTE_CROSSED,
    TRADE_NOT_HIGH_LOW,
    TRADE_NOT_LAST,
    TRADE_NOT_VOLUME,
    BarBatch,
)

if TYPE_CHECKING:
    from functions.domain.bars.layout import Kernel

LOOPS = cast("Kernel", compiled(kernel))
TABLES = DayTables(shipped_calendars())
HOUR = 3600 * S
NOT_COUNTED = TRADE_NOT_LAST | TRADE_NOT_HIGH_LOW | TRADE_NOT_VOLUME


def run(rows: Sequence[Row], calendar: str = "", *, fill: int = 0, step: int = 512) -> list[BarBatch]:
    """Fold a whole tape of one instrument with a session calendar."""
    rules = BarRules(days=DayTables(shipped_calendars(), fills=True) if fill else TABLES, fill=fill)
    facts = [InstrumentFacts("I0-USDT.BINANCE", calendar=calendar)]
    state = start("BINANCE-0")
    found: list[BarBatch] = []
    for n in range(0, len(rows) + 1, step):
        part = batch(rows[n : n + step], n, instruments(1), end_of_tape=n + step > len(rows))
        found += fold_batch(LOOPS, state, part, rules, facts)
    return found


def at(zone: str, year: int, month: int, day: int, hour: int) -> int:
    """Give a local time in UTC nanoseconds."""
    return int(datetime(year, month, day, hour, tzinfo=ZoneInfo(zone)).timestamp()) * S


def spans(batches: Sequence[BarBatch], interval_s: int) -> list[tuple[int, int]]:
    """Give start and volume of every bar of an interval in its last form, by start."""
    return sorted((key[2], line[6]) for key, line in latest(lines(batches)).items() if key[1] == interval_s)


@pytest.mark.parametrize(
    ("flags", "shown"),
    [
        (TRADE_NOT_LAST, (20, 90, 20, 20, 12)),
        (TRADE_NOT_HIGH_LOW, (90, 20, 20, 20, 12)),
        (TRADE_NOT_VOLUME, (90, 90, 20, 20, 5)),
        (TRADE_NOT_LAST | TRADE_NOT_HIGH_LOW, (20, 20, 20, 20, 12)),
        (NOT_COUNTED, (20, 20, 20, 20, 5)),
    ],
)
def test_sale_conditions(flags: int, shown: tuple[int, ...]) -> None:
    """A sale condition says whether a trade moves open and close, high and low, volume and count."""
    found = lines(run([Trade(T0, 90, 7, id=1, flags=flags), Trade(T0 + 1, 20, 5, id=2)]))
    assert {line[5:10] for line in found} == {shown}
    assert {line[13] for line in found} == {1 + (flags & TRADE_NOT_VOLUME == 0)}
    assert not any(line[-1] & BAR_NO_PRICE for line in found)


def test_volume_only() -> None:
    """A bar whose trades tell no price is shown with its volume, prices of 0 and a flag; one that tells none is not."""
    flags = TRADE_NOT_LAST | TRADE_NOT_HIGH_LOW
    found = lines(run([Trade(T0, 90, 7, id=1, flags=flags), Trade(T0 + 9 * S, 8, 5, id=2, flags=NOT_COUNTED)]))
    assert {line[2] for line in found if line[1] == 1} == {T0}
    assert {line[5:10] for line in found} == {(0, 0, 0, 0, 7)}
    assert all(line[-1] & BAR_NO_PRICE for line in found)


def test_no_close() -> None:
    """A trade out of sequence that moves the high but no close leaves open and close untold."""
    (line, *_) = lines(run([Trade(T0, 90, 7, id=1, flags=TRADE_NOT_LAST)]))
    assert (line[5:9], bool(line[-1] & BAR_NO_PRICE)) == ((0, 90, 90, 0), True)


def test_every_edge_is_a_whole_hour() -> None:
    """Every shipped calendar cuts its days at whole hours of UTC, 23 to 25 of them, the first table day included."""
    for code in shipped_calendars():
        days = TABLES.of(code)
        assert not (days.starts % HOUR).any()
        assert {int(length) // HOUR for length in days.starts[1:] - days.starts[:-1]} <= {23, 24, 25}
        assert (len(days.starts) == 0) == (code == "24X7")
        assert days.first in {0, (FIRST_DAY.toordinal() - 719_163)}


@pytest.mark.parametrize(
    ("calendar", "zone", "midnight", "hours"),
    [
        ("24X7", "UTC", (2024, 3, 10, 0), 24),
        ("XNYS", "America/New_York", (2024, 3, 10, 0), 23),
        ("XNYS", "America/New_York", (2024, 11, 3, 0), 25),
        ("XNYS", "America/New_York", (2024, 11, 29, 0), 24),
        ("FX", "America/New_York", (2024, 3, 9, 17), 23),
        ("FX", "America/New_York", (2024, 11, 2, 17), 25),
        ("XLON", "Europe/London", (2024, 3, 31, 0), 23),
        ("XLON", "Europe/London", (2024, 10, 27, 0), 25),
        ("XTKS", "Asia/Tokyo", (2024, 11, 5, 0), 24),
    ],
)
@pytest.mark.parametrize("step", [1, 512])
def test_days(calendar: str, zone: str, midnight: tuple[int, int, int, int], hours: int, step: int) -> None:
    """A day is the exchange's, half-open, 23 to 25 hours long; its parts of four hours never reach into the next."""
    begin = at(zone, *midnight)
    times = [begin - 1, *(begin + n * HOUR for n in range(hours)), begin + hours * HOUR - 1, begin + hours * HOUR]
    found = run([Trade(ts, 10, 1, id=n) for n, ts in enumerate(times)], calendar, step=step)
    before, day, after = spans(found, 86_400)
    assert day == (begin, hours + 1)
    assert (before[1], after) == (1, (begin + hours * HOUR, 1))
    parts = [one for one in spans(found, 14_400) if begin <= one[0] < begin + hours * HOUR]
    starts = range(begin, begin + hours * HOUR, 4 * HOUR)
    assert parts == [(one, min(4, hours - 4 * n) + (n == len(starts) - 1)) for n, one in enumerate(starts)]


def test_day_does_not_depend_on_what_is_said_later() -> None:
    """Facts that come later, or name another calendar, do not move the days that an instrument began with."""
    rules, state = BarRules(days=TABLES), start("BINANCE-0")
    first = [InstrumentFacts("I0-USDT.BINANCE", calendar="FX")]
    fold_batch(LOOPS, state, batch([Trade(at("America/New_York", 2024, 7, 1, 16), id=1)]), rules, first)
    other = [InstrumentFacts("I0-USDT.BINANCE", calendar="XTKS")]
    late = batch([Trade(at("America/New_York", 2024, 7, 1, 18), id=2)], 1, end_of_tape=True)
    found = fold_batch(LOOPS, state, late, rules, other)
    assert spans(found, 86_400)[-1][0] == at("America/New_York", 2024, 7, 1, 17)


def test_half_day_and_halt() -> None:
    """On a half day, through a halt, bars stop with the trades and go on at the right ones; nothing stands between."""
    noon = at("America/New_York", 2024, 11, 29, 12)
    resumed = noon + 1500 * S
    rows = [Trade(noon + n * S, 10, 1, id=n) for n in range(3)] + [Trade(resumed, 10, 1, id=4)]
    found = run(rows, "XNYS")
    assert [one for one, _ in spans(found, 1)] == [noon, noon + S, noon + 2 * S, resumed]
    assert [one for one, _ in spans(found, 300)] == [noon, noon + 1500 * S]


def test_fill() -> None:
    """Where no trade comes, at most so many bars follow at the price before, flagged; the next trade starts anew."""
    rows = [Trade(T0, 50, 1, id=1), Trade(T0 + S, 70, 1, id=2), Trade(T0 + 6 * S, 80, 1, id=3), Quote(T0 + 20 * S)]
    found = [line for line in lines(run(rows, fill=3)) if line[1] == 1]
    shown = [((line[2] - T0) // S, line[5:10], line[13], bool(line[-1] & BAR_SYNTHETIC)) for line in found]
    flat = (70, 70, 70, 70, 0)
    assert shown[:5] == [
        (0, (50, 50, 50, 50, 1), 1, False),
        (1, (70, 70, 70, 70, 1), 1, False),
        *((n, flat, 0, True) for n in (2, 3, 4)),
    ]
    assert [one[0] for one in shown[5:]] == [6, 7, 8, 9]
    assert {line[3] for line in found} == {BAR_FINAL}


def test_fill_is_taken_over() -> None:
    """A bar that was begun to fill a gap is a usual one as soon as a trade comes."""
    rows = [Trade(T0, 50, 1, id=1), Trade(T0 + S + 300 * MS, 70, 2, id=2), Trade(T0 + 3 * S, 1, 1, id=3)]
    second = next(line for line in lines(run(rows, fill=9)) if line[1:3] == (1, T0 + S))
    assert (second[5:10], second[-1] & BAR_SYNTHETIC) == ((70, 70, 70, 70, 2), 0)


@pytest.mark.parametrize("step", [1, 512])
def test_fill_ends_with_the_session(step: int) -> None:
    """Nothing fills a closed market: on a half day the last filled minute is the one before 13:00."""
    close = at("America/New_York", 2024, 11, 29, 13)
    rows: list[Row] = [Trade(close - 150 * S, 50, 1, id=1), Quote(close + 7200 * S), Quote(close + 90_000 * S)]
    found = run(rows, "XNYS", fill=1000, step=step)
    assert [(one - close) // 60 // S for one, _ in spans(found, 60)] == [-3, -2, -1]
    assert len(spans(found, 1)) == 150
    assert len(spans(found, 86_400)) == 1


def test_fill_cut() -> None:
    """However a tape is cut, the same bars fill its gaps."""
    rows = [Trade(T0 + n * n * 137 * MS, 50 + n, 1, id=n) for n in range(60)]
    assert lines(run(rows, fill=5)) == lines(run(rows, fill=5, step=1)) == lines(run(rows, fill=5, step=7))


def test_lateness_of_a_venue() -> None:
    """A venue's own lateness holds for its shards."""
    rules = BarRules(lateness_ms_of={"BINANCE": 0})
    found = fold_batch(LOOPS, start("BINANCE-0"), batch([Trade(T0, id=1), Trade(T0 + S, id=2)]), rules)
    assert [line[1:3] for line in lines(found)] == [(1, T0)]
    with pytest.raises(ValueError, match="KRAKEN"):
        BarRules(lateness_ms_of={"KRAKEN": -1})
    with pytest.raises(ValueError, match="in a row"):
        BarRules(fill=-1)


def test_order_flow() -> None:
    """A bar counts the quotes of its second and their imbalance; longer bars have the sums; a crossed one has none."""
    rows: list[Row] = [
        Trade(T0, id=1),
        Quote(T0 + 1, 99, 101, 5, 7),  # the first: nothing to compare with
        Quote(T0 + 2, 99, 101, 8, 7),  # the bid gains 3
        Quote(T0 + 3, 98, 101, 4, 9),  # the bid loses 8, the ask gains 2
        Quote(T0 + 4, 98, 102, 4, 3),  # the ask of 9 is gone
        Quote(T0 + 5, 103, 102, 1, 1, QUOTE_CROSSED),
        Quote(T0 + S, 98, 102, 4, 3),
        Quote(T0 + S + 1, 98, 102, 6, 3),  # the bid gains 2
        Trade(T0 + S + 2, id=2),
    ]
    (whole,) = run(rows)
    keys = zip(whole.interval_s.tolist(), whole.start_ns.tolist(), strict=True)
    told = dict(zip(keys, zip(whole.ofi.tolist(), whole.quotes.tolist(), strict=True), strict=True))
    assert told[1, T0] == (3 - 8 - 2 + 9, 5)
    assert told[1, T0 + S] == (2, 2)
    assert {told[interval, T0] for interval in INTERVALS_S[1:]} == {(4, 7)}


def test_quotes_without_venue_time() -> None:
    """A quote without venue time counts in the second that the venue's clock has reached."""
    rows: list[Row] = [Quote(T0), Trade(T0 + 5 * S, id=1), Quote(T0 + 99 * S, flags=NO_VENUE_TIME)]
    (second,) = [one for one in run(rows) if one.end_of_tape]
    assert second.quotes.tolist()[0] == 1


def test_quotes_alone() -> None:
    """Quotes without a trade make no bar of their own, but count in the longer one that a trade makes."""
    rows: list[Row] = [Quote(T0), Quote(T0 + S), Trade(T0 + 2 * S, id=1), Quote(T0 + 8 * S)]
    found = [(line[1], line[2]) for line in lines(run(rows)) if line[1] < 60]
    assert found == [(1, T0 + 2 * S), (5, T0)]
    told = [one.quotes[one.interval_s == 5].tolist() for one in run(rows)]
    assert [number for part in told for number in part] == [2]


def test_edges() -> None:
    """A bar tells the worst prices of the levels in its depth; without a valid book they are 0."""
    bids, asks = [(100 - n, 2) for n in range(14)], [(101 + n, 3) for n in range(4)]
    snapshot = Depth(T0, 0, 1, bids, asks, 0, BOOK_SNAPSHOT)
    whole = run([snapshot, Trade(T0, id=1)])[-1]
    assert {(int(b), int(a)) for b, a in zip(whole.bid_edge, whole.ask_edge, strict=True)} == {(91, 104)}
    assert (whole.flags & MARKET_BOOK_VALID).all()
    empty = run([Trade(T0, id=1)])[-1]
    assert not empty.bid_edge.any()
    assert not empty.ask_edge.any()


def test_future_timestamp() -> None:
    """A trade that is far ahead of all others closes bars early and no more: the next ones are late, not lost."""
    rows = [Trade(T0, 10, 1, id=1), Trade(T0 + 9 * S, 10, 1, id=2), Trade(T0 + S, 20, 5, id=3), Trade(T0 + 2 * S, id=4)]
    found = spans(run(rows), 1)
    assert found == [(T0, 1), (T0 + S, 5), (T0 + 2 * S, 1), (T0 + 9 * S, 1)]


def test_unknown_calendar() -> None:
    """An instrument whose calendar nobody knows has the days of UTC."""
    found = run([Trade(T0 - 1, id=1), Trade(T0, id=2)], "NOWHERE")
    assert spans(found, 86_400) == [(T0 - 24 * HOUR, 1), (T0, 1)]
