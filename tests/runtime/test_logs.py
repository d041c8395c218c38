"""Logs: one JSON object a line on stderr, silent below the threshold, libraries included."""

import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest

from functions.runtime import logs


@pytest.fixture(autouse=True)
def _fresh(capsys: pytest.CaptureFixture[str]) -> Iterator[None]:  # noqa: ARG001 - stderr is caught before the writer binds
    handlers, level = logging.getLogger().handlers[:], logging.getLogger().level
    logs._structlog.cache_clear()  # noqa: SLF001 - the writer is bound to the stderr of its first line
    yield
    logs._structlog.cache_clear()  # noqa: SLF001
    logs.configure("info")
    logging.getLogger().handlers[:] = handlers
    logging.getLogger().setLevel(level)


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    caught = capsys.readouterr()
    assert caught.out == ""
    return [json.loads(line) for line in caught.err.splitlines()]


def test_line(capsys: pytest.CaptureFixture[str]) -> None:
    """A line names its event, level, part and time, and carries its keys."""
    logs.configure("info")
    logs.logger("part").info("thing_done", rows=3, shard="B-0")
    (line,) = lines(capsys)
    assert line.pop("timestamp").endswith("Z")
    assert line == {"event": "thing_done", "level": "info", "logger": "part", "rows": 3, "shard": "B-0"}


def test_threshold(capsys: pytest.CaptureFixture[str]) -> None:
    """Lines below the threshold are not written."""
    logs.configure("warning")
    logs.logger("part").info("thing_done")
    logs.logger("part").warning("thing_refused")
    assert [line["event"] for line in lines(capsys)] == ["thing_refused"]


def test_error_has_traceback(capsys: pytest.CaptureFixture[str]) -> None:
    """An error brings its traceback in one field, so that a line stays a line."""
    logs.configure("info")
    logs.logger("part").error("thing_failed", error=ZeroDivisionError("x"))
    (line,) = lines(capsys)
    assert "ZeroDivisionError: x" in line["exception"]


def test_libraries(capsys: pytest.CaptureFixture[str]) -> None:
    """What libraries log from warning on is written the same way."""
    logs.configure("info")
    logging.getLogger("lib").info("quiet")
    logging.getLogger("lib").warning("odd %s", "thing")
    (line,) = lines(capsys)
    assert (line["event"], line["logger"], line["message"]) == ("library_reported", "lib", "odd thing")


def test_unknown_level() -> None:
    """A level that does not exist is refused."""
    with pytest.raises(ValueError, match="log_level"):
        logs.configure("loud")
