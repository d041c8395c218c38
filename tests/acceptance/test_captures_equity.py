"""Every equity and currency capture decodes: each row is accounted for, and the ticks equal an independent reading."""

import io
import json
import pathlib
import re
import zipfile
from collections import Counter
from collections.abc import Iterator
from decimal import Decimal
from typing import Any, Final

import numpy as np
import polars as pl
import pytest
from decoding import accounted, decode, table

from functions.adapters.csv_tapes import capture_lines, symbol_of
from functions.domain.market import (
    NO_VENUE_TIME,
    QUOTE_CROSSED,
    QUOTE_LOCKED,
    TRADE_CORRECTION,
    TRADE_INFORMS_ONLY,
    TRADE_NOT_VOLUME,
    TRADE_WITHOUT_ID,
    TickBatch,
)
from functions.wire.tape import Cutter, TapeOptions
from functions.wire.venues.registry import decoder_of

IBM: Final = "us_equity_ticks_ibm/ibm"
EURUSD: Final = "fx_ticks_eurusd"
POLYGON: Final = "us_equity_json_polygon"
LSEG: Final = "reuters_lseg_json_samples"
UNIT: Final = 10**6
"""Mantissas of one dollar, and of one share."""
MINUTE_MS: Final = 60_000
DAY_MS: Final = 86_400_000


def batches(path: pathlib.Path, dialect: str, symbol: str = "") -> list[TickBatch]:
    """Read a file as a tape, cut it as `replay` does, and decode every batch."""
    options = TapeOptions("TEST-0", "TEST-0.replay", dialect, symbol=symbol or symbol_of(path), cut_ms=DAY_MS)
    cutter = Cutter(options, _keep_nothing)
    text = b"".join(capture_lines(path, dialect=dialect, symbol=symbol))
    decoder = decoder_of(dialect)
    return [decoder(batch, {}) for part in (cutter.feed(text), cutter.finish()) for batch in part]


def _keep_nothing(name: str, _: bytes) -> None:
    pytest.fail(f"no row of these captures is too long to travel, but {name} is")


def kinds(decoded: list[TickBatch]) -> dict[str, int]:
    """Add up the rows of each kind; together they are every row."""
    found: Counter[str] = Counter()
    for batch in decoded:
        assert accounted(batch) == batch.row_count
        found.update(dict(batch.kinds))
    return dict(found)


def columns(decoded: list[TickBatch], section: str) -> pl.DataFrame:
    """Put one section of all batches into a frame, with instrument ids."""
    return pl.concat([_frame(batch, section) for batch in decoded])


def _frame(batch: TickBatch, section: str) -> pl.DataFrame:
    part = getattr(batch, section)
    names = [name for name in type(part).__slots__ if name != "row"]
    ids = np.array([ref.instrument_id for ref in batch.instruments] or [""])
    return pl.DataFrame({name: getattr(part, name) for name in names}).with_columns(
        pl.Series("instrument", ids[part.instrument])
    )


def csv(path: pathlib.Path, *names: str) -> pl.DataFrame:
    """Read a zipped CSV with nothing of ours; every column is text."""
    with zipfile.ZipFile(path) as archive:
        text = archive.read(archive.namelist()[0])
    return pl.read_csv(io.BytesIO(text), has_header=False, new_columns=list(names), infer_schema=False)


def utc_ns(day: str, ms: str, zone: str) -> pl.Expr:
    """Turn milliseconds on a wall clock into UTC nanoseconds, as polars knows time zones."""
    midnight = pl.lit(day).str.to_datetime("%Y-%m-%d", time_unit="ns")
    shown = midnight + pl.duration(milliseconds=pl.col(ms).cast(pl.Int64))
    return shown.dt.replace_time_zone(zone).dt.convert_time_zone("UTC").dt.epoch("ns")


@pytest.fixture(scope="module")
def ibm_trades(captures: pathlib.Path) -> list[TickBatch]:
    """Decode IBM's trades."""
    return batches(captures / IBM / "tick/20131007_trade.zip", "lean.equity")


def test_ibm_trades(captures: pathlib.Path, ibm_trades: list[TickBatch]) -> None:
    """All 24,293 prints are taken, with the file's times, prices and sizes one by one; none has an id."""
    names = ("ms", "price", "size", "exchange", "conditions", "suspicious")
    told = csv(captures / IBM / "tick/20131007_trade.zip", *names)
    ours = columns(ibm_trades, "trades")
    assert kinds(ibm_trades) == {"trade": 24_293}
    assert (
        ours["ts_event"].to_list() == told.select(utc_ns("2013-10-07", "ms", "America/New_York")).to_series().to_list()
    )
    assert (ours["price"] // 100).to_list() == told["price"].cast(pl.Int64).to_list()
    assert (ours["size"] // UNIT).to_list() == told["size"].cast(pl.Int64).to_list()
    assert (ours["size"].sum(), set(ours["instrument"])) == (3_960_352 * UNIT, {"IBM.US"})
    assert (ours["flags"] & TRADE_WITHOUT_ID > 0).all()


def test_ibm_equal_prints_stay(captures: pathlib.Path, ibm_trades: list[TickBatch]) -> None:
    """The 1,274 rows that are exact copies of another are prints of their own and stay."""
    told = csv(
        captures / IBM / "tick/20131007_trade.zip", "ms", "price", "size", "exchange", "conditions", "suspicious"
    )
    assert len(told) - len(told.unique()) == 1274
    assert len(columns(ibm_trades, "trades")) == len(told)


def test_ibm_minutes(captures: pathlib.Path, ibm_trades: list[TickBatch]) -> None:
    """Volume equals the vendor's in 449 of 453 minutes; sale conditions explain two more, a moved print the rest."""
    vendor = csv(captures / IBM / "minute/20131007_trade.zip", "ms", "open", "high", "low", "close", "volume")
    theirs = {int(ms): int(volume) for ms, volume in vendor.select("ms", "volume").iter_rows()}
    every = _minute_volumes(columns(ibm_trades, "trades"))
    counting = _minute_volumes(columns(ibm_trades, "trades").filter(pl.col("flags") & TRADE_NOT_VOLUME == 0))
    assert (len(theirs), every.keys()) == (453, theirs.keys())
    assert sum(every[ms] == theirs[ms] for ms in theirs) == 449
    # The exchanges' official open and close are told as prints again, which the tape does not add to volume.
    off = {ms: counting[ms] - theirs[ms] for ms in theirs if counting[ms] != theirs[ms]}
    # The closing auction printed at 16:01:04; the vendor's bars have it in the last minute before 16:00.
    assert off == {57_540_000: -151_665, 57_660_000: 151_665}


def _minute_volumes(trades: pl.DataFrame) -> dict[int, int]:
    clock = pl.from_epoch("ts_event", "ns").dt.replace_time_zone("UTC").dt.convert_time_zone("America/New_York")
    minute = clock.dt.hour().cast(pl.Int64) * 60 + clock.dt.minute()
    found = trades.group_by(minute.alias("minute")).agg(pl.col("size").sum())
    return {at * MINUTE_MS: size // UNIT for at, size in found.iter_rows()}


def test_ibm_quotes(captures: pathlib.Path) -> None:
    """All 109,067 quotes are accounted for: one is suspicious, the others have the file's times, prices and sizes."""
    path = captures / IBM / "tick/20131007_quote.zip"
    names = ("ms", "bid_price", "bid_size", "ask_price", "ask_size", "exchange", "condition", "suspicious")
    told = csv(path, *names).filter(pl.col("suspicious") == "0")
    decoded = batches(path, "lean.equity")
    ours = columns(decoded, "quotes")
    assert kinds(decoded) == {"quote": 109_066, "suspicious_quote": 1}
    assert (
        ours["ts_event"].to_list() == told.select(utc_ns("2013-10-07", "ms", "America/New_York")).to_series().to_list()
    )
    for name, scale in (("bid_price", 100), ("ask_price", 100), ("bid_size", UNIT), ("ask_size", UNIT)):
        assert (ours[name] // scale).to_list() == told[name].cast(pl.Int64).to_list()
    assert ours["instrument"].n_unique() == told["exchange"].n_unique()


@pytest.mark.parametrize(("span", "rows", "quote_rows"), [("minute", 453, 554), ("second", 5_123, 11_676)])
def test_ibm_bars(captures: pathlib.Path, span: str, rows: int, quote_rows: int) -> None:
    """The vendor's trade bars are candles with its figures; its quote bars are counted and not used."""
    path = captures / IBM / span / "20131007_trade.zip"
    figures = ("open", "high", "low", "close", "volume")
    told = csv(path, "ms", *figures)
    decoded = batches(path, "lean.equity")
    ours = columns(decoded, "candles")
    assert kinds(decoded) == {"candle": rows}
    assert (
        ours["ts_event"].to_list() == told.select(utc_ns("2013-10-07", "ms", "America/New_York")).to_series().to_list()
    )
    for name, scale in zip(figures, (100, 100, 100, 100, UNIT), strict=True):
        assert (ours[name] // scale).to_list() == told[name].cast(pl.Int64).to_list()
    assert kinds(batches(captures / IBM / span / "20131007_quote.zip", "lean.equity")) == {"quote_bar": quote_rows}


@pytest.fixture(scope="module")
def eurusd(captures: pathlib.Path) -> pl.DataFrame:
    """Decode EURUSD's ticks."""
    decoded = batches(captures / EURUSD / "tick/20140501_quote.zip", "lean.forex")
    assert kinds(decoded) == {"quote": 51_053}
    return columns(decoded, "quotes")


def test_eurusd_ticks(captures: pathlib.Path, eurusd: pl.DataFrame) -> None:
    """All 51,053 ticks have the file's times and prices; 9,400 are locked or crossed, stay, and say so."""
    told = csv(captures / EURUSD / "tick/20140501_quote.zip", "ms", "bid", "ask")
    assert eurusd["ts_event"].to_list() == told.select(utc_ns("2014-05-01", "ms", "Etc/GMT+5")).to_series().to_list()
    for name in ("bid", "ask"):
        assert eurusd[f"{name}_price"].to_list() == [int(Decimal(one).scaleb(6)) for one in told[name]]
    bids, asks = (told[name].cast(pl.Decimal(10, 5)) for name in ("bid", "ask"))
    assert (eurusd["flags"] & QUOTE_CROSSED > 0).to_list() == (bids > asks).to_list()
    assert (eurusd["flags"] & QUOTE_LOCKED > 0).to_list() == (bids == asks).to_list()
    assert (eurusd["flags"] & (QUOTE_CROSSED | QUOTE_LOCKED) > 0).sum() == 9_400
    assert (eurusd["bid_size"].sum(), set(eurusd["instrument"])) == (0, {"EUR-USD.FXCM"})


@pytest.mark.parametrize(("span", "seconds", "bars"), [("minute", 60, 1_426), ("second", 1, 17_421)])
def test_eurusd_bars(captures: pathlib.Path, eurusd: pl.DataFrame, span: str, seconds: int, bars: int) -> None:
    """Bars built from the decoded ticks equal the vendor's in all eight prices, each minute and each second."""
    path = captures / EURUSD / span / "20140501_quote.zip"
    names = [f"{side}_{figure}" for side in ("bid", "ask") for figure in ("open", "high", "low", "close")]
    told = csv(path, "ms", *names[:4], "bid_size", *names[4:], "ask_size")
    expected = [[int(Decimal(row[name]).scaleb(6)) for name in names] for row in told.iter_rows(named=True)]
    assert kinds(batches(path, "lean.forex")) == {"quote_bar": bars}
    assert len(expected) == bars
    assert list(_quote_bars(eurusd, seconds)) == expected


def _quote_bars(ticks: pl.DataFrame, seconds: int) -> Iterator[list[int]]:
    figures = [
        getattr(pl.col(f"{side}_price"), figure)().alias(f"{side}_{figure}")
        for side in ("bid", "ask")
        for figure in ("first", "max", "min", "last")
    ]
    bucket = (pl.col("ts_event") // (seconds * 10**9)).alias("bucket")
    bars = ticks.group_by(bucket, maintain_order=True).agg(figures).drop("bucket")
    return map(list, bars.iter_rows())


def test_truefx_ticks(captures: pathlib.Path) -> None:
    """All 1,000 ticks behind the header have the file's times and prices."""
    path = captures / EURUSD / "truefx_usdjpy-ticks.csv"
    told = pl.read_csv(path, infer_schema=False)
    decoded = batches(path, "truefx.csv", "USDJPY")
    ours = columns(decoded, "quotes")
    times = told["timestamp"].str.to_datetime("%Y-%m-%d %H:%M:%S%.f%:z", time_unit="ns", time_zone="UTC")
    assert kinds(decoded) == {"header": 1, "quote": 1_000}
    assert ours["ts_event"].to_list() == times.dt.epoch("ns").to_list()
    for name in ("bid", "ask"):
        assert ours[f"{name}_price"].to_list() == [int(Decimal(one).scaleb(6)) for one in told[name]]
    assert set(ours["instrument"]) == {"USD-JPY.TRUEFX"}


POLYGON_FILES: Final = {
    "v1_marketstatus_now.json": ("", {"marketstatus": 1}),
    "v2_aggs_ticker_AAPL_range_1_day_2005-04-01_2005-04-04.json": ("AAPL@1/day", {"aggregate": 1}),
    "v2_last_nbbo_AAPL.json": ("", {"last_quote": 1}),
    "v2_last_trade_AAPL.json": ("", {"last_trade": 1}),
    "v2_reference_news&ticker=NFLX.json": ("", {"news": 1}),
    "v2_snapshot_locale_us_markets_stocks_tickers_AAPL.json": ("", {"snapshot": 1}),
    "v3_quotes_AAPL.json": ("AAPL", {"quote": 1}),
    "v3_quotes_AAPL_page2.json": ("AAPL", {"quote": 1}),
    "v3_reference_conditions&asset_class=stocks.json": ("", {"conditions": 1}),
    "v3_reference_exchanges.json": ("", {"exchanges": 1}),
    "v3_trades_AAPL&limit=2.json": ("AAPL", {"trade": 1}),
}
"""Each file with the symbol that its URL names, and its one row's kind."""


def polygon(captures: pathlib.Path, name: str) -> list[TickBatch]:
    """Decode one of Polygon's replies."""
    return batches(captures / POLYGON / name, "polygon.stocks", POLYGON_FILES[name][0])


def reply(captures: pathlib.Path, name: str) -> Any:  # noqa: ANN401 - JSON as the standard library reads it
    """Read one of Polygon's replies with nothing of ours."""
    return json.loads((captures / POLYGON / name).read_text(), parse_float=Decimal)


def scaled(*values: Decimal | int) -> list[int]:
    """Write figures as mantissas."""
    return [int(Decimal(value).scaleb(6)) for value in values]


def test_polygon_files_are_all_known(captures: pathlib.Path) -> None:
    """Every file of the folder is named here, and is one row of its kind."""
    assert {path.name for path in (captures / POLYGON).glob("*.json")} == POLYGON_FILES.keys()
    assert {name: kinds(polygon(captures, name)) for name in POLYGON_FILES} == {
        name: found for name, (_, found) in POLYGON_FILES.items()
    }


@pytest.mark.parametrize("name", ["v3_quotes_AAPL.json", "v3_quotes_AAPL_page2.json"])
def test_polygon_quotes(captures: pathlib.Path, name: str) -> None:
    """A page's ten quotes come oldest first, with the SIP's time and the venue's figures."""
    told = sorted(reply(captures, name)["results"], key=lambda one: one["sequence_number"])
    ours = columns(polygon(captures, name), "quotes")
    assert len(ours) == 10
    assert ours["ts_event"].to_list() == [one["sip_timestamp"] for one in told]
    assert ours["update_id"].to_list() == [one["sequence_number"] for one in told]
    for field in ("bid_price", "bid_size", "ask_price", "ask_size"):
        assert ours[field].to_list() == scaled(*(one[field] for one in told))
    assert set(ours["instrument"]) == {"AAPL.US"}


def test_polygon_trades(captures: pathlib.Path) -> None:
    """The two recorded prints keep price, size, time, sequence number, conditions and correction."""
    told = reply(captures, "v3_trades_AAPL&limit=2.json")["results"]
    ours = columns(polygon(captures, "v3_trades_AAPL&limit=2.json"), "trades")
    assert ours["ts_event"].to_list() == [one["sip_timestamp"] for one in told]
    assert ours["price"].to_list() == scaled(*(one["price"] for one in told))
    assert ours["size"].to_list() == scaled(*(one["size"] for one in told))
    assert [one % 2**40 for one in ours["trade_id"]] == [one["sequence_number"] for one in told]
    assert (ours["flags"] & TRADE_CORRECTION > 0).to_list() == [one["correction"] == 1 for one in told]


def test_polygon_last_trade_and_quote(captures: pathlib.Path) -> None:
    """A last trade only informs; a last quote is a quote."""
    trade, quote = (reply(captures, f"v2_last_{what}_AAPL.json")["results"] for what in ("trade", "nbbo"))
    [ours] = columns(polygon(captures, "v2_last_trade_AAPL.json"), "trades").iter_rows(named=True)
    assert [ours["ts_event"], ours["price"], ours["size"]] == [trade["t"], *scaled(trade["p"], trade["s"])]
    assert ours["flags"] & TRADE_INFORMS_ONLY
    [ours] = columns(polygon(captures, "v2_last_nbbo_AAPL.json"), "quotes").iter_rows(named=True)
    figures = [ours[name] for name in ("bid_price", "bid_size", "ask_price", "ask_size")]
    assert (ours["ts_event"], ours["update_id"]) == (quote["t"], quote["q"])
    assert figures == scaled(quote["p"], quote["s"], quote["P"], quote["S"])


def test_polygon_aggregates_and_snapshot(captures: pathlib.Path) -> None:
    """Days keep the venue's figures; a snapshot gives its last trade, its last quote and its minute."""
    name = "v2_aggs_ticker_AAPL_range_1_day_2005-04-01_2005-04-04.json"
    told, ours = reply(captures, name)["results"], columns(polygon(captures, name), "candles")
    assert ours["ts_event"].to_list() == [one["t"] * 10**6 for one in told]
    for column, field in (("open", "o"), ("high", "h"), ("low", "l"), ("close", "c"), ("volume", "v")):
        assert ours[column].to_list() == scaled(*(one[field] for one in told))
    assert (ours["trades"].to_list(), set(ours["interval_ns"])) == ([one["n"] for one in told], {86_400 * 10**9})
    snapshot = polygon(captures, "v2_snapshot_locale_us_markets_stocks_tickers_AAPL.json")
    assert [len(columns(snapshot, section)) for section in ("trades", "quotes", "candles")] == [1, 1, 1]
    told = reply(captures, "v2_snapshot_locale_us_markets_stocks_tickers_AAPL.json")["ticker"]
    assert columns(snapshot, "trades")["ts_event"].to_list() == [told["lastTrade"]["t"]]
    assert columns(snapshot, "quotes")["bid_price"].to_list() == scaled(told["lastQuote"]["p"])
    assert columns(snapshot, "candles")["volume"].to_list() == scaled(told["min"]["v"])


BLOCK: Final = re.compile(r"^(SENT|RECEIVED):\n(.*?^[\]}])", re.MULTILINE | re.DOTALL)


def test_lseg_logs(captures: pathlib.Path) -> None:
    """Every JSON block of the 18 logs is a login, a post or its acknowledgement: no prices, and each is counted."""
    logs = sorted((captures / LSEG / "marketprice_post").glob("*/*.txt"))
    blocks = [found for log in logs for found in BLOCK.findall(log.read_text())]
    assert (len(logs), len(blocks)) == (18, sum(_blocks_of(log) for log in logs))
    batch = decode([text.encode() for _, text in blocks], "lseg.json")
    expected = Counter(kind for direction, text in blocks for kind in [_expected_kind(direction, json.loads(text))])
    assert (dict(batch.kinds), batch.rejections) == (dict(expected), ())
    assert set(expected) == {"login", "post", "ack"}


def _blocks_of(log: pathlib.Path) -> int:
    return len(re.findall(r"^(?:SENT|RECEIVED):$", log.read_text(), re.MULTILINE))


def _expected_kind(direction: str, content: Any) -> str:  # noqa: ANN401 - JSON as the standard library reads it
    message = content if direction == "SENT" else content[0]
    return "login" if message.get("Domain") == "Login" else message["Type"].lower()


def test_lseg_posted_prices_would_be_quotes(captures: pathlib.Path) -> None:
    """The message inside of a post, sent back under its key, is a quote where it has both sides and nothing else is."""
    logs = sorted((captures / LSEG / "marketprice_post").glob("*/*.txt"))
    posts = [json.loads(text) for log in logs for _, text in BLOCK.findall(log.read_text()) if '"Post"' in text]
    inner = [{**post["Message"], "Key": post["Key"]} for post in posts if "Fields" in post["Message"]]
    batch = decode([json.dumps(one).encode() for one in inner], "lseg.json")
    both = [one["Fields"] for one in inner if {"BID", "ASK"} <= one["Fields"].keys()]
    assert not batch.rejections
    assert table(batch.quotes, "bid_price", "ask_price", "flags") == [
        (int(one["BID"]) * 10**8, int(one["ASK"]) * 10**8, NO_VENUE_TIME) for one in both
    ]
    assert len(both) > 0


def test_lseg_news_is_left_to_the_news(captures: pathlib.Path) -> None:
    """The two recorded news messages are counted as such and carry no prices."""
    paths = sorted((captures / LSEG / "mrn_story").glob("*.json"))
    rows = [b" ".join(path.read_bytes().split(b"\n")) for path in paths]
    assert decode(rows, "lseg.json").kinds == (("mrn", 2),)
