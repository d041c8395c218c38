"""Join what is asked at the same time into one run of each model, and let each model's versions answer for it."""

import asyncio
import contextlib
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Sequence
from contextvars import Context
from dataclasses import dataclass, replace
from itertools import chain
from typing import Final, Generic, Protocol, TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

from functions.domain.market import STATE_VALID, FeatureColumns, ModelOutput
from functions.domain.serving import Selected, challenged, ordered, select, share_out
from functions.ports.errors import Overloaded
from functions.ports.models import Lineup, Model
from functions.ports.telemetry import NULL, Telemetry
from functions.services.inference.asking import Asked, Asking, Breaker, Guard, Log, Silent

ROWS_MAX: Final = 512
WAITING_MAX: Final = 1024
LINGER_MS_MAX: Final = 2.0

_Outputs: TypeAlias = tuple[ModelOutput, ...]


class Rows(Protocol):
    """Something that is asked: rows of features, or texts."""

    @property
    def row_count(self) -> int:
        """Count its rows."""
        ...


R = TypeVar("R", bound=Rows)


@dataclass(frozen=True, slots=True)
class Limits:
    """Say how requests are joined.

    Args:
        rows: Most rows of one run, unless a single request has more.
        waiting: Most requests that wait for their run; with more, a call is refused.
        linger_s: How long the first request waits for others, seconds; 0 joins only what is there already.
    """

    rows: int = ROWS_MAX
    waiting: int = WAITING_MAX
    linger_s: float = 0.0


class Joining(ABC, Generic[R]):
    """Score requests of one kind with every model that is asked; what differs between kinds is said by two methods.

    Args:
        asking: Runs models.
        limits: How requests are joined.
        breaker: Makes a model's breaker; gives None where none acts.
        log: Is told what fails.
    """

    def __init__(
        self,
        asking: Asking,
        limits: Limits | None = None,
        *,
        breaker: Callable[[], Breaker | None] = lambda: None,
        log: Log | None = None,
    ) -> None:
        """Start without models."""
        self.telemetry: Telemetry = NULL
        self._asking = asking
        self._limits = limits or Limits()
        self._breaker = breaker
        self._log = log or Silent()
        self.lineups: tuple[Lineup, ...] = ()
        self._guards: dict[int, Guard] = {}
        self._waiting: deque[tuple[R, asyncio.Future[_Outputs]]] = deque()
        self._rows = 0
        self._full = asyncio.Event()
        self._runner: asyncio.Task[None] | None = None

    @abstractmethod
    def select(self, request: R, model: Model) -> Selected:
        """Take the rows of a request that a model can score."""

    @abstractmethod
    def assigned(self, request: R, model: str, share: float) -> NDArray[np.bool_]:
        """Say which of the n rows a model's challenger answers for its share, by a hash that never changes: (n,)."""

    def serve(self, lineups: Sequence[Lineup]) -> None:
        """Ask these from the next run on, all at once; a model that stays keeps its guard."""
        models: list[Model] = list(chain.from_iterable(lineup.models for lineup in lineups))
        kept = self._guards
        self._guards = {id(model): kept.get(id(model)) or Guard(model, self._breaker(), self._log) for model in models}
        self.lineups = tuple(lineups)

    async def score(self, requests: Sequence[R]) -> list[_Outputs]:
        """Score each request's rows; each is answered as if it were alone.

        Raises:
            Overloaded: Too many requests wait already.
        """
        if len(self._waiting) + len(requests) > self._limits.waiting:
            detail = f"{len(self._waiting)} requests wait already, at most {self._limits.waiting} may"
            raise Overloaded(detail)
        loop = asyncio.get_running_loop()
        answers: list[asyncio.Future[_Outputs]] = [loop.create_future() for _ in requests]
        self._waiting.extend(zip(requests, answers, strict=True))
        self._rows += sum(columns.row_count for columns in requests)
        if self._rows >= self._limits.rows:
            self._full.set()
        if self._runner is None and requests:
            self._runner = loop.create_task(self._run_while_asked(), context=Context())
        return list(await asyncio.gather(*answers))

    async def close(self) -> None:
        """Run no more; who still waits is cancelled."""
        if self._runner is not None:
            self._runner.cancel()
            await asyncio.wait((self._runner,))
            self._let_go([])
        self._asking.close()

    async def _run_while_asked(self) -> None:
        group: list[tuple[R, asyncio.Future[_Outputs]]] = []
        try:
            while self._waiting:
                await self._linger()
                group = self._take()
                await self._answer(group)
        finally:  # a cancelled runner leaves nobody waiting
            self._let_go(group)

    def _let_go(self, group: Sequence[tuple[R, "asyncio.Future[_Outputs]"]]) -> None:
        self._runner = None
        for _, answer in (*group, *self._waiting):
            answer.cancel()
        self._waiting.clear()
        self._rows = 0

    async def _linger(self) -> None:
        """Give others time to come, unless there are enough."""
        self._full.clear()
        if self._limits.linger_s and self._rows < self._limits.rows:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._full.wait(), self._limits.linger_s)

    def _take(self) -> list[tuple[R, "asyncio.Future[_Outputs]"]]:
        """Take the requests of the next run; whose caller went away is not run."""
        group: list[tuple[R, asyncio.Future[_Outputs]]] = []
        rows = 0
        while self._waiting and (not group or rows + self._waiting[0][0].row_count <= self._limits.rows):
            columns, answer = self._waiting.popleft()
            self._rows -= columns.row_count
            if not answer.done():
                rows += columns.row_count
                group.append((columns, answer))
        return group

    async def _answer(self, group: Sequence[tuple[R, "asyncio.Future[_Outputs]"]]) -> None:
        try:
            outputs = await self._outputs([columns for columns, _ in group])
        except Exception as error:  # noqa: BLE001 - a bug of ours, which each caller reports as its own
            for _, answer in group:
                if not answer.done():
                    answer.set_exception(error)
            return
        for (_, answer), output in zip(group, outputs, strict=True):
            if not answer.done():
                answer.set_result(output)

    async def _outputs(self, requests: Sequence[R]) -> list[_Outputs]:
        lineups = self.lineups  # those of this run, whatever is loaded meanwhile
        asked = {
            id(model): Asked.of(self._guards[id(model)], [self.select(one, model) for one in requests])
            for lineup in lineups
            for model in lineup.models
        }
        await self._asking.run(list(asked.values()))
        outputs = [
            ordered(chain.from_iterable(self._answers(lineup, asked, one, at) for lineup in lineups))
            for at, one in enumerate(requests)
        ]
        if self.telemetry.enabled:
            self._measure(list(asked.values()), len(requests))
        return outputs

    def _answers(self, lineup: Lineup, asked: dict[int, Asked], request: R, at: int) -> Sequence[ModelOutput]:
        """Give every version's answer to a request; those that decide nothing are marked."""

        def output(model: Model) -> ModelOutput:
            return asked[id(model)].output(at)

        beside = [replace(output(model), shadow=True) for model in lineup.shadows]
        champion, challenger = lineup.champion, lineup.challenger
        if champion is None:
            return beside if challenger is None else [replace(output(challenger), shadow=True), *beside]
        if challenger is None:
            return [output(champion), *beside]
        theirs = self.assigned(request, lineup.name, lineup.share)
        return [*share_out(output(champion), output(challenger), theirs), *beside]

    def _measure(self, asked: Sequence[Asked], requests: int) -> None:
        for one in asked:
            spec = one.guard.model.spec
            labels = {"model": spec.name, "version": spec.version}
            if one.seconds:
                self.telemetry.observe("tickloom_model_duration_seconds", labels, one.seconds)
            for at in range(requests):
                for outcome, count in _counted(one.output(at)).items():
                    self.telemetry.count("tickloom_predictions_total", {**labels, "outcome": outcome}, count)


class Scoring(Joining[FeatureColumns]):
    """Score rows of features; a challenger gets a share of instruments and UTC days."""

    def select(self, request: FeatureColumns, model: Model) -> Selected:
        """Take the rows whose needed features are all valid."""
        return select(request, model.spec.features)

    def assigned(self, request: FeatureColumns, model: str, share: float) -> NDArray[np.bool_]:
        """Draw by instrument and day."""
        return challenged(request, model, share)


def _counted(output: ModelOutput) -> dict[str, int]:
    """Count an answer's rows by what became of them; a row without a valid input is not scored."""
    rows = len(output.states)
    if output.degraded:
        return {"degraded": rows}
    scored = int((output.states == STATE_VALID).sum())
    return {name: count for name, count in (("scored", scored), ("not_scored", rows - scored)) if count}
