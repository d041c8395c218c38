"""Say where instruments come from: their names, their steps, and whatever else is known about them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from functions.domain.loads import Changes, Update
from functions.domain.reference import Instrument, Status


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Hold instruments as one version of the reference knows them.

    Args:
        version: Name of the version; equal versions of one reference know the same.
        instruments: Those that were asked for and are known, by id.
    """

    version: str
    instruments: Mapping[str, Instrument]


class Reference(Protocol):
    """Know instruments, and say in which version."""

    async def version(self) -> str:
        """Name the version that answers now.

        Raises:
            Unavailable: Nobody can tell.
        """
        ...

    async def look_up(self, ids: Sequence[str]) -> Snapshot:
        """Give what is known about instruments, all of one version.

        Raises:
            Unavailable: Nobody can tell.
        """
        ...

    async def listed(self, venue: str) -> tuple[Instrument, ...]:
        """Give every instrument a venue ever listed, ordered by id; empty for a venue that is not known.

        Raises:
            Unavailable: Nobody can tell.
        """
        ...


class ReferenceStore(Reference, Protocol):
    """Keep instruments; every change makes a new version."""

    async def take_in(self, updates: Sequence[Update], *, at_ns: int, source: str) -> Changes:
        """Take in records of one time, all or none; `domain.loads.take_in` has the rules.

        Args:
            updates: Records of one venue or several.
            at_ns: Time of which they are told, UTC nanoseconds.
            source: Where they came from, for people.

        Raises:
            Unavailable: They were not stored.
        """
        ...

    async def set_status(self, instrument_id: str, status: Status) -> Instrument | None:
        """Say that an instrument halts, trades or closes from a time on; None when it is not known.

        Raises:
            Unavailable: It was not stored.
        """
        ...
