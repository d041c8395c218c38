"""The bars table reads ticks, emits bars and gaps in one sequence, and starts again from what it wrote down."""

from collections.abc import Sequence

import pytest
from ticking import T0, Quote, Row, S, Trade, batch, instruments, lines
from tickloom.market.v1 import bar_pb2

from functions.domain.bars.state import BarState
from functions.domain.enrichment import InstrumentFacts
from functions.domain.errors import Rejected
from functions.domain.market import BAR_FINAL, BAR_OPEN, GapDetected, InstrumentRef, TickBatch
from functions.tables.bars import CARD
from functions.tables.bars.main import Settings, compose
from functions.tables.bars.table import BarsTable
from functions.wire import facts
from functions.wire.codecs.bars import decode_bar_batch, encode_bar_batch
from functions.wire.codecs.enriched import ENRICHED_BATCH, encode_enriched_batch, encode_facts
from functions.wire.codecs.market import decode_gap, encode_tick_batch
from functions.wire.codecs.quality import FEED_QUALITY, decode_quality
from functions.wire.envelope import Event
from functions.wire.errors import Malformed

SOURCE = "/tickloom/handlers/enrich/BINANCE-0.replay"
GAP = GapDetected("BINANCE-0", SOURCE, 3, 4)


def table(**settings: object) -> BarsTable:
    """Compose the table as a host does, on plain loops."""
    fold = compose(Settings(kernels="plain", **settings)).fold  # type: ignore[arg-type]
    assert isinstance(fold, BarsTable)
    return fold


def ticks(value: TickBatch, number: int = 0, calendar: str = "") -> Event:
    """Wrap a batch of ticks as enrich does."""
    known = {"known": True, "calendar": calendar} if calendar else {}
    told = [encode_facts(InstrumentFacts(ref.instrument_id, **known)) for ref in value.instruments]  # type: ignore[arg-type]  # names and their values
    return Event(
        id=facts.batch_id(SOURCE, number),
        source=SOURCE,
        type=ENRICHED_BATCH,
        data=encode_enriched_batch(encode_tick_batch(value), told),
        time_ns=T0,
        extensions={"sequence": facts.sequence_text(number), "partitionkey": "BINANCE-0", "correlationid": "c"},
    )


def fold(rows: Sequence[Row], first_row: int = 0, state: BarState | None = None) -> tuple[BarState, tuple[Event, ...]]:
    """Fold rows into a new or given state."""
    fold_of = table()
    state, events = fold_of.fold(state or fold_of.start("BINANCE-0"), ticks(batch(rows, first_row)))
    return state, tuple(event for event in events if event.type != FEED_QUALITY)


def test_quality() -> None:
    """What the feed was like is told before the bars, in a sequence of its own, as of the end of its window."""
    fold_of = table()
    state, (told, bars) = fold_of.fold(
        fold_of.start("BINANCE-0"), ticks(batch([Trade(T0, id=1), Trade(T0 + 6 * S, id=4)]))
    )
    assert (told.source, bars.type) == ("/tickloom/tables/bars/BINANCE-0.quality", "tickloom.market.v1.BarBatch")
    assert (told.extensions["sequence"], told.time_ns) == (facts.sequence_text(0), T0)
    assert [one.rows for one in decode_quality(told.data or b"").instruments] == [1]
    again = fold_of.load("BINANCE-0", fold_of.dump(state))
    _, (more, _) = fold_of.fold(again, ticks(batch([Trade(T0 + 60 * S, id=5)], 2)))
    assert (more.extensions["sequence"], decode_quality(more.data or b"").instruments[0].rows) == (
        facts.sequence_text(1),
        1,
    )


def test_closes() -> None:
    """A batch that closes bars gives one event: its time is the last end, its sequence is the table's own."""
    state, events = fold([Trade(T0, id=1), Trade(T0 + 6 * S, id=2)])
    (event,) = events
    assert event.source == "/tickloom/tables/bars/BINANCE-0"
    assert event.id == facts.batch_id(event.source, 0)
    assert event.type == "tickloom.market.v1.BarBatch"
    assert event.time_ns == T0 + 5 * S
    assert event.extensions == {
        "sequence": facts.sequence_text(0),
        "partitionkey": "BINANCE-0",
        "correlationid": "c",
        "causationid": facts.batch_id(SOURCE, 0),
        "handlerversion": CARD.version,
    }
    assert [line[1:4] for line in lines([decode_bar_batch(event.data or b"")])] == [
        (1, T0, BAR_FINAL),
        (5, T0, BAR_FINAL),
    ]
    assert state.emitted == 1


def test_days_of_the_calendar() -> None:
    """Days are cut by the calendar that the facts name, and an event's time is never ahead of what it was told by."""
    sunday = 1_710_046_800 * S  # 2024-03-10 00:00 in New York, a day of 23 hours
    rows = [Trade(sunday, id=1), Trade(sunday + 23 * 3600 * S, id=2), Trade(sunday + 23 * 3600 * S + S, id=3)]
    fold_of = table()
    state = fold_of.start("XNYS-0")
    _, events = fold_of.fold(state, ticks(batch(rows, end_of_tape=True), calendar="XNYS"))
    (event,) = [one for one in events if one.type != FEED_QUALITY]
    days = [line[2:4] for line in lines([decode_bar_batch(event.data or b"")]) if line[1] == 86_400]
    assert days == [(sunday, BAR_FINAL), (sunday + 23 * 3600 * S, BAR_OPEN)]
    assert event.time_ns == sunday + 23 * 3600 * S + S - 250_000_000


def test_settings() -> None:
    """A venue's own lateness and the filling of gaps are settings; what cannot be is refused."""
    rules = table(bars_lateness_ms_of=("BINANCE=7", "KRAKEN=500"), bars_fill=3).rules
    assert (rules.lateness_ns("BINANCE-0"), rules.lateness_ns("XNYS-0"), rules.fill) == (7_000_000, 250_000_000, 3)
    for bad in ({"bars_lateness_ms_of": ("BINANCE",)}, {"bars_lateness_ms_of": ("X=99999",)}, {"bars_fill": -1}):
        with pytest.raises(ValueError, match="expected"):
            table(**bad)


def test_silent() -> None:
    """A batch that closes nothing gives no event and takes no number."""
    state, events = fold([Trade(T0, id=1), Quote(T0)])
    assert events == ()
    assert state.emitted == 0


def test_rejected_attribute() -> None:
    """Rows that came too late are counted in an attribute, a string, and ride along."""
    state, _ = fold([Trade(T0, id=1)])
    state, events = fold([Trade(T0 + 3600 * S, id=2), Trade(T0, id=3), Trade(T0, id=4)], 1, state)
    assert [event.extensions.get("rejected") for event in events] == ["2"]
    found = decode_bar_batch(events[0].data or b"")
    assert [(one.row, one.reason, one.symbol) for one in found.rejections] == [
        (2, "too_late", "I0-USDT.BINANCE"),
        (3, "too_late", "I0-USDT.BINANCE"),
    ]
    assert found.stream == "BINANCE-0.replay"


def test_equal_bytes() -> None:
    """The same events into the same state give equal bytes."""
    rows = [Trade(T0, id=1), Trade(T0 + 6 * S, id=2)]
    assert fold(rows)[1] == fold(rows)[1]


def test_end_of_tape() -> None:
    """The end of a tape is always passed on, its time the cause's when nothing closed."""
    fold_of = table()
    _, events = fold_of.fold(fold_of.start("BINANCE-0"), ticks(batch((), end_of_tape=True)))
    assert [decode_bar_batch(event.data or b"").end_of_tape for event in events] == [True]
    assert events[0].time_ns == T0


def test_gap() -> None:
    """A gap is told in the same sequence as bars, names the source that has it, and the quote is forgotten."""
    fold_of = table()
    state, _ = fold([Quote(T0), Trade(T0, id=1), Trade(T0 + 2 * S, id=2)])
    state, events = fold_of.gap(state, ticks(batch(()), 5), GAP)
    assert [event.extensions["sequence"] for event in events] == [facts.sequence_text(1)]
    assert decode_gap(events[0].data or b"") == GAP
    state, events = fold([Trade(T0 + 9 * S, id=3)], 3, state)
    assert {line[-1] for line in lines([decode_bar_batch(events[0].data or b"")])} == {0}
    assert events[0].extensions["sequence"] == facts.sequence_text(2)


def test_reload() -> None:
    """A state written down and read back goes on with the same bytes."""
    fold_of = table()
    state, _ = fold([Trade(T0, id=1), Trade(T0 + 2 * S, id=2)])
    again = fold_of.load("BINANCE-0", fold_of.dump(state))
    rows = [Trade(T0 + 1, id=9), Trade(T0 + 9 * S, id=10)]
    assert fold(rows, 2, again)[1] == fold(rows, 2, state)[1]
    assert fold_of.dump(again) == fold_of.dump(state)


@pytest.mark.parametrize(("kind", "data"), [("tickloom.market.v1.BarBatch", b""), (ENRICHED_BATCH, b"\xff")])
def test_malformed(kind: str, data: bytes) -> None:
    """Another type, or bytes that are no batch, is malformed."""
    fold_of = table()
    with pytest.raises(Malformed):
        fold_of.fold(fold_of.start("BINANCE-0"), Event(id="1", source=SOURCE, type=kind, data=data))


def test_rejects() -> None:
    """An instrument whose exponents changed is rejected and the state stays as it was."""
    fold_of = table()
    state, _ = fold([Trade(T0, id=1)])
    before = fold_of.dump(state)
    refs = (InstrumentRef(instruments(1)[0].instrument_id, -9, -9),)
    with pytest.raises(Rejected):
        fold_of.fold(state, ticks(batch([Trade(T0, id=2)], 1, refs)))
    assert fold_of.dump(state) == before


def test_too_heavy() -> None:
    """Settings whose fullest state would be too heavy to store stop the start."""
    with pytest.raises(ValueError, match="instruments"):
        table(bars_instruments_max=50)


def test_codec_round_trip() -> None:
    """What a table emits reads back and writes again as the same bytes."""
    _, events = fold([Trade(T0 + n * S, 2**40 + n, 2**40, id=n) for n in range(60)])
    for event in events:
        assert encode_bar_batch(decode_bar_batch(event.data or b"")) == event.data


@pytest.mark.parametrize("column", ["instrument", "interval_s", "finality", "revision", "close"])
def test_codec_refuses(column: str) -> None:
    """A column of another length, or holding what no bar can be, is malformed and named or described."""
    _, events = fold([Trade(T0, id=1), Trade(T0 + 6 * S, id=2)])
    message = bar_pb2.BarBatch.FromString(events[0].data or b"")
    setattr(message, column, b"\xfe" * len(getattr(message, column)) if column != "close" else b"\1")
    with pytest.raises(Malformed):
        decode_bar_batch(message.SerializeToString())
