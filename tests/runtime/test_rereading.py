"""Files that are read again: at most once a second, and only for the better."""

import os
import pathlib

import pytest

from functions.runtime import rereading
from functions.runtime.rereading import LOOK_S, Reread


class Watched:
    """A file with a number, and the clock by which it is looked at."""

    def __init__(self, path: pathlib.Path) -> None:
        """Begin with 1."""
        self.path = path
        self.now_s = 0.0
        self.write("1")
        self.number = Reread(path, int, lambda: self.now_s)

    def write(self, text: str) -> None:
        """Replace what it says in one step, as a mounted secret is."""
        fresh = self.path.with_suffix(".new")
        fresh.write_text(text)
        fresh.replace(self.path)


@pytest.fixture
def watched(tmp_path: pathlib.Path) -> Watched:
    """Give a file."""
    return Watched(tmp_path / "number")


def test_changes(watched: Watched) -> None:
    """A change is seen with the next look, and counted."""
    watched.write("2")
    assert (watched.number.value, watched.number.version) == (1, 0)
    watched.now_s += LOOK_S
    assert (watched.number.value, watched.number.version) == (2, 1)
    watched.now_s += LOOK_S
    assert (watched.number.value, watched.number.version) == (2, 1)


def test_a_clock_set_back(watched: Watched) -> None:
    """A clock that is set back does not put off the next look."""
    watched.write("2")
    watched.now_s = -3600.0
    assert watched.number.value == 2


@pytest.mark.parametrize("text", ["two", "3" * (rereading.FILE_BYTES_MAX + 1)], ids=["wrong", "large"])
def test_broken_changes(watched: Watched, text: str) -> None:
    """What cannot be read leaves what was read before, until it can be."""
    watched.write(text)
    watched.now_s += LOOK_S
    assert (watched.number.value, watched.number.version) == (1, 0)
    watched.path.unlink()
    watched.now_s += LOOK_S
    assert watched.number.value == 1
    watched.write("4")
    watched.now_s += LOOK_S
    assert (watched.number.value, watched.number.version) == (4, 1)


def test_not_ours_to_read_yet(watched: Watched, monkeypatch: pytest.MonkeyPatch) -> None:
    """A new file that may not be read yet is read once it may be: its rights change, and nothing that a look sees."""
    watched.write("2")
    watched.now_s += LOOK_S
    with monkeypatch.context() as refused:
        refused.setattr(pathlib.Path, "open", _refuse)
        assert watched.number.value == 1
    watched.now_s += LOOK_S
    assert (watched.number.value, watched.number.version) == (2, 1)


def _refuse(path: pathlib.Path, mode: str) -> None:
    raise PermissionError(mode, path)


def test_written_over(watched: Watched) -> None:
    """A file that is written over in its place is read again too."""
    watched.path.write_text("5")
    os.utime(watched.path, ns=(7, 7))
    watched.now_s += LOOK_S
    assert watched.number.value == 5


def test_nothing_to_begin_with(tmp_path: pathlib.Path) -> None:
    """Without a first reading there is nothing to keep; the message names the file."""
    with pytest.raises(ValueError, match="number cannot be used"):
        Reread(tmp_path / "number", int, lambda: 0.0)
