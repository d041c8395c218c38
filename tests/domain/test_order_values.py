"""Test how fields of frozen values are changed."""

from dataclasses import replace

import pytest
from hypothesis import given, strategies

from functions.domain.orders.account import open_account
from functions.domain.orders.life import begin
from functions.domain.orders.values import changed
from tests import trading


@given(strategies.integers(), strategies.text())
def test_changed_is_replace(sequence: int, request_id: str) -> None:
    """A changed value equals what `dataclasses.replace` gives, and the first stays as it was."""
    before = begin(trading.submission()).update
    assert before is not None
    again = replace(before)
    expected = replace(before, sequence=sequence, request_id=request_id)
    assert changed(before, sequence=sequence, request_id=request_id) == expected
    assert before == again


def test_changed_refuses_a_field_that_is_not_there() -> None:
    """A value has the fields of its class and no others."""
    with pytest.raises(KeyError):
        changed(open_account("paper", trading.paper().capital), balance=1)
