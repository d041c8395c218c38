"""Write instruments' facts for a time, and keep what was written as long as it stays true."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from functions.domain.enrichment import facts_at, unknown
from functions.domain.reference import Instrument
from functions.domain.sessions import Calendar
from functions.wire.codecs.enriched import encode_facts


@dataclass(frozen=True, slots=True)
class Sheet:
    """Hold the written facts of one record, true in [since_ns, until_ns)."""

    record: Instrument | None
    since_ns: int
    until_ns: int
    facts: bytes


class Sheets:
    """Give written facts; they follow from record, calendar and time alone, however often they are asked for.

    Args:
        calendars: Session calendars by code.
        sheets_max: Most instruments whose facts are kept; those written first are forgotten first.
    """

    def __init__(self, calendars: Mapping[str, Calendar], *, sheets_max: int) -> None:
        """Start with nothing written."""
        self._calendars = calendars
        self._sheets_max = sheets_max
        self._sheets: dict[str, Sheet] = {}

    def written(self, ids: Sequence[str], known: Mapping[str, Instrument], ts_ns: int) -> list[bytes]:
        """Give the facts of instruments at a time, in the order of their ids."""
        sheets, found = self._sheets, []
        for name in ids:
            sheet, record = sheets.get(name), known.get(name)
            if sheet is None or sheet.record is not record or not sheet.since_ns <= ts_ns < sheet.until_ns:
                sheet = sheets[name] = self._write(name, record, ts_ns)
            found.append(sheet.facts)
        while len(sheets) > self._sheets_max:
            del sheets[next(iter(sheets))]
        return found

    def _write(self, name: str, record: Instrument | None, ts_ns: int) -> Sheet:
        stay = unknown(name) if record is None else facts_at(record, self._calendars.get(record.calendar), ts_ns)
        return Sheet(record, stay.since_ns, stay.until_ns, encode_facts(stay.facts))
