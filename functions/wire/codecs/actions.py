"""Write user actions as `tickloom.audit.v1` messages and read them back."""

from types import MappingProxyType
from typing import Final

from tickloom.audit.v1 import action_pb2

from functions.domain.actions import ActionKind, ActionOutcome, UserAction
from functions.domain.errors import Rejected
from functions.wire.codecs.messages import parse
from functions.wire.errors import Malformed

USER_ACTION: Final = "tickloom.audit.v1.UserAction"

_KINDS: Final = MappingProxyType(
    {
        ActionKind.SIGN_IN: action_pb2.ACTION_KIND_SIGN_IN,
        ActionKind.SIGN_OUT: action_pb2.ACTION_KIND_SIGN_OUT,
        ActionKind.READ: action_pb2.ACTION_KIND_READ,
        ActionKind.EXPORT: action_pb2.ACTION_KIND_EXPORT,
        ActionKind.ENTER_ORDER: action_pb2.ACTION_KIND_ENTER_ORDER,
        ActionKind.CANCEL_ORDER: action_pb2.ACTION_KIND_CANCEL_ORDER,
        ActionKind.STOP_TRADING: action_pb2.ACTION_KIND_STOP_TRADING,
        ActionKind.RESUME_TRADING: action_pb2.ACTION_KIND_RESUME_TRADING,
        ActionKind.CHANGE_SETTING: action_pb2.ACTION_KIND_CHANGE_SETTING,
        ActionKind.ACKNOWLEDGE: action_pb2.ACTION_KIND_ACKNOWLEDGE,
        ActionKind.REDRIVE: action_pb2.ACTION_KIND_REDRIVE,
    }
)
_OUTCOMES: Final = MappingProxyType(
    {
        ActionOutcome.ACCEPTED: action_pb2.ACTION_OUTCOME_ACCEPTED,
        ActionOutcome.REFUSED: action_pb2.ACTION_OUTCOME_REFUSED,
        ActionOutcome.FAILED: action_pb2.ACTION_OUTCOME_FAILED,
    }
)
_KIND_OF: Final = MappingProxyType({number: one for one, number in _KINDS.items()})
_OUTCOME_OF: Final = MappingProxyType({number: one for one, number in _OUTCOMES.items()})


def encode_user_action(value: UserAction) -> bytes:
    """Write an action; equal actions give equal bytes."""
    message = action_pb2.UserAction(
        action_id=value.action_id,
        origin=value.origin,
        request_id=value.request_id,
        actor=value.actor,
        session=value.session,
        kind=_KINDS[value.kind],
        object=value.object,
        parameters=[action_pb2.Parameter(name=name, value=text) for name, text in value.parameters],
        outcome=_OUTCOMES[value.outcome],
        reason=value.reason,
        ts_receive_ns=value.ts_receive,
        account=value.account,
    )
    return message.SerializeToString(deterministic=True)


def decode_user_action(data: bytes) -> UserAction:
    """Read an action.

    Raises:
        Malformed: The bytes are no UserAction, a word is unknown, or the action cannot be.
    """
    message = parse(action_pb2.UserAction, data)
    if message.kind not in _KIND_OF or message.outcome not in _OUTCOME_OF:
        detail = f"user action {message.action_id!r}: kind {message.kind} or outcome {message.outcome} is unknown"
        raise Malformed(detail)
    try:
        return UserAction(
            action_id=message.action_id,
            origin=message.origin,
            request_id=message.request_id,
            actor=message.actor,
            session=message.session,
            kind=_KIND_OF[message.kind],
            object=message.object,
            parameters=tuple((one.name, one.value) for one in message.parameters),
            outcome=_OUTCOME_OF[message.outcome],
            reason=message.reason,
            ts_receive=message.ts_receive_ns,
            account=message.account,
        )
    except Rejected as error:  # ours only: what comes over the wire is not what it claims to be
        raise Malformed(str(error)) from error
