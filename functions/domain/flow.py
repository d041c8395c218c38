"""Hold what two sides of a FIX session say about orders, as they said it: frozen values, no state of any order."""

from dataclasses import dataclass
from enum import Enum


class FlowKind(Enum):
    """Name a message about orders; the value is its word in rows and stores."""

    NEW_ORDER_SINGLE = "new_order_single"
    CANCEL = "cancel"
    REPLACE = "replace"
    EXECUTION_REPORT = "execution_report"
    CANCEL_REJECT = "cancel_reject"
    REJECT = "reject"
    BUSINESS_REJECT = "business_reject"


@dataclass(frozen=True, slots=True)
class FlowEntry:
    """Hold one message; what it does not say is empty or 0. Figures are plain decimals, times UTC nanoseconds.

    (stream, `row`) names it for ever. `flaw` says what is wrong with the message; the field it names is empty.
    """

    row: int
    kind: FlowKind
    sender: str
    target: str
    sequence_number: int
    ts_receive: int
    cl_ord_id: str = ""
    orig_cl_ord_id: str = ""
    order_id: str = ""
    exec_id: str = ""
    exec_type: str = ""
    ord_status: str = ""
    symbol: str = ""
    side: str = ""
    quantity: str = ""
    price: str = ""
    last_quantity: str = ""
    last_price: str = ""
    leaves_quantity: str = ""
    cumulative_quantity: str = ""
    average_price: str = ""
    text: str = ""
    poss_resend: bool = False
    ts_event: int = 0
    ts_sent: int = 0
    reason: str = ""
    flaw: str = ""


@dataclass(frozen=True, slots=True)
class OrderFlow:
    """Hold what one raw batch says about orders, in the order in which it was received."""

    shard: str
    stream: str
    entries: tuple[FlowEntry, ...]
