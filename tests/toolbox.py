"""Give tests the programs that are no Python; the fixture `tool` in `conftest` hands out their paths."""

import pathlib

import pytest
from counts import FULL

from functions.local import tools


def program(name: str) -> pathlib.Path:
    """Find a tool, or skip with the reason; the full tier makes it where that takes seconds, and fails if it cannot."""
    found = tools.find(name)
    if found.path is None and FULL and not tools.RECIPES[name].slow and not tools.lacks(name):
        try:
            found = tools.make(name)
        except tools.ToolError as error:
            pytest.fail(str(error))
    if found.path is None:
        pytest.skip(f"{name} is {found.reason}")
    return found.path
