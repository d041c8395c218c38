"""What passes between orders and a venue is read as it was written, and nothing else is."""

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tickloom.orders.v1 import venue_pb2
from trading import NOW, QUOTE, order

from functions.domain.decisions import ExecType, OrderStatus
from functions.domain.orders.life import Report
from functions.wire.codecs.venue import (
    Asked,
    Reported,
    VenueRequest,
    decode_execution_report,
    decode_venue_request,
    encode_execution_report,
    encode_venue_request,
)
from functions.wire.errors import Malformed

NEW = VenueRequest(Asked.NEW, "order-1", "paper", "", 7, order(), 10_000, 250_010, QUOTE, NOW)
CANCEL = replace(NEW, kind=Asked.CANCEL, request_id="cancel-1", quote=None)
STATUS = VenueRequest(Asked.STATUS, "order-1", request_id="ask-1")
TOLD = Reported("paper", "order-1", Report(ExecType.NEW, NOW))


@pytest.mark.parametrize("request_", [NEW, CANCEL, replace(CANCEL, kind=Asked.REPLACE), STATUS])
def test_requests_round_trip(request_: VenueRequest) -> None:
    """A request of each kind is read as it was written."""
    assert decode_venue_request(encode_venue_request(request_)) == request_


TEXTS = st.text(st.characters(codec="ascii", categories=["L", "N"]), max_size=12)
REPORTS = st.builds(
    Report,
    st.sampled_from(ExecType),
    st.integers(0, 2**62),
    exec_id=TEXTS,
    quantity=st.integers(0, 2**62),
    price=st.integers(0, 2**62),
    replaces_exec_id=TEXTS,
    venue_order_id=TEXTS,
    request_id=TEXTS,
    text=TEXTS,
    status=st.none() | st.sampled_from(OrderStatus),
    fee=st.decimals(-1000, 1000, places=6),
    currency=TEXTS,
    multiplier=st.decimals(1, 1000, places=2),
)


@given(REPORTS)
def test_reports_round_trip(report: Report) -> None:
    """Any report is read as it was written."""
    told = Reported("paper", "order-1", report)
    assert decode_execution_report(encode_execution_report(told)) == told


@pytest.mark.parametrize(
    "wrong",
    [
        replace(NEW, client_order_id=""),
        replace(NEW, account=""),
        replace(NEW, order=None),
        replace(CANCEL, request_id=""),
        replace(STATUS, request_id=""),
    ],
)
def test_requests_must_be_whole(wrong: VenueRequest) -> None:
    """A request that lacks a name or its order is refused."""
    with pytest.raises(Malformed):
        decode_venue_request(encode_venue_request(wrong))


@pytest.mark.parametrize("wrong", [replace(TOLD, client_order_id=""), replace(TOLD, account="")])
def test_reports_must_be_whole(wrong: Reported) -> None:
    """A report that names no order, or no account, is refused."""
    with pytest.raises(Malformed):
        decode_execution_report(encode_execution_report(wrong))


def test_unknown_words_are_refused() -> None:
    """A kind, reason or status that is not ours, and bytes that are no message, are refused."""
    for kind in (0, 99):
        message = venue_pb2.VenueRequest(kind=kind, client_order_id="o", account="a")  # type: ignore[arg-type] # not one of ours
        with pytest.raises(Malformed):
            decode_venue_request(message.SerializeToString())
    for exec_type, status in ((0, 1), (99, 1), (1, 99)):
        report = venue_pb2.ExecutionReport(client_order_id="o", account="a", exec_type=exec_type, status=status)  # type: ignore[arg-type] # not ours
        with pytest.raises(Malformed):
            decode_execution_report(report.SerializeToString())
    with pytest.raises(Malformed):
        decode_execution_report(b"\xff")


def test_ids_are_no_money() -> None:
    """A fee that is no plain decimal is refused."""
    report = venue_pb2.ExecutionReport(client_order_id="o", account="a", exec_type=1, fee="1e3")  # type: ignore[arg-type] # an enum's number
    with pytest.raises(Malformed):
        decode_execution_report(report.SerializeToString())
    assert decode_execution_report(encode_execution_report(TOLD)).report.fee == Decimal(0)
