"""Follow models over the rows they score: their outcomes, their drift, and reports of both; the fold lives here.

A scorebook belongs to one shard, whose rows come in one order, so that it says the same however they were cut into
batches. It may stand in another table's state too.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final, NamedTuple, TypeAlias

from functions.domain.drift import Detector, Shift, detector_of, line_of
from functions.domain.drift import Line as DetectorLine
from functions.domain.falls import Falls, chance_of, lower_of
from functions.domain.falls import settle as settle_fall
from functions.domain.market import INTERVALS_S, NS_PER_S, STATE_VALID, FeatureColumns, ModelOutput, PredictionBatch
from functions.domain.outcomes import Prediction, is_priced, on_grid, places_of, predict, resolve
from functions.domain.performance import DriftDetected, ModelPerformance, Performance, Watched
from functions.domain.reliability import (
    Resolved,
    Slo,
    Tally,
    add,
    breach,
    curve,
    effective,
    effective_max,
    figures,
    skill,
)

UNTIMED: Final = 0
"""Horizon of the tally that counts a model's scores, whatever they are about."""
NOMINAL_FROM_S: Final = 14_400
"""Intervals from here on are cut where the instrument's day is, so a bar some bars on has no certain start."""

QUIET_BARS: Final = 64
"""Bars without a row after which a track may be forgotten for a new one; turns taken sooner would settle nothing."""

TallyKey: TypeAlias = tuple[str, str, int, int]
"""(model, version, interval in seconds, horizon in bars)."""
ForecastKey: TypeAlias = tuple[str, str, int]
"""(model, version, horizon in bars)."""
SeriesKey: TypeAlias = tuple[str, str]
"""(feature, "") or (model, version)."""


@dataclass(frozen=True, slots=True)
class Rules:
    """Say what is followed, how it is scored, and how much is remembered.

    Args:
        intervals_s: Bar intervals that are followed, seconds; below NOMINAL_FROM_S.
        report_s: How often models are reported on, seconds of bar time.
        half_life: Outcomes after which one counts half.
        slo: What a calibrated model is held to.
        drifts: Whether series are watched for drift.
        falls_bars: Horizon at which chances of a lower price are followed too, bars; 0 for none.
        tracks_max: Most (instrument, interval) pairs; further ones are not followed until one has gone quiet.
        models_max: Most models of a row; further ones are not followed.
        features_max: Most features of a row that are watched for drift; further ones are not.
        tallies_max: Most tallies; the one longest without news is forgotten for a new one.
        falls_max: The same of those of falls.
    """

    intervals_s: tuple[int, ...] = (5, 60)
    report_s: int = 300
    half_life: float = 256.0
    slo: Slo = field(default_factory=Slo)
    drifts: bool = True
    falls_bars: int = 0
    tracks_max: int = 24
    models_max: int = 8
    features_max: int = 12
    tallies_max: int = 96
    falls_max: int = 8

    def __post_init__(self) -> None:
        """Refuse intervals that cannot be followed, bounds that keep nothing, and more outcomes than ever count."""
        known = [one for one in INTERVALS_S if one < NOMINAL_FROM_S]
        if not self.intervals_s or not set(self.intervals_s) <= set(known):
            text = f"intervals {self.intervals_s} are not some of {known} s"
            raise ValueError(text)
        bounds = (self.report_s, self.half_life, self.tracks_max, self.models_max, self.features_max, self.tallies_max)
        if min(*bounds, self.falls_max) <= 0:
            text = "report_s, half_life, and the most of tracks, models, features, tallies and falls are positive"
            raise ValueError(text)
        if self.slo.outcomes_min >= (most := effective_max(self.half_life)):
            text = (
                f"with a half-life of {self.half_life:g} outcomes never count for more than {most:.1f}, so at least "
                f"{self.slo.outcomes_min:g} would never be reached: lower outcomes_slo_min, or raise outcomes_half_life"
            )
            raise ValueError(text)


@dataclass(slots=True)
class Track:
    """Remember one instrument and interval: its last bar, the forecasts waited for, and its series."""

    start_ns: int
    waiting: dict[ForecastKey, Prediction] = field(default_factory=dict)
    detectors: dict[SeriesKey, Detector] = field(default_factory=dict)


@dataclass(slots=True)
class Scorebook:
    """Hold what is remembered of a shard's models.

    Args:
        shard: Which shard.
        tracks: By (instrument, interval in seconds).
        tallies: By model, version, interval and horizon, over all instruments.
        residuals: Errors of forecasts in units of their own intervals, by the same key.
        falls: What came of chances of a lower price, by the same key.
        as_of_ns: End of the latest bar seen, UTC nanoseconds.
        reported_ns: `as_of_ns` at the last report.
        emitted: How many facts have been told.
    """

    shard: str
    tracks: dict[tuple[str, int], Track] = field(default_factory=dict)
    tallies: dict[TallyKey, Tally] = field(default_factory=dict)
    residuals: dict[TallyKey, Detector] = field(default_factory=dict)
    falls: dict[TallyKey, Falls] = field(default_factory=dict)
    as_of_ns: int = 0
    reported_ns: int = 0
    emitted: int = 0


Told: TypeAlias = ModelPerformance | DriftDetected


def observe(book: Scorebook, batch: PredictionBatch, rules: Rules) -> tuple[Told, ...]:
    """Fold a batch, row by row, and return what is to be told, in order.

    A bar that is not newer than the last one seen of its instrument and interval says nothing: revisions settle
    nothing. A report is due when the first bar ends behind a multiple of `report_s`, and at the end of the tape.
    """
    told: list[Told] = []
    models = [(output, places_of(output)) for output in batch.outputs[: rules.models_max] if not output.degraded]
    for row, interval_s in enumerate(batch.columns.interval_s.tolist()):
        if interval_s in rules.intervals_s:
            told += _row(book, batch.columns, models, _bar(batch.columns, row), rules)
    if batch.end_of_tape:
        told += _report(book, book.as_of_ns, rules)
    book.emitted += len(told)
    return tuple(told)


_Places: TypeAlias = tuple[tuple[int, tuple[int, ...]], ...]
_Models: TypeAlias = list[tuple[ModelOutput, _Places]]


@dataclass(frozen=True, slots=True)
class _Bar:
    """Hold what a row says of its bar, and which row it is."""

    row: int
    instrument_id: str
    interval_s: int
    start_ns: int
    close: int
    priced: bool
    as_of_ns: int


def _bar(columns: FeatureColumns, row: int) -> _Bar:
    close, start_ns, interval_s = int(columns.close[row]), int(columns.start_ns[row]), int(columns.interval_s[row])
    return _Bar(
        row=row,
        instrument_id=columns.instruments[columns.instrument[row]].instrument_id,
        interval_s=interval_s,
        start_ns=start_ns,
        close=close,
        priced=is_priced(close, int(columns.flags[row])),
        as_of_ns=start_ns + interval_s * NS_PER_S,
    )


def _row(book: Scorebook, columns: FeatureColumns, models: _Models, bar: _Bar, rules: Rules) -> Iterator[Told]:
    track = book.tracks.get((bar.instrument_id, bar.interval_s))
    if track is not None and bar.start_ns <= track.start_ns:
        return
    period_ns = rules.report_s * NS_PER_S
    edge_ns = -(-book.as_of_ns // period_ns) * period_ns
    if book.as_of_ns and bar.as_of_ns > edge_ns:
        yield from _report(book, edge_ns, rules)
    book.as_of_ns = max(book.as_of_ns, bar.as_of_ns)
    track = _advance(book, bar, rules.tracks_max)
    if track is None:
        return
    yield from _settle(book, track, bar, rules)
    scored = [(output, places) for output, places in models if output.states[bar.row] == STATE_VALID]
    for output, places in scored:
        _score(book, track, bar, (output, places), rules)
    if rules.drifts:
        yield from _drift(book, track, bar, _series(columns, scored, bar.row, rules.features_max), rules)


def _advance(book: Scorebook, bar: _Bar, tracks_max: int) -> Track | None:
    """Move a track to its new bar; None where there are too many tracks and none of them has gone quiet."""
    key = bar.instrument_id, bar.interval_s
    track = book.tracks.get(key)
    if track is None:
        if len(book.tracks) >= tracks_max:
            oldest = min(book.tracks, key=lambda known: (book.tracks[known].start_ns, known))
            if book.tracks[oldest].start_ns + QUIET_BARS * oldest[1] * NS_PER_S > bar.start_ns:
                return None
            del book.tracks[oldest]
        track = book.tracks[key] = Track(bar.start_ns)
    track.start_ns = bar.start_ns
    return track


def _settle(book: Scorebook, track: Track, bar: _Bar, rules: Rules) -> Iterator[DriftDetected]:
    """Settle the forecasts that this bar, or the bars that are missing before it, had to settle."""
    due = sorted(key for key, one in track.waiting.items() if one.target_ns <= bar.start_ns)
    for model, version, horizon in due:
        prediction = track.waiting.pop((model, version, horizon))
        key = model, version, bar.interval_s, horizon
        tally = book.tallies.get(key)
        if tally is None:  # forgotten meanwhile, for there are too many
            continue
        tally.last_ns = max(tally.last_ns, bar.as_of_ns)
        if prediction.target_ns < bar.start_ns or not bar.priced:
            tally.missing += 1
            continue
        outcome = resolve(prediction, bar.close)
        add(tally, outcome, half_life=rules.half_life)
        if prediction.down is not None and key in book.falls:
            settle_fall(book.falls[key], outcome, prediction.down, half_life=rules.half_life)
        shift = _residual(book, key, outcome) if rules.drifts else None
        if shift is not None:
            yield DriftDetected(
                book.shard, Watched.RESIDUAL, model, version, "", bar.interval_s, horizon, bar.as_of_ns, shift
            )


def _residual(book: Scorebook, key: TallyKey, outcome: Resolved) -> Shift | None:
    """Watch the size of a forecast's error in units of its own 80 % interval, so that calm and wild times compare."""
    half = (outcome.high_80 - outcome.low_80) / 2.0
    if half <= 0.0:
        return None
    detector = book.residuals.get(key)
    if detector is None:
        detector = book.residuals[key] = Detector()
    return detector.update(abs(outcome.actual - outcome.expected) / half)


def _score(book: Scorebook, track: Track, bar: _Bar, answer: tuple[ModelOutput, _Places], rules: Rules) -> None:
    """Count a model's score of a row, and wait for what its forecasts are about."""
    output, horizons = answer
    counted = _tally(book, (output.model, output.version, bar.interval_s, UNTIMED), output, bar, rules)
    counted.followed += 1
    counted.flagged += int(output.scores[bar.row] >= output.threshold)
    for horizon, places in horizons:
        if not (bar.priced and on_grid(bar.start_ns, bar.interval_s, horizon)):
            continue
        target_ns = bar.start_ns + horizon * bar.interval_s * NS_PER_S
        prediction = predict(output, bar.row, places, close=bar.close, target_ns=target_ns)
        if prediction is not None:
            key = output.model, output.version, bar.interval_s, horizon
            _tally(book, key, output, bar, rules).followed += 1
            if horizon == rules.falls_bars:
                falls = _falls(book, key, rules.falls_max)
                prediction = prediction._replace(down=chance_of(falls, prediction.up))
            track.waiting[output.model, output.version, horizon] = prediction


def _tally(book: Scorebook, key: TallyKey, output: ModelOutput, bar: _Bar, rules: Rules) -> Tally:
    tally = book.tallies.get(key)
    if tally is None:
        if len(book.tallies) >= rules.tallies_max:
            oldest = min(book.tallies, key=lambda known: (book.tallies[known].last_ns, known))
            del book.tallies[oldest]
            book.residuals.pop(oldest, None)
            book.falls.pop(oldest, None)
        tally = book.tallies[key] = Tally()
    tally.last_ns = max(tally.last_ns, bar.as_of_ns)
    tally.shadow = output.shadow
    return tally


def _falls(book: Scorebook, key: TallyKey, falls_max: int) -> Falls:
    falls = book.falls.get(key)
    if falls is None:
        if len(book.falls) >= falls_max:
            del book.falls[min(book.falls, key=lambda known: (book.tallies[known].last_ns, known))]
        falls = book.falls[key] = Falls()
    return falls


_Series: TypeAlias = Mapping[SeriesKey, tuple[Watched, float]]


def _series(columns: FeatureColumns, scored: _Models, row: int, features_max: int) -> _Series:
    """Gather what a row says of each series that is watched for drift: its first features, and all scores."""
    names = columns.names[:features_max]
    values, states = columns.values[row, : len(names)].tolist(), columns.states[row, : len(names)].tolist()
    cells = zip(names, values, states, strict=True)
    found = {(name, ""): (Watched.FEATURE, value) for name, value, state in cells if state == STATE_VALID}
    scores = {(one.model, one.version): (Watched.SCORE, float(one.scores[row])) for one, _ in scored}
    return {**found, **scores}


def _drift(book: Scorebook, track: Track, bar: _Bar, series: _Series, rules: Rules) -> Iterator[DriftDetected]:
    """Watch each series for itself; when there would be too many, those the row does not have are forgotten."""
    if len(track.detectors.keys() | series.keys()) > rules.features_max + rules.models_max:
        track.detectors = {key: one for key, one in track.detectors.items() if key in series}
    for key, (kind, value) in series.items():
        detector = track.detectors.get(key)
        if detector is None:  # `setdefault` would make one for each value
            detector = track.detectors[key] = Detector()
        shift = detector.update(value)
        if shift is not None:
            (name, version), where = key, (bar.instrument_id, bar.interval_s, UNTIMED)
            yield DriftDetected(book.shard, kind, name, version, *where, bar.as_of_ns, shift)


def _report(book: Scorebook, as_of_ns: int, rules: Rules) -> Iterator[ModelPerformance]:
    """Report on every model unless nothing has come since the last report."""
    if book.as_of_ns > book.reported_ns:
        book.reported_ns = book.as_of_ns
        entries = tuple(_entry(key, tally, book.falls.get(key), rules) for key, tally in sorted(book.tallies.items()))
        yield ModelPerformance(book.shard, as_of_ns, entries)


def _entry(key: TallyKey, tally: Tally, falls: Falls | None, rules: Rules) -> Performance:
    model, version, interval_s, horizon = key
    return Performance(
        name=model,
        version=version,
        shadow=tally.shadow,
        interval_s=interval_s,
        horizon_bars=horizon,
        predictions_count=tally.followed,
        flagged_count=tally.flagged,
        outcomes_count=tally.resolved,
        missing_count=tally.missing,
        effective_count=effective(tally),
        figures={name: value for name, value in figures(tally).items() if value is not None},
        curve=curve(tally),
        skill=skill(tally, outcomes_min=rules.slo.outcomes_min),
        broken=breach(tally, rules.slo),
        last_updated_ns=tally.last_ns,
        lower=None if falls is None else lower_of(falls, rules.slo),
    )


_TrackLine: TypeAlias = tuple[
    str, int, int, list[tuple[str, str, int, Prediction]], list[tuple[str, str, DetectorLine]]
]
_TallyFigures: TypeAlias = tuple[int, int, int, int, int, bool, float, list[float], list[float]]
_TallyLine: TypeAlias = tuple[TallyKey, _TallyFigures]
_FallsLine: TypeAlias = tuple[TallyKey, _TallyFigures, list[float]]


class Lines(NamedTuple):
    """Hold a scorebook as plain figures; one without `falls` was written before they were followed."""

    shard: str
    as_of_ns: int
    reported_ns: int
    emitted: int
    tracks: list[_TrackLine]
    tallies: list[_TallyLine]
    residuals: list[tuple[TallyKey, DetectorLine]]
    falls: tuple[_FallsLine, ...] = ()


def lines_of(book: Scorebook) -> Lines:
    """Write a scorebook as plain figures, all in key order, so that equal ones give equal lines."""
    return Lines(
        book.shard,
        book.as_of_ns,
        book.reported_ns,
        book.emitted,
        [_track_line(key, track) for key, track in sorted(book.tracks.items())],
        [(key, _tally_line(one)) for key, one in sorted(book.tallies.items())],
        [(key, line_of(one)) for key, one in sorted(book.residuals.items())],
        tuple((key, _tally_line(one.score), one.parts) for key, one in sorted(book.falls.items())),
    )


def book_of(lines: Lines) -> Scorebook:
    """Read what `lines_of` wrote.

    >>> book_of(lines_of(Scorebook("X-0", emitted=3))) == Scorebook("X-0", emitted=3)
    True
    """
    book = Scorebook(lines.shard, as_of_ns=lines.as_of_ns, reported_ns=lines.reported_ns, emitted=lines.emitted)
    for instrument_id, interval_s, start_ns, waiting, detectors in lines.tracks:
        track = book.tracks[instrument_id, interval_s] = Track(start_ns)
        track.waiting = {(model, version, horizon): one for model, version, horizon, one in waiting}
        track.detectors = {(name, version): detector_of(line) for name, version, line in detectors}
    book.tallies = {key: Tally(*line) for key, line in lines.tallies}
    book.residuals = {key: detector_of(line) for key, line in lines.residuals}
    book.falls = {key: Falls(Tally(*line), parts) for key, line, parts in lines.falls}
    return book


def _track_line(key: tuple[str, int], track: Track) -> _TrackLine:
    waiting = [(*named, one) for named, one in sorted(track.waiting.items())]
    detectors = [(*named, line_of(one)) for named, one in sorted(track.detectors.items())]
    return *key, track.start_ns, waiting, detectors


def _tally_line(one: Tally) -> _TallyFigures:
    counts = one.followed, one.flagged, one.resolved, one.missing, one.last_ns
    return *counts, one.shadow, one.unit, one.sums, one.bins
