"""Only what a run left is dropped: never what is a user's, what runs, or the tape that is asked for."""

import asyncio
import pathlib
import subprocess
import sys
from subprocess import PIPE

import pytest

from functions.cli.errors import CliError
from functions.cli.folders import drop
from functions.cli.main import main
from functions.local.children import Children

RUNNER = """
import asyncio, pathlib, sys
from functions.local.children import Children

async def run():
    async with Children(pathlib.Path(sys.argv[1])):
        print("runs", flush=True)
        sys.stdin.read()

asyncio.run(run())
"""


def run_in(folder: pathlib.Path) -> None:
    """Leave what a run leaves."""

    async def begun() -> None:
        async with Children(folder):
            (folder / "log").mkdir(exist_ok=True)

    asyncio.run(begun())


def test_an_earlier_run_is_dropped(tmp_path: pathlib.Path) -> None:
    """A folder of a run goes, one whose parts alone were runs too; one that is empty or not there is well."""
    for folder, at in ((tmp_path / "one", "."), (tmp_path / "two", "run-1")):
        run_in(folder / at)
        drop(folder)
        assert not folder.exists()
    drop(tmp_path / "nothing")
    drop(tmp_path)


@pytest.mark.parametrize("words", [("demo",), ("replay", "TAPE", "--fresh"), ("backtest", "TAPE", "--fresh")])
def test_what_no_run_left_stays(
    words: tuple[str, ...], tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A folder with a user's own files is refused, and they stay."""
    tape, own = tmp_path / "tape.txt", tmp_path / "home" / "letter.txt"
    own.parent.mkdir()
    for path in (tape, own):
        path.write_text("mine\n")
    asked = [str(tape) if word == "TAPE" else word for word in words]
    assert main([*asked, "--folder", str(own.parent)]) == 1
    assert "holds what no run left there" in capsys.readouterr().err
    assert own.read_text() == "mine\n"


def test_a_tape_in_the_folder_stays(tmp_path: pathlib.Path) -> None:
    """A replay of a run's own history into the same folder would drop it first."""
    run_in(tmp_path)
    (tmp_path / "venue").mkdir()
    tape = tmp_path / "venue" / "history.txt"
    tape.write_text("1 {}\n")
    with pytest.raises(CliError, match=r"lies in .* copy it out first"):
        drop(tmp_path, needed=[tape])
    assert tape.exists()


def test_a_running_platform_stays(tmp_path: pathlib.Path) -> None:
    """What runs is named, and its folder is not touched."""
    with subprocess.Popen((sys.executable, "-c", RUNNER, str(tmp_path)), stdin=PIPE, stdout=PIPE) as process:  # noqa: S603 - ours
        assert process.stdout is not None
        assert process.stdout.readline() == b"runs\n"
        with pytest.raises(CliError, match=rf"a platform runs in .* \(process {process.pid}\); stop it first"):
            drop(tmp_path)
        process.communicate(b"end")
    assert list(tmp_path.iterdir())
    drop(tmp_path)
