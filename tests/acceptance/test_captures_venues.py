"""Every crypto capture decodes, and what comes out equals an independent reading of the same lines.

Lines are read here with `json` and exact decimals, and with nothing of ours; ours are read as a replay reads them: the
dialect told by the tape's head, units from the shipped reference.
"""

import asyncio
import pathlib
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from functools import cache
from typing import Any, Final, TypeAlias

import pytest
from runs import replay, rows
from venue_rows import CaptureLine, capture_lines
from venue_sums import Figures, ours

from functions.adapters.reference import FileReference
from functions.adapters.tapes import Reel, Spool
from functions.domain.market import InstrumentRef, TickBatch
from functions.handlers.normalize.handler import units_from
from functions.wire.tape import TapeOptions
from functions.wire.venues.registry import decoder_of

Json: TypeAlias = Any
"""What a venue may have written."""

NS: Final = 1_000_000_000
AT: Final = 1_634_000_000 * NS
"""A moment of October 2021, when the captures were made."""


@cache
def units(venue: str) -> Mapping[str, InstrumentRef]:
    """Give the units of a venue's instruments, as the shipped reference has them."""
    return asyncio.run(units_from(FileReference())(venue, AT))


# --- ours -------------------------------------------------------------------------------------------------------------


def decoded(path: pathlib.Path, spool: pathlib.Path) -> list[TickBatch]:
    """Decode a capture as a replay does."""
    reel = Reel((path,), TapeOptions("", "", ""), Spool(spool))
    raw = [batch for batch in reel.batches() if batch.row_count]
    decoders = [decoder_of(batch.dialect) for batch in raw]
    return [decode(batch, units(decode.venue.code)) for decode, batch in zip(decoders, raw, strict=True)]


# --- theirs -----------------------------------------------------------------------------------------------------------


def seconds(text: str | Decimal | int) -> int:
    """Read seconds since 1970."""
    return int(Decimal(text) * NS)


def iso(text: str) -> int:
    """Read an ISO time with microseconds."""
    told = datetime.fromisoformat(text).astimezone(UTC) - datetime(1970, 1, 1, tzinfo=UTC)
    return ((told.days * 86_400 + told.seconds) * 1_000_000 + told.microseconds) * 1000


def ms(number: int) -> int:
    """Read milliseconds since 1970."""
    return number * 1_000_000


def trade(found: Figures, price: str, size: str, ns: int) -> None:
    """Count a trade."""
    found.trades += 1
    found.sizes += Decimal(size)
    found.notional += Decimal(price) * Decimal(size)
    found.see([ns])


def quote(found: Figures, bid: str | int, ask: str | int, *times: int) -> None:
    """Count a quote."""
    found.quotes += 1
    found.sizes += Decimal(bid) + Decimal(ask)
    found.see(times)


def levels(found: Figures, sizes: Iterable[str], *times: int) -> None:
    """Count the levels of a message."""
    told = [Decimal(size) for size in sizes]
    found.levels += len(told)
    found.sizes += sum(told)
    found.see(times)


def candle(found: Figures, volume: str, ns: int) -> None:
    """Count a candle."""
    found.candles += 1
    found.sizes += Decimal(volume)
    found.see([ns])


def kraken_v1(found: Figures, content: Json) -> str:
    """Add what a message of 2021 says, and name its kind."""
    if isinstance(content, dict):
        return str(content.get("event", "AssetPairs"))
    payload = {name: value for part in content[1:-2] if isinstance(part, dict) for name, value in part.items()}
    match content[-2].split("-")[0]:
        case "trade":
            for price, size, time, *_ in content[1]:
                trade(found, price, size, seconds(time))
            return "trade"
        case "ticker":
            quote(found, payload["b"][2], payload["a"][2])
            return "ticker"
        case _:
            both = [one for name in ("as", "bs", "a", "b") for one in payload.get(name, [])]
            levels(found, [one[1] for one in both], max(seconds(one[2]) for one in both))
            return "snapshot" if "as" in payload else "book"


def coinbase_exchange(found: Figures, content: Json) -> str:
    """Add what a message of the Exchange feed says, and name its kind."""
    if isinstance(content, list):
        return "products"
    match content["type"]:
        case "match" | "last_match":
            trade(found, content["price"], content["size"], iso(content["time"]))
        case "ticker":
            quote(found, 0, 0, iso(content["time"]))
        case "l2update":
            levels(found, [size for _, _, size in content["changes"]], iso(content["time"]))
        case "snapshot":
            levels(found, [size for _, size in content["bids"] + content["asks"]])
    return str(content["type"])


def binance(found: Figures, content: Json) -> str:
    """Add what a message or depth snapshot says, and name its kind."""
    content = content.get("data", content)
    match content.get("e", "lastUpdateId" if "lastUpdateId" in content else "bookTicker"):
        case "aggTrade" | "trade" as kind:
            trade(found, content["p"], content["q"], ms(content["T"]))
            return str(kind)
        case "depthUpdate" as kind:
            levels(found, [size for _, size in content["b"] + content["a"]], ms(content["E"]))
            return str(kind)
        case "kline" as kind:
            candle(found, content["k"]["v"], ms(content["k"]["t"]))
            return str(kind)
        case "lastUpdateId":
            levels(found, [size for _, size in content["bids"] + content["asks"]])
            return "snapshot"
        case _:
            quote(found, content["B"], content["A"])
            return "bookTicker"


CAPTURES: Final[dict[str, tuple[Callable[[Figures, Json], str], dict[str, int]]]] = {
    "kraken_ws_20210417/KRAKEN.ws.48.0": (kraken_v1, {"trade": 8}),
    "kraken_ws_20210417/KRAKEN.ws.49.0": (kraken_v1, {"ticker": 18}),
    "kraken_ws_20210417/KRAKEN.ws.50.0.gz": (kraken_v1, {"snapshot": 10, "book": 4269}),
    "kraken_ws_20210417/KRAKEN.0": (kraken_v1, {"AssetPairs": 1}),
    "coinbase_ws_20210417_a/COINBASE.ws.28.0.part_a.gz": (
        coinbase_exchange,
        {"l2update": 4296, "match": 57, "last_match": 5, "ticker": 62, "snapshot": 5, "subscriptions": 3},
    ),
    "coinbase_ws_20210417_a/COINBASE.0": (coinbase_exchange, {"products": 1}),
    "binance_multi_ws_rest_20211011/BINANCE.ws.1.0": (binance, {"depthUpdate": 150, "bookTicker": 74}),
    "binance_multi_ws_rest_20211011/BINANCE.http.0.0": (binance, {"snapshot": 4}),
}
"""Captures: how to read a line, and what their README tells of the count of kinds."""


def theirs(lines: list[CaptureLine], read: Callable[[Figures, Json], str]) -> Figures:
    """Add up what an independent reading says."""
    found = Figures()
    for line in lines:
        found.kinds[read(found, line.content)] += 1
    return found


@pytest.mark.parametrize("name", CAPTURES)
def test_a_capture_equals_an_independent_reading(name: str, captures: pathlib.Path, tmp_path: pathlib.Path) -> None:
    """Kinds, counts, sums of sizes, notional and first and last venue time are those of an independent reading."""
    read, told = CAPTURES[name]
    expected = theirs(capture_lines(captures / name), read)
    found = ours(decoded(captures / name, tmp_path))
    assert found == expected
    assert {kind: found.kinds[kind] for kind in told} == told or name.endswith("ws.1.0")


def test_the_readme_counts_hold(captures: pathlib.Path, tmp_path: pathlib.Path) -> None:
    """Where a README counts one symbol only, its counts hold for that symbol."""
    batches = decoded(captures / "binance_multi_ws_rest_20211011" / "BINANCE.ws.1.0", tmp_path)
    books = Counter(batch.instruments[at].instrument_id for batch in batches for at in batch.book.instrument.tolist())
    quotes = Counter(
        batch.instruments[at].instrument_id for batch in batches for at in batch.quotes.instrument.tolist()
    )
    assert sum(sum(dict(batch.kinds).values()) for batch in batches) == 265
    assert (books["NKN-USDT.BINANCE"], quotes["NKN-USDT.BINANCE"]) == (150, 74)


@pytest.mark.parametrize("name", CAPTURES)
def test_every_instrument_has_its_reference(name: str, captures: pathlib.Path, tmp_path: pathlib.Path) -> None:
    """Each instrument of a capture is in the shipped reference, so its units are the venue's."""
    batches = decoded(captures / name, tmp_path)
    known = {ref for code in ("BINANCE", "COINBASE", "KRAKEN") for ref in units(code).values()}
    assert {ref for batch in batches for ref in batch.instruments} <= known


def test_an_oversized_reply_is_accounted_for(captures: pathlib.Path, tmp_path: pathlib.Path) -> None:
    """The reply with all of Binance's symbols is too long to travel, and says so."""
    [batch] = decoded(captures / "binance_multi_ws_rest_20211011" / "BINANCE.0.gz", tmp_path)
    assert [one.reason for one in batch.rejections] == ["oversized"]


def test_a_replay_makes_bars(captures: pathlib.Path, tmp_path: pathlib.Path) -> None:
    """A capture of Kraken's trades goes from tape to bars: one bar has all that was traded of its instrument."""
    path = captures / "kraken_ws_20210417" / "KRAKEN.ws.48.0"
    told = replay(path, tmp_path / "run", "--log", "memory")
    assert told["rows_by_kind"] == {"heartbeat": 30, "subscriptionStatus": 10, "systemStatus": 1, "trade": 8}
    expected: Counter[str] = Counter()
    for line in capture_lines(path):
        if isinstance(line.content, list):
            expected[line.content[-1].replace("/", "-") + ".KRAKEN"] += sum(Decimal(one[1]) for one in line.content[1])
    hours = [one for one in rows(tmp_path / "run", "bars") if one["interval"] == "1h"]
    assert {one["instrument_id"]: Decimal(one["volume"]) for one in hours} == dict(expected)
