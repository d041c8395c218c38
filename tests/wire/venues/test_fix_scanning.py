"""The FIX kernel gives the same ticks as the reading it stands before, for whatever bytes it is shown."""

import pathlib
import random
from collections.abc import Sequence
from typing import Final

import numpy as np
import pytest
from counts import count, examples
from decoding import batch_of
from fix_rows import LATER, LOGS, NOW, changes, level, log, message, repaired, snapshot
from hypothesis import given, settings
from hypothesis import strategies as st

from functions.adapters.kernels import CompiledDecoders, loops
from functions.domain.market import InstrumentRef, OversizedRow
from functions.wire.codecs.market import encode_tick_batch
from functions.wire.fix.codec import encode
from functions.wire.fix.values import timestamp
from functions.wire.venues import fix_kernel
from functions.wire.venues.columns import FUTURE_SKEW_MS_MAX, Decode
from functions.wire.venues.fix import VENUE
from functions.wire.venues.fix_scanning import Scan, scanning
from functions.wire.venues.registry import decoder_of
from functions.wire.venues.work import Work

UNITS: Final = {
    "EUR/USD": InstrumentRef("EUR-USD.FIX", -5, 0),
    "GBP/USD": InstrumentRef("GBP-USD.FIX", -4, -2),
    "A": InstrumentRef("A.FIX", 2, 1),
}
COMPILED: Final = CompiledDecoders()["fix.44"]
PLAIN: Final = scanning(loops("plain", fix_kernel))
AUTHORITY: Final = decoder_of("fix.44")

DAY: Final = ((272, "20241122"), (273, "06:17:13.5"))
TRADE: Final = ((279, 0), (269, 2), (55, "EUR/USD"), (270, "1.1001"), (271, "100"))
LEVEL: Final = ((279, 0), (269, 0), (55, "EUR/USD"), (270, "1.1"), (271, "7"))
TAKEN: Final = (
    snapshot(level(0, "1.1001", "5"), level(1, "1.1002", "6")),
    snapshot((*level(0, "1.2", "5"), *DAY), (*level(1, "1.1", "6"), *DAY)),
    snapshot(((269, 0), (270, "1.1")), level(2, "1.1", "4"), level(6, "1.0")),
    snapshot(level(1, "1.1")),
    snapshot(level(1, ".5", "23.")),
    snapshot(),
    snapshot(*(level(side, f"1.{digit}", "2") for side in (0, 1) for digit in (10, 1, 2, 20, 3))),
    message("W", (268, 1), (269, 0), (270, "1.10"), (271, 2), (55, "GBP/USD")),
    changes(TRADE, (*TRADE, (1003, 9), (2446, 2)), ((279, 2), *TRADE[1:], (1003, 9), (5797, 1))),
    changes(LEVEL, ((279, 2), (269, 1), (270, "1.2")), ((279, 1), *LEVEL[1:2], (55, "GBP/USD"), *LEVEL[3:])),
    changes((*LEVEL[:2], (55, "GBP/USD"), *LEVEL[3:]), LEVEL, (*TRADE[:2], (55, "GBP/USD"), *TRADE[3:]), TRADE),
    changes((*LEVEL, (278, "x"), (290, 1)), (*TRADE, (273, "23:59:59")), (*TRADE, (60, "20240229-00:00:60"))),
)
"""Messages that the kernel reads itself."""
LEFT: Final = (
    message("0"),
    message("W", (55, "EUR/USD"), (268, 2), (269, 0), (270, 1), (271, 1)),
    snapshot(level(0, "1.1", "2"), level(0, "1.100001")),
    changes((*LEVEL, (278, "x"))),
    changes((*LEVEL, (60, "20990101-00:00:00"))),
    changes((*TRADE, (95, 3), (96, "a\x01b"))),
    changes((*LEVEL[:2], (55, "A B"), *LEVEL[3:])),
    snapshot(*[level(0, "1.1", "9" * 18)] * 11),
    snapshot(level(0, "1.1"))[:-4] + b"%03d\x01" % ((int(snapshot(level(0, "1.1"))[-4:-1]) + 128) % 256),
    snapshot(level(0, "1.1")).replace(b"\x01", b"|"),
    repaired(snapshot(level(0, "1.1")).replace(b"271=", b"0271=")),
    b"8=FIX.4.4|9=5|35=0|10=100|",
    b"",
)
"""Messages that it does not take."""


def same(rows: Sequence[bytes], now: int = NOW) -> None:
    """Decode rows both ways, with and without reference, and compare every byte."""
    batch = batch_of(rows, "fix.44", ts_receive=np.full(len(rows), now, np.int64), bar_channel="")
    for units in (UNITS, {}):
        assert encode_tick_batch(COMPILED(batch, units)) == encode_tick_batch(AUTHORITY(batch, units))


def test_plain_rows_are_scanned() -> None:
    """The kernel itself takes each plain form and no other, so the equalities compare two ways, not one with itself."""
    batch = batch_of([*TAKEN, *LEFT], "fix.44", ts_receive=np.full(len(TAKEN) + len(LEFT), NOW, np.int64))
    work = Work(batch, VENUE, UNITS, FUTURE_SKEW_MS_MAX, np.zeros(batch.row_count, np.bool_))
    Scan(loops("plain", fix_kernel))(work)
    assert work.slow.tolist() == [False] * len(TAKEN) + [True] * len(LEFT)


@pytest.mark.parametrize("decoder", [PLAIN, COMPILED], ids=["plain", "compiled"])
@pytest.mark.parametrize("channel", ["", "W", "X"])
def test_sections_are_equal(decoder: Decode, channel: str) -> None:
    """Trades, quotes and book messages come out byte for byte the same, in the order of the tape."""
    batch = batch_of([*TAKEN, *LEFT, *TAKEN[::-1]], "fix.44", bar_channel=channel)
    assert encode_tick_batch(decoder(batch, UNITS)) == encode_tick_batch(AUTHORITY(batch, UNITS))


def test_oversized_rows_are_left() -> None:
    """A row that is too long to travel is refused both ways, whatever its bytes are."""
    over = (OversizedRow(1, 9, bytes(32), "spool"),)
    batch = batch_of(TAKEN[:3], "fix.44", oversized=over)
    told = COMPILED(batch, UNITS)
    assert [one.reason for one in told.rejections] == ["oversized"]
    assert encode_tick_batch(told) == encode_tick_batch(AUTHORITY(batch, UNITS))


def real_rows(captures: pathlib.Path) -> list[bytes]:
    """Give every message of the real logs, as it is and with the length and sum it would have."""
    rows = [one for name, (mark, *_) in LOGS.items() for one in log(captures / "fix44" / name, mark)]
    return rows + [repaired(one.replace(b"|", b"\x01")) for one in rows]


def test_captures_are_equal(captures: pathlib.Path) -> None:
    """Every message of the real logs decodes to the same bytes both ways."""
    same(real_rows(captures), LATER)


VALUES: Final = (b"", b"0", b"1", b"2", b"9", b"-", b".", b"=", b"\x01", b"e", b" ", b"\xb2", b":", b"20241122")


def spoilt(row: bytes, chance: random.Random) -> bytes:
    """Spoil a message's body in one to three places, and seal it again most of the time."""
    at = row.find(b"35=")
    body = bytearray(row[at:-7])
    fields = body.split(b"\x01")
    for _ in range(chance.randrange(1, 4)):
        place, kind = chance.randrange(len(fields)), chance.randrange(4)
        field = fields[place]
        if kind == 0:
            fields[place : place + 1] = []
        elif kind == 1:
            fields.insert(chance.randrange(len(fields) + 1), field)
        else:
            cut = chance.randrange(len(field) + 1)
            fields[place] = field[:cut] + chance.choice(VALUES) + field[cut + chance.randrange(3) :]
        fields = fields or [bytearray()]
    text = b"8=FIX.4.4\x019=1\x01" + b"\x01".join(fields) + b"\x01" * chance.randrange(2) + b"10=000\x01"
    return repaired(text) if b"35=" in text and chance.random() < 0.9 else text


def test_spoilt_captures_are_equal(captures: pathlib.Path) -> None:
    """However a real market data message is spoilt, both ways give the same ticks, rejections and counts."""
    chance = random.Random(44)  # noqa: S311 - the same damage in every run
    rows = [one for one in real_rows(captures) if b"\x0135=W" in one or b"\x0135=X" in one]
    for _ in range(count(2_000)):
        same([spoilt(chance.choice(rows), chance) for _ in range(10)], LATER)


@settings(max_examples=examples(3_000), deadline=None)
@given(seed=st.integers(0, 2**32))
def test_spoilt_messages_are_equal(seed: int) -> None:
    """However messages of every plain form are spoilt, both ways give the same."""
    chance = random.Random(seed)  # noqa: S311 - damage, not a secret
    same([spoilt(chance.choice(TAKEN + LEFT[:8]), chance) for _ in range(4)])


FIELDS: Final[dict[int, tuple[tuple[str, ...], tuple[str, ...]]]] = {
    55: (("EUR/USD", "GBP/USD", "A", "NEW", "x" * 64), ("A B", "\xe9", "x" * 65)),
    60: (
        ("20241122-06:17:14", "20241122-06:17:14.183428001", "20240229-23:59:60"),
        ("20240230-00:00:00", "19700101-00:00:00", "x", "20241122 06:17:14"),
    ),
    269: (("0", "1", "2", "6"), ("00", "\xb2")),
    270: (("1.1", "1.10", "1.10010", "007.5", "2", "100"), ("0", "-1", ".5", "5.", "1e2", "0.0", "1.1.1")),
    271: (("1", "10.0", "100", "5", "999999999999999999"), ("0", "-1", ".5", "5.", "1" * 19, "0.0")),
    272: (("20241122", "20240229"), ("19691231", "20230229", "20241301", "22611231", "2024112", "20241100")),
    273: (("06:17:13", "23:59:59", "00:00:00.5"), ("24:00:00", "6:17:13", "06:17:13.", "06:17:13.1234567891")),
    278: (("id",), ("id",)),
    290: (("1",), ("x",)),
    1003: (("7", "0", "12", "9" * 18), ("x", "9" * 19, "\xb2")),
    2446: (("1", "2"), ("3", "11")),
    5797: (("1", "2"), ("0",)),
    1023: (("1",), ("x",)),
    279: (("0", "1", "2"), ("3", "10")),
    58: (("a=b",), ("\xff",)),
    52: (("20241123-06:00:00",), ("x",)),
}
"""Values of each tag: those that are usual, and those that are odd."""
RARE: Final = (60, 272, 273, 278, 290, 1003, 2446, 5797, 1023, 58, 52)


def entry(kind: str, chance: random.Random) -> list[tuple[int, object]]:
    """Write an entry that has most of what it needs, in any order, and some of what it may have."""
    needed = [270, 271, *([55] if kind == "X" else [])]
    tags = [tag for tag in needed if chance.random() < 0.97] + chance.choices(RARE, k=chance.randrange(4))
    chance.shuffle(tags)
    begin = [279, 269] if kind == "X" else [269]
    return [(tag, chance.choice(FIELDS[tag][chance.random() < 0.02])) for tag in begin + tags]


def written(chance: random.Random) -> bytes:
    """Write a W or an X of a few entries."""
    kind, number = chance.choice("WX"), chance.randrange(7)
    told = chance.choice((number,) * 20 + (f"0{number}", number + 1, "x"))
    head: list[tuple[int, object]] = [(55, chance.choice(FIELDS[55][0]))] if kind == "W" else []
    return message(kind, *head, (268, told), *(pair for _ in range(number) for pair in entry(kind, chance)))


@settings(max_examples=examples(3_000), deadline=None)
@given(seed=st.integers(0, 2**32))
def test_written_messages_are_equal(seed: int) -> None:
    """Whatever values the entries of W and X messages have, both ways give the same."""
    chance = random.Random(seed)  # noqa: S311 - values, not secrets
    same([written(chance) for _ in range(4)])


def test_empty_payload() -> None:
    """A batch whose only row is empty is refused like any other."""
    same([b""])


DIGITS: Final = st.from_regex(r"[0-9]{1,19}(\.[0-9]{0,10})?", fullmatch=True)


@settings(max_examples=examples(2_000), deadline=None)
@given(text=DIGITS, exponent=st.integers(-20, 3))
def test_any_decimal_is_equal(text: str, exponent: int) -> None:
    """Any decimal gives the same exact mantissa or the same rejection, whatever the instrument's unit."""
    units = {"A": InstrumentRef("A.FIX", exponent, exponent)}
    batch = batch_of([changes((*LEVEL[:2], (55, "A"), (270, text), (271, text)))], "fix.44")
    assert encode_tick_batch(COMPILED(batch, units)) == encode_tick_batch(AUTHORITY(batch, units))


@settings(max_examples=examples(5_000), deadline=None)
@given(
    year=st.sampled_from((1969, 1971, 1999, 2000, 2024, 2100, 2261)), month=st.integers(0, 13), day=st.integers(0, 32)
)
def test_any_date_is_equal(year: int, month: int, day: int) -> None:
    """Any date gives the same time or the same rejection, leap years of all kinds and days that are none included."""
    same([changes((*TRADE, (60, f"{year}{month:02}{day:02}-00:00:00")))], timestamp("22611231-00:00:00"))


@pytest.mark.parametrize("at", ["00:00:01", "06:00:00", "12:00:00", "18:00:01", "23:59:59.999999999"])
def test_any_clock_is_equal(at: str) -> None:
    """A time without a date is of the day nearest to the sending, whatever the hour of either."""
    sent = [(52, f"20241231-{hour:02}:{minute:02}:30") for hour in range(24) for minute in (0, 59)]
    pairs = [(279, 0), (269, 2), (55, "EUR/USD"), (270, 1), (271, 1), (273, at)]
    bodies = [encode("FIX.4.4", [(35, "X"), one, (268, "1"), *((tag, str(to)) for tag, to in pairs)]) for one in sent]
    same(bodies, LATER)


def test_more_symbols_than_fit() -> None:
    """A batch of more symbols than the kernel numbers is told as if it numbered all."""
    rows = [
        changes(*((*LEVEL[:2], (55, f"S{n}"), *LEVEL[3:]) for n in range(at, at + 50))) for at in range(0, 5_000, 50)
    ]
    same(rows)
