"""Write signals as `tickloom.signals.v1` messages and read them back; figures are checked here."""

from math import isfinite
from types import MappingProxyType
from typing import Final

from tickloom.signals.v1 import signal_pb2

from functions.domain.decisions import ModelScore, Quote, Reason, Signal
from functions.wire.codecs.evidence import ACTIONS, evidence_faults, evidence_message, evidence_value
from functions.wire.codecs.messages import parse, refuse

SIGNAL: Final = "tickloom.signals.v1.Signal"

_READ: Final = MappingProxyType({number: action for action, number in ACTIONS.items()})


def encode_signal(value: Signal) -> bytes:
    """Write a signal; equal signals give equal bytes. The quote's own time is not written: it is as of `as_of_ns`."""
    return signal_message(value).SerializeToString(deterministic=True)


def signal_message(value: Signal) -> signal_pb2.Signal:
    """Write a signal as its message."""
    return signal_pb2.Signal(
        signal_id=value.signal_id,
        strategy=value.strategy,
        instrument_id=value.instrument_id,
        interval_s=value.interval_s,
        bar_start_ns=value.bar_start_ns,
        as_of_ns=value.as_of_ns,
        action=ACTIONS[value.action],
        confidence=value.confidence,
        price_exponent=value.price_exponent,
        size_exponent=value.size_exponent,
        price=value.price,
        bid_price=value.quote.bid_price,
        bid_size=value.quote.bid_size,
        ask_price=value.quote.ask_price,
        ask_size=value.quote.ask_size,
        reasons=[signal_pb2.Reason(rule=one.rule, text=one.text, weight=one.weight) for one in value.reasons],
        model_scores=[score_message(one) for one in value.model_scores],
        stop_loss=value.stop_loss,
        take_profit=value.take_profit,
        risk_reward_ratio=value.risk_reward_ratio,
        bar_revision=value.bar_revision,
        degraded=value.degraded,
        shard=value.shard,
        market_flags=value.market_flags,
        evidence=evidence_message(value.evidence),
    )


def decode_signal(data: bytes) -> Signal:
    """Read a signal; its quote's `ts_event` is the signal's `as_of_ns`.

    Raises:
        Malformed: The bytes are no Signal, its action is not set, or a figure is not finite or impossible.
    """
    return signal_value(parse(signal_pb2.Signal, data))


def signal_value(message: signal_pb2.Signal) -> Signal:
    """Read a signal from its message.

    Raises:
        Malformed: As above.
    """
    _check(message)
    return Signal(
        signal_id=message.signal_id,
        strategy=message.strategy,
        instrument_id=message.instrument_id,
        interval_s=message.interval_s,
        bar_start_ns=message.bar_start_ns,
        as_of_ns=message.as_of_ns,
        action=_READ[message.action],
        confidence=message.confidence,
        price_exponent=message.price_exponent,
        size_exponent=message.size_exponent,
        price=message.price,
        quote=Quote(message.bid_price, message.bid_size, message.ask_price, message.ask_size, message.as_of_ns),
        reasons=tuple(Reason(one.rule, one.text, one.weight) for one in message.reasons),
        model_scores=tuple(map(score_value, message.model_scores)),
        stop_loss=message.stop_loss,
        take_profit=message.take_profit,
        risk_reward_ratio=message.risk_reward_ratio,
        bar_revision=message.bar_revision,
        degraded=message.degraded,
        shard=message.shard,
        market_flags=message.market_flags,
        evidence=evidence_value(message.evidence),
    )


def score_message(value: ModelScore) -> signal_pb2.ModelScore:
    """Write what a model says."""
    return signal_pb2.ModelScore(model=value.model, version=value.version, score=value.score, threshold=value.threshold)


def score_value(message: signal_pb2.ModelScore) -> ModelScore:
    """Read what a model says; whoever reads a signal checks its figures."""
    return ModelScore(message.model, message.version, message.score, message.threshold)


def _check(message: signal_pb2.Signal) -> None:
    figures = [message.confidence, message.risk_reward_ratio, *(one.weight for one in message.reasons)]
    figures += [figure for one in message.model_scores for figure in (one.score, one.threshold)]
    faults = {
        f"action {message.action} is unknown": message.action not in _READ,
        "it has no signal_id": not message.signal_id,
        "it has no evidence": not message.HasField("evidence"),  # cut off before it, as protobuf allows
        "it has no instrument_id": not message.instrument_id,
        f"interval {message.interval_s} s is not positive": message.interval_s <= 0,
        "a figure is not finite": not all(map(isfinite, figures)),
        **evidence_faults(message.evidence),
    }
    refuse(f"signal {message.signal_id!r}", faults)
