"""Answer an Outcome with the decision whether and how its instrument is entered again.

A decision follows from the outcome, the rules, and what was known when the trade had ended: calendar, instruments, and
decisions before it. A trade of which no earlier decision is known is an original one, of generation 0.
"""

import asyncio
from dataclasses import dataclass, replace
from typing import Final

from functions.domain.errors import Rejected
from functions.domain.outcomes import Outcome
from functions.domain.reentry import Entry, Matrix, Near, ReentryDecision, Ruling, concerned, decide, near, side_of
from functions.handlers.reenter import CARD
from functions.ports.reentries import Reentries
from functions.ports.reference import Reference
from functions.ports.schedule import Schedule
from functions.wire import facts
from functions.wire.codecs.performance import OUTCOME, decode_outcome
from functions.wire.codecs.reentry import REENTRY_DECISION, encode_reentry_decision
from functions.wire.envelope import Event
from functions.wire.errors import Malformed

TIME_NS_MAX: Final = 2**62
"""Latest time that is looked up in the calendar, in the year 2116: windows around it still fit in 64 bits."""


@dataclass(frozen=True, slots=True)
class Deps:
    """What the handler needs: rules, the calendar, earlier decisions, and the currencies of instruments.

    `settle_ns` is how long before the trade's end a version of an event must have been known, nanoseconds: what is
    younger may not be stored yet, and then a replay would see what was not seen live.
    """

    matrix: Matrix
    schedule: Schedule
    reentries: Reentries
    reference: Reference
    settle_ns: int


async def handle(event: Event, *, deps: Deps) -> Event | None:
    """Decide what is done after a signal's trade; one whose end was never seen is answered with nothing.

    Raises:
        Malformed: The event is no readable Outcome; one that is of no signal is none.
        Rejected: The trade ended at no time that can be.
        Unavailable: Calendar, instruments or earlier decisions can be read nowhere now.
    """
    if event.type != OUTCOME:
        detail = f"{CARD.name} reads {OUTCOME}, not {event.type}"
        raise Malformed(detail)
    outcome = decode_outcome(event.data or b"")
    if outcome.gain is None:
        return None
    if not 0 < outcome.exit_ns < TIME_NS_MAX:
        detail = f"the trade of signal {outcome.signal_id} ended at {outcome.exit_ns} ns, which cannot be"
        raise Rejected(detail)
    near_by, entry = await asyncio.gather(_near(outcome, deps), deps.reentries.entered(outcome.signal_id))
    ruling = decide(deps.matrix, gain=outcome.gain, bars=outcome.bars, near_by=near_by, entry=entry)
    decision = _decision(outcome, ruling, near_by, entry, digest=deps.matrix.digest)
    reply = facts.reply(
        event,
        name=CARD.name,
        version=CARD.version,
        message_type=REENTRY_DECISION,
        data=encode_reentry_decision(decision),
        time_ns=outcome.exit_ns,
    )
    return replace(reply, id=decision.decision_id)


async def _near(outcome: Outcome, deps: Deps) -> Near:
    """Look what the calendar has near the trade's end; where no currency is known, events of every one count."""
    axes, at_ns = deps.matrix.axes, outcome.exit_ns
    known = (await deps.reference.look_up([outcome.instrument_id])).instruments.get(outcome.instrument_id)
    own = () if known is None else (known.base_currency, known.quote_currency)
    scheduled = await deps.schedule.around(
        concerned(own, deps.matrix.follows),
        from_ns=at_ns - axes.after_ns,
        to_ns=at_ns + axes.before_ns,
        as_of_ns=at_ns - deps.settle_ns,
    )
    return near(scheduled, at_ns, axes)


def _decision(outcome: Outcome, ruling: Ruling, near_by: Near, entry: Entry, *, digest: str) -> ReentryDecision:
    return ReentryDecision(
        decision_id=facts.fact_id(REENTRY_DECISION, outcome.signal_id, entry.generation),
        signal_id=outcome.signal_id,
        strategy=outcome.strategy,
        instrument_id=outcome.instrument_id,
        interval_s=outcome.interval_s,
        side=side_of(ruling.reaction, outcome.action),
        ruling=ruling,
        near=near_by,
        digest=digest,
        as_of_ns=outcome.exit_ns,
        shard=outcome.shard,
    )
