"""Say what Binance's rows mean, spot and USD-M futures; pure decoders of its streams and REST depth snapshots.

A row is a combined-stream envelope `{"stream": ..., "data": {...}}` or the bare payload.
Source: Binance's public WebSocket and REST documentation, and real captures of both venues.
"""

import contextlib
import json
from collections.abc import Mapping
from typing import Final, NoReturn

import msgspec

from functions.domain.market import (
    BOOK_SNAPSHOT,
    BOOK_TELLS_PREVIOUS,
    NO_VENUE_TIME,
    SIDE_BUY,
    SIDE_SELL,
    InstrumentRef,
)
from functions.wire.venues.columns import Decoder, Venue
from functions.wire.venues.layouts import BOOK, QUOTE, TRADE, Form, Layout, Run
from functions.wire.venues.rows import (
    NS_PER_MS,
    BookRow,
    IgnoredRow,
    QuoteRow,
    Row,
    TradeRow,
    bad,
    decimal,
    flag,
    levels,
    symbol,
    whole,
)

SPOT: Final = "BINANCE"
USDM: Final = "BINANCEUSDM"
UNKNOWN_EXPONENT: Final = -8
"""Unit of prices and sizes without reference: Binance's finest step."""

_TRADE_IDS: Final = {"trade": "t", "aggTrade": "a"}
"""Trade channels, and the field that holds their id."""
_IGNORED: Final = frozenset(
    {
        "24hrMiniTicker",
        "24hrTicker",
        "1hTicker",
        "4hTicker",
        "1dTicker",
        "assetIndexUpdate",
        "avgPrice",
        "compositeIndex",
        "continuous_kline",
        "contractInfo",
        "forceOrder",
        "kline",
        "markPriceUpdate",
        "serverShutdown",
    }
)
"""Kinds that the venue sends and nothing here uses."""
_QUOTES_BY_LENGTH: Final = (
    *("FDUSD", "USDT", "USDC", "TUSD", "BUSD", "USDP", "BIDR", "IDRT", "BVND"),
    *("BTC", "ETH", "BNB", "XRP", "TRX", "DAI", "EUR", "TRY", "USD", "GBP", "AUD", "BRL", "RUB", "UAH", "NGN", "PLN"),
    *("RON", "ARS", "JPY", "MXN", "ZAR", "CZK", "COP", "VAI", "PAX"),
)
"""Assets that prices are quoted in, longest first, so that FDUSD is not taken for USD."""
_NO_DECIMALS: Final = (None, None, None, None)
_LEVEL_MARKS: Final = ((b'"b":[', b'],"a":['), (b'"bids":[', b'],"asks":['))

# A JSON number with a fraction stays the text it was: no price passes through a float.
_DECODER: Final = msgspec.json.Decoder(float_hook=str)


def instrument_id(venue_symbol: str, venue: str) -> str:
    """Name an instrument that has no reference record.

    >>> instrument_id("ETHUSDT", "BINANCE"), instrument_id("ETHUSDT", "BINANCEUSDM"), instrument_id("WEIRD", "BINANCE")
    ('ETH-USDT.BINANCE', 'ETH-USDT-PERP.BINANCEUSDM', 'WEIRD.BINANCE')
    """
    for quote in _QUOTES_BY_LENGTH:
        if venue_symbol.endswith(quote) and len(venue_symbol) > len(quote):
            perpetual = "-PERP" if venue == USDM else ""
            return f"{venue_symbol.removesuffix(quote)}-{quote}{perpetual}.{venue}"
    return f"{venue_symbol}.{venue}"


def decoder(venue: str) -> Decoder:
    """Make the decoder of one of Binance's venues: `SPOT` or `USDM`."""

    def unknown(venue_symbol: str) -> InstrumentRef:
        return InstrumentRef(instrument_id(venue_symbol, venue), UNKNOWN_EXPONENT, UNKNOWN_EXPONENT)

    return Decoder(
        Venue(code=venue, read_form=_read_form, read_row=_read_row, level_marks=_LEVEL_MARKS, unknown=unknown)
    )


def _read_row(raw: bytes, batch_symbol: str) -> Row:
    stream, content = _unwrapped(_json(raw))
    event = content.get("e")
    if isinstance(event, str):
        return _read_event(event, content)
    if event is not None:
        _wrong_event(event)
    if "lastUpdateId" in content:
        return _read_snapshot(content, batch_symbol or stream.partition("@")[0].upper())
    if "u" in content and "s" in content:
        return _read_quote(content)
    if "rateLimits" in content and "symbols" in content:
        return IgnoredRow("exchangeInfo")
    if "error" in content or "result" in content or ("code" in content and "msg" in content):
        return IgnoredRow("control")
    shown = ", ".join(sorted(content)[:8])[:64]
    reason, detail = "unknown_kind", f"the row is of no kind that is known; its fields are: {shown}"
    raise bad(reason, detail)


def _json(raw: bytes) -> object:
    try:
        return _DECODER.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        _refuse_json(raw, str(error))


def _refuse_json(raw: bytes, found: str) -> NoReturn:
    reason, detail = "bad_json", found
    names: list[str] = []
    if b"NaN" in raw or b"Infinity" in raw:
        # Python reads these names although JSON has none; what it cannot read either is no JSON at all.
        with contextlib.suppress(ValueError, RecursionError):
            json.loads(raw, parse_constant=names.append)
            reason, detail = "not_finite", f"found {names[0]} where a finite number belongs"
    raise bad(reason, detail)


def _unwrapped(content: object) -> tuple[str, Mapping[str, object]]:
    match content:
        case {"stream": str(stream), "data": dict(data)}:
            return stream, data
        case dict():
            return "", content
        case _:
            reason, detail = "wrong_type", f"the row is a JSON {type(content).__name__} where an object belongs"
            raise bad(reason, detail)


def _wrong_event(event: object) -> NoReturn:
    reason, detail = "wrong_type", f"field 'e' is a {type(event).__name__} where the kind's name belongs"
    raise bad(reason, detail)


def _read_event(event: str, content: Mapping[str, object]) -> Row:
    if event in _TRADE_IDS:
        return _read_trade(event, content)
    if event == "bookTicker":
        return _read_quote(content)
    if event == "depthUpdate":
        return _read_depth(content)
    if event in _IGNORED:
        return IgnoredRow(event)
    reason, detail = "unknown_kind", f"no kind {event[:64]!r} is known"
    raise bad(reason, detail)


def _read_trade(event: str, content: Mapping[str, object]) -> TradeRow:
    return TradeRow(
        kind=event,
        symbol=symbol(content, "s"),
        ts_ns=whole(content, "T") * NS_PER_MS,
        price=decimal(content, "p"),
        size=decimal(content, "q"),
        side=_side(flag(content, "m")),
        trade_id=whole(content, _TRADE_IDS[event]),
    )


def _side(buyer_is_maker: bool) -> int:  # noqa: FBT001 - the venue's own flag
    return SIDE_SELL if buyer_is_maker else SIDE_BUY


def _read_quote(content: Mapping[str, object]) -> QuoteRow:
    return QuoteRow(
        kind="bookTicker",
        symbol=symbol(content, "s"),
        ts_ns=_venue_ns(content),
        bid_price=decimal(content, "b"),
        bid_size=decimal(content, "B"),
        ask_price=decimal(content, "a"),
        ask_size=decimal(content, "A"),
        update_id=whole(content, "u"),
    )


def _venue_ns(content: Mapping[str, object]) -> int | None:
    """Give the matching engine's time, else the time of sending, else None: spot's bookTicker has neither."""
    for name in ("T", "E"):
        if name in content:
            return whole(content, name) * NS_PER_MS
    return None


def _read_depth(content: Mapping[str, object]) -> BookRow:
    if "T" not in content:
        whole(content, "E")
    return BookRow(
        kind="depthUpdate",
        symbol=symbol(content, "s"),
        ts_ns=_venue_ns(content),
        first_update_id=whole(content, "U"),
        last_update_id=whole(content, "u"),
        previous_update_id=whole(content, "pu") if "pu" in content else 0,
        bids=levels(content, "b"),
        asks=levels(content, "a"),
        flags=BOOK_TELLS_PREVIOUS if "pu" in content else 0,
    )


def _read_snapshot(content: Mapping[str, object], symbol_of_rows: str) -> BookRow:
    if not symbol_of_rows:
        reason, detail = "missing_field", "a snapshot names no symbol, and neither does its batch"
        raise bad(reason, detail)
    return BookRow(
        kind="snapshot",
        symbol=symbol_of_rows,
        ts_ns=_venue_ns(content),
        first_update_id=0,
        last_update_id=whole(content, "lastUpdateId"),
        previous_update_id=0,
        bids=levels(content, "bids"),
        asks=levels(content, "asks"),
        flags=BOOK_SNAPSHOT,
    )


def _read_form(form: Form) -> Layout | None:
    """Say what a form means, for the column path; what this passes over is read by `_read_row`."""
    stream, content = _unwrapped(form.content)
    event = content.get("e")
    if event in _TRADE_IDS and isinstance(event, str):
        return _trade_form(form, event, content)
    if event == "bookTicker" or ("e" not in content and "lastUpdateId" not in content and "s" in content):
        return _quote_form(form, content)
    if event == "depthUpdate":
        return _depth_form(form, content)
    if "e" not in content and "lastUpdateId" in content and not stream:
        return _snapshot_form(form, content)
    return None


def _trade_form(form: Form, event: str, content: Mapping[str, object]) -> Layout:
    name, span = form.symbol(content["s"])
    return Layout(
        kind=TRADE,
        name=event,
        symbol=name,
        slots=(
            form.number(content["p"], quoted=True),
            None,
            form.number(content["q"], quoted=True),
            None,
            form.number(content[_TRADE_IDS[event]], quoted=False),
            form.number(content["T"], quoted=False),
        ),
        side=_side(flag(content, "m")),
        symbol_span=span,
    )


def _quote_form(form: Form, content: Mapping[str, object]) -> Layout:
    name, span = form.symbol(content["s"])
    time = _time_of(form, content)
    return Layout(
        kind=QUOTE,
        name="bookTicker",
        symbol=name,
        slots=(
            *(form.number(content[name], quoted=True) for name in ("b", "a", "B", "A")),
            form.number(content["u"], quoted=False),
            time,
        ),
        flags=NO_VENUE_TIME if time is None else 0,
        symbol_span=span,
    )


def _time_of(form: Form, content: Mapping[str, object]) -> Run | None:
    for name in ("T", "E"):
        if name in content:
            return form.number(content[name], quoted=False)
    return None


def _depth_form(form: Form, content: Mapping[str, object]) -> Layout | None:
    time = _time_of(form, content)
    if time is None or not _levels_last(form, content, ("b", "a")):
        return None
    name, span = form.symbol(content["s"])
    previous = form.number(content["pu"], quoted=False) if "pu" in content else None
    return Layout(
        kind=BOOK,
        name="depthUpdate",
        symbol=name,
        slots=(
            *_NO_DECIMALS,
            form.number(content["u"], quoted=False),
            time,
            form.number(content["U"], quoted=False),
            previous,
        ),
        flags=0 if previous is None else BOOK_TELLS_PREVIOUS,
        symbol_span=span,
    )


def _snapshot_form(form: Form, content: Mapping[str, object]) -> Layout | None:
    if not _levels_last(form, content, ("bids", "asks")):
        return None
    time = _time_of(form, content)
    return Layout(
        kind=BOOK,
        name="snapshot",
        symbol="",
        slots=(*_NO_DECIMALS, form.number(content["lastUpdateId"], quoted=False), time),
        flags=BOOK_SNAPSHOT | (NO_VENUE_TIME if time is None else 0),
    )


def _levels_last(form: Form, content: Mapping[str, object], names: tuple[str, str]) -> bool:
    """Say whether both sides stand empty behind every number, so that taking levels out moved none of them."""
    bids, asks = names
    mark = b'"%s":[],"%s":[]' % (bids.encode(), asks.encode())
    place = form.blank.find(mark)
    behind = [run for run in form.runs if run.end > place]
    return content[bids] == [] and content[asks] == [] and place >= 0 and not behind


DECODERS: Final[Mapping[str, Decoder]] = {"binance.spot": decoder(SPOT), "binance.usdm": decoder(USDM)}
"""Decoder by dialect."""
