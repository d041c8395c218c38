"""Check Binance's rows: against the real captures, against exact decimals, and against the row-by-row reading."""

import gzip
import json
import pathlib
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields, replace
from decimal import Decimal
from typing import Any, Final

import numpy as np
import pytest
from counts import count, examples
from hypothesis import given, settings
from hypothesis import strategies as st

from functions.domain.market import (
    BOOK_SNAPSHOT,
    BOOK_TELLS_PREVIOUS,
    NO_VENUE_TIME,
    QUOTE_CROSSED,
    QUOTE_LOCKED,
    SIDE_BUY,
    SIDE_SELL,
    TRADE_INFORMS_ONLY,
    InstrumentRef,
    OversizedRow,
    RawBatch,
    TickBatch,
)
from functions.wire.codecs.market import encode_tick_batch
from functions.wire.errors import Malformed
from functions.wire.venues.binance import DECODERS, instrument_id
from functions.wire.venues.columns import Decoder
from functions.wire.venues.digits import BadText, mantissa
from functions.wire.venues.forms import Forms
from functions.wire.venues.layouts import LAYOUTS_MAX
from functions.wire.venues.registry import decoder_of

SPOT_UNITS: Final = {"ETHUSDT": InstrumentRef("ETH-USDT.BINANCE", -2, -5)}
USDM_UNITS: Final = {"ETHUSDT": InstrumentRef("ETH-USDT-PERP.BINANCEUSDM", -2, -3)}
UNITS: Final = {"binance.spot": SPOT_UNITS, "binance.usdm": USDM_UNITS}
NOW: Final = 1_723_161_256_000_000_000


@dataclass(frozen=True, slots=True)
class Capture:
    """What a capture's README tells of it."""

    path: str
    dialect: str
    kinds: dict[str, int]
    quantity: Decimal
    notional: Decimal


CAPTURES: Final = (
    Capture(
        "binance_spot_ws_ethusdt/ethusdt_20240808.gz",
        "binance.spot",
        {"trade": 6106, "bookTicker": 24077, "depthUpdate": 3434, "snapshot": 1},
        Decimal("2261.3149"),
        Decimal("6066483.27618"),
    ),
    Capture(
        "binance_spot_ws_ethusdt/ethusdt_20240809.gz",
        "binance.spot",
        {"trade": 8409, "bookTicker": 34681, "depthUpdate": 3036},
        Decimal("2011.4092"),
        Decimal("5387725.850172"),
    ),
    Capture(
        "binance_usdm_ws_ethusdt/ethusdt_20240808.gz",
        "binance.usdm",
        {"trade": 14076, "bookTicker": 53992, "depthUpdate": 6586, "snapshot": 1},
        Decimal("9164.948"),
        Decimal("24574856.5142"),
    ),
)


def batch_of(rows: Sequence[bytes], dialect: str = "binance.spot", **more: object) -> RawBatch:
    """Put rows into a batch that was received at NOW."""
    values: dict[str, Any] = {
        "shard": "BINANCE-0",
        "stream": "BINANCE-0.replay",
        "dialect": dialect,
        "first_row": 0,
        "payload": b"".join(rows),
        "offsets": np.cumsum([0, *map(len, rows)]).astype(np.uint32),
        "ts_receive": np.full(len(rows), NOW, np.int64),
        "symbol": "ETHUSDT",
        "bar_channel": "trade",
    }
    return RawBatch(**{**values, **more})


def decode(rows: Sequence[bytes], dialect: str = "binance.spot", **more: object) -> TickBatch:
    return decoder_of(dialect)(batch_of(rows, dialect, **more), UNITS[dialect])


def trade(**more: object) -> bytes:
    """Write a trade; a value given as bytes is written as it is."""
    content = {
        "e": "trade",
        "E": 1723161255612,
        "s": "ETHUSDT",
        "t": 1520538925,
        "p": "2683.80000000",
        "q": "0.00200000",
        "T": 1723161255611,
        "m": True,
        "M": True,
        **more,
    }
    text = ",".join(f'"{name}":{_json(value)}' for name, value in content.items() if value is not ...)
    return b'{"stream":"ethusdt@trade","data":{' + text.encode() + b"}}"


def _json(value: object) -> str:
    return value.decode() if isinstance(value, bytes) else json.dumps(value)


def quote(bid: str, ask: str, size: str = "1.00000000") -> bytes:
    content = {"u": 5, "s": "ETHUSDT", "b": bid, "B": size, "a": ask, "A": "2.00000000"}
    return json.dumps({"stream": "ethusdt@bookTicker", "data": content}, separators=(",", ":")).encode()


def depth(bids: list[list[str]], asks: list[list[str]], **more: object) -> bytes:
    content = {"e": "depthUpdate", "E": 1723161255308, "s": "ETHUSDT", "U": 3, "u": 5, **more, "b": bids, "a": asks}
    return json.dumps({"stream": "ethusdt@depth@100ms", "data": content}, separators=(",", ":")).encode()


def read_capture(path: pathlib.Path) -> tuple[list[bytes], list[int]]:
    with gzip.open(path) as lines:
        parted = [line.rstrip(b"\n").partition(b" ") for line in lines]
    return [row for _, _, row in parted], [int(received) for received, _, _ in parted]


def _head(path: pathlib.Path, size: int) -> tuple[list[bytes], list[int]]:
    rows, received = read_capture(path)
    return rows[:size], received[:size]


def cut(rows: list[bytes], received: list[int], dialect: str, size: int) -> Iterator[TickBatch]:
    for start in range(0, len(rows), size):
        batch = batch_of(
            rows[start : start + size],
            dialect,
            first_row=start,
            ts_receive=np.array(received[start : start + size], np.int64),
        )
        yield decoder_of(dialect)(batch, UNITS[dialect])


def joined(batches: Sequence[TickBatch]) -> dict[str, Any]:
    """Join the columns of batches; rows become rows of the tape, instruments their ids."""
    columns: dict[str, Any] = {}
    for name in ("trades", "quotes", "book"):
        sections = [getattr(batch, name) for batch in batches]
        for field in fields(sections[0]):
            columns[f"{name}.{field.name}"] = np.concatenate([getattr(one, field.name) for one in sections]).tolist()
        columns[f"{name}.row"] = [batch.first_row + int(row) for batch in batches for row in getattr(batch, name).row]
        columns[f"{name}.instrument"] = [
            batch.instruments[index].instrument_id for batch in batches for index in getattr(batch, name).instrument
        ]
    columns["rejections"] = [rejection for batch in batches for rejection in batch.rejections]
    columns["kinds"] = sum((Counter(dict(batch.kinds)) for batch in batches), Counter())
    return columns


def row_by_row(dialect: str) -> Decoder:
    """Make a decoder that knows no form of row, so that it reads every row by itself."""
    return Decoder(replace(DECODERS[dialect].venue, read_form=lambda _: None))


@pytest.mark.parametrize("capture", CAPTURES, ids=lambda capture: capture.path.replace("/", "-"))
def test_captures_give_what_their_readme_tells(captures: pathlib.Path, capture: Capture) -> None:
    """Every line of a real capture is accounted for, and quantity and notional are exact."""
    rows, received = read_capture(captures / capture.path)
    batches = list(cut(rows, received, capture.dialect, 512))
    found = joined(batches)
    assert dict(found["kinds"]) == capture.kinds
    assert sum(capture.kinds.values()) == len(rows)
    assert found["rejections"] == []
    unit = batches[-1].instruments[0]
    price, size = found["trades.price"], found["trades.size"]
    notional = sum(one * other for one, other in zip(price, size, strict=True))
    assert Decimal(sum(size)).scaleb(unit.size_exponent) == capture.quantity
    assert Decimal(notional).scaleb(unit.price_exponent + unit.size_exponent) == capture.notional


@pytest.mark.parametrize("capture", CAPTURES, ids=lambda capture: capture.path.replace("/", "-"))
def test_captures_read_alike_however_they_are_cut(captures: pathlib.Path, capture: Capture) -> None:
    """Cutting a tape at 1, 7, 64 or 512 rows changes no column."""
    rows, received = _head(captures / capture.path, count(20_000))
    whole = joined(list(cut(rows, received, capture.dialect, 512)))
    for size in (1, 7, 64):
        assert joined(list(cut(rows, received, capture.dialect, size))) == whole


@pytest.mark.parametrize("capture", CAPTURES, ids=lambda capture: capture.path.replace("/", "-"))
def test_captures_read_alike_row_by_row(captures: pathlib.Path, capture: Capture) -> None:
    """The column path and the row path give the same bytes."""
    rows, received = _head(captures / capture.path, count(5_000))
    slow = row_by_row(capture.dialect)
    batch = batch_of(rows, capture.dialect, ts_receive=np.array(received, np.int64))
    units = UNITS[capture.dialect]
    assert encode_tick_batch(decoder_of(capture.dialect)(batch, units)) == encode_tick_batch(slow(batch, units))


def test_captures_match_plain_json(captures: pathlib.Path) -> None:
    """Quotes and levels are those that a plain JSON reader finds."""
    rows, received = _head(captures / CAPTURES[0].path, 2_000)
    found = joined(list(cut(rows, received, "binance.spot", 240)))
    data = [content.get("data", content) for content in map(json.loads, rows)]
    quotes = [one for one in data if "B" in one]
    assert found["quotes.bid_price"] == [int(Decimal(one["b"]) * 100) for one in quotes]
    assert found["quotes.ask_size"] == [int(Decimal(one["A"]) * 100_000) for one in quotes]
    assert found["quotes.update_id"] == [one["u"] for one in quotes]
    books = [(one.get("b", one.get("bids")), one.get("a", one.get("asks"))) for one in data if "B" not in one | {}]
    levels = [level for bids, asks in books if isinstance(bids, list) for level in (*bids, *asks)]
    assert found["book.level_price"] == [int(Decimal(price) * 100) for price, _ in levels]
    assert found["book.level_size"] == [int(Decimal(size) * 100_000) for _, size in levels]


def test_four_symbols_are_told_apart(captures: pathlib.Path) -> None:
    """The multi-symbol capture keeps each row with its own instrument; symbols without reference count in 10^-8."""
    lines = (captures / "binance_multi_ws_rest_20211011" / "BINANCE.ws.1.0").read_bytes().splitlines()
    rows = [line.partition(b": ")[2] for line in lines if line[:1].isdigit()]
    received = np.full(len(rows), 1_633_998_600_000_000_000, np.int64)
    batch = decoder_of("binance.spot")(batch_of(rows, symbol="", ts_receive=received), {})
    assert dict(batch.kinds) == dict(Counter(_kind(row) for row in rows))
    assert batch.rejections == ()
    ids = {"NKNUSDT": "NKN-USDT.BINANCE", "BLZETH": "BLZ-ETH.BINANCE"} | {
        "LRCBTC": "LRC-BTC.BINANCE",
        "RUNEEUR": "RUNE-EUR.BINANCE",
    }
    assert {one.instrument_id for one in batch.instruments} <= set(ids.values())
    assert {(one.price_exponent, one.size_exponent) for one in batch.instruments} == {(-8, -8)}
    quotes = [(row, json.loads(rows[row])["data"]) for row in batch.quotes.row]
    assert [batch.instruments[one].instrument_id for one in batch.quotes.instrument] == [
        ids[data["s"]] for _, data in quotes
    ]
    assert batch.quotes.bid_price.tolist() == [int(Decimal(data["b"]).scaleb(8)) for _, data in quotes]


def _kind(row: bytes) -> str:
    content = json.loads(row)
    if "data" not in content:
        return "control"
    return str(content["data"].get("e", "bookTicker"))


def test_a_snapshot_takes_its_batchs_symbol(captures: pathlib.Path) -> None:
    """REST snapshots name no symbol; their batch does."""
    text = (captures / "binance_multi_ws_rest_20211011" / "BINANCE.http.0.0").read_bytes()
    for line in text.splitlines():
        symbol = re.findall(rb"symbol=([A-Z]+)", line)
        row = line.partition(b": ")[2]
        if symbol:
            batch = decoder_of("binance.spot")(batch_of([row], symbol=symbol[0].decode()), {})
            assert batch.kinds == (("snapshot", 1),)
            assert batch.instruments[0].instrument_id == instrument_id(symbol[0].decode(), "BINANCE")
            assert batch.book.flags.tolist() == [BOOK_SNAPSHOT | NO_VENUE_TIME]
            assert batch.book.last_update_id.tolist() == [json.loads(row)["lastUpdateId"]]
            assert batch.book.bids.tolist() == [len(json.loads(row)["bids"])]


DIGITS: Final = st.text("0123456789", min_size=1, max_size=20)
TEXTS: Final = st.one_of(
    st.builds(lambda whole, part: f"{whole}.{part}", st.text("0123456789", min_size=1, max_size=7), DIGITS),
    st.builds(lambda price: f"{price / 100:.2f}", st.integers(1, 10**9)),
    st.builds(lambda price: f"{price / 100:.2f}000000", st.integers(1, 10**9)),
    st.builds(
        lambda sign, whole, power: f"{sign}{whole}e{power}", st.sampled_from(["", "-"]), DIGITS, st.integers(-30, 30)
    ),
    st.builds(str, st.integers(-(2**70), 2**70)),
    st.floats(allow_nan=True).map(repr),
    st.text("0123456789.eE+-xX_ NaInfity", max_size=12),
    st.text(max_size=6),
    st.sampled_from(
        [
            *("2683.800000000000001", "1e-7", "0x10", " 1", "1_000", "+1", "NaN", "-0", "0", "00", "007.5", ".5", "5."),
            *("1.", "", "1e", "1e400", "1e-400", "Infinity", "-inf", "nan", "1,5", "1.2.3", "\u0661\u0662", "1E2"),
            *("92233720368547758.07", "92233720368547758.08", "9223372036854775807", "99999999999999999", "1e+2"),
            *("0.01", "0.010", "0.001", "1e99999999999999999999", "0e99999999999999999999"),
        ]
    ),
)
READABLE: Final = re.compile(r"-?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]{1,9})?")


@settings(max_examples=examples(400), deadline=None)
@given(st.lists(TEXTS, min_size=50, max_size=50), st.booleans())
def test_prices_are_exact_or_rejected(texts: list[str], widened: bool) -> None:  # noqa: FBT001 - hypothesis gives it
    """Whatever the text of a price, the batch holds exactly that decimal, or refuses the row with a reason."""
    prices = [f"{text}000000" if widened and re.fullmatch(r"[0-9]+\.[0-9]{2}", text) else text for text in texts]
    rows = [trade(p=price, t=place) for place, price in enumerate(prices)]
    batch = decode(rows)
    found = dict(zip(batch.trades.trade_id.tolist(), batch.trades.price.tolist(), strict=True))
    refused = {rejection.row for rejection in batch.rejections}
    assert set(found) | refused == set(range(len(rows)))
    assert not set(found) & refused
    for place, price in found.items():
        assert Decimal(prices[place]).scaleb(2) == price
    for place in refused:
        assert not _fits(prices[place])


def _fits(text: str) -> bool:
    if READABLE.fullmatch(text) is None:
        return False
    scaled = Decimal(text).scaleb(2)
    return 0 < scaled < 2**63 and scaled == scaled.to_integral_value()


@settings(max_examples=examples(5_000), deadline=None)
@given(TEXTS, st.integers(-12, 0))
def test_one_decimal_is_exact_or_refused(text: str, exponent: int) -> None:
    """A single text gives the integer that the decimal module gives, or a reason."""
    try:
        found = mantissa(text, exponent)
    except BadText as error:
        refused = error.reason
    else:
        refused = ""
        assert Decimal(found).scaleb(exponent) == Decimal(text)
    assert refused in {"", "not_finite", "wrong_type", "too_fine", "out_of_range"}


LIVELY: Final = (
    trade(),
    trade(m=False, s="1000PEPEUSDT", p="0.0123400", q="123456789012"),
    trade(e="aggTrade", a=7, f=1, l=2),
    quote("2683.80", "2683.81"),
    quote("2683.81", "2683.80"),
    b'{"e":"bookTicker","u":51,"s":"ETHUSDT","b":"2681.6","B":"1165","a":"2681.63","A":"66.777","T":1723161256318,"E":1}',
    depth([["1.00", "2.0"], ["0.99", "3.5"]], [["1.01", "0.0"]]),
    depth([["1.00", "2"], ["0.99", "30"]], [], pu=2),
    depth([], []),
    b'{"lastUpdateId":5,"E":1723161256567,"T":1723161256561,"bids":[["1.0","2.0"]],"asks":[["1.1","2.0"],["1.2","2.0"]]}',
    b'{"result":null,"id":1}',
    b'{"e":"continuous_kline","E":1723161256567,"s":"ETHUSDT","k":{"o":"1.0"}}',
)


ODD_LEVELS: Final = (
    b'["1.1","2.0"],[."1.2","2.0"]',
    b'["1","2.0"],["1.2.3","4"]',
    b'["1.2.3","2"],["5","4.0"]',
    b'["1","2"],[."3","4.0"]',
    b'["1.0","2"].,["3","4"]',
    b'["1.0",."2"],["3","4"]',
)


@pytest.mark.parametrize("levels", ODD_LEVELS)
def test_a_point_that_stands_outside_its_number_is_refused(levels: bytes) -> None:
    """Points are counted text by text, so that one too many nowhere makes up for one that is missing elsewhere."""
    batch = decode([b'{"lastUpdateId":5,"E":1723161256567,"bids":[],"asks":[%s],"s":"ETHUSDT"}' % levels])
    assert not len(batch.book.level_price)
    assert len(batch.rejections) == 1


DAMAGE: Final = (b"", b"0", b"9", b".", b'"', b"-", b",", b"]", b"}", b"/", b"e1", b" ", b"\n", b"\xff", b"\\")


@settings(max_examples=examples(3_000), deadline=None)
@given(st.data())
def test_damaged_rows_read_alike_on_both_paths(data: st.DataObject) -> None:
    """Whatever is done to rows, columns and row-by-row reading give the same bytes, and neither fails."""
    rows = data.draw(st.lists(st.sampled_from(LIVELY), min_size=1, max_size=12))
    for _ in range(data.draw(st.integers(0, 4))):
        place = data.draw(st.integers(0, len(rows) - 1))
        at = data.draw(st.integers(0, len(rows[place])))
        size = data.draw(st.integers(0, 2))
        with_ = data.draw(
            st.sampled_from([b"", b"0", b"9", b".", b'"', b"-", b",", b"]", b"}", b"e1", b" ", b"\xff", b"\\"])
        )
        rows[place] = rows[place][:at] + with_ + rows[place][at + size :]
    batch = batch_of(rows, symbol=data.draw(st.sampled_from(["", "ETHUSDT"])))
    fast = DECODERS["binance.spot"](batch, SPOT_UNITS)
    again = DECODERS["binance.spot"](batch, SPOT_UNITS)
    assert encode_tick_batch(fast) == encode_tick_batch(row_by_row("binance.spot")(batch, SPOT_UNITS))
    assert encode_tick_batch(fast) == encode_tick_batch(again)
    assert sum(number for _, number in fast.kinds) == len(rows)


GOOD: Final = [
    trade(t=1),
    quote("2683.80", "2683.81"),
    depth([["1.00", "2.0"]], [["1.01", "0.0"]]),
    trade(t=2, m=False),
]
POISON: Final = (
    (b'{"e":"trade",', "bad_json"),
    (b"\xff\xfe", "bad_json"),
    (b"", "bad_json"),
    (b'{"s":"\xff"}', "bad_json"),
    (b"[" * 5_000, "bad_json"),
    (b"NaN,", "bad_json"),
    (b"[5]", "wrong_type"),
    (b'"text"', "wrong_type"),
    (b'{"e":5}', "wrong_type"),
    (b'{"hello":1}', "unknown_kind"),
    (b'{"e":"nonsense","s":"ETHUSDT"}', "unknown_kind"),
    (trade(p=b"NaN"), "not_finite"),
    (trade(p="NaN"), "not_finite"),
    (trade(q="-Infinity"), "not_finite"),
    (trade(q=b"-Infinity"), "not_finite"),
    (trade(p="-1.00"), "negative_price"),
    (trade(q="-1.00000000"), "negative_size"),
    (trade(p="0.00"), "zero_price"),
    (trade(q="0.00000000"), "zero_size"),
    (trade(p="2683.801"), "too_fine"),
    (trade(p="2683.80100000"), "too_fine"),
    (trade(p=b"2683.800000000000001"), "too_fine"),
    (trade(q="0.00000100"), "too_fine"),
    (trade(p=1723161255612000000000), "out_of_range"),
    (trade(p="1e300"), "out_of_range"),
    (trade(t=2**63), "out_of_range"),
    (trade(t=-1), "out_of_range"),
    (trade(T=2**62), "out_of_range"),
    (trade(t="5"), "wrong_type"),
    (trade(t=5.5), "wrong_type"),
    (trade(m=1), "wrong_type"),
    (trade(p=None), "wrong_type"),
    (trade(p=True), "wrong_type"),
    (trade(p=["1"]), "wrong_type"),
    (trade(p="+1"), "wrong_type"),
    (trade(s=""), "wrong_type"),
    (trade(s="ETH USDT"), "wrong_type"),
    (trade(t=b"007"), "bad_json"),
    (trade(p=...), "missing_field"),
    (trade(T=...), "missing_field"),
    (trade(T=1723161255611 + 20_000), "future_timestamp"),
    (quote("-1.00", "2.00"), "negative_price"),
    (quote("1.00", "2.00", "-1.0"), "negative_size"),
    (quote("1.001", "2.00"), "too_fine"),
    (depth([["1.00", "-1.0"]], []), "negative_size"),
    (depth([["1.00", "1.000001"]], []), "too_fine"),
    (depth([["1.00"]], []), "wrong_type"),
    (depth([["1.00", "2.0"]], [], E="x"), "wrong_type"),
    (depth([], [], E=1723161255611 + 20_000), "future_timestamp"),
)


@pytest.mark.parametrize(("row", "reason"), POISON, ids=lambda value: value if isinstance(value, str) else "")
def test_one_bad_row_harms_no_other(row: bytes, reason: str) -> None:
    """A bad row is rejected once, with its reason, and every good row stays as it was."""
    alone = decode([row])
    assert [(one.row, one.reason, one.raw) for one in alone.rejections] == [(0, reason, row[:1024])]
    assert alone.kinds == (("rejected", 1),)
    for place in range(len(GOOD) + 1):
        among = decode([*GOOD[:place], row, *GOOD[place:]], first_row=100)
        assert [(one.row, one.reason) for one in among.rejections] == [(100 + place, reason)]
        without = {name: column for name, column in joined([among]).items() if not name.endswith(".row")}
        wanted = {name: column for name, column in joined([decode(GOOD)]).items() if not name.endswith(".row")}
        for part in ("rejections", "kinds"):
            without.pop(part)
            wanted.pop(part)
        assert without == wanted


@pytest.mark.parametrize(
    ("row", "kind"),
    [
        (b'{"result":null,"id":1}', "control"),
        (b'{"code":2,"msg":"Invalid request"}', "control"),
        (b'{"error":{"code":3,"msg":"x"},"id":4}', "control"),
        (b'{"e":"continuous_kline","E":1,"s":"ETHUSDT","k":{}}', "continuous_kline"),
        (b'{"stream":"x","data":{"e":"24hrTicker"}}', "24hrTicker"),
        (b'{"timezone":"UTC","rateLimits":[],"symbols":[]}', "exchangeInfo"),
    ],
)
def test_known_kinds_without_use_are_counted(row: bytes, kind: str) -> None:
    """Rows that nothing here uses are counted by kind, and are no rejections."""
    batch = decode([row])
    assert batch.kinds == ((kind, 1),)
    assert batch.rejections == ()


def test_m_true_says_that_the_taker_sold() -> None:
    """The buyer being the maker, the aggressor sold."""
    assert decode([trade(m=True), trade(m=False)]).trades.side.tolist() == [SIDE_SELL, SIDE_BUY]


def test_trades_keep_venue_time_and_id() -> None:
    """A trade's time is the venue's trade time, in nanoseconds; its id is the venue's."""
    batch = decode([trade(), trade(e="aggTrade", a=9)])
    assert batch.trades.ts_event.tolist() == [1723161255611_000_000] * 2
    assert batch.trades.ts_receive.tolist() == [NOW] * 2
    assert batch.trades.trade_id.tolist() == [1520538925, 9]


@pytest.mark.parametrize(
    ("channel", "flags"), [("trade", [0, 1]), ("aggTrade", [1, 0]), ("", [0, 0]), ("other", [1, 1])]
)
def test_one_channel_feeds_bars(channel: str, flags: list[int]) -> None:
    """Trades of any other channel than the bars' inform only; without one, all feed them."""
    batch = decode([trade(), trade(e="aggTrade", a=9)], bar_channel=channel)
    assert batch.trades.flags.tolist() == [flag * TRADE_INFORMS_ONLY for flag in flags]
    slow = row_by_row("binance.spot")(batch_of([trade(), trade(e="aggTrade", a=9)], bar_channel=channel), SPOT_UNITS)
    assert encode_tick_batch(slow) == encode_tick_batch(batch)


def test_spot_quotes_have_no_venue_time() -> None:
    """Spot's bookTicker takes the receive time, and says so."""
    batch = decode([quote("2683.80", "2683.81")])
    assert batch.quotes.ts_event.tolist() == [NOW]
    assert batch.quotes.flags.tolist() == [NO_VENUE_TIME]


@pytest.mark.parametrize(
    ("bid", "ask", "flag"),
    [("2.00", "1.00", QUOTE_CROSSED), ("1.00", "1.00", QUOTE_LOCKED), ("1.00", "0.00", 0), ("0.00", "0.00", 0)],
)
def test_crossed_quotes_are_flagged_and_kept(bid: str, ask: str, flag: int) -> None:
    """A crossed or locked quote is data, not an error; an empty side crosses nothing."""
    batch = decode([quote("1.00", "2.00"), quote(bid, ask)])
    assert batch.rejections == ()
    assert batch.quotes.flags.tolist() == [NO_VENUE_TIME, NO_VENUE_TIME | flag]


def test_futures_depth_tells_its_predecessor() -> None:
    """`pu` of futures depth is kept and flagged; spot depth has none."""
    batch = decode([depth([], [], pu=2), depth([], [])], "binance.usdm")
    assert batch.book.previous_update_id.tolist() == [2, 0]
    assert batch.book.flags.tolist() == [BOOK_TELLS_PREVIOUS, 0]
    assert batch.book.first_update_id.tolist() == [3, 3]
    assert batch.book.last_update_id.tolist() == [5, 5]


def test_the_bare_payload_reads_like_the_envelope() -> None:
    """A single-stream connection sends no envelope; the ticks are the same."""
    bare = [json.dumps(json.loads(row)["data"], separators=(",", ":")).encode() for row in GOOD]
    assert encode_tick_batch(decode(bare)) == encode_tick_batch(decode(GOOD))


def test_white_space_changes_nothing() -> None:
    """JSON may be spaced out or end with a line feed."""
    spaced = [json.dumps(json.loads(row), indent=1).encode() + b"\r\n" for row in GOOD]
    assert encode_tick_batch(decode(spaced)) == encode_tick_batch(decode(GOOD))


def test_unquoted_decimals_stay_exact() -> None:
    """A price that is a JSON number passes through no float."""
    batch = decode([trade(p=b"90071992547409.93"), trade(p=b"2683.8"), trade(p=b"1e2")])
    assert batch.trades.price.tolist() == [9007199254740993, 268380, 10000]


def test_an_oversized_row_is_named_with_its_spool() -> None:
    """A row too long to travel is rejected with length and digest, and leads to its bytes."""
    stand_in = OversizedRow(1, 2**21, b"\x01" * 32, "spool/one")
    batch = decode([trade(), b'{"e":', trade(t=2)], oversized=(stand_in,))
    (rejection,) = batch.rejections
    assert rejection.reason == "oversized"
    assert "2097152 bytes" in rejection.detail
    assert "01" * 32 in rejection.detail
    assert rejection.spool_ref == "spool/one"
    assert len(batch.trades.row) == 2


def test_skew_is_a_setting() -> None:
    """How far venue time may be ahead of receive time is told by the caller."""
    batch = batch_of([trade(T=NOW // 1_000_000 + 500)])
    strict = decoder_of("binance.spot")(batch, SPOT_UNITS, future_skew_ms_max=499)
    assert [one.reason for one in strict.rejections] == ["future_timestamp"]
    assert decoder_of("binance.spot")(batch, SPOT_UNITS, future_skew_ms_max=500).rejections == ()


def test_a_snapshot_without_symbol_is_refused() -> None:
    """A snapshot that nobody names belongs to no instrument."""
    row = b'{"lastUpdateId":5,"bids":[["1.0","2.0"]],"asks":[]}'
    assert [one.reason for one in decode([row], symbol="").rejections] == ["missing_field"]


def test_instruments_are_numbered_by_first_appearance() -> None:
    """The dictionary depends on the batch alone: order of appearance, without rejected rows."""
    rows = [trade(s="XUSDT", q="-1"), trade(s="BTCUSDT"), trade(), trade(s="BTCUSDT")]
    for _ in range(2):
        batch = decode(rows)
        assert [one.instrument_id for one in batch.instruments] == ["BTC-USDT.BINANCE", "ETH-USDT.BINANCE"]
        assert batch.trades.instrument.tolist() == [0, 1, 0]


@pytest.mark.parametrize(
    ("symbol", "venue", "name"),
    [
        ("ETHUSDT", "BINANCE", "ETH-USDT.BINANCE"),
        ("ETHFDUSD", "BINANCE", "ETH-FDUSD.BINANCE"),
        ("BTCTUSD", "BINANCE", "BTC-TUSD.BINANCE"),
        ("RUNEEUR", "BINANCE", "RUNE-EUR.BINANCE"),
        ("BTCUSDT_250926", "BINANCEUSDM", "BTC-USDT-250926.BINANCEUSDM"),
        ("1000PEPEUSDT", "BINANCEUSDM", "1000PEPE-USDT-PERP.BINANCEUSDM"),
        ("USDT", "BINANCE", "USDT.BINANCE"),
    ],
)
def test_symbols_without_reference_are_split(symbol: str, venue: str, name: str) -> None:
    """Base and quote come from the longest known quote asset, else the raw symbol stays."""
    assert instrument_id(symbol, venue) == name


def test_symbols_with_digits_are_not_mixed_up() -> None:
    """Two symbols that differ in a digit alone stay two instruments."""
    rows = [trade(s="1000SHIBUSDT"), trade(s="1000PEPEUSDT"), trade(s="2000PEPEUSDT"), trade(s="1000PEPEUSDT")]
    batch = decode(rows)
    assert [batch.instruments[one].instrument_id.split("-")[0] for one in batch.trades.instrument] == [
        *("1000SHIB", "1000PEPE", "2000PEPE", "1000PEPE")
    ]


def test_an_empty_batch_carries_its_flags_on() -> None:
    """A heartbeat and the end of a tape give a batch without rows, with flags and clock."""
    batch = decode([], heartbeat=True, end_of_tape=True, ts_cut_ns=42)
    assert (batch.heartbeat, batch.end_of_tape, batch.ts_cut_ns, batch.row_count) == (True, True, 42, 0)


def test_memory_is_bounded() -> None:
    """However many forms of row pass by, the memory of them stays within its limit and ticks stay right."""
    decoder = decoder_of("binance.spot")
    for start in range(0, count(40_000), 500):
        numbers = range(start, start + 500)
        rows = [trade(s=f"A{'BCDEFGHIJK'[one % 10]}{'X' * (one // 10 % 50)}USDT", t=one) for one in numbers]
        batch = decoder(batch_of(rows), {})
        assert batch.trades.trade_id.tolist() == list(numbers)
    forms = decoder._readers[-1]  # noqa: SLF001 - the bound is what is tested
    assert isinstance(forms, Forms)
    assert len(forms._layouts.layouts) <= LAYOUTS_MAX  # noqa: SLF001


def test_an_unknown_dialect_is_malformed() -> None:
    """A dialect that no decoder reads is named, with those that are known."""
    with pytest.raises(Malformed, match=r"'kraken'.*binance\.coinm, binance\.spot"):
        decoder_of("kraken")
