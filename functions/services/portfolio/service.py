"""Serve `PortfolioService`: request, fold, response."""

from collections.abc import Callable
from typing import Any, TypeAlias

import grpc.aio
from tickloom.portfolio.v1 import service_pb2, service_pb2_grpc

from functions.services.portfolio.desk import PortfolioDesk
from functions.wire.codecs import portfolio_service as codec

Context: TypeAlias = grpc.aio.ServicerContext[Any, Any]  # a servicer's methods share what they do with it


class PortfolioServicer(service_pb2_grpc.PortfolioServiceServicer):
    """Answer from a desk; who gives no time is given the service's."""

    def __init__(self, desk: PortfolioDesk, *, now_ns: Callable[[], int]) -> None:
        """Answer from this desk; `now_ns` is read where a request has no time."""
        self._desk = desk
        self._now_ns = now_ns

    async def GetPortfolio(  # noqa: N802 - the name of the contract
        self, request: service_pb2.GetPortfolioRequest, context: Context
    ) -> service_pb2.GetPortfolioResponse:
        """Tell what an account holds."""
        del context
        account = codec.account_name(request.account)
        _, as_of_ns = codec.span_value(0, request.as_of_ns)
        held, life = await self._desk.standing(account, as_of_ns=as_of_ns or self._now_ns())
        return codec.standing_message(account, held, life)

    async def GetPerformance(  # noqa: N802 - the name of the contract
        self, request: service_pb2.GetPerformanceRequest, context: Context
    ) -> service_pb2.GetPerformanceResponse:
        """Tell how an account did."""
        del context
        account = codec.account_name(request.account)
        from_ns, to_ns = codec.span_value(request.from_ns, request.to_ns or self._now_ns())
        return codec.performance_message(account, await self._desk.performance(account, from_ns=from_ns, to_ns=to_ns))

    async def ListTrades(  # noqa: N802 - the name of the contract
        self, request: service_pb2.ListTradesRequest, context: Context
    ) -> service_pb2.ListTradesResponse:
        """Tell what an account traded."""
        del context
        account = codec.account_name(request.account)
        _, as_of_ns = codec.span_value(0, request.as_of_ns)
        first, size = codec.page_value(request.page_size, request.page_token)
        found = await self._desk.trips(account, as_of_ns=as_of_ns or self._now_ns())
        wanted = [one for one in reversed(found) if request.instrument_id in {"", one.instrument_id}]
        return service_pb2.ListTradesResponse(
            account=account,
            trades=map(codec.trade_message, wanted[first : first + size]),
            next_page_token=str(first + size) if len(wanted) > first + size else "",
        )
