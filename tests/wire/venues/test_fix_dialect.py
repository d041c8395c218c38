"""Check FIX rows: the real logs to the last message, and what W and X mean."""

import pathlib
from collections import Counter
from collections.abc import Sequence
from typing import Final

import numpy as np
import pytest
from counts import examples
from fix_rows import LATER, LOGS, NOW, changes, level, log, message, repaired, snapshot
from hypothesis import given, settings
from hypothesis import strategies as st

from functions.domain.market import (
    BOOK_SNAPSHOT,
    BOOK_WITHOUT_IDS,
    NO_VENUE_TIME,
    TRADE_CANCEL,
    TRADE_CORRECTION,
    TRADE_IDS_SPARSE,
    TRADE_INFORMS_ONLY,
    TRADE_WITHOUT_ID,
    RawBatch,
    TickBatch,
)
from functions.wire.codecs.market import encode_tick_batch
from functions.wire.fix.codec import Framer, Message, decode
from functions.wire.fix.flow import read_flow
from functions.wire.fix.messages import check
from functions.wire.fix.values import timestamp
from functions.wire.venues.registry import decoder_of

UNIT: Final = 10**8


def decoded(rows: Sequence[bytes], now: int = NOW) -> TickBatch:
    """Decode rows as one batch."""
    return decoder_of("fix.44")(
        RawBatch(
            shard="FIX-0",
            stream="FIX-0.fix",
            dialect="fix.44",
            first_row=0,
            payload=b"".join(rows),
            offsets=np.cumsum([0, *map(len, rows)]).astype(np.uint32),
            ts_receive=np.full(len(rows), now, np.int64),
        ),
        {},
    )


@pytest.mark.parametrize("name", LOGS)
def test_logs(captures: pathlib.Path, name: str) -> None:
    """Every message of a real log is accounted for: counted under its kind, or refused with its reason."""
    separator, kinds, reasons = LOGS[name]
    rows = log(captures / "fix44" / name, separator)
    batch = decoded(rows, LATER)
    assert dict(batch.kinds) == kinds
    assert Counter(one.reason for one in batch.rejections) == reasons
    assert sum(kinds.values()) == len(rows)
    assert [one.raw[:1024] for one in batch.rejections] == [rows[one.row][:1024] for one in batch.rejections]


def test_logs_as_streams(captures: pathlib.Path) -> None:
    """A log sent as one stream, cut anywhere and with its time prefixes left in, gives the same messages."""
    text = (captures / "fix44" / "ireach_fix44_semicolon.txt").read_bytes().replace(b";", b"\x01")
    framer = Framer()
    frames = [one for at in range(0, len(text), 997) for one in framer.feed(text[at : at + 997])]
    rows = log(captures / "fix44" / "ireach_fix44_semicolon.txt", b";")
    assert [one.raw for one in frames if isinstance(one, Message)] == rows


def test_ireach_orders(captures: pathlib.Path) -> None:
    """Every order message of the real log is told with the fields an independent split of its text gives."""
    rows = log(captures / "fix44" / "ireach_fix44_semicolon.txt", b";")
    told = [(row, entry) for row in rows if (entry := read_flow(row, 0, 0)) is not None]
    assert len(told) == 328
    for row, entry in told:
        said = dict(reversed([one.split("=", 1) for one in row.decode().split("\x01")[:-1]]))
        assert entry.cl_ord_id == said["11"]
        assert entry.exec_id == said.get("17", "")
        assert float(entry.quantity or 0) == float(said.get("38", 0))
        assert float(entry.leaves_quantity or 0) == float(said.get("151", 0))
        assert entry.sequence_number == int(said["34"])


def test_ireach_checks(captures: pathlib.Path) -> None:
    """Real messages keep the field rules, so the session would take them."""
    rows = log(captures / "fix44" / "ireach_fix44_semicolon.txt", b";")
    read = [decode(row) for row in rows]
    assert [one for one in read if not isinstance(one, Message)] == []
    assert Counter(flaw.text for one in read if isinstance(one, Message) and (flaw := check(one))) == {}


def test_repaired_log(captures: pathlib.Path) -> None:
    """The anonymised log, given right sums, tells two quotes, as its README says; its unknown type is refused."""
    rows = [repaired(row) for row in log(captures / "fix44" / "fixprotocoltools_example.fix.log", b"\x01")]
    batch = decoded(rows, LATER)
    assert dict(batch.kinds) == {"A": 2, "V": 2, "W": 2, "D": 1, "8": 1, "rejected": 1}
    assert [(one.reason, one.raw) for one in batch.rejections] == [("unknown_kind", rows[2])]
    assert [batch.instruments[at].instrument_id for at in batch.quotes.instrument] == ["GBP/USD.FIX", "EUR/USD.FIX"]
    assert batch.quotes.bid_price.tolist() == [160_060_000, 137_277_000]
    assert batch.quotes.ask_price.tolist() == [160_082_000, 137_291_000]
    assert batch.quotes.ask_size.tolist() == [1_000_000 * UNIT] * 2


def test_binance_samples(captures: pathlib.Path) -> None:
    """The venue's own samples, given right lengths, tell their trades, levels and the snapshot that is empty."""
    rows = log(captures / "fix44" / "binance_fix_docs_samples.txt", b"|")
    batch = decoded([repaired(row.replace(b"|", b"\x01")) for row in rows], LATER)
    assert dict(batch.kinds) == {"V": 4, "Y": 1, "W": 1, "X": 6}
    assert (batch.trades.trade_id % 2**40).tolist() == [0, 1, 2, 67, 68, 69]
    assert batch.trades.price.tolist() == [one * UNIT for one in (10, 10, 10, 240, 238, 233)]
    assert batch.trades.ts_event[3] == timestamp("20250116-19:36:44.196569")
    assert (
        batch.book.flags.tolist()
        == [BOOK_SNAPSHOT | BOOK_WITHOUT_IDS | NO_VENUE_TIME] + [BOOK_WITHOUT_IDS | NO_VENUE_TIME] * 3
    )
    assert (batch.book.bids.tolist(), batch.book.asks.tolist()) == ([0, 2, 2, 0], [0, 0, 0, 1])
    assert batch.book.level_price.tolist() == [one * UNIT for one in (362, 313, 284, 264, 395)]
    assert batch.book.level_size.tolist() == [one * UNIT for one in (0, 0, 0, 3, 19)]


def test_quote() -> None:
    """A snapshot of one bid and one offer is a quote; a side that is not there has price 0."""
    batch = decoded([snapshot(level(0, "1.1", "5"), level(1, "1.2", "6")), snapshot(level(1, ".5"))])
    assert batch.quotes.bid_price.tolist() == [UNIT * 11 // 10, 0]
    assert batch.quotes.bid_size.tolist() == [5 * UNIT, 0]
    assert batch.quotes.ask_price.tolist() == [UNIT * 12 // 10, UNIT // 2]
    assert batch.quotes.flags.tolist() == [NO_VENUE_TIME] * 2
    assert len(batch.book.row) == 0


def test_book() -> None:
    """A snapshot of more levels is a book; sizes at one price are one level."""
    batch = decoded([snapshot(level(0, "1.1", "2"), level(0, "1.10", "3"), level(0, "1.0"), level(1, "1.2"))])
    assert (batch.book.bids.tolist(), batch.book.asks.tolist()) == ([2], [1])
    assert batch.book.level_size.tolist() == [5 * UNIT, UNIT, UNIT]
    assert len(batch.quotes.row) == 0


def test_snapshot_trade_informs() -> None:
    """A trade in a snapshot is the last one there was: it informs, and feeds no bar."""
    batch = decoded([snapshot(level(2, "1.1"), level(6, "1.0"))])
    assert batch.trades.flags.tolist() == [TRADE_INFORMS_ONLY | TRADE_WITHOUT_ID]
    assert len(batch.book.row) == len(batch.quotes.row) == 0


def test_actions() -> None:
    """A new or changed level is absolute, a deleted one has size 0; a trade is new, corrected or taken back."""
    tail = ((270, "2"), (271, "7"))
    trade = ((269, 2), *tail, (1003, 9), (2446, 2))
    batch = decoded(
        [
            changes(
                ((279, 0), (269, 0), (55, "A"), *tail),
                ((279, 1), (269, 1), *tail),
                ((279, 2), (269, 0), (270, "3")),
                *(((279, action), *trade) for action in (0, 1, 2)),
                ((279, 0), (269, 0), (55, "B"), *tail),
            )
        ]
    )
    assert [batch.instruments[at].instrument_id for at in batch.book.instrument] == ["A.FIX", "B.FIX"]
    assert batch.book.level_price.tolist() == [2 * UNIT, 3 * UNIT, 2 * UNIT, 2 * UNIT]
    assert batch.book.level_size.tolist() == [7 * UNIT, 0, 7 * UNIT, 7 * UNIT]
    assert batch.trades.flags.tolist() == [TRADE_IDS_SPARSE | action for action in (0, TRADE_CORRECTION, TRADE_CANCEL)]
    assert (batch.trades.side.tolist(), (batch.trades.trade_id % 2**40).tolist()) == ([2, 2, 2], [9, 9, 9])


@pytest.mark.parametrize(
    ("pairs", "ts_ns"),
    [
        (((272, "20241122"), (273, "06:17:13.5")), timestamp("20241122-06:17:13.5")),
        (((273, "06:17:13"),), timestamp("20241122-06:17:13")),
        (((273, "23:59:59"),), timestamp("20241121-23:59:59")),
        (((60, "20241122-06:00:00"),), timestamp("20241122-06:00:00")),
        (((272, "20241122"),), NOW),
        ((), NOW),
    ],
)
def test_times(pairs: tuple[tuple[int, str], ...], ts_ns: int) -> None:
    """An entry's time is its date and time, or its time on the day nearest to the sending, or its TransactTime."""
    batch = decoded([changes(((279, 0), (269, 2), (55, "A"), (270, 1), (271, 1), *pairs))])
    assert batch.trades.ts_event.tolist() == [ts_ns]


GOOD = ((279, 0), (269, 0), (55, "A"), (270, 1), (271, 1))


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (b"", "bad_head"),
        (b"8=FIX.4.4|9=5|35=0|10=100|", "bad_checksum"),
        (message("h"), "unknown_kind"),
        (message("zz"), "unknown_kind"),
        (message("W", (268, 0)), "missing_field"),
        (message("W", (55, "A"), (268, "x")), "wrong_type"),
        (message("W", (55, "A"), (268, 2), (269, 0), (270, 1), (271, 1)), "wrong_count"),
        (message("X", (268, 1), (279, 0), (269, 0), (270, 1), (271, 1)), "missing_field"),
        (changes(GOOD[:1] + GOOD[2:]), "missing_field"),
        (changes((*GOOD[:3], (271, 1))), "missing_field"),
        (changes((*GOOD[:4],)), "missing_field"),
        (changes(((279, 7), *GOOD[1:])), "wrong_type"),
        (changes((*GOOD[:3], (270, "1e5"), (271, 1))), "wrong_type"),
        (changes((*GOOD[:3], (270, -1), (271, 1))), "negative_price"),
        (changes((*GOOD, (278, "order-7"))), "unsupported_book"),
        (changes((*GOOD, (273, "25:00:00"))), "wrong_type"),
        (changes(((279, 2), (269, 2), *GOOD[2:])), "missing_field"),
        (changes((*GOOD[:2], (55, "A B"), *GOOD[3:])), "wrong_type"),
        (changes((*GOOD[:3], (270, "0.000000001"), (271, 1))), "too_fine"),
    ],
)
def test_refused(row: bytes, reason: str) -> None:
    """What cannot be market data is refused with its reason, and kept as it came."""
    (rejection,) = decoded([row]).rejections
    assert (rejection.reason, rejection.raw) == (reason, row)


@settings(max_examples=examples(2_000), deadline=None)
@given(data=st.data())
def test_mutations(data: st.DataObject) -> None:
    """However a message is spoilt inside, with a right sum, it is read, counted or refused: nothing escapes."""
    row = data.draw(st.sampled_from([snapshot(level(0, "1.1"), level(1, "1.2")), changes(GOOD, GOOD)]))
    body = bytearray(row[row.index(b"35=") : -7])
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(3, len(body) - 1))
        body[at : at + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=3))
    batch = decoded([repaired(b"8=FIX.4.4\x019=1\x01" + bytes(body) + b"10=000\x01")])
    encode_tick_batch(batch)
    assert sum(number for _, number in batch.kinds) == 1
    read_flow(row, 0, 0)
