"""Hand orders to the orders service over gRPC; what an error of the call means lives here."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import grpc
import grpc.aio
from tickloom.orders.v1 import service_pb2, service_pb2_grpc

from functions.adapters.channels import open_channel
from functions.domain.decisions import OrderOutcome, Submission
from functions.domain.errors import Rejected
from functions.ports.errors import Overloaded, Unavailable
from functions.wire.codecs.orders import outcome_value, submission_message
from functions.wire.codecs.venue import Reported, report_message
from functions.wire.errors import Malformed

DEADLINE_MS: Final = 5000
_REFUSED: Final = frozenset(
    (
        grpc.StatusCode.FAILED_PRECONDITION,
        grpc.StatusCode.INVALID_ARGUMENT,
        grpc.StatusCode.PERMISSION_DENIED,
    )
)


class GrpcOrders:
    """Port `Orders` over gRPC; one channel, opened on first use."""

    def __init__(self, target: str, *, deadline_ms: int = DEADLINE_MS) -> None:
        """Name the service's address, and how long an order may take."""
        self._target = target
        self._deadline_s = deadline_ms / 1000
        self._channel: grpc.aio.Channel | None = None
        self._stub: service_pb2_grpc.OrdersServiceAsyncStub | None = None

    async def submit(self, submission: Submission) -> OrderOutcome:
        """Hand in one order; the same client_order_id gets the first answer.

        Raises:
            Unavailable: The outcome is unknown; ask again with the same id.
            Overloaded: The same, and the service asks to slow down.
            Rejected: The service refuses the request for good; nothing was stored.
        """
        request = submission_message(submission)
        with self._errors():
            return outcome_value(await self._service().Submit(request, timeout=self._deadline_s, wait_for_ready=True))

    async def report(self, reported: Reported) -> None:
        """Hand on what a venue said of an order; said again it changes nothing.

        Raises:
            Unavailable: It is not known to be stored; say it again.
            Overloaded: The same, and the service asks to slow down.
            Rejected: The account has no such order, or a trade has no name or figures.
        """
        with self._errors():
            await self._service().Report(report_message(reported), timeout=self._deadline_s, wait_for_ready=True)

    async def outbox_pending(self) -> int:
        """Count the stored events that the broker has not accepted yet.

        Raises:
            Unavailable: The service did not answer.
        """
        request = service_pb2.GetOutboxRequest()
        with self._errors():
            response = await self._service().GetOutbox(request, timeout=self._deadline_s, wait_for_ready=True)
        return response.pending

    async def close(self) -> None:
        """Let go of the channel."""
        if self._channel is not None:
            await self._channel.close()
        self._channel = self._stub = None

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except grpc.aio.AioRpcError as error:
            message = f"orders at {self._target}: {error.code().name} {error.details()}"
            if error.code() in _REFUSED:
                raise Rejected(message) from error
            if error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED:
                raise Overloaded(message) from error
            raise Unavailable(message) from error
        except Malformed as error:
            message = f"orders at {self._target} gave an answer that cannot be read: {error}"
            raise Unavailable(message) from error

    def _service(self) -> "service_pb2_grpc.OrdersServiceAsyncStub":  # the stubs know it, the module does not
        if self._stub is None:
            self._channel = open_channel(self._target)
            self._stub = service_pb2_grpc.OrdersServiceStub(self._channel)
        return self._stub
