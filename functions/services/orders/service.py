"""Serve `OrdersService`: request, booking, response."""

from typing import Any, TypeAlias

import grpc
import grpc.aio
from tickloom.orders.v1 import service_pb2, service_pb2_grpc

from functions.ports.ledger import Ledger
from functions.ports.orders import Orders
from functions.wire.codecs.orders import order_response, outcome_message, submission_value
from functions.wire.codecs.risk import check_name

Context: TypeAlias = grpc.aio.ServicerContext[Any, Any]  # a servicer's methods share what they do with it


class OrdersServicer(service_pb2_grpc.OrdersServiceServicer):
    """Answer for a desk and its ledger; a rejected order is an answer; errors get their status from the host."""

    def __init__(self, desk: Orders, ledger: Ledger) -> None:
        """Answer for these."""
        self._desk = desk
        self._ledger = ledger

    async def Submit(  # noqa: N802 - the name of the contract
        self, request: service_pb2.SubmitRequest, context: Context
    ) -> service_pb2.SubmitResponse:
        """Take one order."""
        del context  # its deadline is the host's business
        return outcome_message(await self._desk.submit(submission_value(request)))

    async def GetOrder(  # noqa: N802 - the name of the contract
        self, request: service_pb2.GetOrderRequest, context: Context
    ) -> service_pb2.GetOrderResponse:
        """Tell what is known of an order."""
        check_name("client_order_id", request.client_order_id)
        outcome = await self._ledger.find(request.client_order_id)
        if outcome is None:
            await context.abort(grpc.StatusCode.NOT_FOUND, f"there is no order {request.client_order_id}")
        return order_response(outcome)

    async def GetOutbox(  # noqa: N802 - the name of the contract
        self, request: service_pb2.GetOutboxRequest, context: Context
    ) -> service_pb2.GetOutboxResponse:
        """Tell how many stored events the broker has not accepted yet."""
        del request, context  # it has no fields
        return service_pb2.GetOutboxResponse(pending=await self._ledger.pending())
