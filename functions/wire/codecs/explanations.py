"""Write explanations as `tickloom.explain.v1` messages and read them back."""

import re
from types import MappingProxyType
from typing import Final

from tickloom.explain.v1 import explanation_pb2
from tickloom.signals.v1 import signal_pb2

from functions.domain.explanation import Decided, Explanation, Link, ModelTold
from functions.domain.flips import Flip, Move
from functions.domain.shapley import Attribution, Part
from functions.wire.codecs.evidence import ACTIONS
from functions.wire.codecs.signals import score_message, score_value, signal_message, signal_value
from functions.wire.errors import Malformed

_READ: Final = MappingProxyType({number: action for action, number in ACTIONS.items()})
_ID: Final = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def signal_id_value(text: str) -> str:
    """Read the id of a signal.

    Raises:
        Malformed: It is none.

    >>> signal_id_value("6f0c6f5e-6f9a-5b0e-9c41-3f1b8a3c7d52")
    '6f0c6f5e-6f9a-5b0e-9c41-3f1b8a3c7d52'
    """
    if _ID.fullmatch(text) is None:
        detail = f"{text!r:.80} is no id of a signal: `tickloom signals` shows them, for example {'0' * 8}-..."
        raise Malformed(detail)
    return text


def explanation_message(value: Explanation) -> explanation_pb2.Explanation:
    """Write an explanation."""
    return explanation_pb2.Explanation(
        signal=signal_message(value.signal),
        strength=_attribution_message(value.strength),
        confidence=_attribution_message(value.confidence),
        models=map(_model_message, value.models),
        decided=None if value.decided is None else _decided_message(value.decided),
        links=map(_link_message, value.links),
        notes=value.notes,
    )


def explanation_value(message: explanation_pb2.Explanation) -> Explanation:
    """Read an explanation.

    Raises:
        Malformed: Its signal cannot be read.
    """
    return Explanation(
        signal=signal_value(message.signal),
        strength=_attribution_value(message.strength),
        confidence=_attribution_value(message.confidence),
        models=tuple(map(_model_value, message.models)),
        decided=_decided_value(message.decided) if message.HasField("decided") else None,
        links=tuple(map(_link_value, message.links)),
        notes=tuple(message.notes),
    )


def _attribution_message(value: Attribution) -> explanation_pb2.Attribution:
    parts = [explanation_pb2.Part(name=one.name, value=one.value, error=one.error) for one in value.parts]
    return explanation_pb2.Attribution(base=value.base, total=value.total, parts=parts, exact=value.exact)


def _attribution_value(message: explanation_pb2.Attribution) -> Attribution:
    parts = tuple(Part(one.name, one.value, one.error) for one in message.parts)
    return Attribution(message.base, message.total, parts, message.exact)


def _model_message(value: ModelTold) -> explanation_pb2.ModelTold:
    return explanation_pb2.ModelTold(
        score=score_message(value.score),
        again=value.again,
        attribution=None if value.attribution is None else _attribution_message(value.attribution),
        base_set=value.base_set,
        problem=value.problem,
    )


def _model_value(message: explanation_pb2.ModelTold) -> ModelTold:
    return ModelTold(
        score=score_value(message.score),
        again=message.again if message.HasField("again") else None,
        attribution=_attribution_value(message.attribution) if message.HasField("attribution") else None,
        base_set=message.base_set,
        problem=message.problem,
    )


def _decided_message(value: Decided) -> explanation_pb2.Decided:
    return explanation_pb2.Decided(
        batches=value.batches,
        since=value.since,
        differs=value.differs,
        flip=None if value.flip is None else _flip_message(value.flip),
        levers=value.levers,
        by_size=value.by_size,
        rows=value.rows,
        asked_again=signal_pb2.ACTION_UNSPECIFIED if value.asked_again is None else ACTIONS[value.asked_again],
    )


def _decided_value(message: explanation_pb2.Decided) -> Decided:
    return Decided(
        batches=message.batches,
        since=message.since,
        differs=tuple(message.differs),
        flip=_flip_value(message.flip) if message.HasField("flip") else None,
        levers=tuple(message.levers),
        by_size=tuple(message.by_size),
        rows=message.rows,
        asked_again=_READ.get(message.asked_again),
    )


def _flip_message(value: Flip) -> explanation_pb2.Flip:
    moves = [explanation_pb2.Move(name=one.name, was=one.was, now=one.now, spreads=one.spreads) for one in value.moves]
    return explanation_pb2.Flip(action=ACTIONS[value.action], moves=moves, spreads=value.spreads)


def _flip_value(message: explanation_pb2.Flip) -> Flip:
    if message.action not in _READ:
        detail = f"a flip to action {message.action}, which is unknown"
        raise Malformed(detail)
    moves = tuple(Move(one.name, one.was, one.now, one.spreads) for one in message.moves)
    return Flip(_READ[message.action], moves, message.spreads)


def _link_message(value: Link) -> explanation_pb2.Link:
    return explanation_pb2.Link(
        broker=value.broker,
        offset=value.offset,
        type=value.type,
        source=value.source,
        sequence=value.sequence,
        id=value.id,
        partition=value.partition,
    )


def _link_value(message: explanation_pb2.Link) -> Link:
    return Link(
        broker=message.broker,
        offset=message.offset,
        type=message.type,
        source=message.source,
        sequence=message.sequence,
        id=message.id,
        partition=message.partition,
    )
