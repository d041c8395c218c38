"""Run the command line as people do, and look at what a run left."""

import asyncio
import hashlib
import json
import os
import pathlib
import subprocess
import sys
from typing import Any

import asyncpg

from functions.local.children import Children
from functions.local.servers import start_stores

BIN = pathlib.Path(sys.executable).parent
DECIDING = ("ticks", "bars", "features", "predictions", "signals")
TABLES = {
    "bars": "*",
    "features": "*",
    "signals": "*",
    "order_updates": "*",
    "fills": "*",
    "dead_letters": "stream, row_index, shard, reason, raw",
    "ledger_account": "account, capital, cash, next_sequence, peak_equity",
    "ledger_position": "*",
    "ledger_order": "*",
    "ledger_order_update": "*",
    "ledger_fill": "*",
    "ledger_outbox": "account, sequence, event_id, source, type, time_ns, data, state",
}


def environment() -> dict[str, str]:
    """Give a clean environment with our programs first."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("TICKLOOM_")}
    return {**kept, "PATH": f"{BIN}:{os.environ['PATH']}"}


def tickloom(*words: object, within_s: float = 300, check: bool = True) -> subprocess.CompletedProcess[str]:
    """Run a command to its end; fail with what it said."""
    command = [str(BIN / "tickloom"), "--debug", *map(str, words)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=within_s, env=environment(), check=False)  # noqa: S603 - ours
    assert not check or done.returncode == 0, f"{command} ended {done.returncode}:\n{done.stdout}\n{done.stderr}"
    return done


def replay(tape: pathlib.Path, folder: pathlib.Path, *words: object, within_s: float = 300) -> dict[str, Any]:
    """Replay a tape and give the summary."""
    done = tickloom("replay", tape, "--folder", folder, "--json", *words, within_s=within_s)
    summary: dict[str, Any] = json.loads(done.stdout)
    return summary


def silent(summary: dict[str, Any]) -> set[str]:
    """Name the streams of market data and decisions in which a run wrote nothing: those equal any other's nothing."""
    nothing = hashlib.sha256(b"").hexdigest()
    return {stream for stream in DECIDING if summary["hashes"][stream] == nothing}


def rows(folder: pathlib.Path, stream: str) -> list[dict[str, Any]]:
    """Read the canonical rows a replay wrote."""
    return [json.loads(line) for line in (folder / "out" / f"{stream}.jsonl").read_text().splitlines()]


def stored(folder: pathlib.Path) -> dict[str, tuple[int, str]]:
    """Count and hash what each table of a folder's own PostgreSQL holds, in an order of its own."""

    async def look() -> dict[str, tuple[int, str]]:
        async with Children(folder) as children:
            connection = await asyncpg.connect((await start_stores(folder, children)).database_url)
            try:
                return {name: await _digest(connection, name, columns) for name, columns in TABLES.items()}
            finally:
                await connection.close()

    return asyncio.run(look())


async def _digest(connection: "asyncpg.Connection[asyncpg.Record]", name: str, columns: str) -> tuple[int, str]:
    query = f"SELECT count(*), md5(coalesce(string_agg(t::text, '|' ORDER BY t::text COLLATE \"C\"), '')) FROM (SELECT {columns} FROM {name}) t"  # noqa: S608, E501 - names from the table above
    found = await connection.fetchrow(query)
    assert found is not None
    return int(found[0]), str(found[1])
