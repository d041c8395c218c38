"""Have rows scored by the inference service over gRPC; the deadline and the degraded answers live here."""

from collections.abc import Sequence
from typing import Final

import grpc
import grpc.aio
from tickloom.inference.v1 import service_pb2, service_pb2_grpc

from functions.domain.market import FeatureColumns, ModelOutput
from functions.domain.predictions import degraded
from functions.wire.codecs.features import columns_fields
from functions.wire.codecs.predictions import output_value
from functions.wire.errors import Malformed

DEADLINE_MS: Final = 200
"""Live default; a replay sets minutes, so that only the tape degrades answers."""

_OPTIONS: Final = (
    ("grpc.initial_reconnect_backoff_ms", 50),
    ("grpc.min_reconnect_backoff_ms", 50),
    ("grpc.max_reconnect_backoff_ms", 1000),
)


class InferenceClient:
    """Port `Inference` over gRPC. The channel opens on first use; no failure leaves `predict` as an exception."""

    def __init__(self, target: str, models: Sequence[str], *, deadline_ms: int = DEADLINE_MS) -> None:
        """Name the service's address, the models that should be heard, and how long an answer may take."""
        self._target = target
        self._models = tuple(models)
        self._deadline_ms = deadline_ms
        self._channel: grpc.aio.Channel | None = None
        self._stub: service_pb2_grpc.InferenceServiceAsyncStub | None = None  # only the typed view has this class

    async def predict(self, columns: FeatureColumns) -> tuple[ModelOutput, ...]:
        """Score rows; outputs come in model name order, and every named model has one. No rows, no outputs."""
        if not columns.row_count:
            return ()
        request = service_pb2.PredictRequest(columns=columns_fields(columns))
        try:
            response = await self._service().Predict(request, timeout=self._deadline_ms / 1000, wait_for_ready=True)
            outputs = [output_value(output, columns.row_count) for output in response.outputs]
        except grpc.aio.AioRpcError as error:
            return self._degraded(columns.row_count, _reason(error.code(), self._deadline_ms))
        except Malformed as error:
            return self._degraded(columns.row_count, f"the answer cannot be read: {error}")
        heard = {output.model for output in outputs}
        missing = [name for name in self._models if name not in heard]
        outputs += [degraded(name, columns.row_count, "the service has no such model") for name in missing]
        return tuple(sorted(outputs, key=lambda output: output.model))

    async def close(self) -> None:
        """Let go of the channel."""
        if self._channel is not None:
            await self._channel.close()
        self._channel = self._stub = None

    def _service(self) -> "service_pb2_grpc.InferenceServiceAsyncStub":
        if self._stub is None:
            self._channel = grpc.aio.insecure_channel(self._target, options=_OPTIONS)
            self._stub = service_pb2_grpc.InferenceServiceStub(self._channel)
        return self._stub

    def _degraded(self, rows: int, reason: str) -> tuple[ModelOutput, ...]:
        return tuple(degraded(name, rows, reason) for name in sorted(self._models))


def _reason(code: grpc.StatusCode, deadline_ms: int) -> str:
    if code is grpc.StatusCode.DEADLINE_EXCEEDED:
        return f"no answer within {deadline_ms} ms"
    return f"the service answered {code.name}"
