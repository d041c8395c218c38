"""The activity table reads ticks, emits bars in one sequence, and starts again from what it wrote down."""

from collections.abc import Sequence

import pytest
from active import lines
from ticking import T0, Quote, Row, S, Trade, batch, instruments

from functions.domain.activity.state import ActivityState
from functions.domain.enrichment import InstrumentFacts
from functions.domain.errors import Rejected
from functions.domain.market import TRADE_CANCEL, GapDetected, InstrumentRef, TickBatch
from functions.tables.activity import CARD
from functions.tables.activity.main import Settings, compose
from functions.tables.activity.table import ActivityTable
from functions.wire import facts
from functions.wire.codecs.activity import decode_activity_bar_batch
from functions.wire.codecs.enriched import ENRICHED_BATCH, encode_enriched_batch, encode_facts
from functions.wire.codecs.market import encode_tick_batch
from functions.wire.envelope import Event
from functions.wire.errors import Malformed

SOURCE = "/tickloom/handlers/enrich/BINANCE-0.replay"
GAP = GapDetected("BINANCE-0", SOURCE, 3, 4)


def table(**settings: object) -> ActivityTable:
    """Compose the table as a host does, on plain loops, with bars of two trades."""
    given = {"activity_ticks": ("2",), "activity_volume": (), "activity_notional": (), **settings}
    fold = compose(Settings(kernels="plain", **given)).fold  # type: ignore[arg-type]
    assert isinstance(fold, ActivityTable)
    return fold


def ticks(value: TickBatch, number: int = 0) -> Event:
    """Wrap a batch of ticks as enrich does."""
    told = [encode_facts(InstrumentFacts(ref.instrument_id)) for ref in value.instruments]
    return Event(
        id=facts.batch_id(SOURCE, number),
        source=SOURCE,
        type=ENRICHED_BATCH,
        data=encode_enriched_batch(encode_tick_batch(value), told),
        time_ns=T0,
        extensions={"sequence": facts.sequence_text(number), "partitionkey": "BINANCE-0", "correlationid": "c"},
    )


def fold(
    rows: Sequence[Row], first_row: int = 0, state: ActivityState | None = None
) -> tuple[ActivityState, tuple[Event, ...]]:
    """Fold rows into a new or given state."""
    fold_of = table()
    return fold_of.fold(state or fold_of.start("BINANCE-0"), ticks(batch(rows, first_row)))


def test_closes() -> None:
    """A batch that closes bars gives one event: its time is the last trade's, its sequence is the table's own."""
    state, (event,) = fold([Trade(T0, id=1), Trade(T0 + 6 * S, id=2), Trade(T0 + 7 * S, id=3)])
    assert event.source == "/tickloom/tables/activity/BINANCE-0"
    assert event.id == facts.batch_id(event.source, 0)
    assert event.type == "tickloom.market.v1.ActivityBarBatch"
    assert event.time_ns == T0 + 6 * S
    assert event.extensions == {
        "sequence": facts.sequence_text(0),
        "partitionkey": "BINANCE-0",
        "correlationid": "c",
        "causationid": facts.batch_id(SOURCE, 0),
        "handlerversion": CARD.version,
    }
    assert [line.trades for line in lines([decode_activity_bar_batch(event.data or b"")])] == [2]
    assert state.emitted == 1


def test_silent() -> None:
    """A batch that closes nothing gives no event and takes no number."""
    state, events = fold([Trade(T0, id=1), Quote(T0)])
    assert (events, state.emitted) == ((), 0)


def test_rejected_attribute() -> None:
    """Rows that were refused are counted in an attribute, a string, and ride along."""
    _, (event,) = fold([Trade(T0, id=1), Trade(T0, id=7, flags=TRADE_CANCEL)], 10)
    assert event.extensions["rejected"] == "1"
    (found,) = decode_activity_bar_batch(event.data or b"").rejections
    assert (found.row, found.reason, found.symbol) == (11, "unknown_trade", "I0-USDT.BINANCE")
    assert event.time_ns == T0


def test_same_bytes() -> None:
    """The same event folded into equal states gives equal bytes."""
    rows = [Trade(T0 + n, 100 + n, id=n) for n in range(9)]
    assert fold(rows)[1] == fold(rows)[1]


def test_reload() -> None:
    """A state written down and read back goes on with the same bytes."""
    fold_of = table()
    state, _ = fold([Trade(T0, id=n) for n in range(5)])
    again = fold_of.load("BINANCE-0", fold_of.dump(state))
    rows = [Trade(T0 + 1, id=9), Trade(T0 + 9 * S, id=10)]
    assert fold(rows, 5, again)[1] == fold(rows, 5, state)[1]
    assert fold_of.dump(again) == fold_of.dump(state)


def test_gap() -> None:
    """A gap is nothing to tell of here, but the bar around it says that something is missing."""
    fold_of = table()
    state, _ = fold([Trade(T0, id=1)])
    state, events = fold_of.gap(state, ticks(batch(()), 5), GAP)
    assert events == ()
    _, (event,) = fold([Trade(T0, id=2)], 9, state)
    assert decode_activity_bar_batch(event.data or b"").flags.tolist() == [4]


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
        table(activity_instruments_max=50)


@pytest.mark.parametrize("text", ["ETH-*=", "x", "", "ETH=1=y"])
def test_bad_threshold(text: str) -> None:
    """A threshold that is no number stops the start, and the message says what was found."""
    with pytest.raises(ValueError, match="PATTERN=NUMBER"):
        table(activity_volume=(text,))
