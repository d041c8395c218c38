"""The door, over gRPC on loopback: each RPC of the contracts times who calls, and what lasts longer than its caller."""

import asyncio
import pathlib
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import grpc
import grpc.aio
import pytest
from contracted import made, rpcs, services
from google.protobuf import descriptor, message_factory
from google.rpc import error_details_pb2, status_pb2  # type: ignore[import-untyped] # generated without stubs
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc
from identified import claims, hosting, jwks, public, token

from functions.ports.card import Card, Kind
from functions.runtime import grpc_app, rereading
from functions.runtime.authorisation import PERMISSIONS, Role
from functions.runtime.hosting import HostedService

CARD = Card("all", Kind.SERVICE, "1", "Answer every RPC.")
RPCS = {rpc: method for rpc, method in rpcs().items() if rpc in PERMISSIONS}  # another test names those without a row
TRADE = "tickloom.orders.v1.OrdersService/Trade"
WATCH = "tickloom.orders.v1.OrdersService/WatchOrders"
SUBMIT = "tickloom.orders.v1.OrdersService/Submit"
GET = "tickloom.orders.v1.OrdersService/GetOrder"
CONCERNED = {rpc for rpc, row in PERMISSIONS.items() if row.accounts}
"""RPCs whose requests name an account."""

Metadata = tuple[tuple[str, str], ...]


@dataclass
class Recorder:
    """Serve every RPC of the contracts: note each request that comes through, and give the answer asked for."""

    seen: list[str] = field(default_factory=list)
    answers: dict[str, Any] = field(default_factory=dict)
    lasting: bool = False

    def register(self, server: grpc.aio.Server) -> None:
        """Serve all of them."""
        for service in services():
            handlers = {one.name: self._handler(f"{service.full_name}/{one.name}", one) for one in service.methods}
            server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(service.full_name, handlers),))

    def _handler(self, rpc: str, method: descriptor.MethodDescriptor) -> Any:  # noqa: ANN401 - gRPC's
        kinds = {
            (False, False): (grpc.unary_unary_rpc_method_handler, self._once),
            (False, True): (grpc.unary_stream_rpc_method_handler, self._many),
            (True, True): (grpc.stream_stream_rpc_method_handler, self._each),
        }
        make, behavior = kinds[method.client_streaming, method.server_streaming]
        return make(
            behavior(rpc, method.output_type),
            message_factory.GetMessageClass(method.input_type).FromString,
            lambda message: message.SerializeToString(),
        )

    def _answer(self, rpc: str, kind: descriptor.Descriptor) -> Any:  # noqa: ANN401 - any message
        self.seen.append(rpc)
        return self.answers.get(rpc, made(kind))

    def _once(self, rpc: str, kind: descriptor.Descriptor) -> Callable[..., Any]:
        async def once(request: Any, context: Any) -> Any:  # noqa: ANN401, ARG001
            return self._answer(rpc, kind)

        return once

    def _many(self, rpc: str, kind: descriptor.Descriptor) -> Callable[..., Any]:
        async def many(request: Any, context: Any) -> AsyncIterator[Any]:  # noqa: ANN401, ARG001
            yield self._answer(rpc, kind)
            if self.lasting:
                await asyncio.Event().wait()

        return many

    def _each(self, rpc: str, kind: descriptor.Descriptor) -> Callable[..., Any]:
        async def each(requests: AsyncIterator[Any], context: Any) -> AsyncIterator[Any]:  # noqa: ANN401, ARG001
            async for _ in requests:
                yield self._answer(rpc, kind)

        return each


@asynccontextmanager
async def serving(recorder: Recorder, folder: pathlib.Path, **changes: Any) -> AsyncIterator[grpc.aio.Channel]:  # noqa: ANN401
    """Serve as a process of ours does, asking every caller for a token."""
    hosted = HostedService(CARD, recorder.register, tuple(one.full_name for one in services()))
    running = await grpc_app.start(hosted, host="127.0.0.1", port=0, hosting=hosting(folder, **changes))
    try:
        async with grpc.aio.insecure_channel(f"127.0.0.1:{running.port}") as channel:
            yield channel
    finally:
        await running.stop()


@pytest.fixture
async def recorder() -> Recorder:
    """Give a recorder."""
    return Recorder()


@pytest.fixture
async def channel(recorder: Recorder, tmp_path: pathlib.Path) -> AsyncIterator[grpc.aio.Channel]:
    """Give a channel to it."""
    async with serving(recorder, tmp_path) as channel:
        yield channel


def show(**changes: object) -> Metadata:
    """Show a token that is good now, but for the changes."""
    return (("authorization", f"Bearer {token(claims(time.time(), **changes))}"),)


def calls(channel: grpc.aio.Channel, rpc: str) -> Callable[..., Any]:
    """Give a function that calls an RPC with one request, and reads to the end."""
    method = RPCS[rpc]
    kinds: Mapping[tuple[bool, bool], Callable[..., Any]] = {
        (False, False): channel.unary_unary,
        (False, True): channel.unary_stream,
        (True, True): channel.stream_stream,
    }
    stub = kinds[method.client_streaming, method.server_streaming](
        f"/{rpc}",
        request_serializer=lambda message: message.SerializeToString(),
        response_deserializer=message_factory.GetMessageClass(method.output_type).FromString,
    )

    async def call(request: Any, metadata: Metadata) -> list[Any]:  # noqa: ANN401 - any message
        asked = iter([request]) if method.client_streaming else request
        answers = stub(asked, metadata=metadata, timeout=30)
        return [one async for one in answers] if method.server_streaming else [await answers]

    return call


def requests(rpc: str, account: str) -> Iterator[Any]:
    """Make requests of an RPC: one for each place an account can stand in."""
    kind = RPCS[rpc].input_type
    yield from [made(kind, path, account) for path in PERMISSIONS[rpc].accounts] or [made(kind)]


async def codes(channel: grpc.aio.Channel, account: str, shown: Callable[[str], Metadata]) -> dict[str, set[str]]:
    """Call every RPC in every way it can name an account; give the statuses of each."""
    return {
        rpc: {await code(partial(calls(channel, rpc), request, shown(rpc))) for request in requests(rpc, account)}
        for rpc in RPCS
    }


async def code(call: Callable[[], Any]) -> str:
    """Give the name of a call's status.

    Where a server ends a stream while a message is on its way, grpc.aio sometimes loses the status to a failed write
    and makes one up; that call is made again.
    """
    while True:
        try:
            await call()
        except grpc.aio.AioRpcError as error:
            if error.details() != "Internal error from Core":
                return error.code().name
        else:
            return "OK"


def role_of(rpc: str) -> list[str]:
    """Give a role that may call an RPC."""
    return [min(PERMISSIONS[rpc].roles)]


def others(rpc: str) -> list[str]:
    """Give all roles that may not, and one there is not."""
    return [*(set(Role) - PERMISSIONS[rpc].roles), "king"]


def every(status: str) -> dict[str, set[str]]:
    """Expect one status of every RPC."""
    return {rpc: {status} for rpc in RPCS}


async def test_right(channel: grpc.aio.Channel) -> None:
    """Each RPC is open to a role of its row with the account."""
    shown = lambda rpc: show(roles=role_of(rpc), accounts=["paper"])  # noqa: E731 - said where it is used
    assert await codes(channel, "paper", shown) == every("OK")


async def test_none(channel: grpc.aio.Channel, recorder: Recorder) -> None:
    """No RPC is open to who shows nothing."""
    assert await codes(channel, "paper", lambda _: ()) == every("UNAUTHENTICATED")
    assert recorder.seen == []


@pytest.mark.parametrize(
    "wrong",
    [
        {"exp": 1_700_000_000},
        {"nbf": 4_000_000_000, "exp": 4_000_000_300},
        {"iss": "another"},
        {"aud": "another"},
        {"roles": "trader"},
    ],
    ids=["expired", "not yet", "issuer", "audience", "claims"],
)
async def test_no_token_of_ours(channel: grpc.aio.Channel, recorder: Recorder, wrong: dict[str, object]) -> None:
    """No RPC is open to a token that is not good now, whatever it grants."""
    said = {"roles": list(Role), "accounts": "*"} | wrong
    assert await codes(channel, "paper", lambda _: show(**said)) == every("UNAUTHENTICATED")
    assert recorder.seen == []


@pytest.mark.parametrize("shown", ["Basic YTpi", "Bearer", "Bearer ", "bearer x", "token", ""])
async def test_no_bearer(channel: grpc.aio.Channel, shown: str) -> None:
    """What is no bearer token is none."""
    assert await codes(channel, "paper", lambda _: (("authorization", shown),)) == every("UNAUTHENTICATED")


async def test_two_tokens(channel: grpc.aio.Channel) -> None:
    """Two tokens are none: nobody can say which was meant."""
    good = lambda rpc: (*show(roles=role_of(rpc)), *show(roles=role_of(rpc)))  # noqa: E731
    assert await codes(channel, "paper", good) == every("UNAUTHENTICATED")


async def test_wrong_role(channel: grpc.aio.Channel, recorder: Recorder) -> None:
    """No RPC is open to the roles its row lacks, be it with all accounts."""
    shown = lambda rpc: show(roles=others(rpc), accounts="*")  # noqa: E731
    assert await codes(channel, "paper", shown) == every("PERMISSION_DENIED")
    assert recorder.seen == []


@pytest.mark.parametrize("account", ["another", "", "Paper", "paper "])
async def test_wrong_account(channel: grpc.aio.Channel, recorder: Recorder, account: str) -> None:
    """An RPC that concerns an account is open with that account only; naming none means all."""
    shown = lambda rpc: show(roles=role_of(rpc), accounts=["paper"])  # noqa: E731
    expected = {rpc: {"PERMISSION_DENIED" if rpc in CONCERNED else "OK"} for rpc in RPCS}
    assert await codes(channel, account, shown) == expected
    assert CONCERNED.isdisjoint(recorder.seen)


async def test_all_accounts(channel: grpc.aio.Channel) -> None:
    """Who has all accounts may name any, and none."""
    shown = lambda rpc: show(roles=role_of(rpc), accounts="*")  # noqa: E731
    assert await codes(channel, "another", shown) == every("OK")
    assert await codes(channel, "", shown) == every("OK")


async def test_answers_of_others(channel: grpc.aio.Channel, recorder: Recorder) -> None:
    """No answer about another's account leaves; the answers here are as if a servicer had not looked."""
    rows = {rpc: PERMISSIONS[rpc] for rpc in RPCS if PERMISSIONS[rpc].answers}
    refused = {rpc: "NOT_FOUND" if row.missing else "PERMISSION_DENIED" for rpc, row in rows.items()}
    found = {}
    for rpc, row in rows.items():
        recorder.answers[rpc] = made(RPCS[rpc].output_type, row.answers[-1], "another")
        request = next(requests(rpc, "paper"))
        found[rpc] = await code(partial(calls(channel, rpc), request, show(roles=role_of(rpc), accounts=["paper"])))
    assert found == refused


async def test_reason(channel: grpc.aio.Channel, recorder: Recorder) -> None:
    """A refusal says what to show, as RFC 6750 does, and nothing of what there is; nothing was done."""
    request = made(RPCS[SUBMIT].input_type, "order.account", "secret-account")
    told = {}
    for name, shown in {"none": (), "expired": show(exp=1), "forbidden": show()}.items():
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await calls(channel, SUBMIT)(request, shown)
        assert "secret-account" not in str(caught.value)
        status = status_pb2.Status.FromString(dict(caught.value.trailing_metadata() or ())["grpc-status-details-bin"])
        info = error_details_pb2.ErrorInfo()
        status.details[0].Unpack(info)
        told[name] = (caught.value.details(), info.reason, info.metadata["www-authenticate"])
    assert told == {
        "none": ("a token or a certificate is needed", "UNAUTHENTICATED", "Bearer"),
        "expired": (
            "the token has expired",
            "UNAUTHENTICATED",
            'Bearer error="invalid_token", error_description="the token has expired"',
        ),
        "forbidden": ("not for your accounts", "FORBIDDEN", 'Bearer error="insufficient_scope"'),
    }
    assert recorder.seen == []


async def test_each_message_of_a_stream(channel: grpc.aio.Channel, recorder: Recorder) -> None:
    """In a conversation each message is checked: the first that names another's account ends it, and does nothing."""
    kind = RPCS[TRADE].input_type
    asked = [made(kind, "cancel.account", account) for account in ("paper", "paper", "another", "paper")]
    stub: Any = channel.stream_stream(f"/{TRADE}", request_serializer=lambda message: message.SerializeToString())
    answers: list[bytes] = []

    async def read() -> None:
        async for answer in stub(iter(asked), metadata=show(), timeout=30):
            answers.append(answer)  # noqa: PERF401 - what came before the end counts

    assert await code(read) == "PERMISSION_DENIED"
    assert (len(answers), recorder.seen) == (2, [TRADE, TRADE])


async def without_end(request: Any) -> AsyncIterator[Any]:  # noqa: ANN401 - any message
    """Ask once, and keep the conversation open."""
    yield request
    await asyncio.Event().wait()


@pytest.mark.parametrize(("rpc", "asked"), [(TRADE, without_end), (WATCH, lambda request: request)])
async def test_streams_end_with_their_token(
    channel: grpc.aio.Channel, recorder: Recorder, rpc: str, asked: Callable[[Any], Any]
) -> None:
    """A stream that would last ends when its token does, though nobody says a word."""
    recorder.lasting = True
    now = time.time()
    stub: Any = {TRADE: channel.stream_stream, WATCH: channel.unary_stream}[rpc](
        f"/{rpc}", request_serializer=lambda message: message.SerializeToString()
    )
    answers = stub(asked(next(requests(rpc, "paper"))), metadata=show(exp=int(now) + 2), timeout=30)
    first = await anext(aiter(answers))
    assert (first, await code(lambda: anext(aiter(answers)))) == (b"", "UNAUTHENTICATED")
    assert recorder.seen == [rpc]
    assert 1 <= time.time() - now < 5


async def test_streams_end_with_their_key(
    channel: grpc.aio.Channel, recorder: Recorder, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A key that is withdrawn proves nobody any more: neither in new calls nor in a stream that it began."""
    monkeypatch.setattr(rereading, "LOOK_S", 0.0)
    waiting: asyncio.Queue[Any] = asyncio.Queue()

    async def ask() -> AsyncIterator[Any]:
        while True:
            yield await waiting.get()

    stub: Any = channel.stream_stream(f"/{TRADE}", request_serializer=lambda message: message.SerializeToString())
    answers = aiter(stub(ask(), metadata=show(), timeout=30))
    waiting.put_nowait(next(requests(TRADE, "paper")))
    assert await anext(answers) == b""
    jwks(tmp_path, public("RS256"))
    waiting.put_nowait(next(requests(TRADE, "paper")))
    assert await code(lambda: anext(answers)) == "UNAUTHENTICATED"
    assert recorder.seen == [TRADE]


async def test_health_is_open(channel: grpc.aio.Channel) -> None:
    """Who asks whether a service serves need not say who asks."""
    stub: Any = health_pb2_grpc.HealthStub(channel)
    answer = await stub.Check(health_pb2.HealthCheckRequest())
    assert answer.status == health_pb2.HealthCheckResponse.SERVING


async def test_reflection_is_not(channel: grpc.aio.Channel) -> None:
    """What there is to call is told to known callers only."""
    stub: Any = reflection_pb2_grpc.ServerReflectionStub(channel)  # type: ignore[arg-type] # for both kinds of channel
    asked = [reflection_pb2.ServerReflectionRequest(list_services="")]

    async def read(shown: Metadata) -> None:
        async for _ in stub.ServerReflectionInfo(iter(asked), metadata=shown):
            pass

    assert await code(lambda: read(())) == "UNAUTHENTICATED"
    assert await code(lambda: read(show(roles=["king"]))) == "PERMISSION_DENIED"
    assert await code(lambda: read(show(roles=["viewer"], accounts=[]))) == "OK"
