"""One suite for every adapter of the port `SignalHistory`: like signals, and nothing that was not known by then."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, replace

import pytest
from forecast import signal_of

from functions.adapters.memory_history import MemoryHistory
from functions.adapters.memory_performance import MemoryPerformance
from functions.adapters.memory_views import MemoryViews
from functions.adapters.postgres import Pool
from functions.adapters.postgres_history import PostgresHistory
from functions.adapters.postgres_performance import PostgresPerformance
from functions.adapters.postgres_views import PostgresViews
from functions.domain.decisions import Action, ConfidenceKind, Evidence, Predictions, Signal
from functions.domain.history import Past, likeness_of
from functions.domain.market import NS_PER_S
from functions.domain.outcomes import HORIZON_MAX, HORIZONS, Exit, Outcome
from functions.ports.history import SignalHistory
from functions.ports.performance import ModelRecords
from functions.ports.views import Views

ASKED = signal_of(1000)


@dataclass
class Kept:
    """An adapter, and what it looks into."""

    views: Views
    records: ModelRecords
    history: SignalHistory

    async def fill(self, signals: Sequence[Signal], *, gain: float | None = 0.01, last: float | None = 0.02) -> None:
        """Keep signals, and for each an outcome whose bars are the signal's number."""
        for one in signals:
            await self.views.put_signal(one)
            await self.records.put_outcome(settled(one, gain, last))

    async def past(self, asked: Signal = ASKED) -> list[int]:
        """Name the signals that are found by the bars their outcome took."""
        like = likeness_of(asked)
        assert like is not None
        return [one.bars for one in await self.history.past_of(like)]


def settled(signal: Signal, gain: float | None, last: float | None = 0.02) -> Outcome:
    """Make a signal's outcome; `bars` is the number of its bar, so that tests can tell which it is.

    `last` is the return at the last horizon; None where a hole came before it.
    """
    bar = signal.bar_start_ns // signal.interval_s // NS_PER_S
    ended = Exit.MISSING if gain is None else Exit.STOP_LOSS
    told = (signal.action, signal.confidence, signal.price_exponent, signal.price)
    series = (signal.strategy, signal.instrument_id, signal.interval_s, signal.bar_start_ns)
    ends = (ended, signal.price, signal.as_of_ns, bar, gain, (*(None,) * (len(HORIZONS) - 1), last))
    return Outcome(signal.signal_id, *series, *told, *ends, signal.shard)


@pytest.fixture(params=["memory", "postgres"])
def place(request: pytest.FixtureRequest) -> str:
    """Say where rows are kept: nowhere but in memory, or a database."""
    return "" if request.param == "memory" else str(request.getfixturevalue("database_url"))


@pytest.fixture
async def kept(place: str) -> AsyncIterator[Kept]:
    """Give each adapter over empty tables."""
    if not place:
        views, records = MemoryViews(), MemoryPerformance()
        yield Kept(views, records, MemoryHistory(views, records))
        return
    pool = Pool(place)
    await (await pool.get()).execute("TRUNCATE signals, outcomes")
    stored, told = PostgresViews(pool), PostgresPerformance(pool)
    yield Kept(stored, told, PostgresHistory(pool))
    await stored.close()
    await told.close()
    await pool.close()


async def test_newest_first(kept: Kept) -> None:
    """Like signals before it are found, newest first, with what came of each."""
    await kept.fill([signal_of(bar) for bar in (100, 300, 200)])
    like = likeness_of(ASKED)
    assert like is not None
    assert await kept.history.past_of(like) == (Past(0.01, 300), Past(0.01, 200), Past(0.01, 100))


async def test_nothing_later(kept: Kept) -> None:
    """Only those count whose last horizon had passed when the signal was decided, though others had ended by then."""
    last = 1000 - HORIZON_MAX
    assert settled(signal_of(last + 1), 0.01).exit_ns < ASKED.as_of_ns
    await kept.fill([signal_of(bar) for bar in (last - 1, last, last + 1, 999, 1000, 1001, 5000)])
    assert await kept.past() == [last, last - 1]


async def test_only_alike(kept: Kept) -> None:
    """Another strategy, instrument, interval, action, regime, kind or confidence is another thing."""
    calm = Evidence(predictions=Predictions(regime="calm"))
    others = [
        replace(signal_of(1), strategy="momentum"),
        replace(signal_of(2), instrument_id="ETH-USDT.BINANCE"),
        replace(signal_of(3), interval_s=1),
        signal_of(4, Action.SELL),
        replace(signal_of(5), evidence=calm),
        replace(signal_of(6), evidence=Evidence(confidence_kind=ConfidenceKind.CALIBRATED)),
        replace(signal_of(7), confidence=59.9),
        replace(signal_of(8), confidence=80.1),
    ]
    near = [replace(signal_of(bar), confidence=confidence) for bar, confidence in ((10, 60.0), (11, 80.0))]
    await kept.fill([*others, *near])
    assert await kept.past() == [11, 10]
    assert await kept.past(replace(ASKED, evidence=calm)) == [5]


async def test_missing(kept: Kept) -> None:
    """Of what a hole in the tape ended nothing is known, so it counts neither way."""
    await kept.fill([signal_of(100)], gain=None, last=None)
    await kept.fill([signal_of(101)], last=None)  # it had ended by then; others that had not would not count
    assert await kept.past() == []


async def test_an_outcome_without_its_signal(kept: Kept) -> None:
    """An outcome whose signal is not there yet is passed over: what it was decided in is not known."""
    await kept.records.put_outcome(settled(signal_of(100), 0.01))
    assert await kept.past() == []
