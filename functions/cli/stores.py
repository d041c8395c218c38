"""Find a platform's stores: those given, the running platform's, or its folder's own, started for the command."""

import contextlib
import json
import pathlib
from collections.abc import AsyncIterator
from typing import Any

from functions.cli.environment import own_environment
from functions.cli.errors import CliError
from functions.local.children import Children
from functions.local.foundation import WHERE
from functions.local.processes import Identity, identify
from functions.local.servers import Stores, start_stores


@contextlib.asynccontextmanager
async def opened(folder: pathlib.Path, *, make: bool = False) -> AsyncIterator[tuple[str, str]]:
    """Give the addresses of PostgreSQL and Redis; the second may be empty where only the first is given.

    Args:
        folder: Folder of the platform.
        make: The folder may be made.

    Raises:
        CliError: There is no such folder, and no store is given.
    """
    note, given = running(folder), own_environment()
    url = given.get("DATABASE_URL", "") or note.get("database_url", "")
    redis_url = given.get("REDIS_URL", "") or note.get("redis_url", "")
    async with contextlib.AsyncExitStack() as stack:
        if not url:
            if not (make or folder.is_dir()):  # noqa: ASYNC240 - one look before anything runs
                msg = f"there is no platform folder at {folder}; name it with --folder, or a store with DATABASE_URL"
                raise CliError(msg)
            children = await stack.enter_async_context(Children(folder))
            stores: Stores = await start_stores(folder, children)
            url, redis_url = stores.database_url, stores.redis_url
        yield url, redis_url


def running(folder: pathlib.Path) -> dict[str, Any]:
    """Read the note of the platform that runs in a folder; empty when none does."""
    try:
        note: dict[str, Any] = json.loads((folder / WHERE).read_text())
    except (OSError, ValueError):
        return {}
    return note if identify(note["pid"]) == Identity(note["pid"], note["start"]) else {}
