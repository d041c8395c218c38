"""Compose and serve `normalize`."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial

import functions_framework.aio
from starlette.requests import Request
from starlette.responses import Response

from functions.adapters.opened_reference import Places, open_reference
from functions.handlers.normalize import CARD, handler
from functions.runtime import event_app
from functions.runtime.hosting import HostedHandler
from functions.wire.venues.columns import Decode


@dataclass(frozen=True, slots=True)
class Settings:
    """Say what rows are held against.

    Args:
        future_skew_ms_max: How far venue time may be ahead of receive time, milliseconds; the captures are 1,272 ahead.
        reference: File of instruments; empty takes the shipped one.
        database_url: PostgreSQL with the reference, which goes before the file; empty for none.
        reference_check_ms: Milliseconds after which a new version of it is asked for.
        database_connections_max: Most PostgreSQL connections.
        normalize_kernels: `none` decodes with numpy alone and starts fast; `compiled` gives the same ticks with kernels
            and in less time, once numba has loaded: for a process that stays.
    """

    future_skew_ms_max: int = 10_000
    reference: str = ""
    database_url: str = field(default="", repr=False, metadata={"env": "DATABASE_URL"})
    reference_check_ms: int = 1000
    database_connections_max: int = 1
    normalize_kernels: str = "none"

    def __post_init__(self) -> None:
        """Refuse a kernel nobody has, and limits that would serve nothing."""
        if self.normalize_kernels not in {"none", "compiled"}:
            msg = f"normalize_kernels is {self.normalize_kernels!r}, expected 'none' or 'compiled'"
            raise ValueError(msg)
        if self.reference_check_ms < 1 or self.database_connections_max < 1:
            msg = "reference_check_ms and database_connections_max must be at least 1"
            raise ValueError(msg)


def compose(settings: Settings) -> HostedHandler:
    """Join the handler with its reference: the file is read here, once, the store with the first batch."""
    places = Places(settings.database_url, "", settings.reference, settings.database_connections_max)
    opened = open_reference(places, check_ms=settings.reference_check_ms)
    deps = handler.Deps(
        units=handler.units_from(opened.reference),
        future_skew_ms_max=settings.future_skew_ms_max,
        decoders=_decoders(settings.normalize_kernels),
    )
    return HostedHandler(card=CARD, handle=partial(handler.handle, deps=deps), close=opened.close)


def _decoders(kernels: str) -> Mapping[str, Decode]:
    if kernels == "none":
        return {}
    from functions.adapters.kernels import CompiledDecoders  # noqa: PLC0415 - numba: 0.6 s a cold start need not pay

    return CompiledDecoders()


respond = event_app.endpoint(Settings, compose)


@functions_framework.aio.http
async def handle(request: Request) -> Response:
    """Answer one request; functions-framework finds this name."""
    return await respond(request)


if __name__ == "__main__":
    event_app.serve(respond, handle)
