"""Have rows scored by the inference service over gRPC; the deadline and the degraded answers live here.

One call is under way at a time, and what is asked meanwhile travels together in the next: a call costs its caller more
than the rows in it, and each request in it is answered on its own.
"""

import asyncio
from collections import deque
from collections.abc import Mapping, Sequence
from contextvars import Context
from dataclasses import dataclass
from typing import Final, TypeAlias

import grpc
import grpc.aio
from tickloom.inference.v1 import service_pb2

from functions.adapters.channels import open_channel
from functions.adapters.time_limit import TimeLimit
from functions.domain.market import FeatureColumns, ModelOutput
from functions.domain.predictions import degraded
from functions.domain.serving import ordered
from functions.ports.errors import Unavailable
from functions.ports.telemetry import carried, carrying
from functions.wire.codecs.predictions import encode_predict_each, output_values
from functions.wire.errors import Malformed

DEADLINE_MS: Final = 200
"""Live default; a replay sets minutes, so that only the tape degrades answers."""

ROWS_MAX: Final = 256
"""Rows of one call, unless a single request has more: at some 1.2 KB each they stay far below what a service takes."""

WAITING_MAX: Final = 1024
"""Requests that may wait for the call before theirs; one more is degraded at once."""

_OF_ONE: Final = frozenset(
    (
        grpc.StatusCode.INTERNAL,
        grpc.StatusCode.INVALID_ARGUMENT,
        grpc.StatusCode.RESOURCE_EXHAUSTED,
        grpc.StatusCode.UNKNOWN,
    )
)
"""What one request may have brought upon a call; then each is asked on its own, and the others do not pay for it."""

_PREDICT_EACH: Final = "/tickloom.inference.v1.InferenceService/PredictEach"
"""The method that is called; a stub would take a message, and the columns of a batch are bytes already."""

_Outputs: TypeAlias = tuple[ModelOutput, ...]
_PredictEach: TypeAlias = "grpc.aio.UnaryUnaryMultiCallable[bytes, service_pb2.PredictEachResponse]"


@dataclass(frozen=True, slots=True)
class _Waiting:
    """Rows to score, until when on the loop's clock (seconds), where the answer goes, and in which trace."""

    columns: FeatureColumns
    due_s: float
    answer: "asyncio.Future[_Outputs]"
    carried: Mapping[str, str]


class InferenceClient:
    """Port `Inference` over gRPC. The channel opens on first use; no failure leaves `predict` as an exception."""

    def __init__(self, target: str, models: Sequence[str], *, deadline_ms: int = DEADLINE_MS) -> None:
        """Name the service's address, the models that should be heard, and how long an answer may take."""
        self._target = target
        self._models = tuple(models)
        self._deadline_ms = deadline_ms
        self._limit = TimeLimit(deadline_ms / 1000)
        self._channel: grpc.aio.Channel | None = None
        self._ask: _PredictEach | None = None
        self._waiting: deque[_Waiting] = deque()
        self._caller: asyncio.Task[None] | None = None

    async def predict(self, columns: FeatureColumns) -> _Outputs:
        """Score rows; outputs come in model name order, and every named model has one. No rows, no outputs."""
        if not columns.row_count:
            return ()
        if len(self._waiting) >= WAITING_MAX:
            return self._degraded(columns.row_count, f"{WAITING_MAX} requests wait already")
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[_Outputs] = loop.create_future()
        due_s = loop.time() + self._deadline_ms / 1000
        self._waiting.append(_Waiting(columns, due_s, answer, carried()))
        if self._caller is None:
            self._caller = loop.create_task(self._call_while_asked(), context=Context())
        try:
            return await self._limit.within(answer)  # each its own: who joined a call late does not pay for its first
        except TimeoutError:
            return self._degraded(columns.row_count, _reason(grpc.StatusCode.DEADLINE_EXCEEDED, self._deadline_ms))

    async def close(self) -> None:
        """Let go of the channel; who still waits is cancelled."""
        if self._caller is not None:
            self._caller.cancel()
            await asyncio.wait((self._caller,))
            self._let_go([])  # a task that never began has left everybody waiting
        if self._channel is not None:
            await self._channel.close()
        self._channel = self._ask = None

    async def _call_while_asked(self) -> None:
        group: list[_Waiting] = []
        try:
            while group := self._next():
                await self._answer(group)
        finally:  # a cancelled caller leaves nobody waiting
            self._let_go(group)

    def _next(self) -> list[_Waiting]:
        """Take the requests of the next call; those that nobody waits for any more are left out."""
        group: list[_Waiting] = []
        rows = 0
        while self._waiting:
            one = self._waiting[0]
            if not one.answer.done():
                rows += one.columns.row_count
                if group and rows > ROWS_MAX:
                    break
                group.append(one)
            self._waiting.popleft()
        return group

    def _let_go(self, group: list[_Waiting]) -> None:
        self._caller = None
        for one in (*group, *self._waiting):
            one.answer.cancel()
        self._waiting.clear()

    async def _answer(self, group: list[_Waiting]) -> None:
        try:
            answers = await self._call(group)
        except Exception as error:  # noqa: BLE001 - a bug of ours, which each caller reports as its own
            for one in group:
                if not one.answer.done():
                    one.answer.set_exception(error)
            return
        for one, outputs in zip(group, answers, strict=True):
            if not one.answer.done():  # else its caller went away
                one.answer.set_result(outputs)

    async def _call(self, group: list[_Waiting]) -> list[_Outputs]:
        """Ask for a group; the last of it may wait longest, so its time is the call's; the trace is the first's."""
        request = encode_predict_each([one.columns for one in group])
        left_s = max(group[-1].due_s - asyncio.get_running_loop().time(), 0.0)
        try:
            with carrying(group[0].carried):
                call = self._service()(request, timeout=left_s, wait_for_ready=True)
            response = await call
        except grpc.aio.AioRpcError as error:
            if len(group) > 1 and error.code() in _OF_ONE:
                return [outputs for one in group for outputs in await self._call([one])]
            reason = _reason(error.code(), self._deadline_ms)
            return [self._degraded(one.columns.row_count, reason) for one in group]
        except Unavailable as error:
            return [self._degraded(one.columns.row_count, str(error)) for one in group]
        if len(response.responses) != len(group):
            reason = f"the service gave {len(response.responses)} answers to {len(group)} requests"
            return [self._degraded(one.columns.row_count, reason) for one in group]
        rows = [one.columns.row_count for one in group]
        return [self._outputs(answer, count) for answer, count in zip(response.responses, rows, strict=True)]

    def _outputs(self, response: service_pb2.PredictResponse, rows: int) -> _Outputs:
        """Read one answer; a model that is not in it, or only as a shadow, is degraded."""
        try:
            outputs = output_values(response.outputs, rows)
        except Malformed as error:
            return self._degraded(rows, f"the answer cannot be read: {error}")
        heard = {output.model for output in outputs if not output.shadow}
        missing = [name for name in self._models if name not in heard]
        outputs += [degraded(name, rows, "the service has no such model") for name in missing]
        return ordered(outputs)

    def _service(self) -> _PredictEach:
        if self._ask is None:
            self._channel = open_channel(self._target)
            read = service_pb2.PredictEachResponse.FromString
            self._ask = self._channel.unary_unary(_PREDICT_EACH, response_deserializer=read)
        return self._ask

    def _degraded(self, rows: int, reason: str) -> tuple[ModelOutput, ...]:
        return tuple(degraded(name, rows, reason) for name in sorted(self._models))


def _reason(code: grpc.StatusCode, deadline_ms: int) -> str:
    if code is grpc.StatusCode.DEADLINE_EXCEEDED:
        return f"no answer within {deadline_ms} ms"
    return f"the service answered {code.name}"
