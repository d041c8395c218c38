"""Serve `InferenceService`: request, score, response."""

import grpc.aio
from tickloom.inference.v1 import service_pb2, service_pb2_grpc

from functions.domain.market import ModelOutput
from functions.services.inference.scoring import Scoring
from functions.services.inference.texts import TextScoring
from functions.wire.codecs.features import columns_value
from functions.wire.codecs.predictions import output_fields


class InferenceServicer(service_pb2_grpc.InferenceServiceServicer):
    """Answer from the models that are asked; without any, with no output."""

    def __init__(self, scoring: Scoring, texts: TextScoring | None = None) -> None:
        """Take who asks them, and who asks the model over texts; without the latter, texts get no output."""
        self._scoring = scoring
        self._texts = texts

    async def Predict(  # noqa: N802 - the name of the contract
        self,
        request: service_pb2.PredictRequest,
        context: grpc.aio.ServicerContext[service_pb2.PredictRequest, service_pb2.PredictResponse],
    ) -> service_pb2.PredictResponse:
        """Score every row with every model; outputs come in model name order.

        Raises:
            Malformed: The request's columns do not fit each other.
            Overloaded: Too many requests wait already.
        """
        del context
        (outputs,) = await self._scoring.score([columns_value(request.columns)])
        return _response(outputs)

    async def PredictEach(  # noqa: N802 - the name of the contract
        self,
        request: service_pb2.PredictEachRequest,
        context: grpc.aio.ServicerContext[service_pb2.PredictEachRequest, service_pb2.PredictEachResponse],
    ) -> service_pb2.PredictEachResponse:
        """Answer every request as `Predict` does, each as if it were alone.

        Raises:
            Malformed: A request's columns do not fit each other.
            Overloaded: Too many requests wait already.
        """
        del context
        answers = await self._scoring.score([columns_value(one.columns) for one in request.requests])
        return service_pb2.PredictEachResponse(responses=map(_response, answers))

    async def ScoreTexts(  # noqa: N802 - the name of the contract
        self,
        request: service_pb2.ScoreTextsRequest,
        context: grpc.aio.ServicerContext[service_pb2.ScoreTextsRequest, service_pb2.ScoreTextsResponse],
    ) -> service_pb2.ScoreTextsResponse:
        """Score every text; it is answered beside feature rows, never before them.

        Raises:
            Malformed: There are more texts, or longer ones, than a request may have.
            Overloaded: Too many requests wait already.
            Unavailable: The model is not loaded yet.
        """
        del context
        outputs = await self._texts.score_texts(request.texts) if self._texts is not None else ()
        return service_pb2.ScoreTextsResponse(outputs=map(output_fields, outputs))


def _response(outputs: tuple[ModelOutput, ...]) -> service_pb2.PredictResponse:
    return service_pb2.PredictResponse(outputs=map(output_fields, outputs))
