"""Orders, updates, fills, verdicts and limits on the wire."""

import contextlib
from dataclasses import replace
from decimal import Decimal

import pytest
from counts import count
from hypothesis import given, settings
from hypothesis import strategies as st
from tickloom.orders.v1 import order_pb2, service_pb2
from trading import NOW, QUOTE, order, state, submission

from functions.domain.decisions import ExecType, Fill, OrderOutcome, OrderStatus, OrderUpdate, Side, Verdict, Violation
from functions.domain.money import plain, plain_decimal
from functions.wire.codecs import orders as codec
from functions.wire.codecs import risk
from functions.wire.errors import Malformed

decimals = st.decimals(allow_nan=False, allow_infinity=False, places=18, min_value=-(10**20), max_value=10**20)
ids = st.text(st.characters(codec="ascii", categories=["L", "N", "P"]), min_size=1, max_size=40)
updates = st.builds(
    OrderUpdate,
    client_order_id=ids,
    n=st.integers(1, 2**31 - 1),
    account=ids,
    instrument_id=ids,
    side=st.sampled_from(Side),
    status=st.sampled_from(OrderStatus),
    quantity=decimals,
    limit_price=decimals,
    cumulative_quantity=decimals,
    leaves_quantity=decimals,
    reasons=st.lists(st.text(st.characters(codec="utf-8"))).map(tuple),
    signal_id=st.just("") | ids,
    as_of_ns=st.integers(0, 2**63 - 1),
    exec_type=st.none() | st.sampled_from(ExecType),
    venue_order_id=st.just("") | ids,
    request_id=st.just("") | ids,
    average_price=decimals,
    outcome_unknown=st.booleans(),
    sequence=st.integers(0, 2**63 - 1),
)
fills = st.builds(
    Fill,
    client_order_id=ids,
    n=st.integers(1, 2**31 - 1),
    account=ids,
    instrument_id=ids,
    side=st.sampled_from(Side),
    quantity=decimals,
    price=decimals,
    signal_id=st.just("") | ids,
    as_of_ns=st.integers(0, 2**63 - 1),
    exec_id=st.just("") | ids,
    fee=decimals,
    currency=st.just("") | ids,
    multiplier=decimals,
    replaces_exec_id=st.just("") | ids,
    sequence=st.integers(0, 2**63 - 1),
)


@settings(max_examples=count(500), deadline=None)
@given(updates)
def test_update_round_trip(update: OrderUpdate) -> None:
    """An update read back is the update, and writing it again gives the same bytes."""
    data = codec.encode_order_update(update)
    assert codec.decode_order_update(data) == update
    assert codec.encode_order_update(codec.decode_order_update(data)) == data


@settings(max_examples=count(500), deadline=None)
@given(fills)
def test_fill_round_trip(fill: Fill) -> None:
    """A fill read back is the fill, and writing it again gives the same bytes."""
    data = codec.encode_fill(fill)
    assert codec.decode_fill(data) == fill
    assert codec.encode_fill(codec.decode_fill(data)) == data


@settings(max_examples=count(300), deadline=None)
@given(updates, st.lists(fills, max_size=3).map(tuple))
def test_outcome_round_trip(update: OrderUpdate, executed: tuple[Fill, ...]) -> None:
    """What a submitter is told is what was booked."""
    outcome = OrderOutcome(update, executed)
    assert codec.outcome_value(codec.outcome_message(outcome)) == outcome
    assert codec.outcome_value(codec.order_response(outcome)) == outcome


@settings(max_examples=count(500), deadline=None)
@given(st.binary(max_size=200))
def test_any_bytes(data: bytes) -> None:
    """Whatever the bytes, they are read or Malformed; nothing else is raised."""
    for decode in (codec.decode_order_update, codec.decode_fill):
        with contextlib.suppress(Malformed):
            decode(data)


@settings(max_examples=count(1000), deadline=None)
@given(decimals)
def test_plain(value: Decimal) -> None:
    """A decimal's plain text reads back as the same number, without exponent or trailing zeros."""
    text = plain(value)
    assert plain_decimal(text) == value
    assert "E" not in text
    assert "." not in text or text[-1] not in "0."


@pytest.mark.parametrize(
    "text", ["", "1e5", "NaN", "Infinity", "+1", " 1", "1.", ".5", "1_0", "\u0661", "1" * 65, "0x1"]
)
def test_not_plain(text: str) -> None:
    """What is not digits with perhaps a sign and a point is no plain decimal."""
    with pytest.raises(ValueError, match="no plain decimal"):
        plain_decimal(text)


def test_submission_round_trip() -> None:
    """An order handed in is read as it was written."""
    assert codec.submission_value(codec.submission_message(submission())) == submission()


@pytest.mark.parametrize(
    "damage",
    [
        lambda message: message.ClearField("client_order_id"),
        lambda message: message.ClearField("order"),
        lambda message: message.order.ClearField("side"),
        lambda message: message.order.ClearField("account"),
        lambda message: message.order.ClearField("instrument_id"),
        lambda message: setattr(message, "as_of_ns", -1),
        lambda message: setattr(message, "client_order_id", "x" * 129),
        lambda message: setattr(message, "correlation_id", "a\nb"),
        lambda message: setattr(message.order, "price_exponent", -19),
        lambda message: setattr(message.order, "side", 9),
    ],
)
def test_submission_malformed(damage: object) -> None:
    """A request that cannot be an order is Malformed, before anyone decides on it."""
    message = codec.submission_message(submission())
    assert callable(damage)
    damage(message)
    with pytest.raises(Malformed):
        codec.submission_value(message)


def test_update_malformed() -> None:
    """An update without key, with an unknown word or a figure that is no decimal is Malformed."""
    good = order_pb2.OrderUpdate(
        client_order_id="a",
        n=1,
        side="buy",
        status=order_pb2.ORDER_STATUS_NEW,
        quantity="1",
        limit_price="1",
        cumulative_quantity="0",
        leaves_quantity="1",
    )
    assert codec.update_value(good).n == 1
    for name, value in (("n", 0), ("client_order_id", ""), ("side", "BUY"), ("status", 0), ("quantity", "1e5")):
        bad = order_pb2.OrderUpdate()
        bad.CopyFrom(good)
        setattr(bad, name, value)
        with pytest.raises(Malformed):
            codec.decode_order_update(bad.SerializeToString())


def test_check_round_trip() -> None:
    """A question to risk is read as it was written."""
    account = state("0.1", "12345678901234567890.5", -5, 7)
    message = risk.check_message(order(Side.SELL), QUOTE, account=account, as_of_ns=NOW)
    assert risk.order_value(message.order) == order(Side.SELL)
    assert risk.quote_value(message.quote) == QUOTE
    assert risk.account_value(message.account) == account


def test_verdict_round_trip() -> None:
    """A verdict is read as it was written; one that contradicts itself is Malformed."""
    for verdict in (Verdict((), "v"), Verdict((Violation("a", "b"), Violation("c", "d")), "v")):
        assert risk.verdict_value(risk.verdict_message(verdict)) == verdict
    lie = risk.verdict_message(Verdict((Violation("a", "b"),), "v"))
    lie.decision = risk.verdict_message(Verdict((), "v")).decision
    with pytest.raises(Malformed):
        risk.verdict_value(lie)


def test_empty_response() -> None:
    """An empty answer is Malformed, not an order without status."""
    with pytest.raises(Malformed):
        codec.outcome_value(service_pb2.SubmitResponse())


def test_verdict_text_is_bounded() -> None:
    """A name longer than 128 characters is refused at the door."""
    with pytest.raises(Malformed):
        risk.order_value(risk.order_message(replace(order(), instrument_id="x" * 129)))
