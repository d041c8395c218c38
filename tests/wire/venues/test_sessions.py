"""Trade ids that start again every trading day stay apart, so that bars and activity count every day's trades."""

from collections.abc import Callable, Mapping, Sequence
from typing import Final

import numpy as np
import pytest
from active import rules
from decoding import batch_of
from equity_rows import TRADE, row
from fix_rows import changes
from venue_rows import row_by_row

from functions.adapters.kernels import CompiledDecoders
from functions.domain.activity import fold as activity
from functions.domain.activity import kernel as activity_kernel
from functions.domain.activity import state as activity_state
from functions.domain.bars import fold, kernel, state
from functions.domain.market import NS_PER_S, TRADE_WITHOUT_ID, TickBatch
from functions.wire.fix.values import timestamp
from functions.wire.venues.columns import Decode
from functions.wire.venues.registry import decoder_of
from functions.wire.venues.sessions import NUMBER_BITS

DAY_S: Final = 86_400
COMPILED: Final = CompiledDecoders()
WAYS: Final[Mapping[str, Callable[[str], Decode]]] = {
    "rows": lambda dialect: row_by_row(decoder_of(dialect)),
    "columns": decoder_of,
    "kernel": lambda dialect: COMPILED[dialect],
}


def fix_trade(clock: str, number: int) -> bytes:
    """Write a trade of dialect FIX."""
    return changes(((279, 0), (269, 2), (55, "ESZ4"), (270, "5900.25"), (271, "3"), (1003, number), (60, clock)))


def equity_print(clock: str, number: int) -> bytes:
    """Write a print of the `s p v` dialect."""
    return row({"s": "IBM", "p": 182.05, "v": 100, "t": timestamp(clock) // 1_000_000, "i": number})


def tape_print(clock: str, number: int) -> bytes:
    """Write a print of Polygon's."""
    return row([{**TRADE, "t": timestamp(clock) // 1_000_000, "q": number}])


WRITERS: Final[Mapping[str, Callable[[str, int], bytes]]] = {
    "fix.44": fix_trade,
    "nyse.json": equity_print,
    "nasdaq.json": equity_print,
    "polygon.stocks": tape_print,
}


def heard(told: Sequence[tuple[str, int]], dialect: str, way: str) -> TickBatch:
    """Decode trades by clock and number; each is received as it happens."""
    times = np.array([timestamp(clock) for clock, _ in told], np.int64)
    rows = [WRITERS[dialect](clock, number) for clock, number in told]
    batch = batch_of(rows, dialect, ts_receive=times, bar_channel="", end_of_tape=True)
    return WAYS[way](dialect)(batch, {})


def counted(batch: TickBatch) -> tuple[int, int]:
    """Give how many trades are in bars of a day, and in bars of ten trades."""
    daily = fold.fold_batch(kernel, state.start("X-0"), batch, fold.BarRules())
    of_ten = activity.fold_batch(activity_kernel, activity_state.start("X-0"), batch, rules(ticks=10))
    return (
        sum(int(one.trades[one.interval_s == DAY_S].sum()) for one in daily),
        sum(int(one.trades.sum()) for one in of_ten),
    )


def spread(first: str, last: str, numbers: Sequence[int]) -> list[tuple[str, int]]:
    """Spread numbers evenly from one clock to another."""
    begin, end = timestamp(first), timestamp(last)
    clocks = np.linspace(begin, end, len(numbers)).astype(np.int64) // NS_PER_S
    return [
        (str(one).replace("-", "").replace("T", "-"), n) for one, n in zip(clocks.astype("M8[s]"), numbers, strict=True)
    ]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("dialect", WRITERS)
def test_the_next_day_counts(dialect: str, way: str) -> None:
    """The same numbers on two days are twice as many trades; one that is told again on its day counts once."""
    told = [
        one
        for day in ("20241121", "20241122")
        for one in spread(f"{day}-15:00:00", f"{day}-20:00:00", [*range(1, 501), 500])
    ]
    assert counted(heard(told, dialect, way)) == (1000, 1000)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    "clocks",
    [
        ("20240701-22:00:00", "20240702-20:59:59", "20240702-22:00:00", "20240702-23:59:59"),
        ("20240108-23:00:00", "20240109-21:59:59", "20240109-23:00:00", "20240109-23:59:59"),
    ],
    ids=["summer", "winter"],
)
def test_days_of_chicago(clocks: tuple[str, str, str, str], way: str) -> None:
    """CME's days begin at 17:00 in Chicago, before UTC's midnight; a busy evening repeats no id of the day before."""
    numbers = range(1, 501)
    told = spread(*clocks[:2], numbers) + spread(*clocks[2:], numbers)
    assert counted(heard(told, "fix.44", way)) == (1000, 1000)


@pytest.mark.parametrize("way", WAYS)
def test_ids_of_a_session_in_new_york(way: str) -> None:
    """A print in the evening has its session's date, although it is the next day in UTC; one without id has none."""
    batch = heard([("20240109-14:30:00", 7), ("20240110-00:59:59", 8), ("20240110-09:00:00", 7)], "nyse.json", way)
    day = 19_731  # 9 January 2024
    assert batch.trades.trade_id.tolist() == [(day << 40) + 7, (day << 40) + 8, (day + 1 << 40) + 7]
    nameless = WAYS[way]("nyse.json")(batch_of([b'{"s":"IBM","p":182.05,"v":100}'], "nyse.json"), {}).trades
    assert (nameless.trade_id.tolist(), int(nameless.flags[0]) & TRADE_WITHOUT_ID) == ([0], TRADE_WITHOUT_ID)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("dialect", WRITERS)
def test_a_long_id_stays(dialect: str, way: str) -> None:
    """A number of more than forty bits has no room for a date, and stays what it is."""
    numbers = [(1 << NUMBER_BITS) - 1, 1 << NUMBER_BITS, 10**18 - 1]
    told = heard([("20240109-14:30:00", number) for number in numbers], dialect, way).trades.trade_id.tolist()
    assert told == [(19_731 << NUMBER_BITS) + numbers[0], *numbers[1:]]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    ("dialect", "raw"),
    [
        ("fix.44", changes(((279, 0), (269, 2), (55, "A"), (270, "1"), (271, "3"), (1003, 7)))),
        ("nyse.json", b'{"s":"IBM","p":182.05,"v":100,"i":7}'),
    ],
)
def test_without_a_time_the_day_is_that_of_receipt(dialect: str, raw: bytes, way: str) -> None:
    """A trade without a time gets the day on which it was received."""
    received = np.array([timestamp("20240109-14:30:00"), timestamp("20240110-14:30:00")], np.int64)
    batch = WAYS[way](dialect)(batch_of([raw, raw], dialect, ts_receive=received), {})
    assert (batch.trades.trade_id >> NUMBER_BITS).tolist() == [19_731, 19_732]
