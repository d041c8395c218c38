"""`tickloom signals similar` says how signals like one fared before it."""

import asyncio
import contextlib
import json
import pathlib
from dataclasses import replace

import pytest
from forecast import outcome_of, signal_of
from stores import fresh_database

from functions.adapters.postgres import Pool
from functions.adapters.postgres_performance import PostgresPerformance
from functions.adapters.postgres_views import PostgresViews
from functions.cli import main
from functions.domain.decisions import Action, Evidence, Predictions, Signal
from functions.domain.outcomes import HORIZON_MAX
from functions.local.log import DiskLog
from functions.wire.codecs.signals import SIGNAL, encode_signal
from functions.wire.envelope import Event

ASKED = signal_of(1000)
HELD = signal_of(1001, Action.HOLD)
CALM = replace(signal_of(1002), evidence=Evidence(predictions=Predictions(regime="calm")))


@pytest.fixture
def folder(tmp_path: pathlib.Path) -> pathlib.Path:
    """Give a folder whose desk holds signals."""
    with contextlib.closing(DiskLog(tmp_path / "log" / "desk.sqlite")) as log:
        for one in (ASKED, HELD, CALM):
            log.append(Event(one.signal_id, "/tickloom/tables/signals/desk", SIGNAL, encode_signal(one)))
    return tmp_path


@pytest.fixture
async def past(postgres_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep two like signals and their outcomes, one that hit its target and one that hit its stop."""
    url = await fresh_database(postgres_url)
    monkeypatch.setenv("DATABASE_URL", url)
    pool = Pool(url)
    views, records = PostgresViews(pool), PostgresPerformance(pool)
    for bar, closes in ((100, [6_120_050]), (200, [6_000_000, 6_000_000, 5_000_000])):
        signal: Signal = signal_of(bar)
        told = outcome_of(*closes, *[6_000_000] * (HORIZON_MAX - len(closes)))
        await views.put_signal(signal)
        await records.put_outcome(replace(told, signal_id=signal.signal_id, bar_start_ns=signal.bar_start_ns))
    await pool.close()


async def similar(*words: str, folder: pathlib.Path) -> int:
    """Run the verb in a thread, as it has a loop of its own."""
    return await asyncio.to_thread(main.main, ["signals", "similar", *words, "--folder", str(folder)])


@pytest.mark.usefixtures("past")
async def test_similar(folder: pathlib.Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What is like it, how many, how often they gained with an interval, how much, and how long they were held.

    The mean is that of ln(61,200.5 / 60,000) and ln(50,000 / 60,000), 1 and 3 bars on.
    """
    assert await similar(ASKED.signal_id, folder=folder) == 0
    assert capsys.readouterr().out.splitlines() == [
        "BUY BTC-USDT.BINANCE 5s by mean_reversion, confidence 60 to 80 %",
        "signals  2 whose last horizon had passed before it",
        "gained   1: 50.0%, 95 % 9.5% to 90.5%",
        "mean     -8.1255% log return in its direction, before costs",
        "held     2 bars, the median",
    ]
    assert await similar(ASKED.signal_id, "--json", folder=folder) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["count"], told["hits"], told["median_bars"], told["like"]["action"]) == (2, 1, 2.0, "buy")


@pytest.mark.usefixtures("past")
async def test_none(folder: pathlib.Path, capsys: pytest.CaptureFixture[str]) -> None:
    """In a regime in which none was given there is no figure."""
    assert await similar(CALM.signal_id, folder=folder) == 0
    assert capsys.readouterr().out.splitlines() == [
        "BUY BTC-USDT.BINANCE 5s by mean_reversion in a calm regime, confidence 60 to 80 %",
        "none whose last horizon had passed before it",
    ]


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        ((), 2, "say which signal: tickloom signals similar SIGNAL_ID"),
        (("nobody",), 1, "no signal nobody under"),
        ((HELD.signal_id,), 1, "held and wanted nothing else"),
        ((ASKED.signal_id, "--within=-1"), 2, "--within is -1"),
        ((ASKED.signal_id, "--within", "nan"), 2, "--within is nan"),
    ],
)
async def test_mistakes(
    words: tuple[str, ...], status: int, said: str, *, folder: pathlib.Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A mistake is said in words."""
    assert await similar(*words, folder=folder) == status
    assert said in capsys.readouterr().err
