"""The verb `explain` writes what the service says, the same in process on a folder and over gRPC."""

import asyncio
import json
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from explained import make_run, own_settings, signals

from functions.cli import main
from functions.runtime import grpc_app
from functions.services.explain.main import compose
from functions.wire.facts import batch_id

SUM_ERROR_MAX = 1e-9
NOBODY = batch_id("/tickloom/tests", 1)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a folder with the logs of a run."""
    folder = tmp_path_factory.mktemp("run")
    make_run(folder)
    return folder


@pytest.fixture
def address(whole: Path) -> Iterator[str]:
    """Run the service over the folder in a thread of its own, and give its address."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    hosted = compose(own_settings(whole))
    running = asyncio.run_coroutine_threadsafe(grpc_app.start(hosted, host="127.0.0.1", port=0), loop).result(60)
    yield f"127.0.0.1:{running.port}"
    asyncio.run_coroutine_threadsafe(running.stop(), loop).result(60)
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()


def test_text(whole: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """The verb writes each figure as a sum, and says what would have flipped the signal and where it came from."""
    monkeypatch.setenv("TICKLOOM_SIGNALS_COOLDOWN_BARS", "2")
    signal = signals(whole)[0]
    assert main.main(["explain", signal.signal_id, "--folder", str(whole)]) == 0
    shown = capsys.readouterr().out
    for text in (
        f"signal {signal.signal_id}",
        "is the sum",
        "asked again: the same",
        "exact: every coalition was asked",
    ):
        assert text in shown
    assert f"{signal.action.value.upper()} becomes " in shown
    assert "the same signal in every field" in shown
    assert "market" in shown


def test_text_of_other_rules(
    whole: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """What could not be done stands in the text: other settings, another strategy, a model that is not on disk."""
    signal = next(one for one in signals(whole) if one.confidence < 80)
    rules = tmp_path / "mine.rules"
    rules.write_text("strategy mine\nbuy 50 low rsi_14 < 30\n")
    words = ["explain", signal.signal_id, "--folder", str(whole)]
    assert main.main([*words, "--rules", str(rules), "--models", str(tmp_path)]) == 0
    shown = capsys.readouterr().out
    assert "not looked for: the decision could not be made again" in shown
    assert "name the file of mean_reversion with --rules" in shown
    assert "NOTE model anomaly: there is no version 1.0.0, only none" in shown
    monkeypatch.setenv("TICKLOOM_SIGNALS_MIN_CONFIDENCE", "80")
    assert main.main(words) == 0
    shown = capsys.readouterr().out
    assert "DIFFERENT in action" in shown
    assert "another one already" in shown


def test_json(whole: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """As JSON there is all of it, for programs, with what the sums miss at most."""
    signal = signals(whole)[0]
    assert main.main(["explain", signal.signal_id, "--folder", str(whole), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["signal"]["signal_id"] == signal.signal_id
    assert told["residual_max"] <= SUM_ERROR_MAX
    assert {"strength", "confidence", "models", "decided", "links", "notes", "price"} <= told.keys()


def test_unknown_is_one_sentence(whole: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A signal that is not there is answered in one sentence, and so is a folder without logs."""
    assert main.main(["explain", NOBODY, "--folder", str(whole)]) == 1
    assert f"no signal {NOBODY} is stored" in capsys.readouterr().err
    assert main.main(["explain", NOBODY, "--folder", str(whole / "nothing")]) == 1
    assert "no event log under" in capsys.readouterr().err


def test_a_service_says_the_same(
    whole: Path, address: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Asked over gRPC the verb writes the same, byte for byte, as text and as JSON, and refuses alike."""
    monkeypatch.setenv("TICKLOOM_SIGNALS_COOLDOWN_BARS", "2")
    for signal in signals(whole)[:3]:
        for more in ([], ["--json"]):
            assert main.main(["explain", signal.signal_id, *more, "--folder", str(whole)]) == 0
            here = capsys.readouterr().out
            assert main.main(["explain", signal.signal_id, *more, "--address", address]) == 0
            assert capsys.readouterr().out == here
    for id_, words in ((NOBODY, f"no signal {NOBODY} is stored"), ("none", "'none' is no id of a signal")):
        assert main.main(["explain", id_, "--address", address]) == 1
        assert words in capsys.readouterr().err


def test_nobody_there(capsys: pytest.CaptureFixture[str]) -> None:
    """An address where nobody listens is answered in one sentence, as are settings that a service does not take."""
    assert main.main(["explain", NOBODY, "--address", "127.0.0.1:1"]) == 1
    assert "explain at 127.0.0.1:1: UNAVAILABLE" in capsys.readouterr().err
    assert main.main(["explain", NOBODY, "--address", "127.0.0.1:1", "--rules", "mine.rules"]) == 2
    assert "a service has its own" in capsys.readouterr().err
