"""A folder goes on with the tape it was begun with, and with no other."""

import pathlib

import pytest

from functions.cli.errors import CliError
from functions.cli.replay import check_tape


def test_another_tape_is_refused(tmp_path: pathlib.Path) -> None:
    """The same tape goes on, as after a crash; another one, or other words for it, would be told as the first."""
    first, second = tmp_path / "a.txt", tmp_path / "b.txt"
    first.write_bytes(b"1 {}\n")
    second.write_bytes(b"2 {}\n")
    folder = tmp_path / "replay"
    for _ in range(2):
        check_tape(folder, [first], ("", ""))
    for files, words in (([second], ("", "")), ([first, second], ("", "")), ([first], ("kraken.v2", ""))):
        with pytest.raises(CliError, match="--fresh"):
            check_tape(folder, files, words)
