"""Hand on what a venue said of an order; the answer is 204, and nothing is lost before it."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from functions.handlers.execute import CARD
from functions.wire.codecs.venue import EXECUTION_REPORT, Reported, decode_execution_report
from functions.wire.envelope import Event
from functions.wire.errors import Malformed


@dataclass(frozen=True, slots=True)
class Deps:
    """What the handler needs: who takes what a venue says; it is stored when that returns."""

    report: Callable[[Reported], Awaitable[None]]


async def handle(event: Event, *, deps: Deps) -> Event | None:
    """Report one execution, end or refusal; said again it changes nothing.

    Raises:
        Malformed: The event is no readable ExecutionReport.
        Rejected: The account has no such order, or a trade has no name or figures.
        Unavailable: It is not known to be stored; said again.
    """
    if event.type != EXECUTION_REPORT:
        detail = f"{CARD.name} reads {EXECUTION_REPORT}, not {event.type}"
        raise Malformed(detail)
    await deps.report(decode_execution_report(event.data or b""))
    return None
