"""`tickloom signals` shows the newest signals with their reasons."""

import contextlib
import json
import pathlib
from dataclasses import replace

import pytest

from functions.cli import main
from functions.domain.decisions import (
    Action,
    ConfidenceKind,
    Evidence,
    Forecast,
    Gate,
    Importance,
    Predictions,
    Quote,
    Reason,
    Signal,
    Vote,
)
from functions.local.log import DiskLog
from functions.wire.codecs.signals import SIGNAL, encode_signal
from functions.wire.envelope import Event

ETH = Signal(
    signal_id="s0",
    strategy="meanrev",
    instrument_id="ETH-USDT.BINANCE",
    interval_s=5,
    bar_start_ns=1_700_000_000_000_000_000,
    as_of_ns=1_700_000_005_000_000_000,
    action=Action.BUY,
    confidence=61.5,
    price_exponent=-2,
    size_exponent=-4,
    price=268_380,
    quote=Quote(268_379, 1, 268_381, 1, 0),
    reasons=(Reason("rsi_low", "RSI(14) at 21.0", 40.0), Reason("below_band", "below the lower band", -20.0)),
    model_scores=(),
    stop_loss=267_000,
    take_profit=270_000,
    risk_reward_ratio=1.2,
    bar_revision=0,
    degraded=False,
    shard="BINANCE-0",
)


@pytest.fixture
def folder(tmp_path: pathlib.Path) -> pathlib.Path:
    """Give a folder whose desk holds four signals, of two instruments in turn, among other events."""
    with contextlib.closing(DiskLog(tmp_path / "log" / "desk.sqlite")) as log:
        for number in range(4):
            name = "ETH-USDT.BINANCE" if number % 2 == 0 else "BTC-USDT.BINANCE"
            signal = replace(ETH, signal_id=f"s{number}", instrument_id=name)
            log.append(Event(f"e{number}", "/tickloom/tables/signals/x", SIGNAL, encode_signal(signal)))
            log.append(Event(f"o{number}", "/s", "tickloom.orders.v1.Fill", b""))
    return tmp_path


def test_newest_first_with_reasons(folder: pathlib.Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The newest signal comes first, each with action, price, confidence, and every reason with its weight."""
    assert main.main(["signals", "--folder", str(folder), "--limit", "2"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "2023-11-14 22:13:25 BUY  BTC-USDT.BINANCE 5s at 2683.8, confidence 62 %  s3"
    assert lines[1:3] == ["      +40 %  rsi_low: RSI(14) at 21.0", "      -20 %  below_band: below the lower band"]
    assert [line.split()[-1] for line in lines if "confidence" in line] == ["s3", "s2"]


def test_one_instrument(folder: pathlib.Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Signals of one instrument are picked before they are counted; JSON is the exported row."""
    words = ["--json", "--instrument", "ETH-USDT.BINANCE", "--limit", "2"]
    assert main.main(["signals", "--folder", str(folder), *words]) == 0
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [row["signal_id"] for row in rows] == ["s2", "s0"]
    assert rows[0]["reasons"][0] == ["rsi_low", "RSI(14) at 21.0", 40.0]


FORECAST = Forecast("forecast_lstm", "2", 4, 0.01, 0.625, 271_080, low_95=265_000, high_95=277_000)
CALIBRATED = Evidence(
    wanted=Action.BUY,
    confidence_kind=ConfidenceKind.CALIBRATED,
    event="the price is higher 4 bars after the close",
    horizon_bars=4,
    probability=0.615,
    probability_low=0.5875,
    expected_value=0.0015,
    kelly_fraction=0.0125,
    position_size_pct=2.5,
    importance=(Importance("rsi_14", 1.0),),
    predictions=Predictions(
        forecasts=(FORECAST,), votes=(Vote("forecast_lstm", 0.5, 0.625),), up=0.625, horizon_bars=4
    ),
    causation_id="e7",
)


@pytest.fixture
def explained(tmp_path: pathlib.Path) -> pathlib.Path:
    """Give a folder with a signal whose confidence is a chance, and a later one that a gate stopped."""
    gate = Evidence(wanted=Action.SELL, gates=(Gate("lost_book", "the order book fell out of step"),))
    with contextlib.closing(DiskLog(tmp_path / "log" / "desk.sqlite")) as log:
        for number, (action, evidence) in enumerate([(Action.BUY, CALIBRATED), (Action.HOLD, gate)]):
            signal = replace(ETH, signal_id=f"s{number}", action=action, evidence=evidence)
            log.append(Event(f"e{number}", "/tickloom/tables/signals/x", SIGNAL, encode_signal(signal)))
    return tmp_path


def test_a_chance_says_of_what(explained: pathlib.Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A calibrated confidence says what it is the chance of; in full come levels, edge, models and the cause."""
    assert main.main(["signals", "--folder", str(explained), "--acts", "--full"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert "confidence 62 % (at least 59%) that the price is higher 4 bars after the close  s0" in lines[0]
    assert [line.strip() for line in lines[3:]] == [
        "risk     stop 2670, target 2700, reward to risk 1.20, position 2.5 % of capital",
        "edge     expected +0.150% net of costs, Kelly's share at risk 1.250%",
        "weight   rsi_14 100%",
        "forecast forecast_lstm in 4 bars: 2710.8 (+1.000%), 95 % 2650 to 2770, up 62.5%",
        "ensemble up 62.5% in 4 bars: forecast_lstm 0.625 x 0.5",
        "cause    e7, bar revision 0",
    ]


def test_a_hold_says_what_stopped_it(explained: pathlib.Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What a gate stopped is shown with what was wanted and why not; as JSON it is no row, and takes no one's place."""
    assert main.main(["signals", "--folder", str(explained), "--limit", "1"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].endswith("confidence 62 %, wanted SELL  s1")
    assert lines[1] == "    stopped  lost_book: the order book fell out of step"
    assert main.main(["signals", "--folder", str(explained), "--json", "--limit", "1"]) == 0
    assert json.loads(capsys.readouterr().out)["signal_id"] == "s0"


def test_none_yet(folder: pathlib.Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Without signals it says so; as JSON there are no rows."""
    assert main.main(["signals", "--folder", str(folder), "--instrument", "X"]) == 0
    assert capsys.readouterr().out == "no signals yet\n"
    assert main.main(["signals", "--json", "--folder", str(folder), "--instrument", "X"]) == 0
    assert capsys.readouterr().out == ""


def test_no_folder(tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Without a log it says how to name the folder."""
    assert main.main(["signals", "--folder", str(tmp_path)]) == 1
    assert "name the folder with --folder" in capsys.readouterr().err
