"""A user action that exists can be proved: it has a natural key, an actor, and parameters in one order."""

import pytest

from functions.domain.actions import ActionKind, ActionOutcome, UserAction
from functions.domain.errors import Rejected

GOOD: dict[str, object] = {
    "action_id": "a",
    "origin": "gateway",
    "request_id": "r-1",
    "actor": "u-1",
    "kind": ActionKind.STOP_TRADING,
    "outcome": ActionOutcome.ACCEPTED,
    "ts_receive": 1,
    "parameters": (("a", "1"), ("b", "2")),
}


def test_a_good_action() -> None:
    """An action with all its parts stands."""
    assert UserAction(**GOOD).session == ""  # type: ignore[arg-type] # fields are picked by the test


@pytest.mark.parametrize(
    ("change", "found"),
    [
        ({"action_id": ""}, "action_id is empty"),
        ({"origin": ""}, "origin is empty"),
        ({"request_id": ""}, "request_id is empty"),
        ({"actor": ""}, "actor is empty"),
        ({"ts_receive": -1}, "negative"),
        ({"parameters": (("b", "1"), ("a", "2"))}, "sorted"),
        ({"parameters": (("a", "1"), ("a", "2"))}, "unique"),
    ],
)
def test_what_cannot_be(change: dict[str, object], found: str) -> None:
    """An action without a part, or with parameters in another order, is refused with the reason."""
    with pytest.raises(Rejected, match=found):
        UserAction(**{**GOOD, **change})  # type: ignore[arg-type] # fields are picked by the test
