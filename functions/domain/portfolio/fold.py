"""Fold an account's fills and the desk's marks into rows of risk metrics; pure but for the state's own arrays.

**Windows.** A window is 50 ms of event time with at least one fill of the account, or the minute at whose end an
instrument that the account has traded closed. Of more than 100 fills in 50 ms each hundred closes a part of its own. A
row says how the account stood at a window's end: after the fills before that end, in the order of the account's stream,
at the newest marks known by then. Time is what events say; it passes with whichever stream comes further.

**Order does not matter.** A row follows from the account's own stream and the marks up to its end, however they were
mixed. Whatever comes later, a fill told late, a correction, a mark of a slow shard, makes the rows from there on be
told again. A row's revision is how many facts it rests on (fills, marks of what was traded and of rates), so that the
greatest revision of a row is the same whatever came first, with the same figures. To tell less twice, a row waits for
the shards of what is held, until one is `silence_ns` behind.

**Bounds.** What can be told again reaches back over `fills_max` fills, `rows_max` rows and the minutes that marks are
kept for; only what comes later than that depends on the mixture. A correction of a fill beyond them cannot be booked,
and the account's rows say so from there on.
"""

from bisect import bisect_left, bisect_right, insort
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from hashlib import sha256
from typing import Final, NamedTuple, TypeAlias

from functions.domain.decisions import Fill, Side
from functions.domain.errors import Rejected
from functions.domain.market import BarBatch
from functions.domain.portfolio.books import Books, Trade, book, effective
from functions.domain.portfolio.marks import FOREVER, MARK_NS, Marks, mark_bars
from functions.domain.portfolio.metrics import (
    CORRECTION_LOST,
    FILLS_MISSING,
    LimitBreach,
    RiskMetrics,
    Window,
    breaches,
    needed,
    value,
)
from functions.domain.portfolio.state import Account, Booked, Desk, Rules, Told, open_account

WINDOW_NS: Final = 50_000_000
FILLS_PER_WINDOW: Final = 100

_ZERO: Final = Decimal(0)

Row: TypeAlias = RiskMetrics | LimitBreach
"""What is told of an account: a row, then what it broke."""


def fold_fill(desk: Desk, fill: Fill, sequence: int, rules: Rules) -> tuple[Row, ...]:
    """Take a fill: event `sequence` of its account's stream.

    Raises:
        Rejected: It is of one account more than are kept, or its price is no price; the state is unchanged.
    """
    if fill.quantity and fill.price <= 0:
        message = f"fill {fill.n} of order {fill.client_order_id} has price {fill.price}, which is not positive"
        raise Rejected(message)
    account = _account(desk, fill.account, rules)
    _hear(account, sequence, fill.as_of_ns)
    insort(account.trades, trade_of(fill, sequence), key=lambda one: one.sequence)
    account.due_ns = min(account.due_ns, fill.as_of_ns)
    return _advance(desk, account, rules)


def fold_step(desk: Desk, name: str, as_of_ns: int, sequence: int, rules: Rules) -> tuple[Row, ...]:
    """Take the news that an account's stream has reached a time with an event that is no fill.

    Raises:
        Rejected: It is of one account more than are kept.
    """
    account = _account(desk, name, rules)
    _hear(account, sequence, as_of_ns)
    return _advance(desk, account, rules)


def fold_bars(desk: Desk, batch: BarBatch, rules: Rules) -> tuple[Row, ...]:
    """Take a shard's bars; tell what they change, account by account.

    Raises:
        Rejected: An instrument's exponents changed; the state is unchanged.
    """
    fresh = mark_bars(desk.marks, batch)
    told: list[Row] = []
    for _, account in sorted(desk.accounts.items()):
        for name in (*_traded(account), *rules.metrics.rates) if fresh else ():
            if name in fresh:
                account.due_ns = min(account.due_ns, fresh[name] * MARK_NS - 1)
        told += _advance(desk, account, rules)
    return tuple(told)


def trade_of(fill: Fill, sequence: int) -> Trade:
    """Give what the books need of a fill; executions are named by a digest, for they only need to be told apart."""
    return Trade(
        sequence=sequence,
        as_of_ns=fill.as_of_ns,
        instrument_id=fill.instrument_id,
        quantity=fill.quantity if fill.side is Side.BUY else fill.quantity.copy_negate(),
        price=fill.price,
        fee=fill.fee,
        currency=fill.currency,
        multiplier=fill.multiplier,
        key=_key(fill, fill.exec_id),
        replaces=_key(fill, fill.replaces_exec_id),
    )


def _key(fill: Fill, exec_id: str) -> str:
    return sha256(f"{fill.client_order_id}|{exec_id}".encode()).hexdigest()[:16] if exec_id else ""


class _View(NamedTuple):
    """Look at an account at the end of a window.

    Args:
        window: Which window.
        books: Its books there.
        traded: What it had traded by then, what was corrected away too.
        fills: How many fills there were.
        lost: How many corrections could not be booked.
    """

    window: Window
    books: Books
    traded: frozenset[str]
    fills: int
    lost: int

    @property
    def minute(self) -> int:
        """Give the last minute that had ended by then."""
        return self.window.end_ns // MARK_NS


def _account(desk: Desk, name: str, rules: Rules) -> Account:
    account = desk.accounts.get(name)
    if account is None:
        if len(desk.accounts) >= rules.accounts_max:
            message = f"account {name!r:.80} is one more than the {rules.accounts_max} that are kept"
            raise Rejected(message)
        account = desk.accounts[name] = open_account(name, rules)
    return account


def _hear(account: Account, sequence: int, as_of_ns: int) -> None:
    """Follow an account's stream: what its numbers leap over is missing until it comes."""
    account.missing += sequence - account.next if sequence >= account.next else -1
    account.next = max(account.next, sequence + 1)
    account.clock_ns = max(account.clock_ns, as_of_ns)


def _traded(account: Account) -> set[str]:
    return {*account.base.positions, *(trade.instrument_id for trade in account.trades)}


def _advance(desk: Desk, account: Account, rules: Rules) -> tuple[Row, ...]:
    """Tell the rows that are due, and settle what is beyond the bounds."""
    if account.due_ns == FOREVER:
        return ()
    told = _tell_due(desk, account, rules)
    if len(account.trades) > rules.fills_max and account.due_ns < account.trades[0].as_of_ns + WINDOW_NS:
        told += _tell_due(desk, account, rules, forced=True)  # its windows would settle without having been told
    _settle(account, rules)
    return tuple(told)


def _tell_due(desk: Desk, account: Account, rules: Rules, *, forced: bool = False) -> list[Row]:
    """Tell rows in order, up to the first that has not ended or waits; by force, all of them."""
    told: list[Row] = []
    now_ns = _now(desk.marks, account)
    due = _due(desk.marks, account)
    account.due_ns = FOREVER
    for window in due:
        is_open = window.end_ns > now_ns and not _is_full(account, window)
        view = None if is_open and not forced else _look(account, window, rules)
        if view is None or (not forced and _waits(desk.marks, view, rules, now_ns=now_ns)):
            account.due_ns = window.end_ns - 1
            break
        told += _tell(desk.marks, account, view, rules)
    return told


def _waits(marks: Marks, view: _View, rules: Rules, *, now_ns: int) -> bool:
    return any(
        marks.waits(name, view.minute * MARK_NS, silence_ns=rules.silence_ns, now_ns=now_ns)
        for name in needed(view.books, rules.metrics)
    )


def _now(marks: Marks, account: Account) -> int:
    if marks.clocks and all(clock.ended for clock in marks.clocks.values()):
        return FOREVER
    return max(account.clock_ns, *(clock.passed_ns for clock in marks.clocks.values()), -1)


def _due(marks: Marks, account: Account) -> list[Window]:
    """List the windows that may have to be told, in order."""
    after_ns = max(account.due_ns, account.settled_ns)
    found = set(_fill_windows(account, after_ns))
    later = account.rows[bisect_right(account.rows, after_ns, key=lambda one: one.order[0]) :]
    found |= {Window(-minus_start, end, part) for (end, minus_start, part), *_ in later}
    traded = _traded(account)
    for minute in range(max(after_ns // MARK_NS, marks.oldest - 1, 0) + 1, marks.newest + 1):
        if any(marks.is_marked(name, minute) for name in traded):
            found.add(Window((minute - 1) * MARK_NS, minute * MARK_NS))
    return sorted(found, key=_order)


def _order(window: Window) -> tuple[int, int, int]:
    return window.end_ns, -window.start_ns, window.part


def _fill_windows(account: Account, after_ns: int) -> Iterator[Window]:
    """Give the windows and parts of fills that end after a time."""
    first = after_ns // WINDOW_NS
    counts = Counter(bucket for trade in account.trades if (bucket := trade.as_of_ns // WINDOW_NS) >= first)
    for bucket, count in counts.items():
        settled = _settled_in(account, bucket)
        for part in range(settled // FILLS_PER_WINDOW, -(-(settled + count) // FILLS_PER_WINDOW)):
            yield Window(bucket * WINDOW_NS, (bucket + 1) * WINDOW_NS, part)


def _settled_in(account: Account, bucket: int) -> int:
    return account.bucket[1] if account.bucket[0] == bucket else 0


def _is_full(account: Account, window: Window) -> bool:
    bucket = window.start_ns // WINDOW_NS
    count = sum(trade.as_of_ns // WINDOW_NS == bucket for trade in account.trades)
    return not window.is_minute and _settled_in(account, bucket) + count >= FILLS_PER_WINDOW * (window.part + 1)


def _trades_at(account: Account, window: Window) -> Iterator[Trade]:
    """Give the fills before the end of a window, or of the part of it, in the order of the stream."""
    left = FILLS_PER_WINDOW * (window.part + 1) - _settled_in(account, window.start_ns // WINDOW_NS)
    for trade in account.trades:
        if trade.as_of_ns < window.start_ns:
            yield trade
        elif trade.as_of_ns < window.end_ns:
            left -= 1
            if left >= 0 or window.is_minute:
                yield trade


def _look(account: Account, window: Window, rules: Rules) -> _View:
    """Book what an account had done at a window's end, from where the last look left off if it can."""
    trades = tuple(_trades_at(account, window))
    booked, lost = effective(trades)
    last = account.booked
    if last is not None and last.base is account.base and booked[: len(last.trades)] == last.trades:
        books, done = last.books, len(last.trades)
    else:
        books, done = account.base, 0
    for trade in booked[done:]:
        books = book(books, trade, rules.metrics.books)
    account.booked = Booked(account.base, booked, books)
    traded = frozenset((*books.positions, *(trade.instrument_id for trade in trades)))
    return _View(window, books, traded, account.settled + len(trades), account.lost + lost)


def _tell(marks: Marks, account: Account, view: _View, rules: Rules) -> Iterator[Row]:
    """Tell a row and what it broke, unless it was told of as many facts before."""
    if view.window.is_minute and not any(marks.is_marked(name, view.minute) for name in view.traded):
        return
    order = _order(view.window)
    place = bisect_left(account.rows, order, key=lambda one: one.order)
    had = account.rows[place] if place < len(account.rows) and account.rows[place].order == order else None
    revision = view.fills + sum(marks.seen(name, view.minute) for name in {*view.traded, *rules.metrics.rates})
    if had is not None and had.revision >= revision:
        return
    peak = account.rows[place - 1].peak if place else account.peak
    row = _row(marks, account, view, rules, behind=(revision, peak))
    broken = breaches(row, rules.metrics)
    row = replace(row, broken=tuple(one.limit for one in broken))
    account.rows[place : place + (had is not None)] = [Told(order, revision, row.peak, row.broken)]
    yield row
    yield from broken
    for limit in () if had is None else had.broken:
        if limit not in row.broken:
            yield LimitBreach(account.name, limit, row.window, revision, _ZERO, _ZERO, withdrawn=True)


def _row(marks: Marks, account: Account, view: _View, rules: Rules, *, behind: tuple[int, Decimal]) -> RiskMetrics:
    """Build a row; `behind` are its revision and the peak before it."""
    revision, peak = behind
    valued = value(view.books, marks, view.minute, rules.metrics)
    flags = valued.flags | (FILLS_MISSING if account.missing else 0) | (CORRECTION_LOST if view.lost else 0)
    return RiskMetrics(
        account=account.name,
        window=view.window,
        revision=revision,
        fills=view.fills,
        currency=rules.metrics.books.currency,
        capital=account.capital,
        balances=valued.balances,
        holdings=valued.holdings,
        totals=valued.totals,
        peak=peak if valued.totals is None else max(peak, valued.totals.equity),
        tail=valued.tail,
        flags=flags,
    )


def _settle(account: Account, rules: Rules) -> None:
    """Settle the oldest fills and rows above the bounds; what stands before them is told no more."""
    while len(account.trades) > rules.fills_max:
        _settle_fill(account, rules)
    if len(account.rows) > rules.rows_max:
        account.settled_ns = max(account.settled_ns, account.rows[-rules.rows_max - 1].order[0])
    kept = bisect_right(account.rows, account.settled_ns, key=lambda one: one.order[0])
    if kept:
        account.peak = account.rows[kept - 1].peak
        del account.rows[:kept]


def _settle_fill(account: Account, rules: Rules) -> None:
    """Book the oldest fill for good, as it was last corrected."""
    first = account.trades[0]
    chain = [first]
    for trade in account.trades[1:]:
        if trade.replaces and any(trade.replaces == one.key for one in chain):
            chain.append(trade)
    booked, lost = effective(chain)
    before, last = account.base, account.booked
    for trade in booked:
        account.base = book(account.base, trade, rules.metrics.books)
    if last is not None and last.base is before and last.trades[: len(booked)] == booked:
        account.booked = Booked(account.base, last.trades[len(booked) :], last.books)  # the same fold, cut elsewhere
    account.trades = [trade for trade in account.trades if trade not in chain]
    account.settled += len(chain)
    account.lost += lost
    account.settled_ns = max(account.settled_ns, first.as_of_ns)
    bucket = first.as_of_ns // WINDOW_NS
    account.bucket = bucket, _settled_in(account, bucket) + 1
