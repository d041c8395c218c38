"""The error table: the same row for deliverers, callers and metrics."""

import pytest

from functions.domain.errors import DomainError, Rejected
from functions.ports.errors import Overloaded, PortError, Unavailable
from functions.runtime import outcomes
from functions.wire.errors import Malformed, WireError

ROWS = [
    (Malformed("x"), 400, "INVALID_ARGUMENT", "malformed"),
    (outcomes.Unauthenticated("x"), 401, "UNAUTHENTICATED", "unauthenticated"),
    (outcomes.Forbidden("x", "y"), 403, "PERMISSION_DENIED", "forbidden"),
    (outcomes.TooLarge("x"), 413, "INVALID_ARGUMENT", "too_large"),
    (outcomes.Unsupported("x"), 415, "INVALID_ARGUMENT", "unsupported"),
    (Rejected("x"), 422, "FAILED_PRECONDITION", "rejected"),
    (Overloaded("x"), 429, "RESOURCE_EXHAUSTED", "overloaded"),
    (Unavailable("x"), 503, "UNAVAILABLE", "unavailable"),
    (outcomes.TooLate("x"), 504, "DEADLINE_EXCEEDED", "unavailable"),
    (ZeroDivisionError(), 500, "INTERNAL", "failed"),
    (WireError(), 500, "INTERNAL", "failed"),
    (DomainError(), 500, "INTERNAL", "failed"),
    (PortError(), 500, "INTERNAL", "failed"),
    (KeyboardInterrupt(), 500, "INTERNAL", "failed"),
]


@pytest.mark.parametrize(("error", "status", "code", "outcome"), ROWS)
def test_table(error: BaseException, status: int, code: str, outcome: str) -> None:
    """Every error has one HTTP status, one gRPC code and one name (design R8)."""
    assert outcomes.status_of(error) == status
    assert outcomes.code_of(error) == code
    assert outcomes.outcome_of(error).value == outcome
    assert outcomes.outcome_at(status).value == outcome


def test_narrower_errors() -> None:
    """An error made narrower by a room is decided like its root."""

    class NoTitle(Malformed):
        """A room's own."""

    assert outcomes.status_of(NoTitle()) == 400
