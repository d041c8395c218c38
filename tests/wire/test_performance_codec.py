"""Reports, drifts and outcomes are written and read back without loss; what cannot be is refused."""

import math
from dataclasses import replace
from typing import Any

import pytest
from counts import examples
from forecast import DRIFT, OUTCOME, REPORT, outcome_of, scored_bars
from hypothesis import given, settings
from hypothesis import strategies as st

from functions.domain.decisions import Action
from functions.domain.drift import DOWN, UP
from functions.domain.outcomes import Exit
from functions.domain.performance import ModelPerformance, Watched
from functions.domain.scorebook import Rules, Scorebook, observe
from functions.wire.codecs.performance import (
    decode_drift,
    decode_model_performance,
    decode_outcome,
    encode_drift,
    encode_model_performance,
    encode_outcome,
)
from functions.wire.errors import Malformed


def test_report() -> None:
    """Every entry, figure and point of a curve comes back; equal reports give equal bytes."""
    data = encode_model_performance(REPORT)
    assert decode_model_performance(data) == REPORT
    assert encode_model_performance(decode_model_performance(data)) == data
    assert {entry.skill is None for entry in REPORT.entries} == {True, False}
    assert len(data) < 64 * 1024


def test_no_figures() -> None:
    """A figure that does not exist is absent, and not 0."""
    (told,) = observe(Scorebook("X"), replace(scored_bars({96: 100}), end_of_tape=True), Rules(intervals_s=(5,)))
    assert isinstance(told, ModelPerformance)
    entry = decode_model_performance(encode_model_performance(told)).entries[1]
    assert (entry.predictions_count, dict(entry.figures), entry.skill, entry.broken) == (1, {}, None, "")


@pytest.mark.parametrize("watched", Watched)
@pytest.mark.parametrize("direction", [UP, DOWN])
def test_drift(watched: Watched, direction: int) -> None:
    """Each kind of series and each direction comes back."""
    told = replace(DRIFT, watched=watched, shift=replace(DRIFT.shift, direction=direction))
    assert decode_drift(encode_drift(told)) == told


@pytest.mark.parametrize(
    ("close", "ends"), [(6_120_000, Exit.TAKE_PROFIT), (5_000_000, Exit.STOP_LOSS), (6_000_000, Exit.MISSING)]
)
def test_outcome(close: int, ends: Exit) -> None:
    """An outcome comes back with what is unknown left out, whatever its exit and action."""
    told = outcome_of(*[close] * 5)
    assert (told.exit, told.returns[2]) == (ends, None)
    for one in (told, replace(told, action=Action.SELL)):
        assert decode_outcome(encode_outcome(one)) == one


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"as_of_ns": 0}, "time is not positive"),
        ({"shard": ""}, "names no shard"),
        ({"entries": (replace(REPORT.entries[0], name=""),)}, "has no name"),
        ({"entries": (replace(REPORT.entries[0], interval_s=0),)}, "interval is not positive"),
        ({"entries": (replace(REPORT.entries[0], missing_count=-1),)}, "is negative"),
        ({"entries": (replace(REPORT.entries[1], figures={"mae": math.inf}),)}, "not finite"),
    ],
)
def test_impossible_report(changes: dict[str, Any], fault: str) -> None:
    """A report that cannot be is refused, with what is wrong."""
    with pytest.raises(Malformed, match=fault):
        decode_model_performance(encode_model_performance(replace(REPORT, **changes)))


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"name": ""}, "nothing is named"),
        ({"interval_s": 0}, "interval 0 s"),
        ({"horizon_bars": -1}, "horizon is negative"),
        ({"as_of_ns": 0}, "time is not positive"),
        ({"shift": replace(DRIFT.shift, level=math.nan)}, "not finite"),
    ],
)
def test_impossible_drift(changes: dict[str, Any], fault: str) -> None:
    """A drift that cannot be is refused, with what is wrong."""
    with pytest.raises(Malformed, match=fault):
        decode_drift(encode_drift(replace(DRIFT, **changes)))


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"signal_id": ""}, "no signal_id"),
        ({"instrument_id": ""}, "no instrument_id"),
        ({"interval_s": 0}, "interval 0 s"),
        ({"price": 0}, "entry is not positive"),
        ({"gain": None}, "an exit and no gain"),
        ({"returns": (math.inf, None, None)}, "not finite"),
    ],
)
def test_impossible_outcome(changes: dict[str, Any], fault: str) -> None:
    """An outcome that cannot be is refused, with what is wrong."""
    with pytest.raises(Malformed, match=fault):
        decode_outcome(encode_outcome(replace(OUTCOME, **changes)))


@given(st.binary(max_size=200))
@settings(max_examples=examples(500))
def test_any_bytes(data: bytes) -> None:
    """Bytes of any kind are a fact or malformed, and nothing else."""
    for decode in (decode_model_performance, decode_drift, decode_outcome):
        try:
            decode(data)
        except Malformed:
            continue
