"""Say what FIX 4.4 messages hold: tags, required fields and types in one table, and typed readers and writers over it.

Only the fields that Tickloom uses are named; others pass through untouched. Repeating groups of market data are read
by `entries`.
Source: FIX 4.4 with Errata 20030618, Volumes 2 (session), 3 (market data) and 4 (orders); tags are those of Volume 6.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields
from decimal import Decimal
from types import MappingProxyType
from typing import Final, TypeVar

from functions.wire.fix.codec import WRONG_FORMAT, Flaw, Message, Pair
from functions.wire.fix.values import READERS, BadValue, Value, written

T = TypeVar("T")

HEARTBEAT, TEST_REQUEST, RESEND_REQUEST, REJECT, SEQUENCE_RESET, LOGOUT, LOGON = "0", "1", "2", "3", "4", "5", "A"
ADMIN: Final = frozenset((HEARTBEAT, TEST_REQUEST, RESEND_REQUEST, REJECT, SEQUENCE_RESET, LOGOUT, LOGON))
"""Messages of the session layer; they are never resent."""
EXECUTION_REPORT, CANCEL_REJECT, NEW_ORDER, CANCEL, REPLACE, BUSINESS_REJECT = "8", "9", "D", "F", "G", "j"
ORDER_STATUS = "H"
DATA_REQUEST, SNAPSHOT, INCREMENTAL, DATA_REJECT = "V", "W", "X", "Y"

REQUIRED_TAG_MISSING: Final = 1
VALUE_INCORRECT: Final = 5
COMP_ID_PROBLEM: Final = 9
SENDING_TIME_PROBLEM: Final = 10
INVALID_MSG_TYPE: Final = 11
OTHER: Final = 99
"""SessionRejectReason (373)."""
UNSUPPORTED_MESSAGE_TYPE: Final = 3
"""BusinessRejectReason (380)."""
UNKNOWN_SYMBOL, UNKNOWN_ORDER, DUPLICATE_ORDER = 1, 5, 6
"""OrdRejReason (103)."""

KNOWN_TYPES: Final = frozenset(
    (
        *"0123456789ABCDEFGHJKLMNPQRSTVWXYZabcdefghijklmnopqrstuvwxyz",
        *(f"A{letter}" for letter in "ABCDEFGHIJKLMNOPQRSTUVWXYZ"),
        *(f"B{letter}" for letter in "ABCDEFGH"),
    )
)
"""Every MsgType of FIX 4.4; those that begin with U are the two sides' own."""


@dataclass(frozen=True, slots=True)
class Field:
    """Name a field of a message: its tag, the attribute that holds it, its type, and whether it must be there."""

    tag: int
    name: str
    kind: str = "String"
    required: bool = False


@dataclass(frozen=True, slots=True)
class Logon:
    """Hold a Logon; user name and password never print."""

    encrypt_method: int = 0
    heartbeat_s: int = 30
    reset: bool | None = None
    username: str | None = field(default=None, repr=False)
    password: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """Hold a Heartbeat; `test_id` is there when it answers a TestRequest."""

    test_id: str | None = None


@dataclass(frozen=True, slots=True)
class TestRequest:
    """Hold a TestRequest."""

    __test__ = False  # no test of pytest's

    test_id: str


@dataclass(frozen=True, slots=True)
class ResendRequest:
    """Hold a ResendRequest; `end` 0 is infinity."""

    begin: int
    end: int


@dataclass(frozen=True, slots=True)
class Reject:
    """Hold a session Reject."""

    ref_sequence: int
    ref_tag: int | None = None
    ref_type: str | None = None
    reason: int | None = None
    text: str | None = None


@dataclass(frozen=True, slots=True)
class SequenceReset:
    """Hold a SequenceReset: a gap fill, or (`gap_fill` not true) a reset for disasters."""

    new_sequence: int
    gap_fill: bool | None = None


@dataclass(frozen=True, slots=True)
class Logout:
    """Hold a Logout."""

    text: str | None = None


@dataclass(frozen=True, slots=True)
class BusinessReject:
    """Hold a BusinessMessageReject."""

    ref_type: str
    reason: int
    ref_sequence: int | None = None
    ref_id: str | None = None
    text: str | None = None


@dataclass(frozen=True, slots=True)
class NewOrder:
    """Hold a NewOrderSingle; times are UTC nanoseconds."""

    cl_ord_id: str
    symbol: str
    side: str
    transact_ns: int
    ord_type: str
    quantity: Decimal | None = None
    price: Decimal | None = None
    account: str | None = None
    time_in_force: str | None = None
    text: str | None = None


@dataclass(frozen=True, slots=True)
class Cancel:
    """Hold an OrderCancelRequest; times are UTC nanoseconds."""

    orig_cl_ord_id: str
    cl_ord_id: str
    symbol: str
    side: str
    transact_ns: int
    order_id: str | None = None
    quantity: Decimal | None = None
    account: str | None = None
    text: str | None = None


@dataclass(frozen=True, slots=True)
class Replace:
    """Hold an OrderCancelReplaceRequest; times are UTC nanoseconds."""

    orig_cl_ord_id: str
    cl_ord_id: str
    symbol: str
    side: str
    transact_ns: int
    ord_type: str
    order_id: str | None = None
    quantity: Decimal | None = None
    price: Decimal | None = None
    account: str | None = None
    text: str | None = None
    time_in_force: str | None = None


@dataclass(frozen=True, slots=True)
class ExecutionReport:
    """Hold an ExecutionReport; times are UTC nanoseconds."""

    order_id: str
    exec_id: str
    exec_type: str
    ord_status: str
    side: str
    leaves_quantity: Decimal
    cumulative_quantity: Decimal
    average_price: Decimal
    symbol: str | None = None
    cl_ord_id: str | None = None
    orig_cl_ord_id: str | None = None
    quantity: Decimal | None = None
    price: Decimal | None = None
    last_quantity: Decimal | None = None
    last_price: Decimal | None = None
    transact_ns: int | None = None
    account: str | None = None
    text: str | None = None
    exec_ref_id: str | None = None
    status_id: str | None = None
    reject_reason: int | None = None
    commission: Decimal | None = None
    commission_kind: str | None = None
    commission_currency: str | None = None
    currency: str | None = None


@dataclass(frozen=True, slots=True)
class StatusRequest:
    """Hold an OrderStatusRequest."""

    cl_ord_id: str
    symbol: str
    side: str
    order_id: str | None = None
    status_id: str | None = None
    account: str | None = None


@dataclass(frozen=True, slots=True)
class CancelReject:
    """Hold an OrderCancelReject; times are UTC nanoseconds."""

    order_id: str
    cl_ord_id: str
    orig_cl_ord_id: str
    ord_status: str
    response_to: str
    reason: int | None = None
    transact_ns: int | None = None
    account: str | None = None
    text: str | None = None


@dataclass(frozen=True, slots=True)
class DataRequest:
    """Hold a MarketDataRequest; what is asked for is in its groups."""

    request_id: str
    action: str
    depth: int


@dataclass(frozen=True, slots=True)
class DataReject:
    """Hold a MarketDataRequestReject."""

    request_id: str
    reason: str | None = None
    text: str | None = None


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Hold the head of a MarketDataSnapshotFullRefresh."""

    symbol: str
    entries: int
    request_id: str | None = None


@dataclass(frozen=True, slots=True)
class Incremental:
    """Hold the head of a MarketDataIncrementalRefresh."""

    entries: int
    request_id: str | None = None


def _all(*spec: tuple[int, str, str]) -> tuple[Field, ...]:
    """Build fields; a type that ends in `!` must be there."""
    return tuple(Field(tag, name, kind.rstrip("!"), kind.endswith("!")) for tag, name, kind in spec)


_TEXT: Final = (58, "text", "String")
_ACCOUNT: Final = (1, "account", "String")
_PRICED: Final = ((38, "quantity", "float"), (44, "price", "float"))
_WHO: Final = ((55, "symbol", "String!"), (54, "side", "char!"), (60, "transact_ns", "UTCTimestamp!"))
_CHAIN: Final = ((41, "orig_cl_ord_id", "String!"), (11, "cl_ord_id", "String!"))

SHAPES: Final[Mapping[str, tuple[type, tuple[Field, ...]]]] = MappingProxyType(
    {
        LOGON: (
            Logon,
            _all(
                (98, "encrypt_method", "int!"),
                (108, "heartbeat_s", "int!"),
                (141, "reset", "Boolean"),
                (553, "username", "String"),
                (554, "password", "String"),
            ),
        ),
        HEARTBEAT: (Heartbeat, _all((112, "test_id", "String"))),
        TEST_REQUEST: (TestRequest, _all((112, "test_id", "String!"))),
        RESEND_REQUEST: (ResendRequest, _all((7, "begin", "SeqNum!"), (16, "end", "SeqNum!"))),
        REJECT: (
            Reject,
            _all(
                (45, "ref_sequence", "SeqNum!"),
                (371, "ref_tag", "int"),
                (372, "ref_type", "String"),
                (373, "reason", "int"),
                _TEXT,
            ),
        ),
        SEQUENCE_RESET: (SequenceReset, _all((123, "gap_fill", "Boolean"), (36, "new_sequence", "SeqNum!"))),
        LOGOUT: (Logout, _all(_TEXT)),
        BUSINESS_REJECT: (
            BusinessReject,
            _all(
                (45, "ref_sequence", "SeqNum"),
                (372, "ref_type", "String!"),
                (379, "ref_id", "String"),
                (380, "reason", "int!"),
                _TEXT,
            ),
        ),
        NEW_ORDER: (
            NewOrder,
            _all(
                (11, "cl_ord_id", "String!"),
                _ACCOUNT,
                *_WHO,
                *_PRICED,
                (40, "ord_type", "char!"),
                (59, "time_in_force", "char"),
                _TEXT,
            ),
        ),
        CANCEL: (
            Cancel,
            _all(*_CHAIN, (37, "order_id", "String"), _ACCOUNT, *_WHO, (38, "quantity", "float"), _TEXT),
        ),
        REPLACE: (
            Replace,
            _all(
                *_CHAIN,
                (37, "order_id", "String"),
                _ACCOUNT,
                *_WHO,
                *_PRICED,
                (40, "ord_type", "char!"),
                (59, "time_in_force", "char"),
                _TEXT,
            ),
        ),
        EXECUTION_REPORT: (
            ExecutionReport,
            _all(
                (37, "order_id", "String!"),
                (11, "cl_ord_id", "String"),
                (41, "orig_cl_ord_id", "String"),
                (17, "exec_id", "String!"),
                (150, "exec_type", "char!"),
                (39, "ord_status", "char!"),
                _ACCOUNT,
                (55, "symbol", "String"),
                (54, "side", "char!"),
                *_PRICED,
                (32, "last_quantity", "float"),
                (31, "last_price", "float"),
                (151, "leaves_quantity", "float!"),
                (14, "cumulative_quantity", "float!"),
                (6, "average_price", "float!"),
                (60, "transact_ns", "UTCTimestamp"),
                (19, "exec_ref_id", "String"),
                (790, "status_id", "String"),
                (103, "reject_reason", "int"),
                (12, "commission", "float"),
                (13, "commission_kind", "char"),
                (479, "commission_currency", "String"),
                (15, "currency", "String"),
                _TEXT,
            ),
        ),
        ORDER_STATUS: (
            StatusRequest,
            _all(
                (37, "order_id", "String"),
                (11, "cl_ord_id", "String!"),
                (790, "status_id", "String"),
                _ACCOUNT,
                (55, "symbol", "String!"),
                (54, "side", "char!"),
            ),
        ),
        CANCEL_REJECT: (
            CancelReject,
            _all(
                (37, "order_id", "String!"),
                (11, "cl_ord_id", "String!"),
                (41, "orig_cl_ord_id", "String!"),
                (39, "ord_status", "char!"),
                _ACCOUNT,
                (60, "transact_ns", "UTCTimestamp"),
                (434, "response_to", "char!"),
                (102, "reason", "int"),
                _TEXT,
            ),
        ),
        DATA_REQUEST: (
            DataRequest,
            _all((262, "request_id", "String!"), (263, "action", "char!"), (264, "depth", "int!")),
        ),
        DATA_REJECT: (DataReject, _all((262, "request_id", "String!"), (281, "reason", "char"), _TEXT)),
        SNAPSHOT: (
            Snapshot,
            _all((262, "request_id", "String"), (55, "symbol", "String!"), (268, "entries", "int!")),
        ),
        INCREMENTAL: (Incremental, _all((262, "request_id", "String"), (268, "entries", "int!"))),
    }
)
"""Class and fields by MsgType."""
_ALLOWED: Final = MappingProxyType(
    {
        39: frozenset("0123456789ABCDE"),
        40: frozenset("123456789ABCDEFGHIJKLMP"),
        54: frozenset("123456789ABCDEFG"),
        150: frozenset("0123456789ABCDEFGHI"),
        263: frozenset("012"),
        434: frozenset("12"),
    }
)
"""Values that a tag may have; 150 with the 1 and 2 of FIX 4.2, which real venues still send."""
_SHOWN: Final = 16
_TYPE_OF: Final = MappingProxyType({shape[0]: kind for kind, shape in SHAPES.items()})
"""MsgType by class."""


def check(message: Message) -> Flaw | None:
    """Say what is wrong with the body of a message, as SessionRejectReason has it; None when nothing is.

    A message whose MsgType has no shape here is held against nothing but its fields' form.
    """
    if message.flaw is not None:
        return message.flaw
    shape = SHAPES.get(message.msg_type)
    return next(filter(None, (_wrong(message, one) for one in shape[1])), None) if shape else None


def _wrong(message: Message, one: Field) -> Flaw | None:
    if one.tag not in message.first:
        missing = Flaw(REQUIRED_TAG_MISSING, one.tag, f"required tag {one.tag} is missing")
        return missing if one.required else None
    if one.tag in _ALLOWED and message.text(one.tag) not in _ALLOWED[one.tag]:
        return Flaw(
            VALUE_INCORRECT, one.tag, f"tag {one.tag} is {message.text(one.tag)[:_SHOWN]!r}, which it cannot be"
        )
    try:
        READERS[one.kind](message.text(one.tag))
    except BadValue as error:
        return Flaw(WRONG_FORMAT, one.tag, f"tag {one.tag}: {error}")
    return None


def read(message: Message, kind: type[T]) -> T:
    """Read a message that `check` passed as one of the classes above.

    Raises:
        BadValue: A value is not of its type.
    """
    shape = SHAPES[_TYPE_OF[kind]][1]
    found = {one.name: READERS[one.kind](message.text(one.tag)) for one in shape if one.tag in message.first}
    return kind(**found)


def write(value: object) -> tuple[str, list[Pair]]:
    """Give MsgType and the body's fields; what is None is left out."""
    msg_type = _TYPE_OF[type(value)]
    held: dict[str, Value] = {one.name: getattr(value, one.name) for one in fields(value)}  # type: ignore[arg-type]
    shape = SHAPES[msg_type][1]
    return msg_type, [(one.tag, written(one.kind, held[one.name])) for one in shape if held[one.name] is not None]


def entries(message: Message, count: int, first: int) -> Iterator[list[tuple[int, str]]]:
    """Give the entries of a repeating group: the fields from each occurrence of its first tag to the next.

    Args:
        message: The message.
        count: Tag that counts the entries.
        first: Tag that begins each entry.
    """
    entry: list[tuple[int, str]] = []
    begun = False
    for tag, value in message.pairs[:-1]:
        if tag == first and begun:
            if entry:
                yield entry
            entry = [(tag, value.decode("latin-1"))]
        elif entry:
            entry.append((tag, value.decode("latin-1")))
        begun = begun or tag == count
    if entry:
        yield entry
