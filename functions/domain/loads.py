"""Say what records change of what is known: the rules of a load.

Steps that changed close their interval, symbols are handed over and names change, units stay those of the first record;
the same records again change nothing.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from enum import Enum
from typing import Final

from functions.domain.adjustments import ActionKind, CorporateAction
from functions.domain.market import InstrumentRef
from functions.domain.reference import Instrument, Status, Steps, exponent_of, with_status
from functions.domain.sessions import FOREVER

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_NS_PER_US: Final = 1000


@dataclass(frozen=True, slots=True)
class Changes:
    """Say what a load did.

    Args:
        added: Instruments that were not known.
        changed: Instruments that were known otherwise, as they are now.
        unchanged: How many were known exactly so.
        finer: Ids whose new steps are finer than their units: rows at such prices will be rejected.
        late: Ids whose record is older than what is known, so that its steps told nothing new.
    """

    added: tuple[Instrument, ...] = ()
    changed: tuple[Instrument, ...] = ()
    unchanged: int = 0
    finer: tuple[str, ...] = ()
    late: tuple[str, ...] = ()

    @property
    def written(self) -> tuple[Instrument, ...]:
        """Give every instrument whose record is new or other than before."""
        return self.added + self.changed


class Told(Enum):
    """Say how much a record tells of its instrument's steps."""

    NOW = "now"
    """The steps at the time of the record, as a venue's listing does."""
    HISTORY = "history"
    """All steps there ever were."""
    NOTHING = "nothing"
    """None: its steps count only where the instrument was not known before, as in a list of dividends."""


@dataclass(frozen=True, slots=True)
class Update:
    """Hold one record to take in: an instrument as its source describes it, fields it does not know left at default."""

    instrument: Instrument
    told: Told = Told.NOW


@dataclass(slots=True)
class _Tally:
    added: dict[str, Instrument] = field(default_factory=dict)
    changed: dict[str, Instrument] = field(default_factory=dict)
    unchanged: int = 0
    finer: list[str] = field(default_factory=list)
    late: list[str] = field(default_factory=list)


def take_in(known: Mapping[str, Instrument], updates: Sequence[Update], *, at_ns: int) -> Changes:
    """Work out what records change; taking them in again changes nothing.

    Args:
        known: All instruments by id of the venues that are told of.
        updates: Records of one venue or several.
        at_ns: Time of which the records are told.

    Returns:
        What to write. A step that changed closes its interval at `at_ns`; a symbol that an instrument takes over ends
        the listing of the one that had it; a new symbol of a known instrument is a rename. One that is listed again is
        listed from then on: what it was called in between is not told any more.
    """
    tally = _Tally()
    now = dict(known)
    told = {one.instrument.instrument_id: _told_symbol(known, one.instrument, at_ns) for one in updates}
    holders = {  # those who keep their symbols; one that is told by another gives its own up to whoever takes it
        (one.venue, one.venue_symbol): one.instrument_id
        for one in known.values()
        if at_ns < one.listed_to_ns and told.get(one.instrument_id, one.venue_symbol) == one.venue_symbol
    }
    for update in updates:
        one = _merged(now.get(update.instrument.instrument_id), update, at_ns, tally)
        holder = holders.get((one.venue, one.venue_symbol), one.instrument_id)
        if holder != one.instrument_id:
            _hand_over(now, holder, at_ns, tally)
            one = replace(one, listed_from_ns=max(one.listed_from_ns, at_ns))
        holders[one.venue, one.venue_symbol] = one.instrument_id
        _count(known, now, one, tally)
    return Changes(
        tuple(tally.added.values()),
        tuple(tally.changed.values()),
        tally.unchanged,
        tuple(tally.finer),
        tuple(tally.late),
    )


def _told_symbol(known: Mapping[str, Instrument], new: Instrument, at_ns: int) -> str:
    """Give the symbol a record leaves its instrument with: a late one renames nothing."""
    old = known.get(new.instrument_id)
    return new.venue_symbol if old is None or at_ns >= old.steps[-1].from_ns else old.venue_symbol


def _merged(old: Instrument | None, update: Update, at_ns: int, tally: _Tally) -> Instrument:
    new = update.instrument
    if old is None:
        return replace(new, statuses=_statuses(replace(new, statuses=()), new))
    if _finer(new.steps[-1], old.ref) and update.told is not Told.NOTHING:
        tally.finer.append(old.instrument_id)
    steps = _steps(old, update, at_ns, tally)
    late = old.instrument_id in tally.late
    relisted = old.listed_to_ns <= at_ns and new.listed_to_ns == FOREVER and update.told is not Told.NOTHING
    renamed = old.venue_symbol != new.venue_symbol and not late
    actions = _joined(old.actions, (*new.actions, *((_rename(old, new, at_ns),) if renamed else ())))
    capitalised = old if new.market_cap is None or new.market_cap_as_of_ns < old.market_cap_as_of_ns else new
    return replace(
        old,
        venue_symbol=new.venue_symbol if renamed else old.venue_symbol,
        steps=steps,
        aliases=tuple(dict.fromkeys((*old.aliases, *new.aliases))),
        asset_class=new.asset_class or old.asset_class,
        multiplier=old.multiplier if new.multiplier is None else new.multiplier,
        quote_currency=new.quote_currency or old.quote_currency,
        base_currency=new.base_currency or old.base_currency,
        sector=new.sector or old.sector,
        market_cap=capitalised.market_cap,
        market_cap_as_of_ns=capitalised.market_cap_as_of_ns,
        calendar=new.calendar or old.calendar,
        listed_from_ns=new.listed_from_ns or (at_ns if relisted else old.listed_from_ns),
        listed_to_ns=new.listed_to_ns if relisted or new.listed_to_ns != FOREVER else old.listed_to_ns,
        restricted=old.restricted if new.restricted is None else new.restricted,
        actions=actions,
        statuses=_statuses(old, new),
    )


def _steps(old: Instrument, update: Update, at_ns: int, tally: _Tally) -> tuple[Steps, ...]:
    if update.told is Told.NOW:
        return _stepped(old, update.instrument.steps[-1], at_ns, tally)
    return update.instrument.steps if update.told is Told.HISTORY else old.steps


def _stepped(old: Instrument, told: Steps, at_ns: int, tally: _Tally) -> tuple[Steps, ...]:
    """Close the last interval where the steps changed; a record older than it tells nothing of today."""
    last = old.steps[-1]
    if at_ns < last.from_ns:
        tally.late.append(old.instrument_id)
        return old.steps
    if (told.tick_size, told.lot_size) == (last.tick_size, last.lot_size):
        return old.steps
    if at_ns == last.from_ns:  # the same moment told otherwise: a correction
        return (*old.steps[:-1], replace(last, tick_size=told.tick_size, lot_size=told.lot_size))
    return (*old.steps[:-1], replace(last, to_ns=at_ns), Steps(told.tick_size, told.lot_size, at_ns, last.to_ns))


def _joined(old: tuple[CorporateAction, ...], new: Iterable[CorporateAction]) -> tuple[CorporateAction, ...]:
    """Join actions; one that says what is known already, only later, adds nothing."""
    found = list(old)
    for action in new:
        if not any(replace(one, known_ns=0) == replace(action, known_ns=0) for one in found):
            found.append(action)
    return tuple(sorted(found, key=lambda one: (one.ex_date, one.known_ns)))


def _statuses(old: Instrument, new: Instrument) -> tuple[Status, ...]:
    """Join statuses; one that says what held anyway is no news."""
    joined = old
    for status in new.statuses:
        held = joined.status_at(status.from_ns)
        if (held.status, held.reason) != (status.status, status.reason):
            joined = with_status(joined, status)
    return joined.statuses


def _rename(old: Instrument, new: Instrument, at_ns: int) -> CorporateAction:
    day = (_EPOCH + timedelta(microseconds=at_ns // _NS_PER_US)).date()
    return CorporateAction(ActionKind.RENAME, day, at_ns, old_symbol=old.venue_symbol, new_symbol=new.venue_symbol)


def _hand_over(now: dict[str, Instrument], holder: str, at_ns: int, tally: _Tally) -> None:
    """End the listing of the instrument that had a symbol before."""
    ended = replace(now[holder], listed_to_ns=at_ns)
    now[holder] = ended
    (tally.added if holder in tally.added else tally.changed)[holder] = ended


def _count(known: Mapping[str, Instrument], now: dict[str, Instrument], one: Instrument, tally: _Tally) -> None:
    name = one.instrument_id
    now[name] = one
    if name not in known:
        tally.added[name] = one
    elif one == known[name]:
        tally.changed.pop(name, None)
        tally.unchanged += 1
    else:
        tally.changed[name] = one


def _finer(steps: Steps, ref: InstrumentRef) -> bool:
    return exponent_of(steps.tick_size) < ref.price_exponent or exponent_of(steps.lot_size) < ref.size_exponent
