"""A backtest trades what the replay hashed, on the newest form of each bar, and its page needs nothing else."""

import dataclasses
import gzip
import json
import pathlib
import re
import xml.etree.ElementTree as ET
from decimal import Decimal
from typing import Any

import numpy as np
import pytest
from barred import Bar as Row
from barred import bar_batch
from traded import BUY, ETH, SELL, Bar, heard, price_bars

from functions.domain.backtest.facts import Terms
from functions.domain.decisions import Action, Signal
from functions.domain.market import BAR_OPEN, BAR_PROVISIONAL, BAR_REVISED, NS_PER_S, BarBatch
from functions.local.backtest_page import page
from functions.local.backtest_words import report
from functions.local.backtests import BARS, Outcome, Request, Witness, cut_tape, weigh
from functions.local.log import MemoryLog
from functions.local.rows import export
from functions.wire.charts import BUCKETS, thinned
from functions.wire.codecs.bars import encode_bar_batch
from functions.wire.codecs.signals import SIGNAL, encode_signal
from functions.wire.envelope import Event

SECONDS = 2400
NAME = "<b>ETH & Co.txt"


def bar_event(batch: BarBatch, name: str = "b") -> Event:
    """Make an event of bars."""
    return Event(name, "/s", BARS, encode_bar_batch(batch))


def signal_event(signal: Signal) -> Event:
    """Make an event of a signal."""
    return Event(signal.signal_id, "/s", SIGNAL, encode_signal(signal))


def request(tape: pathlib.Path, **changes: Any) -> Request:  # noqa: ANN401 - fields
    """Ask for a backtest of a tape."""
    asked = Request(tape, tape, 0, 0, 100, Decimal(1000), Terms(Decimal(10), Decimal(1), 100_000_000))
    return dataclasses.replace(asked, **changes)


def walk() -> tuple[list[Signal], BarBatch]:
    """Make bars of a random walk, and a signal every thirty seconds with near stops."""
    closes = (300_000 + np.random.default_rng(5).integers(-90, 91, SECONDS).cumsum()).tolist()
    bars = [Row(bar=at, close=c, bid=c - 1, ask=c + 1) for at, c in enumerate(closes)]
    signals = []
    for number, second in enumerate(range(10, SECONDS - 40, 30)):
        way, close = (1 if number % 3 else -1), closes[second]
        near = {"price": close, "stop_loss": close - way * 200, "take_profit": close + way * 300}
        given = {**near, "confidence": 50.0 + number % 5 * 10}
        signals.append(heard(BUY if way == 1 else SELL, second, **given).signal)
    return signals, bar_batch(bars)


@pytest.fixture
def tape(tmp_path: pathlib.Path) -> pathlib.Path:
    """Give a file to name; nobody reads it here."""
    path = tmp_path / NAME
    path.write_bytes(b"1 {}\n")
    return path


@pytest.fixture
def outcome(tape: pathlib.Path) -> Outcome:
    """Backtest the random walk."""
    signals, bars = walk()
    witness = Witness()
    for event in (bar_event(bars), *map(signal_event, signals)):
        witness.observe(event)
    return weigh(witness, request(tape), lambda _shard: 250_000_000)


def test_what_is_traded_is_what_is_hashed(tmp_path: pathlib.Path) -> None:
    """The hash of the signals that were watched is that of their export, repetitions and HOLD included."""
    signals, _ = walk()
    hold = dataclasses.replace(signals[0], signal_id="hold", action=Action.HOLD, stop_loss=0, take_profit=0)
    log, witness = MemoryLog(), Witness()
    for one in (*signals, *signals[:9], hold):
        log.append(signal_event(one))
        witness.observe(signal_event(one))
    assert witness.hash == export({"desk": log}, (), tmp_path)["signals"]
    assert len(witness.signals) == len(signals) + 1


def test_bars_are_kept_in_their_last_form() -> None:
    """Of a bar its highest revision counts, open bars least; provisional and longer bars not at all."""
    forms = [
        Row(bar=5, close=1),
        Row(bar=5, close=2, finality=BAR_REVISED, revision=2),
        Row(bar=5, close=3, finality=BAR_REVISED, revision=1),
        Row(bar=4, close=4),
        Row(bar=4, close=5, finality=BAR_OPEN),
        Row(bar=9, close=6, finality=BAR_PROVISIONAL),
        Row(bar=1, close=7, interval_s=5),
        Row(bar=6, close=8, instrument=1),
    ]
    witness = Witness()
    for at in range(0, len(forms), 2):
        for _bridged in range(2):
            witness.observe(bar_event(bar_batch(forms[at : at + 2]), str(at)))
    found = witness.bars()
    assert list(found) == ["BTC-USDT.BINANCE", "ETH-USDT.BINANCE"]
    eth = found["ETH-USDT.BINANCE"]
    assert list(zip((eth.start_ns // NS_PER_S).tolist(), eth.close.tolist(), strict=True)) == [(4, 4), (5, 2)]
    assert found["BTC-USDT.BINANCE"].close.tolist() == [8]
    assert Witness().bars() == {}


def test_a_tape_is_cut_by_receive_time(tmp_path: pathlib.Path) -> None:
    """Lines go up to the first that was received at or after the time; those without a time stay with theirs."""
    lines = [b"100 {}\n", b"wss://x <-> 1\n", b"150 {}\r\n", b"{}\n", b"200 {}\n", b"120 {}\n"]
    tape = tmp_path / "tape.gz"
    tape.write_bytes(
        gzip.compress(b"".join(b"1723161254000000" + line if line[:1].isdigit() else line for line in lines))
    )
    out = tmp_path / "cut" / "tape.txt"
    assert cut_tape(tape, out, to_ns=1_723_161_254_000_000_200) == 4
    assert out.read_bytes().count(b"\n") == 4
    assert not list(out.parent.glob("*.partial"))


def test_report_is_whole_and_plain(outcome: Outcome) -> None:
    """The report is plain JSON: every signal has a fate, the curve ends at capital and profit, hold stands beside."""
    told = json.loads(json.dumps(outcome.told))
    assert (
        sum(told["signals"]["fates"].values())
        == told["signals"]["by_action"]["buy"] + told["signals"]["by_action"]["sell"]
    )
    assert Decimal(told["equity"][-1][1]) == 1000 + Decimal(told["strategy"]["profit"])
    assert Decimal(told["equity"][-1][2]) == 1000 + Decimal(told["buy_and_hold"]["profit"])
    assert told["confidence"]["trades"] == told["strategy"]["closed"]
    assert told["trades"][0]["side"] in ("buy", "sell")


def test_text_says_the_figures(outcome: Outcome) -> None:
    """The text names each figure of strategy, holding and nothing, the hash, and what was assumed."""
    text = report(outcome.told)
    said = " ".join(text.split())
    for word in ("return", "max drawdown", "hit rate", "buy and hold", "250 ms", "100 ms", "10 bps", "the stop counts"):
        assert word in said
    assert outcome.told["signals"]["rows_hash"] in text
    assert max(len(line) for line in text.splitlines() if not line.startswith("tape")) <= 110


def test_from_makes_the_rest_warm_up(tape: pathlib.Path) -> None:
    """Signals known before --from are counted as warm-up, and the curve begins there."""
    signals, bars = walk()
    witness = Witness()
    for event in (bar_event(bars), *map(signal_event, signals)):
        witness.observe(event)
    told = weigh(witness, request(tape, from_ns=1000 * NS_PER_S), lambda _shard: 0).told
    assert told["signals"]["fates"]["warm_up"] == sum(one.as_of_ns < 1000 * NS_PER_S for one in signals)
    assert told["begin_ns"] == told["equity"][0][0] == 1000 * NS_PER_S
    assert told["trades"][0]["entry_ns"] > 1000 * NS_PER_S


def test_page_stands_alone(outcome: Outcome) -> None:
    """The page loads nothing and runs nothing; names are escaped; every picture has a title and a description."""
    text = page(outcome)
    assert not re.search(r"<script|<link|<img|src=|href=|url\(|@import|https?:", text)
    assert NAME not in text
    assert "&lt;b&gt;ETH &amp; Co.txt" in text
    pictures = re.findall(r"<svg.*?</svg>", text, re.DOTALL)
    assert len(pictures) == 4
    for picture in pictures:
        root = ET.fromstring(picture)  # noqa: S314 - our own
        ids = {one.get("id") for one in root}
        assert set(str(root.get("aria-labelledby")).split()) <= ids
        assert "nan" not in picture
    assert "prefers-color-scheme: dark" in text
    assert page(outcome) == text


@pytest.mark.parametrize("events", ["none", "bars"])
def test_nothing_to_show_is_shown(events: str, tape: pathlib.Path) -> None:
    """A tape without signals, or without bars, still gives a report and a page."""
    witness = Witness()
    for _one in range(events == "bars"):
        witness.observe(bar_event(walk()[1]))
    found = weigh(witness, request(tape), lambda _shard: 0)
    assert "No signal was traded." in page(found)
    assert "none asked for a trade" in report(found.told)


def test_thinned_lines_keep_their_extremes() -> None:
    """A long line is thinned to a bounded number of points, with its ends and its extremes among them."""
    x = np.arange(50_000.0)
    y = np.random.default_rng(1).normal(size=len(x))
    few_x, few_y = thinned(x, y)
    assert len(few_x) <= 2 * BUCKETS + 2
    assert (few_y.min(), few_y.max(), few_x[0], few_x[-1]) == (y.min(), y.max(), 0.0, x[-1])
    assert len(thinned(x[:10], y[:10])[0]) == 10


def test_a_price_line_is_drawn_of_trades_only() -> None:
    """Bars without a trade do not bend the price line to zero."""
    assert price_bars([Bar(1), Bar(2, None, (9_999, 10_001))], ETH).traded.tolist() == [True, False]
