"""Explain a signal from a folder's logs and the models on disk, given its id alone.

The batch that the signal was decided on is its cause; what was remembered before is folded anew from the batches of the
same source, by the same code. Nothing is changed.

NotExplained    there is no such signal
"""

from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Final, TypeVar

from functions.domain.decisions import Action, Evidence, Signal
from functions.domain.explain import (
    Scene,
    alone,
    confidence_of,
    decide_again,
    figures_seen,
    judge_of,
    levers_of,
    row_of,
    scene_of,
    spreads_of,
    strength_of,
)
from functions.domain.flips import Flip, Judge, smallest_flip
from functions.domain.learning import learn
from functions.domain.market import FeatureColumns, PredictionBatch
from functions.domain.shapley import Attribution
from functions.domain.signals import Desk, forget_turns
from functions.local.attributions import Asked, ModelTold, ask_again
from functions.local.log import find
from functions.ports.models import ModelFailed
from functions.runtime import settings
from functions.services.inference import main as inference
from functions.tables.signals import main as signals_table
from functions.tables.signals.table import SignalsTable
from functions.wire.codecs.features import FEATURE_BATCH, decode_feature_batch
from functions.wire.codecs.predictions import PREDICTION_BATCH, decode_prediction_batch
from functions.wire.codecs.signals import SIGNAL, decode_signal
from functions.wire.envelope import Event
from functions.wire.errors import Malformed
from functions.wire.facts import fact_id, sequence_of

REPLAY_MAX: Final = 16_384
"""Most batches that are folded anew; what was decided on longer ago hardly reaches so far."""
REORDER_MAX: Final = 4_096
"""How far behind a batch in the log an earlier one of its source may lie."""
SPREAD_ROWS_MAX: Final = 512
"""Newest rows of the instrument that spreads are taken over."""
CAUSES_MAX: Final = 8
"""Most causes that are named, from the batch that was decided on back to the raw one."""
DESK: Final = "desk"

S = TypeVar("S")


class NotExplained(Exception):  # noqa: N818 - a fact about what is asked, not an error of ours
    """There is no such signal."""


@dataclass(frozen=True, slots=True)
class Link:
    """Name an event and where it lies."""

    broker: str
    offset: int
    type: str
    source: str
    sequence: int
    id: str


@dataclass(frozen=True, slots=True)
class Decided:
    """Say what deciding again showed.

    Args:
        batches: Batches of the cause's source that were folded before it.
        since: Sequence number of the first of them; the cause's own when there was none.
        differs: Fields in which the signal decided again differs from the one that was sent; empty when none does.
            `action` alone also when there is no signal at all.
        flip: The smallest change that flips it, decided again to be sure; None when none was found. Where the action
            differs already none is looked for.
        levers: Figures that were moved to find it.
        by_size: Those that never moved before: a spread of theirs is their own size, or 1 where they are 0.
        rows: Rows of the instrument and interval that spreads were taken over.
        asked_again: What is decided on the flip when models see the changed features too; None when none sees them.
    """

    batches: int
    since: int
    differs: tuple[str, ...]
    flip: Flip | None
    levers: tuple[str, ...]
    by_size: tuple[str, ...]
    rows: int
    asked_again: Action | None


@dataclass(frozen=True, slots=True)
class Explanation:
    """Hold all that is said of a signal.

    Args:
        signal: The signal as it was sent.
        strength: Parts of its strength: the rules.
        confidence: Parts of its confidence: rules or votes.
        models: Parts of each model's score.
        decided: What deciding again showed; None when it could not be done.
        links: The signal's event, the one it was decided on, and the causes before, nearest first.
        notes: What could not be done, and why.
    """

    signal: Signal
    strength: Attribution
    confidence: Attribution
    models: tuple[ModelTold, ...]
    decided: Decided | None
    links: tuple[Link, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Stored:
    """Hold an event, where it lies, and its log's file."""

    link: Link
    event: Event
    path: Path


@dataclass(frozen=True, slots=True)
class _Stage:
    """Hold a scene, and the figures of its series up to its row, newest last."""

    scene: Scene
    seen: tuple[Mapping[str, float], ...]
    batches: int
    since: int


def explain(folder: Path, signal_id: str, environ: Mapping[str, str]) -> Explanation:
    """Explain a signal.

    Args:
        folder: Folder of the platform, with its logs.
        signal_id: Id of the signal, which is its event's.
        environ: Settings of the run: rules and registry, as the table `signals` and the service `inference` read them.

    Raises:
        NotExplained: No log of the folder holds such a signal.
        SettingsError: A setting is not what it should be.
        Malformed: The rules have mistakes, or the signal cannot be read.
    """
    stored = _lookup(folder, signal_id, SIGNAL)
    if stored is None:
        text = f"no signal {signal_id} in the logs under {folder}; `tickloom signals` lists those there are"
        raise NotExplained(text)
    signal = decode_signal(stored.event.data or b"")
    causes = tuple(_causes(folder, stored.event))
    stage, note = _stage(causes, signal, _table(environ))
    columns = _seen_by_models(causes, signal) or (None if stage is None else stage.scene.batch.columns)
    told, asked = _ask_models(_registry(environ), signal, columns)
    curve = () if stage is None else _curve(stage.scene, signal)
    return Explanation(
        signal,
        strength_of(signal),
        confidence_of(signal, curve),
        told,
        None if stage is None else _decide(stage, signal, asked),
        (stored.link, *(cause.link for cause in causes)),
        (note,) if note else (),
    )


def _table(environ: Mapping[str, str]) -> SignalsTable:
    own = settings.load(signals_table.Settings, settings.share(signals_table.Settings, environ))
    fold = signals_table.compose(own).fold
    assert isinstance(fold, SignalsTable)  # noqa: S101 - it is that table's own compose
    return fold


def _registry(environ: Mapping[str, str]) -> Path:
    own = settings.load(inference.Settings, settings.share(inference.Settings, environ))
    return Path(own.models_folder) if own.models_folder else inference.SHIPPED


def _lookup(folder: Path, id_: str, type_: str = "") -> _Stored | None:
    """Find an event by its id; the desk's log comes first, and dead letters are left out."""
    paths = sorted((folder / "log").glob("*.sqlite"), key=lambda path: (path.stem != DESK, path.stem))
    for path in paths:
        if path.stem.endswith("-dead-letters"):
            continue
        where = "id = ? AND type = ?" if type_ else "id = ?"
        for offset, _, event in find(path, where=where, values=(id_, type_) if type_ else (id_,), newest=1):
            link = Link(path.stem, offset, event.type, event.source, sequence_of(event), event.id)
            return _Stored(link, event, path)
    return None


def _causes(folder: Path, event: Event) -> Iterator[_Stored]:
    """Follow an event's causes back as far as the logs have them."""
    for _ in range(CAUSES_MAX):
        id_ = str(event.extensions.get("causationid", ""))
        stored = _lookup(folder, id_) if id_ else None
        if stored is None:
            return
        yield stored
        event = stored.event


def _stage(causes: tuple[_Stored, ...], signal: Signal, table: SignalsTable) -> tuple[_Stage | None, str]:
    """Set the stage as it was when the signal was decided; else say why that cannot be done."""
    if table.strategy.name != signal.strategy:
        text = f"the rules here are of strategy {table.strategy.name}; name the file of {signal.strategy} with --rules"
        return None, text
    if not causes or causes[0].event.type != PREDICTION_BATCH:
        return None, f"the batch that it was decided on, {signal.evidence.causation_id}, is in no log of the folder"
    cause = causes[0]
    batch = decode_prediction_batch(cause.event.data or b"")
    row = row_of(batch.columns, signal)
    if row is None:
        return None, f"batch {cause.link.id} has no row of {signal.instrument_id} at that bar"
    desk, seen, begin, count = Desk(), deque[Mapping[str, float]](maxlen=SPREAD_ROWS_MAX), cause.link.sequence, 0
    after: int | None = None
    for sequence, earlier in _earlier(cause):
        if after is not None and sequence != after:
            forget_turns(desk, earlier.shard)
        begin, after, count = min(begin, sequence), sequence + 1, count + 1
        learn(desk, earlier, table.strategy, identify=_identify, rules=table.rules)
        seen.extend(_figures(earlier, signal, table))
    seen.append(figures_seen(batch, row, table.strategy))
    scene = scene_of(desk, batch, row, table.strategy, rules=table.rules)
    return _Stage(scene, tuple(seen), count, begin), ""


def _earlier(cause: _Stored) -> Iterator[tuple[int, PredictionBatch]]:
    """Give the batches of a batch's source before it, in sequence, each once; what cannot be read was not folded."""
    where = "type = ? AND source = ? AND offset < ?"
    values = (PREDICTION_BATCH, cause.link.source, cause.link.offset + REORDER_MAX)
    found = find(cause.path, where=where, values=values, newest=REPLAY_MAX)
    events = {sequence_of(event): event for _, _, event in found}
    for sequence in sorted(one for one in events if one < cause.link.sequence):
        try:
            yield sequence, decode_prediction_batch(events[sequence].data or b"")
        except Malformed:
            continue


def _figures(batch: PredictionBatch, signal: Signal, table: SignalsTable) -> Iterator[Mapping[str, float]]:
    """Give what was seen of the signal's series."""
    columns = batch.columns
    for row, interval_s in enumerate(columns.interval_s.tolist()):
        instrument_id = columns.instruments[columns.instrument[row]].instrument_id
        if interval_s == signal.interval_s and instrument_id == signal.instrument_id:
            yield figures_seen(batch, row, table.strategy)


def _seen_by_models(causes: tuple[_Stored, ...], signal: Signal) -> FeatureColumns | None:
    """Find the row that models saw, which has more features than the one that travels on."""
    for cause in causes:
        if cause.event.type == FEATURE_BATCH:
            columns = decode_feature_batch(cause.event.data or b"").columns
            row = row_of(columns, signal)
            return None if row is None else alone(columns, row)
    return None


def _ask_models(
    root: Path, signal: Signal, columns: FeatureColumns | None
) -> tuple[tuple[ModelTold, ...], tuple[Asked, ...]]:
    if columns is None:
        text = "the row that it saw is in no log of the folder"
        return tuple(ModelTold(score, problem=text) for score in signal.model_scores), ()
    found = [ask_again(root, score, columns, key=signal.signal_id) for score in signal.model_scores]
    return tuple(told for told, _ in found), tuple(asked for _, asked in found if asked is not None)


def _curve(scene: Scene, signal: Signal) -> tuple[tuple[float, float], ...]:
    standing = scene.desk.trust.get((signal.shard, signal.interval_s), {}).get(signal.strategy)
    return () if standing is None else standing.curve


def _decide(stage: _Stage, signal: Signal, asked: tuple[Asked, ...]) -> Decided:
    """Decide again, as it was and with changes."""
    scene = stage.scene
    again = decide_again(scene, identify=_identify)
    spreads = spreads_of(stage.seen)
    sizes = {name: abs(value) or 1.0 for name, value in stage.seen[-1].items() if name not in spreads}
    levers, judge = levers_of(scene, spreads | sizes), judge_of(scene)
    same = again is not None and again.action is signal.action
    flip = smallest_flip(levers, judge, told=signal.action) if same else None
    named = tuple(lever.name for lever in levers)
    return Decided(
        stage.batches,
        stage.since,
        ("action",) if again is None else _differs(signal, again),
        flip,
        named,
        tuple(name for name in named if name in sizes),
        len(stage.seen),
        None if flip is None else _asked_again(flip, judge, asked),
    )


def _differs(sent: Signal, again: Signal) -> tuple[str, ...]:
    """Name the fields in which two signals differ; the cause's id is put in when one is sent."""
    told = replace(again.evidence, causation_id=sent.evidence.causation_id)
    whole = [
        one.name for one in fields(Signal) if one.name != "evidence" and _get(sent, one.name) != _get(again, one.name)
    ]
    return (*whole, *(one.name for one in fields(Evidence) if _get(sent.evidence, one.name) != _get(told, one.name)))


def _get(value: object, name: str) -> object:
    return getattr(value, name)


def _asked_again(flip: Flip, judge: Judge, asked: tuple[Asked, ...]) -> Action | None:
    """Let models see the changed features, and decide once more; what the flip says of a model stays."""
    changes = {move.name: move.now for move in flip.moves}
    try:
        figures = {name: value for one in asked for name, value in one.figures(changes).items()}
    except ModelFailed:
        return None
    return judge(figures | changes) if figures else None


def _identify(strategy: str, instrument_id: str, interval_s: int, bar_start_ns: int) -> str:
    """Name a signal as the table does."""
    return fact_id(SIGNAL, strategy, instrument_id, interval_s, bar_start_ns)
