"""The signals table emits facts with ids and sequences that depend on nothing but the tape."""

import pathlib
from dataclasses import replace
from typing import Any
from uuid import UUID

import msgspec
import pytest
from counts import examples
from forecast import signal_of
from hypothesis import given, settings
from hypothesis import strategies as st
from scored import SHARD, Row, output_of, predictions_of

from functions.domain.ensemble import CURVE_POINTS_MAX, Standing
from functions.domain.falls import PART, Falls
from functions.domain.learning import BOOKS_MAX, DESK_RULES
from functions.domain.market import GapDetected
from functions.domain.outcomes import HORIZONS, Exit, Prediction, Watches, watch
from functions.domain.reliability import BINS, Slo, Tally
from functions.domain.scorebook import UNTIMED, Scorebook
from functions.domain.scorebook import Track as Followed
from functions.domain.signals import SCOPES_MAX, WATCHES_MAX, Desk, Track
from functions.domain.strategy import Strategy
from functions.tables.signals import CARD
from functions.tables.signals.main import Settings, compose
from functions.tables.signals.table import SignalsTable
from functions.wire import facts
from functions.wire.codecs.performance import OUTCOME
from functions.wire.codecs.predictions import PREDICTION_BATCH, encode_prediction_batch
from functions.wire.codecs.signals import SIGNAL, decode_signal
from functions.wire.envelope import Event
from functions.wire.errors import Malformed

FALLEN = {"rsi_14": 22.5, "bb_percent": -0.2, "zscore_20": -2.8, "macd_hist": -5.0, "atr_14": 50.0}
TABLE = SignalsTable(Strategy())
OWN = Standing(samples=500, curve=((0.5, 0.75), (1.0, 0.875)))


def batch_event(number: int, *bars: int, features: dict[str, float] | None = None) -> Event:
    """Make what `infer` would emit for these 5 s bars."""
    batch = predictions_of([Row(bar=b, features=features or FALLEN) for b in bars], (output_of(*[0.7] * len(bars)),))
    source = facts.source_of("handlers", "infer", "BINANCE-0.replay")
    extensions = {
        "sequence": facts.sequence_text(number),
        "partitionkey": "BINANCE-0",
        "correlationid": "tape-1",
        "traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
    }
    return Event(
        id=facts.batch_id(source, number),
        source=source,
        type=PREDICTION_BATCH,
        data=encode_prediction_batch(batch),
        extensions=extensions,
    )


def test_signal_event() -> None:
    """A signal leaves as a fact: named by its key, as of the bar's end, following its cause."""
    cause = batch_event(4, 100)
    _, (event,) = TABLE.fold(TABLE.start("desk"), cause)
    signal = decode_signal(event.data or b"")
    key = (signal.strategy, signal.instrument_id, signal.interval_s, signal.bar_start_ns)
    assert event.id == signal.signal_id == facts.fact_id(SIGNAL, *key)
    assert (event.source, event.type, event.subject) == ("/tickloom/tables/signals/desk", SIGNAL, "BTC-USDT.BINANCE")
    assert event.time_ns == signal.as_of_ns
    assert event.datacontenttype == facts.PROTOBUF
    assert signal.evidence.causation_id == cause.id
    assert dict(event.extensions) == {
        **cause.extensions,
        "sequence": facts.sequence_text(0),
        "causationid": cause.id,
        "handlerversion": CARD.version,
    }


def test_contiguous_sequence() -> None:
    """Signals and their outcomes are numbered from 0 without holes, across events and across a restart."""
    state, first = TABLE.fold(TABLE.start("desk"), batch_event(0, 100, 105))
    state = TABLE.load("desk", TABLE.dump(state))
    _, second = TABLE.fold(state, batch_event(1, 110))
    assert [facts.sequence_of(event) for event in (*first, *second)] == [0, 1, 2, 3, 4]
    assert [event.type for event in (*first, *second)] == [SIGNAL, OUTCOME, SIGNAL, OUTCOME, SIGNAL]


def test_redelivery_changes_nothing() -> None:
    """An event folded twice emits once, and leaves the same state."""
    state, _ = TABLE.fold(TABLE.start("desk"), batch_event(0, 100))
    before = TABLE.dump(state)
    state, again = TABLE.fold(state, batch_event(0, 100))
    assert again == ()
    assert TABLE.dump(state) == before


def test_order_of_memory_does_not_show() -> None:
    """Memories that were filled in another order give the same bytes."""
    pairs = [("a", Standing(0.5)), ("b", Standing(0.25))]
    tracks = [(("A.X", 5), Track(1)), (("B.X", 5), Track(2))]
    scopes = [(("S-0", 5), dict(pairs)), (("S-1", 5), dict(pairs))]
    backwards = [(scope, dict(reversed(pairs))) for scope, _ in reversed(scopes)]
    one, other = Desk(dict(tracks), 1, dict(scopes)), Desk(dict(reversed(tracks)), 1, dict(backwards))
    assert TABLE.dump(one) == TABLE.dump(other)


def test_restart_continues_equally() -> None:
    """A table that was dumped and loaded after every event emits the same bytes as one that was not."""
    steady, restarted = (Desk(trust={(SHARD, 5): {"mean_reversion": OWN}}) for _ in range(2))
    for number, bar in enumerate(range(100, 130)):
        event = batch_event(number, bar, features={**FALLEN, "macd_hist": -50.0 + bar % 7})
        steady, one = TABLE.fold(steady, event)
        restarted, other = TABLE.fold(TABLE.load("desk", TABLE.dump(restarted)), event)
        assert one == other
    assert TABLE.dump(steady) == TABLE.dump(restarted)


TRACKS = st.builds(
    Track,
    st.integers(0, 2**62),
    st.dictionaries(st.text(max_size=9), st.floats(allow_nan=False), max_size=2),
    st.none() | st.integers(0, 2**62),
    st.none() | st.integers(0, 2**62),
)
CHANCE = st.floats(0, 1)
CURVES = st.lists(st.tuples(CHANCE, CHANCE), max_size=4, unique_by=lambda point: point[0]).map(sorted).map(tuple)
STANDINGS = st.builds(
    Standing, CHANCE, st.integers(0, 2**40), st.text(max_size=9), CURVES, st.text(max_size=9), st.integers(0, 99)
)


@given(
    st.dictionaries(st.tuples(st.text(max_size=9), st.integers(1, 3600)), TRACKS, max_size=5),
    st.integers(0, 2**40),
    st.dictionaries(
        st.tuples(st.text(max_size=9), st.integers(1, 3600)),
        st.dictionaries(st.text(max_size=9), STANDINGS, min_size=1, max_size=3),
        max_size=3,
    ),
)
@settings(max_examples=examples(300), deadline=None)
def test_dump_load(
    tracks: dict[tuple[str, int], Track], emitted: int, trust: dict[tuple[str, int], dict[str, Standing]]
) -> None:
    """What is loaded is what was dumped, and dumps to the same bytes."""
    desk = Desk(tracks, emitted, trust)
    assert TABLE.load("desk", TABLE.dump(desk)) == desk
    assert TABLE.dump(TABLE.load("desk", TABLE.dump(desk))) == TABLE.dump(desk)


def test_reads_what_knew_no_falls() -> None:
    """A memory of the version before, without what came of falls, is read as one of which nothing is known."""
    book = Scorebook("BINANCE-0", emitted=3)
    book.tracks["X", 5] = Followed(7, {("m", "1", 4): Prediction(9, 100, 0.5, *[0.1] * 5)})
    book.tallies["m", "1", 5, 4] = Tally(followed=1)
    desk = Desk({("X", 5): Track(7)}, 3, {("BINANCE-0", 5): {"m": Standing(samples=9)}}, books={"BINANCE-0": book})
    magic, emitted, tracks, (standing,), watches, (lines,) = msgspec.msgpack.decode(TABLE.dump(desk))
    del standing[3]["lower"]
    (track,) = lines[4]
    assert track[3][0][3].pop() is None
    assert lines.pop() == []
    written = ("TLDESK03", emitted, tracks, [standing], watches, [lines])
    assert magic == "TLDESK04"
    assert TABLE.load("desk", msgspec.msgpack.encode(written)) == desk


def full_book(n: int) -> Scorebook:
    """Fill a scorebook to every bound, with long names."""
    book = Scorebook(f"EXCHANGE-{n}", as_of_ns=2**60, reported_ns=2**60, emitted=2**40)
    models = [f"forecast_transformer_{n}" for n in range(DESK_RULES.models_max)]
    for at in range(DESK_RULES.tracks_max):
        track = book.tracks[f"LONG-NAMED-{at:04d}-USDT.EXCHANGE", 60] = Followed(2**60)
        prediction = Prediction(2**60, 2**60, *[0.1] * 7)
        track.waiting = {(model, "10.11.12", horizon): prediction for model in models for horizon in HORIZONS}
    for at in range(DESK_RULES.tallies_max // 2):  # a model whose falls are followed has a tally of its scores too
        for horizon in (UNTIMED, 24):
            key = models[at % len(models)], f"10.11.{at}", 3600, horizon
            book.tallies[key] = Tally(2**40, 2**40, 2**40, 2**40, 2**60)
        if len(book.falls) < DESK_RULES.falls_max:
            book.falls[key] = Falls(Tally(resolved=2**40), [0.1] * (BINS * len(PART)))
    return book


def full_watches() -> Watches:
    """Wait for as many signals as may be, each with all it can have."""
    name = str(UUID(int=0))
    watches = Watches()
    for n in range(WATCHES_MAX):
        changes = {"bar_start_ns": 2**60, "as_of_ns": 2**60, "price": 2**50, "stop_loss": 2**50, "take_profit": 2**50}
        signal = replace(signal_of(n, **changes), signal_id=name, instrument_id="LONG-NAMED-0000-USDT.EXCHANGE")
        assert watch(watches, signal, watches_max=WATCHES_MAX) == ()
    for one in watches:
        ended = {"exit": Exit.TAKE_PROFIT, "exit_price": 2**50, "gain": 0.1, "returns": (0.1, 0.1, None)}
        one.outcome = replace(one.outcome, **ended)  # type: ignore[arg-type]
    return watches


def test_state_fits() -> None:
    """A memory that is full to every bound, of long names, stays below what a host stores."""
    tracks = {
        (f"LONG-NAMED-{n:04d}-USDT.EXCHANGE", interval): Track(2**60, {"macd_hist": 1.1}, 2**60, 2**60, "EXCHANGE-0")
        for n in range(Strategy().tracks_max // 2)
        for interval in (5, 60)
    }
    strategy = Strategy()
    curve = tuple((n / CURVE_POINTS_MAX, 0.5) for n in range(CURVE_POINTS_MAX))
    broken = "24 bars ahead intervals at 95 % held 80.0 % of 1000 outcomes"
    lower = Standing(0.5, 2**40, f"of a lower price {broken}", curve[: BINS + 2])
    own = Standing(0.5, 2**40, broken, curve, "the target is first", 24)
    models = Standing(0.5, 2**40, broken, version="10.11.12", lower=lower)
    named = {strategy.name: own, **dict.fromkeys([*strategy.models, *strategy.ensemble.members], models)}
    scopes = [(f"EXCHANGE-{n}", interval_s) for n in range(SCOPES_MAX // 2) for interval_s in (5, 60)]
    trust = dict.fromkeys(scopes, named)
    books = {f"EXCHANGE-{n}": full_book(n) for n in range(BOOKS_MAX)}
    desk = Desk(tracks, 2**40, trust, full_watches(), books)
    blob = TABLE.dump(desk)
    assert len(blob) <= 240 * 1024  # of 256 KiB; the host keeps sequence numbers beside
    assert TABLE.load("desk", blob) == desk


def test_gap_forgets_turns() -> None:
    """After a hole nothing is said to have turned, and the table stays silent about it."""
    state, _ = TABLE.fold(TABLE.start("desk"), batch_event(0, 100))
    state, events = TABLE.gap(state, batch_event(9, 101), GapDetected("BINANCE-0", "s", 1, 8))
    assert events == ()
    assert all(not track.before for track in state.tracks.values())


@pytest.mark.parametrize(
    "event", [Event("1", "/a", "tickloom.market.v1.BarBatch"), Event("1", "/a", PREDICTION_BATCH, data=b"\xff")]
)
def test_unreadable(event: Event) -> None:
    """An event of another type or without readable bytes is malformed and changes nothing."""
    state = TABLE.start("desk")
    with pytest.raises(Malformed):
        TABLE.fold(state, event)
    assert state == Desk()


def test_not_a_state() -> None:
    """Bytes that no dump wrote are refused."""
    with pytest.raises(Malformed, match="no state"):
        TABLE.load("desk", b"nonsense")


def test_shipped_rules() -> None:
    """The shipped file is the strategy that the domain describes as its default."""
    assert compose(Settings()).fold.strategy == Strategy()  # type: ignore[attr-defined]


def test_rules_of_ones_own(tmp_path: pathlib.Path) -> None:
    """Another file may be named; settings still override it, and its mistakes stop the start with their place."""
    file = tmp_path / "own.rules"
    file.write_text("strategy own\nmin_confidence 10\nbuy 50 low rsi_14 < 20\n")
    named = Settings(signals_rules_path=str(file), signals_cooldown_bars=2)
    strategy = compose(named).fold.strategy  # type: ignore[attr-defined]
    assert (strategy.name, strategy.min_confidence, strategy.cooldown_bars) == ("own", 10.0, 2)
    file.write_text("strategy own\nbuy 50 low rsi_41 < 20\n")
    with pytest.raises(Malformed, match=r"own\.rules:2:12: there is no feature `rsi_41`; did you mean `rsi_14`\?"):
        compose(named)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"signals_intervals_s": ("60", "7")}, "there are no bars of 7 s, only of 1, 5, 60"),
        ({"signals_intervals_s": ("1m",)}, "there are no bars of 1m s"),
        ({"signals_min_confidence": 500.0}, "signals_min_confidence is 500, expected 0 to 100"),
        ({"signals_min_confidence": -5.0}, "signals_min_confidence is -5"),
        ({"signals_cooldown_bars": -3}, "signals_cooldown_bars is -3, expected 0 or more"),
    ],
)
def test_settings_that_would_decide_nothing(wrong: dict[str, Any], said: str) -> None:
    """A setting that a rules file may not have stops the start, as there: it would keep every signal off unnoticed."""
    with pytest.raises(ValueError, match=said):
        Settings(**wrong)


def test_compose_learning() -> None:
    """Models are followed on the intervals that decide and whose bars are certain, as the settings say."""
    settings = Settings(signals_intervals_s=("60", "86400"), signals_standings_s=60, outcomes_slo_tolerance=5.0)
    rules = compose(settings).fold.rules  # type: ignore[attr-defined]
    assert rules == replace(DESK_RULES, intervals_s=(60,), report_s=60, slo=Slo(tolerance=0.05))
    (daily,) = [compose(Settings(signals_intervals_s=("86400",))).fold.rules]  # type: ignore[attr-defined]
    assert daily == DESK_RULES


def test_compose() -> None:
    """Settings reach the strategy, and the card says what the table hears and says."""
    hosted = compose(Settings(signals_intervals_s=("1",), signals_min_confidence=50.0, signals_emit_hold=True))
    assert hosted.fold.strategy == Strategy(intervals_s=(1,), min_confidence=50.0, emit_hold=True)  # type: ignore[attr-defined]
    assert (hosted.card.consumes, hosted.card.emits) == ((PREDICTION_BATCH,), (SIGNAL, OUTCOME))
