"""Open channels to our services: calls carry the current trace and show who we are, by certificate, token or nothing.

What is shown is said by the environment of the process, under the same names for every caller (`VARIABLES`), for it is
the process that has an identity and not each of its clients.
"""

import asyncio
import contextlib
import os
import pathlib
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Final, Self

import grpc
import grpc.aio

from functions.ports.errors import Unavailable
from functions.ports.telemetry import carried

VARIABLES: Final = {
    "ca_path": "TICKLOOM_SERVICE_CA_PATH",
    "certificate_path": "TICKLOOM_SERVICE_CERTIFICATE_PATH",
    "key_path": "TICKLOOM_SERVICE_KEY_PATH",
    "token_path": "TICKLOOM_SERVICE_TOKEN_PATH",
    "token": "TICKLOOM_SERVICE_TOKEN",
}
LOOK_S: Final = 1.0  # seconds between two looks at the files with what we show
LEFT_S: Final = 600.0  # seconds that a call may go on under certificates which were renewed; no stream lasts longer

_OPTIONS: Final = (
    ("grpc.initial_reconnect_backoff_ms", 50),
    ("grpc.min_reconnect_backoff_ms", 50),
    ("grpc.max_reconnect_backoff_ms", 1000),
)


@dataclass(frozen=True, slots=True)
class Identity:
    """What we show to services.

    Attributes:
        ca_path: Authorities of the services, PEM; empty calls in clear. Read again when one of the three changes.
        certificate_path: Our certificate chain, PEM; empty shows none.
        key_path: Its key, PEM.
        token_path: File with our token; read again when it changes.
        token: The token itself, where there is no file.
    """

    ca_path: str = ""
    certificate_path: str = ""
    key_path: str = ""
    token_path: str = ""
    token: str = field(default="", repr=False)


def identity(environ: Mapping[str, str]) -> Identity:
    """Read what we show from an environment."""
    return Identity(**{name: environ.get(variable, "") for name, variable in VARIABLES.items()})


def open_channel(target: str, ours: Identity | None = None) -> grpc.aio.Channel:
    """Open a channel; it connects with the first call.

    Args:
        target: Address, `host:port`.
        ours: What we show; None takes it from the environment of this process.

    Raises:
        Unavailable: A file that we should show cannot be read.
    """
    ours = identity(os.environ) if ours is None else ours

    def opened() -> grpc.aio.Channel:
        credentials = _credentials(ours)
        if credentials is None:
            return grpc.aio.insecure_channel(target, options=_OPTIONS)
        return grpc.aio.secure_channel(target, credentials, options=_OPTIONS)

    try:
        return BearingChannel(opened, Bearer(ours, time.monotonic), Files(ours, time.monotonic))
    except OSError as error:
        msg = f"what we show to {target} cannot be read: {error}"
        raise Unavailable(msg) from error


class Bearer:
    """The token we show, as metadata of a call; a file is read again when it changes."""

    def __init__(self, ours: Identity, now: Callable[[], float]) -> None:
        """Name what we show and a clock, seconds."""
        self._path = pathlib.Path(ours.token_path) if ours.token_path else None
        self._now = now
        self._looked_s = float("-inf")
        self._mark = (0, 0, 0)
        self._shown = _shown(ours.token)

    def metadata(self) -> tuple[tuple[str, str], ...]:
        """Give the metadata, nothing without a token.

        A file that cannot be read leaves what was read before, as does an empty one: it is being written.
        """
        if self._path is not None and self._now() - self._looked_s >= LOOK_S:
            self._looked_s = self._now()
            self._renew(self._path)
        return self._shown

    def _renew(self, path: pathlib.Path) -> None:
        with contextlib.suppress(OSError, ValueError):
            found = path.stat()
            mark = (found.st_ino, found.st_mtime_ns, found.st_size)
            if mark != self._mark and (shown := _shown(path.read_text(encoding="ascii"))):
                self._shown, self._mark = shown, mark


class Files:
    """The certificates that we show and trust; a channel keeps those it was opened with, so another must follow."""

    def __init__(self, ours: Identity, now: Callable[[], float]) -> None:
        """Name what we show and a clock, seconds."""
        named = (ours.ca_path, ours.certificate_path, ours.key_path) if ours.ca_path else ()
        self._paths = [pathlib.Path(path) for path in named if path]
        self._now = now
        self._looked_s = now()
        self._marks = self._look()

    def renewed(self) -> bool:
        """Tell whether one changed since the last time; files that cannot be read now have not."""
        if not self._paths or self._now() - self._looked_s < LOOK_S:
            return False
        self._looked_s = self._now()
        before = self._marks
        with contextlib.suppress(OSError):
            self._marks = self._look()
        return self._marks != before

    def _look(self) -> list[tuple[int, int, int]]:
        found = [path.stat() for path in self._paths]
        return [(one.st_ino, one.st_mtime_ns, one.st_size) for one in found]


class BearingChannel(grpc.aio.Channel):
    """A channel whose calls all carry the current trace and show who we are; nothing that uses it can forget to.

    Args:
        opened: Opens the channel beneath, with the certificates that lie there now.
        bearer: The token.
        files: The certificates; when they are renewed the channel beneath is opened anew.
    """

    def __init__(self, opened: Callable[[], grpc.aio.Channel], bearer: Bearer, files: Files) -> None:
        """Open the channel beneath."""
        self._opened = opened
        self._bearer = bearer
        self._files = files
        self._channel = opened()
        self._left: dict[asyncio.Task[None], grpc.aio.Channel] = {}

    def unary_unary(self, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 - gRPC's, handed on as they are
        """Make a method of one request and one answer."""
        return self._bearing(lambda channel: channel.unary_unary(*args, **kwargs))

    def unary_stream(self, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401
        """Make a method of one request and many answers."""
        return self._bearing(lambda channel: channel.unary_stream(*args, **kwargs))

    def stream_unary(self, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401
        """Make a method of many requests and one answer."""
        return self._bearing(lambda channel: channel.stream_unary(*args, **kwargs))

    def stream_stream(self, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401
        """Make a method of many requests and many answers."""
        return self._bearing(lambda channel: channel.stream_stream(*args, **kwargs))

    async def close(self, grace: float | None = None) -> None:
        """Close the channel, and those before it that still have calls."""
        for channel in (*self._left.values(), self._channel):
            await channel.close(grace)

    def get_state(self, try_to_connect: bool = False) -> grpc.ChannelConnectivity:  # noqa: FBT001, FBT002 - gRPC's
        """Say how the channel is connected."""
        return self._channel.get_state(try_to_connect)

    async def wait_for_state_change(self, last_observed_state: grpc.ChannelConnectivity) -> None:
        """Wait until that changes."""
        await self._channel.wait_for_state_change(last_observed_state)

    async def channel_ready(self) -> None:
        """Wait until it is connected."""
        await self._channel.channel_ready()

    async def __aenter__(self) -> Self:
        """Open; it connects with the first call."""
        await self._channel.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close."""
        await self._channel.__aexit__(kind, error, trace)

    def _bearing(self, make: Callable[[grpc.aio.Channel], Callable[..., Any]]) -> Callable[..., Any]:
        of, method = self._channel, make(self._channel)

        def call(*args: Any, metadata: Any = None, **kwargs: Any) -> Any:  # noqa: ANN401
            nonlocal of, method
            if self._files.renewed():
                self._open_anew()
            if of is not self._channel:
                of, method = self._channel, make(self._channel)
            trace, shown = carried(), self._bearer.metadata()
            if trace or shown:
                metadata = (*(metadata or ()), *trace.items(), *shown)
            return method(*args, metadata=metadata, **kwargs)

        return call

    def _open_anew(self) -> None:
        """Show the renewed certificates from now on; calls that are under way end where they began."""
        with contextlib.suppress(OSError):
            before, self._channel = self._channel, self._opened()
            closing = asyncio.ensure_future(before.close(LEFT_S))
            self._left[closing] = before
            closing.add_done_callback(self._left.pop)


def _credentials(ours: Identity) -> grpc.ChannelCredentials | None:
    if not ours.ca_path:
        return None
    key = pathlib.Path(ours.key_path).read_bytes() if ours.key_path else None
    chain = pathlib.Path(ours.certificate_path).read_bytes() if ours.certificate_path else None
    return grpc.ssl_channel_credentials(pathlib.Path(ours.ca_path).read_bytes(), key, chain)


def _shown(token: str) -> tuple[tuple[str, str], ...]:
    return (("authorization", f"Bearer {token.strip()}"),) if token.strip() else ()
