"""Channels: every call on one shows who we are, whatever calls it."""

import os
import pathlib
from collections.abc import AsyncIterator

import grpc
import grpc.aio
import pytest
from cryptography import x509
from identified import Authority
from scored import Row, columns_of

from functions.adapters.channels import LOOK_S, VARIABLES, Bearer, Identity, identity, open_channel
from functions.adapters.inference_client import InferenceClient
from functions.adapters.texts_client import TextsClient
from functions.ports.errors import Unavailable
from functions.runtime import settings
from functions.runtime.settings import Hosting

NAME = "test.v1.Shown"


async def shown(context: grpc.aio.ServicerContext[bytes, bytes]) -> bytes:
    """Say what a call showed."""
    found = [str(value) for key, value in context.invocation_metadata() or () if key in {"authorization", "x-more"}]
    return "|".join(found).encode()


async def once(request: bytes, context: grpc.aio.ServicerContext[bytes, bytes]) -> bytes:  # noqa: ARG001
    return await shown(context)


async def many(request: bytes, context: grpc.aio.ServicerContext[bytes, bytes]) -> AsyncIterator[bytes]:  # noqa: ARG001
    yield await shown(context)


async def of_many(requests: AsyncIterator[bytes], context: grpc.aio.ServicerContext[bytes, bytes]) -> bytes:
    async for _ in requests:
        pass
    return await shown(context)


async def each(requests: AsyncIterator[bytes], context: grpc.aio.ServicerContext[bytes, bytes]) -> AsyncIterator[bytes]:
    async for _ in requests:
        yield await shown(context)


@pytest.fixture
async def target() -> AsyncIterator[str]:
    """Serve each kind of method; give the address."""
    server = grpc.aio.server()
    handlers = {
        "Once": grpc.unary_unary_rpc_method_handler(once),
        "Many": grpc.unary_stream_rpc_method_handler(many),
        "OfMany": grpc.stream_unary_rpc_method_handler(of_many),
        "Each": grpc.stream_stream_rpc_method_handler(each),
    }
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(NAME, handlers),))
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    yield f"127.0.0.1:{port}"
    await server.stop(0)


async def test_each_kind_of_call(target: str) -> None:
    """Calls of each kind show the token, beside the metadata of their own."""
    async with open_channel(target, Identity(token="t")) as channel:  # noqa: S106 - not a secret
        await channel.channel_ready()
        assert channel.get_state() is grpc.ChannelConnectivity.READY
        more = (("x-more", "m"),)
        got = [
            await channel.unary_unary(f"/{NAME}/Once")(b"", metadata=more),
            await anext(aiter(channel.unary_stream(f"/{NAME}/Many")(b"", metadata=more))),
            await channel.stream_unary(f"/{NAME}/OfMany")(iter([b""]), metadata=more),
            await anext(aiter(channel.stream_stream(f"/{NAME}/Each")(iter([b""]), metadata=more))),
            await channel.unary_unary(f"/{NAME}/Once")(b""),
        ]
    assert got == [b"m|Bearer t"] * 4 + [b"Bearer t"]


async def test_nothing_to_show(target: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without an identity nothing is shown; the environment's is taken where none is given."""
    async with open_channel(target, Identity()) as channel:
        assert await channel.unary_unary(f"/{NAME}/Once")(b"") == b""
    monkeypatch.setenv("TICKLOOM_SERVICE_TOKEN", " ours\n")
    async with open_channel(target) as channel:
        assert await channel.unary_unary(f"/{NAME}/Once")(b"") == b"Bearer ours"


def test_token_file(tmp_path: pathlib.Path) -> None:
    """A token's file is read again when it changes, at most once a second; what is gone leaves what was there."""
    file = tmp_path / "token"
    clock = [0.0]
    bearer = Bearer(Identity(token_path=str(file)), lambda: clock[0])
    assert bearer.metadata() == ()
    said = []
    for text in ("one\n", "two"):
        fresh = tmp_path / "fresh"
        fresh.write_text(text)
        fresh.replace(file)
        said.append(bearer.metadata())
        clock[0] += LOOK_S
        said.append(bearer.metadata())
    file.unlink()
    clock[0] += LOOK_S
    one, two = (("authorization", "Bearer one"),), (("authorization", "Bearer two"),)
    assert (said, bearer.metadata()) == ([(), one, one, two], two)


def test_token_file_written_in_place(tmp_path: pathlib.Path) -> None:
    """A file that is empty for a moment, because it is written over, takes no token away and is looked at again."""
    file = tmp_path / "token"
    clock = [0.0]
    bearer = Bearer(Identity(token_path=str(file)), lambda: clock[0])
    said = []
    for text in ("one", "", "other"):
        file.write_text(text)
        os.utime(file, (1, 1))  # all of them within one tick of the file system's clock
        said.append(bearer.metadata())
        clock[0] += LOOK_S
    one, other = (("authorization", "Bearer one"),), (("authorization", "Bearer other"),)
    assert said == [one, one, other]


async def test_certificates_are_renewed(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A certificate that was replaced is shown by the next call; a call under way goes on."""
    monkeypatch.setattr("functions.adapters.channels.LOOK_S", 0.0)
    ours, strangers = Authority(tmp_path), Authority(tmp_path, "stranger")
    served, key = ours.certificate("service", x509.DNSName("localhost"))
    server = grpc.aio.server()
    handlers = {
        "Once": grpc.unary_unary_rpc_method_handler(once),
        "Each": grpc.stream_stream_rpc_method_handler(each),
    }
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(NAME, handlers),))
    pair = [(key.read_bytes(), served.read_bytes())]
    credentials = grpc.ssl_server_credentials(pair, ours.path.read_bytes(), require_client_auth=True)
    target = f"localhost:{server.add_secure_port('localhost:0', credentials)}"
    await server.start()
    shown_path, key_path = strangers.certificate("client")
    identity = Identity(str(ours.path), str(shown_path), str(key_path))
    async with open_channel(target, identity) as channel:
        method = channel.unary_unary(f"/{NAME}/Once")
        with pytest.raises(grpc.aio.AioRpcError):
            await method(b"", timeout=5)
        ours.certificate("client")
        assert await method(b"", timeout=5) == b""
        begun = channel.stream_stream(f"/{NAME}/Each")()
        await begun.write(b"")
        assert await begun.read() == b""
        strangers.certificate("client")
        with pytest.raises(grpc.aio.AioRpcError):
            await method(b"", timeout=5)
        await begun.write(b"")
        assert await begun.read() == b""
        key_path.unlink()
        with pytest.raises(grpc.aio.AioRpcError):
            await method(b"", timeout=5)
        begun.cancel()
    await server.stop(0)


async def test_files_that_are_not_there() -> None:
    """A certificate that cannot be read opens no channel in clear instead; models' clients degrade, as they must."""
    with pytest.raises(Unavailable, match="cannot be read"):
        open_channel("127.0.0.1:1", Identity(ca_path="/nowhere"))


async def test_clients_degrade(monkeypatch: pytest.MonkeyPatch) -> None:
    """Clients of models never fail for what they should show: their answers say it."""
    monkeypatch.setenv("TICKLOOM_SERVICE_CA_PATH", "/nowhere")
    texts = TextsClient("127.0.0.1:1", ("m",))
    (output,) = await texts.score_texts(["x"])
    assert "/nowhere" in output.degraded_reason
    await texts.close()
    inference = InferenceClient("127.0.0.1:1", ("m",))
    (output,) = await inference.predict(columns_of([Row()]))
    assert "/nowhere" in output.degraded_reason
    await inference.close()


def test_secrets_do_not_print() -> None:
    """A token is in no text about who we are."""
    assert "hush" not in repr(identity({"TICKLOOM_SERVICE_TOKEN": "hush"}))
    assert "hush" not in str(settings.describe(Hosting(service_token="hush")))  # noqa: S106


def test_variables_are_known() -> None:
    """Every process knows the variables by which it is told what to show."""
    assert set(VARIABLES.values()) <= settings.names(Hosting)
