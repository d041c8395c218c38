"""Write features, what models said of them and how true it was as rows."""

from collections.abc import Iterator
from typing import Any

from functions.domain.market import (
    STATE_VALID,
    FeatureColumns,
    InstrumentRef,
)
from functions.domain.outcomes import Exit
from functions.domain.pairs.batch import MISSING_A, MISSING_B
from functions.domain.reliability import FIGURES
from functions.wire.codecs.features import decode_feature_batch
from functions.wire.codecs.pairs import decode_pair_batch
from functions.wire.codecs.performance import decode_drift, decode_model_performance, decode_outcome
from functions.wire.codecs.predictions import decode_prediction_batch
from functions.wire.rows.row import Row, decimal_text, interval_text, json_line


def _key(columns: FeatureColumns, at: int) -> dict[str, Any]:
    ref: InstrumentRef = columns.instruments[int(columns.instrument[at])]
    return {
        "instrument_id": ref.instrument_id,
        "interval": interval_text(int(columns.interval_s[at])),
        "start_ns": int(columns.start_ns[at]),
    }


def features(data: bytes) -> Iterator[Row]:
    """Write each row of features."""
    columns = decode_feature_batch(data).columns
    for at in range(columns.row_count):
        values = columns.values[at].tolist()
        valid = (columns.states[at] == STATE_VALID).tolist()
        named = {name: value if good else None for name, value, good in zip(columns.names, values, valid, strict=True)}
        yield Row("features", json_line({"features": dict(sorted(named.items())), **_key(columns, at)}))


def pairs(data: bytes) -> Iterator[Row]:
    """Write each row of pairs."""
    batch = decode_pair_batch(data)
    for at in range(batch.row_count):
        a, b = batch.instruments[int(batch.instrument_a[at])], batch.instruments[int(batch.instrument_b[at])]
        cells = zip(batch.names, batch.values[at].tolist(), batch.states[at].tolist(), strict=True)
        flags = int(batch.flags[at])
        line = {
            "close_a": None if flags & MISSING_A else decimal_text(int(batch.close_a[at]), a.price_exponent),
            "close_b": None if flags & MISSING_B else decimal_text(int(batch.close_b[at]), b.price_exponent),
            "figures": {name: value if state == STATE_VALID else None for name, value, state in sorted(cells)},
            "flags": flags,
            "instrument_a": a.instrument_id,
            "instrument_b": b.instrument_id,
            "interval": interval_text(int(batch.interval_s[at])),
            "start_ns": int(batch.start_ns[at]),
        }
        yield Row("pairs", json_line(line))


def predictions(data: bytes) -> Iterator[Row]:
    """Write each scored row, model by model."""
    batch = decode_prediction_batch(data)
    for output in batch.outputs:
        for at in range(batch.columns.row_count):
            scored = not output.degraded and int(output.states[at]) == STATE_VALID
            score = float(output.scores[at]) if scored else None
            figures = dict(zip(output.names, output.values[at].tolist(), strict=True)) if scored else {}
            tail = {"figures": figures, "score": score, "shadow": output.shadow, "version": output.version}
            key = _key(batch.columns, at)
            line = {"degraded": output.degraded, **key, "model": output.model, **tail}
            yield Row("predictions", json_line(dict(sorted(line.items()))))


def performance(data: bytes) -> Iterator[Row]:
    """Write how models fared."""
    report = decode_model_performance(data)
    for one in report.entries:
        line = {
            "as_of_ns": report.as_of_ns,
            "broken": one.broken,
            "curve": [[point.forecast, point.observed, point.count] for point in one.curve],
            "effective_count": one.effective_count,
            "figures": {name: one.figures.get(name) for name in sorted(FIGURES)},
            "flagged_count": one.flagged_count,
            "horizon_bars": one.horizon_bars,
            "interval": interval_text(one.interval_s),
            "missing_count": one.missing_count,
            "model": one.name,
            "outcomes_count": one.outcomes_count,
            "predictions_count": one.predictions_count,
            "shadow": one.shadow,
            "shard": report.shard,
            "skill": one.skill,
            "version": one.version,
        }
        yield Row("performance", json_line(line))


def drifts(data: bytes) -> Iterator[Row]:
    """Write what drifted."""
    drift = decode_drift(data)
    line = {
        "as_of_ns": drift.as_of_ns,
        "direction": drift.shift.direction,
        "horizon_bars": drift.horizon_bars,
        "instrument_id": drift.instrument_id,
        "interval": interval_text(drift.interval_s),
        "level": drift.shift.level,
        "name": drift.name,
        "reference_deviation": drift.shift.reference_deviation,
        "reference_mean": drift.shift.reference_mean,
        "shard": drift.shard,
        "version": drift.version,
        "watched": drift.watched.value,
    }
    yield Row("drifts", json_line(line))


def outcomes(data: bytes) -> Iterator[Row]:
    """Write what became of a signal."""
    outcome = decode_outcome(data)
    missing = outcome.exit is Exit.MISSING
    line = {
        "action": outcome.action.value,
        "bars": outcome.bars,
        "confidence": outcome.confidence,
        "exit": outcome.exit.value,
        "exit_ns": outcome.exit_ns,
        "exit_price": None if missing else decimal_text(outcome.exit_price, outcome.price_exponent),
        "gain": outcome.gain,
        "instrument_id": outcome.instrument_id,
        "interval": interval_text(outcome.interval_s),
        "price": decimal_text(outcome.price, outcome.price_exponent),
        "returns": outcome.returns,
        "signal_id": outcome.signal_id,
        "start_ns": outcome.bar_start_ns,
        "strategy": outcome.strategy,
    }
    yield Row("outcomes", json_line(line))
