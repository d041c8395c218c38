"""Write re-entry decisions as `tickloom.signals.v1` messages, and read them back."""

from decimal import Decimal
from types import MappingProxyType
from typing import Final

from tickloom.signals.v1 import reentry_pb2

from functions.domain.money import plain, plain_decimal
from functions.domain.reentry import (
    ENTERING,
    Cap,
    Case,
    Ending,
    Near,
    Proximity,
    Reaction,
    ReentryDecision,
    Ruling,
    Scheduled,
)
from functions.wire.codecs.evidence import ACTIONS
from functions.wire.codecs.messages import parse_named, refuse

REENTRY_DECISION: Final = "tickloom.signals.v1.ReentryDecision"

_ENDINGS: Final = MappingProxyType(
    {
        Ending.WIN: reentry_pb2.ENDING_WIN,
        Ending.SCRATCH: reentry_pb2.ENDING_SCRATCH,
        Ending.LOSS: reentry_pb2.ENDING_LOSS,
    }
)
_PROXIMITIES: Final = MappingProxyType(
    {
        Proximity.NONE: reentry_pb2.PROXIMITY_NONE,
        Proximity.BEFORE: reentry_pb2.PROXIMITY_BEFORE,
        Proximity.AFTER: reentry_pb2.PROXIMITY_AFTER,
    }
)
_REACTIONS: Final = MappingProxyType(
    {
        Reaction.REENTER: reentry_pb2.REACTION_REENTER,
        Reaction.REVERSE: reentry_pb2.REACTION_REVERSE,
        Reaction.WAIT: reentry_pb2.REACTION_WAIT,
        Reaction.STOP: reentry_pb2.REACTION_STOP,
    }
)
_ENDINGS_READ: Final = MappingProxyType({number: one for one, number in _ENDINGS.items()})
_PROXIMITIES_READ: Final = MappingProxyType({number: one for one, number in _PROXIMITIES.items()})
_REACTIONS_READ: Final = MappingProxyType({number: one for one, number in _REACTIONS.items()})
_SIDES_READ: Final = MappingProxyType({number: one for one, number in ACTIONS.items()})

_PLAIN: Final = ("decision_id", "signal_id", "strategy", "instrument_id", "interval_s", "as_of_ns", "shard")


def encode_reentry_decision(value: ReentryDecision) -> bytes:
    """Write a decision; equal decisions give equal bytes."""
    ruling, event = value.ruling, value.near.event
    message = reentry_pb2.ReentryDecision(
        **{name: getattr(value, name) for name in _PLAIN},
        ending=_ENDINGS[ruling.case.ending],
        duration=ruling.case.duration,
        proximity=_PROXIMITIES[ruling.case.proximity],
        generation=ruling.case.generation,
        reaction=_REACTIONS[ruling.reaction],
        side=ACTIONS[value.side],
        size_factor=plain(ruling.size_factor),
        generation_max=ruling.cap.generation,
        notional_factor_max=plain(ruling.cap.notional),
        rule_line=ruling.line,
        rule=ruling.text,
        rules_digest=value.digest,
        event_id=event.event_id if event else "",
        event_name=event.name if event else "",
        event_currency=event.currency if event else "",
        event_ns=event.ts_scheduled if event else 0,
        until_ns=value.near.until_ns,
    )
    return message.SerializeToString(deterministic=True)


def decode_reentry_decision(data: bytes) -> ReentryDecision:
    """Read a decision.

    Raises:
        Malformed: The bytes are no ReentryDecision, name no shard, or hold what no decision can.
    """
    message = parse_named(reentry_pb2.ReentryDecision, data)
    size, notional = _decimal(message.size_factor), _decimal(message.notional_factor_max)
    refuse(f"decision {message.decision_id!r}", _faults(message, size, notional))
    case = Case(
        _ENDINGS_READ[message.ending], message.duration, _PROXIMITIES_READ[message.proximity], message.generation
    )
    event = Scheduled(message.event_id, message.event_name, message.event_currency, message.event_ns)
    return ReentryDecision(
        **{name: getattr(message, name) for name in _PLAIN},
        side=_SIDES_READ[message.side],
        ruling=Ruling(
            case=case,
            reaction=_REACTIONS_READ[message.reaction],
            size_factor=size,
            cap=Cap(message.generation_max, notional),
            line=message.rule_line,
            text=message.rule,
        ),
        near=Near(case.proximity, event if message.event_id else None, message.until_ns),
        digest=message.rules_digest,
    )


def _decimal(text: str) -> Decimal:
    """Read a plain decimal; what is none is -1, which no multiple is."""
    try:
        return plain_decimal(text)
    except ValueError:
        return Decimal(-1)


def _faults(message: reentry_pb2.ReentryDecision, size: Decimal, notional: Decimal) -> dict[str, bool]:
    enters = _REACTIONS_READ.get(message.reaction) in ENTERING
    near = message.proximity != reentry_pb2.PROXIMITY_NONE
    return {
        "it has no decision_id": not message.decision_id,
        "it has no signal_id": not message.signal_id,
        "it has no instrument_id": not message.instrument_id,
        f"interval {message.interval_s} s is not positive": message.interval_s <= 0,
        "its time is not positive": message.as_of_ns <= 0,
        f"ending {message.ending} is unknown": message.ending not in _ENDINGS_READ,
        f"proximity {message.proximity} is unknown": message.proximity not in _PROXIMITIES_READ,
        f"reaction {message.reaction} is unknown": message.reaction not in _REACTIONS_READ,
        f"side {message.side} is unknown": message.side not in _SIDES_READ,
        "something is near without an event, or an event without being near": near != bool(message.event_id),
        "it enters without a size, or has a size and enters nothing": enters != (size > 0),
        "its size factor is no plain decimal from 0": size < 0,
        "its bound of notional is no plain decimal above 0": notional <= 0,
        "a generation is negative": min(message.generation, message.generation_max) < 0,
    }
