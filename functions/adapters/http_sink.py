"""Publish events to a broker's ingress over HTTP: binary mode CloudEvents, as Knative's data plane takes them."""

import json
import ssl
from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Final, Self

import aiohttp

from functions.ports.errors import Overloaded, Unavailable
from functions.ports.telemetry import carried
from functions.wire.envelope import Event, ExtensionValue
from functions.wire.errors import Malformed
from functions.wire.http_binding import to_http

TIMEOUT_S: Final = 10.0
CONNECTIONS_MAX: Final = 16
REASON_BYTES_MAX: Final = 512  # of an answer's body, kept for the message

_TAKEN: Final = frozenset((200, 202, 204))
_TOO_MANY: Final = 429
_SERVER_ERROR: Final = 500
_CLIENT_ERROR: Final = 400
# These say something about the way to the broker and nothing about the event, so the same call may work later
# (Knative data plane: retried).
_NOT_THE_EVENT: Final = frozenset((404, 408, 409))
_NONE: Final[Mapping[str, ExtensionValue]] = MappingProxyType({})
_NOT_OURS: Final = ("User-Agent", "Content-Type", "Accept", "Accept-Encoding")


class HttpSink:
    """Post events to one address; connections open with the first event and are kept.

    Args:
        url: Address of the broker's ingress.
        overrides: Extensions that every event gets (SinkBinding's `ceOverrides`).
        timeout_s: Seconds until an answer counts as missing.
        ca_certs: Authorities of an ingress over TLS beside the system's, PEM (SinkBinding's K_CA_CERTS).

    Raises:
        ValueError: `ca_certs` is not empty and holds no certificate.
    """

    def __init__(
        self,
        url: str,
        *,
        overrides: Mapping[str, ExtensionValue] = _NONE,
        timeout_s: float = TIMEOUT_S,
        ca_certs: str = "",
    ) -> None:
        """Keep where to; nothing is opened yet."""
        self._trusted = _trusted(ca_certs)
        self._url = url
        self._overrides = dict(overrides)
        self._timeout_s = timeout_s
        self._session: aiohttp.ClientSession | None = None

    async def publish(self, event: Event) -> None:
        """Post one event; return once the broker has stored it.

        Raises:
            Unavailable: The broker cannot be reached, is too slow, or fails.
            Overloaded: The broker asks to slow down.
            Malformed: The broker refuses the event for good.
        """
        if self._overrides:
            event = replace(event, extensions={**event.extensions, **self._overrides})
        raw, body = to_http(event)
        headers = [(name.decode(), value.decode()) for name, value in raw]
        headers += carried().items()
        try:
            async with self._open().post(
                self._url, headers=headers, data=body, allow_redirects=False, skip_auto_headers=_NOT_OURS
            ) as response:
                if response.status not in _TAKEN:
                    await _refuse(response, event)
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            msg = f"broker {_without_secrets(self._url)} not reached with event {event.id}: {type(error).__name__}"
            raise Unavailable(msg) from error

    async def close(self) -> None:
        """Close the connections."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def __aenter__(self) -> Self:
        """Open nothing yet."""
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close the connections."""
        await self.close()

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=CONNECTIONS_MAX, ssl=self._trusted),
                timeout=aiohttp.ClientTimeout(total=self._timeout_s),
                cookie_jar=aiohttp.DummyCookieJar(),
            )
        return self._session


def sink_from(environ: Mapping[str, str]) -> HttpSink:
    """Make the sink that a SinkBinding names in the environment: K_SINK, K_CE_OVERRIDES and K_CA_CERTS.

    Raises:
        ValueError: K_SINK is missing, or one of them cannot be read.
    """
    url = environ.get("K_SINK", "")
    if not url.startswith(("http://", "https://")):
        msg = "K_SINK must be the http address of the broker"
        raise ValueError(msg)
    overrides = overrides_of(environ.get("K_CE_OVERRIDES", ""))
    return HttpSink(url, overrides=overrides, ca_certs=environ.get("K_CA_CERTS", ""))


def overrides_of(text: str) -> dict[str, str]:
    """Read K_CE_OVERRIDES, `{"extensions": {"name": "value"}}`; empty text means none.

    Raises:
        ValueError: It is not that.

    >>> overrides_of('{"extensions": {"env": "prod"}}')
    {'env': 'prod'}
    """
    found = json.loads(text) if text else {}
    extensions = found.get("extensions") if isinstance(found, dict) else found
    if extensions is None:
        return {}
    if not isinstance(extensions, dict) or not all(isinstance(value, str) for value in extensions.values()):
        msg = "K_CE_OVERRIDES must be an object with extensions of text"
        raise ValueError(msg)
    return extensions


def _trusted(ca_certs: str) -> ssl.SSLContext | bool:
    """Say whom to trust as the ingress: the system's authorities, and those given."""
    if not ca_certs.strip():
        return True
    context = ssl.create_default_context()
    try:
        context.load_verify_locations(cadata=ca_certs)
    except (ssl.SSLError, ValueError) as error:
        msg = f"K_CA_CERTS must hold certificates in PEM: {error}"
        raise ValueError(msg) from error
    return context


async def _refuse(response: aiohttp.ClientResponse, event: Event) -> None:
    reason = (await response.content.read(REASON_BYTES_MAX)).decode("utf-8", "replace")
    msg = f"broker answered {response.status} to event {event.id} of {event.source}: {reason}"
    if response.status == _TOO_MANY:
        raise Overloaded(msg)
    if _CLIENT_ERROR <= response.status < _SERVER_ERROR and response.status not in _NOT_THE_EVENT:
        raise Malformed(msg)
    raise Unavailable(msg)


def _without_secrets(url: str) -> str:
    scheme, _, rest = url.partition("://")
    return f"{scheme}://{rest.rpartition('@')[2].partition('?')[0]}"
