"""MetaTrader 4's lines: every bar of the recorded files, exact prices, server time zones, refusals with a reason."""

import csv
import pathlib
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from counts import examples
from hypothesis import given, settings
from hypothesis import strategies as st

from functions.adapters.tapes import Reel, Spool
from functions.domain.market import CANDLE_CLOSED, CANDLE_COUNTS_CHANGES, RawBatch, TickBatch
from functions.wire.batching import Label, Mark, batch_of
from functions.wire.tape import TapeOptions
from functions.wire.venues.digits import BadText
from functions.wire.venues.mt4 import history_of
from functions.wire.venues.registry import decoder_of

NOW = 1_700_000_000_000_000_000


def forget(name: str, row: bytes) -> None:
    """Keep nothing: no row here is too long."""
    raise AssertionError(name, len(row))


def raw(dialect: str, rows: list[bytes], symbol: str = "") -> RawBatch:
    label = Label("MT4-0", "MT4-0.replay", dialect, symbol=symbol)
    return batch_of(label, [(row, NOW) for row in rows], Mark(0, NOW), keep=forget)


def decoded(dialect: str, rows: list[bytes], symbol: str = "") -> TickBatch:
    return decoder_of(dialect)(raw(dialect, rows, symbol), {}, future_skew_ms_max=10_000)


FILES = [
    ("EURUSD60.csv", "EURUSD@3600@Europe/Athens", 3_728),  # its README counts the header too
    ("CADJPY1.csv", "CADJPY@60@Etc/GMT-3", 2_048),
]


@pytest.mark.parametrize(("name", "told", "bars"), FILES)
def test_recorded_bars(captures: pathlib.Path, name: str, told: str, bars: int) -> None:
    """Every bar of a recorded file decodes to its exact prices, volume and opening time; the header is counted."""
    path = captures / "mt4_csv" / name
    rows = [row for row in path.read_bytes().split(b"\n") if row]
    _, seconds, zone = told.split("@")
    ticks = decoded("mt4.csv", rows, told)
    found = ticks.candles
    expected = [row for row in csv.reader(path.read_text().splitlines()) if row[0] != "Date"]
    assert len(found.row) == len(expected) == bars
    assert dict(ticks.kinds) == {"candle": bars} | ({"header": 1} if len(rows) > bars else {})
    (ref,) = ticks.instruments
    scale = Decimal(10) ** ref.price_exponent
    for column, values in ((2, found.open), (3, found.high), (4, found.low), (5, found.close)):
        assert [value * scale for value in values.tolist()] == [Decimal(row[column]) for row in expected]
    units = Decimal(10) ** ref.size_exponent
    assert [value * units for value in found.volume.tolist()] == [Decimal(row[6]) for row in expected]
    times = [
        datetime.strptime(f"{row[0]} {row[1]}", "%Y.%m.%d %H:%M").replace(tzinfo=ZoneInfo(zone)) for row in expected
    ]
    assert found.ts_event.tolist() == [int(time.timestamp()) * 1_000_000_000 for time in times]
    assert set(found.flags.tolist()) == {CANDLE_CLOSED | CANDLE_COUNTS_CHANGES}
    assert set(found.interval_ns.tolist()) == {int(seconds) * 1_000_000_000}


@pytest.mark.parametrize(
    ("day", "utc_hour"),
    [("2019.03.29", 12), ("2019.04.01", 11), ("2019.10.25", 11), ("2019.10.28", 12)],
)
def test_server_time_follows_the_zone(day: str, utc_hour: int) -> None:
    """The same hour of the broker's server is another hour of UTC in summer: 14:00 in Athens is 12:00 or 11:00."""
    ticks = decoded("mt4.csv", [f"{day},14:00,1.1,1.2,1.0,1.1,5".encode()], "EURUSD@3600@Europe/Athens")
    expected = datetime.strptime(f"{day} {utc_hour}", "%Y.%m.%d %H").replace(tzinfo=UTC)
    assert ticks.candles.ts_event.tolist() == [int(expected.timestamp()) * 1_000_000_000]


def test_a_fixed_offset_is_a_zone_too() -> None:
    """A broker without daylight saving is named by its fixed offset; POSIX signs: Etc/GMT-2 is UTC+02:00."""
    ticks = decoded("mt4.csv", [b"2019.07.01,14:00,1.1,1.2,1.0,1.1,5\r"], "EURUSD@60@Etc/GMT-2")
    expected = datetime(2019, 7, 1, 14, tzinfo=timezone(timedelta(hours=2)))
    assert ticks.candles.ts_event.tolist() == [int(expected.timestamp()) * 1_000_000_000]


def test_a_tape_names_the_settings(tmp_path: pathlib.Path) -> None:
    """Bars on a tape are told their pair, length and zone by the address before each; a tape writes it in capitals."""
    path = tmp_path / "tape.txt"
    path.write_text("file://mt4?symbol=EURUSD@3600@Europe/Athens -> 1700000000.5: 2019.07.01,14:00,1.1,1.2,1.0,1.1,5\n")
    reel = Reel((path,), TapeOptions("MT4-0", "MT4-0.replay", "mt4.csv"), Spool(tmp_path))
    batch = next(reel.batches())
    ticks = decoder_of("mt4.csv")(batch, {}, future_skew_ms_max=10_000)
    assert ticks.candles.ts_event.tolist() == [int(datetime(2019, 7, 1, 11, tzinfo=UTC).timestamp()) * 1_000_000_000]


@pytest.mark.parametrize(
    ("row", "symbol", "reason"),
    [
        (b"2019.02.15,14:00,1.1,1.2,1.0,1.1,5", "EURUSD", "missing_field"),
        (b"2019.02.15,14:00,1.1,1.2,1.0,1.1,5", "EURUSD@3600", "missing_field"),
        (b"2019.02.15,14:00,1.1,1.2,1.0,1.1,5", "EURUSD@3600@Nowhere/City", "missing_field"),
        (b"2019.02.15,14:00,1.1,1.2,1.0,1.1,5", "EURUSD@3600@../../etc/passwd", "missing_field"),
        (b"2019.02.30,14:00,1.1,1.2,1.0,1.1,5", "EURUSD@3600@UTC", "wrong_type"),
        (b"2019.02.15,24:00,1.1,1.2,1.0,1.1,5", "EURUSD@3600@UTC", "wrong_type"),
        (b"15.02.2019,14:00,1.1,1.2,1.0,1.1,5", "EURUSD@3600@UTC", "wrong_type"),
        (b"2019.02.15,14:00,1.1,1.2,1.0,1.3,5", "EURUSD@3600@UTC", "bad_candle"),
        (b"2019.02.15,14:00,1.1,1.2,-1.0,1.1,5", "EURUSD@3600@UTC", "negative_price"),
        (b"2019.02.15,14:00,1.1,1.2,1.0,1.1", "EURUSD@3600@UTC", "unknown_kind"),
        (b"2019.02.15,14:00,1.1,nan,1.0,1.1,5", "EURUSD@3600@UTC", "not_finite"),
        (b"0001.01.01,00:00,1.1,1.2,1.0,1.1,5", "EURUSD@3600@Europe/Athens", "out_of_range"),
        (b"2999.01.01,00:00,1.1,1.2,1.0,1.1,5", "EURUSD@3600@UTC", "out_of_range"),
        (b"2030.01.01,00:00,1.1,1.2,1.0,1.1,5", "EURUSD@3600@UTC", "future_timestamp"),
        (b"\xff\xfe", "EURUSD@3600@UTC", "wrong_type"),
    ],
)
def test_bad_bars_are_refused(row: bytes, symbol: str, reason: str) -> None:
    """A bar that breaks a rule is refused with the rule's name."""
    (rejection,) = decoded("mt4.csv", [row], symbol).rejections
    assert rejection.reason == reason


def test_bridge_ticks() -> None:
    """A tick is a quote at its UTC millisecond; other lines of the protocol are counted and not used."""
    rows = [
        b"HELLO 1 a7",
        b"OK EURUSD:811",
        b"TICK 812 EURUSD 1699999999123 1.08512 1.08514 7",
        b"TICK 813 USDJPY 1699999999125 150.123 150.121",
        b"HEARTBEAT 1699999999999 EURUSD:812",
        b"BYE closing",
    ]
    ticks = decoded("mt4.bridge", rows)
    quotes = ticks.quotes
    assert quotes.ts_event.tolist() == [1_699_999_999_123_000_000, 1_699_999_999_125_000_000]
    assert quotes.bid_price.tolist() == [1_085_120, 150_123_000]
    assert quotes.ask_price.tolist() == [1_085_140, 150_121_000]
    assert quotes.update_id.tolist() == [812, 813]
    assert quotes.flags.tolist() == [0, 1]
    assert dict(ticks.kinds) == {"tick": 2, "hello": 1, "ok": 1, "heartbeat": 1, "bye": 1}


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (b"TICK", "missing_field"),
        (b"TICK what is this", "missing_field"),
        (b"TICK x EURUSD 1699999999123 1.1 1.2", "wrong_type"),
        (b"TICK 1 EURUSD 1699999999.5 1.1 1.2", "wrong_type"),
        (b"TICK 1 EURUSD 1699999999123 1,1 1.2", "wrong_type"),
        (b"TICK 1 EURUSD 1699999999123 1.1 inf", "not_finite"),
        (b"TICK 1 EURUSD 999999999999999999 1.1 1.2", "out_of_range"),
        (b"tick 1 EURUSD 1699999999123 1.1 1.2", "unknown_kind"),
        (b"", "unknown_kind"),
    ],
)
def test_bad_ticks_are_refused(row: bytes, reason: str) -> None:
    """A line that is none of the protocol's, or breaks a rule, is refused with the rule's name."""
    (rejection,) = decoded("mt4.bridge", [row]).rejections
    assert rejection.reason == reason


GOOD = (b"TICK 812 EURUSD 1699999999123 1.08512 1.08514 7", b"2019.02.15,14:00,1.12525,1.12851,1.12514,1.12686,9915")


@settings(max_examples=examples(4_000) // 20, deadline=None)
@given(st.data())
def test_mutated_lines_never_break_the_decoder(data: st.DataObject) -> None:
    """Whatever bytes are changed, cut or put in, a line decodes, is counted, or is refused with a reason."""
    rows = []
    for _ in range(20):
        row = bytearray(data.draw(st.sampled_from(GOOD)))
        for _ in range(data.draw(st.integers(1, 4))):
            at = data.draw(st.integers(0, len(row)))
            row[at : at + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=3))
        rows.append(bytes(row).replace(b"\n", b""))
    for dialect, symbol in (("mt4.bridge", ""), ("mt4.csv", "EURUSD@3600@Europe/Athens")):
        ticks = decoded(dialect, rows, symbol)
        accounted = len(ticks.quotes.row) + len(ticks.candles.row) + len(ticks.rejections)
        ignored = sum(number for kind, number in ticks.kinds if kind not in {"tick", "candle", "rejected"})
        assert accounted + ignored == len(rows)
        assert all(rejection.reason for rejection in ticks.rejections)


SYMBOLS = st.tuples(
    st.sampled_from(["EURUSD", "eurusd", "", "EUR USD"]),
    st.sampled_from(["60", "3600", "0", "-1", "1.5", "x", "9" * 30]),
    st.sampled_from(["UTC", "Europe/Athens", "Nowhere", "", "../etc/passwd"]),
).map("@".join)


@given(SYMBOLS | st.text(max_size=40))
def test_settings_are_read_or_refused(text: str) -> None:
    """A batch's symbol that tells pair, seconds and zone is read; any other is refused."""
    try:
        found = history_of(text)
    except BadText as error:
        assert error.reason in {"missing_field", "wrong_type"}  # noqa: PT017 - one of two outcomes
    else:
        assert f"{found.pair}@{found.interval_ns // 1_000_000_000}@{found.zone}".upper() == text.upper()
