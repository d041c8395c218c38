"""Write what people asked for as events; the one place that says how a user action is named (design R6)."""

from functions.domain.actions import UserAction
from functions.wire.codecs.actions import USER_ACTION, encode_user_action
from functions.wire.envelope import Event
from functions.wire.facts import PROTOBUF, fact_id, source_of
from functions.wire.raw import trace_of


def action_id(origin: str, request_id: str) -> str:
    """Name an action: a request that is sent again is the same action.

    >>> action_id("gateway", "r-1") == action_id("gateway", "r-1"), len(action_id("gateway", "r-2"))
    (True, 36)
    """
    return fact_id(USER_ACTION, origin, request_id)


def action_event(action: UserAction) -> Event:
    """Write an action as the event a door publishes; it has no sequence, for doors scale out and keep no count."""
    return Event(
        id=action.action_id,
        source=source_of("services", action.origin, "actions"),
        type=USER_ACTION,
        data=encode_user_action(action),
        time_ns=action.ts_receive,
        datacontenttype=PROTOBUF,
        extensions={
            "partitionkey": action.account or action.actor,
            "correlationid": action.action_id,
            "traceparent": trace_of(action.action_id),
        },
    )
