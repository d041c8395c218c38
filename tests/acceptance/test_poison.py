"""Poison alone and among good rows: one dead letter with its reason, and not one good row the worse for it.

Where rows are compared, the tape without poison has in each slot a row of a kind that is known and not used, a mini
ticker: it keeps row numbers and receive times as they are and leaves nothing in any stream, so every stream but that of
dead letters must be equal. Each tape is a shard of its own on one platform; its name is taken out before rows are
compared.
"""

import asyncio
import base64
import dataclasses
import hashlib
import json
import os
import pathlib
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import aiohttp
import asyncpg
import pytest
from counts import FULL
from poisoned import (
    OVERSIZED_BYTES,
    POISONS,
    SLOTS,
    Line,
    book_after,
    contents,
    good_lines,
    slot_row,
    with_slots,
    write,
)
from runs import replay as replayed
from runs import rows
from stores import fresh_database

from functions.adapters.tapes import batches
from functions.cli import main
from functions.domain.market import INTERVALS_S, MARKET_BOOK_VALID, NS_PER_S, QUOTE_CROSSED, RawBatch
from functions.feeds.replay import main as replay
from functions.local.foundation import Options
from functions.local.log import MemoryLog
from functions.local.platform import Platform, running
from functions.local.redrive import event_again
from functions.local.rows import export
from functions.local.servers import Stores
from functions.wire.codecs.market import GAP_DETECTED, RAW_BATCH, decode_gap, decode_raw_batch
from functions.wire.envelope import Event
from functions.wire.facts import sequence_of
from functions.wire.http_binding import to_http
from functions.wire.raw import raw_event
from functions.wire.rows import interval_text
from functions.wire.tape import LINE_BYTES_MAX, OVERSIZED_HEAD_BYTES, SPOT, TapeOptions

LINES = (
    2_000  # 19 s of the capture: every bar of it is still kept at its end, so late rows revise and are never too late
)
SLOT = 4
"""Where a single poison stands: past the middle."""
RESYNC = 6
"""Where a snapshot puts a lost book right."""
WHEN = "1723161254024619568"
STREAMS = ("ticks", "bars", "features", "predictions", "signals")
FIGURES = ("open", "high", "low", "close", "volume", "buy_volume", "notional", "trades")
CROSSED = (
    b'{"stream":"ethusdt@bookTicker","data":{"u":1,"s":"ETHUSDT","b":"2700.00","B":"1.5","a":"2600.00","A":"2.5"}}'
)


@dataclass(frozen=True, slots=True)
class Woven:
    """What the platform made of every tape."""

    good: list[Line]
    folder: pathlib.Path
    spool: pathlib.Path
    letters: list[dict[str, Any]]
    buried: list[Event]
    events: dict[str, list[Event]]
    truncated: Event
    lost: Event
    waiting: int

    @property
    def hole(self) -> RawBatch:
        """Read the batch that was lost."""
        return decode_raw_batch(self.lost.data or b"")

    def rows(self, shard: str, stream: str) -> list[dict[str, Any]]:
        """Read a stream of a shard, without the shard's name."""
        found = rows(self.folder / shard, stream)
        return [{name: value for name, value in one.items() if name != "shard"} for one in found]

    def bars(self, shard: str) -> dict[tuple[str, int], dict[str, Any]]:
        """Read a shard's bars by interval and start."""
        return {(one["interval"], one["start_ns"]): one for one in self.rows(shard, "bars")}

    def letters_of(self, shard: str) -> list[tuple[int, str]]:
        """Give (row, reason) of a shard's letters in PostgreSQL."""
        return sorted((one["row_index"], one["reason"]) for one in self.letters if one["shard"] == shard)


def tapes(good: list[Line]) -> dict[str, list[Line]]:
    """Name the tapes by the shards they are run as."""
    resync = {RESYNC: book_after(with_slots(good)[: slot_row(len(good), RESYNC)])}
    return {
        "GOOD": with_slots(good),
        **{f"ALONE-{name}": [(WHEN, one.row)] for name, one in POISONS.items()},
        **{f"AMONG-{name}": with_slots(good, {SLOT: one.row}) for name, one in POISONS.items()},
        "RESYNCED": with_slots(good, resync),
        "CROSSED": with_slots(good, {SLOT: CROSSED, **resync}),
        "MENDED": with_slots(broken_trade(good)[1]),
    }


def broken_trade(good: list[Line]) -> tuple[int, list[Line]]:
    """Make the size of one trade negative, past the middle; give its place among the good rows too."""
    at = next(at for at in range(len(good) // 2, len(good)) if contents(good[at][1]).get("e") == "trade")
    when, row = good[at]
    return at, [*good[:at], (when, row.replace(b'"q":"', b'"q":"-')), *good[at + 1 :]]


@pytest.fixture(scope="module")
def woven(stores: Stores, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Woven]:
    """Run every tape on one platform, send what can be mended again, and look at what is there before and after."""
    url = asyncio.run(fresh_database(stores.database_url))
    environ = {"DATABASE_URL": url, "REDIS_URL": stores.redis_url}
    with pytest.MonkeyPatch.context() as patch:
        for name, value in environ.items():
            patch.setenv(name, value)
        yield asyncio.run(weave(good_lines(LINES), tmp_path_factory.mktemp("poison"), environ))


async def weave(good: list[Line], folder: pathlib.Path, environ: dict[str, str]) -> Woven:
    async with asyncio.timeout(600), running(Options(folder=folder, environ=environ)) as platform:
        for shard, lines in tapes(good).items():
            await feed(platform, write(folder / f"{shard}.txt", lines), shard)
        truncated = halved(raw_events(folder, "TRUNCATED")[0])
        await post(platform, truncated)
        lost = publish_with_hole(platform, raw_events(folder, "LOST"), halved)
        late = publish_with_hole(platform, raw_events(folder, "LATE"), None)
        await platform.drained()
        waiting = sum(table.waiting for table in platform.tables)
        for event in event_again(late, folder / "log" / "market.sqlite"):
            platform.publish("market", event)
        await asyncio.to_thread(mend, folder, good)
        await platform.drained()
        events = export_shards(platform, folder / "after")
        buried = [event for sink in platform.topology.sinks for _, _, event in platform.logs[sink].scan()]
        letters = await fetched(environ["DATABASE_URL"], "SELECT * FROM dead_letters")
    return Woven(good, folder / "after", folder / "spool", letters, buried, events, truncated, lost, waiting)


@dataclass(frozen=True, slots=True)
class Into:
    """Let a feed publish to the market broker of a platform."""

    platform: Platform

    async def publish(self, event: Event) -> None:
        """Append, and let the readers take their turns."""
        self.platform.publish("market", event)
        await asyncio.sleep(0)


async def feed(platform: Platform, tape: pathlib.Path, shard: str) -> None:
    """Replay a tape as a shard."""
    settings = replay.Settings((str(tape),), spool=str(tape.parent / "spool"), shard=shard, dialect=SPOT)
    await replay.compose(settings).run(Into(platform))


def raw_events(folder: pathlib.Path, shard: str) -> list[Event]:
    """Cut the good tape into some ten batches of a shard and its end, as the feed does."""
    options = TapeOptions(shard, f"{shard}.replay", SPOT, rows_max=LINES // 10, cut_ms=60_000_000, bytes_max=2**30)
    cut = batches(folder / "GOOD.txt", options=options, spool=folder / "spool")
    return [raw_event(batch, number, feed="replay") for number, batch in enumerate(cut)]


def halved(event: Event) -> Event:
    """Cut an event's data in two."""
    data = event.data or b""
    return dataclasses.replace(event, data=data[: len(data) // 2])


def publish_with_hole(platform: Platform, events: list[Event], instead: Callable[[Event], Event] | None) -> Event:
    """Publish a source's events with one in the middle changed or held back; give the one that was."""
    middle = events[len(events) // 2]
    for event in events:
        if event is not middle:
            platform.publish("market", event)
        elif instead:
            platform.publish("market", instead(event))
    return middle


async def post(platform: Platform, event: Event) -> None:
    """Send an event to the broker's ingress, as anyone may."""
    headers, body = to_http(event)
    sent = {name.decode(): value.decode() for name, value in headers}
    url = platform.ingress.url("market")
    async with aiohttp.ClientSession() as session, session.post(url, data=body, headers=sent) as answer:
        assert answer.status == 202


def mend(folder: pathlib.Path, good: list[Line]) -> None:
    """Send the broken trade again, whole, as an operator does while the platform runs."""
    file = folder / "mended.json"
    file.write_bytes(good[broken_trade(good)[0]][1])
    key = f"MENDED.replay/{broken_row(good)}"
    assert main.main(["dlq", "redrive", key, "--file", str(file), "--folder", str(folder)]) == 0


def broken_row(good: list[Line]) -> int:
    """Give the number of the broken trade's row on its tape."""
    at = broken_trade(good)[0]
    return at + sum(slot_row(len(good), slot) - slot <= at for slot in range(SLOTS))


def export_shards(platform: Platform, folder: pathlib.Path) -> dict[str, list[Event]]:
    """Write each shard's rows into a folder of its own; give each shard's events on the market broker."""
    platform.commit()
    logs: dict[str, dict[str, MemoryLog]] = {}
    for name, log in platform.logs.items():
        for _, _, event in log.scan():
            shard = str(event.extensions.get("partitionkey"))
            logs.setdefault(shard, {}).setdefault(name, MemoryLog()).append(event)
    for shard, own in logs.items():
        export(own, platform.topology.sinks, folder / shard / "out")
    return {shard: own["market"].read(0, 2**62) for shard, own in logs.items() if "market" in own}


async def fetched(database_url: str, query: str) -> list[dict[str, Any]]:
    """Ask PostgreSQL."""
    connection = await asyncpg.connect(database_url)
    try:
        return [dict(one) for one in await connection.fetch(query)]
    finally:
        await connection.close()


@pytest.mark.parametrize("name", POISONS)
def test_alone(woven: Woven, name: str) -> None:
    """A tape that is nothing but poison gives one dead letter, with its reason and its bytes, and nothing else."""
    (letter,) = (one for one in woven.letters if one["shard"] == f"ALONE-{name}")
    assert (letter["row_index"], letter["reason"]) == (0, POISONS[name].reason)
    assert letter["raw"] == POISONS[name].row[:OVERSIZED_HEAD_BYTES]
    assert woven.rows(f"ALONE-{name}", "deadletters") == [{"reason": POISONS[name].reason, "row": 0}]
    assert not any(woven.rows(f"ALONE-{name}", stream) for stream in STREAMS)


@pytest.mark.parametrize("name", POISONS)
def test_among_good_rows(woven: Woven, name: str) -> None:
    """Among good rows poison gives one dead letter, and every other stream is as without it."""
    row = slot_row(len(woven.good), SLOT)
    assert woven.letters_of(f"AMONG-{name}") == [(row, POISONS[name].reason)]
    assert woven.rows(f"AMONG-{name}", "deadletters") == [{"reason": POISONS[name].reason, "row": row}]
    for stream in STREAMS:
        assert woven.rows(f"AMONG-{name}", stream) == woven.rows("GOOD", stream)


def test_good_rows_are_something(woven: Woven) -> None:
    """The good rows make ticks, bars, features and predictions, so that equality says something."""
    assert all(woven.rows("GOOD", stream) for stream in STREAMS[:4])
    assert woven.rows("GOOD", "deadletters") == []
    assert woven.letters_of("GOOD") == []


def test_oversized_row_travels_as_its_head(woven: Woven) -> None:
    """A line over the limit travels as length, digest and first KiB; its bytes are whole in the spool."""
    raw = [decode_raw_batch(one.data or b"") for one in woven.events["AMONG-oversized"] if one.type == RAW_BATCH]
    (batch,) = (one for one in raw if one.oversized)
    (entry,) = batch.oversized
    row = POISONS["oversized"].row
    start, end = batch.offsets[entry.index : entry.index + 2].tolist()
    assert batch.first_row + entry.index == slot_row(len(woven.good), SLOT)
    assert batch.payload[start:end] == row[:OVERSIZED_HEAD_BYTES]
    assert (entry.length, entry.sha256) == (len(row), hashlib.sha256(row).digest())
    assert (woven.spool / entry.spool_ref).read_bytes() == row
    assert len(row) > OVERSIZED_BYTES > LINE_BYTES_MAX
    assert {one["spool_ref"] for one in woven.letters if one["reason"] == "oversized"} == {entry.spool_ref}


def test_truncated_event_is_buried(woven: Woven) -> None:
    """Half a protobuf gives one dead letter: the event itself, with the code and the reason it was refused for."""
    (buried,) = (one for one in woven.buried if one.source == woven.truncated.source)
    told = buried.extensions
    assert (buried.id, buried.data) == (woven.truncated.id, woven.truncated.data)
    assert (told["knativeerrorcode"], told["knativeerrordest"]) == ("400", "local:/handlers/normalize")
    assert b"RawBatch" in base64.b64decode(str(told["knativeerrordata"]))
    assert woven.letters_of("TRUNCATED") == []
    assert [one.id for one in woven.events["TRUNCATED"]] == [buried.id]


def test_crossed_quote_is_flagged(woven: Woven) -> None:
    """A crossed quote is a tick with a flag, and no dead letter; no other tick is touched."""
    ticks = woven.rows("CROSSED", "ticks")
    (quote,) = (one for one in ticks if one["row"] == slot_row(len(woven.good), SLOT))
    ticks.remove(quote)
    assert ticks == woven.rows("RESYNCED", "ticks")
    assert quote["kind"] == "quote"
    assert (quote["bid_price"], quote["ask_price"]) == ("2700", "2600")
    assert quote["flags"] & QUOTE_CROSSED
    assert woven.rows("CROSSED", "deadletters") == []
    assert woven.letters_of("CROSSED") == []


def test_crossed_quote_loses_the_book_until_the_snapshot(woven: Woven) -> None:
    """Bars that close between a crossed quote and the next snapshot have no book; what was traded is the same."""
    with_cross, without = woven.bars("CROSSED"), woven.bars("RESYNCED")
    lost_at, found_at = (received(woven, slot) for slot in (SLOT, RESYNC))
    assert with_cross.keys() == without.keys()
    for key, bar in with_cross.items():
        assert {name: bar[name] for name in FIGURES} == {name: without[key][name] for name in FIGURES}
    seconds = {
        start: bar["flags"] & MARKET_BOOK_VALID for (interval, start), bar in with_cross.items() if interval == "1s"
    }
    margin = 2_000_000_000  # venue time is 1.3 s ahead of receive time in the capture, and bars close 250 ms late
    inside = [valid for start, valid in seconds.items() if lost_at < start < found_at - margin]
    behind = [valid for start, valid in seconds.items() if start > found_at + margin]
    assert inside
    assert not any(inside)
    assert behind
    assert all(behind)


def received(woven: Woven, slot: int) -> int:
    """Give the greatest venue time known where a slot stands."""
    times = [contents(row).get("T", 0) for _, row in with_slots(woven.good)[: slot_row(len(woven.good), slot)]]
    return int(max(times)) * 1_000_000


def test_hole_is_told_and_passed(woven: Woven) -> None:
    """A batch that is buried leaves a hole: tables stop waiting at the end of the tape, tell it, and fold the rest."""
    (gap,) = (decode_gap(one.data or b"") for one in woven.events["LOST"] if one.type == GAP_DETECTED)
    assert gap.first_missing == gap.last_missing == sequence_of(woven.lost)
    assert gap.source == "/tickloom/handlers/enrich/LOST.replay"
    assert woven.waiting == 0
    missing = range(woven.hole.first_row, woven.hole.first_row + woven.hole.row_count)
    expected = [one for one in woven.rows("GOOD", "ticks") if one["row"] not in missing]
    assert woven.rows("LOST", "ticks") == expected
    (buried,) = (one for one in woven.buried if one.extensions["partitionkey"] == "LOST")
    assert buried.extensions["knativeerrorcode"] == "400"


def test_hole_makes_features_cold(woven: Woven) -> None:
    """Behind a hole every indicator begins anew, and before it nothing has changed."""
    whole = {feature_key(one): one for one in woven.rows("GOOD", "features")}
    holed = {feature_key(one): one for one in woven.rows("LOST", "features") if one["interval"] == "1s"}
    last = int(woven.hole.ts_receive[-1])
    before = [key for key in holed if key[1] < int(woven.hole.ts_receive[0]) - 1_000_000_000]
    behind = sorted(key for key in holed if key[1] > last + 2_000_000_000)
    assert before
    assert all(holed[key] == whole[key] for key in before)
    first = min(key for key in holed if holed[key] != whole[key])
    assert whole[first]["features"]["return_1"] is not None
    assert holed[first]["features"]["return_1"] is None
    assert holed[behind[-1]]["features"]["return_1"] is not None


def feature_key(row: dict[str, Any]) -> tuple[str, int]:
    return row["interval"], row["start_ns"]


def test_late_batch_fills_its_hole(woven: Woven) -> None:
    """A batch that comes after its number was given up is folded late: ticks and bars end as if nothing had been."""
    assert woven.rows("LATE", "ticks") == woven.rows("GOOD", "ticks")
    same_figures(woven.bars("LATE"), woven.bars("GOOD"))


def test_redriven_row_revises_its_bars(woven: Woven) -> None:
    """A mended row that is sent again is a tick like any other, and revises each bar that it belongs to, once."""
    (letter,) = (one for one in woven.letters if one["shard"] == "MENDED")
    assert (letter["row_index"], letter["reason"], letter["redriven"]) == (broken_row(woven.good), "negative_size", 1)
    assert woven.rows("MENDED", "ticks") == woven.rows("GOOD", "ticks")
    mended, good = woven.bars("MENDED"), woven.bars("GOOD")
    same_figures(mended, good)
    lengths = {interval_text(length): length * NS_PER_S for length in INTERVALS_S}
    ts_event = contents(woven.good[broken_trade(woven.good)[0]][1])["T"] * 1_000_000
    for (interval, start), bar in mended.items():
        touched = start <= ts_event < start + lengths[interval]
        closed = good[interval, start]["finality"] == "final"
        assert (bar["finality"], bar["revision"]) == (
            ("revised", 1) if touched and closed else (good[interval, start]["finality"], 0)
        )


def same_figures(found: dict[tuple[str, int], dict[str, Any]], expected: dict[tuple[str, int], dict[str, Any]]) -> None:
    assert found.keys() == expected.keys()
    for key, bar in found.items():
        assert {name: bar[name] for name in FIGURES} == {name: expected[key][name] for name in FIGURES}


def test_no_other_letters(woven: Woven) -> None:
    """There are as many dead letters as there were poisons."""
    shards = {one["shard"] for one in woven.letters}
    assert len(woven.letters) == len(shards) == 2 * len(POISONS) + 1
    assert len(woven.buried) == 2


@pytest.fixture(scope="module")
def folder(woven: Woven, stores: Stores, tmp_path_factory: pytest.TempPathFactory) -> Iterator[pathlib.Path]:
    """Replay a tape with every poison and the broken trade, as people do; give its folder, with nothing running."""
    folder = tmp_path_factory.mktemp("replayed")
    every = {slot: one.row for slot, one in enumerate(POISONS.values())}
    tape = write(folder / "poisoned.txt", with_slots(broken_trade(woven.good)[1], every))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DATABASE_URL", asyncio.run(fresh_database(stores.database_url)))
        assert main.main(["replay", str(tape), "--folder", str(folder), "--json"]) == 0
        yield folder


def test_replay_accounts_for_poison(woven: Woven, folder: pathlib.Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Every row of a poisoned tape is counted, accepted or rejected with its reason, and each rejected is listed."""
    summary = json.loads((folder / "out" / "summary.json").read_text())
    reasons = [*(one.reason for one in POISONS.values()), "negative_size"]
    assert summary["rows_in"] == len(woven.good) + SLOTS == summary["rows_accepted"] + len(reasons)
    assert summary["rejections_by_reason"] == Counter(reasons)
    assert main.main(["dlq", "list", "--json", "--folder", str(folder)]) == 0
    told = json.loads(capsys.readouterr().out)
    places = [*(slot_row(len(woven.good), slot) for slot in range(len(POISONS))), broken_row(woven.good)]
    assert {one["key"]: one["reason"] for one in told["rows"]} == {
        f"BINANCE-0.replay/{row}": reason for row, reason in zip(places, reasons, strict=True)
    }
    assert told["events"] == []


def test_redrive_after_the_run(woven: Woven, folder: pathlib.Path) -> None:
    """With nothing running, `dlq redrive` starts the folder's platform, and streams and PostgreSQL end mended."""
    file = folder / "mended.json"
    file.write_bytes(woven.good[broken_trade(woven.good)[0]][1])
    key = f"BINANCE-0.replay/{broken_row(woven.good)}"
    assert main.main(["dlq", "redrive", key, "--file", str(file), "--folder", str(folder)]) == 0
    assert main.main(["replay", str(folder / "poisoned.txt"), "--folder", str(folder), "--json"]) == 0
    ticks = [{name: value for name, value in one.items() if name != "shard"} for one in rows(folder, "ticks")]
    assert ticks == woven.rows("GOOD", "ticks")
    bars = {(one["interval"], one["start_ns"]): one for one in rows(folder, "bars")}
    same_figures(bars, woven.bars("GOOD"))
    query = "SELECT interval_s, start_ns, finality::text, revision, volume FROM bars"
    kept = asyncio.run(fetched(os.environ["DATABASE_URL"], query))
    assert {(interval_text(one["interval_s"]), one["start_ns"]) for one in kept} == set(bars)
    for one in kept:
        bar = bars[interval_text(one["interval_s"]), one["start_ns"]]
        assert (one["finality"], one["revision"]) == (bar["finality"], bar["revision"])
        assert one["volume"] == Decimal(bar["volume"])


@pytest.mark.skipif(not FULL, reason="a whole capture, twice: full tier")
def test_whole_capture(stores: Stores, tmp_path: pathlib.Path) -> None:
    """A whole capture with every poison among its rows has the hashes of the one without, but for the dead letters."""
    good = good_lines(10**9)
    every = {slot: one.row for slot, one in enumerate(POISONS.values())}
    hashes = []
    for name, lines in (("good", with_slots(good)), ("poisoned", with_slots(good, every))):
        tape = write(tmp_path / f"{name}.txt", lines)
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("DATABASE_URL", asyncio.run(fresh_database(stores.database_url)))
            patch.setenv("REDIS_URL", stores.redis_url)
            hashes.append(replayed(tape, tmp_path / name, "--log", "memory")["hashes"])
    (good_hashes, hashes_with_poison) = hashes
    del good_hashes["deadletters"], hashes_with_poison["deadletters"]
    assert hashes_with_poison == good_hashes
