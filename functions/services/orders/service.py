"""Serve `OrdersService`: request, booking, response."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, TypeAlias

import grpc
import grpc.aio
from tickloom.orders.v1 import service_pb2, service_pb2_grpc

from functions.domain.errors import Rejected
from functions.ports.errors import Overloaded, Unavailable
from functions.ports.ledger import Ledger
from functions.ports.orders import Orders
from functions.wire.codecs.orders import order_response, outcome_message, submission_value
from functions.wire.codecs.risk import check_name
from functions.wire.errors import Malformed

Context: TypeAlias = grpc.aio.ServicerContext[Any, Any]  # a servicer's methods share what they do with it


class OrdersServicer(service_pb2_grpc.OrdersServiceServicer):
    """Answer for a desk and its ledger; a rejected order is an answer, an error means that nothing is known."""

    def __init__(self, desk: Orders, ledger: Ledger) -> None:
        """Answer for these."""
        self._desk = desk
        self._ledger = ledger

    async def Submit(  # noqa: N802 - the name of the contract
        self, request: service_pb2.SubmitRequest, context: Context
    ) -> service_pb2.SubmitResponse:
        """Take one order."""
        async with _errors(context):
            return outcome_message(await self._desk.submit(submission_value(request)))

    async def GetOrder(  # noqa: N802 - the name of the contract
        self, request: service_pb2.GetOrderRequest, context: Context
    ) -> service_pb2.GetOrderResponse:
        """Tell what is known of an order."""
        async with _errors(context):
            check_name("client_order_id", request.client_order_id)
            outcome = await self._ledger.find(request.client_order_id)
            if outcome is None:
                await context.abort(grpc.StatusCode.NOT_FOUND, f"there is no order {request.client_order_id}")
            return order_response(outcome)

    async def GetOutbox(  # noqa: N802 - the name of the contract
        self, request: service_pb2.GetOutboxRequest, context: Context
    ) -> service_pb2.GetOutboxResponse:
        """Tell how many stored events the broker has not accepted yet."""
        del request  # it has no fields
        async with _errors(context):
            return service_pb2.GetOutboxResponse(pending=await self._ledger.pending())


@asynccontextmanager
async def _errors(context: Context) -> AsyncIterator[None]:
    try:
        yield
    except Malformed as error:
        await context.abort(grpc.StatusCode.INVALID_ARGUMENT, str(error))
    except Rejected as error:
        await context.abort(grpc.StatusCode.FAILED_PRECONDITION, str(error))
    except Overloaded as error:
        await context.abort(grpc.StatusCode.RESOURCE_EXHAUSTED, str(error))
    except Unavailable as error:
        await context.abort(grpc.StatusCode.UNAVAILABLE, str(error))
