"""Serve `InferenceService`: request, score, response."""

from typing import Protocol

import grpc.aio
from tickloom.inference.v1 import service_pb2, service_pb2_grpc

from functions.domain.market import FeatureColumns, ModelOutput
from functions.wire.codecs.features import columns_value
from functions.wire.codecs.predictions import output_fields


class Scorer(Protocol):
    """Score rows in process."""

    def score(self, columns: FeatureColumns) -> ModelOutput:
        """Score every row; never raises."""
        ...


class InferenceServicer(service_pb2_grpc.InferenceServiceServicer):
    """Answer from the models that were loaded at the start; without any, with no output."""

    def __init__(self) -> None:
        """Start without models."""
        self.models: tuple[Scorer, ...] = ()

    async def Predict(  # noqa: N802 - the name of the contract
        self,
        request: service_pb2.PredictRequest,
        context: grpc.aio.ServicerContext[service_pb2.PredictRequest, service_pb2.PredictResponse],
    ) -> service_pb2.PredictResponse:
        """Score every row with every model; outputs come in model name order.

        Raises:
            Malformed: The request's columns do not fit each other.
        """
        del context
        return self._answer(request)

    async def PredictEach(  # noqa: N802 - the name of the contract
        self,
        request: service_pb2.PredictEachRequest,
        context: grpc.aio.ServicerContext[service_pb2.PredictEachRequest, service_pb2.PredictEachResponse],
    ) -> service_pb2.PredictEachResponse:
        """Answer every request as `Predict` does; rows of different requests never meet.

        Raises:
            Malformed: A request's columns do not fit each other.
        """
        del context
        return service_pb2.PredictEachResponse(responses=map(self._answer, request.requests))

    def _answer(self, request: service_pb2.PredictRequest) -> service_pb2.PredictResponse:
        columns = columns_value(request.columns)
        outputs = sorted((model.score(columns) for model in self.models), key=lambda output: output.model)
        return service_pb2.PredictResponse(outputs=map(output_fields, outputs))
