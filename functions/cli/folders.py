"""Drop what an earlier run left in a platform's folder, and nothing else."""

import os
import pathlib
import shutil
from collections.abc import Iterable
from typing import Final

from functions.cli.errors import CliError
from functions.local import children

MARKS: Final = (children.LOCK, f"*/{children.LOCK}", "tape.json", "tapes")
"""What stands in every folder that a run was begun in: its lock or one of its parts', or its tape."""


def drop(folder: pathlib.Path, *, needed: Iterable[pathlib.Path] = ()) -> None:
    """Remove a platform's folder with all it holds; one that is not there, or is empty, is well.

    Args:
        folder: The folder.
        needed: Files that must stay.

    Raises:
        CliError: A platform runs there, no run was begun there, or a file that must stay lies there.
    """
    held = list(folder.iterdir()) if folder.is_dir() else []
    if not held:
        return
    runs = children.owner(folder)
    if runs is not None and runs.pid != os.getpid():
        msg = f"a platform runs in {folder} (process {runs.pid}); stop it first, or name another --folder"
        raise CliError(msg)
    if not any(found for mark in MARKS for found in folder.glob(mark)):
        msg = f"{folder} holds what no run left there, so it is not dropped; name another --folder"
        raise CliError(msg)
    for file in needed:
        if file.resolve().is_relative_to(folder.resolve()):
            msg = f"{file} lies in {folder} and would be dropped with it; copy it out first, or name another --folder"
            raise CliError(msg)
    shutil.rmtree(folder, ignore_errors=True)
