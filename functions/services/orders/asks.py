"""Say what may be asked of an account's writer: each ask is decided alone, after those before it."""

from dataclasses import dataclass, replace
from typing import Final, TypeAlias

from functions.domain.decisions import OrderIntent, OrderOutcome, OrderUpdate, Submission, Verdict, Violation
from functions.domain.errors import Rejected
from functions.domain.orders.booking import FREE, Paper, book
from functions.domain.orders.life import Order, Replacement, Report, fold, request_cancel, request_replace
from functions.domain.orders.requests import CancelRequest, MassCancelRequest, ReplaceRequest
from functions.domain.risk.limits import PLAIN
from functions.ports.ledger import KeptOrder
from functions.ports.risk import RiskInProcess
from functions.ports.venue_orders import MessageKind
from functions.services.orders.draft import Draft

WORKING_MAX: Final = 10_000
"""Orders of an account that may be in motion; one more is rejected."""
NO_VENUE: Final = "no_venue"
TOO_MANY: Final = "too_many_orders"

_WORDS: Final = ("exec_id", "replaces_exec_id", "venue_order_id", "request_id", "text", "currency")
"""What a venue words in a report."""


@dataclass(frozen=True, slots=True)
class Rules:
    """Hold what asks are decided by: risk, whether there is a venue, and what is executed here, on paper."""

    risk: RiskInProcess
    venue: bool
    paper: Paper = FREE


@dataclass(frozen=True, slots=True)
class SubmitAsk:
    """Take one order."""

    submission: Submission

    @property
    def order_id(self) -> str:
        """Name the order."""
        return self.submission.client_order_id

    def decide(self, draft: Draft, rules: Rules) -> OrderOutcome:
        """Check and execute an order, or begin it; one that was asked before gets its first answer.

        Raises:
            Rejected: The id is another account's.
            Unavailable: Risk did not decide.
        """
        known = draft.answer(self.order_id)
        if known is not None:
            if known.update.account != draft.account.name:
                message = f"client_order_id {self.order_id!r} was used before; give each order its own"
                raise Rejected(message)
            return known
        submission = self.submission
        verdict = self._room(draft, rules) or rules.risk.decide(
            submission.order, submission.quote, draft.risk, as_of_ns=submission.as_of_ns
        )
        contract = rules.risk.contract(draft.account.name, submission.order.instrument_id)
        booking = book(draft.account, submission, verdict, multiplier=contract.units, paper=rules.paper)
        return draft.place(booking)

    def _room(self, draft: Draft, rules: Rules) -> Verdict | None:
        if self.submission.order.time_in_force in rules.paper.at_once:
            return None
        if not rules.venue:
            return Verdict((Violation(NO_VENUE, "no venue takes orders that rest; give immediate_or_cancel"),), "")
        if draft.in_motion >= WORKING_MAX:
            return Verdict((Violation(TOO_MANY, f"{WORKING_MAX} orders of the account are in motion"),), "")
        return None


@dataclass(frozen=True, slots=True)
class CancelAsk:
    """Ask for a cancel of one order."""

    request: CancelRequest

    @property
    def order_id(self) -> str:
        """Name the order."""
        return self.request.client_order_id

    def decide(self, draft: Draft, rules: Rules) -> tuple[OrderUpdate, ...]:
        """Set a cancel on its way; of an order that ended, tell how.

        Raises:
            Rejected: The account has no such order.
        """
        del rules
        kept, asked = _kept(draft, self.order_id), self.request
        return (_cancel(draft, kept, asked.request_id, asked.as_of_ns),)


@dataclass(frozen=True, slots=True)
class MassCancelAsk:
    """Ask for a cancel of all that works."""

    request: MassCancelRequest
    order_id: str = ""

    def decide(self, draft: Draft, rules: Rules) -> tuple[OrderUpdate, ...]:
        """Set a cancel on its way for each order that works; its id is the request's and the order's together."""
        del rules
        asked = self.request
        meant = [
            kept
            for kept in draft.working
            if kept.order.leaves
            and not kept.order.cancel_id
            and asked.instrument_id in {"", kept.order.submission.order.instrument_id}
        ]
        told = []
        for kept in meant:
            step = request_cancel(
                kept.order, f"{asked.request_id}:{kept.update.client_order_id}", as_of_ns=asked.as_of_ns
            )
            told.append(draft.ask(MessageKind.CANCEL, step))
        draft.note(asked.request_id, told)
        return tuple(told)


@dataclass(frozen=True, slots=True)
class ReplaceAsk:
    """Ask for another quantity or price of one order."""

    request: ReplaceRequest

    @property
    def order_id(self) -> str:
        """Name the order."""
        return self.request.client_order_id

    def decide(self, draft: Draft, rules: Rules) -> tuple[OrderUpdate, ...]:
        """Set a replace on its way; when it is refused the order works on as it is, and the answer says why.

        Raises:
            Rejected: The account has no such order.
            Unavailable: Risk did not decide.
        """
        kept, asked = _kept(draft, self.order_id), self.request
        wanted = Replacement(asked.request_id, asked.quantity, asked.limit_price)
        step = request_replace(kept.order, wanted, as_of_ns=asked.as_of_ns)
        reasons = (step.flaw,) if step.flaw else self._broken(kept.order, draft, rules)
        if reasons:
            draft.note(asked.request_id, (kept.update,), reasons=reasons)
            return (replace(kept.update, reasons=reasons),)
        told = draft.ask(MessageKind.REPLACE, step)
        draft.note(asked.request_id, (told,))
        return (told,)

    def _broken(self, order: Order, draft: Draft, rules: Rules) -> tuple[str, ...]:
        """Check what would work of the order once it is replaced, in its place."""
        asked = self.request
        wanted: OrderIntent = replace(
            order.submission.order, quantity=asked.quantity - order.cumulative, limit_price=asked.limit_price
        )
        verdict = rules.risk.decide(wanted, asked.quote, draft.risk, as_of_ns=asked.as_of_ns, replacing=self.order_id)
        return tuple(f"{one.rule}: {one.text}" for one in verdict.violations)


@dataclass(frozen=True, slots=True)
class ReportAsk:
    """Take what a venue says of an order, or what became of asking it."""

    order_id: str
    report: Report

    def decide(self, draft: Draft, rules: Rules) -> str:
        """Fold a report; tell what is wrong with it, empty when nothing is.

        Venues seldom tell what a contract stands for; then limits say it.

        Raises:
            Rejected: The account has no such order, or a trade has no name or figures.
        """
        order, report = _kept(draft, self.order_id).order, _storable(self.report)
        contract = rules.risk.contract(draft.account.name, order.submission.order.instrument_id)
        if contract is not PLAIN and report.multiplier == PLAIN.units:
            report = replace(report, multiplier=contract.units)
        step = fold(order, report)
        if step.update is not None:
            draft.take(step)
        return step.flaw


Ask: TypeAlias = SubmitAsk | CancelAsk | MassCancelAsk | ReplaceAsk | ReportAsk


def _storable(report: Report) -> Report:
    """Give a report without NUL in its words: PostgreSQL keeps none, and what cannot be stored would come for ever."""
    bad = {name: text.replace("\0", "\ufffd") for name in _WORDS if "\0" in (text := getattr(report, name))}
    return replace(report, **bad) if bad else report


def _kept(draft: Draft, client_order_id: str) -> KeptOrder:
    kept = draft.find(client_order_id)
    if kept is None:
        message = f"account {draft.account.name!r} has no order {client_order_id!r}"
        raise Rejected(message)
    return kept


def _cancel(draft: Draft, kept: KeptOrder, request_id: str, as_of_ns: int) -> OrderUpdate:
    step = request_cancel(kept.order, request_id, as_of_ns=as_of_ns)
    if step.flaw:
        draft.note(request_id, (kept.update,), reasons=(step.flaw,))
        return replace(kept.update, reasons=(step.flaw,))
    told = draft.ask(MessageKind.CANCEL, step)
    draft.note(request_id, (told,))
    return told
