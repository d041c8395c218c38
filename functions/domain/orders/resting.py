"""Be a paper venue: orders rest by price and time, and one-second bars of the real market fill them.

An order that reaches the other side takes what the quote of its request shows; the rest rests. What rests is filled at
its limit when the market trades through it, or is quoted through it at the bar's close; prices that only touch it may
have gone to those before it, and fill nothing. Of a bar's volume at most a share is ours.

**Order does not matter, within bounds.** Bars that came before an order did, though they lie behind its time, are
looked at again: an order that comes up to `BARS_KEPT` seconds late is filled as one on time, by what those seconds have
left. What has been executed is never undone: what others took meanwhile is gone, however late the better order, and a
cancel or replace holds from when it comes.
"""

from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from hashlib import sha256
from typing import Final, NamedTuple, TypeAlias

from functions.domain.decisions import ExecType, OrderIntent, OrderStatus, Quote, Side, Submission, TimeInForce
from functions.domain.market import NS_PER_S, InstrumentRef
from functions.domain.money import EXACT, scaled
from functions.domain.orders.life import Report

BARS_KEPT: Final = 128
"""Seconds of an instrument that a slow order may look back over."""

INSTRUMENTS_MAX: Final = 8
"""Instruments whose seconds are kept, those heard first; slow orders in others look back over none."""

ORDERS_MAX: Final = 128
"""Orders that rest at the venue; one more is refused."""

ENDED_MAX: Final = 160
"""Ended orders that are remembered, so that a message that comes again is answered, not obeyed again."""

EXECUTIONS_KEPT: Final = 12
"""Newest executions of an order that are told again when it is asked about."""

HELD_MAX: Final = 64
"""Reports that are held back while the venue is silent; of more the oldest are told."""

_BPS: Final = 10_000
_DAY_NS: Final = 86_400 * NS_PER_S
_NS_PER_MS: Final = 10**6
_RESTS: Final = frozenset((TimeInForce.DAY, TimeInForce.GOOD_TILL_CANCEL))


@dataclass(frozen=True, slots=True)
class VenueRules:
    """Say how the venue behaves, and misbehaves.

    Args:
        latency_ms: How long an order, cancel or replace is on its way.
        share_bps: Most of a bar's volume that is ours, basis points.
        maker_bps: Fee of what rested, basis points of its value; less than 0 is a rebate.
        taker_bps: Fee of what took.
        reject_bps: Share of orders that are refused, basis points; which ones follows from their ids.
        silent_from_ns: Venue time from which reports are held back, as by a broken connection.
        silent_until_ns: Venue time from which they are told; equal to `silent_from_ns` is never silent.
    """

    latency_ms: int = 0
    share_bps: int = 2_500
    maker_bps: Decimal = Decimal(0)
    taker_bps: Decimal = Decimal(0)
    reject_bps: int = 0
    silent_from_ns: int = 0
    silent_until_ns: int = 0


@dataclass(slots=True)
class Second:
    """Hold what one second of the market still offers: mantissas, and the closing quote, 0 where a side is unknown."""

    start_ns: int
    high: int
    low: int
    bid_price: int
    ask_price: int
    left: int


class Key(NamedTuple):
    """Name an order of an account; an order of another account is unknown."""

    account: str
    client_order_id: str


class Execution(NamedTuple):
    """Keep one execution: its number inside its order, when, quantity and price mantissas, and whether it took."""

    number: int
    at_ns: int
    quantity: int
    price: int
    took: bool


@dataclass(slots=True)
class Resting:
    """Hold an order at the venue.

    Args:
        client_order_id: Its id.
        order: The order as it stands: total quantity and limit price after replacements.
        active_ns: From when on the market may fill it.
        number: Its place in time.
        asked: Number of the replace that was obeyed last; -1 before any.
        filled: Quantity filled, a mantissa.
        executed: Executions so far.
        executions: The newest of them, oldest first.
        status: How it stands.
    """

    client_order_id: str
    order: OrderIntent
    active_ns: int
    number: int
    asked: int = -1
    filled: int = 0
    executed: int = 0
    executions: deque[Execution] = field(default_factory=lambda: deque(maxlen=EXECUTIONS_KEPT))
    status: OrderStatus = OrderStatus.NEW

    @property
    def key(self) -> Key:
        """Give its name."""
        return Key(self.order.account, self.client_order_id)

    @property
    def leaves(self) -> int:
        """Give what still works."""
        return self.order.quantity - self.filled


@dataclass(slots=True)
class Market:
    """Hold an instrument's unit and the seconds just gone, oldest first."""

    ref: InstrumentRef
    seconds: deque[Second] = field(default_factory=lambda: deque(maxlen=BARS_KEPT))


Said: TypeAlias = tuple[Key, Report]
"""What the venue says: of which order, and what."""


@dataclass(slots=True)
class PaperBook:
    """Hold the venue: its markets, what rests, what has ended, what was not said yet, and how late it is."""

    rules: VenueRules
    markets: dict[str, Market] = field(default_factory=dict)
    resting: dict[str, Resting] = field(default_factory=dict)
    ended: dict[str, Resting] = field(default_factory=dict)
    held: list[Said] = field(default_factory=list)
    taken: int = 0
    now_ns: int = 0


def enter(book: PaperBook, submission: Submission) -> list[Said]:
    """Take an order; one that was taken before changes nothing."""
    name, order = submission.client_order_id, submission.order
    at_ns = _arrive(book, submission.as_of_ns)
    if name in book.resting or name in book.ended:
        return []
    book.taken += 1
    entered = Resting(name, order, at_ns, book.taken)
    refusal = _refusal(book, entered)
    if refusal:
        return [_end(book, entered, ExecType.REJECTED, at_ns, text=refusal)]
    book.resting[name] = entered
    said = [(entered.key, _report(entered, ExecType.NEW, at_ns))]
    said += _take_quote(book, entered, submission.quote)
    if order.time_in_force in _RESTS:
        said += _look_back(book, entered)
    elif entered.leaves:
        said.append(_end(book, entered, ExecType.CANCELED, at_ns, text="what was not filled at once is canceled"))
    return said


def withdraw(book: PaperBook, key: Key, request_id: str, *, as_of_ns: int) -> list[Said]:
    """Cancel an order, or say that it is too late."""
    at_ns = _arrive(book, as_of_ns)
    found = _find(book.resting, key)
    if found is None:
        return [_too_late(key, request_id, at_ns)]
    return [_end(book, found, ExecType.CANCELED, at_ns, request_id=request_id)]


class Wanted(NamedTuple):
    """Say what an order shall become: the request's id and number, total quantity and limit price mantissas.

    A later request of an order has a greater number.
    """

    request_id: str
    number: int
    quantity: int
    limit_price: int


def change(book: PaperBook, key: Key, wanted: Wanted, *, as_of_ns: int) -> list[Said]:
    """Replace quantity and price, or say that it is too late; only a smaller quantity keeps its place in time.

    The replace that was obeyed last is answered again when it comes again; one before it says nothing more. A day order
    ends with its day, whether or not its market has traded since, and cannot be replaced into another.
    """
    at_ns = _arrive(book, as_of_ns)
    found = _find(book.resting, key)
    if found is not None and found.order.time_in_force is TimeInForce.DAY and at_ns >= _day_end(found):
        return [_end(book, found, ExecType.EXPIRED, _day_end(found)), _too_late(key, wanted.request_id, at_ns)]
    if found is not None and wanted.number < found.asked:
        return []
    known = found or _find(book.ended, key)
    if known is None or wanted.number != known.asked:
        if found is None or wanted.quantity <= found.filled:
            return [_too_late(key, wanted.request_id, at_ns)]
        _become(book, found, wanted, at_ns)
        known = found
    return [(key, _report(known, ExecType.REPLACED, at_ns, request_id=wanted.request_id))]


def tell(book: PaperBook, client_order_id: str, request_id: str) -> list[Said]:
    """Say how an order stands: its newest executions again, then its status; none when the venue does not know it."""
    found = book.resting.get(client_order_id) or book.ended.get(client_order_id)
    if found is None:
        return [(Key("", client_order_id), Report(ExecType.ORDER_STATUS, book.now_ns, request_id=request_id))]
    status = replace(
        _report(found, ExecType.ORDER_STATUS, book.now_ns, request_id=request_id),
        quantity=found.filled,
        status=found.status,
    )
    return [(found.key, one) for one in (*(_trade(book, found, one) for one in found.executions), status)]


def pass_second(book: PaperBook, ref: InstrumentRef, second: Second, *, volume: int) -> list[Said]:
    """Let one second of an instrument pass: day orders end with their day, what is traded through is filled.

    Args:
        book: The venue.
        ref: The instrument.
        second: The second; `left` is set here.
        volume: What was traded in it, a size mantissa.
    """
    book.now_ns = max(book.now_ns, second.start_ns + NS_PER_S)
    second.left = volume * book.rules.share_bps // _BPS
    if ref.instrument_id not in book.markets and len(book.markets) < INSTRUMENTS_MAX:
        book.markets[ref.instrument_id] = Market(ref)
    market = book.markets.get(ref.instrument_id)
    if market is not None:
        market.seconds.append(second)
    there = [one for one in book.resting.values() if one.order.instrument_id == ref.instrument_id]
    return _meet(book, there, second, ref)


def speak(book: PaperBook, said: list[Said]) -> list[Said]:
    """Let reports leave in their order, or hold them back while the venue is silent."""
    book.held += said
    rules = book.rules
    silent = rules.silent_from_ns <= book.now_ns < rules.silent_until_ns
    free = max(len(book.held) - HELD_MAX, 0) if silent else len(book.held)
    told, book.held = book.held[:free], book.held[free:]
    return told


def _find(orders: Mapping[str, Resting], key: Key) -> Resting | None:
    found = orders.get(key.client_order_id)
    return found if found is not None and found.order.account == key.account else None


def _arrive(book: PaperBook, as_of_ns: int) -> int:
    """Give when a request arrives that was made at a time."""
    at_ns = as_of_ns + book.rules.latency_ms * _NS_PER_MS
    book.now_ns = max(book.now_ns, at_ns)
    return at_ns


def _refusal(book: PaperBook, entered: Resting) -> str:
    if min(entered.order.quantity, entered.order.limit_price) <= 0:
        return "quantity and limit price must be more than 0"
    if len(book.resting) >= ORDERS_MAX:
        return f"{ORDERS_MAX} orders rest already"
    drawn = int.from_bytes(sha256(entered.client_order_id.encode()).digest()[:8]) % _BPS
    return "refused by the venue's rules" if drawn < book.rules.reject_bps else ""


def _look_back(book: PaperBook, entered: Resting) -> list[Said]:
    market = book.markets.get(entered.order.instrument_id)
    if market is None:
        return []
    return [said for second in market.seconds for said in _meet(book, (entered,), second, market.ref)]


def _become(book: PaperBook, one: Resting, wanted: Wanted, at_ns: int) -> None:
    if wanted.quantity > one.order.quantity or wanted.limit_price != one.order.limit_price:
        book.taken += 1
        one.number, one.active_ns = book.taken, at_ns
    one.order = replace(one.order, quantity=wanted.quantity, limit_price=wanted.limit_price)
    one.asked = wanted.number


def _meet(book: PaperBook, orders: Iterable[Resting], second: Second, ref: InstrumentRef) -> list[Said]:
    """Let orders in an instrument meet one of its seconds."""
    said: list[Said] = []
    through: list[Resting] = []
    for one in orders:
        if one.client_order_id not in book.resting:
            continue
        if (one.order.price_exponent, one.order.size_exponent) != (ref.price_exponent, ref.size_exponent):
            said.append(_end(book, one, ExecType.CANCELED, one.active_ns, text=f"the market counts in units of {ref}"))
        elif one.order.time_in_force is TimeInForce.DAY and second.start_ns >= _day_end(one):
            said.append(_end(book, one, ExecType.EXPIRED, _day_end(one)))
        elif one.active_ns <= second.start_ns and _is_through(one, second):
            through.append(one)
    return said + _fill(book, through, second)


def _day_end(one: Resting) -> int:
    return (one.active_ns // _DAY_NS + 1) * _DAY_NS


def _fill(book: PaperBook, through: Iterable[Resting], second: Second) -> list[Said]:
    said: list[Said] = []
    for one in sorted(through, key=_priority):
        quantity = min(one.leaves, second.left)
        if quantity > 0:
            second.left -= quantity
            said.append(_execute(book, one, quantity, one.order.limit_price, at_ns=second.start_ns + NS_PER_S))
    return said


def _priority(one: Resting) -> tuple[int, int]:
    """Put better prices first, then those that came first; the side that is served first is the buyers'."""
    return (-one.order.limit_price if one.order.side is Side.BUY else one.order.limit_price), one.number


def _is_through(one: Resting, second: Second) -> bool:
    limit = one.order.limit_price
    if one.order.side is Side.BUY:
        return 0 < second.low < limit or 0 < second.ask_price <= limit
    return second.high > limit or second.bid_price >= limit


def _take_quote(book: PaperBook, one: Resting, quote: Quote) -> list[Said]:
    buys, limit = one.order.side is Side.BUY, one.order.limit_price
    price, size = (quote.ask_price, quote.ask_size) if buys else (quote.bid_price, quote.bid_size)
    reached = 0 < price <= limit if buys else price >= limit
    quantity = min(one.leaves, size)
    if not reached or price <= 0 or quantity <= 0:
        return []
    if one.order.time_in_force is TimeInForce.FILL_OR_KILL and quantity < one.leaves:
        return []
    return [_execute(book, one, quantity, price, at_ns=one.active_ns, took=True)]


def _execute(  # noqa: PLR0913 - an execution has this many facts
    book: PaperBook, one: Resting, quantity: int, price: int, *, at_ns: int, took: bool = False
) -> Said:
    one.filled += quantity
    one.executed += 1
    execution = Execution(one.executed, at_ns, quantity, price, took)
    one.executions.append(execution)
    one.status = OrderStatus.PARTIALLY_FILLED
    if not one.leaves:
        one.status = OrderStatus.FILLED
        _retire(book, one)
    return one.key, _trade(book, one, execution)


def _trade(book: PaperBook, one: Resting, execution: Execution) -> Report:
    value = scaled(execution.quantity * execution.price, one.order.price_exponent + one.order.size_exponent)
    fee_bps = book.rules.taker_bps if execution.took else book.rules.maker_bps
    return replace(
        _report(one, ExecType.TRADE, execution.at_ns),
        exec_id=f"{one.client_order_id}.{execution.number}",
        quantity=execution.quantity,
        price=execution.price,
        fee=EXACT.multiply(value, EXACT.divide(fee_bps, Decimal(_BPS))),
    )


def _end(  # noqa: PLR0913 - why, when, for whom
    book: PaperBook, one: Resting, exec_type: ExecType, at_ns: int, *, request_id: str = "", text: str = ""
) -> Said:
    one.status = OrderStatus(exec_type.value)
    _retire(book, one)
    return one.key, _report(one, exec_type, at_ns, request_id=request_id, text=text)


def _retire(book: PaperBook, one: Resting) -> None:
    book.resting.pop(one.client_order_id, None)
    book.ended[one.client_order_id] = one
    while len(book.ended) > ENDED_MAX:
        del book.ended[next(iter(book.ended))]


def _too_late(key: Key, request_id: str, at_ns: int) -> Said:
    text = "too late, or no such order"
    return key, Report(ExecType.CANCEL_REJECT, at_ns, request_id=request_id, text=text)


def _report(one: Resting, exec_type: ExecType, at_ns: int, *, request_id: str = "", text: str = "") -> Report:
    return Report(exec_type, at_ns, venue_order_id=f"paper-{one.client_order_id}", request_id=request_id, text=text)
