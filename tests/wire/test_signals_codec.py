"""Signals survive the wire exactly, and impossible ones are refused."""

from dataclasses import replace

import pytest
from counts import examples
from hypothesis import given, settings
from hypothesis import strategies as st
from tickloom.signals.v1 import signal_pb2

from functions.domain.decisions import (
    Action,
    ConfidenceKind,
    Evidence,
    Forecast,
    Gate,
    Importance,
    ModelScore,
    Predictions,
    Quote,
    Reason,
    Signal,
    Vote,
)
from functions.wire.codecs.signals import decode_signal, encode_signal
from functions.wire.errors import Malformed

FINITE = st.floats(allow_nan=False, allow_infinity=False)
INT64 = st.integers(-(2**63), 2**63 - 1)
TEXT = st.text(max_size=12)
CHANCE = st.floats(0, 1)
INT32 = st.integers(0, 2**31 - 1)


def some(of: st.SearchStrategy[object]) -> st.SearchStrategy[object]:
    """Give a few of them."""
    return st.lists(of, max_size=2).map(tuple)


PREDICTIONS = st.builds(
    Predictions,
    forecasts=some(
        st.builds(Forecast, TEXT, TEXT, INT32, FINITE, st.none() | CHANCE, INT64, INT64, INT64, INT64, INT64)
    ),
    anomaly_score=st.none() | FINITE,
    is_anomaly=st.booleans(),
    sentiment=st.none() | FINITE,
    regime=TEXT,
    regime_probability=st.none() | CHANCE,
    votes=some(st.builds(Vote, TEXT, CHANCE, CHANCE, st.none() | CHANCE, CHANCE)),
    up=st.none() | CHANCE,
    horizon_bars=INT32,
    abstained=TEXT,
    down=st.none() | CHANCE,
)
EVIDENCE = st.builds(
    Evidence,
    wanted=st.sampled_from(Action),
    strength=FINITE,
    confidence_kind=st.sampled_from(ConfidenceKind),
    event=TEXT,
    horizon_bars=INT32,
    probability=st.none() | CHANCE,
    probability_low=st.none() | CHANCE,
    expected_value=st.none() | FINITE,
    kelly_fraction=st.none() | FINITE,
    position_size_pct=FINITE,
    primary_factor=TEXT,
    supporting_indicators=some(TEXT),
    importance=some(st.builds(Importance, TEXT, FINITE)),
    predictions=PREDICTIONS,
    gates=some(st.builds(Gate, TEXT, TEXT)),
    feature_schema=TEXT,
    causation_id=TEXT,
)
SIGNALS = st.builds(
    Signal,
    signal_id=st.text(min_size=1, max_size=12),
    strategy=TEXT,
    instrument_id=st.text(min_size=1, max_size=12),
    interval_s=st.integers(1, 86_400),
    bar_start_ns=INT64,
    as_of_ns=INT64,
    action=st.sampled_from(Action),
    confidence=FINITE,
    price_exponent=st.integers(-12, 3),
    size_exponent=st.integers(-12, 3),
    price=INT64,
    quote=st.builds(Quote, INT64, INT64, INT64, INT64, st.just(0)),
    reasons=st.lists(st.builds(Reason, TEXT, TEXT, FINITE), max_size=3).map(tuple),
    model_scores=st.lists(st.builds(ModelScore, TEXT, TEXT, FINITE, FINITE), max_size=2).map(tuple),
    stop_loss=INT64,
    take_profit=INT64,
    risk_reward_ratio=FINITE,
    bar_revision=st.integers(0, 9),
    degraded=st.booleans(),
    shard=TEXT,
    market_flags=st.integers(0, 255),
    evidence=st.just(Evidence()) | EVIDENCE,
)


@given(SIGNALS)
@settings(max_examples=examples(500), deadline=None)
def test_round_trip(signal: Signal) -> None:
    """What is decoded is what was encoded; the quote's time is the signal's."""
    expected = replace(signal, quote=replace(signal.quote, ts_event=signal.as_of_ns))
    data = encode_signal(signal)
    assert decode_signal(data) == expected
    assert encode_signal(decode_signal(data)) == data


@pytest.mark.parametrize(
    ("change", "found"),
    [
        ({"action": signal_pb2.ACTION_UNSPECIFIED}, "action 0 is unknown"),
        ({"action": 9}, "action 9 is unknown"),
        ({"signal_id": ""}, "no signal_id"),
        ({"instrument_id": ""}, "no instrument_id"),
        ({"interval_s": 0}, "interval 0 s is not positive"),
        ({"confidence": float("nan")}, "a figure is not finite"),
    ],
)
def test_impossible_signals(change: dict[str, object], found: str) -> None:
    """A signal that cannot be is refused, and the message says what was found."""
    message = signal_pb2.Signal(
        signal_id="s", instrument_id="BTC-USDT.BINANCE", interval_s=5, action=signal_pb2.ACTION_BUY
    )
    for name, value in change.items():
        setattr(message, name, value)
    with pytest.raises(Malformed, match=found):
        decode_signal(message.SerializeToString())


@pytest.mark.parametrize(
    ("change", "found"),
    [
        ({"wanted": 9}, "what was wanted, 9, is unknown"),
        ({"confidence_kind": 9}, "confidence kind 9 is unknown"),
        ({"strength": float("nan")}, "a figure of its evidence is not finite"),
        ({"kelly_fraction": float("inf")}, "a figure of its evidence is not finite"),
        ({"probability": 1.5}, "a probability is not from 0 to 1"),
        ({"model_predictions": {"votes": [{"up": float("nan")}]}}, "a figure of its evidence is not finite"),
    ],
)
def test_impossible_evidence(change: dict[str, object], found: str) -> None:
    """Evidence that cannot be makes the signal malformed."""
    evidence = signal_pb2.Evidence(**change)  # type: ignore[arg-type]
    message = signal_pb2.Signal(
        signal_id="s", instrument_id="X", interval_s=5, action=signal_pb2.ACTION_HOLD, evidence=evidence
    )
    with pytest.raises(Malformed, match=found):
        decode_signal(message.SerializeToString())


def test_signal_without_evidence() -> None:
    """A signal cut off before its evidence is refused, though it reads as a message."""
    message = signal_pb2.Signal(signal_id="s", instrument_id="X", interval_s=5, action=signal_pb2.ACTION_BUY)
    with pytest.raises(Malformed, match="it has no evidence"):
        decode_signal(message.SerializeToString())
    message.evidence.SetInParent()
    assert decode_signal(message.SerializeToString()).evidence == Evidence()


@given(st.binary(max_size=200))
@settings(max_examples=examples(2000), deadline=None)
def test_any_bytes(data: bytes) -> None:
    """Any bytes are read or refused as malformed, and nothing else happens."""
    try:
        decode_signal(data)
    except Malformed:
        return
