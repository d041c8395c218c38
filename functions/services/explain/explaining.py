"""Explain a signal from what brokers have stored and the models on disk, given its id alone.

The batch that the signal was decided on is its cause; what was remembered before is folded anew from the batches of the
same source, by the same code. Nothing is changed. Reading waits in the loop; work is done in one thread beside it, one
question after the other, and a bounded number of them waits.
"""

import asyncio
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Final, TypeVar

from functions.domain.decisions import Signal
from functions.domain.explain import Scene, alone, confidence_of, row_of, strength_of
from functions.domain.explanation import Explanation, Link, ModelTold, NotExplained
from functions.domain.market import FeatureColumns
from functions.domain.scorebook import Rules
from functions.domain.strategy import Strategy
from functions.ports.errors import Overloaded
from functions.ports.history import EventHistory, Placed
from functions.ports.models import ModelVersions
from functions.services.explain.attributing import Asked, ask_again
from functions.services.explain.deciding import Deciding, Numbered, Stage
from functions.wire.codecs.explanations import signal_id_value
from functions.wire.codecs.features import FEATURE_BATCH, decode_feature_batch
from functions.wire.codecs.predictions import PREDICTION_BATCH, decode_prediction_batch
from functions.wire.codecs.signals import SIGNAL, decode_signal
from functions.wire.envelope import Event
from functions.wire.errors import Malformed
from functions.wire.facts import fact_id, sequence_of

CAUSES_MAX: Final = 8
"""Most causes that are named, from the batch that was decided on back to the raw one."""
WAITING_MAX: Final = 32

T = TypeVar("T")


class Explaining:
    """Explain signals.

    Args:
        history: Where events are looked up; it is closed by `close`.
        versions: Where models are asked.
        strategy: The rules that decide.
        rules: How models are followed.
        waiting_max: Most questions at a time, those that wait included.
    """

    def __init__(
        self,
        history: EventHistory,
        versions: ModelVersions,
        strategy: Strategy,
        *,
        rules: Rules,
        waiting_max: int = WAITING_MAX,
    ) -> None:
        """Look up nothing yet."""
        self._history = history
        self._versions = versions
        self._deciding = Deciding(strategy, rules, _identify)
        self._waiting_max = waiting_max
        self._asked = 0
        self._turn = asyncio.Lock()
        self._thread = ThreadPoolExecutor(1, "explain")

    async def explain(self, signal_id: str) -> Explanation:
        """Explain a signal.

        Args:
            signal_id: Id of the signal, which is its event's.

        Raises:
            Malformed: It is no id, or the signal cannot be read.
            NotExplained: No stored event is such a signal.
            Overloaded: Too many questions wait already.
            Unavailable: What is stored cannot be reached.
        """
        id_ = signal_id_value(signal_id)
        if self._asked >= self._waiting_max:
            message = f"{self._waiting_max} questions wait already"
            raise Overloaded(message)
        self._asked += 1
        try:
            return await self._explain(id_)
        finally:
            self._asked -= 1

    async def close(self) -> None:
        """Let go of the history and the thread."""
        await self._history.close()
        self._thread.shutdown(cancel_futures=True)

    async def _explain(self, id_: str) -> Explanation:
        stored = await self._history.signal(id_)
        if stored is None:
            message = f"no signal {id_} is stored; `tickloom signals` lists those there are"
            raise NotExplained(message)
        signal = decode_signal(stored.event.data or b"")
        causes = await self._history.causes(stored, CAUSES_MAX)
        why_not = self._why_not(signal, causes)
        if why_not:
            return await self._aside(lambda: self._tell(signal, (stored, *causes), None, why_not))
        last = causes[0]
        source, number = last.event.source, sequence_of(last.event)
        async with self._turn:  # what is needed stays so until it is there
            since = await self._aside(lambda: self._deciding.needed(source, number))
            before = await self._history.before(last, since)
            return await self._aside(lambda: self._tell(signal, (stored, *causes), before, ""))

    async def _aside(self, work: Callable[[], T]) -> T:
        """Do work in the thread, behind what is under way there."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)

    def _why_not(self, signal: Signal, causes: Sequence[Placed]) -> str:
        """Say why a decision cannot be made again; empty when it can."""
        name = self._deciding.strategy.name
        if name != signal.strategy:
            return f"the rules here are of strategy {name}; name the file of {signal.strategy} with --rules"
        if not causes or causes[0].event.type != PREDICTION_BATCH:
            return f"the batch that it was decided on, {signal.evidence.causation_id}, is not stored any more"
        return ""

    def _tell(self, signal: Signal, chain: Sequence[Placed], before: Sequence[Event] | None, note: str) -> Explanation:
        """Tell all: of a signal, its event and its causes, and the batches before the one it was decided on."""
        stage = None
        if before is not None:
            stage = self._stage(signal, chain[1].event, before)
            note = "" if stage else f"batch {chain[1].event.id} has no row of {signal.instrument_id} at that bar"
        columns = _seen_by_models(chain[1:], signal) or (None if stage is None else stage.scene.batch.columns)
        told, asked = self._ask_models(signal, columns)
        return Explanation(
            signal,
            strength_of(signal),
            confidence_of(signal, () if stage is None else _curve(stage.scene, signal)),
            told,
            None if stage is None else self._deciding.decide(stage, signal, asked),
            tuple(map(_link, chain)),
            (note,) if note else (),
        )

    def _stage(self, signal: Signal, last: Event, before: Iterable[Event]) -> Stage | None:
        batch = decode_prediction_batch(last.data or b"")
        return self._deciding.stage((sequence_of(last), batch), last.source, _readable(before), signal)

    def _ask_models(
        self, signal: Signal, columns: FeatureColumns | None
    ) -> tuple[tuple[ModelTold, ...], tuple[Asked, ...]]:
        if columns is None:
            text = "the row that it saw is not stored any more"
            return tuple(ModelTold(score, problem=text) for score in signal.model_scores), ()
        found = [ask_again(self._versions, one, columns, key=signal.signal_id) for one in signal.model_scores]
        return tuple(told for told, _ in found), tuple(asked for _, asked in found if asked is not None)


def _readable(events: Iterable[Event]) -> Iterator[Numbered]:
    """Read batches; what cannot be read was not folded."""
    for event in events:
        try:
            yield sequence_of(event), decode_prediction_batch(event.data or b"")
        except Malformed:
            continue


def _seen_by_models(causes: Iterable[Placed], signal: Signal) -> FeatureColumns | None:
    """Find the row that models saw, which has more features than the one that travels on."""
    for cause in causes:
        if cause.event.type == FEATURE_BATCH:
            columns = decode_feature_batch(cause.event.data or b"").columns
            row = row_of(columns, signal)
            return None if row is None else alone(columns, row)
    return None


def _curve(scene: Scene, signal: Signal) -> tuple[tuple[float, float], ...]:
    standing = scene.desk.trust.get((signal.shard, signal.interval_s), {}).get(signal.strategy)
    return () if standing is None else standing.curve


def _link(placed: Placed) -> Link:
    event = placed.event
    place = (placed.broker, placed.offset, event.type, event.source, sequence_of(event), event.id)
    return Link(*place, placed.partition)


def _identify(strategy: str, instrument_id: str, interval_s: int, bar_start_ns: int) -> str:
    """Name a signal as the table does."""
    return fact_id(SIGNAL, strategy, instrument_id, interval_s, bar_start_ns)
