"""Ask loaded models, each under a guard: a time bound and a circuit breaker, so that none holds up or spoils another.

Both act live only. Without a time bound models are asked where the caller is, one after the other; with one they are
asked in a thread of their own, all by the same, which is left behind when a model keeps it too long.
"""

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from threading import Lock
from typing import Any, Final, Protocol

import numpy as np
from numpy.typing import NDArray

from functions.domain.market import ModelOutput
from functions.domain.predictions import degraded
from functions.domain.serving import Scored, Selected, output_of
from functions.ports.models import Model, ModelFailed
from functions.services.inference.worker import Worker

_NOTHING: Final = Scored(np.zeros(0))


class Log(Protocol):
    """Say what happened: constant event names in the past tense, ids and units as keys."""

    def info(self, event: str, **keys: object) -> None:
        """Say what an operator wants to see once."""
        ...

    def warning(self, event: str, **keys: object) -> None:
        """Say what was refused or has failed."""
        ...


class Silent:
    """Say nothing."""

    def info(self, event: str, **keys: object) -> None:
        """Say nothing."""

    def warning(self, event: str, **keys: object) -> None:
        """Say nothing."""


class Breaker(Protocol):
    """Stop asking what keeps failing, and try it again after a while."""

    def allow(self) -> bool:
        """Ask to go through; a True answer is followed by `succeeded` or `failed`."""
        ...

    def succeeded(self) -> None:
        """Take note that what went through came back well."""
        ...

    def failed(self) -> None:
        """Take note that what went through failed."""
        ...


@dataclass(slots=True)
class Guard:
    """What is remembered of one model between calls: its breaker, if any, its last failure, whether a run goes on."""

    model: Model
    breaker: Breaker | None = None
    log: Log = field(default_factory=Silent)
    last: str = ""
    busy: bool = False

    def refusal(self) -> str:
        """Ask to run it; give why it may not be, or nothing. Then `settle` must follow."""
        if self.model.broken:
            return self.model.broken
        if self.busy:
            return "the model is still at an earlier request"
        if self.breaker is not None and not self.breaker.allow():
            return f"the model is left alone for a while; it failed again and again: {self.last}"
        return ""

    def ask(self, rows: NDArray[Any]) -> Scored | str:  # as the model takes them
        """Have rows scored; whatever the model raises is only why it did not."""
        try:
            scored = self.model.run(rows)
            fits = len(scored.scores) == len(rows)
            return scored if fits else f"the model gave {len(scored.scores)} scores of {len(rows)} rows"
        except ModelFailed as error:
            return str(error)
        except Exception as error:  # a bug of a model is no reason to leave the others unheard
            spec = self.model.spec
            self.log.warning("model_raised", model=spec.name, version=spec.version, exc_info=error)
            return f"the model raised {type(error).__name__}"

    def settle(self, failure: str) -> None:
        """Take note of what became of a run: a failure, or nothing where it gave answers."""
        if failure and failure != self.last:
            spec = self.model.spec
            self.log.warning("model_failed", model=spec.name, version=spec.version, reason=failure)
        self.last = failure or self.last
        if self.breaker is None:
            return
        if failure:
            self.breaker.failed()
        else:
            self.breaker.succeeded()


@dataclass(slots=True, eq=False)
class Asked:
    """One model, the rows that several requests have for it, and what it says of each request's."""

    guard: Guard
    selected: Sequence[Selected]
    answers: list[Scored | str] = field(default_factory=list)
    refusal: str = ""
    seconds: float = 0.0
    stopped: bool = False  # nobody waits for its answers any more

    @classmethod
    def of(cls, guard: Guard, selected: Sequence[Selected]) -> "Asked":
        """Take each request's rows; a model that may not be run, or has no row to score, is not asked."""
        asked = cls(guard, selected)
        if guard.model.broken or any(len(one.rows) for one in asked.selected):
            asked.refusal = guard.refusal()
        return asked

    @property
    def runs(self) -> bool:
        """Say whether there is something to run."""
        return not self.refusal and any(len(one.rows) for one in self.selected)

    def run(self) -> list[Scored | str]:
        """Score every request's rows, a text being why not; all in one go, unless that fails: then each alone.

        So an answer is the same whoever else asked at the time.
        """
        given = [one.rows for one in self.selected]
        filled = [rows for rows in given if len(rows)]
        begun = time.perf_counter()
        self.guard.busy = True
        try:
            whole = self.guard.ask(filled[0] if len(filled) == 1 else np.concatenate(filled))
            if isinstance(whole, Scored):
                return list(_cut(whole, [len(rows) for rows in given]))
            if len(filled) == 1 or self.stopped:
                return [whole if len(rows) else _NOTHING for rows in given]
            return [self.guard.ask(rows) if len(rows) and not self.stopped else _NOTHING for rows in given]
        finally:
            self.guard.busy = False
            self.seconds = time.perf_counter() - begun

    def keep(self, answers: list[Scored | str]) -> None:
        """Keep what the model said; only where nothing at all was scored has it failed."""
        self.answers = answers
        run = [answer for answer, one in zip(answers, self.selected, strict=True) if len(one.rows)]
        failures = [answer for answer in run if isinstance(answer, str)]
        self.guard.settle(failures[0] if len(failures) == len(run) else "")

    def output(self, at: int) -> ModelOutput:
        """Give the model's answer to a request by its place."""
        spec, selected = self.guard.model.spec, self.selected[at]
        answer = self.refusal or (self.answers[at] if self.answers else _NOTHING)
        if isinstance(answer, str) and (len(selected.rows) or self.guard.model.broken):
            return degraded(spec.name, len(selected.valid), answer)
        return output_of(spec, selected, answer if isinstance(answer, Scored) else _NOTHING)


class Asking:
    """Run models, each for no longer than a bound."""

    def __init__(self, *, bound_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        """Take the bound of one model's run, seconds; 0 for none, then models run in the caller's thread.

        Whenever a model used its bound up in vain, those behind it get half of it.
        """
        self._bound_s = bound_s
        self._clock = clock
        self._worker: Worker | None = None

    async def run(self, asked: Sequence[Asked]) -> None:
        """Have every model answer; one that takes too long answers with that instead."""
        left = [one for one in asked if one.runs]
        if not self._bound_s:
            for one in left:
                one.keep(one.run())
            return
        bound_s = self._bound_s
        while left:
            left = await self._aside(left, bound_s)
            bound_s /= 2  # so that all models together take less than twice the bound, however many are stuck

    def close(self) -> None:
        """Let the thread end."""
        if self._worker is not None:
            self._worker.leave()
            self._worker = None

    async def _aside(self, left: list[Asked], bound_s: float) -> list[Asked]:
        """Run models in the thread until all are through, or one takes too long; give those behind it."""
        self._worker = self._worker or Worker("models")
        turn = _Turn(left, bound_s, self._clock)
        done = self._worker.do(turn.work)
        while not done.done() and turn.left_s > 0:
            await asyncio.wait((done,), timeout=turn.left_s)
        told = turn.end()
        if done.done():
            done.result()
        for one, answers in zip(left, told, strict=False):
            one.keep(answers)
        if len(told) == len(left):
            return []
        self.close()  # whoever holds the thread may have it
        stuck = left[len(told)]
        stuck.stopped = True
        stuck.guard.model.stop()
        stuck.keep([f"the model gave no answer within {bound_s * 1000:.0f} ms" for _ in stuck.selected])
        return left[len(told) + 1 :]


class _Turn:
    """Models that are asked one after the other in another thread, until somebody says that it is enough."""

    def __init__(self, asked: Sequence[Asked], bound_s: float, clock: Callable[[], float]) -> None:
        self._asked = asked
        self._bound_s = bound_s
        self._clock = clock
        self._begun = clock()
        self._told: list[list[Scored | str]] = []
        self._ended = False
        self._lock = Lock()

    @property
    def left_s(self) -> float:
        """Say how long the model that is running now may still take, seconds."""
        return self._begun + self._bound_s - self._clock()

    def work(self) -> None:
        """Ask one after the other; in the other thread."""
        for one in self._asked:
            if self._ended:
                return
            answers = one.run()
            with self._lock:
                if self._ended:
                    return
                self._told.append(answers)
                self._begun = self._clock()

    def end(self) -> list[list[Scored | str]]:
        """Take what was said until now; what is said later is not heard."""
        with self._lock:
            self._ended = True
            return self._told


def _cut(whole: Scored, counts: Sequence[int]) -> Sequence[Scored]:
    """Give each request its own rows."""
    if len(counts) == 1:
        return [whole]
    ends = np.cumsum(counts)[:-1]
    return [Scored(*pair) for pair in zip(np.split(whole.scores, ends), np.split(whole.values, ends), strict=True)]
