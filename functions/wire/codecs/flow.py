"""Write order flow as `tickloom.orders.v1` messages, and read it back."""

from dataclasses import fields
from types import MappingProxyType
from typing import Final

from tickloom.orders.v1 import flow_pb2

from functions.domain.flow import FlowEntry, FlowKind, OrderFlow
from functions.wire.codecs.messages import parse
from functions.wire.errors import Malformed

ORDER_FLOW: Final = "tickloom.orders.v1.OrderFlow"

_WRITTEN: Final = MappingProxyType(
    {
        FlowKind.NEW_ORDER_SINGLE: flow_pb2.ORDER_FLOW_KIND_NEW_ORDER_SINGLE,
        FlowKind.CANCEL: flow_pb2.ORDER_FLOW_KIND_CANCEL,
        FlowKind.REPLACE: flow_pb2.ORDER_FLOW_KIND_REPLACE,
        FlowKind.EXECUTION_REPORT: flow_pb2.ORDER_FLOW_KIND_EXECUTION_REPORT,
        FlowKind.CANCEL_REJECT: flow_pb2.ORDER_FLOW_KIND_CANCEL_REJECT,
        FlowKind.REJECT: flow_pb2.ORDER_FLOW_KIND_REJECT,
        FlowKind.BUSINESS_REJECT: flow_pb2.ORDER_FLOW_KIND_BUSINESS_REJECT,
    }
)
_READ: Final = MappingProxyType({number: kind for kind, number in _WRITTEN.items()})
_ALIKE: Final = tuple(one.name for one in fields(FlowEntry) if one.name != "kind")


def encode_order_flow(value: OrderFlow) -> bytes:
    """Write order flow; equal flows give equal bytes."""
    entries = [
        flow_pb2.OrderFlowEntry(kind=_WRITTEN[one.kind], **{name: getattr(one, name) for name in _ALIKE})
        for one in value.entries
    ]
    message = flow_pb2.OrderFlow(shard=value.shard, stream=value.stream, entries=entries)
    return message.SerializeToString(deterministic=True)


def decode_order_flow(data: bytes) -> OrderFlow:
    """Read order flow.

    Raises:
        Malformed: The bytes are no OrderFlow, it has no entry, or a kind is unknown.
    """
    message = parse(flow_pb2.OrderFlow, data)
    if not message.entries:
        detail = f"{ORDER_FLOW}: it has no entry"
        raise Malformed(detail)
    return OrderFlow(message.shard, message.stream, tuple(map(_entry, message.entries)))


def _entry(message: flow_pb2.OrderFlowEntry) -> FlowEntry:
    kind = _READ.get(message.kind)
    if kind is None:
        detail = f"row {message.row}: kind {message.kind} is unknown"
        raise Malformed(detail)
    return FlowEntry(kind=kind, **{name: getattr(message, name) for name in _ALIKE})
