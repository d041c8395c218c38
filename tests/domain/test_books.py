"""A book is what its messages say, and it never says that it is right when a message is missing."""

import random
from dataclasses import replace

import pytest
from counts import examples
from hypothesis import given, settings
from hypothesis import strategies as st

from functions.domain.books import (
    Applied,
    Book,
    BookMessage,
    Broken,
    Held,
    Level,
    Reason,
    Rule,
    Side,
    book_checksum,
)

LEVELS = st.lists(st.tuples(st.integers(1, 40), st.integers(0, 5)), max_size=12)
SNAPSHOT = BookMessage(bids=((99, 5), (98, 1)), asks=((101, 5),), snapshot=True, last=10)


@given(st.booleans(), LEVELS, st.integers(1, 8))
def test_side_equals_a_dict(bids: bool, levels: list[Level], depth: int) -> None:  # noqa: FBT001 - drawn
    """A side holds the last size said of each price, best first, and after truncation only the best of them."""
    side, naive = Side(bids=bids), {}
    for price, size in levels:
        side.set(price, size)
        naive[price] = size
    expected = sorted(((price, size) for price, size in naive.items() if size), reverse=bids)
    assert side.top(len(levels)) == tuple(expected)
    assert side.best == (expected[0] if expected else None)
    side.truncate(depth)
    assert (len(side), side.top(99)) == (len(expected[:depth]), tuple(expected[:depth]))


class Exchange:
    """Be a venue: trade at random around a price, and tell each change in the way of a rule."""

    def __init__(self, rule: Rule, seed: int) -> None:
        """Begin with a snapshot."""
        self.rule = rule
        self.random = random.Random(seed)  # noqa: S311 - reproducible
        self.bids = {1000 - i: self.random.randint(1, 9) for i in range(1, 15)}
        self.asks = {1000 + i: self.random.randint(1, 9) for i in range(1, 15)}
        self.last = 100

    def tops(self) -> tuple[tuple[Level, ...], tuple[Level, ...]]:
        """Give the ten best asks and bids."""
        return tuple(sorted(self.asks.items())[:10]), tuple(sorted(self.bids.items(), reverse=True)[:10])

    def message(self, bids: dict[int, int], asks: dict[int, int], *, snapshot: bool, first: int) -> BookMessage:
        """Tell levels with everything the rule gives to check them by."""
        numbered = self.rule in {Rule.SPOT_CHAIN, Rule.FUTURES_CHAIN}
        return BookMessage(
            bids=tuple(bids.items()),
            asks=tuple(asks.items()),
            snapshot=snapshot,
            first=first if numbered else 0,
            last=self.last if numbered else 0,
            previous=first - 1 if self.rule is Rule.FUTURES_CHAIN else None,
            checksum=book_checksum(*self.tops()) if self.rule is Rule.CHECKSUM else None,
        )

    def snapshot(self) -> BookMessage:
        """Tell the whole book."""
        return self.message(self.bids, self.asks, snapshot=True, first=0)

    def delta(self) -> BookMessage:
        """Change one or two levels of each side near the best, and tell them."""
        first = self.last + 1
        self.last += self.random.randint(1, 3)
        changes = []
        for side, sign in ((self.bids, -1), (self.asks, 1)):
            prices = [1000 + sign * self.random.randint(1, 12) for _ in range(self.random.randint(1, 2))]
            changed = {price: self.random.randint(0, 9) for price in prices}
            side.update(changed)
            for price in [price for price, size in side.items() if not size]:
                del side[price]
            changes.append(changed)
        return self.message(changes[0], changes[1], snapshot=False, first=first)


def right(book: Book, exchange: Exchange) -> bool:
    """Tell whether the ten best of both sides are the venue's."""
    return (book.asks.top(10), book.bids.top(10)) == exchange.tops()


@pytest.mark.parametrize("rule", Rule)
@given(seed=st.integers(0, 2**32), messages=st.integers(1, 30))
def test_follows_the_venue(rule: Rule, seed: int, messages: int) -> None:
    """With every message in its order a book is the venue's after each of them."""
    exchange, book = Exchange(rule, seed), Book(rule)
    book.apply(exchange.snapshot())
    for _ in range(messages):
        assert isinstance(book.apply(exchange.delta()), Applied)
        assert right(book, exchange)


@pytest.mark.parametrize("rule", [Rule.SPOT_CHAIN, Rule.FUTURES_CHAIN, Rule.CHECKSUM])
@settings(max_examples=examples(400), deadline=None)
@given(seed=st.integers(0, 2**32), fault=st.sampled_from(["drop", "duplicate", "swap"]), at=st.integers(0, 18))
def test_faults_are_found(rule: Rule, seed: int, fault: str, at: int) -> None:
    """A book with a message dropped, doubled or swapped is broken or right, never wrong; a snapshot makes it right."""
    exchange, book = Exchange(rule, seed), Book(rule)
    book.apply(exchange.snapshot())
    deltas = [exchange.delta() for _ in range(20)]
    truth = Exchange(rule, seed)
    truth.snapshot()
    tops = [(truth.delta(), truth.tops())[1] for _ in range(20)]
    order = list(range(20))
    if fault == "drop":
        del order[at]
    elif fault == "duplicate":
        order.insert(at, at)
    else:
        order[at], order[at + 1] = order[at + 1], order[at]
    broken = False
    for number in order:
        broken |= isinstance(book.apply(deltas[number]), Broken)
        if book.valid:
            assert (book.asks.top(10), book.bids.top(10)) == tops[number]
    if rule is not Rule.CHECKSUM:
        assert broken == (fault != "duplicate")
    assert isinstance(book.apply(exchange.snapshot()), Applied)
    assert right(book, exchange)
    assert isinstance(book.apply(exchange.delta()), Applied)
    assert right(book, exchange)


@pytest.mark.parametrize("rule", [Rule.SPOT_CHAIN, Rule.FUTURES_CHAIN])
@given(seed=st.integers(0, 2**32), before=st.integers(0, 5), after=st.integers(0, 5))
def test_deltas_before_the_snapshot(rule: Rule, seed: int, before: int, after: int) -> None:
    """Deltas that came before the snapshot are kept; those it holds already are dropped, the others follow it."""
    exchange, book = Exchange(rule, seed), Book(rule)
    early = [exchange.delta() for _ in range(before)]
    snapshot = exchange.snapshot()
    late = [exchange.delta() for _ in range(after)]
    assert all(isinstance(book.apply(one), Held) for one in (*early, *late))
    assert book.apply(snapshot) == Applied(1 + after)
    assert right(book, exchange)


@pytest.mark.parametrize(
    ("rule", "delta", "outcome"),
    [
        (Rule.SPOT_CHAIN, BookMessage(first=11, last=12), Applied()),
        (Rule.SPOT_CHAIN, BookMessage(first=5, last=11), Applied()),
        (Rule.SPOT_CHAIN, BookMessage(first=5, last=10), Applied(0)),
        (Rule.SPOT_CHAIN, BookMessage(first=12, last=13), Broken(Reason.GAP)),
        (Rule.FUTURES_CHAIN, BookMessage(first=5, last=10, previous=4), Applied()),
        (Rule.FUTURES_CHAIN, BookMessage(first=9, last=12, previous=8), Applied()),
        (Rule.FUTURES_CHAIN, BookMessage(first=15, last=20, previous=10), Applied()),
        (Rule.FUTURES_CHAIN, BookMessage(first=5, last=9, previous=4), Applied(0)),
        (Rule.FUTURES_CHAIN, BookMessage(first=12, last=13, previous=11), Broken(Reason.GAP)),
        (Rule.CHECKSUM, BookMessage(bids=((97, 1),), checksum=1), Broken(Reason.CHECKSUM)),
        (Rule.UNNUMBERED, BookMessage(bids=((101, 1),)), Applied()),
        (Rule.UNNUMBERED, BookMessage(bids=((102, 1),)), Broken(Reason.CROSSED)),
        (Rule.UNNUMBERED, BookMessage(asks=((77, 0),)), Applied()),
    ],
)
def test_first_delta(rule: Rule, delta: BookMessage, outcome: object) -> None:
    """What may follow a snapshot is the venue's own rule; a locked book is fine, a crossed one is corrupt."""
    book = Book(rule)
    book.apply(SNAPSHOT)
    assert book.apply(delta) == outcome
    assert book.valid == isinstance(outcome, Applied)


def test_stale_snapshot() -> None:
    """A snapshot older than the first delta cannot be joined to it; a newer one can, and the delta is not lost."""
    book = Book(Rule.SPOT_CHAIN)
    book.apply(BookMessage(bids=((50, 7),), first=20, last=21))
    assert book.apply(SNAPSHOT) == Broken(Reason.STALE_SNAPSHOT)
    assert book.apply(BookMessage(first=22, last=22)) == Held()
    assert book.apply(replace(SNAPSHOT, last=20)) == Applied(3)


def test_held_is_bounded() -> None:
    """Of too many deltas the oldest are forgotten, which the next snapshot finds missing."""
    book = Book(Rule.SPOT_CHAIN, held_max=3)
    for number in range(11, 16):
        book.apply(BookMessage(first=number, last=number))
    assert book.apply(SNAPSHOT) == Broken(Reason.STALE_SNAPSHOT)


def test_depth_is_kept() -> None:
    """A book of limited depth forgets what its venue no longer keeps up to date."""
    book = Book(Rule.UNNUMBERED, depth=2)
    book.apply(replace(SNAPSHOT, bids=((99, 5), (98, 1), (97, 1))))
    book.apply(BookMessage(bids=((100, 1),)))
    assert book.bids.top(9) == ((100, 1), (99, 5))


def test_checksum_of_finer_units() -> None:
    """Prices and sizes in finer units than the venue's have the venue's checksum."""
    coarse, fine = Book(Rule.CHECKSUM), Book(Rule.CHECKSUM, price_shift=2, size_shift=3)
    coarse.apply(SNAPSHOT)
    finer = {side: tuple((p * 100, s * 1000) for p, s in getattr(SNAPSHOT, side)) for side in ("bids", "asks")}
    fine.apply(replace(SNAPSHOT, bids=finer["bids"], asks=finer["asks"]))
    assert fine.checksum() == coarse.checksum()


def test_distrust() -> None:
    """A book that was seen wrong elsewhere waits for a snapshot."""
    book = Book(Rule.SPOT_CHAIN)
    book.apply(SNAPSHOT)
    assert book.distrust(Reason.CROSSED) == Broken(Reason.CROSSED)
    assert book.apply(BookMessage(first=11, last=11)) == Held()
    assert book.apply(SNAPSHOT) == Applied(2)
