"""The doctor looks at everything at once, tells what to do, and fails only on what must be put right."""

import asyncio
import json
import pathlib
import shutil
import struct

import pytest

from functions.cli import checks, doctor
from functions.cli.checks import Finding
from functions.cli.main import main
from functions.local.children import Children, Spec
from functions.local.servers import Stores

VARIABLES = ("DATABASE_URL", "REDIS_URL", "KAFKA_BOOTSTRAP_SERVERS", "TICKLOOM_DATA", "TICKLOOM_SCHEMAS")
CHECKS_MIN = 15


@pytest.fixture(autouse=True)
def _bare(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in VARIABLES:
        monkeypatch.delenv(variable, raising=False)


@pytest.fixture
def checkout(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> pathlib.Path:
    """Give a copy of what the doctor reads of a checkout."""
    for name in ("protos", "gen"):
        shutil.copytree(checks.ROOT / name, tmp_path / name)
    shutil.copy(checks.ROOT / "buf.yaml", tmp_path)
    monkeypatch.setattr(checks, "ROOT", tmp_path)
    return tmp_path


def test_whole(capsys: pytest.CaptureFixture[str], tmp_path: pathlib.Path) -> None:
    """At least fifteen checks run within three seconds, and each that is not well says what to do."""
    assert main(["doctor", "--json", "--var", str(tmp_path)]) == 0
    told = json.loads(capsys.readouterr().out)
    assert len(told["checks"]) >= CHECKS_MIN
    assert told["seconds"] < 3
    assert all(bool(check["fix"]) == (check["state"] != "ok") for check in told["checks"])
    assert all(check["found"] for check in told["checks"])


def test_lines(capsys: pytest.CaptureFixture[str], tmp_path: pathlib.Path) -> None:
    """For people there is a line a check, and a sum."""
    assert main(["doctor", "--var", str(tmp_path)]) == 0
    *_, last = capsys.readouterr().out.splitlines()
    assert last.endswith("0 fail")


def test_failure_is_status_one(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """A named store that does not answer fails the whole, without its password."""
    monkeypatch.setenv("DATABASE_URL", "postgresql://u:secret@127.0.0.1:1/d")
    assert main(["doctor"]) == 1
    shown = capsys.readouterr().out
    assert "no PostgreSQL at 127.0.0.1:1" in shown
    assert "secret" not in shown


async def test_given_stores(stores: Stores) -> None:
    """Named stores that answer are shown with their versions."""
    database = await checks.database_url(stores.database_url)
    redis = await checks.redis_url(stores.redis_url)
    assert (database.state, redis.state) == ("ok", "ok")
    assert database.found.startswith("PostgreSQL 1")
    assert redis.found.startswith("Redis ")


async def test_kafka() -> None:
    """A broker is well when it answers in Kafka's protocol; one deaf broker of two is a warning."""

    async def broker(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readexactly(14)
        writer.write(struct.pack(">iihi", 10, 1, 0, 42))
        writer.close()

    async with await asyncio.start_server(broker, "127.0.0.1", 0) as server:
        here = f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
        assert await checks.kafka(here) == Finding(
            "ok", "1 of 1 answer, 42 kinds of request", "KAFKA_BOOTSTRAP_SERVERS"
        )
        assert (await checks.kafka(f"{here},127.0.0.1:1")).state == "warn"
    assert (await checks.kafka("127.0.0.1:1")).state == "fail"


async def test_strays(tmp_path: pathlib.Path) -> None:
    """Children are strays only when their platform is gone."""
    async with Children(tmp_path / "run") as children:
        child = await children.start(Spec("store", ("sleep", "300")))
        assert f"running: run: store ({child.pid})" in checks.strays(tmp_path).found
        state = tmp_path / "run" / "children.json"
        noted = json.loads(state.read_text())
        state.write_text(json.dumps({**noted, "platform": {"pid": noted["platform"]["pid"], "start": 1}}))
        assert checks.strays(tmp_path).found == f"run: store ({child.pid})"
        assert checks.strays(tmp_path).state == "warn"


def test_pins(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Versions that differ from the pins are named; a pin for other machines is not missed."""
    pins = (
        "pytest==0.0.1 \\\n    --hash=sha256:00\nabsent-thing==1.0 ; sys_platform == 'win32' \\\nno-such-thing==2.0\n"
    )
    (tmp_path / "requirements.txt").write_text(pins)
    monkeypatch.setattr(checks, "ROOT", tmp_path)
    found = checks.pins()
    assert found.state == "warn"
    assert "(pinned 0.0.1), no-such-thing missing (pinned 2.0)" in found.found
    assert "absent-thing" not in found.found


def test_generated_is_fresh(checkout: pathlib.Path) -> None:
    """Stubs with the shapes of their protos are well; comments do not count."""
    proto = next((checkout / "protos").rglob("bar.proto"))
    proto.write_text(f"{proto.read_text()}\n// A last word.\n")
    assert checks.generated().state == "ok"


def test_generated_is_stale(checkout: pathlib.Path) -> None:
    """A proto with a shape that its stub lacks is named."""
    proto = next((checkout / "protos").rglob("bar.proto"))
    proto.write_text(f"{proto.read_text()}\nmessage Newer {{ int64 n = 1; }}\n")
    found = checks.generated()
    assert found.state == "fail"
    assert "bar.proto differ" in found.found


def test_generated_is_missing(checkout: pathlib.Path) -> None:
    """A proto without a stub is named."""
    next((checkout / "gen").rglob("bar_pb2.py")).unlink()
    assert "no stubs of tickloom/market/v1/bar.proto" in checks.generated().found


def test_made(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A tool that is not here is optional and is told with what makes it; one that is, with its place."""
    monkeypatch.setenv("TICKLOOM_CACHE", str(tmp_path))
    monkeypatch.setenv("PATH", str(tmp_path))
    assert checks.made("kustomize").state == "warn"
    assert "go for `make tools`" in checks.made("kustomize").fix
    (tmp_path / "kustomize").touch(0o755)
    assert checks.made("kustomize") == Finding("ok", "here", f"{tmp_path / 'kustomize'}, by PATH")


def test_place(tmp_path: pathlib.Path) -> None:
    """A folder that is named must be there; one that is not named is optional."""
    assert checks.place({}, "TICKLOOM_DATA", "captures").state == "warn"
    assert checks.place({"TICKLOOM_DATA": str(tmp_path)}, "TICKLOOM_DATA", "captures").state == "ok"
    assert checks.place({"TICKLOOM_DATA": str(tmp_path / "no")}, "TICKLOOM_DATA", "captures").state == "fail"


async def test_broken_check_hides_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """A check that breaks, or never answers, is a warning among the others' findings."""
    monkeypatch.setattr(doctor, "CHECK_S", 0.05)
    found = await doctor._examine(  # noqa: SLF001 - no real check breaks at will
        {"broken": lambda: 1 / 0, "slow": lambda: asyncio.sleep(60), "well": lambda: Finding("ok", "here")}  # type: ignore[dict-item,return-value]
    )
    assert [one.state for one in found.values()] == ["warn", "warn", "ok"]
    assert "ZeroDivisionError" in found["broken"].found
    assert "no answer within" in found["slow"].found


@pytest.mark.parametrize(
    ("prefix", "words", "state"),
    [
        ("/home/me/.pyenv/versions/3.11.7", "'--enable-shared'", "warn"),
        ("/usr/local", "'--enable-optimizations' '--with-lto'", "ok"),
        ("/usr", "'--enable-shared'", "ok"),
    ],
)
def test_python_compiled(monkeypatch: pytest.MonkeyPatch, prefix: str, words: str, state: str) -> None:
    """A Python compiled without a profile is told of; a distribution's is known to have one, whatever it says."""
    monkeypatch.setattr(checks.sys, "base_prefix", prefix)
    monkeypatch.setattr(checks.sysconfig, "get_config_var", {"CONFIG_ARGS": words}.get)
    assert checks.python().state == state
