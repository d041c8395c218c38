"""Ask the risk service over one lasting stream: what a caller with many orders should use."""

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

import grpc
import grpc.aio
from tickloom.risk.v1 import service_pb2, service_pb2_grpc

from functions.adapters.channels import open_channel
from functions.adapters.risk_client import DEADLINE_MS
from functions.domain.decisions import Verdict
from functions.domain.errors import Rejected
from functions.ports.errors import Overloaded, Unavailable
from functions.wire.codecs.risk import Question, questions_message, verdict_value
from functions.wire.codecs.risk_columns import ROWS_MAX, columns_message, decisions_value
from functions.wire.errors import Malformed

if TYPE_CHECKING:  # the stubs know these, their modules do not
    from grpc.aio import StreamStreamCall
    from tickloom.risk.v1.service_pb2_grpc import RiskServiceAsyncStub

COLUMNS_MIN: Final = 4
"""Questions of one message from which on they are asked in columns: there that takes less time on both sides."""

WAITING_MAX: Final = 1024
"""Questions that may wait for their answers; one more is refused."""


class RiskConversation:
    """Ask over one stream, opened with the first question, and again with the first after it ended.

    Args:
        target: The service's address.
        deadline_ms: How long an answer may take.
        waiting_max: Most questions that wait.
    """

    def __init__(self, target: str, *, deadline_ms: int = DEADLINE_MS, waiting_max: int = WAITING_MAX) -> None:
        """Open nothing yet."""
        self._target = target
        self._deadline_s = deadline_ms / 1000
        self._waiting_max = waiting_max
        self._channel: grpc.aio.Channel | None = None
        self._stub: RiskServiceAsyncStub | None = None
        self._call: StreamStreamCall[service_pb2.CheckStreamRequest, service_pb2.CheckStreamResponse] | None = None
        self._reading: asyncio.Task[None] | None = None
        self._writing = asyncio.Lock()  # a stream takes one message at a time
        self._waiting: dict[int, asyncio.Future[service_pb2.CheckStreamResponse]] = {}
        self._tag = 0

    async def ask(self, questions: Sequence[Question]) -> list[Verdict]:
        """Decide on several orders, each by itself; those of one moment should be asked together, at most `ROWS_MAX`.

        Raises:
            Unavailable: Nothing was decided; the orders must not leave.
            Overloaded: The same; too many wait already, or the service asks to slow down.
            Rejected: The service cannot read a question; asking again will not help.
        """
        if len(self._waiting) >= self._waiting_max:
            message = f"{len(self._waiting)} questions wait for risk at {self._target} already; slow down"
            raise Overloaded(message)
        self._tag += 1
        tag = self._tag
        waiter = self._waiting[tag] = asyncio.get_running_loop().create_future()
        try:
            async with asyncio.timeout(self._deadline_s):
                await self._send(asked_message(tag, questions))
                return self._verdicts(await waiter, len(questions))
        except (TimeoutError, grpc.aio.AioRpcError, grpc.aio.UsageError, asyncio.InvalidStateError) as error:
            message = f"risk at {self._target} did not decide: {error or 'no answer in time'}"
            raise Unavailable(message) from error
        finally:
            del self._waiting[tag]

    async def close(self) -> None:
        """End the conversation and let go of the channel."""
        if self._call is not None:
            self._call.cancel()
        if self._reading is not None:
            await asyncio.gather(self._reading, return_exceptions=True)
        if self._channel is not None:
            await self._channel.close()
        self._channel = self._stub = self._call = self._reading = None

    async def _send(self, request: service_pb2.CheckStreamRequest) -> None:
        async with self._writing:
            call = self._call
            if call is None:
                if self._stub is None:
                    self._channel = open_channel(self._target)
                    self._stub = service_pb2_grpc.RiskServiceStub(self._channel)
                call = self._call = self._stub.CheckStream(wait_for_ready=True)
                self._reading = asyncio.create_task(self._read(call))
            await call.write(request)

    async def _read(
        self, call: "StreamStreamCall[service_pb2.CheckStreamRequest, service_pb2.CheckStreamResponse]"
    ) -> None:
        """Hand answers to those who wait; when the conversation ends, tell them, and let the next begin another."""
        ended: str = "it ended the conversation"
        try:
            async for answer in call:
                waiter = self._waiting.get(answer.tag)
                if waiter is not None and not waiter.done():
                    waiter.set_result(answer)
        except (grpc.aio.AioRpcError, asyncio.CancelledError) as error:
            ended = str(error)
        finally:
            self._call = None
            for waiter in self._waiting.values():
                if not waiter.done():
                    waiter.set_exception(Unavailable(f"risk at {self._target} did not decide: {ended}"))

    def _verdicts(self, answer: service_pb2.CheckStreamResponse, count: int) -> list[Verdict]:
        if answer.HasField("fault"):
            message = f"risk at {self._target} did not decide: {answer.fault.code} {answer.fault.text}"
            if not answer.fault.retry:
                raise Rejected(message)
            raise (Overloaded if answer.fault.code == "RESOURCE_EXHAUSTED" else Unavailable)(message)
        try:
            if answer.HasField("columns"):
                verdicts = decisions_value(answer.columns)
            else:
                verdicts = [verdict_value(one) for one in answer.checks]
        except Malformed as error:
            message = f"risk at {self._target} gave an answer that cannot be read: {error}"
            raise Unavailable(message) from error
        if len(verdicts) != count:
            message = f"risk at {self._target} gave {len(verdicts)} answers to {count} questions"
            raise Unavailable(message)
        return verdicts


def asked_message(tag: int, questions: Sequence[Question]) -> service_pb2.CheckStreamRequest:
    """Write questions in the form that takes less time, which depends on their number.

    Raises:
        Rejected: A figure does not fit.
    """
    if not COLUMNS_MIN <= len(questions) <= ROWS_MAX:
        return questions_message(tag, questions)
    try:
        return columns_message(tag, questions)
    except Malformed as error:
        raise Rejected(str(error)) from error
