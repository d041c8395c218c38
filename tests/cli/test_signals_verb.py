"""`tickloom signals` shows the newest signals with their reasons."""

import contextlib
import json
import pathlib
from dataclasses import replace

import pytest

from functions.cli import main
from functions.domain.decisions import Action, Quote, Reason, Signal
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
