"""Ask a service over one lasting stream, where each answer bears its question's tag."""

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, Generic, Protocol, TypeVar

import grpc
import grpc.aio

from functions.adapters.channels import open_channel
from functions.adapters.time_limit import TimeLimit
from functions.domain.errors import Rejected
from functions.ports.errors import Overloaded, Unavailable

if TYPE_CHECKING:  # the stubs know it, its module does not
    from grpc.aio import StreamStreamCall

WAITING_MAX: Final = 1024
"""Questions that may wait for their answers; one more is refused."""


class Fault(Protocol):
    """What the faults of our conversations have alike."""

    code: str
    text: str
    retry: bool


class Answer(Protocol):
    """What the answers of our conversations have alike."""

    @property
    def tag(self) -> int:
        """Name the question."""
        ...

    @property
    def fault(self) -> Any:  # noqa: ANN401 - each conversation has a type of its own, alike as `Fault` says
        """Say why there is no answer."""
        ...

    def HasField(self, name: Any, /) -> bool:  # noqa: ANN401, N802 - as protobuf names it, each message its own fields
        """Tell whether there is one."""
        ...


Q = TypeVar("Q")
A = TypeVar("A", bound=Answer)


class Conversation(Generic[Q, A]):
    """Hold one stream, opened with the first question, and again with the first after it ended.

    Args:
        target: The service's address.
        opened: Opens the stream over a channel.
        failed: What an error says first, for example `risk at HOST did not decide`.
        deadline_ms: How long an answer may take.
        waiting_max: Most questions that wait.
    """

    def __init__(
        self,
        target: str,
        opened: "Callable[[grpc.aio.Channel], StreamStreamCall[Q, A]]",
        *,
        failed: str,
        deadline_ms: int,
        waiting_max: int = WAITING_MAX,
    ) -> None:
        """Open nothing yet."""
        self.failed: Final = failed
        self._target = target
        self._opened = opened
        self._limit = TimeLimit(deadline_ms / 1000)
        self._waiting_max = waiting_max
        self._channel: grpc.aio.Channel | None = None
        self._call: StreamStreamCall[Q, A] | None = None
        self._reading: asyncio.Task[None] | None = None
        self._writing = asyncio.Lock()  # a stream takes one message at a time
        self._waiting: dict[int, asyncio.Future[A]] = {}
        self._tag = 0

    async def ask(self, write: Callable[[int], Q]) -> A:
        """Ask what is written under a tag; return with its answer.

        Raises:
            Unavailable: There is none; whether the question arrived is unknown.
            Overloaded: The same; too many wait already, or the service asks to slow down.
            Rejected: The service refuses the question; asking again will not help.
        """
        if len(self._waiting) >= self._waiting_max:
            message = f"{self.failed}: {len(self._waiting)} questions wait already; slow down"
            raise Overloaded(message)
        self._tag += 1
        tag = self._tag
        waiter = self._waiting[tag] = asyncio.get_running_loop().create_future()
        try:
            answer = await self._limit.within(self._exchange(write(tag), waiter))
        except (TimeoutError, grpc.aio.AioRpcError, grpc.aio.UsageError, asyncio.InvalidStateError) as error:
            message = f"{self.failed}: {str(error) or 'no answer in time'}"
            raise Unavailable(message) from error
        finally:
            del self._waiting[tag]
        if answer.HasField("fault"):
            self._refuse(answer.fault)
        return answer

    async def close(self) -> None:
        """End the conversation and let go of the channel."""
        if self._call is not None:
            self._call.cancel()
        if self._reading is not None:
            await asyncio.gather(self._reading, return_exceptions=True)
        if self._channel is not None:
            await self._channel.close()
        self._channel = self._call = self._reading = None

    async def _exchange(self, request: Q, waiter: asyncio.Future[A]) -> A:
        await self._send(request)
        return await waiter

    async def _send(self, request: Q) -> None:
        async with self._writing:
            call = self._call
            if call is None:
                self._channel = self._channel or open_channel(self._target)
                call = self._call = self._opened(self._channel)
                self._reading = asyncio.create_task(self._read(call))
            await call.write(request)

    async def _read(self, call: "StreamStreamCall[Q, A]") -> None:
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
                    waiter.set_exception(Unavailable(f"{self.failed}: {ended}"))

    def _refuse(self, fault: Fault) -> None:
        message = f"{self.failed}: {fault.code} {fault.text}"
        if not fault.retry:
            raise Rejected(message)
        raise (Overloaded if fault.code == grpc.StatusCode.RESOURCE_EXHAUSTED.name else Unavailable)(message)
