"""Read questions to the feature store and write its answers as `tickloom.features.v1` messages."""

import re
from collections.abc import Iterable, Sequence
from typing import Any, Final, NoReturn

import numpy as np
from tickloom.features.v1 import service_pb2

from functions.domain.features import STATE_ABSENT, FeatureKey, FeatureRow, PointInTime, Presence, choose
from functions.domain.indicators.feature import Feature
from functions.domain.market import STATE_COLD, STATE_DEGENERATE, STATE_VALID
from functions.domain.money import plain, scaled
from functions.domain.verdicts import Indicator, Verdict
from functions.wire.codecs.columns import F8, I4, I8, U1, U2, unpack
from functions.wire.codecs.risk import check_name
from functions.wire.errors import Malformed

KEYS_MAX: Final = 1024
NAMES_MAX: Final = 1024
CELLS_MAX: Final = 100_000
"""Values in one answer: nine bytes each, so that it stays below the megabyte a message may have."""

CURSOR: Final = re.compile(r"[0-9]{1,19}-[0-9]{1,19}")

_PRESENCE: Final = {
    Presence.FOUND: service_pb2.PRESENCE_FOUND,
    Presence.MISSING: service_pb2.PRESENCE_MISSING,
    Presence.EXPIRED: service_pb2.PRESENCE_EXPIRED,
}
_STATES: Final = {
    STATE_COLD: service_pb2.FEATURE_STATE_COLD,
    STATE_VALID: service_pb2.FEATURE_STATE_VALID,
    STATE_DEGENERATE: service_pb2.FEATURE_STATE_DEGENERATE,
    STATE_ABSENT: service_pb2.FEATURE_STATE_ABSENT,
}
_VERDICTS: Final = {
    Verdict.NONE: service_pb2.VERDICT_UNSPECIFIED,
    Verdict.NEUTRAL: service_pb2.VERDICT_NEUTRAL,
    Verdict.OVERBOUGHT: service_pb2.VERDICT_OVERBOUGHT,
    Verdict.OVERSOLD: service_pb2.VERDICT_OVERSOLD,
    Verdict.BULLISH: service_pb2.VERDICT_BULLISH,
    Verdict.BEARISH: service_pb2.VERDICT_BEARISH,
    Verdict.ABOVE_BANDS: service_pb2.VERDICT_ABOVE_BANDS,
    Verdict.BELOW_BANDS: service_pb2.VERDICT_BELOW_BANDS,
}


def series_value(instrument_ids: Iterable[str], intervals_s: Iterable[int]) -> tuple[tuple[str, ...], tuple[int, ...]]:
    """Read instruments and intervals.

    Raises:
        Malformed: A name is no name, an interval is not positive, one comes twice, or the pairs are too many.
    """
    ids, intervals = tuple(instrument_ids), tuple(intervals_s)
    for one in ids:
        check_name("instrument_id", one)
    if bad := [one for one in intervals if one <= 0]:
        _refuse(f"intervals of {bad[:8]} s are not positive")
    if len(set(ids)) < len(ids) or len(set(intervals)) < len(intervals):
        _refuse("an instrument or an interval is named twice")
    if max(len(ids), 1) * max(len(intervals), 1) > KEYS_MAX:
        _refuse(f"{len(ids)} instruments with {len(intervals)} intervals are more than {KEYS_MAX} pairs; ask in parts")
    return ids, intervals


def keys_value(instrument_ids: Iterable[str], intervals_s: Iterable[int]) -> tuple[FeatureKey, ...]:
    """Read every pair of an instrument and an interval, instruments first.

    Raises:
        Malformed: As `series_value`, or there is no pair.
    """
    ids, intervals = series_value(instrument_ids, intervals_s)
    if not ids or not intervals:
        _refuse("name at least one instrument and one interval")
    return tuple(FeatureKey(one, interval_s) for one in ids for interval_s in intervals)


def names_value(names: Iterable[str]) -> tuple[str, ...]:
    """Read names of features; none means all.

    Raises:
        Malformed: One is no name or comes twice, or they are too many.
    """
    found = tuple(names)
    if len(found) > NAMES_MAX or len(set(found)) < len(found):
        _refuse(f"{len(found)} names are more than {NAMES_MAX}, or one comes twice")
    for one in found:
        check_name("feature", one)
    return found


def cursor_value(text: str) -> str:
    """Read a cursor; empty is the beginning.

    Raises:
        Malformed: It is none that this service gave.
    """
    if text and not CURSOR.fullmatch(text):
        _refuse(f"cursor {text[:64]!r} is none of ours; leave it empty to begin anew")
    return text


def as_of_value(as_of_ns: int) -> int:
    """Read the time something should have been known at.

    Raises:
        Malformed: It is not set.
    """
    if as_of_ns <= 0:
        _refuse("as_of_ns must be a time, UTC nanoseconds")
    return as_of_ns


def told_against_value(as_of_ns: int) -> int:
    """Read the time that ages are told against; 0 is the service's own.

    Raises:
        Malformed: It is below 0, where nothing was known.
    """
    if as_of_ns < 0:
        _refuse(f"as_of_ns is {as_of_ns}, expected a time, UTC nanoseconds, or 0 for now")
    return as_of_ns


def check_cells(rows: int, names: Sequence[str]) -> None:
    """Refuse an answer that no message would hold.

    Raises:
        Malformed: It has too many values.
    """
    if rows * len(names) > CELLS_MAX:
        _refuse(f"{rows} rows of {len(names)} features are more than {CELLS_MAX} values; ask for fewer rows or names")


def points_value(message: service_pb2.GetTrainingSetRequest) -> tuple[PointInTime, ...]:
    """Read the points of a training set.

    Raises:
        Malformed: Columns differ in length, an index is beyond the dictionary, an interval or a time is not positive.
    """
    for one in message.instrument_ids:
        check_name("instrument_id", one)
    count = len(message.as_of_ns) // I8.itemsize
    times = unpack("as_of_ns", message.as_of_ns, I8, count)
    instruments = unpack("instrument", message.instrument, U2, count)
    intervals = unpack("interval_s", message.interval_s, I4, count)
    if not count or int(times.min()) <= 0 or int(intervals.min()) <= 0:
        _refuse(f"of {count} points, at least one is needed, and every interval and time must be positive")
    if int(instruments.max()) >= len(message.instrument_ids):
        _refuse("a point's instrument is beyond the instrument ids")
    ids = list(message.instrument_ids)
    rows = zip(instruments.tolist(), intervals.tolist(), times.tolist(), strict=True)
    return tuple(PointInTime(FeatureKey(ids[at], interval_s), as_of_ns) for at, interval_s, as_of_ns in rows)


def vector_message(  # noqa: PLR0913 - each says one thing about the row
    key: FeatureKey,
    presence: Presence,
    row: FeatureRow | None,
    *,
    names: tuple[str, ...],
    as_of_ns: int = 0,
    offline: bool = False,
) -> service_pb2.FeatureVector:
    """Write what is known of a series; without a row that there is none."""
    if row is None:
        return service_pb2.FeatureVector(
            instrument_id=key.instrument_id, interval_s=key.interval_s, presence=_PRESENCE[presence]
        )
    values, states = choose(row, names)
    return service_pb2.FeatureVector(
        instrument_id=key.instrument_id,
        interval_s=key.interval_s,
        presence=_PRESENCE[presence],
        start_ns=row.start_ns,
        end_ns=row.end_ns,
        revision=row.revision,
        available_ns=row.available_ns,
        age_ns=as_of_ns - row.available_ns if as_of_ns else 0,
        close=_close(row),
        values=values.astype(F8, copy=False).tobytes(),
        states=states.tobytes(),
        offline=offline,
    )


def training_set_message(
    rows: Sequence[FeatureRow | None], names: tuple[str, ...]
) -> service_pb2.GetTrainingSetResponse:
    """Write one row for each point."""
    values, states = np.zeros((len(rows), len(names)), F8), np.full((len(rows), len(names)), STATE_ABSENT, U1)
    for at, row in enumerate(rows):
        if row is not None:
            values[at], states[at] = choose(row, names)
    return service_pb2.GetTrainingSetResponse(
        names=names,
        found=np.array([row is not None for row in rows], U1).tobytes(),
        start_ns=np.array([row.start_ns if row else 0 for row in rows], I8).tobytes(),
        revision=np.array([row.revision if row else 0 for row in rows], I4).tobytes(),
        available_ns=np.array([row.available_ns if row else 0 for row in rows], I8).tobytes(),
        values=values.tobytes(),
        states=states.tobytes(),
    )


def feature_message(family: str, feature: Feature) -> service_pb2.FeatureInfo:
    """Write what a feature is."""
    parameters = [service_pb2.FeatureParameter(name=name, value=value) for name, value in feature.parameters]
    return service_pb2.FeatureInfo(
        name=feature.name,
        family=family,
        warm_up_bars=feature.window,
        formula=feature.text,
        unit=feature.unit,
        source=feature.source,
        parameters=parameters,
    )


def rsi_message(one: Indicator) -> service_pb2.RsiIndicator:
    """Write relative strength."""
    return service_pb2.RsiIndicator(
        state=_STATES[one.state], period=one.period, verdict=_VERDICTS[one.verdict], **_lines(one, "value")
    )


def macd_message(one: Indicator) -> service_pb2.MacdIndicator:
    """Write convergence and divergence."""
    return service_pb2.MacdIndicator(
        state=_STATES[one.state], bias=_VERDICTS[one.verdict], **_lines(one, "macd", "signal", "histogram")
    )


def bollinger_message(one: Indicator) -> service_pb2.BollingerIndicator:
    """Write bands."""
    return service_pb2.BollingerIndicator(
        state=_STATES[one.state],
        period=one.period,
        verdict=_VERDICTS[one.verdict],
        **_lines(one, "upper", "middle", "lower"),
    )


def average_message(one: Indicator) -> service_pb2.AverageIndicator:
    """Write a moving average."""
    return service_pb2.AverageIndicator(
        state=_STATES[one.state], period=one.period, bias=_VERDICTS[one.verdict], **_lines(one, "value")
    )


def indicators_message(
    key: FeatureKey, presence: Presence, row: FeatureRow | None, *, as_of_ns: int
) -> service_pb2.GetIndicatorsResponse:
    """Write what indicators are of, without any."""
    if row is None:
        return service_pb2.GetIndicatorsResponse(
            instrument_id=key.instrument_id, interval_s=key.interval_s, presence=_PRESENCE[presence]
        )
    return service_pb2.GetIndicatorsResponse(
        instrument_id=key.instrument_id,
        interval_s=key.interval_s,
        presence=_PRESENCE[presence],
        start_ns=row.start_ns,
        available_ns=row.available_ns,
        age_ns=as_of_ns - row.available_ns,
        close=_close(row),
    )


def _lines(one: Indicator, *names: str) -> dict[str, Any]:
    return dict(zip(names, one.lines, strict=True)) if one.lines else {}


def _close(row: FeatureRow) -> str:
    return plain(scaled(row.close, row.price_exponent))


def _refuse(detail: str) -> NoReturn:
    raise Malformed(detail)
