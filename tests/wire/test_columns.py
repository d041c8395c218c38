"""A batch decoder keeps several rows of one message together, and every kind of row in its section."""

from typing import TYPE_CHECKING

import msgspec
import numpy as np
import pytest

from functions.domain.market import (
    BOOK_CHECKSUM,
    BOOK_WITHOUT_IDS,
    CANDLE_CLOSED,
    CANDLE_TRADES_UNKNOWN,
    SIDE_BUY,
    TRADE_INFORMS_ONLY,
    TRADE_NOT_LAST,
    TRADE_WITHOUT_ID,
    InstrumentRef,
    RawBatch,
    TickBatch,
)
from functions.wire.codecs.market import TICK_BATCH, decode_tick_batch, encode_tick_batch
from functions.wire.envelope import Event
from functions.wire.errors import Malformed
from functions.wire.rows import render
from functions.wire.venues.columns import Decoder, Venue
from functions.wire.venues.registry import decoder_of, dialects
from functions.wire.venues.rows import BookRow, CandleRow, MarketRow, Reading, TradeRow

if TYPE_CHECKING:
    from collections.abc import Callable

NOW = 1_700_000_000_000_000_000
REF = InstrumentRef("X-Y.HERE", -2, -3)


def trade(price: str = "1.5", flags: int = 0, number: int | None = None) -> TradeRow:
    """Make a print."""
    return TradeRow("print", "XY", NOW - 7, price, "2", SIDE_BUY, number, flags)


def book() -> BookRow:
    """Make a book message with a checksum."""
    return BookRow("book", "XY", None, 0, 0, 0, (("1.5", "0"),), (), BOOK_WITHOUT_IDS, checksum=4_294_967_295)


def candle(high: str = "3", trades: int | None = None) -> CandleRow:
    """Make a venue's bar."""
    return CandleRow("bar", "XY", NOW - 60, 60, "1", high, "1", "2", "9.5", trades, CANDLE_CLOSED)


def decode(readings: list[Reading], bar_channel: str = "") -> TickBatch:
    """Decode a batch whose message `i` says `readings[i]`, and pass it over the wire."""
    said: Callable[[bytes, str], Reading] = lambda row, _: readings[msgspec.json.decode(row)]  # noqa: E731 - a stand-in
    venue = Venue("HERE", lambda _: None, said, (), lambda _: REF)
    rows = [b"%d" % number for number in range(len(readings))]
    batch = RawBatch(
        shard="HERE-0",
        stream="HERE-0.test",
        dialect="here.test",
        first_row=10,
        payload=b"".join(rows),
        offsets=np.cumsum([0, *map(len, rows)]).astype(np.uint32),
        ts_receive=np.full(len(rows), NOW, np.int64),
        bar_channel=bar_channel,
    )
    return decode_tick_batch(encode_tick_batch(Decoder(venue)(batch, {})))


def test_several_trades_of_one_message() -> None:
    """Trades of one message carry its row, in the order in which it names them."""
    found = decode([(trade("1.5"), trade("1.6")), trade("1.7")])
    assert found.trades.row.tolist() == [0, 0, 1]
    assert found.trades.price.tolist() == [150, 160, 170]
    assert dict(found.kinds) == {"print": 2}


def test_one_bad_row_refuses_its_message() -> None:
    """What a message says stands or falls together, and is refused once."""
    found = decode([(trade("1.5"), trade("1.555")), trade("1.7")])
    assert found.trades.price.tolist() == [170]
    assert [(one.row, one.reason) for one in found.rejections] == [(10, "too_fine")]


def test_trades_without_ids_and_with_conditions() -> None:
    """A venue's missing id and its sale conditions are flags; a channel beside the bars' only informs."""
    found = decode([trade(), trade(flags=TRADE_NOT_LAST, number=5)], bar_channel="other")
    both = TRADE_INFORMS_ONLY
    assert found.trades.flags.tolist() == [TRADE_WITHOUT_ID | both, TRADE_NOT_LAST | both]
    assert found.trades.trade_id.tolist() == [0, 5]


def test_checksum_travels() -> None:
    """A book message's checksum is kept with its flag."""
    found = decode([book()]).book
    assert found.checksum.tolist() == [4_294_967_295]
    assert int(found.flags[0]) & (BOOK_CHECKSUM | BOOK_WITHOUT_IDS) == BOOK_CHECKSUM | BOOK_WITHOUT_IDS


def test_candles() -> None:
    """A venue's bar keeps its interval, figures and what is not told."""
    found = decode([candle(), candle(trades=4)]).candles
    assert (found.interval_ns.tolist(), found.high.tolist(), found.volume.tolist()) == ([60, 60], [300] * 2, [9500] * 2)
    assert found.trades.tolist() == [CANDLE_TRADES_UNKNOWN, 4]


def test_candle_whose_figures_contradict() -> None:
    """A high below the close is refused."""
    assert [one.reason for one in decode([candle(high="1.5")]).rejections] == ["bad_candle"]


@pytest.mark.parametrize("reading", [(trade(), trade()), (candle(), candle())])
def test_equal_rows_of_one_message_are_told_apart(reading: tuple[MarketRow, ...]) -> None:
    """Two equal prints of one message are two canonical rows."""
    lines = [row.line for row in render(Event("1", "/x", TICK_BATCH, encode_tick_batch(decode([reading]))))]
    assert len(set(lines)) == len(lines) == 2
    assert b'"n":1' in lines[1]


def test_dialects_are_found_by_name() -> None:
    """Every dialect that is listed is found, whatever was loaded before; engine modules are none."""
    assert {"binance.spot", "binance.usdm"} <= set(dialects())
    for dialect in dialects():
        assert decoder_of(dialect).venue.code


@pytest.mark.parametrize("dialect", ["", "rows", "rows.x", "nowhere.x", "../x.y", "binance.moon", "Binance.spot"])
def test_unknown_dialects(dialect: str) -> None:
    """A dialect that nothing reads is malformed, and the answer names those that are read."""
    with pytest.raises(Malformed, match=r"binance\.spot"):
        decoder_of(dialect)
