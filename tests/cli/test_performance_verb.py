"""`tickloom performance` shows the newest report on each shard's models, and what has drifted."""

import contextlib
import json
import pathlib
from dataclasses import replace

import pytest
from forecast import DRIFT, MODEL, OUTCOME, REPORT

from functions.cli import main
from functions.cli.performance import REPORTS_MAX
from functions.domain.outcomes import Exit
from functions.domain.performance import DriftDetected, ModelPerformance
from functions.local.log import DiskLog
from functions.wire.codecs.performance import (
    DRIFT_DETECTED,
    MODEL_PERFORMANCE,
    encode_drift,
    encode_model_performance,
    encode_outcome,
)
from functions.wire.envelope import Event

SOURCE = "/tickloom/tables/outcomes/BINANCE-0"
OLDER = replace(REPORT, as_of_ns=REPORT.as_of_ns - 1, entries=())


def report(told: ModelPerformance) -> Event:
    """Make a report's event."""
    data = encode_model_performance(told)
    return Event(f"r{told.as_of_ns}", SOURCE, MODEL_PERFORMANCE, data, time_ns=told.as_of_ns)


def drift(told: DriftDetected) -> Event:
    """Make a drift's event."""
    return Event("d", SOURCE, DRIFT_DETECTED, encode_drift(told), time_ns=told.as_of_ns)


@pytest.fixture
def folder(tmp_path: pathlib.Path) -> pathlib.Path:
    """Give a folder whose newest report came before an older one."""
    broken = tuple(replace(one, broken="intervals held too little") for one in REPORT.entries)
    with contextlib.closing(DiskLog(tmp_path / "log" / "desk.sqlite")) as log:
        for event in (report(replace(REPORT, entries=broken)), report(OLDER), drift(DRIFT)):
            log.append(event)
    return tmp_path


def shown(folder: pathlib.Path, capsys: pytest.CaptureFixture[str], *words: str) -> str:
    """Run the verb."""
    assert main.main(["performance", "--folder", str(folder), *words]) == 0
    return capsys.readouterr().out


def test_newest_report(folder: pathlib.Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Of each shard the newest report is shown, by its time: a line for each model, version and horizon."""
    text = shown(folder, capsys)
    for entry in REPORT.entries:
        line = next(one for one in text.splitlines() if one.startswith(f"{entry.name} {entry.version} "))
        assert ("shadow" in line) == entry.shadow
    assert sum(line.startswith(MODEL) for line in text.splitlines()) == 8
    assert "broken: intervals held too little" in text
    assert f"residual {MODEL} of BINANCE-0, 4 bars at 5s went down: 2.5, was 1 +- 0.25" in text


def test_a_quiet_shard_is_shown(folder: pathlib.Path, capsys: pytest.CaptureFixture[str]) -> None:
    """However many reports of others came since, each shard's newest one is shown."""
    with contextlib.closing(DiskLog(folder / "log" / "desk.sqlite")) as log:
        for at in range(REPORTS_MAX):
            told = replace(REPORT, shard="BINANCE-1", as_of_ns=REPORT.as_of_ns + at)
            log.append(replace(report(told), source="/tickloom/tables/outcomes/BINANCE-1"))
    text = shown(folder, capsys)
    assert [text.count(f"{shard} as of ") for shard in ("BINANCE-0", "BINANCE-1")] == [1, 1]


def test_drifts_of_one_model(folder: pathlib.Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Drifts of others that came since do not hide those of the model that is asked for."""
    with contextlib.closing(DiskLog(folder / "log" / "desk.sqlite")) as log:
        for at in range(12):
            log.append(replace(drift(replace(DRIFT, name="rsi_14")), id=f"d{at}"))
    assert f"residual {MODEL} of BINANCE-0" in shown(folder, capsys, "--model", MODEL)
    assert f"residual {MODEL} of BINANCE-0" not in shown(folder, capsys)
    assert "nothing has drifted" in shown(folder, capsys, "--model", "anomaly")


def test_outcomes(tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Of each strategy and interval it is said how its signals ended; one model's page leaves them out."""
    missing = replace(OUTCOME, signal_id="other", exit=Exit.MISSING, exit_price=0, gain=None)
    with contextlib.closing(DiskLog(tmp_path / "log" / "desk.sqlite")) as log:
        for told in (OUTCOME, missing):
            log.append(Event(told.signal_id, SOURCE, "tickloom.performance.v1.Outcome", encode_outcome(told)))
    text = shown(tmp_path, capsys)
    gain = f"{OUTCOME.gain:+.4%}"
    ways = "0 stop_loss, 1 take_profit, 0 horizon, 1 missing"
    assert f"signals of mean_reversion at 5s: 2 ended ({ways}), mean log return {gain} before costs" in text
    assert "signals of" not in shown(tmp_path, capsys, "--model", MODEL)
    exits = {one["signal_id"]: one["exit"] for one in json.loads(shown(tmp_path, capsys, "--json"))}
    assert exits == {OUTCOME.signal_id: "take_profit", "other": "missing"}
    assert shown(tmp_path, capsys, "--json", "--model", MODEL) == "[]\n"


def test_curves(folder: pathlib.Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One model's reliability curves are drawn when it is asked for, without other models."""
    text = shown(folder, capsys, "--model", MODEL)
    assert "anomaly" not in text
    assert text.count("\n    said ") == sum(len(one.curve) for one in REPORT.entries)


def test_as_json(folder: pathlib.Path, capsys: pytest.CaptureFixture[str]) -> None:
    """For programs, entries, outcomes and drifts are the canonical rows."""
    told = json.loads(shown(folder, capsys, "--json"))
    assert len(told) == len(REPORT.entries) + 1
    assert {one.get("model", one.get("name")) for one in told} == {MODEL, "anomaly"}
    only = json.loads(shown(folder, capsys, "--json", "--model", "anomaly"))
    assert [one["horizon_bars"] for one in only] == [0]


def test_empty_log(tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A platform whose models have not been reported on says so."""
    DiskLog(tmp_path / "log" / "desk.sqlite").close()
    text = shown(tmp_path, capsys)
    assert "no model has been reported on yet" in text
    assert "nothing has drifted" in text


def test_no_log(tmp_path: pathlib.Path) -> None:
    """A folder without logs is an error."""
    assert main.main(["performance", "--folder", str(tmp_path)]) == 1
