"""Run the platform's event loop: uvloop where it is installed, the standard one elsewhere."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


def run(main: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine to its end on a new loop."""
    try:
        import uvloop  # noqa: PLC0415 - not built for every system
    except ImportError:
        return asyncio.run(main)
    return uvloop.run(main)
