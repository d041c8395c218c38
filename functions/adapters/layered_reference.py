"""Put references in layers: one remembered in the process, and one that answers when the first cannot."""

import asyncio
import time
from collections.abc import Callable, Sequence

from functions.domain.reference import Instrument
from functions.ports.errors import Unavailable
from functions.ports.reference import Reference, Snapshot


class RememberedReference:
    """Remember in the process what was looked up, and ask for the version now and then.

    While the reference behind is down, what is remembered stays what it was: it is of the version it says.

    Args:
        inner: The reference behind.
        instruments_max: Most instruments remembered; those remembered first are forgotten first.
        check_ms: Milliseconds for which nothing is asked for again.
        clock: Monotonic seconds.
    """

    def __init__(
        self,
        inner: Reference,
        *,
        instruments_max: int,
        check_ms: int,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Start with nothing remembered."""
        self._inner = inner
        self._instruments_max = instruments_max
        self._check_s = check_ms / 1000
        self._clock = clock
        self._version = ""
        self._known: dict[str, Instrument | None] = {}
        self._check_at = float("-inf")
        self._asking = asyncio.Lock()
        self._failed: Unavailable | None = None

    async def version(self) -> str:
        """Name the version that is remembered, asked for again when it is due.

        Raises:
            Unavailable: None is remembered, and the reference behind cannot tell, or could not a moment ago.
        """
        await self._prepare(())
        return self._version

    async def look_up(self, ids: Sequence[str]) -> Snapshot:
        """Give what is known about instruments, all of one version.

        Raises:
            Unavailable: One that is not remembered cannot be had from the reference behind.
        """
        await self._prepare(ids)
        known = {name: one for name in ids if (one := self._known[name]) is not None}
        while len(self._known) > self._instruments_max:
            del self._known[next(iter(self._known))]
        return Snapshot(self._version, known)

    async def listed(self, venue: str) -> tuple[Instrument, ...]:
        """Give every instrument of a venue; always from the reference behind.

        Raises:
            Unavailable: The reference behind cannot tell.
        """
        return await self._inner.listed(venue)

    async def _prepare(self, ids: Sequence[str]) -> None:
        """See that the version is fresh and the instruments are remembered; nobody waits when they are."""
        if self._clock() < self._check_at and self._version and all(name in self._known for name in ids):
            return
        async with self._asking:  # one asks, the others find the answer
            await self._check()
            missing = [name for name in ids if name not in self._known]
            if missing:
                found = await self._inner.look_up(missing)
                if found.version != self._version:  # it changed meanwhile: all of them, of the new one
                    missing, found = list(ids), await self._inner.look_up(ids)
                self._keep(found.version)
                self._known |= {name: found.instruments.get(name) for name in missing}

    async def _check(self) -> None:
        if self._clock() >= self._check_at:
            try:
                self._keep(await self._inner.version())
            except Unavailable as error:
                self._failed = error  # what is remembered stays right: it is of the version it says
            self._check_at = self._clock() + self._check_s
        if not self._version:
            message = f"no version of the reference is known: {self._failed}"
            raise Unavailable(message)

    def _keep(self, version: str) -> None:
        if version != self._version:
            self._version, self._known = version, {}


class FallbackReference:
    """Ask a second reference for what the first does not know, or for everything while the first is down.

    A version names both, as `first/second`; the first part is empty where only the second one answered.

    Args:
        first: The one that is believed.
        second: The one that is always there, such as a file.
    """

    def __init__(self, first: Reference, second: Reference) -> None:
        """Keep both."""
        self._first = first
        self._second = second

    async def version(self) -> str:
        """Name the version that answers."""
        second = await self._second.version()
        try:
            return f"{await self._first.version()}/{second}"
        except Unavailable:
            return f"/{second}"

    async def look_up(self, ids: Sequence[str]) -> Snapshot:
        """Give what is known about instruments.

        Raises:
            Unavailable: The first reference is down, and the second does not know one of them.
        """
        second = await self._second.look_up(ids)
        try:
            first = await self._first.look_up(ids)
        except Unavailable:
            if len(second.instruments) < len(set(ids)):
                raise
            return Snapshot(f"/{second.version}", second.instruments)
        return Snapshot(f"{first.version}/{second.version}", {**second.instruments, **first.instruments})

    async def listed(self, venue: str) -> tuple[Instrument, ...]:
        """Give every instrument of a venue that either knows, as the first one knows it, ordered by id.

        Raises:
            Unavailable: The first reference is down. Part of a list is not given for the whole: an instrument that is
                missing from it would be taken for one that nobody knows.
        """
        first = {one.instrument_id: one for one in await self._first.listed(venue)}
        known = {one.instrument_id: one for one in await self._second.listed(venue)} | first
        return tuple(known[name] for name in sorted(known))
