"""Write dashboards as Grafana's JSON: rows of panels, two or three beside each other, the same bytes every time."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from functions.local.observability.checks import check

SCHEMA: Final = 39  # version of Grafana's dashboard model, of Grafana 11
WIDTH: Final = 24  # columns of Grafana's grid
HEIGHT: Final = 8
SOURCE: Final = {"type": "prometheus", "uid": "${datasource}"}


@dataclass(frozen=True, slots=True)
class Line:
    """Say what a line in a panel shows: a query, and its name where labels are in `{{ }}`."""

    query: str
    legend: str


@dataclass(frozen=True, slots=True)
class Panel:
    """Say what a panel shows.

    Args:
        title: What it answers.
        unit: Grafana's name of the unit, as `s`, `percentunit`, `ops`, `short`, `bytes`.
        lines: What is drawn.
        limit: Where it becomes a fault, in the unit; None where no alert says so.
    """

    title: str
    unit: str
    lines: tuple[Line, ...]
    limit: float | None = None


@dataclass(frozen=True, slots=True)
class Dashboard:
    """Say what a dashboard shows: `uid` is its file's name and address, rows are panels beside each other."""

    uid: str
    title: str
    rows: tuple[tuple[Panel, ...], ...]


def written(dashboard: Dashboard) -> str:
    """Write a dashboard's JSON.

    Raises:
        QueryError: A query cannot be read, or names a metric or label that is not declared.
    """
    for panel in (one for row in dashboard.rows for one in row):
        for line in panel.lines:
            check(line.query)
    return json.dumps(_dashboard(dashboard), indent=1, ensure_ascii=False) + "\n"


def queries(dashboards: Iterable[Dashboard]) -> list[str]:
    """Give every query."""
    return [line.query for one in dashboards for row in one.rows for panel in row for line in panel.lines]


def _dashboard(dashboard: Dashboard) -> dict[str, Any]:
    panels = [
        _panel(panel, number=100 * at + place + 1, at=at, place=place, beside=row)
        for at, row in enumerate(dashboard.rows)
        for place, panel in enumerate(row)
    ]
    return {
        "uid": f"tickloom-{dashboard.uid}",
        "title": dashboard.title,
        "tags": ["tickloom"],
        "schemaVersion": SCHEMA,
        "version": 1,
        "editable": False,
        "graphTooltip": 1,
        "refresh": "15s",
        "time": {"from": "now-1h", "to": "now"},
        "timezone": "utc",
        "templating": {
            "list": [
                {
                    "name": "datasource",
                    "label": "Prometheus",
                    "type": "datasource",
                    "query": "prometheus",
                    "current": {},
                }
            ]
        },
        "annotations": {
            "list": [
                {
                    "name": "Alerts",
                    "datasource": SOURCE,
                    "enable": True,
                    "iconColor": "red",
                    "expr": 'ALERTS{alertstate="firing"}',
                    "titleFormat": "{{alertname}}",
                }
            ]
        },
        "panels": panels,
    }


def _panel(panel: Panel, *, number: int, at: int, place: int, beside: Sequence[Panel]) -> dict[str, Any]:
    width = WIDTH // len(beside)
    steps: list[dict[str, Any]] = [{"color": "green", "value": None}]
    if panel.limit is not None:
        steps.append({"color": "red", "value": panel.limit})
    return {
        "id": number,
        "type": "timeseries",
        "title": panel.title,
        "datasource": SOURCE,
        "gridPos": {"x": place * width, "y": at * HEIGHT, "w": width, "h": HEIGHT},
        "fieldConfig": {
            "defaults": {
                "unit": panel.unit,
                "min": 0,
                "thresholds": {"mode": "absolute", "steps": steps},
                "custom": {"thresholdsStyle": {"mode": "off" if panel.limit is None else "line"}},
            },
            "overrides": [],
        },
        "options": {"legend": {"displayMode": "table", "placement": "bottom", "calcs": ["lastNotNull", "max"]}},
        "targets": [
            {"refId": chr(ord("A") + each), "datasource": SOURCE, "expr": line.query, "legendFormat": line.legend}
            for each, line in enumerate(panel.lines)
        ],
    }
