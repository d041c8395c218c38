"""User actions survive the wire exactly, are named by their request, and impossible ones are refused."""

import pytest
from counts import examples
from hypothesis import given, settings
from hypothesis import strategies as st
from tickloom.audit.v1 import action_pb2

from functions.domain.actions import ActionKind, ActionOutcome, UserAction
from functions.wire.actions import action_event, action_id
from functions.wire.codecs.actions import USER_ACTION, decode_user_action, encode_user_action
from functions.wire.errors import Malformed

TEXT = st.text(max_size=12)
NAME = st.text(min_size=1, max_size=12)
ACTIONS = st.builds(
    UserAction,
    action_id=NAME,
    origin=NAME,
    request_id=NAME,
    actor=NAME,
    kind=st.sampled_from(ActionKind),
    outcome=st.sampled_from(ActionOutcome),
    ts_receive=st.integers(0, 2**63 - 1),
    session=TEXT,
    object=TEXT,
    parameters=st.dictionaries(TEXT, TEXT, max_size=3).map(lambda one: tuple(sorted(one.items()))),
    reason=TEXT,
    account=TEXT,
)
STOP = UserAction(
    action_id=action_id("gateway", "r-1"),
    origin="gateway",
    request_id="r-1",
    actor="u-7",
    kind=ActionKind.STOP_TRADING,
    outcome=ActionOutcome.ACCEPTED,
    ts_receive=1_700_000_000_000_000_000,
    account="demo",
    reason="drill",
)


@given(ACTIONS)
@settings(max_examples=examples(500), deadline=None)
def test_round_trip(action: UserAction) -> None:
    """What is decoded is what was encoded."""
    data = encode_user_action(action)
    assert decode_user_action(data) == action
    assert encode_user_action(decode_user_action(data)) == data


def test_one_request_is_one_event() -> None:
    """A request that is sent again is the same event, byte for byte; its account is its partition."""
    first, again = action_event(STOP), action_event(STOP)
    assert first == again
    assert (first.id, first.type, first.time_ns) == (STOP.action_id, USER_ACTION, STOP.ts_receive)
    assert first.extensions["partitionkey"] == "demo"
    assert decode_user_action(first.data or b"") == STOP
    assert action_id("cli", "r-1") != STOP.action_id


@pytest.mark.parametrize(
    ("change", "found"),
    [
        ({"kind": 0}, "kind 0"),
        ({"outcome": 9}, "outcome 9"),
        ({"actor": ""}, "actor is empty"),
        ({"ts_receive_ns": -1}, "negative"),
    ],
)
def test_impossible_actions(change: dict[str, object], found: str) -> None:
    """An action that cannot be is refused, and the message says what was found."""
    message = action_pb2.UserAction.FromString(encode_user_action(STOP))
    for name, value in change.items():
        setattr(message, name, value)
    with pytest.raises(Malformed, match=found):
        decode_user_action(message.SerializeToString())


@given(st.binary(max_size=200))
@settings(max_examples=examples(2000), deadline=None)
def test_any_bytes(data: bytes) -> None:
    """Any bytes are read or refused as malformed, and nothing else happens."""
    try:
        decode_user_action(data)
    except Malformed:
        return
