"""Serve `ExplainService`: request, explanation, response."""

import grpc.aio
from tickloom.explain.v1 import service_pb2, service_pb2_grpc

from functions.domain.explanation import NotExplained
from functions.services.explain.explaining import Explaining
from functions.wire.codecs.explanations import explanation_message


class ExplainServicer(service_pb2_grpc.ExplainServiceServicer):
    """Answer with what was found."""

    def __init__(self, explaining: Explaining) -> None:
        """Take who explains."""
        self._explaining = explaining

    async def Explain(  # noqa: N802 - the name of the contract
        self,
        request: service_pb2.ExplainRequest,
        context: grpc.aio.ServicerContext[service_pb2.ExplainRequest, service_pb2.ExplainResponse],
    ) -> service_pb2.ExplainResponse:
        """Explain a signal.

        Raises:
            Malformed: What is asked for is no id.
            Overloaded: Too many questions wait already.
            Unavailable: What is stored cannot be reached.
        """
        try:
            told = await self._explaining.explain(request.signal_id)
        except NotExplained as error:
            await context.abort(grpc.StatusCode.NOT_FOUND, str(error))
        return service_pb2.ExplainResponse(explanation=explanation_message(told))
