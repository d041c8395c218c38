"""Keep how models did in PostgreSQL: one statement writes what many calls brought, each fact once."""

from collections.abc import Mapping
from dataclasses import astuple
from typing import Any, Final, TypeAlias

import msgspec

from functions.adapters.group_commit import GroupCommit
from functions.adapters.postgres import Pool, port_errors
from functions.domain.drift import UP
from functions.domain.money import plain, scaled
from functions.domain.outcomes import HORIZONS, Exit, Outcome
from functions.domain.performance import DriftDetected, ModelPerformance
from functions.domain.reliability import FIGURES

Row: TypeAlias = dict[str, Any]
"""A row by column name."""

_REPORT: Final = {
    "shard": "text",
    "as_of_ns": "bigint",
    "name": "text",
    "version": "text",
    "interval_s": "integer",
    "horizon_bars": "integer",
    "shadow": "boolean",
    "predictions_count": "bigint",
    "flagged_count": "bigint",
    "outcomes_count": "bigint",
    "missing_count": "bigint",
    "effective_count": "double precision",
    **dict.fromkeys(FIGURES, "double precision"),
    "curve": "jsonb",
    "skill": "double precision",
    "broken": "text",
    "last_updated_ns": "bigint",
}
_DRIFT: Final = {
    "shard": "text",
    "watched": "text",
    "name": "text",
    "version": "text",
    "instrument_id": "text",
    "interval_s": "integer",
    "horizon_bars": "integer",
    "as_of_ns": "bigint",
    "direction": "text",
    "level": "double precision",
    "reference_mean": "double precision",
    "reference_deviation": "double precision",
}
_OUTCOME: Final = {
    "signal_id": "text",
    "strategy": "text",
    "instrument_id": "text",
    "interval_s": "integer",
    "bar_start_ns": "bigint",
    "action": "text",
    "confidence": "double precision",
    "price": "numeric",
    "exit": "text",
    "exit_price": "numeric",
    "exit_ns": "bigint",
    "bars": "integer",
    "gain": "double precision",
    **{f"return_{bars}": "double precision" for bars in HORIZONS},
    "shard": "text",
}


def _put(table: str, columns: Mapping[str, str]) -> str:
    """Write the statement that keeps rows that are not there yet."""
    return f"""
INSERT INTO {table} ({", ".join(columns)})
SELECT * FROM jsonb_to_recordset($1::jsonb) AS p ({", ".join(f"{name} {kind}" for name, kind in columns.items())})
ON CONFLICT DO NOTHING
"""  # noqa: S608 - built of the constants above alone


_PUT_REPORT: Final = _put("model_performance", _REPORT)
_PUT_DRIFT: Final = _put("drifts", _DRIFT)
_PUT_OUTCOME: Final = _put("outcomes", _OUTCOME)


class PostgresPerformance:
    """Keep how models did in PostgreSQL; calls that come together share a statement.

    Args:
        pool: Where to write; opened on first use, closed by its owner.
    """

    def __init__(self, pool: Pool) -> None:
        """Open nothing."""
        self._pool = pool
        self._reports = GroupCommit[ModelPerformance](self._write_reports)
        self._drifts = GroupCommit[DriftDetected](self._write_drifts)
        self._outcomes = GroupCommit[Outcome](self._write_outcomes)

    async def put_model_performance(self, report: ModelPerformance) -> None:
        """Keep every entry by (shard, time, model, version, interval, horizon)."""
        await self._reports.put(report, rows=len(report.entries))

    async def put_drift(self, drift: DriftDetected) -> None:
        """Keep a drift by what drifted and when."""
        await self._drifts.put(drift, rows=1)

    async def put_outcome(self, outcome: Outcome) -> None:
        """Keep what became of a signal, by the signal."""
        await self._outcomes.put(outcome, rows=1)

    async def close(self) -> None:
        """Wait until everything handed over is stored or has failed."""
        for group in (self._reports, self._drifts, self._outcomes):
            await group.close()

    async def _write_reports(self, told: list[ModelPerformance]) -> None:
        await self._write(_PUT_REPORT, [row for one in told for row in report_rows(one)])

    async def _write_drifts(self, told: list[DriftDetected]) -> None:
        await self._write(_PUT_DRIFT, list(map(drift_row, told)))

    async def _write_outcomes(self, told: list[Outcome]) -> None:
        await self._write(_PUT_OUTCOME, list(map(outcome_row, told)))

    async def _write(self, statement: str, rows: list[Row]) -> None:
        with port_errors():
            await (await self._pool.get()).execute(statement, msgspec.json.encode(rows).decode())


def report_rows(report: ModelPerformance) -> list[Row]:
    """Write a report as rows of the table; a figure that does not exist is None."""
    return [
        {
            "shard": report.shard,
            "as_of_ns": report.as_of_ns,
            "name": one.name,
            "version": one.version,
            "interval_s": one.interval_s,
            "horizon_bars": one.horizon_bars,
            "shadow": one.shadow,
            "predictions_count": one.predictions_count,
            "flagged_count": one.flagged_count,
            "outcomes_count": one.outcomes_count,
            "missing_count": one.missing_count,
            "effective_count": one.effective_count,
            **{name: one.figures.get(name) for name in FIGURES},
            "curve": [list(astuple(point)) for point in one.curve],
            "skill": one.skill,
            "broken": one.broken,
            "last_updated_ns": one.last_updated_ns,
        }
        for one in report.entries
    ]


def drift_row(drift: DriftDetected) -> Row:
    """Write a drift as a row of the table."""
    return {
        "shard": drift.shard,
        "watched": drift.watched.value,
        "name": drift.name,
        "version": drift.version,
        "instrument_id": drift.instrument_id,
        "interval_s": drift.interval_s,
        "horizon_bars": drift.horizon_bars,
        "as_of_ns": drift.as_of_ns,
        "direction": "up" if drift.shift.direction == UP else "down",
        "level": drift.shift.level,
        "reference_mean": drift.shift.reference_mean,
        "reference_deviation": drift.shift.reference_deviation,
    }


def outcome_row(outcome: Outcome) -> Row:
    """Write an outcome as a row of the table, prices as text."""
    missing = outcome.exit is Exit.MISSING
    return {
        "signal_id": outcome.signal_id,
        "strategy": outcome.strategy,
        "instrument_id": outcome.instrument_id,
        "interval_s": outcome.interval_s,
        "bar_start_ns": outcome.bar_start_ns,
        "action": outcome.action.value,
        "confidence": outcome.confidence,
        "price": plain(scaled(outcome.price, outcome.price_exponent)),
        "exit": outcome.exit.value,
        "exit_price": None if missing else plain(scaled(outcome.exit_price, outcome.price_exponent)),
        "exit_ns": outcome.exit_ns,
        "bars": outcome.bars,
        "gain": outcome.gain,
        **{f"return_{bars}": told for bars, told in zip(HORIZONS, outcome.returns, strict=True)},
        "shard": outcome.shard,
    }
