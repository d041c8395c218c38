"""The waterfall tells for each stage how long after its cause, its features and its raw batch an event was stored."""

import pytest
from counts import examples
from hypothesis import given, settings
from hypothesis import strategies as st

from functions.local import waterfall
from functions.local.waterfall import Histogram, Waterfall
from functions.wire.envelope import Event

MS = 1_000_000


def event(name: str, cause: str = "", source: str | None = None) -> Event:
    """Make an event of a handler that follows from a cause."""
    extensions = {"causationid": cause} if cause else {}
    return Event(id=name, source=source or f"/tickloom/handlers/{name}/X-0", type="t", extensions=extensions)


@settings(max_examples=examples(300))
@given(st.lists(st.integers(1, 10**12), min_size=1, max_size=200), st.sampled_from([0.5, 0.95, 0.99, 1.0]))
def test_quantiles(durations: list[int], share: float) -> None:
    """A quantile is right to two percent."""
    histogram = Histogram()
    for one in durations:
        histogram.add(one)
    rank = next(at for at in range(len(durations)) if (at + 1) >= share * len(durations))
    exact_ms = sorted(durations)[rank] / MS
    found = histogram.quantile_ms(share)
    assert found is not None
    assert exact_ms / 1.021 - 0.0001 <= found <= exact_ms * 1.001 + 0.0001


def test_nothing_measured() -> None:
    """Without durations there are no quantiles."""
    assert Histogram().summary() == {"count": 0, "p50_ms": None, "p95_ms": None, "p99_ms": None, "p999_ms": None}


def test_negative_counts_as_zero() -> None:
    """A clock that went back gives no negative latency."""
    histogram = Histogram()
    histogram.add(-5)
    assert histogram.quantile_ms(0.5) == 0.0


def test_follows_causes() -> None:
    """A stage is measured from its cause and from the raw batch at the head of the chain."""
    measured = Waterfall()
    measured.observe(event("raw"), 0)
    measured.observe(event("normalize", "raw"), 1 * MS)
    measured.observe(event("bars", "normalize"), 3 * MS)
    told = measured.summary()
    assert set(told["after_cause"]) == {"normalize", "bars"}
    assert 1.9 <= (told["after_cause"]["bars"]["p50_ms"] or 0) <= 2.0
    assert 2.9 <= (told["after_raw_batch"]["bars"]["p50_ms"] or 0) <= 3.0


def test_counts_from_features() -> None:
    """What comes of features is measured from them, on another broker too; what comes before them is not."""
    measured = Waterfall()
    for name, cause, at in (("raw", "", 0), ("bars", "raw", 1), ("features", "bars", 3), ("infer", "features", 7)):
        measured.observe(event(name, cause), at * MS)
    measured.observe(event("infer", "features"), 8 * MS)  # bridged
    measured.observe(event("signals", "infer"), 9 * MS)
    told = measured.summary()["after_features"]
    assert {stage: one["count"] for stage, one in told.items()} == {"infer": 2, "signals": 1}
    assert 5.8 <= (told["signals"]["p50_ms"] or 0) <= 6.0


def test_unknown_cause_is_not_measured() -> None:
    """An event whose cause is not remembered begins a chain of its own."""
    measured = Waterfall()
    measured.observe(event("bars", "long gone"), 5 * MS)
    assert measured.summary()["after_cause"] == {}


def test_foreign_sources_share_a_stage() -> None:
    """An event of anyone else's source is measured as `other`."""
    measured = Waterfall()
    measured.observe(event("raw"), 0)
    measured.observe(event("x", "raw", source="urn:x"), MS)
    assert set(measured.summary()["after_cause"]) == {"other"}


def test_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only a bounded number of events is remembered, the newest."""
    monkeypatch.setattr(waterfall, "REMEMBERED_MAX", 3)
    measured = Waterfall()
    for at in range(4):
        measured.observe(event(str(at)), 0)
    measured.observe(event("a", "0"), MS)
    measured.observe(event("b", "2"), MS)
    assert set(measured.stages) == {"b"}
