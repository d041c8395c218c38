"""What a MetaTrader 4 bridge says of orders becomes exact reports, or is refused with the words it cannot read."""

from decimal import Decimal

import pytest
from counts import examples
from hypothesis import given, settings
from hypothesis import strategies as st
from trading import order

from functions.domain.decisions import ExecType, OrderStatus, Side
from functions.domain.errors import Rejected
from functions.domain.orders.life import Report
from functions.wire.errors import Malformed
from functions.wire.mt4_orders import is_word, read_execution, read_status

ORDER = order(Side.BUY, 10_000, 249_000)
MS = 1_700_000_000_123
NS = MS * 1_000_000


@pytest.mark.parametrize(
    ("said", "report"),
    [
        ("NEW 77", Report(ExecType.NEW, NS, venue_order_id="77")),
        ("TRADE E1 0.4 2490.00", Report(ExecType.TRADE, NS, exec_id="E1", quantity=4_000, price=249_000)),
        (
            "TRADE E1 0.4 2490 -1.25 USD",
            Report(ExecType.TRADE, NS, "E1", 4_000, 249_000, fee=Decimal("-1.25"), currency="USD"),
        ),
        ("CANCELED c-1", Report(ExecType.CANCELED, NS, request_id="c-1")),
        ("CANCELED -", Report(ExecType.CANCELED, NS)),
        ("REPLACED r-1", Report(ExecType.REPLACED, NS, request_id="r-1")),
        ("EXPIRED", Report(ExecType.EXPIRED, NS)),
        ("REJECTED not enough money", Report(ExecType.REJECTED, NS, text="not enough money")),
        ("REFUSED c-1 too late", Report(ExecType.CANCEL_REJECT, NS, request_id="c-1", text="too late")),
    ],
)
def test_executions(said: str, report: Report) -> None:
    """Each kind of execution is read whole."""
    assert read_execution(f"{MS} order-1 {said}".split(), ORDER) == report


@pytest.mark.parametrize(
    ("said", "status", "filled"),
    [("UNKNOWN", None, 0), ("PARTLY 0.4", OrderStatus.PARTIALLY_FILLED, 4_000), ("NEW 0", OrderStatus.NEW, 0)],
)
def test_status(said: str, status: OrderStatus | None, filled: int) -> None:
    """A status says how much is filled, or that the order is not known."""
    found = read_status(f"{MS} order-1 {said}".split(), ORDER)
    assert (found.exec_type, found.status, found.quantity) == (ExecType.ORDER_STATUS, status, filled)


@pytest.mark.parametrize(
    "said",
    [
        *("TRADE E1 1e3 1", "TRADE E1 0.4", "TRADE E1 0.4 NaN", "MOVED", "CANCELED", "TRADE E1 1 1 1"),
        *("TRADE E1 0 2490", "TRADE E1 -1 2490", "TRADE E1 1 -2490", "TRADE  1 2490"),  # no trade, so not silently one
    ],
)
def test_malformed(said: str) -> None:
    """What the protocol does not say is refused."""
    with pytest.raises(Malformed):
        read_execution(f"{MS} order-1 {said}".split(" "), ORDER)


def test_too_fine() -> None:
    """A quantity finer than the order's unit is no rounding matter."""
    with pytest.raises(Rejected, match="finer than one unit"):
        read_execution([str(MS), "order-1", "TRADE", "E1", "0.000001", "2490"], ORDER)


TEXTS = st.text(st.characters(codec="ascii"), max_size=12)
TIMES = st.one_of(st.sampled_from([str(MS), "0", "", "-1", "1e3", "1.5", "9" * 15, "9" * 16, "\u0661"]), TEXTS)
KINDS = st.sampled_from(["NEW", "TRADE", "CANCELED", "REPLACED", "EXPIRED", "REJECTED", "REFUSED", "UNKNOWN", "PARTLY"])
FIGURES = st.one_of(
    st.sampled_from(["E1", "0.4", "2490.00", "0", "-1.25", "1e3", "NaN", "", ".", "0.000001", "9" * 18, "9" * 40]),
    TEXTS,
)
LINES = st.builds(
    lambda ms, kind, rest: [ms, "order-1", kind, *rest], TIMES, KINDS, st.lists(FIGURES, max_size=5)
) | st.lists(TEXTS, max_size=8)


@given(LINES)
@settings(max_examples=examples(4_000), deadline=None)
def test_any_words(words: list[str]) -> None:
    """Whatever a bridge says, of orders or not, is read, or refused as malformed or unfit; nothing else is raised."""
    for read in (read_execution, read_status):
        try:
            assert read(words, ORDER).as_of_ns >= 0
        except (Malformed, Rejected):
            continue


@pytest.mark.parametrize(
    ("text", "fits"), [("order-1", True), ("", False), ("a b", False), ("ä", False), ("a\n", False)]
)
def test_words(text: str, fits: bool) -> None:  # noqa: FBT001 - a table's column
    """A word is printable ASCII without blanks."""
    assert is_word(text) is fits
