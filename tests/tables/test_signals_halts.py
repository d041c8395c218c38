"""From the facts beside ticks to the reason of a signal: in a halt, and outside the session, nothing is done."""

from collections.abc import Sequence

import pytest
from referred import instrument
from ticking import T0, Quote, S, Trade, batch, instruments

from functions.adapters.calendars import shipped_calendars
from functions.domain.decisions import Action, Signal
from functions.domain.enrichment import facts_at
from functions.domain.predictions import predict_batch
from functions.domain.reference import Instrument, Status, TradingStatus
from functions.domain.strategy import Above, Strategy
from functions.ports.fold import Fold
from functions.tables.bars.main import Settings as BarSettings
from functions.tables.bars.main import compose as compose_bars
from functions.tables.features.main import Settings as FeatureSettings
from functions.tables.features.main import compose as compose_features
from functions.tables.signals.table import SignalsTable
from functions.wire import facts
from functions.wire.codecs.bars import BAR_BATCH
from functions.wire.codecs.enriched import ENRICHED_BATCH, encode_enriched_batch, encode_facts
from functions.wire.codecs.features import decode_feature_batch
from functions.wire.codecs.market import encode_tick_batch
from functions.wire.codecs.predictions import PREDICTION_BATCH, encode_prediction_batch
from functions.wire.codecs.signals import SIGNAL, decode_signal
from functions.wire.envelope import Event

NAME = "I0-USDT.BINANCE"
CALENDARS = shipped_calendars()
BARS = compose_bars(BarSettings(bars_lateness_ms=0)).fold
FEATURES = compose_features(FeatureSettings()).fold
EAGER = SignalsTable(
    Strategy(buy=(Above("always", "atr_14", -1.0, 100.0),), sell=(), intervals_s=(1,), cooldown_bars=0)
)
ROWS = [
    row
    for n in range(40)
    for row in (Quote(T0 + n * S, 99, 101, receive=T0 + n * S), Trade(T0 + n * S + 1, 100 + n % 3, id=n + 1))
]
CLOSE = T0 + 25 * S
"""End of the session of the test's market, and start of its halt."""


def event(kind: str, data: bytes, number: int) -> Event:
    """Wrap a message as the function before would."""
    extensions = {"sequence": facts.sequence_text(number), "partitionkey": "BINANCE-0", "correlationid": "c"}
    return Event(id=str(number), source="/tickloom/t/t/BINANCE-0.replay", type=kind, data=data, extensions=extensions)


def told(fold: Fold[object], given: Sequence[Event], kind: str) -> list[Event]:
    """Fold events in order and keep one type of what comes out."""
    state, found = fold.start("BINANCE-0"), list[Event]()
    for one in given:
        state, out = fold.fold(state, one)
        found += [event(one.type, one.data or b"", len(found) + n) for n, one in enumerate(out) if one.type == kind]
    return found


def enriched(record: Instrument, step: int) -> list[Event]:
    """Cut the tape and put beside each batch what was known at its greatest venue time."""
    found = []
    for at in range(0, len(ROWS), step):
        part = ROWS[at : at + step]
        known = facts_at(record, CALENDARS.get(record.calendar), part[-1].ts).facts
        ticks = encode_tick_batch(batch(part, at, instruments(1)))
        found.append(event(ENRICHED_BATCH, encode_enriched_batch(ticks, [encode_facts(known)]), len(found)))
    return found


def decided(record: Instrument, step: int) -> list[Signal]:
    """Take the tape through bars, features and signals; no model is asked."""
    bars = told(BARS, enriched(record, step), BAR_BATCH)
    rows = [decode_feature_batch(one.data or b"") for one in told(FEATURES, bars, "tickloom.features.v1.FeatureBatch")]
    scored = [encode_prediction_batch(predict_batch(one, (), ("atr_14",))) for one in rows]
    signals = told(EAGER, [event(PREDICTION_BATCH, data, n) for n, data in enumerate(scored)], SIGNAL)
    return [decode_signal(one.data or b"") for one in signals]


@pytest.mark.parametrize("step", [1, 7, 64, 512])
def test_halt(step: int) -> None:
    """A bar that ends in a halt is held with the gate's name, one behind it acts again, however rows were cut."""
    halt, resumed = Status(TradingStatus.HALTED, CLOSE, "LUDP"), Status(TradingStatus.TRADING, CLOSE + 6 * S)
    found = decided(instrument(NAME, statuses=(halt, resumed)), step)
    acted = {one.as_of_ns for one in found if one.action is Action.BUY}
    stopped = {one.as_of_ns: [gate.name for gate in one.evidence.gates] for one in found if one.as_of_ns not in acted}
    assert stopped == {CLOSE + n * S: ["halt"] for n in range(6)}
    assert {CLOSE - S, CLOSE + 6 * S} <= acted


@pytest.mark.parametrize("step", [1, 512])
def test_closed(step: int) -> None:
    """Outside the calendar's regular session every bar is held: T0 is a night in New York."""
    found = decided(instrument(NAME, calendar="XNYS"), step)
    assert found
    assert {gate.name for one in found for gate in one.evidence.gates} == {"session"}
    assert {one.action for one in found} == {Action.HOLD}
