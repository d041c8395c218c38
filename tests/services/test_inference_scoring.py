"""Requests are joined without a trace in their answers, and a model that is slow or broken holds up no other."""

import asyncio
import threading
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from counts import examples
from hypothesis import given, settings
from hypothesis import strategies as st
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from scored import Row, columns_of
from waiting import until

from functions.adapters.resilience import BreakerLimits, CircuitBreaker
from functions.domain.market import FeatureColumns, Float64, ModelOutput
from functions.domain.serving import ModelSpec, Scored, Selected, select
from functions.ports.errors import Overloaded
from functions.ports.models import Change, Lineup, Model, ModelFailed
from functions.runtime.opentelemetry_sdk import SdkTelemetry
from functions.services.inference.asking import Asked, Asking, Guard
from functions.services.inference.reloading import Reloading
from functions.services.inference.scoring import Limits, Scoring
from functions.services.inference.worker import Worker


class Twice:
    """Score rows with twice their feature, fail below 0, and remember how many rows came at a time."""

    broken = ""

    def __init__(self, name: str = "m", version: str = "1") -> None:
        """Answer under this name."""
        self.spec = ModelSpec(name, version, ("x",), 0.5, ("x",))
        self.runs: list[int] = []

    def run(self, rows: Float64) -> Scored:
        """Double."""
        self.runs.append(len(rows))
        if (rows < 0).any():
            msg = "a row is below 0"
            raise ModelFailed(msg)
        return Scored(rows[:, 0] * 2, rows)

    def stop(self) -> None:
        """Stop nothing: it is quick."""


class Stuck(Twice):
    """Answer only when it is let go."""

    def __init__(self, name: str = "stuck") -> None:
        """Begin stuck."""
        super().__init__(name)
        self.let_go = threading.Event()
        self.stopped = 0

    def run(self, rows: Float64) -> Scored:
        """Wait, twenty seconds at most."""
        self.let_go.wait(20)
        return super().run(rows)

    def stop(self) -> None:
        """Count, and go on: what computes cannot always be interrupted."""
        self.stopped += 1


def request(*numbers: float | None) -> FeatureColumns:
    """Make a request of rows; None is a cold one."""
    return columns_of([Row(features={} if one is None else {"x": one}) for one in numbers], ("x",))


def selected(*requests: FeatureColumns) -> list[Selected]:
    """Take what a model of one feature scores of each."""
    return [select(one, ("x",)) for one in requests]


def scoring_of(*models: Model, limits: Limits | None = None, bound_s: float = 0) -> Scoring:
    """Ask models that decide, each under its name."""
    scoring = Scoring(Asking(bound_s=bound_s), limits)
    scoring.serve([Lineup(model.spec.name, model) for model in models])
    return scoring


async def alone(scoring: Scoring, columns: FeatureColumns) -> tuple[ModelOutput, ...]:
    """Ask for one request."""
    (outputs,) = await scoring.score([columns])
    return outputs


def shown(outputs: Sequence[ModelOutput]) -> list[Any]:
    """Give all that an answer says, for comparison."""
    return [
        (one.model, one.version, one.scores.tobytes(), one.values.tobytes(), one.states.tobytes(), one.degraded_reason)
        for one in outputs
    ]


NUMBERS = st.one_of(st.none(), st.floats(-0.1, 10))


@settings(max_examples=examples(200), deadline=None)
@given(st.lists(st.lists(NUMBERS, max_size=4), min_size=1, max_size=6), st.integers(1, 12), st.sampled_from([0, 5]))
def test_joined_is_alone(asked: list[list[float | None]], rows_max: int, bound_s: float) -> None:
    """An answer is the same, to the bit and to the reason, whoever else asked at the time, and however it is run."""
    requests = [request(*numbers) for numbers in asked]

    async def both() -> None:
        scoring = scoring_of(Twice(), limits=Limits(rows=rows_max), bound_s=bound_s)
        together = await asyncio.gather(*(alone(scoring, columns) for columns in requests))
        await scoring.close()
        single = [await alone(scoring_of(Twice()), columns) for columns in requests]
        assert [shown(one) for one in together] == [shown(one) for one in single]

    asyncio.run(both())


async def test_what_comes_together_runs_together() -> None:
    """Requests at hand are scored in one run, of no more rows than are allowed; a greater one runs by itself."""
    model = Twice()
    scoring = scoring_of(model, limits=Limits(rows=4))
    await asyncio.gather(*(alone(scoring, request(*[1.0] * rows)) for rows in (1, 2, 2, 9, 1)))
    assert model.runs == [3, 2, 9, 1]


async def test_linger_ends_when_there_is_enough() -> None:
    """Who lingers for others does not once a whole run waits."""
    model = Twice()
    scoring = scoring_of(model, limits=Limits(rows=3, linger_s=30))
    first = asyncio.create_task(alone(scoring, request(1.0)))
    await asyncio.sleep(0)
    async with asyncio.timeout(10):
        await asyncio.gather(first, alone(scoring, request(1.0, 2.0)))
    assert model.runs == [3]


async def test_linger_ends_by_itself() -> None:
    """Who lingers alone is answered alone."""
    assert shown(await alone(scoring_of(Twice(), limits=Limits(linger_s=0.001)), request(1.0)))


async def test_waiting_is_bounded() -> None:
    """One request more than may wait is refused at once; those that wait are answered."""
    scoring = scoring_of(Twice(), limits=Limits(waiting=2))
    waiting = [asyncio.create_task(alone(scoring, request(1.0))) for _ in range(2)]
    await asyncio.sleep(0)
    with pytest.raises(Overloaded, match="2 requests wait already"):
        await scoring.score([request(1.0)])
    assert len(await asyncio.gather(*waiting)) == 2


async def test_who_went_away_is_not_run() -> None:
    """A request whose caller no longer waits costs no run."""
    model = Twice()
    scoring = scoring_of(model)
    gone = asyncio.create_task(alone(scoring, request(1.0)))
    kept = asyncio.create_task(alone(scoring, request(1.0, 2.0)))
    await asyncio.sleep(0)
    gone.cancel()
    await kept
    assert model.runs == [2]


async def test_close_lets_nobody_wait() -> None:
    """Who waits when the service closes is cancelled."""
    stuck = Stuck()
    scoring = scoring_of(stuck, bound_s=20)
    waiting = asyncio.create_task(alone(scoring, request(1.0)))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    await scoring.close()
    stuck.let_go.set()
    with pytest.raises(asyncio.CancelledError):
        await waiting


async def test_slow_model_is_left_behind() -> None:
    """A model that takes too long is degraded, those around it answer, and it is not asked again while it is busy."""
    stuck, first, last = Stuck("b"), Twice("a"), Twice("c")
    scoring = scoring_of(first, stuck, last, bound_s=0.3)
    outputs = await alone(scoring, request(1.0))
    assert [(one.model, one.degraded_reason) for one in outputs] == [
        ("a", ""),
        ("b", "the model gave no answer within 300 ms"),
        ("c", ""),
    ]
    assert stuck.stopped == 1
    outputs = await alone(scoring, request(1.0))
    assert [one.degraded_reason for one in outputs] == ["", "the model is still at an earlier request", ""]
    stuck.let_go.set()
    async with asyncio.timeout(10):
        while (await alone(scoring, request(3.0)))[1].degraded:
            pass
    assert (await alone(scoring, request(3.0)))[1].scores.tolist() == [6.0]
    await scoring.close()


async def test_breaker() -> None:
    """A model that fails again and again is left alone, tried once after a while, and heard if that goes well."""
    now = [0.0]
    model = Twice()
    scoring = Scoring(Asking(bound_s=0), breaker=lambda: CircuitBreaker(BreakerLimits(2, open_s=5.0), lambda: now[0]))
    scoring.serve([Lineup("m", model)])
    reasons = [(await alone(scoring, request(-1.0)))[0].degraded_reason for _ in range(3)]
    left = "the model is left alone for a while; it failed again and again: a row is below 0"
    assert reasons == ["a row is below 0"] * 2 + [left]
    assert (await alone(scoring, request(1.0)))[0].degraded_reason == left
    assert (await alone(scoring, request(None)))[0].degraded_reason == ""
    now[0] = 6.0
    assert not (await alone(scoring, request(1.0)))[0].degraded
    assert len(model.runs) == 3


async def test_request_that_lacks_a_feature_is_no_failure() -> None:
    """What a request lacks is not the model's failure: its breaker stays closed."""
    breaker = CircuitBreaker(BreakerLimits(1), lambda: 0.0)
    scoring = Scoring(Asking(bound_s=0), breaker=lambda: breaker)
    scoring.serve([Lineup("m", Twice())])
    (output,) = await alone(scoring, columns_of([Row(features={"y": 1.0})]))
    assert (output.degraded, output.degraded_reason) == (True, "the rows lack feature x")
    assert not (await alone(scoring, request(1.0)))[0].degraded


async def test_one_bad_request_is_no_failure_of_all() -> None:
    """A run in which some requests are scored is none that failed."""
    guard = Guard(Twice(), CircuitBreaker(BreakerLimits(1), lambda: 0.0))
    asked = Asked.of(guard, selected(request(-1.0), request(1.0)))
    asked.keep(asked.run())
    assert [asked.output(at).degraded for at in (0, 1)] == [True, False]
    assert asked.guard.refusal() == ""


@pytest.mark.parametrize(("share", "states"), [(0.0, [1, 0]), (1.0, [0, 1])])
async def test_challenger(share: float, states: list[int]) -> None:
    """Champion and challenger share the rows; shadows answer all of them, marked."""
    scoring = Scoring(Asking(bound_s=0))
    old, new, beside = Twice(version="1"), Twice(version="2"), Twice(version="3")
    scoring.serve([Lineup("m", old, new, share, (beside,))])
    outputs = await alone(scoring, request(1.0))
    assert [(one.version, one.shadow) for one in outputs] == [("1", False), ("2", False), ("3", True)]
    assert [one.states.tolist() for one in outputs] == [[states[0]], [states[1]], [1]]


async def test_challenger_without_a_champion() -> None:
    """Where nothing decides, nothing does: a challenger alone is a shadow."""
    scoring = Scoring(Asking(bound_s=0))
    scoring.serve([Lineup("m", None, Twice(), 1.0)])
    (output,) = await alone(scoring, request(1.0))
    assert output.shadow


async def test_worker_tells_errors() -> None:
    """What a piece of work raises comes to whoever waits for it, and the next piece is done."""
    worker, done = Worker("test"), threading.Event()

    def fail() -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await worker.do(fail)
    await worker.do(done.set)
    worker.leave()
    assert done.is_set()


async def test_two_stuck_models_cost_less_than_two_bounds() -> None:
    """Behind a model that used its bound up in vain the next one gets half, so that all answer in time."""
    stuck = Stuck("a"), Stuck("b")
    scoring = scoring_of(*stuck, Twice("c"), bound_s=0.4)
    outputs = await alone(scoring, request(1.0))
    assert [one.degraded_reason for one in outputs] == [
        "the model gave no answer within 400 ms",
        "the model gave no answer within 200 ms",
        "",
    ]
    for one in stuck:
        one.let_go.set()
    await scoring.close()


class Registry:
    """A registry in memory."""

    def __init__(self, *lineups: Lineup) -> None:
        """Hold these."""
        self.lineups = lineups
        self.changes: tuple[Change, ...] = (Change("m", ("1",)),)

    def refresh(self) -> tuple[Change, ...]:
        """Tell changes once."""
        changes, self.changes = self.changes, ()
        return changes


async def test_reload_keeps_guards() -> None:
    """A change of what is asked acts on the next run; a model that stays keeps what is known of it."""
    stuck = Stuck("b")
    registry = Registry(Lineup("b", stuck))
    scoring = Scoring(Asking(bound_s=0.2))
    reloading = Reloading(registry, scoring, every_s=0)
    await reloading.start()
    assert (await alone(scoring, request(1.0)))[0].degraded_reason == "the model gave no answer within 200 ms"
    registry.lineups, registry.changes = (Lineup("a", Twice("a")), Lineup("b", stuck)), (Change("a", ("1",)),)
    assert await reloading.look() == (Change("a", ("1",)),)
    outputs = await alone(scoring, request(1.0))
    assert [one.degraded_reason for one in outputs] == ["", "the model is still at an earlier request"]
    assert await reloading.look() == ()
    stuck.let_go.set()
    await reloading.close()
    await scoring.close()


class Told:
    """Keep what is said."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self.lines: list[tuple[str, Any]] = []

    def info(self, event: str, **keys: object) -> None:
        """Keep a line."""
        self.lines.append((event, keys.get("reason")))

    warning = info


async def test_refusals_and_failures_are_told() -> None:
    """What is refused, and why a model fails, is said; the same failure again is no news."""
    log = Told()
    registry = Registry(Lineup("m", Twice()))
    scoring = Scoring(Asking(bound_s=0), log=log)
    reloading = Reloading(registry, scoring, every_s=0, log=log)
    await reloading.start()
    registry.changes = (Change("m", ("1",), "half a file"),)
    await reloading.look()
    for _ in range(3):
        await scoring.score([request(-1.0)])
    assert log.lines == [("model_taken", None), ("model_refused", "half a file"), ("model_failed", "a row is below 0")]


async def test_reload_goes_on() -> None:
    """A registry is looked at again and again, also after a look that failed."""

    class Flaky(Registry):
        looks = 0

        def refresh(self) -> tuple[Change, ...]:
            self.looks += 1
            if self.looks == 2:
                msg = "the disk is away"
                raise OSError(msg)
            return super().refresh()

    registry = Flaky()
    reloading = Reloading(registry, Scoring(Asking(bound_s=0)), every_s=0.001)
    await reloading.start()
    await until(lambda: registry.looks >= 4)
    await reloading.close()


async def test_metrics() -> None:
    """Rows are counted by model, version and what became of them, runs are timed, and changes counted."""
    reader = InMemoryMetricReader()
    kept = SdkTelemetry("inference", traces="none", metrics="none", readers=(reader,))
    scoring = Scoring(Asking(bound_s=0))
    registry = Registry(Lineup("m", Twice(version="7")))
    reloading = Reloading(registry, scoring, every_s=0)
    scoring.telemetry = reloading.telemetry = kept
    await reloading.start()
    await scoring.score([request(1.0, None, 2.0), request(-1.0)])
    data = reader.get_metrics_data()
    assert data is not None
    found = {m.name: m.data.data_points for r in data.resource_metrics for s in r.scope_metrics for m in s.metrics}
    rows = {tuple(sorted(p.attributes.items())): p.value for p in found["tickloom_predictions_total"]}
    ours = (("model", "m"), ("outcome", "{}"), ("version", "7"))
    assert rows == {
        tuple((key, value.format(outcome)) for key, value in ours): number
        for outcome, number in (("scored", 2), ("not_scored", 1), ("degraded", 1))
    }
    assert [p.count for p in found["tickloom_model_duration_seconds"]] == [1]
    assert [p.attributes for p in found["tickloom_model_changes_total"]] == [{"model": "m", "outcome": "taken"}]
    kept.close()


def test_bits_of_figures_travel() -> None:
    """Figures are cut among joined requests as scores are."""
    asked = Asked.of(Guard(Twice()), selected(request(1.0, 2.0), request(None), request(3.0)))
    asked.keep(asked.run())
    values = [asked.output(at).values.tolist() for at in range(3)]
    assert values == [[[1.0], [2.0]], [[0.0]], [[3.0]]]
    assert np.array_equal(replace(asked.output(0)).scores, [2.0, 4.0])
