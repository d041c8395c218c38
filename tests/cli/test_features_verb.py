"""`tickloom features` shows the newest features, those known at a time, and what features there are."""

import asyncio
import json
import pathlib
from collections.abc import Callable

import pytest
from redis import Redis
from scored import Row, columns_of

from functions.adapters.postgres import Pool
from functions.adapters.postgres_features import PostgresFeatures
from functions.adapters.redis_features import RedisFeatures
from functions.cli.main import main
from functions.domain.features import known_from
from functions.domain.indicators.registry import NAMES
from functions.domain.market import STATE_DEGENERATE, FeatureBatch

Run = Callable[..., str]

BTC = "BTC-USDT.BINANCE"


@pytest.fixture
def run(database_url: str, redis_url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Give the verb with real stores that hold two bars: its exit status is checked, what it prints is given."""
    url = f"{redis_url.rsplit('/', 1)[0]}/14"
    Redis.from_url(url).flushdb()
    asyncio.run(_fill(database_url, url))
    monkeypatch.setenv("DATABASE_URL", database_url)
    monkeypatch.setenv("REDIS_URL", url)

    def call(*words: str, status: int = 0) -> str:
        assert main(["features", *words]) == status
        said = capsys.readouterr()
        return said.err if status else said.out

    return call


async def _fill(database_url: str, redis_url: str) -> None:
    flat = {"flat": STATE_DEGENERATE}
    rows = [Row(bar=bar, interval_s=60, features={"rsi_14": bar / 2, "flat": 0}, states=flat) for bar in (100, 101)]
    batch = FeatureBatch("BINANCE-0", columns_of(rows))
    known = known_from(batch.columns, told_ns=0, lateness_ns=250_000_000)
    pool, online = Pool(database_url), RedisFeatures(redis_url)
    offline = PostgresFeatures(pool)
    await asyncio.gather(online.put(batch, available_ns=known), offline.put(batch, available_ns=known, sequence=1))
    for store in (online, offline, pool):
        await store.close()


def test_newest(run: Run) -> None:
    """The newest bar comes with its times, its close and every feature, or what is the matter with it."""
    assert run("get", BTC).splitlines() == [
        f"{BTC} 60s  bar 1970-01-01T01:41:00.000000000Z revision 0, known 1970-01-01T01:42:00.250000000Z, close 60000",
        "    flat                     degenerate",
        "    rsi_14                   50.5",
    ]


def test_missing(run: Run) -> None:
    """Where there is nothing it says so, series by series."""
    assert run("get", BTC, "X", "--interval", "1") == f"{BTC} 1s  missing\nX 1s  missing\n"


def test_as_of(run: Run) -> None:
    """As of a time only what was known then is shown; names narrow it, and one that is not there is absent."""
    words = ("--at", "1970-01-01T01:42:00.249999999Z", "--name", "rsi_14", "--name", "none", "--json")
    told = json.loads(run("asof", BTC, *words))
    assert (told["start_ns"], told["available_ns"]) == (6_000 * 10**9, 6_060_250_000_000)
    assert told["features"] == {"rsi_14": 50.0, "none": None}
    assert told["states"] == {"rsi_14": "valid", "none": "absent"}
    assert run("asof", BTC, "--at", "1970-01-01T01:00:00Z") == f"{BTC} 60s  missing\n"


def test_list(capsys: pytest.CaptureFixture[str]) -> None:
    """Every feature is listed, with its formula; a family narrows the list; no store is needed."""
    assert main(["features", "list", "--json"]) == 0
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [row["name"] for row in rows] == list(NAMES)
    assert main(["features", "list", "--family", "momentun"]) == 2
    assert "there is no family 'momentun'; there are momentum, trend," in capsys.readouterr().err
    assert main(["features", "list", "--family", "momentum"]) == 0
    assert {line.split()[1] for line in capsys.readouterr().out.splitlines()} == {"momentum"}
    assert main(["features", "list", "--name", "vwap", "--name", "rsi_14"]) == 0
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()] == ["rsi_14", "vwap"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("get",), "tickloom features get INSTRUMENT"),
        (("asof", BTC, "--at", "yesterday"), "RFC 3339"),
        (("get", BTC, "--interval", "7"), "no bars of [7] s"),
        (("get", BTC, "--at", "2026-01-01T00:00:00Z"), "tickloom features asof shows what was known at a time"),
        (("list", "--name", "vwapp"), "there are no features ['vwapp']"),
    ],
)
def test_wrong_usage(run: Run, words: tuple[str, ...], message: str) -> None:
    """What cannot be asked is refused with a sentence that says how to ask."""
    assert message in run(*words, status=2)


def test_no_folder(tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Without a platform it says how to name one."""
    assert main(["features", "get", BTC, "--folder", str(tmp_path / "none")]) == 1
    assert "name it with --folder" in capsys.readouterr().err
