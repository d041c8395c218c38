"""A scorebook follows each model's forecasts to their horizon and says the same however rows were cut."""

from collections.abc import Iterable
from dataclasses import replace

import numpy as np
import pytest
from counts import examples
from forecast import ETH, MODEL, forecast_of, part_of, scored_bars, tape
from hypothesis import given, settings
from hypothesis import strategies as st
from scored import BTC, Row, output_of, predictions_of

from functions.domain.drift import BLOCK, REFERENCE_BLOCKS, UP
from functions.domain.market import MARKET_MISSING, NS_PER_S, PredictionBatch
from functions.domain.performance import DriftDetected, ModelPerformance, Performance, Watched
from functions.domain.reliability import Slo
from functions.domain.scorebook import Rules, Scorebook, Told, book_of, lines_of, observe

RULES = Rules(intervals_s=(5,), report_s=300)
SHARD = "BINANCE-0"


def told(batches: Iterable[PredictionBatch], book: Scorebook | None = None, rules: Rules = RULES) -> list[Told]:
    """Fold batches."""
    book = book or Scorebook(SHARD)
    return [one for batch in batches for one in observe(book, batch, rules)]


def followed(*batches: PredictionBatch, rules: Rules = RULES) -> Scorebook:
    """Fold batches into a new book."""
    book = Scorebook(SHARD)
    told(batches, book, rules)
    return book


def counts_of(book: Scorebook, horizon: int, version: str = "1", model: str = MODEL) -> tuple[int, int, int]:
    """Give forecasts followed, settled and missing."""
    tally = book.tallies[model, version, 5, horizon]
    return tally.followed, tally.resolved, tally.missing


def test_settled_at_horizon() -> None:
    """Each horizon's forecast is settled by the bar that many bars on, and one is waited for at a time."""
    book = followed(scored_bars({bar: 6_000_000 + bar for bar in range(96, 121)}))
    assert [counts_of(book, horizon) for horizon in (1, 4, 24)] == [(25, 24, 0), (7, 6, 0), (2, 1, 0)]
    assert book.tallies[MODEL, "1", 5, 0].followed == 25
    waiting = book.tracks[BTC.instrument_id, 5].waiting
    assert {key[2]: one.target_ns // (5 * NS_PER_S) for key, one in waiting.items()} == {1: 121, 4: 124, 24: 144}


def test_right_and_wrong() -> None:
    """A probability above a half is right when the price rose, and wrong when it fell or stayed."""
    book = followed(scored_bars({96: 100, 97: 110, 98: 110, 99: 105}, [0.7, 0.7, 0.2, 0.5]))
    sums = book.tallies[MODEL, "1", 5, 1].sums
    assert [value > 0 for value in sums[3:7]] == [True, True, True, False]


def test_hole_is_missing() -> None:
    """A forecast whose bar never came is missing, not wrong, and the next on the grid is followed again."""
    book = followed(scored_bars({96: 100, 97: 110, 99: 90, 101: 80, 104: 70}))
    assert counts_of(book, 1) == (5, 1, 3)
    assert counts_of(book, 4) == (2, 0, 1)


@pytest.mark.parametrize("spoilt", [0, 1])
def test_unpriced_is_missing(spoilt: int) -> None:
    """A bar that lacks trades settles nothing and starts nothing."""
    rows = [Row(bar=96 + n, flags=MARKET_MISSING if n == spoilt else 1) for n in range(2)]
    book = followed(predictions_of(rows, (forecast_of(0.6, 0.6),)))
    assert counts_of(book, 1) == ((1, 0, 0) if spoilt == 0 else (1, 0, 1))


def test_revised_bars_say_nothing() -> None:
    """A bar that came before, revised or again, changes nothing."""
    batch = scored_bars({96: 100, 97: 110})
    book = followed(batch)
    before = lines_of(book)
    assert told([batch, scored_bars({96: 500})], book) == []
    assert lines_of(book) == before


def test_what_is_not_scored() -> None:
    """Rows without a score, degraded answers and other intervals are passed over; other models are only counted."""
    empty = scored_bars({96: 100}, [None])
    degraded = replace(scored_bars({97: 100}), outputs=(replace(forecast_of(0.7), degraded=True),))
    elsewhere = predictions_of([Row(bar=9, interval_s=60)], (forecast_of(0.7),))
    plain = predictions_of([Row(bar=98), Row(bar=99)], (output_of(0.7, 0.1),))
    book = followed(empty, degraded, elsewhere, plain)
    assert list(book.tallies) == [("anomaly", "1", 5, 0)]
    assert book.tallies["anomaly", "1", 5, 0].flagged == 1


def test_reports() -> None:
    """A report is told by the first bar that ends behind its time, of what was known then, and by the tape's end."""
    bars = scored_bars(dict.fromkeys(range(50, 130), 100))
    found = [
        one for one in told([bars, replace(scored_bars({}), end_of_tape=True)]) if isinstance(one, ModelPerformance)
    ]
    assert [one.as_of_ns // NS_PER_S for one in found] == [300, 600, 650]
    first, _, last = found
    assert [entry.predictions_count for entry in first.entries] == [10, 10, 2]
    assert [entry.horizon_bars for entry in last.entries] == [0, 1, 4, 24]
    assert [entry.last_updated_ns // NS_PER_S for entry in last.entries] == [650, 650, 645, 605]


def test_no_report_of_nothing() -> None:
    """The end of a tape that has told all, or had nothing to tell, tells nothing."""
    end = replace(scored_bars({}), end_of_tape=True)
    assert told([end]) == []
    book = followed(scored_bars({96: 100}), end)
    assert told([end], book) == []


@pytest.mark.parametrize("cut", [1, 7, 64])
def test_cuts(cut: int) -> None:
    """Cutting a tape at other places changes nothing of what is told, nor of what is remembered."""
    whole = tape(150)
    one, other = Scorebook(SHARD), Scorebook(SHARD)
    parts = [part_of(whole, start, start + cut) for start in range(0, whole.columns.row_count, cut)]
    assert told([whole], one) == told(parts, other)
    assert lines_of(one) == lines_of(other)


@given(st.integers(0, 2**16), st.integers(0, 60))
@settings(max_examples=examples(30), deadline=None)
def test_written_down(seed: int, cut: int) -> None:
    """A scorebook that is written down and read back anywhere goes on as one that was not."""
    whole = tape(60, seed)
    steady, restarted = Scorebook(SHARD), Scorebook(SHARD)
    told([part_of(whole, 0, cut)], steady)
    told([part_of(whole, 0, cut)], restarted)
    restarted = book_of(lines_of(restarted))
    rest = [part_of(whole, cut, 120)]
    assert told(rest, steady) == told(rest, restarted)
    assert steady == restarted


def test_future_changes_nothing() -> None:
    """What is told up to a bar is the same whatever comes after it."""
    whole = tape(150)
    noise = tape(150, seed=9)
    early = told([part_of(whole, 0, 200)])
    assert early
    assert told([part_of(whole, 0, 200), part_of(noise, 200, 300)])[: len(early)] == early


def knowing(length: int, width: float, seed: int = 0) -> PredictionBatch:
    """Make bars of a forecaster that half knows where each goes, intervals `width` times what they should be."""
    rng = np.random.default_rng(seed)
    moves = rng.choice([-1.0, 1.0], length) * np.abs(rng.normal(0.0, 0.001, length))
    ups = np.where(rng.uniform(size=length) < 0.75, moves > 0, moves < 0) * 0.5 + 0.25
    closes = 10**9 * np.exp(np.concatenate([[0.0], np.cumsum(moves)]))
    rows = [Row(bar=96 + n, close=int(close)) for n, close in enumerate(closes)]
    output = forecast_of(*ups.tolist(), 0.5)
    places = [n for n, name in enumerate(output.names) if name.startswith(("low", "high"))]
    reach = np.array([-1.2816, 1.2816, -1.96, 1.96] * 3) * 0.001 * width
    output.values[:, places] = reach
    return predictions_of(rows, (output,))


def entry_of(*batches: PredictionBatch, slo: Slo | None = None, version: str = "1") -> Performance:
    """Fold batches and give what the tape's end tells of the forecaster at one bar."""
    rules = replace(RULES, slo=slo or Slo())
    end = replace(scored_bars({}), end_of_tape=True)
    last = [one for one in told([*batches, end], rules=rules) if isinstance(one, ModelPerformance)][-1]
    return next(one for one in last.entries if (one.horizon_bars, one.version) == (1, version))


def test_skills_and_broken() -> None:
    """A model that knows something has skill; one with intervals too narrow is broken, with the reason."""
    good, narrow = entry_of(knowing(600, 1.0)), entry_of(knowing(600, 0.5))
    assert good.skill == pytest.approx(0.25, abs=0.12)
    assert (good.broken, good.lower) == ("", None)
    assert narrow.broken.startswith("intervals at 80 % held")
    assert narrow.effective_count > 100
    assert entry_of(knowing(50, 1.0)).skill is None
    assert entry_of(knowing(600, 0.5), slo=Slo(outcomes_min=700.0)).broken == ""


def test_versions_are_apart() -> None:
    """A new version of a model starts without skill, and the old one keeps its own."""
    batch = knowing(300, 1.0)
    later = replace(part_of(batch, 0, 10), outputs=(replace(part_of(batch, 0, 10).outputs[0], version="2"),))
    moved = replace(later, columns=replace(later.columns, start_ns=later.columns.start_ns + 10**13))
    assert entry_of(batch, moved).skill == pytest.approx(0.25, abs=0.15)
    assert entry_of(batch, moved, version="2").skill is None


def test_drift_is_told() -> None:
    """A feature that leaves its reference is told with its instrument and interval, a score with its version."""
    rng = np.random.default_rng(2)
    length = BLOCK * REFERENCE_BLOCKS + 300
    values = rng.standard_normal(length) + np.where(np.arange(length) < length - 280, 0.0, 3.0)
    rows = [Row(bar=96 + n, features={"rsi_14": value}) for n, value in enumerate(values.tolist())]
    found = [
        one for one in told([predictions_of(rows, (output_of(*values.tolist()),))]) if isinstance(one, DriftDetected)
    ]
    assert [(one.watched, one.name, one.version) for one in found] == [
        (Watched.FEATURE, "rsi_14", ""),
        (Watched.SCORE, "anomaly", "1"),
    ]
    assert {(one.instrument_id, one.interval_s, one.shift.direction) for one in found} == {(BTC.instrument_id, 5, UP)}


def test_residual_drift_is_told() -> None:
    """Errors that grow beyond what the intervals say are told for the model and its horizon."""
    length = BLOCK * REFERENCE_BLOCKS
    calm, wild = knowing(length + 48, 1.0), knowing(400, 0.3, seed=3)
    moved = replace(wild.columns, start_ns=wild.columns.start_ns + 10**13)
    found = [one for one in told([calm, replace(wild, columns=moved)]) if isinstance(one, DriftDetected)]
    first = found[0]
    assert (first.watched, first.name, first.horizon_bars, first.shift.direction) == (Watched.RESIDUAL, MODEL, 1, UP)
    assert first.instrument_id == ""


def test_bounds() -> None:
    """Tracks and tallies stay within bounds: a track makes room once it is quiet, a tally when it is the oldest."""
    rules = Rules(intervals_s=(5,), tracks_max=1, tallies_max=4, models_max=1)
    book = followed(tape(30), rules=rules)
    assert list(book.tracks) == [(BTC.instrument_id, 5)]
    told([part_of(tape(300), 501, 502)], book, rules)
    assert list(book.tracks) == [(ETH.instrument_id, 5)]
    assert {key[1] for key in book.tallies} == {"1"}
    late = scored_bars({900 + n: 100 for n in range(30)}, model="another")
    assert {key[0] for key in followed(tape(30), late, rules=rules).tallies} == {"another"}


def test_detectors_bound() -> None:
    """Series that a row no longer has make room for new ones."""
    rules = Rules(intervals_s=(5,), features_max=1, models_max=1)
    batches = [scored_bars({96 + n: 100}, features={f"f{n}": 1.0}) for n in range(5)]
    track = followed(*batches, rules=rules).tracks[BTC.instrument_id, 5]
    assert set(track.detectors) == {("f4", ""), (MODEL, "1")}


@pytest.mark.parametrize(
    "wrong",
    [
        {"intervals_s": (7,)},
        {"intervals_s": (14_400,)},
        {"intervals_s": ()},
        {"report_s": 0},
        {"half_life": 30.0},
        {"slo": Slo(outcomes_min=1000.0)},
    ],
)
def test_rules(wrong: dict[str, object]) -> None:
    """Intervals that have no certain bars, bounds that keep nothing, and counts that are never reached, are refused."""
    with pytest.raises(ValueError, match=r"intervals|positive|would never be reached"):
        Rules(**wrong)  # type: ignore[arg-type]  # that is the point
