"""Write logs as JSON lines to stderr (style rule 13): constant event names in the past tense, ids and units as keys.

structlog takes 0.3 s to import, which a function started for one event should not pay; it comes with the first line.
"""

import logging
import sys
from collections.abc import MutableMapping
from functools import lru_cache
from typing import Any, Final

from functions.ports.telemetry import TRACEPARENT, carried

_LEVELS: Final = {"debug": 10, "info": 20, "warning": 30, "error": 40}


class _Threshold:
    """The least level that is written; one per process."""

    value = _LEVELS["info"]


class Logger:
    """Write lines of one part of the program."""

    __slots__ = ("_name",)

    def __init__(self, name: str) -> None:
        """Name the part."""
        self._name = name

    def debug(self, event: str, **keys: object) -> None:
        """Say what only a developer asks for."""
        self._write("debug", event, keys)

    def info(self, event: str, **keys: object) -> None:
        """Say what an operator wants to see once."""
        self._write("info", event, keys)

    def warning(self, event: str, **keys: object) -> None:
        """Say what was refused or is about to fail."""
        self._write("warning", event, keys)

    def error(self, event: str, *, error: BaseException | None = None, **keys: object) -> None:
        """Say what failed; an error brings its traceback."""
        if error is not None:
            keys["exc_info"] = error
        self._write("error", event, keys)

    def _write(self, level: str, event: str, keys: dict[str, object]) -> None:
        if _LEVELS[level] >= _Threshold.value:
            getattr(_structlog(), level)(event, logger=self._name, **keys)


def _with_trace(logger: object, method: str, keys: MutableMapping[str, Any]) -> MutableMapping[str, Any]:  # noqa: ARG001 - structlog's signature
    """Name the trace and the span that a line was written in, where there is one."""
    traceparent = carried().get(TRACEPARENT, "")
    if traceparent:
        _, keys["trace_id"], keys["span_id"], _ = traceparent.split("-")
    return keys


class _Bridge(logging.Handler):
    """Write what libraries log through the standard module as lines of ours."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write one record."""
        level = record.levelname.lower()
        keys: dict[str, object] = {"logger": record.name, "message": record.getMessage()}
        if record.exc_info and record.exc_info[1] is not None:
            keys["exc_info"] = record.exc_info[1]
        getattr(_structlog(), level if level in _LEVELS else "error")("library_reported", **keys)


def configure(level: str = "info") -> None:
    """Set the least level that is written, and take over what libraries log from `warning` on.

    Raises:
        ValueError: There is no such level.
    """
    if level not in _LEVELS:
        msg = f"log_level must be one of {', '.join(_LEVELS)}"
        raise ValueError(msg)
    _Threshold.value = _LEVELS[level]
    root = logging.getLogger()
    root.handlers[:] = [_Bridge()]
    root.setLevel(max(_LEVELS[level], logging.WARNING))


def logger(name: str) -> Logger:
    """Give the logger of one part of the program."""
    return Logger(name)


@lru_cache(maxsize=1)
def _structlog() -> Any:  # noqa: ANN401 - structlog's bound loggers are typed by their level filter
    import structlog  # noqa: PLC0415 - see the file's docstring

    structlog.configure(  # for those who take structlog's own loggers, too
        logger_factory=lambda *_: structlog.PrintLogger(sys.stderr),
        processors=[
            _with_trace,
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(sort_keys=True, default=str),
        ],
    )
    return structlog.get_logger()
