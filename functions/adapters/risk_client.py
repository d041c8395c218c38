"""Ask the risk service over gRPC; what an error of the call means lives here."""

from typing import Final

import grpc
import grpc.aio
from tickloom.risk.v1 import service_pb2_grpc

from functions.adapters.channels import open_channel
from functions.domain.decisions import AccountState, OrderIntent, Quote, Verdict
from functions.domain.errors import Rejected
from functions.domain.reference import TradingStatus
from functions.ports.errors import Overloaded, Unavailable
from functions.wire.codecs.risk import Question, question_message, verdict_value
from functions.wire.errors import Malformed

DEADLINE_MS: Final = 1000


class GrpcRisk:
    """Port `Risk` over gRPC; one channel, opened on first use."""

    def __init__(self, target: str, *, deadline_ms: int = DEADLINE_MS) -> None:
        """Name the service's address, and how long a decision may take."""
        self._target = target
        self._deadline_s = deadline_ms / 1000
        self._channel: grpc.aio.Channel | None = None
        self._stub: service_pb2_grpc.RiskServiceAsyncStub | None = None

    async def check(
        self,
        order: OrderIntent,
        quote: Quote,
        *,
        account: AccountState,
        as_of_ns: int,
        status: TradingStatus = TradingStatus.UNKNOWN,
    ) -> Verdict:
        """Decide on one order.

        Raises:
            Unavailable: Nothing was decided; the order must not leave.
            Overloaded: The same, and the service asks to slow down.
            Rejected: The service cannot read the question; asking again will not help.
        """
        request = question_message(Question(order, quote, account, as_of_ns, status))
        try:
            return verdict_value(await self._service().Check(request, timeout=self._deadline_s, wait_for_ready=True))
        except grpc.aio.AioRpcError as error:
            message = f"risk at {self._target} did not decide: {error.code().name} {error.details()}"
            if error.code() is grpc.StatusCode.INVALID_ARGUMENT:
                raise Rejected(message) from error
            if error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED:
                raise Overloaded(message) from error
            raise Unavailable(message) from error
        except Malformed as error:
            message = f"risk at {self._target} gave an answer that cannot be read: {error}"
            raise Unavailable(message) from error

    async def close(self) -> None:
        """Let go of the channel."""
        if self._channel is not None:
            await self._channel.close()
        self._channel = self._stub = None

    def _service(self) -> "service_pb2_grpc.RiskServiceAsyncStub":  # the stubs know it, the module does not
        if self._stub is None:
            self._channel = open_channel(self._target)
            self._stub = service_pb2_grpc.RiskServiceStub(self._channel)
        return self._stub
