"""Signals survive the wire exactly, and impossible ones are refused."""

from dataclasses import replace

import pytest
from counts import count
from hypothesis import given, settings
from hypothesis import strategies as st
from tickloom.signals.v1 import signal_pb2

from functions.domain.decisions import Action, ModelScore, Quote, Reason, Signal
from functions.wire.codecs.signals import decode_signal, encode_signal
from functions.wire.errors import Malformed

FINITE = st.floats(allow_nan=False, allow_infinity=False)
INT64 = st.integers(-(2**63), 2**63 - 1)
TEXT = st.text(max_size=12)
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
)


@given(SIGNALS)
@settings(max_examples=count(500), deadline=None)
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


@given(st.binary(max_size=200))
@settings(max_examples=count(2000), deadline=None)
def test_any_bytes(data: bytes) -> None:
    """Any bytes are read or refused as malformed, and nothing else happens."""
    try:
        decode_signal(data)
    except Malformed:
        return
