"""The rules decide as they are written, once a bar, with reasons that add up."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from scored import BTC, SHARD, Row, output_of, predictions_of

from functions.domain.decisions import Action, Signal
from functions.domain.indicators import kernel
from functions.domain.indicators.fold import fold_batch
from functions.domain.indicators.state import start
from functions.domain.market import (
    BAR_FINAL,
    MARKET_QUOTED,
    NS_PER_S,
    BarBatch,
    InstrumentRef,
    PredictionBatch,
)
from functions.domain.predictions import degraded
from functions.domain.signals import Desk, decide, forget_turns
from functions.domain.strategy import Below, Flagged, Strategy

FALLEN = {"rsi_14": 22.5, "bb_percent": -0.2, "zscore_20": -2.8, "macd_hist": -5.0, "atr_14": 50.0}
RISEN = {"rsi_14": 77.5, "bb_percent": 1.2, "zscore_20": 2.8, "macd_hist": 5.0, "atr_14": 50.0}
CALM = {"rsi_14": 50.0, "bb_percent": 0.5, "zscore_20": 0.0, "macd_hist": 0.1, "atr_14": 50.0}
RULES = Strategy()


def identify(*key: object) -> str:
    """Name a signal by its key, readably."""
    return "|".join(map(str, key))


def give(desk: Desk, batch: PredictionBatch, strategy: Strategy = RULES) -> tuple[Signal, ...]:
    """Fold a batch."""
    return decide(desk, batch, strategy, identify=identify)


def one(row: Row, *outputs: object, strategy: Strategy = RULES) -> Signal | None:
    """Decide on a single row of a fresh desk."""
    signals = give(Desk(), predictions_of([row], outputs), strategy)  # type: ignore[arg-type]
    return signals[0] if signals else None


def test_oversold_buys() -> None:
    """Three strong rules give a BUY whose figures are those of the row."""
    signal = one(Row(bar=7, features=FALLEN), output_of(0.4))
    assert signal is not None
    assert (signal.action, signal.confidence, signal.degraded) == (Action.BUY, 75.0, False)
    assert signal.signal_id == f"mean_reversion|BTC-USDT.BINANCE|5|{35 * NS_PER_S}"
    assert (signal.bar_start_ns, signal.as_of_ns) == (35 * NS_PER_S, 40 * NS_PER_S)
    assert (signal.price, signal.quote.bid_price, signal.quote.ask_price) == (6_000_000, 5_999_900, 6_000_100)
    assert [(reason.rule, reason.text) for reason in signal.reasons] == [
        ("rsi_oversold", "rsi_14 22.5 < 30"),
        ("below_lower_band", "bb_percent -0.2 < 0"),
        ("stretched_down", "zscore_20 -2.8 < -2"),
    ]


def test_overbought_sells() -> None:
    """The mirrored figures give a SELL."""
    signal = one(Row(features=RISEN), output_of(0.4))
    assert signal is not None
    assert (signal.action, signal.confidence) == (Action.SELL, 75.0)


def test_calm_says_nothing() -> None:
    """A usual bar gives no signal."""
    assert one(Row(features=CALM), output_of(0.4)) is None


def test_weights_sum_to_confidence() -> None:
    """Reasons stand strongest first and their weights are the confidence."""
    signal = one(Row(features=FALLEN), output_of(0.7))
    assert signal is not None
    weights = [reason.weight for reason in signal.reasons]
    assert sum(weights) == signal.confidence == 90.0
    assert weights == sorted(weights, reverse=True)
    assert signal.reasons[-1].text == "anomaly score 0.7 >= 0.6"
    assert [(score.model, score.score, score.threshold) for score in signal.model_scores] == [("anomaly", 0.7, 0.6)]


@pytest.mark.parametrize("state", [0, 2])
@pytest.mark.parametrize("feature", ["rsi_14", "bb_percent", "zscore_20"])
def test_invalid_never_speaks(feature: str, state: int) -> None:
    """A cold or degenerate feature never fires its rule, although its stored value is 0."""
    signal = one(Row(features=FALLEN, states={feature: state}), output_of(0.7))
    assert signal is None or all(feature not in reason.text for reason in signal.reasons)


def test_dead_symbol() -> None:
    """A flat market (everything degenerate) gives no signal, not even an oversold one."""
    assert one(Row(features=FALLEN, states=dict.fromkeys(FALLEN, 2)), output_of(0.9)) is None


def test_other_intervals_pass() -> None:
    """Only the named intervals decide."""
    assert one(Row(features=FALLEN, interval_s=300), output_of(0.9)) is None


def test_threshold_is_reached_at_equality() -> None:
    """A score equal to its threshold flags."""
    assert one(Row(features=FALLEN), output_of(0.6)).confidence == 90.0  # type: ignore[union-attr]


def test_degraded_model_is_said() -> None:
    """A model that did not answer cannot confirm, and the signal says that it was missing."""
    for outputs in ((degraded("anomaly", 1, "no answer"),), ()):
        signal = one(Row(features=FALLEN), *outputs)
        assert signal is not None
        assert (signal.degraded, signal.confidence, signal.model_scores) == (True, 75.0, ())


def test_unscored_row_is_not_degraded() -> None:
    """A model that answered but could not score this row was heard."""
    signal = one(Row(features=FALLEN), output_of(None))
    assert signal is not None
    assert not signal.degraded


def test_macd_turn_needs_the_bar_before() -> None:
    """A histogram below zero that rises speaks; the first bar, and the first after a hole, have nothing to compare."""
    higher = Row(bar=101, features={**FALLEN, "macd_hist": -4.0})
    desk = Desk()
    give(desk, predictions_of([Row(features={**CALM, "macd_hist": -5.0})]))
    (signal,) = give(desk, predictions_of([higher]))
    assert signal.reasons[-1].text == "macd_hist -5 -> -4"
    desk = Desk()
    give(desk, predictions_of([Row(features={**CALM, "macd_hist": -5.0})]))
    forget_turns(desk, "another")
    assert all(track.before for track in desk.tracks.values())
    forget_turns(desk, SHARD)
    (signal,) = give(desk, predictions_of([higher]))
    assert signal.reasons[-1].rule == "stretched_down"


def test_same_bar_decides_once() -> None:
    """A bar seen again, revised or older, gives nothing."""
    desk, row = Desk(), Row(features=FALLEN)
    assert len(give(desk, predictions_of([row, row]))) == 1
    for again in (row, replace(row, revision=1), replace(row, bar=99, features=RISEN)):
        assert give(desk, predictions_of([again])) == ()


def test_cooldown() -> None:
    """One direction rests for five bars; the other is free; another interval and instrument are their own."""
    desk = Desk()
    bars = [b for b in range(100, 112) if give(desk, predictions_of([Row(bar=b, features=FALLEN)]))]
    assert bars == [100, 105, 110]
    assert give(desk, predictions_of([Row(bar=112, features=RISEN)]))[0].action is Action.SELL
    assert give(desk, predictions_of([Row(bar=10, features=FALLEN, interval_s=60)]))
    eth = InstrumentRef("ETH-USDT.BINANCE", -2, -4)
    assert give(desk, predictions_of([Row(bar=112, features=FALLEN)], instruments=(eth,)))


def test_cut_does_not_matter() -> None:
    """Rows folded in one batch or one by one give the same signals and the same memory."""
    rows = [Row(bar=b, features=f) for b, f in enumerate([CALM, FALLEN, RISEN, FALLEN, CALM, RISEN, RISEN, FALLEN] * 3)]
    whole, single = Desk(), Desk()
    together = give(whole, predictions_of(rows, (output_of(*[0.7] * len(rows)),)))
    apart = [s for row in rows for s in give(single, predictions_of([row], (output_of(0.7),)))]
    assert list(together) == apart
    assert whole == single


def test_hold_on_request() -> None:
    """With `emit_hold` a bar without action says HOLD, with no levels; without it, nothing."""
    signal = one(Row(features=CALM), output_of(0.1), strategy=Strategy(emit_hold=True))
    assert signal is not None
    assert (signal.action, signal.stop_loss, signal.take_profit, signal.risk_reward_ratio) == (Action.HOLD, 0, 0, 0.0)


def test_tie_holds() -> None:
    """When both sides are equally strong nothing is done."""
    both = Strategy(buy=(Flagged("odd", "anomaly", 70.0),), sell=(Flagged("odd", "anomaly", 70.0),))
    assert one(Row(features=CALM), output_of(0.9), strategy=both) is None


def test_levels_flip() -> None:
    """Stop and target stand two and three ATRs from the price, mirrored for SELL, at a ratio of 1.5."""
    buy, sell = one(Row(features=FALLEN)), one(Row(features=RISEN))
    assert buy is not None
    assert sell is not None
    assert (buy.stop_loss, buy.take_profit) == (5_990_000, 6_015_000)
    assert (sell.stop_loss, sell.take_profit) == (6_010_000, 5_985_000)
    assert buy.risk_reward_ratio == sell.risk_reward_ratio == 1.5


def test_memory_is_bounded() -> None:
    """At the bound the pair longest without a bar is forgotten."""
    desk, strategy = Desk(), Strategy(tracks_max=2)
    refs = [InstrumentRef(name, -2, -5) for name in ("A.X", "B.X", "C.X")]
    for bar, ref in enumerate(refs, start=100):
        give(desk, predictions_of([Row(bar=bar, features=CALM)], instruments=(ref,)), strategy)
    assert sorted(desk.tracks) == [("B.X", 5), ("C.X", 5)]


def test_counts_what_it_emits() -> None:
    """The desk counts its signals: the count is the next sequence number."""
    desk = Desk()
    give(desk, predictions_of([Row(bar=b, features=FALLEN) for b in range(100, 112)]))
    assert desk.emitted == 3


@pytest.mark.parametrize("weights", [(60.0, 50.0), (-1.0,), (0.0,)])
def test_weights_are_a_confidence(weights: tuple[float, ...]) -> None:
    """Weights that are not positive or sum above 100 stop the start."""
    with pytest.raises(ValueError, match="weights"):
        Strategy(buy=tuple(Below(f"r{n}", "rsi_14", 1.0, weight) for n, weight in enumerate(weights)))


def bars_of(closes: Sequence[int]) -> BarBatch:
    """Make 5 s bars that open where the one before closed, with a quote a cent around each close."""
    close = np.array(closes, dtype=np.int64)
    opened = np.concatenate([close[:1], close[:-1]])
    count, none = len(close), np.zeros(len(close), dtype=np.int64)
    volume = 1000 + 37 * (np.arange(count) % 7)
    return BarBatch(
        shard=SHARD,
        instruments=(BTC,),
        instrument=none.astype(np.uint16),
        interval_s=none.astype(np.int32) + 5,
        start_ns=np.arange(count, dtype=np.int64) * 5 * NS_PER_S,
        finality=none.astype(np.uint8) + BAR_FINAL,
        revision=none.astype(np.int32),
        open=opened,
        high=np.maximum(opened, close) + 200,
        low=np.minimum(opened, close) - 200,
        close=close,
        volume=volume,
        buy_volume=volume // 2,
        notional_hi=none,
        notional_lo=(volume * close).astype(np.uint64),
        trades=none.astype(np.int32) + 9,
        bid_price=close - 1,
        bid_size=none + 50,
        ask_price=close + 1,
        ask_size=none + 50,
        bid_depth=none,
        ask_depth=none,
        bid_edge=none,
        ask_edge=none,
        ofi=none,
        quotes=none.astype(np.int32),
        flags=none.astype(np.uint8) + MARKET_QUOTED,
    )


@pytest.mark.parametrize("bars", [1, 2, 4])
@pytest.mark.parametrize("percent", [1, 2, 5])
@pytest.mark.parametrize(("sign", "action"), [(-1, Action.BUY), (1, Action.SELL)])
def test_shock_is_faded(sign: int, action: Action, percent: int, bars: int) -> None:
    """After a calm market a move of some percent within seconds gives one signal against it, and calm gives none."""
    noise = np.random.default_rng(1).integers(-300, 301, size=120)
    calm = 6_000_000 + noise
    closes = [*calm, *(calm[-1] + sign * 60_000 * percent * step // bars for step in range(1, bars + 1))]
    folded = fold_batch(kernel, start(SHARD), bars_of(closes))
    assert folded is not None
    signals = give(Desk(), PredictionBatch(SHARD, folded.columns))
    assert [signal.action for signal in signals if signal.bar_start_ns >= len(calm) * 5 * NS_PER_S] == [action]
    assert len(signals) == 1


def test_names_what_it_needs() -> None:
    """A strategy names its features and models, each once."""
    assert RULES.features == ("rsi_14", "bb_percent", "zscore_20", "macd_hist", "atr_14")
    assert RULES.models == ("anomaly",)
    assert BTC.price_exponent == -2
