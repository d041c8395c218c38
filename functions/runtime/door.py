"""Stand between a call and its method: name the caller, then check its role, each account it names, and its time.

What is refused here has had no effect. A lasting call ends with what proves its caller, and each of its messages is
checked by itself: against the keys and grants there are then, for those may be withdrawn while it lasts.
"""

import asyncio
import contextlib
import inspect
from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable, Mapping
from typing import Any, Final, TypeAlias, TypeVar

import grpc
import grpc.aio

from functions.runtime.authentication import Authentication, Proof
from functions.runtime.authorisation import (
    PERMISSIONS,
    Permission,
    check_accounts,
    check_answer,
    check_role,
    may_read,
)
from functions.runtime.outcomes import Forbidden, Unauthenticated
from functions.runtime.principals import Principal

Behavior: TypeAlias = Callable[[Any, Any], Any]  # gRPC's methods take a request or an iterator of them, and a context

T = TypeVar("T")

_NOTHING: Final = Permission(frozenset())
_OVER: Final = "what proves the caller has expired"


class Door:
    """Let known callers through to what they may do."""

    def __init__(
        self,
        authentication: Authentication,
        now: Callable[[], float],
        permissions: Mapping[str, Permission] = PERMISSIONS,
    ) -> None:
        """Say how callers are known, by which clock (seconds since the epoch), and what each RPC asks for."""
        self._authentication = authentication
        self._now = now
        self._permissions = permissions

    def behind(self, method: str, behavior: Behavior, *, asks_many: bool, tells_many: bool) -> Behavior:
        """Give a method as it stands behind the door.

        Args:
            method: `/package.Service/Method`.
            behavior: What a servicer does; a coroutine function or an asynchronous generator function.
            asks_many: The caller streams.
            tells_many: The servicer streams.
        """
        rpc = method.removeprefix("/")
        permission = self._permissions.get(rpc)

        def enter(context: Any) -> Proof:  # noqa: ANN401 - gRPC's
            proof = self._authentication.proof(context)

            def admitted() -> Principal:
                principal = proof()
                check_role(principal, permission, rpc)
                return principal

            return admitted

        def begin(request: Any, context: Any) -> tuple[_Visit, Any, Any]:  # noqa: ANN401
            visit = _Visit(enter(context), permission or _NOTHING, self._now)
            asked = _Asked(request, visit) if asks_many else visit.asked(request)
            return visit, asked, _Watched(context, visit)

        if asks_many or tells_many:
            return _lasting(begin, behavior)
        return _once(enter, permission or _NOTHING, behavior)


class _Visit:
    """One lasting call: its caller, as known at each message, until when, and what it asks and is told."""

    def __init__(self, admitted: Proof, permission: Permission, now: Callable[[], float]) -> None:
        self._admitted = admitted
        self._permission = permission
        self._loop = asyncio.get_running_loop()
        self._until_s = self._loop.time() + admitted().expires_s - now()
        self._refused: Exception | None = None

    def asked(self, message: Any) -> Any:  # noqa: ANN401 - any message
        """Check one request, and remember a refusal: who reads requests may not be who ends the call."""
        try:
            self.check_time()
            check_accounts(self._admitted(), self._permission, message)
        except (Forbidden, Unauthenticated) as error:
            self._refused = error
            raise
        return message

    def told(self, message: Any) -> Any:  # noqa: ANN401
        """Check one answer."""
        check_answer(self._admitted(), self._permission, message)
        return message

    def check_refused(self) -> None:
        """End with what was refused, where the method itself did not."""
        if self._refused is not None:
            raise self._refused

    def check_time(self) -> None:
        """Refuse a caller whose time is over."""
        if self._loop.time() >= self._until_s:
            raise Unauthenticated(_OVER)

    async def in_time(self, awaited: Awaitable[T]) -> T:
        """Wait for something no longer than the caller's time."""
        try:
            async with asyncio.timeout_at(self._until_s) as bound:
                return await awaited
        except TimeoutError:
            if bound.expired():
                raise Unauthenticated(_OVER) from None
            raise


class _Asked:
    """The requests of a lasting call, each checked before anybody sees it."""

    def __init__(self, requests: AsyncIterable[Any], visit: _Visit) -> None:
        self._requests = requests
        self._visit = visit
        self._iterator: AsyncIterator[Any] | None = None  # made when asked for: who reads on the context never does

    def __aiter__(self) -> "_Asked":
        return self

    async def __anext__(self) -> Any:  # noqa: ANN401
        if self._iterator is None:
            self._iterator = aiter(self._requests)
        return self._visit.asked(await anext(self._iterator))


class _Watched:
    """A context whose `read` and `write` check what passes; all else is gRPC's."""

    def __init__(self, context: Any, visit: _Visit) -> None:  # noqa: ANN401
        self._context = context
        self._visit = visit

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401
        return getattr(self._context, name)

    async def read(self) -> Any:  # noqa: ANN401
        message = await self._context.read()
        return message if message is grpc.aio.EOF else self._visit.asked(message)

    async def write(self, message: Any) -> None:  # noqa: ANN401
        await self._context.write(self._visit.told(message))


def _once(enter: Callable[[Any], Proof], permission: Permission, behavior: Behavior) -> Behavior:
    async def guarded(request: Any, context: Any) -> Any:  # noqa: ANN401
        principal = enter(context)()
        check_accounts(principal, permission, request)
        answer = await behavior(request, context)
        if permission.missing and not may_read(principal, permission, answer):
            await context.abort(grpc.StatusCode.NOT_FOUND, permission.missing.format(request))
        check_answer(principal, permission, answer)
        return answer

    return guarded


def _lasting(begin: Callable[[Any, Any], tuple[_Visit, Any, Any]], behavior: Behavior) -> Behavior:
    async def coroutine(request: Any, context: Any) -> Any:  # noqa: ANN401
        visit, asked, watched = begin(request, context)
        answer = await visit.in_time(behavior(asked, watched))
        visit.check_refused()
        return answer if answer is None else visit.told(answer)

    async def generator(request: Any, context: Any) -> AsyncIterator[Any]:  # noqa: ANN401
        visit, asked, watched = begin(request, context)
        async with contextlib.aclosing(behavior(asked, watched)) as answers:
            with contextlib.suppress(StopAsyncIteration):
                while True:
                    visit.check_time()
                    yield visit.told(await visit.in_time(anext(answers)))
        visit.check_refused()

    return generator if inspect.isasyncgenfunction(behavior) else coroutine
