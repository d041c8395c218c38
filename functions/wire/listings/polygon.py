"""Read Polygon's reference of US shares: "Tickers", "Ticker Overview", "Stock Splits" and "Dividends" (documented)."""

from collections.abc import Iterable
from datetime import date
from decimal import Decimal
from typing import Any, Final, TypeVar

import msgspec

from functions.domain.adjustments import ActionKind, CorporateAction
from functions.domain.loads import Told, Update
from functions.domain.reference import AssetClass, Steps
from functions.domain.sessions import FOREVER
from functions.wire.attributes import parse_time
from functions.wire.errors import Malformed
from functions.wire.listings.records import DAY_NS, Listing, midnight_ns, update_from

T = TypeVar("T")


class _PolygonTicker(msgspec.Struct, frozen=True):
    ticker: str
    market: str
    primary_exchange: str = ""
    type: str = ""
    currency_name: str = ""
    active: bool = True
    delisted_utc: str = ""
    list_date: str = ""
    sic_description: str = ""
    market_cap: Decimal | None = None


class _PolygonSplit(msgspec.Struct, frozen=True):
    ticker: str
    execution_date: date
    split_from: Decimal
    split_to: Decimal


class _PolygonDividend(msgspec.Struct, frozen=True):
    ticker: str
    ex_dividend_date: date
    cash_amount: Decimal
    declaration_date: date | None = None


class _Results(msgspec.Struct, frozen=True):
    results: msgspec.Raw


US_TICK: Final = Decimal("0.01")
"""Regulation NMS, rule 612: one cent at and above one dollar, a hundredth of that below; trades may print finer."""

US_EXPONENTS: Final = (-6, -6)
"""Prints of averages have up to six decimals, and so have fractions of shares."""

_FUNDS: Final = frozenset(("ETF", "ETN", "ETV", "ETS", "FUND"))
_US_CALENDARS: Final = {"XNAS": "XNAS"}
"""Every other exchange of US shares keeps the hours of New York's."""


def read_polygon(data: bytes, at_ns: int) -> Listing:
    """Read an answer; one that tells no time is told of `at_ns`."""
    return Listing(tuple(_polygon_ticker(one, at_ns) for one in _results(data, _PolygonTicker)))


def _polygon_ticker(one: _PolygonTicker, at_ns: int) -> Update:
    if one.market != "stocks":
        reason = f"ticker {one.ticker}: its market is {one.market}; only stocks are read"
        raise Malformed(reason)
    ended = parse_time(one.delisted_utc) if one.delisted_utc else FOREVER
    return _us_update(
        one.ticker,
        Told.NOW,
        asset_class=AssetClass.FUND if one.type in _FUNDS else AssetClass.EQUITY,
        quote_currency=one.currency_name.upper(),
        sector=one.sic_description,
        market_cap=one.market_cap,
        market_cap_as_of_ns=0 if one.market_cap is None else at_ns,
        calendar=_US_CALENDARS.get(one.primary_exchange, "XNYS"),
        listed_from_ns=midnight_ns(date.fromisoformat(one.list_date)) if one.list_date else 0,
        listed_to_ns=FOREVER if one.active else ended,
    )


def read_polygon_splits(data: bytes, at_ns: int) -> Listing:
    """Read an answer; one that tells no time is told of `at_ns`."""
    splits = _results(data, _PolygonSplit)
    return _by_ticker(
        (one.ticker, CorporateAction(ActionKind.SPLIT, one.execution_date, at_ns, ratio=_ratio(one))) for one in splits
    )


def _ratio(one: _PolygonSplit) -> Decimal:
    if one.split_from <= 0:
        reason = f"a split of {one.ticker} from {one.split_from} shares cannot be"
        raise Malformed(reason)
    return one.split_to / one.split_from


def read_polygon_dividends(data: bytes, at_ns: int) -> Listing:
    """Read dividends; one is known from its declaration on, which gives no time, so from the end of that day."""
    return _by_ticker(
        (
            one.ticker,
            CorporateAction(
                ActionKind.DIVIDEND,
                one.ex_dividend_date,
                at_ns if one.declaration_date is None else midnight_ns(one.declaration_date) + DAY_NS,
                amount=one.cash_amount,
            ),
        )
        for one in _results(data, _PolygonDividend)
    )


def _by_ticker(actions: Iterable[tuple[str, CorporateAction]]) -> Listing:
    grouped: dict[str, list[CorporateAction]] = {}
    for ticker, action in actions:
        grouped.setdefault(ticker, []).append(action)
    ordered = {
        ticker: tuple(sorted(found, key=lambda one: (one.ex_date, one.known_ns))) for ticker, found in grouped.items()
    }
    return Listing(tuple(_us_update(ticker, Told.NOTHING, actions=found) for ticker, found in ordered.items()))


def _us_update(ticker: str, told: Told, **facts: Any) -> Update:  # noqa: ANN401 - fields of an Instrument
    steps = Steps(US_TICK, Decimal(1))
    return update_from(f"{ticker}.US", ticker, steps, finest=US_EXPONENTS, told=told, venue="US", **facts)


def _results(data: bytes, kind: type[T]) -> list[T]:
    """Read a page of entries, or the one entry of an overview."""
    results = msgspec.json.decode(data, type=_Results).results
    if bytes(results).lstrip().startswith(b"{"):
        return [msgspec.json.decode(results, type=kind)]
    return msgspec.json.decode(results, type=list[kind])  # type: ignore[valid-type]  # the caller names it
