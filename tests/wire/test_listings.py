"""Listings of real venues read as an independent reader counts them; what no form fits is refused."""

import contextlib
import gzip
import json
import pathlib
from decimal import Decimal
from typing import Any

import pytest
from counts import examples
from hypothesis import given, settings
from hypothesis import strategies as st

from functions.domain.adjustments import ActionKind
from functions.domain.loads import Told, take_in
from functions.domain.reference import AssetClass, Instrument, TradingStatus
from functions.domain.sessions import FOREVER
from functions.wire.errors import Malformed
from functions.wire.listings.reading import read_listing

FILES = {
    "BINANCE": "binance_multi_ws_rest_20211011/BINANCE.0.gz",
    "COINBASE": "coinbase_ws_20210417_a/COINBASE.0",
    "KRAKEN": "kraken_ws_20210417/KRAKEN.0",
}
NOW = 1_700_000_000_000_000_000


def captured(folder: pathlib.Path, venue: str) -> bytes:
    """Read a venue's capture of its listing."""
    path = folder / FILES[venue]
    return gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()


def independent(data: bytes) -> Any:  # noqa: ANN401 - a venue's JSON
    """Read the same with the standard library and nothing of ours."""
    return json.loads(data.splitlines()[0].split(b": ", 1)[1])


def expected_steps(venue: str, document: Any) -> dict[str, tuple[Decimal, Decimal]]:  # noqa: ANN401 - as above
    """Work out tick and lot by venue symbol."""
    if venue == "BINANCE":
        filters = {one["symbol"]: {rule["filterType"]: rule for rule in one["filters"]} for one in document["symbols"]}
        return {
            symbol: (Decimal(rules["PRICE_FILTER"]["tickSize"]), Decimal(rules["LOT_SIZE"]["stepSize"]))
            for symbol, rules in filters.items()
        }
    if venue == "COINBASE":
        return {one["id"]: (Decimal(one["quote_increment"]), Decimal(one["base_increment"])) for one in document}
    pairs = document["result"].values()
    return {
        one.get("wsname", one["altname"]).replace("XBT/", "BTC/").replace("/XBT", "/BTC").replace("XDG/", "DOGE/"): (
            Decimal(10) ** -one["pair_decimals"],
            Decimal(10) ** -one["lot_decimals"],
        )
        for one in pairs
    }


@pytest.mark.parametrize(("venue", "total"), [("BINANCE", 1695), ("COINBASE", 162), ("KRAKEN", 304)])
def test_captured_listings(captures: pathlib.Path, venue: str, total: int) -> None:
    """Every symbol is there once, under an id of its own, with the steps that the venue told, at its time."""
    data = captured(captures, venue)
    listing = read_listing(data)
    found = {one.instrument.venue_symbol: one.instrument.steps[-1] for one in listing.updates}
    assert {name: (one.tick_size, one.lot_size) for name, one in found.items()} == expected_steps(
        venue, independent(data)
    )
    assert len({one.instrument.instrument_id for one in listing.updates}) == len(listing.updates) == total
    assert {one.instrument.venue for one in listing.updates} == {venue}
    assert listing.at_ns == int(Decimal(data.split(b" -> ")[1].split(b":")[0].decode()) * 10**9)


@pytest.mark.parametrize("venue", FILES)
def test_taken_in_twice(captures: pathlib.Path, venue: str) -> None:
    """Loading a listing again changes nothing."""
    listing = read_listing(captured(captures, venue))
    known = {one.instrument_id: one for one in take_in({}, listing.updates, at_ns=NOW).written}
    again = take_in(known, listing.updates, at_ns=NOW + 1)
    assert (again.written, again.unchanged) == ((), len(listing.updates))


def test_binance_statuses(captures: pathlib.Path) -> None:
    """What is not trading is closed, with the venue's word for why."""
    data = captured(captures, "BINANCE")
    told = {one["symbol"]: one["status"] for one in independent(data)["symbols"]}
    found = {one.instrument.venue_symbol: one.instrument.statuses[-1] for one in read_listing(data).updates}
    closed = {symbol for symbol, status in found.items() if status.status is TradingStatus.CLOSED}
    assert closed == {symbol for symbol, status in told.items() if status == "BREAK"}
    assert {found[symbol].reason for symbol in closed} == {"BREAK"}


def test_kraken_names(captures: pathlib.Path) -> None:
    """Kraken's own codes become the usual ones; what it called a pair elsewhere finds it too; dark pools are apart."""
    found = {one.instrument.instrument_id: one.instrument for one in read_listing(captured(captures, "KRAKEN")).updates}
    assert (found["BTC-CHF.KRAKEN"].venue_symbol, found["BTC-CHF.KRAKEN"].aliases) == ("BTC/CHF", ("XBT/CHF", "XBTCHF"))
    assert "XXBTZUSD" in found["BTC-USD.KRAKEN"].aliases
    assert found["DOGE-EUR.KRAKEN"].base_currency == "DOGE"
    assert found["ETH-BTC-DARK.KRAKEN"].venue_symbol == "ETHXBT.d"


def only(document: object, **more: int) -> Instrument:
    """Read the one instrument of a listing."""
    (update,) = read_listing(json.dumps(document).encode(), **more).updates  # type: ignore[arg-type]  # at_ns
    return update.instrument


FUTURE = {
    "symbol": "BTCUSDT",
    "contractType": "PERPETUAL",
    "baseAsset": "BTC",
    "quoteAsset": "USDT",
    "baseAssetPrecision": 8,
    "quotePrecision": 8,
    "status": "TRADING",
    "onboardDate": 1569398400000,
    "filters": [
        {"filterType": "PRICE_FILTER", "tickSize": "0.10"},
        {"filterType": "LOT_SIZE", "stepSize": "0.001"},
    ],
}


@pytest.mark.parametrize(
    ("changes", "name", "kind", "multiplier"),
    [
        ({}, "BTC-USDT-PERP.BINANCEUSDM", AssetClass.PERPETUAL, "1"),
        ({"symbol": "BTCUSDT_240628"}, "BTC-USDT-240628.BINANCEUSDM", AssetClass.FUTURE, "1"),
        (
            {"symbol": "BTCUSD_PERP", "quoteAsset": "USD", "contractSize": 100, "contractStatus": "TRADING"},
            "BTC-USD-PERP.BINANCECOINM",
            AssetClass.PERPETUAL,
            "100",
        ),
    ],
)
def test_binance_futures(changes: dict[str, Any], name: str, kind: AssetClass, multiplier: str) -> None:
    """USD-M and COIN-M contracts differ by their size in dollars, perpetuals and dated ones by their symbol."""
    one = only({"symbols": [{**FUTURE, **changes}], "serverTime": 5})
    assert (one.instrument_id, one.asset_class, one.multiplier) == (name, kind, Decimal(multiplier))
    assert one.listed_from_ns == 1569398400000 * 1_000_000


def test_coinbase_advanced() -> None:
    """The products of Advanced say the same as those of Exchange; one that takes cancels only is halted."""
    product = {
        "product_id": "BTC-USD",
        "base_currency_id": "BTC",
        "quote_currency_id": "USD",
        "base_increment": "0.00000001",
        "quote_increment": "0.01",
        "price_increment": "0.01",
        "cancel_only": True,
    }
    one = only({"products": [product]}, at_ns=5)
    assert (one.instrument_id, one.steps[-1].tick_size) == ("BTC-USD.COINBASE", Decimal("0.01"))
    assert (one.statuses[-1].status, one.statuses[-1].reason) == (TradingStatus.HALTED, "cancel_only")


def test_polygon() -> None:
    """A ticker is a US share in cents, with sector and value where the overview tells them."""
    overview = {
        "ticker": "AAPL",
        "market": "stocks",
        "type": "CS",
        "primary_exchange": "XNAS",
        "currency_name": "usd",
        "sic_description": "ELECTRONIC COMPUTERS",
        "market_cap": 2771126040150.5,
        "list_date": "1980-12-12",
    }
    one = only({"results": overview}, at_ns=NOW)
    assert (one.instrument_id, one.calendar, one.asset_class) == ("AAPL.US", "XNAS", AssetClass.EQUITY)
    assert (one.market_cap, one.market_cap_as_of_ns) == (Decimal("2771126040150.5"), NOW)
    listed = only({"results": [{"ticker": "SPY", "market": "stocks", "type": "ETF", "primary_exchange": "ARCX"}]})
    assert (listed.asset_class, listed.calendar, listed.listed_to_ns) == (AssetClass.FUND, "XNYS", FOREVER)
    gone = {"ticker": "FB", "market": "stocks", "active": False, "delisted_utc": "2022-06-09T00:00:00Z"}
    assert only({"results": [gone]}).listed_to_ns == 1_654_732_800_000_000_000


def test_polygon_actions() -> None:
    """Splits and dividends become actions of their tickers, known when they were declared, and tell no steps."""
    splits = {"results": [{"ticker": "AAPL", "execution_date": "2020-08-31", "split_from": 1, "split_to": 4}]}
    dividends = {
        "results": [
            {
                "ticker": "AAPL",
                "ex_dividend_date": "2020-08-07",
                "declaration_date": "2020-07-30",
                "cash_amount": 0.82,
            }
        ]
    }
    (split,) = only(splits, at_ns=NOW).actions
    (dividend,) = only(dividends, at_ns=NOW).actions
    assert (split.kind, split.ratio, split.known_ns) == (ActionKind.SPLIT, Decimal(4), NOW)
    assert (dividend.amount, dividend.known_ns) == (Decimal("0.82"), 1_596_153_600_000_000_000)
    assert read_listing(json.dumps(splits).encode()).updates[0].told is Told.NOTHING


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"[]",
        b"{}",
        b"null",
        b"7",
        b'{"results": []}',
        b'{"symbols": [{}]}',
        b'{"error": ["EGeneral"], "result": {"X": {"altname": "X", "pair_decimals": 1}}}',
        b'{"results": [{"ticker": "X:BTC", "market": "crypto"}]}',
        b'{"results": [{"ticker": "A", "execution_date": "2020-01-01", "split_from": 0, "split_to": 1}]}',
        b'{"result": {"A": {"altname": "A", "base": "A", "quote": "B", "pair_decimals": 99, "lot_decimals": 8}}}',
        b"https://api.binance.com/x -> 5.0: nonsense",
        b"[" * 100_000,
    ],
)
def test_listings_that_are_none(data: bytes) -> None:
    """Answers of nobody we know, with errors, or with figures that cannot be, are Malformed."""
    with pytest.raises(Malformed):
        read_listing(data)


@settings(max_examples=examples(2000), deadline=None)
@given(
    document=st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=5),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(
                    ["symbols", "results", "result", "ticker", "altname", "pair_decimals", "id", "instruments"]
                ),
                inner,
                max_size=4,
            )
        ),
        max_leaves=12,
    )
)
def test_any_json(document: object) -> None:
    """Whatever JSON comes, it is read or Malformed."""
    with contextlib.suppress(Malformed):
        assert read_listing(json.dumps(document).encode()).updates is not None
