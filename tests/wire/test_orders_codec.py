"""Orders, updates, fills, verdicts and limits on the wire."""

import contextlib
from dataclasses import replace
from decimal import Decimal

import pytest
from counts import examples
from hypothesis import given, settings
from hypothesis import strategies as st
from tickloom.orders.v1 import order_pb2, service_pb2
from trading import NOW, QUOTE, order, state, submission

from functions.domain.decisions import (
    AccountState,
    ExecType,
    Fill,
    OrderIntent,
    OrderOutcome,
    OrderStatus,
    OrderUpdate,
    Quote,
    Side,
    TimeInForce,
    Verdict,
    Violation,
)
from functions.domain.money import plain, plain_decimal
from functions.domain.reference import TradingStatus
from functions.domain.risk.checks import told_of
from functions.domain.risk.rules import case_of
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


@settings(max_examples=examples(500), deadline=None)
@given(updates)
def test_update_round_trip(update: OrderUpdate) -> None:
    """An update read back is the update, and writing it again gives the same bytes."""
    data = codec.encode_order_update(update)
    assert codec.decode_order_update(data) == update
    assert codec.encode_order_update(codec.decode_order_update(data)) == data


@settings(max_examples=examples(500), deadline=None)
@given(fills)
def test_fill_round_trip(fill: Fill) -> None:
    """A fill read back is the fill, and writing it again gives the same bytes."""
    data = codec.encode_fill(fill)
    assert codec.decode_fill(data) == fill
    assert codec.encode_fill(codec.decode_fill(data)) == data


@settings(max_examples=examples(300), deadline=None)
@given(updates, st.lists(fills, max_size=3).map(tuple))
def test_outcome_round_trip(update: OrderUpdate, executed: tuple[Fill, ...]) -> None:
    """What a submitter is told is what was booked."""
    outcome = OrderOutcome(update, executed)
    assert codec.outcome_value(codec.outcome_message(outcome)) == outcome
    assert codec.outcome_value(codec.order_response(outcome)) == outcome


@settings(max_examples=examples(500), deadline=None)
@given(st.binary(max_size=200))
def test_any_bytes(data: bytes) -> None:
    """Whatever the bytes, they are read or Malformed; nothing else is raised."""
    for decode in (codec.decode_order_update, codec.decode_fill):
        with contextlib.suppress(Malformed):
            decode(data)


@settings(max_examples=examples(1000), deadline=None)
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


mantissas = st.integers(-(2**63), 2**63 - 1)
questions = st.builds(
    risk.Question,
    st.builds(
        OrderIntent,
        account=ids,
        instrument_id=ids,
        side=st.sampled_from(Side),
        quantity=mantissas,
        limit_price=mantissas,
        price_exponent=st.integers(-18, 18),
        size_exponent=st.integers(-18, 18),
        time_in_force=st.sampled_from(TimeInForce),
    ),
    st.builds(Quote, mantissas, mantissas, mantissas, mantissas, mantissas),
    st.builds(
        AccountState,
        decimals,
        decimals,
        *[mantissas] * 2,
        *[st.none() | decimals] * 4,
        decimals,
        *[st.just(0) | mantissas] * 4,
    ),
    as_of_ns=mantissas,
    status=st.sampled_from(TradingStatus),
)


@settings(max_examples=examples(100), deadline=None)
@given(st.lists(questions, max_size=4))
def test_questions_round_trip(asked: list[risk.Question]) -> None:
    """Questions to risk are read as they were written, counted as risk counts, whether alone or in a message."""
    expected = [(case_of(one.order, one.quote, one.as_of_ns, one.status), told_of(one.account)) for one in asked]
    assert [risk.question_value(risk.question_message(one)) for one in asked] == expected
    message = risk.questions_message(7, asked)
    assert message.tag == 7
    assert [risk.question_value(one) for one in message.checks] == expected


def test_question_too_fine() -> None:
    """Money that is finer than risk counts is no broken message: it is told to be the reason why nothing is decided."""
    message = risk.check_message(order(), QUOTE, account=state("1e-37"), as_of_ns=NOW)
    _, told = risk.question_value(message)
    assert told.money.fault == "0.0000000000000000000000000000000000001 is finer than 10^-36, the unit risk counts in"
    message.account.peak_equity = "1e5"
    with pytest.raises(Malformed, match="peak_equity"):
        risk.question_value(message)


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
