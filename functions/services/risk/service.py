"""Serve `RiskService`: request, decision, response."""

from collections.abc import AsyncIterator, Sequence
from typing import Any, Final, NoReturn, TypeAlias

import grpc
import grpc.aio
from tickloom.risk.v1 import service_pb2, service_pb2_grpc

from functions.domain.decisions import Verdict
from functions.ports.errors import Overloaded, PortError
from functions.ports.kill_switch import Switch
from functions.ports.risk import RiskChecks
from functions.wire.codecs.risk import answer_message, check_name, question_value, verdict_message
from functions.wire.codecs.risk_columns import ROWS_MAX, columns_value, decisions_message
from functions.wire.errors import Malformed

Context: TypeAlias = grpc.aio.ServicerContext[Any, Any]  # a servicer's methods share what they do with it

CHECKS_MAX: Final = ROWS_MAX
"""Most questions of one message, however they are asked."""


class RiskServicer(service_pb2_grpc.RiskServiceServicer):
    """Answer by an engine; a rejection is an answer; errors get their status from the host."""

    def __init__(self, risk: RiskChecks) -> None:
        """Answer by this engine."""
        self._risk = risk

    async def Check(  # noqa: N802 - the name of the contract
        self, request: service_pb2.CheckRequest, context: Context
    ) -> service_pb2.CheckResponse:
        """Decide on one order."""
        del context  # its deadline is the host's business
        return verdict_message(self._risk.check_each([question_value(request)])[0])

    async def CheckMany(  # noqa: N802 - the name of the contract
        self, request: service_pb2.CheckManyRequest, context: Context
    ) -> service_pb2.CheckManyResponse:
        """Decide on several orders."""
        del context
        return service_pb2.CheckManyResponse(checks=map(verdict_message, self._decide_all(request.checks)))

    async def CheckStream(  # noqa: N802 - the name of the contract
        self, request_iterator: AsyncIterator[service_pb2.CheckStreamRequest], context: Context
    ) -> AsyncIterator[service_pb2.CheckStreamResponse]:
        """Decide on what is asked in a conversation; what cannot be read is told, and the conversation goes on."""
        del context
        async for request in request_iterator:
            yield self._answer(request)

    async def SetKillSwitch(  # noqa: N802 - the name of the contract
        self, request: service_pb2.SetKillSwitchRequest, context: Context
    ) -> service_pb2.SetKillSwitchResponse:
        """Throw or release a switch."""
        del context
        if request.account and request.desk:
            _refuse(f"a switch stops account {request.account!r} or desk {request.desk!r}; name one of them")
        for what, name in (("account", request.account), ("desk", request.desk)):
            if name:
                check_name(what, name)
        check_name("reason", request.reason)
        switch = Switch(request.account, request.desk)
        engaged = await self._risk.set_switch(switch, engaged=request.engaged, reason=request.reason)
        return service_pb2.SetKillSwitchResponse(engaged=engaged)

    def _decide_all(self, messages: Sequence[service_pb2.CheckRequest]) -> list[Verdict]:
        if not 0 < len(messages) <= CHECKS_MAX:
            _refuse(f"a message holds {len(messages)} questions; ask 1 to {CHECKS_MAX}")
        return self._risk.check_each([question_value(message) for message in messages])

    def _answer(self, request: service_pb2.CheckStreamRequest) -> service_pb2.CheckStreamResponse:
        try:
            if not request.HasField("columns"):
                return answer_message(request.tag, self._decide_all(request.checks))
            if request.checks:
                _refuse("a message asks one by one or in columns, not both")
            return decisions_message(request.tag, self._risk.check_columns(columns_value(request.columns)))
        except Malformed as error:
            return _fault(request.tag, grpc.StatusCode.INVALID_ARGUMENT, error, retry=False)
        except Overloaded as error:
            return _fault(request.tag, grpc.StatusCode.RESOURCE_EXHAUSTED, error, retry=True)
        except PortError as error:
            return _fault(request.tag, grpc.StatusCode.UNAVAILABLE, error, retry=True)


def _fault(tag: int, code: grpc.StatusCode, error: Exception, *, retry: bool) -> service_pb2.CheckStreamResponse:
    fault = service_pb2.CheckFault(code=code.name, text=str(error), retry=retry)
    return service_pb2.CheckStreamResponse(tag=tag, fault=fault)


def _refuse(detail: str) -> NoReturn:
    raise Malformed(detail)
