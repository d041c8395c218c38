"""Build scored feature rows for tests by naming only what matters to them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from functions.domain.market import (
    FLAGS_LOW,
    MARKET_QUOTED,
    NO_FLAGS,
    NS_PER_S,
    STATE_VALID,
    FeatureBatch,
    FeatureColumns,
    InstrumentRef,
    ModelOutput,
    PredictionBatch,
)

BTC = InstrumentRef("BTC-USDT.BINANCE", -2, -5)
SHARD = "BINANCE-0"


@dataclass(frozen=True, slots=True)
class Row:
    """One row: bar number, features by name, states of those that are not valid, and the market."""

    bar: int = 100
    features: Mapping[str, float] = field(default_factory=dict)
    states: Mapping[str, int] = field(default_factory=dict)
    interval_s: int = 5
    close: int = 6_000_000
    bid: int = 5_999_900
    ask: int = 6_000_100
    flags: int = MARKET_QUOTED
    instrument: int = 0
    revision: int = 0


def columns_of(
    rows: Sequence[Row], names: Sequence[str] = (), *, instruments: tuple[InstrumentRef, ...] = (BTC,)
) -> FeatureColumns:
    """Lay rows out as columns; a feature a row does not name is cold."""
    names = tuple(names or sorted({name for row in rows for name in row.features}))
    states = [[row.states.get(name, int(name in row.features)) for name in names] for row in rows]
    values = [[row.features.get(name, 0.0) if name not in row.states else 0.0 for name in names] for row in rows]
    starts = [row.bar * row.interval_s * NS_PER_S for row in rows]
    ones = np.ones(len(rows), dtype=np.int64)
    high = np.array([row.flags >> FLAGS_LOW for row in rows], dtype=np.uint8)
    return FeatureColumns(
        instruments=instruments,
        instrument=np.array([row.instrument for row in rows], dtype=np.uint16),
        interval_s=np.array([row.interval_s for row in rows], dtype=np.int32),
        start_ns=np.array(starts, dtype=np.int64),
        bar_revision=np.array([row.revision for row in rows], dtype=np.int32),
        close=np.array([row.close for row in rows], dtype=np.int64),
        bid_price=np.array([row.bid for row in rows], dtype=np.int64),
        bid_size=ones * 10,
        ask_price=np.array([row.ask for row in rows], dtype=np.int64),
        ask_size=ones * 20,
        flags=np.array([row.flags & 255 for row in rows], dtype=np.uint8),
        names=names,
        values=np.array(values, dtype=np.float64).reshape(len(rows), len(names)),
        states=np.array(states, dtype=np.uint8).reshape(len(rows), len(names)),
        flags_hi=high if high.any() else NO_FLAGS,
    )


def features_of(rows: Sequence[Row], *, end_of_tape: bool = False) -> FeatureBatch:
    """Make a feature batch of rows."""
    return FeatureBatch(shard=SHARD, columns=columns_of(rows), end_of_tape=end_of_tape)


def predictions_of(
    rows: Sequence[Row], outputs: tuple[ModelOutput, ...] = (), *, instruments: tuple[InstrumentRef, ...] = (BTC,)
) -> PredictionBatch:
    """Make a prediction batch of rows."""
    return PredictionBatch(shard=SHARD, columns=columns_of(rows, instruments=instruments), outputs=outputs)


def output_of(*scores: float | None, threshold: float = 0.6, model: str = "anomaly") -> ModelOutput:
    """Make a model's answer; None is a row without a score."""
    return ModelOutput(
        model=model,
        version="1",
        scores=np.array([score or 0.0 for score in scores], dtype=np.float64),
        states=np.array([STATE_VALID if score is not None else 0 for score in scores], dtype=np.uint8),
        threshold=threshold,
    )
