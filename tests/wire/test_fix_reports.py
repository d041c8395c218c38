"""What FIX says of orders becomes reports of their lives, to the last unit."""

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from trading import NOW, order

from functions.domain.decisions import ExecType, OrderStatus, TimeInForce
from functions.domain.errors import Rejected
from functions.domain.money import scaled
from functions.wire.fix.messages import CancelReject, ExecutionReport
from functions.wire.fix.reports import EXEC_TYPES, fee_of, is_duplicate, refusal_of, report_of

ORDER = order()
TRADE = ExecutionReport(
    order_id="O1",
    exec_id="E1",
    exec_type="F",
    ord_status="1",
    side="1",
    leaves_quantity=Decimal("0.6"),
    cumulative_quantity=Decimal("0.4"),
    average_price=Decimal(2500),
    cl_ord_id="order-1",
    last_quantity=Decimal("0.4"),
    last_price=Decimal("2500.01"),
    transact_ns=NOW,
)


@given(st.integers(1, 2**63 - 1), st.integers(1, 2**63 - 1))
def test_exact(quantity: int, price: int) -> None:
    """Quantities and prices come back as the mantissas they were, however large."""
    told = replace(TRADE, last_quantity=scaled(quantity, -4), last_price=scaled(price, -2))
    report = report_of(told, ORDER, NOW + 1)
    assert report is not None
    assert (report.quantity, report.price, report.exec_id, report.as_of_ns) == (quantity, price, "E1", NOW)


def test_finer() -> None:
    """What is finer than the order's unit is refused, never rounded."""
    with pytest.raises(Rejected, match="finer"):
        report_of(replace(TRADE, last_quantity=Decimal("0.00001")), ORDER, NOW)


@pytest.mark.parametrize(("kind", "fee"), [("1", "0.20000"), ("2", "500.002"), ("3", "0.5"), (None, None)])
def test_fees(kind: str | None, fee: str | None) -> None:
    """Commissions per unit, as a share (FIX writes 5 % as .05) and absolute are counted exactly; others are not."""
    found = fee_of(replace(TRADE, commission=Decimal("0.5"), commission_kind=kind))
    assert found == (None if fee is None else Decimal(fee))


@pytest.mark.parametrize("rule", [TimeInForce.DAY, TimeInForce.GOOD_TILL_CANCEL])
def test_done_for_day(rule: TimeInForce) -> None:
    """What is done for the day has ended, unless it is good till canceled: then it works on the next day."""
    asked, lasts = replace(ORDER, time_in_force=rule), rule is TimeInForce.GOOD_TILL_CANCEL
    done = report_of(replace(TRADE, exec_type="3", ord_status="3"), asked, NOW)
    assert (done is None) == lasts
    stands = report_of(replace(TRADE, exec_type="I", ord_status="3"), asked, NOW)
    assert stands is not None
    assert stands.status is (OrderStatus.NEW if lasts else OrderStatus.DONE_FOR_DAY)


def test_fee_in_another_currency() -> None:
    """A commission in another currency than the trade's is told in words and not counted."""
    told = replace(
        TRADE, commission=Decimal(1), commission_kind="3", commission_currency="BNB", currency="USDT", text="ok"
    )
    report = report_of(told, ORDER, NOW)
    assert report is not None
    assert (report.fee, report.currency, report.text) == (Decimal(0), "USDT", "ok; commission 1 BNB is not counted")


@pytest.mark.parametrize(("code", "exec_type"), [("G", ExecType.TRADE_CORRECT), ("H", ExecType.TRADE_CANCEL)])
def test_corrections(code: str, exec_type: ExecType) -> None:
    """Corrected and canceled trades name the execution they are about."""
    report = report_of(replace(TRADE, exec_type=code, exec_id="E2", exec_ref_id="E1"), ORDER, NOW)
    assert report is not None
    assert (report.exec_type, report.exec_id, report.replaces_exec_id) == (exec_type, "E2", "E1")


def test_status() -> None:
    """A status tells the sum filled; of an order that the venue does not know there is none."""
    standing = report_of(replace(TRADE, exec_type="I"), ORDER, NOW)
    assert standing is not None
    assert (standing.status, standing.quantity, standing.exec_id) == (OrderStatus.PARTIALLY_FILLED, 4_000, "")
    unknown = report_of(replace(TRADE, exec_type="I", ord_status="8", reject_reason=5), ORDER, NOW)
    assert unknown is not None
    assert unknown.status is None
    rejected = report_of(replace(TRADE, exec_type="I", ord_status="8", reject_reason=0), ORDER, NOW)
    assert rejected is not None
    assert rejected.status is OrderStatus.REJECTED


def test_requests() -> None:
    """Answers to requests name them; what nobody asked for names none; what is no life is left out."""
    answered = report_of(replace(TRADE, exec_type="4", cl_ord_id="c-1", orig_cl_ord_id="order-1"), ORDER, NOW)
    unasked = report_of(replace(TRADE, exec_type="4", transact_ns=None), ORDER, NOW + 1)
    assert answered is not None
    assert unasked is not None
    assert (answered.request_id, unasked.request_id, unasked.as_of_ns) == ("c-1", "", NOW + 1)
    assert [report_of(replace(TRADE, exec_type=one), ORDER, NOW) for one in "79BD"] == [None] * 4
    assert len(EXEC_TYPES) == 15


def test_refusals() -> None:
    """A refused request says why; a duplicate ClOrdID is no rejection of the order that has it."""
    refused = CancelReject("O1", "c-1", "order-1", "2", "1", reason=0)
    assert refusal_of(refused, NOW).text == "CxlRejReason 0"
    assert refusal_of(replace(refused, reason=None), NOW).text == "CxlRejReason is not told"
    assert is_duplicate(replace(TRADE, exec_type="8", reject_reason=6))
    assert not is_duplicate(replace(TRADE, exec_type="8", reject_reason=1))
