"""Have signals explained by the explain service over gRPC; what an error of the call means lives here."""

from typing import Final

import grpc
import grpc.aio
from tickloom.explain.v1 import service_pb2, service_pb2_grpc

from functions.adapters.channels import open_channel
from functions.domain.explanation import Explanation, NotExplained
from functions.ports.errors import Overloaded, Unavailable
from functions.wire.codecs.explanations import explanation_value
from functions.wire.errors import Malformed

DEADLINE_S: Final = 30.0
"""A service that has just started may have thousands of batches to fold anew first."""


class ExplainClient:
    """Ask the service; one channel, opened on first use.

    Args:
        target: Its address.
    """

    def __init__(self, target: str) -> None:
        """Connect to nothing yet."""
        self._target = target
        self._channel: grpc.aio.Channel | None = None

    async def explain(self, signal_id: str) -> Explanation:
        """Explain a signal.

        Raises:
            Malformed: It is no id, or the answer cannot be read.
            NotExplained: No stored event is such a signal.
            Overloaded: Too many questions wait already.
            Unavailable: The service cannot be reached, or what it looks into.
        """
        if self._channel is None:
            self._channel = open_channel(self._target)
        stub = service_pb2_grpc.ExplainServiceStub(self._channel)
        try:
            answer = await stub.Explain(service_pb2.ExplainRequest(signal_id=signal_id), timeout=DEADLINE_S)
        except grpc.aio.AioRpcError as error:
            raise _meant(error, self._target) from error
        return explanation_value(answer.explanation)

    async def close(self) -> None:
        """Let go of the channel."""
        if self._channel is not None:
            await self._channel.close()
        self._channel = None


def _meant(error: grpc.aio.AioRpcError, target: str) -> Exception:
    text = error.details() or ""
    match error.code():
        case grpc.StatusCode.NOT_FOUND:
            return NotExplained(text)
        case grpc.StatusCode.INVALID_ARGUMENT:
            return Malformed(text)
        case grpc.StatusCode.RESOURCE_EXHAUSTED:
            return Overloaded(text)
    return Unavailable(f"explain at {target}: {error.code().name} {text}")
