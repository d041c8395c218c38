"""`tickloom dlq` lists dead letters, shows one, and sends one again."""

import argparse
import asyncio
import base64
import contextlib
import json
import pathlib
from collections.abc import AsyncIterator

import pytest
from doors import running
from envelopes import sample
from stores import fresh_database

from functions.adapters.postgres import Pool
from functions.adapters.postgres_dead_letters import DeadLetter, PostgresDeadLetters
from functions.cli import main
from functions.cli.dlq import _buried, _payload
from functions.cli.errors import CliError
from functions.domain.market import Rejection
from functions.local.log import DiskLog
from functions.local.redrive import Place, row_events, source_for
from functions.wire.codecs.market import decode_raw_batch

STREAM = "BINANCE-0.replay"
BAD = Rejection(17, "not_finite", "price NaN", b'{"p":"NaN"}', "binance.spot", 5, "ETHUSDT")
OTHER = Rejection(18, "bad_json", "found [", b"[", "binance.spot", 6, "ETHUSDT")
EVENT = sample()
BURIAL = {"knativeerrordest": "local:/handlers/normalize", "knativeerrorcode": "400"}


@pytest.fixture
def folder(tmp_path: pathlib.Path) -> pathlib.Path:
    """Give a folder whose logs hold one buried event."""
    for name, event in (("market", EVENT), ("market-dead-letters", sample(extensions={**EVENT.extensions, **BURIAL}))):
        with contextlib.closing(DiskLog(tmp_path / "log" / f"{name}.sqlite")) as log:
            log.append(event)
    return tmp_path


@pytest.fixture
async def letters(postgres_url: str, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[PostgresDeadLetters]:
    """Give a database with two rejected rows, named by DATABASE_URL."""
    url = await fresh_database(postgres_url)
    monkeypatch.setenv("DATABASE_URL", url)
    pool = Pool(url)
    filed = PostgresDeadLetters(pool)
    for one in (BAD, OTHER):
        await filed.put(STREAM, "BINANCE-0", one)
    yield filed
    await filed.close()
    await pool.close()


async def dlq(*words: str, folder: pathlib.Path) -> int:
    """Run the verb in a thread, as it has a loop of its own."""
    return await asyncio.to_thread(main.main, ["dlq", *words, "--folder", str(folder)])


async def test_show_event(folder: pathlib.Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A buried event is shown whole, with why, and without any store."""
    assert await dlq("show", EVENT.id, folder=folder) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["sink"], told["knativeerrorcode"]) == ("market-dead-letters", "400")
    assert base64.b64decode(told["data_base64"]) == EVENT.data


@pytest.mark.usefixtures("letters")
async def test_list_of_two_sinks(folder: pathlib.Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The newest events are listed whatever their sink: many on one broker do not hide those of the other."""
    for name, ids in (("desk-dead-letters", "c"), ("market-dead-letters", "d"), ("desk-dead-letters", "e")):
        with contextlib.closing(DiskLog(folder / "log" / f"{name}.sqlite")) as log:
            log.append(sample(id=ids, extensions={**EVENT.extensions, **BURIAL}))
    assert await dlq("list", "--json", "--limit", "2", folder=folder) == 0
    assert [one["id"] for one in json.loads(capsys.readouterr().out)["events"]] == ["d", "e"]


def test_a_list_reads_what_it_shows(tmp_path: pathlib.Path) -> None:
    """Of a sink that has kept letters for years a list reads the newest alone, and not what is in them."""
    for sink in ("desk", "market"):
        with contextlib.closing(DiskLog(tmp_path / "log" / f"{sink}-dead-letters.sqlite")) as log:
            for number in range(5):
                log.append(sample(id=f"{sink}-{number}", data=b"x" * 1000))
    found = _buried(tmp_path, newest=2)
    assert [(sink, event.id, event.data) for sink, event in found] == [
        ("market-dead-letters", f"market-{number}", None) for number in (3, 4)
    ]


async def test_redrive_event(folder: pathlib.Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A buried event goes again, as it was, to the broker that buried it."""
    async with running(folder) as taken:
        assert await dlq("redrive", EVENT.id, folder=folder) == 0
    assert taken == [("market", EVENT)]
    assert capsys.readouterr().out == f"redriven {EVENT.id} as event {EVENT.id}\n"


async def test_redrive_as_json(folder: pathlib.Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What was redriven is told as JSON to who asks so."""
    async with running(folder):
        assert await dlq("redrive", EVENT.id, "--json", folder=folder) == 0
    assert json.loads(capsys.readouterr().out) == {"redriven": EVENT.id, "event_id": EVENT.id}


async def test_an_event_takes_no_file(folder: pathlib.Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Mended bytes are of a row: an event that went again without them would be buried again."""
    mended = folder / "mended.json"
    mended.write_bytes(b"{}")
    async with running(folder) as taken:
        assert await dlq("redrive", EVENT.id, "--file", str(mended), folder=folder) == 2
    assert taken == []
    assert "--file mends a row" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["show"], "say which: tickloom dlq show STREAM/ROW"),
        (["redrive"], "say which: tickloom dlq redrive STREAM/ROW"),
        (["show", "nobody"], "no dead letter nobody; `tickloom dlq list` names them"),
        (["redrive", "nobody"], "no dead letter nobody"),
    ],
)
async def test_mistakes(
    words: list[str], said: str, *, folder: pathlib.Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A mistake is one sentence with what to do."""
    assert await dlq(*words, folder=folder) == 1
    assert said in capsys.readouterr().err


@pytest.mark.usefixtures("letters")
async def test_list(folder: pathlib.Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A list shows rows with their keys and reasons, newest first, then buried events with their codes."""
    assert await dlq("list", folder=folder) == 0
    rows_then_events = capsys.readouterr().out.splitlines()
    assert rows_then_events == [
        f"{STREAM}/18  bad_json: found [",
        f"{STREAM}/17  not_finite: price NaN",
        f"{EVENT.id}  market-dead-letters {EVENT.type}: 400 from local:/handlers/normalize",
    ]


@pytest.mark.usefixtures("letters")
async def test_list_one_reason(folder: pathlib.Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Asked for one reason, a list shows only rows of it."""
    assert await dlq("list", "--json", "--reason", "not_finite", folder=folder) == 0
    told = json.loads(capsys.readouterr().out)
    assert [row["key"] for row in told["rows"]] == [f"{STREAM}/17"]
    assert told["events"] == []


@pytest.mark.usefixtures("letters")
async def test_list_without_logs(tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A run with its log in memory leaves rows and no events."""
    assert await dlq("list", "--json", folder=tmp_path) == 0
    told = json.loads(capsys.readouterr().out)
    assert (len(told["rows"]), told["events"]) == (2, [])


@pytest.mark.usefixtures("letters")
async def test_show_row(folder: pathlib.Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A rejected row is shown with its bytes, as they came."""
    assert await dlq("show", f"{STREAM}/17", folder=folder) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["reason"], told["redriven"]) == ("not_finite", 0)
    assert base64.b64decode(told["raw_base64"]) == BAD.raw


async def test_redrive_row(
    folder: pathlib.Path, letters: PostgresDeadLetters, capsys: pytest.CaptureFixture[str]
) -> None:
    """A row goes again as a batch of its own, mended if asked, and its letter says how often."""
    mended = folder / "mended.json"
    mended.write_bytes(b'{"p":"1.5"}\n')
    async with running(folder) as taken:
        assert await dlq("redrive", f"{STREAM}/17", "--file", str(mended), folder=folder) == 0
    ((broker, event),) = taken
    batch = decode_raw_batch(event.data or b"")
    assert (broker, batch.first_row, batch.payload) == ("market", 17, b'{"p":"1.5"}')
    letter = await letters.get(STREAM, 17)
    assert letter is not None
    assert letter.redriven == 1
    assert event.id in capsys.readouterr().out


async def test_redriven_rows_are_counted(folder: pathlib.Path, letters: PostgresDeadLetters) -> None:
    """The next redriven row of a stream takes the next number of its sequence."""
    letter = await letters.get(STREAM, 18)
    assert letter is not None
    with contextlib.closing(DiskLog(folder / "log" / "market.sqlite")) as log:
        log.append(*row_events(letter, Place(4), payload=b"x"))
    async with running(folder) as taken:
        assert await dlq("redrive", f"{STREAM}/17", folder=folder) == 0
    ((_, event),) = taken
    assert event.source == source_for(STREAM)
    assert event.extensions["sequence"] == f"{5:020d}"
    assert decode_raw_batch(event.data or b"").payload == BAD.raw


async def test_redrive_from_the_spool(folder: pathlib.Path, letters: PostgresDeadLetters) -> None:
    """A row that was too long to travel goes again with its bytes from the spool."""
    long = Rejection(19, "oversized", "too long", b"first", "binance.spot", 7, "ETHUSDT", spool_ref="19.row")
    await letters.put(STREAM, "BINANCE-0", long)
    (folder / "spool").mkdir()
    (folder / "spool" / "19.row").write_bytes(b"first and the rest")
    async with running(folder) as taken:
        assert await dlq("redrive", f"{STREAM}/19", folder=folder) == 0
    assert decode_raw_batch(taken[0][1].data or b"").payload == b"first and the rest"


@pytest.mark.parametrize("name", ["../secret", "{}/secret", "..", "gone.row"])
def test_only_the_spool_is_read(name: str, tmp_path: pathlib.Path) -> None:
    """A letter names a row of the spool and no other file, whoever posted it; one that is not there is said."""
    (tmp_path / "up/spool").mkdir(parents=True)
    (tmp_path / "up/secret").write_bytes(b"secret")
    ref = name.format(tmp_path / "up")
    letter = DeadLetter(STREAM, "BINANCE-0", Rejection(19, "oversized", "", b"", "", 7, spool_ref=ref), 0)
    args = argparse.Namespace(file=None, folder=tmp_path / "up")
    with pytest.raises(CliError, match=r"holds no row .* --file"):
        _payload(args, letter, b"")
    args.file = tmp_path / "mended"
    args.file.write_bytes(b"mended")
    assert _payload(args, letter, b"") == b"mended"


async def test_redrive_what_cannot_travel(
    folder: pathlib.Path, letters: PostgresDeadLetters, capsys: pytest.CaptureFixture[str]
) -> None:
    """A row that is too long to travel, or of which nothing is known, is not sent; it has to be mended first."""
    long = Rejection(19, "oversized", "too long", b"first", "binance.spot", 7, "ETHUSDT", spool_ref="19.row")
    await letters.put(STREAM, "BINANCE-0", long)
    await letters.put(STREAM, "BINANCE-0", Rejection(20, "shard_full", "no room", b"", "", 8))
    (folder / "spool").mkdir()
    (folder / "spool" / "19.row").write_bytes(b"x" * 2_097_152)
    async with running(folder) as taken:
        assert await dlq("redrive", f"{STREAM}/19", folder=folder) == 1
        assert await dlq("redrive", f"{STREAM}/20", folder=folder) == 1
        assert await dlq("redrive", f"{STREAM}/20", "--file", str(folder / "no.json"), folder=folder) == 1
    assert taken == []
    said = capsys.readouterr().err
    assert f"this one 2097152 (its bytes lie in {folder / 'spool' / '19.row'}); mend it with --file" in said
    assert "this one 0; mend it with --file" in said
    assert f"there is no file {folder / 'no.json'} to take the row from" in said
