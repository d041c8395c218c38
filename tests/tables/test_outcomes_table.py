"""The outcomes table tells facts of a shard whose names and bytes depend on nothing but the shard's rows."""

import asyncio
from dataclasses import replace

import pytest
from forecast import part_of, scored_bars, tape
from waiting import until

from functions.domain.drift import Detector
from functions.domain.market import GapDetected, PredictionBatch
from functions.domain.outcomes import HORIZONS, Prediction
from functions.domain.reliability import Slo, Tally
from functions.domain.scorebook import Rules, Scorebook, Track
from functions.local.log import MemoryLog
from functions.local.table_host import TableConsumer
from functions.local.topology import Table
from functions.tables.outcomes import CARD
from functions.tables.outcomes.main import Settings, compose
from functions.tables.outcomes.table import OutcomesTable
from functions.wire import facts
from functions.wire.codecs.performance import (
    DRIFT_DETECTED,
    MODEL_PERFORMANCE,
    decode_drift,
    decode_model_performance,
)
from functions.wire.codecs.predictions import PREDICTION_BATCH, encode_prediction_batch
from functions.wire.envelope import Event
from functions.wire.errors import Malformed

SHARD = "BINANCE-0"
TABLE = OutcomesTable(Rules())


def wrap(number: int, batch: PredictionBatch, shard: str = SHARD) -> Event:
    """Wrap a batch as `infer` does."""
    source = facts.source_of("handlers", "infer", f"{shard}.replay")
    extensions = {
        "sequence": facts.sequence_text(number),
        "partitionkey": shard,
        "correlationid": "tape-1",
        "traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
    }
    data = encode_prediction_batch(replace(batch, shard=shard))
    return Event(facts.batch_id(source, number), source, PREDICTION_BATCH, data, extensions=extensions)


def events(cut: int, shard: str = SHARD) -> list[Event]:
    """Wrap a tape with a drift in it, cut every so many rows, and its end."""
    whole = tape(1000)
    moved = whole.columns.values + (whole.columns.start_ns > whole.columns.start_ns[1600])[:, None] * 4.0
    whole = replace(whole, columns=replace(whole.columns, values=moved))
    parts = [part_of(whole, start, start + cut) for start in range(0, 2000, cut)]
    end = replace(scored_bars({}), end_of_tape=True)
    return [wrap(number, part, shard) for number, part in enumerate([*parts, end])]


def run(given: list[Event]) -> tuple[Scorebook, list[Event]]:
    """Fold events from the beginning."""
    state, found = TABLE.start(SHARD), []
    for event in given:
        state, out = TABLE.fold(state, event)
        found += out
    return state, found


def test_facts() -> None:
    """A report and a drift leave as facts: named by what they are of, as of bar time, in the shard's own sequence."""
    given = events(500)
    _, found = run(given)
    assert {event.type for event in found} == {MODEL_PERFORMANCE, DRIFT_DETECTED}
    assert [facts.sequence_of(event) for event in found] == list(range(len(found)))
    assert {event.source for event in found} == {f"/tickloom/tables/outcomes/{SHARD}"}
    first = found[0]
    report = decode_model_performance(first.data or b"")
    assert first.id == facts.fact_id(MODEL_PERFORMANCE, SHARD, report.as_of_ns)
    assert (first.time_ns, first.subject) == (report.as_of_ns, SHARD)
    assert dict(first.extensions) == {
        **given[0].extensions,
        "sequence": facts.sequence_text(0),
        "causationid": given[0].id,
        "handlerversion": CARD.version,
    }
    drift = next(event for event in found if event.type == DRIFT_DETECTED)
    told = decode_drift(drift.data or b"")
    assert (told.name, drift.subject, drift.time_ns) == ("rsi_14", "rsi_14", told.as_of_ns)


def test_recut() -> None:
    """Cutting the rows at other places changes no fact: not its id, number, time or bytes."""

    def named(event: Event) -> tuple[object, ...]:
        return event.id, event.extensions["sequence"], event.time_ns, event.data

    wholes = [[named(event) for event in run(events(cut))[1]] for cut in (2000, 64, 7)]
    assert wholes[0] == wholes[1] == wholes[2]


def test_restart() -> None:
    """A table that was dumped and loaded between all events emits the same bytes as one that was not."""
    given = events(100)
    steady, restarted = TABLE.start(SHARD), TABLE.start(SHARD)
    for event in given:
        steady, one = TABLE.fold(steady, event)
        restarted, other = TABLE.fold(TABLE.load(SHARD, TABLE.dump(restarted)), event)
        assert one == other
    assert TABLE.dump(steady) == TABLE.dump(restarted)


def test_redelivery() -> None:
    """An event folded twice tells nothing the second time, and leaves the same state."""
    given = events(2000)[0]
    state, _ = TABLE.fold(TABLE.start(SHARD), given)
    before = TABLE.dump(state)
    state, again = TABLE.fold(state, given)
    assert again == ()
    assert TABLE.dump(state) == before


def test_gap() -> None:
    """A hole in the sequence tells nothing: what was to be settled there becomes missing by itself."""
    given = events(500)
    state, _ = TABLE.fold(TABLE.start(SHARD), given[0])
    before = TABLE.dump(state)
    state, told = TABLE.gap(state, given[2], GapDetected(SHARD, given[0].source, 1, 1))
    assert (told, TABLE.dump(state)) == ((), before)
    state, _ = TABLE.fold(state, given[2])
    assert state.tallies["forecast_boosted", "1", 5, 1].missing == 2


@pytest.mark.parametrize(
    "event", [Event("1", "/a", "tickloom.market.v1.BarBatch"), Event("1", "/a", PREDICTION_BATCH, data=b"\xff")]
)
def test_unreadable(event: Event) -> None:
    """An event of another type or without readable bytes is malformed and changes nothing."""
    state = TABLE.start(SHARD)
    with pytest.raises(Malformed):
        TABLE.fold(state, event)
    assert state == Scorebook(SHARD)


def test_not_a_state() -> None:
    """Bytes that no dump wrote are refused."""
    with pytest.raises(Malformed, match="no state"):
        TABLE.load(SHARD, b"nonsense")


def test_state_fits() -> None:
    """A scorebook that is full to every bound, of long names, stays below what a host stores."""
    rules = Rules()
    models = [f"forecast_transformer_{n}" for n in range(rules.models_max)]
    prediction = Prediction(2**60, 2**60, *[0.1] * 6)
    book = Scorebook("LONG-NAMED-EXCHANGE-0", as_of_ns=2**60, reported_ns=2**60, emitted=2**40)
    for n in range(rules.tracks_max):
        track = book.tracks[f"LONG-NAMED-{n:04d}-USDT.EXCHANGE", 60] = Track(2**60)
        track.waiting = {(model, "10.11.12", horizon): prediction for model in models for horizon in HORIZONS}
        named = [f"log_return_long_name_{n}" for n in range(rules.features_max + rules.models_max)]
        track.detectors = {(name, "10.11.12"): Detector(blocks=30, mean=0.1) for name in named}
    for n in range(rules.tallies_max):
        key = (models[n % len(models)], f"10.11.{n}", 3600, 24)
        book.tallies[key] = Tally(2**40, 2**40, 2**40, 2**40, 2**60)
        book.residuals[key] = Detector(blocks=30, mean=0.1)
    blob = TABLE.dump(book)
    assert len(blob) <= 240 * 1024  # of 256 KiB; the host keeps sequence numbers beside
    assert TABLE.load("", blob) == book


def test_compose() -> None:
    """Settings reach the rules, each shard has a state of its own, and intervals without certain bars are refused."""
    hosted = compose(Settings(outcomes_intervals_s=("60",), outcomes_report_s=60, outcomes_slo_tolerance=5.0))
    assert hosted.fold.rules == Rules(intervals_s=(60,), report_s=60, slo=Slo(tolerance=0.05))  # type: ignore[attr-defined]
    assert (hosted.card.consumes, hosted.only_key) == ((PREDICTION_BATCH,), "")
    with pytest.raises(ValueError, match="intervals"):
        compose(Settings(outcomes_intervals_s=("86400",)))


class Outbox:
    """Append what the table emits to its own log, as the platform does."""

    def __init__(self, log: MemoryLog) -> None:
        """Name the log."""
        self.log = log

    def publish(self, broker: str, event: Event) -> None:
        """Append."""
        assert broker == "desk"
        self.log.append(event)

    def bury(self, sink: str, event: Event, *, destination: str, answer: object) -> None:
        """Fail: nothing is to be buried."""
        raise AssertionError((sink, event, destination, answer))


async def test_host() -> None:
    """On the desk, whatever the mixture of shards, each shard's facts are its own, and its state is kept by itself."""
    log, shards = MemoryLog(), (SHARD, "KRAKEN-0")
    table = Table("outcomes", "desk", CARD.consumes)
    consumer = TableConsumer(table, compose(Settings()), log=log, outbound=Outbox(log), sink="graves")
    left, right = (events(250, shard) for shard in shards)
    for event in (*left[:3], *right, *left[3:]):
        log.append(event)
    task = asyncio.create_task(consumer.run())
    await until(lambda: consumer.caught_up)
    task.cancel()
    consumer.snapshot()
    assert sorted(log.states("outcomes")) == sorted(shards)
    emitted = [event for _, _, event in log.scan() if event.type == MODEL_PERFORMANCE]
    for shard in shards:
        own = [decode_model_performance(one.data or b"") for one in emitted if one.source.endswith(shard)]
        assert [replace(one, shard=SHARD) for one in own] == [
            decode_model_performance(one.data or b"") for one in run(left)[1] if one.type == MODEL_PERFORMANCE
        ]
