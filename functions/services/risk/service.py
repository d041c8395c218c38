"""Serve `RiskService`: request, decision, response."""

from typing import Any, TypeAlias

import grpc
import grpc.aio
from tickloom.risk.v1 import service_pb2, service_pb2_grpc

from functions.services.risk.desk import RiskDesk
from functions.wire.codecs.risk import account_value, check_name, order_value, quote_value, verdict_message

Context: TypeAlias = grpc.aio.ServicerContext[Any, Any]  # a servicer's methods share what they do with it


class RiskServicer(service_pb2_grpc.RiskServiceServicer):
    """Answer for a desk; a rejection is an answer; errors get their status from the host."""

    def __init__(self, desk: RiskDesk) -> None:
        """Answer for this desk."""
        self._desk = desk

    async def Check(  # noqa: N802 - the name of the contract
        self, request: service_pb2.CheckRequest, context: Context
    ) -> service_pb2.CheckResponse:
        """Decide on one order."""
        del context  # its deadline is the host's business
        verdict = await self._desk.check(
            order_value(request.order),
            quote_value(request.quote),
            account=account_value(request.account),
            as_of_ns=request.as_of_ns,
        )
        return verdict_message(verdict)

    async def SetKillSwitch(  # noqa: N802 - the name of the contract
        self, request: service_pb2.SetKillSwitchRequest, context: Context
    ) -> service_pb2.SetKillSwitchResponse:
        """Throw or release a switch."""
        del context
        if request.account:
            check_name("account", request.account)
        check_name("reason", request.reason)
        engaged = await self._desk.set_switch(request.account, engaged=request.engaged, reason=request.reason)
        return service_pb2.SetKillSwitchResponse(engaged=engaged)
