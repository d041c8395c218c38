"""`tickloom reference` loads real listings once, shows what it knows, halts and resumes, and says what was wrong."""

import asyncio
import json
import pathlib
from collections.abc import Callable

import asyncpg
import pytest
from redis import Redis

from functions.adapters.redis_reference import CHECKED
from functions.cli.main import main

Run = Callable[..., str]

BINANCE = "binance_multi_ws_rest_20211011/BINANCE.0.gz"
COINBASE = "coinbase_ws_20210417_a/COINBASE.0"
KRAKEN = "kraken_ws_20210417/KRAKEN.0"


@pytest.fixture
def run(database_url: str, redis_url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Give the verb with real stores: its exit status is checked, what it prints is given."""
    monkeypatch.setenv("DATABASE_URL", database_url)
    monkeypatch.setenv("REDIS_URL", f"{redis_url.rsplit('/', 1)[0]}/14")

    def call(*words: str, status: int = 0) -> str:
        assert main(["reference", *words]) == status
        said = capsys.readouterr()
        return said.err if status else said.out

    return call


def rows(url: str, sql: str) -> list[tuple[object, ...]]:
    """Ask the store with plain SQL."""

    async def ask() -> list[tuple[object, ...]]:
        connection = await asyncpg.connect(url)
        try:
            return [tuple(row) for row in await connection.fetch(sql)]
        finally:
            await connection.close()

    return asyncio.run(ask())


def test_real_listings(run: Run, captures: pathlib.Path, database_url: str) -> None:
    """Every instrument of three venues is in the store once, and loading them again changes nothing."""
    files = [str(captures / name) for name in (BINANCE, COINBASE, KRAKEN)]
    first = [json.loads(line) for line in run("load", *files, "--json").splitlines()]
    again = [json.loads(line) for line in run("load", *files, "--json").splitlines()]
    assert [one["added"] + len(one["changed"]) + one["unchanged"] for one in first] == [1695, 162, 304]
    assert [(one["added"], one["changed"], one["unchanged"]) for one in again] == [
        (0, [], 1695),
        (0, [], 162),
        (0, [], 304),
    ]
    today = "version_to IS NULL AND venue IN ('BINANCE', 'COINBASE', 'KRAKEN')"
    found = rows(database_url, f"SELECT venue, count(*) FROM instruments WHERE {today} GROUP BY 1")  # noqa: S608 - ours
    assert dict(found) == {"BINANCE": 1695, "COINBASE": 162, "KRAKEN": 304}


def test_shipped_units_stay(run: Run, captures: pathlib.Path, database_url: str) -> None:
    """An instrument that is shipped keeps its units whatever a listing tells of it."""
    run("load", str(captures / BINANCE))
    one = json.loads(run("show", "ETH-USDT.BINANCE", "--json"))["instruments"][0]
    assert (one["price_exponent"], one["size_exponent"]) == (-2, -5)
    assert rows(database_url, "SELECT count(*) FROM instruments WHERE tick_size <= 0") == [(0,)]


def test_shown(run: Run, captures: pathlib.Path) -> None:
    """One instrument is a line, a venue as many as it lists."""
    run("load", str(captures / KRAKEN))
    assert run("show", "BTC-CHF.KRAKEN").split() == [
        "BTC-CHF.KRAKEN",
        "BTC/CHF",
        *("tick", "0.1", "lot", "0.00000001", "trading", "crypto", "CHF", "24X7"),
    ]
    assert len(run("show", "KRAKEN").splitlines()) == 304


OURS = {"instrument_id": "X-Y.V", "venue_symbol": "XY", "venue": "V", "tick_size": "0.01", "lot_size": "0.001"}


def test_halted_and_resumed(run: Run, tmp_path: pathlib.Path) -> None:
    """A halt holds from its time until trading resumes."""
    file = tmp_path / "ours.json"
    file.write_text(json.dumps({"instruments": [OURS]}))
    run("load", str(file))
    run("halt", "X-Y.V", "--at", "2024-08-09T14:00:00Z", "--reason", "LUDP")
    run("resume", "X-Y.V", "--at", "2024-08-09T14:05:00Z")
    shown = [run("show", "X-Y.V", "--at", f"2024-08-09T14:{minute}:00Z") for minute in ("00", "04", "05")]
    assert ["halted (LUDP)" in line for line in shown] == [True, True, False]


def test_steps_change(run: Run, tmp_path: pathlib.Path, database_url: str) -> None:
    """A CSV with another step closes the old one at its time; finer than its units, it is said."""
    file = tmp_path / "ours.csv"
    file.write_text("instrument_id,venue_symbol,venue,tick_size,lot_size\nS-T.V,ST,V,0.01,1\n")
    run("load", str(file), "--at", "2024-01-01T00:00:00Z")
    file.write_text("instrument_id,venue_symbol,venue,tick_size,lot_size\nS-T.V,ST,V,0.005,1\n")
    said = run("load", str(file), "--at", "2024-06-01T00:00:00Z")
    assert "finer than their units" in said
    shown = [run("show", "S-T.V", "--at", f"2024-{month}-01T00:00:00Z").split()[3] for month in ("05", "06")]
    assert shown == ["0.01", "0.005"]
    assert rows(database_url, "SELECT count(*) FROM instruments WHERE instrument_id = 'S-T.V'") == [(2,)]


def test_caches_are_told(run: Run, tmp_path: pathlib.Path, redis_url: str) -> None:
    """After a change the cache asks for the version again."""
    place = f"{redis_url.rsplit('/', 1)[0]}/14"
    redis = Redis.from_url(place)
    redis.set(CHECKED, b"1")
    file = tmp_path / "ours.json"
    file.write_text(json.dumps({"instruments": [{**OURS, "instrument_id": "Z.V", "venue_symbol": "Z"}]}))
    run("load", str(file))
    assert redis.get(CHECKED) is None
    redis.close()


def test_wrong_usage(run: Run) -> None:
    """What is missing or unknown is said in one sentence."""
    assert "FILE" in run("load", status=2)
    assert "RFC 3339" in run("show", "--at", "yesterday", status=2)
    assert "neither a known instrument nor a venue" in run("show", "NO.WHERE", status=1)
    assert "neither a known instrument nor a venue" in run("halt", "NO.WHERE", status=1)
    assert "none.json" in run("load", "none.json", status=1)


def test_no_store(run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path) -> None:
    """Without a store and without a folder there is nothing to show, and nothing is made."""
    monkeypatch.delenv("DATABASE_URL")
    assert "no platform folder" in run("show", "--folder", str(tmp_path / "none"), status=1)
    assert list(tmp_path.iterdir()) == []
