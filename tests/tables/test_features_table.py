"""The features table reads bars, emits features in a sequence without holes, and is cold after a gap."""

import pytest
from ticking import T0, S, Trade, batch, lines

from functions.domain.bars import kernel as bar_loops
from functions.domain.bars import state as bar_state
from functions.domain.bars.fold import BarRules, fold_batch
from functions.domain.indicators.state import FeatureState
from functions.domain.market import BAR_FINAL, STATE_VALID, GapDetected
from functions.tables.features import CARD
from functions.tables.features.main import Settings, compose
from functions.tables.features.table import FeaturesTable
from functions.wire import facts
from functions.wire.codecs.bars import decode_bar_batch, encode_bar_batch
from functions.wire.codecs.features import decode_feature_batch
from functions.wire.envelope import Event
from functions.wire.errors import Malformed

SOURCE = "/tickloom/tables/bars/BINANCE-0"
GAP = GapDetected("BINANCE-0", SOURCE, 3, 4)


def table() -> FeaturesTable:
    """Compose the table as a host does, on plain loops."""
    fold = compose(Settings(kernels="plain")).fold
    assert isinstance(fold, FeaturesTable)
    return fold


def wrap(data: bytes, number: int, kind: str = "tickloom.market.v1.BarBatch") -> Event:
    """Wrap bytes as the bars table does."""
    return Event(
        id=facts.batch_id(SOURCE, number),
        source=SOURCE,
        type=kind,
        data=data,
        time_ns=T0,
        extensions={"sequence": facts.sequence_text(number), "partitionkey": "BINANCE-0"},
    )


def events(count: int, first: int = 0) -> list[Event]:
    """Make `count` events of bars, one second each, from trades."""
    state = bar_state.start("BINANCE-0")
    made = []
    for n in range(first, first + count + 1):
        for one in fold_batch(
            bar_loops, state, batch([Trade(T0 + n * S, 100 + n % 7, id=n)], n), BarRules(lateness_ms=0)
        ):
            made.append(wrap(encode_bar_batch(one), len(made) + first))
    return made


def run(state: FeatureState, given: list[Event]) -> list[Event]:
    """Fold events in order."""
    fold_of = table()
    return [out for event in given for out in fold_of.fold(state, event)[1]]


def test_rows() -> None:
    """Every final bar gives one row, with the bar's close and the table's own sequence."""
    given = events(8)
    out = run(table().start("BINANCE-0"), given)
    bars = [line for event in given for line in lines([decode_bar_batch(event.data or b"")]) if line[3] == BAR_FINAL]
    rows = [decode_feature_batch(event.data or b"").columns for event in out]
    assert [(one.interval_s[n], one.start_ns[n], one.close[n]) for one in rows for n in range(one.row_count)] == [
        (line[1], line[2], line[8]) for line in bars
    ]
    assert [event.extensions["sequence"] for event in out] == [facts.sequence_text(n) for n in range(len(out))]
    assert out[0].source == "/tickloom/tables/features/BINANCE-0"
    assert out[0].type == "tickloom.features.v1.FeatureBatch"
    assert out[0].time_ns == T0 + S
    assert out[0].extensions["causationid"] == given[0].id
    assert out[0].extensions["handlerversion"] == CARD.version


def test_nothing_final() -> None:
    """Bars that are not final give no event; the end of a tape always does, its time the cause's."""
    state = bar_state.start("BINANCE-0")
    ended = fold_batch(bar_loops, state, batch([Trade(T0, id=1)], end_of_tape=True), BarRules())
    out = run(table().start("BINANCE-0"), [wrap(encode_bar_batch(ended[0]), 0)])
    found = [decode_feature_batch(event.data or b"") for event in out]
    assert [(one.end_of_tape, one.columns.row_count) for one in found] == [(True, 0)]
    assert out[0].time_ns == T0


def test_gap() -> None:
    """A gap told by the bars, or found by the host, emits nothing and makes features cold."""
    fold_of = table()
    given = events(30)
    told = fold_of.start("BINANCE-0")
    found = fold_of.start("BINANCE-0")
    run(told, given[:-1])
    run(found, given[:-1])
    assert fold_of.fold(told, wrap(b"", 30, "tickloom.market.v1.GapDetected"))[1] == ()
    assert fold_of.gap(found, given[-1], GAP)[1] == ()
    for state in (told, found):
        columns = decode_feature_batch(run(state, given[-1:])[0].data or b"").columns
        assert columns.states[0, columns.names.index("return_1")] != STATE_VALID
        assert columns.states[0, columns.names.index("range_bps")] == STATE_VALID


def test_reload() -> None:
    """A state written down and read back goes on with the same bytes."""
    fold_of = table()
    given = events(40)
    state = fold_of.start("BINANCE-0")
    run(state, given[:30])
    again = fold_of.load("BINANCE-0", fold_of.dump(state))
    assert run(again, given[30:]) == run(state, given[30:])
    assert fold_of.dump(again) == fold_of.dump(state)


@pytest.mark.parametrize("instruments_max", [-1, 0, 9, 50])
def test_too_heavy(instruments_max: int) -> None:
    """Instruments whose state would be too heavy to store, or none at all, stop the start."""
    with pytest.raises(ValueError, match=f"{instruments_max} instruments .* more shards"):
        compose(Settings(kernels="plain", features_instruments_max=instruments_max))


@pytest.mark.parametrize(
    ("kind", "data"), [("tickloom.market.v1.TickBatch", b""), ("tickloom.market.v1.BarBatch", b"\xff")]
)
def test_malformed(kind: str, data: bytes) -> None:
    """Another type, or bytes that are no batch, is malformed."""
    fold_of = table()
    with pytest.raises(Malformed):
        fold_of.fold(fold_of.start("BINANCE-0"), wrap(data, 0, kind))
