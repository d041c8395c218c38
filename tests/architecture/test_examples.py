"""The examples in docstrings are true: each is run, and says what stands below it."""

import doctest
import importlib
import pathlib

import pytest

ROOT = pathlib.Path(__file__).parents[2]
FILES = [file for file in sorted((ROOT / "functions").rglob("*.py")) if ">>> " in file.read_text()]


def module_of(file: pathlib.Path) -> str:
    """Name the module that a file is."""
    return ".".join(file.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


@pytest.mark.parametrize("file", FILES, ids=module_of)
def test_examples(file: pathlib.Path) -> None:
    """Every example of a file gives what it shows."""
    ran = doctest.testmod(importlib.import_module(module_of(file)))
    assert ran.attempted > 0
    assert ran.failed == 0


def test_there_are_examples() -> None:
    """The rooms that others begin to read with have examples."""
    assert {file.relative_to(ROOT).parts[1] for file in FILES} >= {"domain", "wire"}
