"""Profiles read what matters from real captures, ask as the venues document, and never stumble over a row."""

import json
import pathlib
from collections import Counter
from decimal import Decimal

import pytest
from counts import examples
from hypothesis import given, settings
from hypothesis import strategies as st

from functions.adapters.resilience import Rate
from functions.adapters.tapes import open_tape
from functions.adapters.venues._profile import (
    Backfill,
    Glance,
    Limits,
    Missing,
    Page,
    Profile,
    Request,
    Subscription,
    connected_dialects,
    digits,
    profile_of,
    units,
)
from functions.adapters.venues._sync import Books, Marks
from functions.domain.books import Rule
from functions.wire.tape import read_line

KRAKEN = "kraken_ws_20210417"


def kind(glance: Glance) -> str:
    book = "" if glance.book is None else "snapshot" if glance.book.snapshot else "delta"
    return book or ("trade" if glance.trades else "quote" if glance.quote else "other")


@pytest.mark.parametrize(
    ("dialect", "file", "depth", "kinds"),
    [
        (
            "binance.spot",
            "binance_spot_ws_ethusdt/ethusdt_20240808.gz",
            0,
            {"trade": 6_106, "quote": 24_077, "delta": 3_434, "snapshot": 1},
        ),
        (
            "binance.usdm",
            "binance_usdm_ws_ethusdt/ethusdt_20240808.gz",
            0,
            {"trade": 14_076, "quote": 53_992, "delta": 6_586, "snapshot": 1},
        ),
        ("kraken.v1", f"{KRAKEN}/KRAKEN.ws.50.0.gz", 1_000, {"snapshot": 10, "delta": 4_269}),
        ("kraken.v1", f"{KRAKEN}/KRAKEN.ws.49.0", 1_000, {"quote": 18}),
        ("kraken.v1", f"{KRAKEN}/KRAKEN.ws.48.0", 1_000, {"other": 8}),
        (
            "coinbase.exchange",
            "coinbase_ws_20210417_a/COINBASE.ws.28.0.part_a.gz",
            0,
            {"snapshot": 5, "delta": 4_296, "trade": 62, "quote": 62},
        ),
    ],
)
def test_captures(captures: pathlib.Path, dialect: str, file: str, depth: int, kinds: dict[str, int]) -> None:
    """Every message of a capture is seen for what it is; no book breaks by it, and no trade is missing."""
    profile = profile_of(dialect)
    books, marks = Books(profile.rule, depth), Marks()
    seen: Counter[str] = Counter()
    with open_tape(captures / file) as tape:
        for line in tape:
            read = read_line(line)
            row = line[read.start :]
            symbol = "ETHUSDT" if row.startswith(b'{"lastUpdateId"') else ""
            for glance in () if read.control else profile.glance(row, symbol):
                seen[kind(glance)] += 1
                assert books.see(glance) is None
                assert glance.trades is None or marks.see(glance.symbol, glance.trades) is None
    assert seen == kinds


@pytest.mark.parametrize("name", ["ws_market_trades", "ws_ticker", "ws_l2_data_snapshot", "ws_l2_data_update"])
def test_coinbase_advanced(captures: pathlib.Path, name: str) -> None:
    """Documented messages of Advanced Trade are seen with their number on the connection."""
    row = (captures / "venue_sample_payloads" / "coinbase" / f"{name}.json").read_bytes()
    glances = profile_of("coinbase.advanced").glance(row, "")
    told = json.loads(row)["sequence_num"]
    assert [one.number for one in glances if one.number is not None] == [told]
    assert {kind(one) for one in glances} - {"other"} == {
        {"ws_market_trades": "trade", "ws_ticker": "quote", "ws_l2_data_snapshot": "snapshot"}.get(name, "delta")
    }


@pytest.mark.parametrize(("name", "what"), [("ws_trade_update", "trade"), ("ws_ticker_snapshot", "quote")])
def test_kraken_v2(captures: pathlib.Path, name: str, what: str) -> None:
    """Documented messages of Kraken's second form are seen for what they are."""
    row = (captures / "venue_sample_payloads" / "kraken" / f"{name}.json").read_bytes()
    (glance,) = profile_of("kraken.v2").glance(row, "")
    assert (glance.symbol, kind(glance)) == ("BTC/USD", what)


ROWS = [
    b'{"stream":"x@depth@100ms","data":{"e":"depthUpdate","s":"X","U":1,"u":2,"b":[["1","2"]],"a":[]}}',
    b'{"type":"l2update","product_id":"X","changes":[["buy","1.5","2"]]}',
    b'{"channel":"l2_data","sequence_num":1,"events":[{"type":"update","product_id":"X","updates":[]}]}',
    b'[1,{"a":[["1.50","2.0","3.0"]],"c":"1"},"book-10","X/Y"]',
    b'{"channel":"book","type":"update","data":[{"symbol":"X/Y","bids":[{"price":1.5,"qty":2.0}],"checksum":1}]}',
]


@settings(max_examples=examples(2_000))
@given(st.sampled_from(ROWS), st.lists(st.tuples(st.integers(0, 120), st.binary(min_size=1, max_size=3)), max_size=4))
def test_any_row_is_glanced_at(row: bytes, changes: list[tuple[int, bytes]]) -> None:
    """No row, however damaged, stops any profile."""
    for at, piece in changes:
        row = row[:at] + piece + row[at + len(piece) :]
    for dialect in connected_dialects():
        for symbol in ("", "X"):
            for glance in profile_of(dialect).glance(row, symbol):
                Books(profile_of(dialect).rule, 10).see(glance)


@pytest.mark.parametrize("dialect", connected_dialects())
def test_rows_that_never_end_in_themselves(dialect: str) -> None:
    """However deep a row or a page nests, nothing is read of it, and the connection goes on."""
    deep = b'{"data":' + b"[" * 200_000 + b"]" * 200_000 + b"}"
    profile = profile_of(dialect)
    assert [profile.glance(row, "") for row in (deep, b'{"x":' + deep + b"}")] == [(), ()]


@pytest.mark.parametrize("dialect", ["binance.spot", "coinbase.exchange"])
def test_pages_that_never_end_in_themselves(dialect: str) -> None:
    """Such a page holds no trades."""
    backfill = profile_of(dialect).backfill
    assert backfill is not None
    with pytest.raises(ValueError, match="recursion"):
        backfill.page(b'[{"x":' + b"[" * 200_000 + b"]" * 200_000 + b"}]")


@settings(max_examples=examples(500))
@given(
    st.sets(st.integers(1, 60), min_size=1), st.integers(1, 60), st.integers(0, 30), st.booleans(), st.integers(1, 7)
)
def test_pages_reach_every_trade(
    held: set[int],
    first: int,
    more: int,
    ascending: bool,  # noqa: FBT001 - drawn
    rows: int,
) -> None:
    """Page after page, from old to new or from new to old, every trade that the venue holds of a hole is asked for."""
    last = first + more
    left: Missing | None = Missing("X", "trade", first, last)
    backfill = Backfill(lambda _missing, _key: None, lambda _body: Page(), rows, ascending=ascending)
    found: set[int] = set()
    for _ in range(100):
        if left is None:
            break
        page = _page(held, left, rows, ascending=ascending)
        found |= set(page)
        left = backfill.rest(left, Page(min(page), max(page), len(page)) if page else Page())
    assert left is None
    assert found >= {one for one in held if first <= one <= last}


def _page(held: set[int], left: Missing, rows: int, *, ascending: bool) -> list[int]:
    if ascending:
        return sorted(one for one in held if one >= left.first)[:rows]
    return sorted(one for one in held if left.last is not None and one <= left.last)[-rows:]


SYMBOLS = Subscription(("BTCUSDT", "ETHUSDT"), ("trade", "depth@100ms"), 1_000)
PAIRS = Subscription(("XBT/USD",), ("trade", "book-10"), 1_000)


def test_addresses_and_subscriptions() -> None:
    """Streams are named, and subscribed to, in each venue's own words."""
    spot, coinbase, kraken = (profile_of(name) for name in ("binance.spot", "coinbase.exchange", "kraken.v1"))
    assert spot.path(SYMBOLS) == ("/stream?streams=btcusdt@trade/btcusdt@depth@100ms/ethusdt@trade/ethusdt@depth@100ms")
    assert coinbase.subscribe(Subscription(("BTC-USD",), ("matches",))) == (
        '{"type": "subscribe", "product_ids": ["BTC-USD"], "channels": ["matches"]}',
    )
    assert kraken.subscribe(PAIRS) == (
        '{"event": "subscribe", "pair": ["XBT/USD"], "subscription": {"name": "trade"}}',
        '{"event": "subscribe", "pair": ["XBT/USD"], "subscription": {"name": "book", "depth": 10}}',
    )
    assert kraken.resubscribe is not None
    assert [json.loads(text)["event"] for text in kraken.resubscribe(PAIRS, "XBT/USD")] == ["unsubscribe", "subscribe"]


@pytest.mark.parametrize(
    ("dialect", "channel", "key", "path", "query"),
    [
        ("binance.spot", "trade", "", "/api/v3/historicalTrades", {"fromId": "7", "limit": "3"}),
        ("binance.spot", "aggTrade", "", "/api/v3/aggTrades", {"fromId": "7", "limit": "3"}),
        ("binance.usdm", "trade", "k", "/fapi/v1/historicalTrades", {"fromId": "7", "limit": "3"}),
        ("binance.coinm", "aggTrade", "", "/dapi/v1/aggTrades", {"fromId": "7", "limit": "3"}),
        ("coinbase.exchange", "matches", "", "/products/X/trades", {"after": "10", "limit": "3"}),
    ],
)
def test_requests_for_trades(dialect: str, channel: str, key: str, path: str, query: dict[str, str]) -> None:
    """Missing trades are asked for by id, no more of them than are missing."""
    backfill = profile_of(dialect).backfill
    assert backfill is not None
    request = backfill.request(Missing("X", channel, 7, 9), key)
    assert request is not None
    assert (request.path, {**request.query, "symbol": "X"}) == (path, {**query, "symbol": "X"})
    assert bool(request.headers) == bool(key)


@pytest.mark.parametrize(
    ("dialect", "missing"),
    [
        ("binance.usdm", Missing("X", "trade", 7, 9)),  # only with a key
        ("coinbase.exchange", Missing("X", "matches", 7)),  # the last one is not known
    ],
)
def test_trades_that_are_not_offered(dialect: str, missing: Missing) -> None:
    """What a venue does not offer is not asked for."""
    backfill = profile_of(dialect).backfill
    assert backfill is not None
    assert backfill.request(missing, "") is None


@pytest.mark.parametrize(("depth", "limit", "weight"), [(50, "100", 5), (1_000, "1000", 50), (9_999, "5000", 250)])
def test_snapshots_weigh_what_the_venue_says(depth: int, limit: str, weight: float) -> None:
    """A snapshot has at least the levels wanted, and counts as heavy as the venue documents."""
    snapshot = profile_of("binance.spot").snapshot
    assert snapshot is not None
    assert snapshot("X", depth) == Request("/api/v3/depth", {"symbol": "X", "limit": limit}, weight)


@pytest.mark.parametrize("body", [b"{}", b"[1]", b'{"code":-1121}', b"", b"\xff"])
@pytest.mark.parametrize("dialect", ["binance.spot", "coinbase.exchange"])
def test_answers_without_trades(dialect: str, body: bytes) -> None:
    """An answer that is no list of trades is a ValueError."""
    backfill = profile_of(dialect).backfill
    assert backfill is not None
    with pytest.raises(ValueError):  # noqa: PT011 - the parser's own words
        backfill.page(body)


@pytest.mark.parametrize("dialect", ["nowhere.spot", "_profile.x", "binance.nothing", "", "../x", "BINANCE.spot"])
def test_unknown_dialects(dialect: str) -> None:
    """A dialect that nobody connects to is refused in one sentence that names the others."""
    with pytest.raises(ValueError, match=r"known are binance\.coinm, "):
        profile_of(dialect)


def test_a_book_comes_anew_in_one_way() -> None:
    """A profile without a way to bring a book anew, or with two, is refused."""
    with pytest.raises(ValueError, match="either by snapshot or by resubscribe"):
        Profile(
            "x.y",
            "",
            "",
            (),
            Limits(Rate(1, 1), Rate(1, 1), Rate(1, 1), 1),
            glance=lambda _row, _symbol: (),
            path=lambda _wanted: "",
            subscribe=lambda _wanted: (),
            rule=Rule.UNNUMBERED,
            depth=0,
            bar_channel=lambda _channels: "",
        )


@given(st.decimals(0, 10**9, places=18))
def test_units_are_exact(value: object) -> None:
    """A decimal's units and digits come from its text alone."""
    text = f"{value:f}"
    assert units(text) == int(text.replace(".", ""))
    assert digits(text) == 18
    with pytest.raises(ValueError, match="decimals"):
        units(text + "0")


@given(st.decimals(0, 10**9, places=9), st.decimals(Decimal("-0.00000001"), Decimal("0.00000001"), places=9))
def test_crossed_quotes(bid: Decimal, gap: Decimal) -> None:
    """A quote is crossed exactly when its bid is above its ask, however little."""
    row = {"stream": "x@bookTicker", "data": {"u": 1, "s": "X", "b": f"{bid:f}", "a": f"{bid + gap:f}"}}
    (seen,) = profile_of("binance.spot").glance(json.dumps(row).encode(), "")
    assert seen.crossed == (gap < 0)
