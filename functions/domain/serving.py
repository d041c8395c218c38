"""Say what a loaded model needs and gives, which rows it can score, and which of a model's versions answers a row.

Pure selections over columns: no clock, no chance, and nothing of how a model is run.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from hashlib import sha256
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from functions.domain.market import NS_PER_S, STATE_VALID, FeatureColumns, Float64, ModelOutput
from functions.domain.news import normalised
from functions.domain.predictions import degraded

NS_PER_DAY: Final = 86_400 * NS_PER_S
CHOICES_MAX: Final = 256
"""Combinations of features that come and features that are needed whose places are remembered."""
DRAWS_MAX: Final = 65_536
"""Draws of (model, instrument, day) that are remembered."""


@dataclass(frozen=True, slots=True)
class ModelSpec:
    """Say what a version of a model is called, needs and gives.

    Args:
        name: Model name.
        version: Its version.
        features: Names of the f features it needs, in the order of its input's columns.
        threshold: Score at or above which a row is flagged.
        figures: Names of the k figures it gives beside its score.
        shadow: It may only stand beside the answer that decides.
    """

    name: str
    version: str
    features: tuple[str, ...]
    threshold: float
    figures: tuple[str, ...] = ()
    shadow: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Scored:
    """Hold what a model said of m rows: `scores` (m,) and k `values` (m, k), all finite."""

    scores: Float64
    values: Float64 = field(default_factory=lambda: np.zeros((0, 0)))


@dataclass(frozen=True, slots=True, eq=False)
class Selected:
    """Hold the rows of a request that a model can score.

    `rows` is (m, f), or (m,) texts; `valid` (n,) says which of the request's rows they are. Where the request has no
    such feature at all, `lacks` names it, and there are no rows.
    """

    rows: NDArray[Any]  # numbers, or texts
    valid: NDArray[np.bool_]
    lacks: str = ""


def select(columns: FeatureColumns, features: Sequence[str]) -> Selected:
    """Take the rows whose needed features are all valid.

    Args:
        columns: n rows.
        features: Names of the f features that are needed; none are needed where none are named.

    Returns:
        The m rows, n >= m >= 0.
    """
    lacks, places = _places(columns.names, tuple(features))
    if lacks:
        return Selected(np.zeros((0, len(features))), np.zeros(columns.row_count, np.bool_), lacks)
    valid: NDArray[np.bool_] = (columns.states.take(places, axis=1) == STATE_VALID).all(axis=1)
    rows = columns.values.take(places, axis=1)
    return Selected(rows if valid.all() else rows[valid], valid)


def select_texts(texts: Sequence[str]) -> Selected:
    """Take the texts that have a word.

    >>> select_texts(("Shares rise", " !! ")).valid.tolist()
    [True, False]
    """
    valid = np.array([bool(normalised(text)) for text in texts], np.bool_)
    return Selected(np.array(texts, dtype=np.object_)[valid], valid)


@lru_cache(maxsize=CHOICES_MAX)
def _places(names: tuple[str, ...], needed: tuple[str, ...]) -> tuple[str, NDArray[np.intp]]:
    at = {name: place for place, name in enumerate(names)}
    lacks = next((name for name in needed if name not in at), "")
    return lacks, np.array([] if lacks else [at[name] for name in needed], np.intp)


def output_of(spec: ModelSpec, selected: Selected, scored: Scored) -> ModelOutput:
    """Make a model's answer to a request of n rows from what it said of the m that it could score.

    A request that lacks a feature is answered degraded, unless it has no rows.
    """
    count = len(selected.valid)
    if selected.lacks and count:
        return replace(degraded(spec.name, count, f"the rows lack feature {selected.lacks}"), shadow=spec.shadow)
    scores, values = np.zeros(count), np.zeros((count, len(spec.figures)))
    if len(selected.rows):
        scores[selected.valid] = scored.scores
        if spec.figures:
            values[selected.valid] = scored.values
    return ModelOutput(
        model=spec.name,
        version=spec.version,
        scores=scores,
        states=selected.valid.astype(np.uint8),
        threshold=spec.threshold,
        names=spec.figures,
        values=values,
        shadow=spec.shadow,
    )


def challenged(columns: FeatureColumns, model: str, share: float) -> NDArray[np.bool_]:
    """Say which rows a model's challenger answers: a share of instruments, drawn anew each UTC day.

    An instrument stays with one version for a whole day, whatever the interval, the batch or the process, so that one
    stream of decisions never comes from two. A row's day is that of its bar's start.

    Args:
        columns: n rows.
        model: Model name; different models draw differently.
        share: Share of (instrument, day) pairs that the challenger gets, 0 to 1.

    Returns:
        (n,) True where the challenger answers.
    """
    if not 0.0 < share < 1.0:
        return np.full(columns.row_count, share >= 1.0)
    names = [one.instrument_id for one in columns.instruments]
    days = (columns.start_ns // NS_PER_DAY).tolist()
    pairs = zip(columns.instrument.tolist(), days, strict=True)
    return np.array([draw(model, names[at], day) < share for at, day in pairs], np.bool_)


@lru_cache(maxsize=DRAWS_MAX)
def draw(model: str, instrument: str, day: int) -> float:
    """Give a number in [0, 1) that follows from a model, an instrument and a UTC day (days since 1970) alone.

    >>> draw("anomaly", "BTC-USDT.BINANCE", 19_000) == draw("anomaly", "BTC-USDT.BINANCE", 19_000)
    True
    """
    digest = sha256(f"{model}\0{instrument}\0{day}".encode()).digest()
    return int.from_bytes(digest[:6]) / 2.0**48


def decide(
    columns: FeatureColumns,
    champion: ModelOutput,
    challenger: ModelOutput,
    *,
    share: float,
) -> tuple[ModelOutput, ModelOutput]:
    """Share rows between two versions of a model: each row has a score from one of them at most.

    The challenger answers what is assigned to it and what it can score; the champion answers the rest. A challenger
    that is degraded decides nothing, and neither does one whose champion is: without its champion a model is degraded.

    Args:
        columns: n rows that both were asked.
        champion: Its answer to all of them.
        challenger: Its answer to all of them.
        share: Share of (instrument, day) pairs that the challenger gets, 0 to 1.

    Returns:
        The champion's answer and the challenger's.
    """
    return share_out(champion, challenger, challenged(columns, champion.model, share))


def share_out(
    champion: ModelOutput, challenger: ModelOutput, theirs: NDArray[np.bool_]
) -> tuple[ModelOutput, ModelOutput]:
    """Share n rows out as `decide` does, the challenger being assigned `theirs` (n,)."""
    if champion.degraded or challenger.degraded:
        return champion, replace(challenger, shadow=True)
    theirs = theirs & (challenger.states == STATE_VALID)
    return _only(champion, ~theirs), _only(challenger, theirs)


def _only(output: ModelOutput, kept: NDArray[np.bool_]) -> ModelOutput:
    return replace(
        output,
        scores=np.where(kept, output.scores, 0.0),
        states=np.where(kept, output.states, 0).astype(np.uint8),
        values=np.where(kept[:, None], output.values, 0.0) if output.names else output.values,
    )


def ordered(outputs: Iterable[ModelOutput]) -> tuple[ModelOutput, ...]:
    """Bring answers into the one order they travel in: by model, those that decide first, by version."""
    return tuple(sorted(outputs, key=lambda output: (output.model, output.shadow, output.version)))
