"""Serve `OrdersService`: request, what the desk does, response."""

from collections.abc import AsyncIterator, Callable
from typing import Any, TypeAlias

import grpc
import grpc.aio
from tickloom.orders.v1 import service_pb2, service_pb2_grpc

from functions.domain.decisions import ExecType
from functions.domain.orders.life import Report
from functions.ports.kill_switch import Switch
from functions.ports.ledger import Ledger
from functions.services.orders.conversation import Fault, converse
from functions.services.orders.desk import OrderDesk
from functions.wire.codecs import order_requests as codec
from functions.wire.codecs.orders import order_response, outcome_message, submission_value, update_message
from functions.wire.codecs.risk import check_name
from functions.wire.codecs.venue import execution_report_value
from functions.wire.errors import Malformed

Answered: TypeAlias = Callable[[Report], None]
Context: TypeAlias = grpc.aio.ServicerContext[Any, Any]  # a servicer's methods share what they do with it


class OrdersServicer(service_pb2_grpc.OrdersServiceServicer):
    """Answer for a desk and its ledger; a rejected order is an answer; errors get their status from the host.

    Args:
        desk: Who takes orders.
        ledger: Where they are kept.
        fault: What an error means inside a conversation, where it has no status of its own.
        answered: Takes how an order stands at a venue that was asked over events.
    """

    def __init__(self, desk: OrderDesk, ledger: Ledger, *, fault: Fault, answered: Answered | None = None) -> None:
        """Answer for these."""
        self._desk = desk
        self._ledger = ledger
        self._fault = fault
        self._answered = answered

    async def Submit(  # noqa: N802 - the name of the contract
        self, request: service_pb2.SubmitRequest, context: Context
    ) -> service_pb2.SubmitResponse:
        """Take one order."""
        del context  # its deadline is the host's business
        return outcome_message(await self._desk.submit(submission_value(request)))

    async def SubmitMany(  # noqa: N802 - the name of the contract
        self, request: service_pb2.SubmitManyRequest, context: Context
    ) -> service_pb2.SubmitManyResponse:
        """Take several orders."""
        del context
        outcomes = await self._desk.submit_many(codec.submissions_value(request))
        return service_pb2.SubmitManyResponse(orders=map(outcome_message, outcomes))

    async def Trade(  # noqa: N802 - the name of the contract
        self, request_iterator: AsyncIterator[service_pb2.TradeRequest], context: Context
    ) -> AsyncIterator[service_pb2.TradeResponse]:
        """Hold a conversation."""
        del context
        async for answer in converse(request_iterator, self._answer, self._fault):
            yield answer

    async def _answer(self, request: service_pb2.TradeRequest) -> service_pb2.TradeResponse:
        answer = service_pb2.TradeResponse(tag=request.tag)
        match request.WhichOneof("ask"):
            case "submit":
                answer.submit.CopyFrom(outcome_message(await self._desk.submit(submission_value(request.submit))))
            case "submit_many":
                outcomes = await self._desk.submit_many(codec.submissions_value(request.submit_many))
                answer.submit_many.orders.extend(map(outcome_message, outcomes))
            case "cancel":
                update = await self._desk.cancel(codec.cancel_value(request.cancel))
                answer.cancel.update.CopyFrom(update_message(update))
            case "replace":
                update = await self._desk.replace(codec.replace_value(request.replace))
                answer.replace.update.CopyFrom(update_message(update))
            case _:
                detail = f"request {request.tag} asks for nothing"
                raise Malformed(detail)
        return answer

    async def Cancel(  # noqa: N802 - the name of the contract
        self, request: service_pb2.CancelRequest, context: Context
    ) -> service_pb2.CancelResponse:
        """Ask for a cancel."""
        del context
        return service_pb2.CancelResponse(update=update_message(await self._desk.cancel(codec.cancel_value(request))))

    async def Replace(  # noqa: N802 - the name of the contract
        self, request: service_pb2.ReplaceRequest, context: Context
    ) -> service_pb2.ReplaceResponse:
        """Ask for another quantity or price."""
        del context
        update = await self._desk.replace(codec.replace_value(request))
        return service_pb2.ReplaceResponse(update=update_message(update))

    async def MassCancel(  # noqa: N802 - the name of the contract
        self, request: service_pb2.MassCancelRequest, context: Context
    ) -> service_pb2.MassCancelResponse:
        """Ask for a cancel of all that works."""
        del context
        updates = await self._desk.mass_cancel(codec.mass_cancel_value(request))
        return service_pb2.MassCancelResponse(updates=map(update_message, updates))

    async def SetKillSwitch(  # noqa: N802 - the name of the contract
        self, request: service_pb2.SetKillSwitchRequest, context: Context
    ) -> service_pb2.SetKillSwitchResponse:
        """Stop trading, or open it again."""
        del context
        for what, name in (("account", request.account), ("desk", request.desk)):
            if name:
                check_name(what, name)
        if request.account and request.desk:
            detail = "a switch is an account's or a desk's, not both"
            raise Malformed(detail)
        check_name("reason", request.reason)
        switch = Switch(request.account, request.desk)
        engaged, updates = await self._desk.set_switch(switch, engaged=request.engaged, reason=request.reason)
        return service_pb2.SetKillSwitchResponse(engaged=engaged, updates=map(update_message, updates))

    async def ListOrders(  # noqa: N802 - the name of the contract
        self, request: service_pb2.ListOrdersRequest, context: Context
    ) -> service_pb2.ListOrdersResponse:
        """Tell a page of orders."""
        del context
        wanted = codec.page_value(request)
        return codec.page_message(wanted, await self._ledger.page(wanted))

    async def WatchOrders(  # noqa: N802 - the name of the contract
        self, request: service_pb2.WatchOrdersRequest, context: Context
    ) -> AsyncIterator[service_pb2.WatchOrdersResponse]:
        """Tell what happens in an account."""
        del context
        check_name("account", request.account)
        async for event in self._desk.watch(request.account, request.from_sequence):
            yield codec.watched_message(event)

    async def GetOrder(  # noqa: N802 - the name of the contract
        self, request: service_pb2.GetOrderRequest, context: Context
    ) -> service_pb2.GetOrderResponse:
        """Tell what is known of an order."""
        check_name("client_order_id", request.client_order_id)
        outcome = await self._ledger.find(request.client_order_id)
        if outcome is None:
            await context.abort(grpc.StatusCode.NOT_FOUND, f"there is no order {request.client_order_id}")
        return order_response(outcome)

    async def Report(  # noqa: N802 - the name of the contract
        self, request: service_pb2.ReportRequest, context: Context
    ) -> service_pb2.ReportResponse:
        """Take what a venue says; how an order stands is for whoever asked, and for nobody once they are gone."""
        del context
        told = execution_report_value(request.report)
        if told.report.exec_type is not ExecType.ORDER_STATUS:
            await self._desk.report(told.account, told.client_order_id, told.report)
        elif self._answered is not None:
            self._answered(told.report)
        return service_pb2.ReportResponse()

    async def GetOutbox(  # noqa: N802 - the name of the contract
        self, request: service_pb2.GetOutboxRequest, context: Context
    ) -> service_pb2.GetOutboxResponse:
        """Tell how many stored events the broker has not accepted yet."""
        del request, context  # it has no fields
        return service_pb2.GetOutboxResponse(pending=await self._ledger.pending())
