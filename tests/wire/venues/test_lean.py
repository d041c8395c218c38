"""Check LEAN's files: New York's wall clock, scaled prices, condition flags, one-sided quotes, candles."""

from datetime import date, datetime
from zoneinfo import ZoneInfo

import pytest
from decoding import decode, refused, table
from equity_rows import DAY, EXAMPLES
from hypothesis import given
from hypothesis import strategies as st

from functions.domain.market import (
    QUOTE_CROSSED,
    QUOTE_LOCKED,
    TRADE_INFORMS_ONLY,
    TRADE_NOT_HIGH_LOW,
    TRADE_NOT_LAST,
    TRADE_NOT_VOLUME,
    TRADE_WITHOUT_ID,
)

EQUITY, FOREX = "lean.equity", "lean.forex"


@pytest.mark.parametrize(
    ("dialect", "raw", "symbol"), [(dialect, *one) for dialect in (EQUITY, FOREX) for one in EXAMPLES[dialect]]
)
def test_examples_decode(dialect: str, raw: bytes, symbol: str) -> None:
    """Each example is taken or counted as a kind that is not used."""
    assert not decode([raw], dialect, symbol=symbol).rejections


def test_a_trade() -> None:
    """A trade has New York's time, dollars from ten-thousandths, and no id."""
    batch = decode([b"34217147.25,1820000,100,D,1,0"], EQUITY, symbol=DAY)
    assert [ref.instrument_id for ref in batch.instruments] == ["IBM.US"]
    at = datetime(2013, 10, 7, 9, 30, 17, 147_250, ZoneInfo("America/New_York"))
    assert table(batch.trades, "ts_event", "price", "size", "side", "flags") == [
        (round(at.timestamp() * 1_000_000) * 1000, 182_000_000, 100_000_000, 0, TRADE_WITHOUT_ID)
    ]


def test_equal_prints_stay() -> None:
    """Prints without ids that are equal to the last bit are trades of their own."""
    assert len(decode([EXAMPLES[EQUITY][0][0]] * 3, EQUITY, symbol=DAY).trades.row) == 3


def test_a_quote_is_one_side_of_one_exchange() -> None:
    """A quote belongs to its exchange's instrument, so nobody takes it for the market's; its other side is 0."""
    rows = [raw for raw, _ in EXAMPLES[EQUITY][2:4]]
    batch = decode(rows, EQUITY, symbol=DAY)
    assert [ref.instrument_id for ref in batch.instruments] == ["IBM.XNAS", "IBM.ARCX"]
    assert table(batch.quotes, "bid_price", "bid_size", "ask_price", "ask_size", "flags") == [
        (0, 0, 183_630_000, 100_000_000, 0),
        (180_010_000, 300_000_000, 0, 0, 0),
    ]


@pytest.mark.parametrize(
    ("conditions", "flags"),
    [
        (b"0", 0),
        (b"1", 0),
        (b"20000020", 0),
        (b"2000", TRADE_NOT_LAST | TRADE_NOT_HIGH_LOW),
        (b"20100200", TRADE_NOT_LAST | TRADE_NOT_HIGH_LOW),
        (b"20000200", TRADE_NOT_LAST),
        (b"4800", TRADE_NOT_LAST),
        (b"4000000", TRADE_NOT_LAST | TRADE_NOT_HIGH_LOW | TRADE_NOT_VOLUME),
        (b"1000000", TRADE_NOT_LAST | TRADE_NOT_HIGH_LOW | TRADE_NOT_VOLUME),
        (b"80", 0),
        (b"40000000", TRADE_NOT_LAST | TRADE_NOT_HIGH_LOW),
        (b"80000000", TRADE_NOT_LAST | TRADE_NOT_HIGH_LOW),
    ],
)
def test_condition_flags(conditions: bytes, flags: int) -> None:
    """Each bit does what its sale condition does on the tape; the unnamed bit moves no price."""
    row = b"34217147,1820000,100,D,%s,0" % conditions
    assert decode([row], EQUITY, symbol=DAY).trades.flags.tolist() == [flags | TRADE_WITHOUT_ID]


def test_suspicious_ticks_feed_no_bars() -> None:
    """The vendor leaves suspicious ticks out of its bars: a trade only informs, a quote is counted."""
    rows = [b"14430270,1815200,283,P,1,1", b"72000122,0,0,1860000,100,P,1,1"]
    batch = decode(rows, EQUITY, symbol=DAY)
    assert batch.trades.flags.tolist() == [TRADE_INFORMS_ONLY | TRADE_WITHOUT_ID]
    assert batch.kinds == (("suspicious_quote", 1), ("trade", 1))


def test_candles_and_quote_bars() -> None:
    """Trade bars are candles of the length that the batch names; quote bars are counted and not used."""
    batch = decode([raw for raw, _ in EXAMPLES[EQUITY][4:]], EQUITY, symbol=f"{DAY}@60")
    assert table(batch.candles, "interval_ns", "open", "high", "low", "close", "volume", "trades") == [
        (60_000_000_000, 181_520_000, 181_800_000, 181_520_000, 181_800_000, 1_283_000_000, -1)
    ]
    assert batch.kinds == (("candle", 1), ("quote_bar", 1))


def test_currency_ticks_keep_locked_and_crossed_quotes() -> None:
    """A locked or crossed quote is real: it stays and says so. FXCM's clock is five hours behind UTC all year."""
    rows = [b"0,1.5,1.6", b"1,1.5,1.5", b"2,1.6,1.5"]
    batch = decode(rows, FOREX, symbol="EURUSD@2014-07-01")
    assert [ref.instrument_id for ref in batch.instruments] == ["EUR-USD.FXCM"]
    assert table(batch.quotes, "bid_price", "bid_size", "flags") == [
        (1_500_000, 0, 0),
        (1_500_000, 0, QUOTE_LOCKED),
        (1_600_000, 0, QUOTE_CROSSED),
    ]
    assert batch.quotes.ts_event.tolist()[0] == 1_404_190_800_000_000_000  # 1 July 2014, 05:00 UTC


@given(
    day=st.dates(date(2007, 1, 1), date(2026, 12, 31)),
    ms=st.integers(4 * 3_600_000, 20 * 3_600_000 - 1),
)
def test_the_wall_clock_is_new_yorks(day: date, ms: int) -> None:
    """On any day of any year, winter or summer, a time is what a clock on a wall in New York shows."""
    trades = decode([b"%d,1815200,283,P,1,0" % ms], EQUITY, symbol=f"IBM@{day}").trades
    seconds, rest = divmod(int(trades.ts_event[0]), 1_000_000_000)
    shown = datetime.fromtimestamp(seconds, ZoneInfo("America/New_York"))
    since = (shown.hour * 3600 + shown.minute * 60 + shown.second) * 1000 + rest // 1_000_000
    assert (shown.date(), since) == (day, ms)


@pytest.mark.parametrize(
    ("dialect", "raw", "symbol", "reason"),
    [
        (EQUITY, b"", DAY, "unknown_kind"),
        (EQUITY, b"1,2,3", DAY, "unknown_kind"),
        (EQUITY, b"\xff,1815200,283,P,1,0", DAY, "wrong_type"),
        (EQUITY, b"14430270,1815200,283,P,1,0", "", "missing_field"),
        (EQUITY, b"14430270,1815200,283,P,1,0", "IBM", "missing_field"),
        (EQUITY, b"14430270,1815200,283,P,1,0", "IBM@today", "wrong_type"),
        (EQUITY, b"14430270,1815200,283,P,1,0", "IBM@2013-10-07@day", "missing_field"),
        (EQUITY, b"86400000,1815200,283,P,1,0", DAY, "wrong_type"),
        (EQUITY, b"-1,1815200,283,P,1,0", DAY, "wrong_type"),
        (EQUITY, b"1,1815200.5,283,P,1,0", DAY, "wrong_type"),
        (EQUITY, b"1,1e5,283,P,1,0", DAY, "wrong_type"),
        (EQUITY, b"1,0,283,P,1,0", DAY, "zero_price"),
        (EQUITY, b"1,1815200,0,P,1,0", DAY, "zero_size"),
        (EQUITY, b"1,1815200,x,P,1,0", DAY, "wrong_type"),
        (EQUITY, b"1,1815200,283,O,1,0", DAY, "unknown_exchange"),
        (EQUITY, b"1,1815200,283,P,1g,0", DAY, "wrong_type"),
        (EQUITY, b"1,1815200,283,P,1,2", DAY, "wrong_type"),
        (EQUITY, b"14400000,1815200,1818000,1815200,1818000,1283", DAY, "missing_field"),
        (EQUITY, b"14400000,1815200,1800000,1815200,1818000,1283", f"{DAY}@60", "bad_candle"),
        (FOREX, b"1,2", "EURUSD@2014-05-01", "unknown_kind"),
        (FOREX, b"1,-1.5,1.6", "EURUSD@2014-05-01", "negative_price"),
        (FOREX, b"1,1.3872700001,1.6", "EURUSD@2014-05-01", "too_fine"),
    ],
)
def test_refusals(dialect: str, raw: bytes, symbol: str, reason: str) -> None:
    """A row that breaks a rule is refused with its reason."""
    assert refused(raw, dialect, symbol=symbol) == reason
