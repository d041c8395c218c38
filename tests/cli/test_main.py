"""The command line finds its verbs, says errors in one sentence, and is quick to say what it can."""

import argparse
import importlib
import os
import subprocess
import sys
from collections.abc import Callable

import pytest

from functions.cli import doctor, main
from functions.cli.errors import CliError, UsageError

HELP_S = 0.15
HEAVY = ("asyncio", "numpy", "grpc", "asyncpg", "google.protobuf", "numba", "functions.local.platform")


@pytest.mark.parametrize("name", main.VERBS)
def test_verbs_have_modules(name: str) -> None:
    """Every verb of the table has a module that registers and runs."""
    module = importlib.import_module(f"functions.cli.{name}")
    module.register(argparse.ArgumentParser())
    assert callable(module.run)


@pytest.mark.parametrize("name", main.VERBS)
def test_verbs_have_help(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Every verb explains itself."""
    assert main.main([name, "--help"]) == 0
    assert f"usage: tickloom {name}" in capsys.readouterr().out


def test_overview(capsys: pytest.CaptureFixture[str]) -> None:
    """The overview lists every verb and the exit statuses."""
    assert main.main(["--help"]) == 0
    shown = capsys.readouterr().out
    assert all(f"  {name}  " in shown for name in main.VERBS)
    assert "130 interrupted" in shown


def test_no_verb(capsys: pytest.CaptureFixture[str]) -> None:
    """Without a verb the overview is shown, as wrong usage."""
    assert main.main([]) == 2
    assert "verbs:" in capsys.readouterr().out


def test_unknown_verb(capsys: pytest.CaptureFixture[str]) -> None:
    """A misspelt verb is answered with the near one."""
    assert main.main(["docter"]) == 2
    assert "did you mean `doctor`?" in capsys.readouterr().err


def test_wrong_argument() -> None:
    """A wrong argument is wrong usage."""
    assert main.main(["doctor", "--no-such-thing"]) == 2


def test_help_is_light() -> None:
    """The overview imports nothing heavy."""
    script = (
        f"import sys; from functions.cli.main import main; main(['--help']); print(set({HEAVY!r}) & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)  # noqa: S603
    assert done.stdout.endswith("set()\n")


def test_help_is_quick() -> None:
    """The overview takes less than 150 ms of processor time; waiting for a busy machine is not its fault."""
    before = os.times()
    command = [sys.executable, "-m", "functions.cli.main", "--help"]
    subprocess.run(command, capture_output=True, check=True)  # noqa: S603 - our own command
    after = os.times()
    assert after.children_user + after.children_system - before.children_user - before.children_system < HELP_S


@pytest.mark.parametrize("words", [["--json", "doctor"], ["doctor", "--json"]])
def test_json_anywhere(words: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """A verb that reads hears `--json` wherever it stands."""
    seen: list[bool] = []

    def run(args: argparse.Namespace) -> int:
        seen.append(args.json)
        return 0

    monkeypatch.setattr(doctor, "run", run)
    assert main.main(words) == 0
    assert main.main(["doctor"]) == 0
    assert seen == [True, False]


@pytest.mark.parametrize(
    ("error", "status", "said"),
    [
        (CliError("the log is gone; name another with --folder"), 1, "doctor: the log is gone; name another"),
        (UsageError("both given"), 2, "doctor: both given"),
        (FileNotFoundError(2, "No such file or directory", "a/b.svg"), 1, "doctor: cannot use a/b.svg: No such file"),
        (KeyError("x"), 1, "doctor: KeyError: 'x' (`--debug` shows where)"),
        (KeyboardInterrupt(), 130, ""),
    ],
)
def test_errors(
    error: BaseException,
    status: int,
    said: str,
    *,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """An error is one sentence and an exit status, never a traceback."""
    monkeypatch.setattr(doctor, "run", raising(error))
    assert main.main(["doctor"]) == status
    shown = capsys.readouterr().err
    assert said in shown
    assert "Traceback" not in shown


def test_debug_raises(monkeypatch: pytest.MonkeyPatch) -> None:
    """With `--debug` an error shows where it came from."""
    monkeypatch.setattr(doctor, "run", raising(KeyError("x")))
    with pytest.raises(KeyError):
        main.main(["doctor", "--debug"])


def test_closed_pipe() -> None:
    """A reader that has had enough is no error."""
    command = f"{sys.executable} -m functions.cli.main doctor | true"
    done = subprocess.run(["sh", "-c", command], capture_output=True, text=True, check=False)  # noqa: S603, S607
    assert done.stderr == ""


def raising(error: BaseException) -> Callable[[argparse.Namespace], int]:
    """Make a verb that fails."""

    def run(_: argparse.Namespace) -> int:
        raise error

    return run
