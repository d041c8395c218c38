"""Start real PostgreSQL and Valkey for one test session; the fixtures in `conftest` hand out their addresses."""

import asyncio
import contextlib
import itertools
import os
import pathlib
import shutil
from collections.abc import Iterator
from urllib.parse import urlsplit

import asyncpg
import pytest
from counts import FULL

from functions.local.children import ChildError, Children
from functions.local.servers import Stores, StoresError, start_stores

_numbers = itertools.count(1)


@contextlib.contextmanager
def running(folder: pathlib.Path) -> Iterator[Stores]:
    """Keep both stores running in a folder that is removed at the end; skip (full tier: fail) where they cannot."""
    children = Children(folder)
    try:
        stores = asyncio.run(_start(folder, children))
    except (ChildError, StoresError) as error:
        asyncio.run(children.close())
        if FULL:
            pytest.fail(f"no stores: {error}")
        pytest.skip(f"no stores: {error}")
    try:
        yield stores
    finally:
        asyncio.run(children.close())
        shutil.rmtree(folder, ignore_errors=True)


async def fresh_database(url: str) -> str:
    """Make an empty database on the server of `url` and give its URL; its name is unique in this test session."""
    name = f"tickloom_{os.getpid()}_{next(_numbers)}"
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(f'CREATE DATABASE "{name}"')
    finally:
        await connection.close()
    return urlsplit(url)._replace(path=f"/{name}").geturl()


async def _start(folder: pathlib.Path, children: Children) -> Stores:
    await children.open()
    return await start_stores(folder, children)
