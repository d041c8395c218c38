"""Read instruments from a file; the shipped one is `data/instruments.json` beside this module."""

from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from types import MappingProxyType
from typing import Final

import msgspec

from functions.ports.reference import Instrument

SHIPPED: Final = Path(__file__).parent / "data" / "instruments.json"
INSTRUMENTS_MAX: Final = 100_000

_NONE: Final[Mapping[str, Instrument]] = MappingProxyType({})


class BadReference(Exception):  # noqa: N818 - the room's word for a file nobody can use
    """A reference file is not what it should be."""


class Record(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One entry of a reference file; steps are decimal texts."""

    instrument_id: str
    venue_symbol: str
    venue: str
    tick_size: Decimal
    lot_size: Decimal
    finest_tick: Decimal | None = None
    finest_lot: Decimal | None = None


class Records(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A reference file."""

    instruments: list[Record]
    notes: list[str] = []


class FileReference:
    """Know the instruments of one file, read once."""

    def __init__(self, path: Path = SHIPPED) -> None:
        """Read the file.

        Raises:
            BadReference: It is missing, unreadable or inconsistent.
        """
        by_venue: dict[str, dict[str, Instrument]] = {}
        for record in _records(path):
            known = by_venue.setdefault(record.venue, {})
            if record.venue_symbol in known:
                reason = f"{path}: {record.venue} lists {record.venue_symbol} twice; keep one of the records"
                raise BadReference(reason)
            known[record.venue_symbol] = _instrument(path, record)
        self._by_venue = {venue: MappingProxyType(known) for venue, known in by_venue.items()}

    def instruments(self, venue: str) -> Mapping[str, Instrument]:
        """Give a venue's instruments by venue symbol; empty when the venue is not known."""
        return self._by_venue.get(venue, _NONE)


def _records(path: Path) -> list[Record]:
    try:
        records = msgspec.json.decode(path.read_bytes(), type=Records).instruments
    except (OSError, msgspec.DecodeError) as error:
        reason = f"{path}: no readable reference file ({error}); name another one, or none for the shipped one"
        raise BadReference(reason) from error
    if len(records) > INSTRUMENTS_MAX:
        reason = f"{path}: {len(records)} instruments; at most {INSTRUMENTS_MAX} are read"
        raise BadReference(reason)
    return records


def _instrument(path: Path, record: Record) -> Instrument:
    finest_tick = record.tick_size if record.finest_tick is None else record.finest_tick
    finest_lot = record.lot_size if record.finest_lot is None else record.finest_lot
    for step in (record.tick_size, record.lot_size, finest_tick, finest_lot):
        if not step.is_finite() or step <= 0:
            reason = f"{path}: {record.instrument_id} moves in steps of {step}; a step is positive and finite"
            raise BadReference(reason)
    return Instrument(
        instrument_id=record.instrument_id,
        venue_symbol=record.venue_symbol,
        venue=record.venue,
        tick_size=record.tick_size,
        lot_size=record.lot_size,
        finest_tick=finest_tick,
        finest_lot=finest_lot,
    )
