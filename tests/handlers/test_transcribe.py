"""A FIX session's batches become order flow, field by field, and nothing else does."""

import pathlib
import re
from dataclasses import replace

import numpy as np
import pytest
from counts import examples
from hypothesis import given, settings
from hypothesis import strategies as st

from functions.domain.flow import FlowEntry, FlowKind, OrderFlow
from functions.domain.market import OversizedRow, RawBatch
from functions.handlers.transcribe import CARD
from functions.handlers.transcribe.handler import handle
from functions.handlers.transcribe.main import Settings, compose
from functions.local.delivery import compile_filters
from functions.local.topology import load
from functions.wire.codecs.flow import ORDER_FLOW, decode_order_flow, encode_order_flow
from functions.wire.envelope import Event
from functions.wire.errors import Malformed
from functions.wire.fix.codec import encode
from functions.wire.fix.values import timestamp
from functions.wire.raw import raw_event

SENT = "20241122-06:17:14.183"
NOW = timestamp(SENT) + 5
TEXTS = st.text(st.characters(codec="latin-1", exclude_characters="\x01"), max_size=5)
ENTRIES = st.builds(
    FlowEntry,
    row=st.integers(0, 2**40),
    kind=st.sampled_from(FlowKind),
    sender=TEXTS,
    target=TEXTS,
    sequence_number=st.integers(0, 10**18),
    ts_receive=st.integers(0, 2**62),
    cl_ord_id=TEXTS,
    price=st.sampled_from(["", "1.5"]),
    poss_resend=st.booleans(),
    ts_event=st.integers(-(2**62), 2**62),
    flaw=TEXTS,
)


def row(msg_type: str, *pairs: tuple[int, object], number: int = 2) -> bytes:
    """Write a message."""
    head = [(35, msg_type), (49, "US"), (56, "VENUE"), (34, str(number)), (52, SENT)]
    return encode("FIX.4.4", [*head, *((tag, str(value)) for tag, value in pairs)])


def event_of(rows: list[bytes], **more: object) -> Event:
    """Publish rows as the feed does."""
    batch = RawBatch(
        shard="FIX-0",
        stream="FIX-0.fix",
        dialect="fix.44",
        first_row=70,
        payload=b"".join(rows),
        offsets=np.cumsum([0, *map(len, rows)]).astype(np.uint32),
        ts_receive=np.full(len(rows), NOW, np.int64),
    )
    return raw_event(replace(batch, **more), 7, feed="fix")  # type: ignore[arg-type] # each its own kind


async def told(rows: list[bytes], **more: object) -> OrderFlow:
    """Give what the handler answers."""
    answer = await handle(event_of(rows, **more))
    assert answer is not None
    return decode_order_flow(answer.data or b"")


ORDER = ((11, "o-1"), (55, "EUR/USD"), (54, 1), (60, "20241122-06:17:14"), (40, 2), (38, "10.50"), (44, ".5"))


async def test_order() -> None:
    """An order is told with its names, figures as plain decimals, and its times."""
    (entry,) = (await told([row("D", *ORDER, (1, "acct"), (97, "Y"), (58, "now"))])).entries
    assert entry == FlowEntry(
        row=70,
        kind=FlowKind.NEW_ORDER_SINGLE,
        sender="US",
        target="VENUE",
        sequence_number=2,
        ts_receive=NOW,
        cl_ord_id="o-1",
        symbol="EUR/USD",
        side="buy",
        quantity="10.5",
        price="0.5",
        text="now",
        poss_resend=True,
        ts_event=timestamp("20241122-06:17:14"),
        ts_sent=timestamp(SENT),
    )


async def test_every_kind() -> None:
    """Each kind of order message is told under its name, in order, and market data between them is passed over."""
    rows = [
        row("D", *ORDER),
        row("W", (55, "A"), (268, 0)),
        row("F", (41, "o-1"), *ORDER),
        row("G", (41, "o-1"), *ORDER),
        b"no message",
        row("8", (37, "x"), (17, "e"), (150, "F"), (39, 2), (54, 2), (151, 0), (14, 1), (6, 1), (32, 1), (31, 2)),
        row("9", (37, "x"), (11, "a"), (41, "b"), (39, 8), (434, 1), (102, 1)),
        row("3", (45, 9), (373, 5), (58, "no")),
        row("j", (372, "D"), (379, "o-9"), (380, 3)),
    ]
    entries = (await told(rows)).entries
    assert [one.kind for one in entries] == list(FlowKind)
    assert [one.row for one in entries] == [70, 72, 73, 75, 76, 77, 78]
    assert [one.reason for one in entries[4:]] == ["1", "5", "3"]
    assert (entries[3].last_quantity, entries[3].last_price, entries[3].side) == ("1", "2", "sell")
    assert entries[6].cl_ord_id == "o-9"


async def test_flaw() -> None:
    """An order message that breaks a rule is told all the same, with what is wrong and without the wrong value."""
    flawed = [row("D", *ORDER[1:]), row("D", *ORDER[:5], (38, "1e5"))]
    missing, wrong = (await told(flawed)).entries
    assert (missing.cl_ord_id, missing.flaw) == ("", "required tag 11 is missing")
    assert (wrong.quantity, wrong.flaw) == ("", "tag 38: '1e5' is no float")


async def test_answers_its_cause() -> None:
    """The answer keeps stream, sequence and partition, and has the last order's time; the same twice is equal."""
    cause = event_of([row("D", *ORDER)])
    answer = await handle(cause)
    assert answer is not None
    assert (answer.type, answer.source) == (ORDER_FLOW, "/tickloom/handlers/transcribe/FIX-0.fix")
    assert (answer.extensions["sequence"], answer.extensions["partitionkey"]) == (f"{7:020}", "FIX-0")
    assert answer.extensions["causationid"] == cause.id
    assert answer.time_ns == timestamp("20241122-06:17:14")
    assert await handle(cause) == answer


@pytest.mark.parametrize("rows", [[], [row("0")], [row("W", (55, "A"), (268, 0))], [b"rubbish"]])
async def test_nothing(rows: list[bytes]) -> None:
    """A batch without order messages, a heartbeat and what is no message are answered with nothing."""
    assert await handle(event_of(rows, heartbeat=not rows)) is None


async def test_oversized() -> None:
    """A row whose bytes stay in the spool is passed over."""
    assert await handle(event_of([row("D", *ORDER)], oversized=(OversizedRow(0, 9, b"x" * 32, "ref"),))) is None


async def test_malformed() -> None:
    """What is no RawBatch of this dialect is Malformed."""
    good = event_of([row("D", *ORDER)])
    for wrong in (replace(good, data=b"\xff"), replace(good, type="x.Y"), event_of([b"{}"], dialect="binance.spot")):
        with pytest.raises(Malformed):
            await handle(wrong)


async def test_captures(captures: pathlib.Path) -> None:
    """The real log's 328 order messages are told, each under its row."""
    text = (captures / "fix44" / "ireach_fix44_semicolon.txt").read_bytes()
    rows = [one.replace(b";", b"\x01") for one in re.findall(rb"8=FIX.4.4;.*?;10=[0-9]{3};", text)]
    entries = (await told(rows[:512])).entries
    assert len(rows) == 330
    assert len(entries) == 328
    assert [one.flaw for one in entries if one.flaw] == []


@settings(max_examples=examples(300), deadline=None)
@given(entries=st.lists(ENTRIES, min_size=1, max_size=4))
def test_codec(entries: list[FlowEntry]) -> None:
    """Order flow reads back as it was written."""
    flow = OrderFlow("FIX-0", "FIX-0.fix", tuple(entries))
    assert decode_order_flow(encode_order_flow(flow)) == flow


def test_codec_refuses() -> None:
    """Bytes that are no order flow, or of an unknown kind, are Malformed."""
    for wrong in (b"", b"\xff", b"\x1a\x02\x10\x63"):
        with pytest.raises(Malformed):
            decode_order_flow(wrong)


async def test_composes() -> None:
    """Composing binds nothing, as the card says."""
    hosted = compose(Settings())
    assert hosted.card is CARD
    assert (CARD.calls, CARD.stores) == ((), ())
    await hosted.close()


def test_hears_fix_alone() -> None:
    """Its Trigger lets batches of FIX messages through, live or replayed, and of no other dialect."""
    (trigger,) = (one for one in load().subscriptions if one.subscriber == "transcribe")
    accepts = compile_filters(trigger.filters, trigger.name)
    assert accepts(event_of([b"x"]))
    assert accepts(event_of([b"x"], stream="FIX-0.replay"))
    assert not accepts(event_of([b"x"], dialect="binance.spot"))
    assert not accepts(replace(event_of([b"x"]), type="tickloom.market.v1.TickBatch"))
