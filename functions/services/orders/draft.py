"""Decide a group of requests about one account: what is stored of it, all or nothing, is one chapter of its ledger."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, NamedTuple

from functions.domain.decisions import Fill, OrderOutcome, OrderStatus, OrderUpdate, Side
from functions.domain.money import EXACT, scaled
from functions.domain.orders.account import Account
from functions.domain.orders.booking import Booking, in_motion, numbered, settle
from functions.domain.orders.life import Order, Step
from functions.domain.risk.limits import PLAIN, Contract
from functions.domain.risk.state import RiskState
from functions.domain.risk.units import MONEY_EXPONENT, atto, atto_of, money_of
from functions.ports.ledger import Chapter, KeptOrder, Led, Placed, RequestAnswer
from functions.ports.telemetry import TRACEPARENT, carried
from functions.ports.venue_orders import MessageKind, VenueMessage
from functions.services.orders.events import event_of

ANSWERS_MAX: Final = 10_000
"""First answers that are remembered beside the ledger: a retry comes within seconds."""


@dataclass(slots=True)
class Memory:
    """Hold an account as its writer knows it, between two chapters.

    Args:
        fence: The writer's fencing number.
        account: The account as stored last.
        working: Orders that are still in motion, oldest first.
        answers: First answers of late, by client_order_id; the oldest are forgotten.
        risk: What the account risks. It moves with every draft, so that a draft that is not stored costs the memory.
    """

    fence: int
    account: Account
    risk: RiskState
    working: dict[str, KeptOrder] = field(default_factory=dict)
    answers: dict[str, OrderOutcome] = field(default_factory=dict)

    @classmethod
    def of(cls, led: Led, contract_of: Callable[[str], Contract] = lambda _: PLAIN) -> "Memory":
        """Begin with what is stored; `contract_of` says what an instrument is."""
        account = led.account
        held = [(one.instrument_id, one.quantity, one.price) for one in account.positions.values()]
        risk = RiskState(account.capital, account.cash, held, contract_of=contract_of)
        for kept in led.working:
            first = kept.order.submission
            if first.order.instrument_id not in account.positions:  # nothing else says what its orders are worth
                risk.apply_quote(first.order.instrument_id, first.quote, first.order.price_exponent)
            _work(risk, kept.order)
        risk.peak_equity = max(risk.equity, money_of(account.peak_equity or account.capital))
        return cls(led.fence, account, risk, {one.update.client_order_id: one for one in led.working})


@dataclass(frozen=True, slots=True)
class Known:
    """Hold what the ledger was asked for before a group is decided.

    Args:
        answers: First answers, by client_order_id.
        requests: What requests were answered, by request_id.
        orders: Orders that are no longer in motion, by client_order_id.
    """

    answers: Mapping[str, OrderOutcome] = field(default_factory=dict)
    requests: Mapping[str, tuple[OrderUpdate, ...]] = field(default_factory=dict)
    orders: Mapping[str, KeptOrder] = field(default_factory=dict)


class Draft:
    """Fold requests into a copy of an account, until `chapter` says what to store and `keep` makes it the memory.

    Args:
        memory: The account; not touched until `keep`.
        known: What was looked up for this group.
    """

    def __init__(self, memory: Memory, known: "Known") -> None:
        """Begin with nothing done."""
        self.account = memory.account
        self.risk = memory.risk
        self._memory = memory
        self._known = known
        self._touched: dict[str, KeptOrder] = {}
        self._placed: list[Placed] = []
        self._steps: list[OrderUpdate | Fill] = []
        self._made_in: list[Mapping[str, str]] = []  # for each step the trace it was asked in
        self._replies: list[RequestAnswer] = []
        self._replied: dict[str, tuple[OrderUpdate, ...]] = {}
        self._messages: list[VenueMessage] = []
        self._first: dict[str, OrderOutcome] = {}

    @property
    def in_motion(self) -> int:
        """Count the orders that are in motion; those of this group are counted though they may have ended."""
        return len(self._memory.working) + len(self._touched)

    @property
    def working(self) -> list[KeptOrder]:
        """Give the orders that are in motion now, oldest first."""
        standing = {**self._memory.working, **self._touched}
        return [one for one in standing.values() if in_motion(one.order)]

    def answer(self, client_order_id: str) -> OrderOutcome | None:
        """Give what was first answered about an order."""
        return (
            self._first.get(client_order_id)
            or self._memory.answers.get(client_order_id)
            or self._known.answers.get(client_order_id)
        )

    def reply(self, request_id: str) -> tuple[OrderUpdate, ...] | None:
        """Give what a request was answered before."""
        if request_id in self._replied:
            return self._replied[request_id]
        return self._known.requests.get(request_id)

    def find(self, client_order_id: str) -> KeptOrder | None:
        """Give an order of the account as it stands now."""
        found = (
            self._touched.get(client_order_id)
            or self._memory.working.get(client_order_id)
            or self._known.orders.get(client_order_id)
        )
        return found if found is not None and found.update.account == self.account.name else None

    def place(self, booking: Booking) -> OrderOutcome:
        """Take an order in; one that is to rest leaves for its venue."""
        outcome, submission = booking.outcome, booking.submission
        moved = _moved(self.account, booking.account, submission.order.instrument_id)  # may refuse, as in `take`
        self.account = booking.account
        if booking.order.ended is not OrderStatus.REJECTED:
            self.risk.apply_asked(submission.order, submission.quote, as_of_ns=submission.as_of_ns)
            _work(self.risk, booking.order)
        _follow(self.risk, moved)
        self._add(booking.steps)
        self._placed.append(Placed(submission, booking.limits_version, outcome.update.n))
        self._touched[submission.client_order_id] = KeptOrder(booking.order, outcome.update)
        self._first[submission.client_order_id] = outcome
        if in_motion(booking.order):
            self._tell(MessageKind.NEW, outcome.update, booking.order)
        return outcome

    def take(self, step: Step) -> OrderUpdate:
        """Take one more step of an order's life; one that changed nothing leaves its last step standing."""
        name = step.order.submission.client_order_id
        told = numbered((step,), self.account.sequence)
        before = self.account
        after = replace(settle(before, step), sequence=before.sequence + len(told))
        moved = _moved(before, after, step.order.submission.order.instrument_id)  # may refuse: nothing has moved yet
        self.account = after
        _work(self.risk, step.order)
        _follow(self.risk, moved)
        self._add(told)
        last = next((one for one in reversed(told) if isinstance(one, OrderUpdate)), None)
        if last is None:
            kept = self.find(name)
            assert kept is not None, "a step is of an order that was found"  # noqa: S101 - programmer error
            return kept.update
        self._touched[name] = KeptOrder(step.order, last)
        return last

    def _add(self, steps: Sequence[OrderUpdate | Fill]) -> None:
        self._steps.extend(steps)
        self._made_in.extend([carried()] * len(steps))

    def ask(self, kind: MessageKind, step: Step) -> OrderUpdate:
        """Take a step that asks the venue for something."""
        update = self.take(step)
        self.risk.apply_sent(update.as_of_ns)
        self._tell(kind, update, step.order)
        return update

    def note(self, request_id: str, updates: Iterable[OrderUpdate], *, reasons: tuple[str, ...] = ()) -> None:
        """Remember what a request was answered; `reasons` say why nothing was done."""
        told = tuple(replace(one, reasons=reasons) if reasons else one for one in updates)
        self._replied[request_id] = told
        answers = [RequestAnswer(request_id, one.client_order_id, one.n, reasons) for one in told]
        self._replies.extend(answers or [RequestAnswer(request_id)])

    def _tell(self, kind: MessageKind, update: OrderUpdate, order: Order) -> None:
        wanted = order.replacement if kind is MessageKind.REPLACE else None
        self._messages.append(
            VenueMessage(
                kind=kind,
                sequence=update.sequence,
                client_order_id=update.client_order_id,
                request_id=update.request_id,
                order=order.submission.order,
                quantity=wanted.quantity if wanted else order.quantity,
                limit_price=wanted.limit_price if wanted else order.limit_price,
                as_of_ns=update.as_of_ns,
                quote=order.submission.quote if kind is MessageKind.NEW else None,
                traceparent=carried().get(TRACEPARENT, ""),
            )
        )

    def chapter(self) -> Chapter | None:
        """Say what is to be stored; None when nothing happened."""
        if not (self._steps or self._replies):
            return None
        before = self._memory.account
        self.account = replace(self.account, peak_equity=scaled(self.risk.peak_equity, MONEY_EXPONENT))
        moved = (one for name, one in self.account.positions.items() if before.positions.get(name) != one)
        lives = {name: kept.order.submission for name, kept in self._touched.items()}
        return Chapter(
            fence=self._memory.fence,
            before=before.sequence,
            account=self.account,
            positions=tuple(moved),
            placed=tuple(self._placed),
            orders=tuple(kept.order for kept in self._touched.values()),
            steps=tuple(self._steps),
            events=tuple(
                event_of(step, lives[step.client_order_id], made_in)
                for step, made_in in zip(self._steps, self._made_in, strict=True)
            ),
            answers=tuple(self._replies),
            messages=tuple(self._messages),
        )

    def keep(self) -> None:
        """Make the draft the memory: it is stored."""
        memory = self._memory
        memory.account = self.account
        for name, kept in self._touched.items():
            if in_motion(kept.order):
                memory.working[name] = kept
            else:
                memory.working.pop(name, None)
        memory.answers.update(self._first)
        while len(memory.answers) > ANSWERS_MAX:
            del memory.answers[next(iter(memory.answers))]


def _work(risk: RiskState, order: Order) -> None:
    """Tell risk what works of an order; while a replace is under way, the greater quantity and the worse price."""
    intent = order.submission.order
    quantity, price = order.quantity, order.limit_price
    if order.replacement is not None:
        quantity = max(quantity, order.replacement.quantity)
        worse = max if intent.side is Side.BUY else min
        price = worse(price, order.replacement.limit_price)
    leaves = max(quantity - order.cumulative, 0) if order.leaves else 0
    risk.apply_working(
        order.submission.client_order_id,
        intent.instrument_id,
        intent.side,
        leaves=atto(leaves, intent.size_exponent),
        price=atto(price, intent.price_exponent),
    )


class _Moved(NamedTuple):
    """Hold how an instrument's position moved, what was paid, and what it is worth, as risk counts."""

    instrument_id: str
    quantity: int
    paid: int
    mark: int


def _moved(before: Account, after: Account, instrument_id: str) -> _Moved | None:
    """Count how an account moved; None when it did not.

    Raises:
        Rejected: A figure is finer than risk counts.
    """
    held, had = after.positions.get(instrument_id), before.positions.get(instrument_id)
    if held is None or (held == had and before.cash == after.cash):
        return None
    moved = EXACT.subtract(held.quantity, had.quantity) if had else held.quantity
    paid = money_of(EXACT.subtract(before.cash, after.cash))
    return _Moved(instrument_id, atto_of(moved), paid, atto_of(held.price))


def _follow(risk: RiskState, moved: _Moved | None) -> None:
    """Tell risk how cash and an instrument's position moved, and what it is worth."""
    if moved is not None:
        risk.apply_trade(moved.instrument_id, Side.BUY, moved.quantity, 0, fee=moved.paid)
        risk.apply_mark(moved.instrument_id, moved.mark)
