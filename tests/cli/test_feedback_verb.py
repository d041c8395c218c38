"""`tickloom feedback` records what a user says of a signal, and shows what users said."""

import asyncio
import contextlib
import json
import pathlib
from decimal import Decimal

import pytest
from doors import running
from forecast import signal_of
from stores import fresh_database

from functions.adapters.postgres import Pool
from functions.adapters.postgres_feedback import PostgresFeedback
from functions.cli import main
from functions.domain.feedback import Feedback, FeedbackOutcome
from functions.local.log import DiskLog
from functions.wire.codecs.feedback import decode_feedback
from functions.wire.codecs.signals import SIGNAL, encode_signal
from functions.wire.envelope import Event
from functions.wire.feedback import feedback_event, feedback_id

BUY = signal_of(100)
WON = ("--outcome", "win", "--entry", "60000.5", "--exit", "61200", "--profit-loss", "2", "--who", "u-7")


@pytest.fixture
def folder(tmp_path: pathlib.Path) -> pathlib.Path:
    """Give a folder whose desk holds a signal."""
    with contextlib.closing(DiskLog(tmp_path / "log" / "desk.sqlite")) as log:
        log.append(Event(BUY.signal_id, "/tickloom/tables/signals/desk", SIGNAL, encode_signal(BUY)))
    return tmp_path


async def feedback(*words: str, folder: pathlib.Path) -> int:
    """Run the verb in a thread, as it has a loop of its own."""
    return await asyncio.to_thread(main.main, ["feedback", *words, "--folder", str(folder)])


async def test_record(folder: pathlib.Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What is said goes to the desk as one event, exactly, stamped at the door; the answer names it."""
    async with running(folder) as taken:
        assert await feedback(BUY.signal_id, *WON, "--notes", "as planned", folder=folder) == 0
    ((broker, event),) = taken
    said = decode_feedback(event.data or b"")
    figures = (Decimal("60000.5"), Decimal(61200), Decimal(2))
    assert broker == "desk"
    assert event == feedback_event(said, origin="cli")
    assert said == Feedback(BUY.signal_id, "u-7", FeedbackOutcome.WIN, said.as_of_ns, *figures, "as planned")
    name = feedback_id(BUY.signal_id, "u-7")
    assert capsys.readouterr().out == (f"feedback recorded: win on BUY BTC-USDT.BINANCE, signal buy-100, as {name}\n")


async def test_record_as_json(folder: pathlib.Path, capsys: pytest.CaptureFixture[str]) -> None:
    """For programs the answer is the message, the signal's id and the feedback's."""
    async with running(folder):
        assert await feedback(BUY.signal_id, "--outcome", "dismissed", "--json", folder=folder) == 0
    told = json.loads(capsys.readouterr().out)
    name = feedback_id(BUY.signal_id, "local")
    assert told == {"message": "feedback recorded", "signal_id": BUY.signal_id, "feedback_id": name}


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        (("nobody", *WON), 1, "no signal nobody under"),
        ((BUY.signal_id, "--entry", "60000", "--notes", "my own words"), 2, "say what became of it with --outcome"),
        ((BUY.signal_id, "--outcome", "win", "--entry", "1e3"), 2, "--entry: '1e3' is no plain decimal"),
        ((BUY.signal_id, "--outcome", "win", "--exit", "5"), 2, "an exit price needs an entry price"),
        ((BUY.signal_id, "--outcome", "loss", "--profit-loss", "3"), 2, "loss and 3 % contradict each other"),
        ((BUY.signal_id, "--outcome", "draw"), 2, "invalid choice: 'draw'"),
        ((BUY.signal_id, *WON, "--notes", "x" * 2001), 2, "notes have at most 2000 characters, these 2001"),
    ],
)
async def test_mistakes(
    words: tuple[str, ...], status: int, said: str, *, folder: pathlib.Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A mistake is said in words, and nothing is sent."""
    async with running(folder) as taken:
        assert await feedback(*words, folder=folder) == status
    assert said in capsys.readouterr().err
    assert taken == []


async def test_show(
    folder: pathlib.Path, postgres_url: str, *, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without an outcome the verb shows what users said, latest first, as lines or as JSON."""
    url = await fresh_database(postgres_url)
    monkeypatch.setenv("DATABASE_URL", url)
    assert await feedback(BUY.signal_id, folder=folder) == 0
    pool = Pool(url)
    store = PostgresFeedback(pool)
    stamp = 1_700_000_000_000_000_000
    await store.put_feedback(Feedback(BUY.signal_id, "u-8", FeedbackOutcome.DISMISSED, stamp))
    prices = (Decimal("60000.50"), Decimal(61200), Decimal(2))
    await store.put_feedback(Feedback(BUY.signal_id, "u-7", FeedbackOutcome.WIN, stamp + 10**9, *prices, "as planned"))
    await pool.close()
    assert await feedback(BUY.signal_id, folder=folder) == 0
    assert capsys.readouterr().out.splitlines() == [
        "nobody has said anything of it yet",
        "2023-11-14 22:13:21 u-7: win, in at 60000.5, out at 61200, gained % 2 - as planned",
        "2023-11-14 22:13:20 u-8: dismissed",
    ]
    assert await feedback(BUY.signal_id, "--json", folder=folder) == 0
    won, dismissed = json.loads(capsys.readouterr().out)
    assert (won["actual_entry_price"], won["as_of_ns"]) == ("60000.5", str(stamp + 10**9))
    assert (dismissed["actual_entry_price"], dismissed["outcome"]) == (None, "dismissed")
