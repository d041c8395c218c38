"""Serve `RiskService`: request, decision, response."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, TypeAlias

import grpc
import grpc.aio
from tickloom.risk.v1 import service_pb2, service_pb2_grpc

from functions.ports.errors import Overloaded, Unavailable
from functions.services.risk.desk import RiskDesk
from functions.wire.codecs.risk import account_value, check_name, order_value, quote_value, verdict_message
from functions.wire.errors import Malformed

Context: TypeAlias = grpc.aio.ServicerContext[Any, Any]  # a servicer's methods share what they do with it


class RiskServicer(service_pb2_grpc.RiskServiceServicer):
    """Answer for a desk; a rejection is an answer, an error means that nothing was decided."""

    def __init__(self, desk: RiskDesk) -> None:
        """Answer for this desk."""
        self._desk = desk

    async def Check(  # noqa: N802 - the name of the contract
        self, request: service_pb2.CheckRequest, context: Context
    ) -> service_pb2.CheckResponse:
        """Decide on one order."""
        async with _errors(context):
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
        async with _errors(context):
            if request.account:
                check_name("account", request.account)
            check_name("reason", request.reason)
            engaged = await self._desk.set_switch(request.account, engaged=request.engaged, reason=request.reason)
            return service_pb2.SetKillSwitchResponse(engaged=engaged)


@asynccontextmanager
async def _errors(context: Context) -> AsyncIterator[None]:
    try:
        yield
    except Malformed as error:
        await context.abort(grpc.StatusCode.INVALID_ARGUMENT, str(error))
    except Overloaded as error:
        await context.abort(grpc.StatusCode.RESOURCE_EXHAUSTED, str(error))
    except Unavailable as error:
        await context.abort(grpc.StatusCode.UNAVAILABLE, str(error))
