"""Say what Binance's rows mean, spot, USD-M and COIN-M futures; pure decoders of its streams and REST replies.

A row is a combined-stream envelope `{"stream": ..., "data": {...}}`, the bare payload, or a reply. A size of COIN-M is
a number of contracts. What replies other than depth snapshots mean is said in `binance_replies`.
Source: Binance's public WebSocket and REST documentation, and real captures of spot and USD-M.
"""

from collections.abc import Callable, Mapping
from typing import Final, NoReturn

from functions.domain.market import (
    BOOK_SNAPSHOT,
    BOOK_TELLS_PREVIOUS,
    CANDLE_CLOSED,
    NO_VENUE_TIME,
    InstrumentRef,
)
from functions.wire.venues.binance_replies import aggressor, candle_ns, read_list, read_reply
from functions.wire.venues.columns import Decoder, Venue
from functions.wire.venues.layouts import BOOK, QUOTE, TRADE, Form, Layout, Run
from functions.wire.venues.payloads import Content, an_object, read_json
from functions.wire.venues.rows import (
    NS_PER_MS,
    BookRow,
    CandleRow,
    IgnoredRow,
    QuoteRow,
    Reading,
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
COINM: Final = "BINANCECOINM"
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
        "indexPriceUpdate",
        "indexPrice_kline",
        "markPriceUpdate",
        "markPrice_kline",
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


def instrument_id(venue_symbol: str, venue: str) -> str:
    """Name an instrument that has no reference record.

    >>> instrument_id("ETHUSDT", "BINANCE"), instrument_id("ETHUSDT", "BINANCEUSDM"), instrument_id("WEIRD", "BINANCE")
    ('ETH-USDT.BINANCE', 'ETH-USDT-PERP.BINANCEUSDM', 'WEIRD.BINANCE')
    >>> instrument_id("BTCUSD_PERP", "BINANCECOINM"), instrument_id("BTCUSD_200925", "BINANCECOINM")
    ('BTC-USD-PERP.BINANCECOINM', 'BTC-USD-200925.BINANCECOINM')
    """
    pair, _, contract = venue_symbol.partition("_")
    contract = contract or ("PERP" if venue == USDM else "")
    for quote in _QUOTES_BY_LENGTH:
        if pair.endswith(quote) and len(pair) > len(quote):
            return f"{'-'.join(filter(None, (pair.removesuffix(quote), quote, contract)))}.{venue}"
    return f"{venue_symbol}.{venue}"


def decoder(venue: str) -> Decoder:
    """Make the decoder of one of Binance's venues: `SPOT`, `USDM` or `COINM`."""

    def unknown(venue_symbol: str) -> InstrumentRef:
        return InstrumentRef(instrument_id(venue_symbol, venue), UNKNOWN_EXPONENT, UNKNOWN_EXPONENT)

    return Decoder(
        Venue(code=venue, read_form=_read_form, read_row=_read_row, level_marks=_LEVEL_MARKS, unknown=unknown)
    )


def _read_row(raw: bytes, batch_symbol: str) -> Reading:
    document = read_json(raw)
    if isinstance(document, list):
        return read_list(document, batch_symbol)
    stream, content = _unwrapped(document)
    event = content.get("e")
    if isinstance(event, str):
        return _read_event(event, content)
    if event is not None:
        _wrong_event(event)
    if "lastUpdateId" in content and "bids" in content:
        return _read_snapshot(content, batch_symbol or stream.partition("@")[0].upper())
    return _read_quote(content) if "u" in content and "s" in content else read_reply(content)


def _unwrapped(content: object) -> tuple[str, Content]:
    match content:
        case {"stream": str(stream), "data": dict(data)}:
            return stream, data
        case _:
            return "", an_object(content, "the row")


def _wrong_event(event: object) -> NoReturn:
    reason, detail = "wrong_type", f"field 'e' is a {type(event).__name__} where the kind's name belongs"
    raise bad(reason, detail)


def _read_event(event: str, content: Content) -> Row:
    reader = _READERS.get(event)
    if reader is not None:
        return reader(content)
    if event in _IGNORED:
        return IgnoredRow(event)
    reason, detail = "unknown_kind", f"no kind {event[:64]!r} is known"
    raise bad(reason, detail)


def _read_trade(content: Content) -> TradeRow:
    event = str(content["e"])
    return TradeRow(
        kind=event,
        symbol=symbol(content, "s"),
        ts_ns=whole(content, "T") * NS_PER_MS,
        price=decimal(content, "p"),
        size=decimal(content, "q"),
        side=aggressor(flag(content, "m")),
        trade_id=whole(content, _TRADE_IDS[event]),
    )


def _read_quote(content: Content) -> QuoteRow:
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


def _venue_ns(content: Content) -> int | None:
    """Give the matching engine's time, else the time of sending, else None: spot's bookTicker has neither."""
    for name in ("T", "E"):
        if name in content:
            return whole(content, name) * NS_PER_MS
    return None


def _read_depth(content: Content) -> BookRow:
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


def _read_candle(content: Content) -> CandleRow:
    candle = an_object(content.get("k"), "field 'k'")
    start, end = whole(candle, "t"), whole(candle, "T")
    return CandleRow(
        kind="kline",
        symbol=symbol(content, "s"),
        ts_ns=start * NS_PER_MS,
        interval_ns=candle_ns(start, end),
        open=decimal(candle, "o"),
        high=decimal(candle, "h"),
        low=decimal(candle, "l"),
        close=decimal(candle, "c"),
        volume=decimal(candle, "v"),
        trades=whole(candle, "n"),
        flags=CANDLE_CLOSED if flag(candle, "x") else 0,
    )


_READERS: Final[Mapping[str, Callable[[Content], Row]]] = {
    **dict.fromkeys(_TRADE_IDS, _read_trade),
    "bookTicker": _read_quote,
    "depthUpdate": _read_depth,
    "kline": _read_candle,
}


def _read_snapshot(content: Content, symbol_of_rows: str) -> BookRow:
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


def _trade_form(form: Form, event: str, content: Content) -> Layout:
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
        side=aggressor(flag(content, "m")),
        symbol_span=span,
    )


def _quote_form(form: Form, content: Content) -> Layout:
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


def _time_of(form: Form, content: Content) -> Run | None:
    for name in ("T", "E"):
        if name in content:
            return form.number(content[name], quoted=False)
    return None


def _depth_form(form: Form, content: Content) -> Layout | None:
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


def _snapshot_form(form: Form, content: Content) -> Layout | None:
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


def _levels_last(form: Form, content: Content, names: tuple[str, str]) -> bool:
    """Say whether both sides stand empty behind every number, so that taking levels out moved none of them."""
    bids, asks = names
    mark = b'"%s":[],"%s":[]' % (bids.encode(), asks.encode())
    place = form.blank.find(mark)
    behind = [run for run in form.runs if run.end > place]
    return content[bids] == [] and content[asks] == [] and place >= 0 and not behind


DECODERS: Final[Mapping[str, Decoder]] = {
    "binance.spot": decoder(SPOT),
    "binance.usdm": decoder(USDM),
    "binance.coinm": decoder(COINM),
}
"""Decoder by dialect."""
