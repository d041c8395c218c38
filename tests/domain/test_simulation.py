"""A made-up market keeps a real venue's rules, whatever the seed."""

import itertools
import math

import numpy as np
import pytest
from counts import examples
from hypothesis import given, settings
from hypothesis import strategies as st

from functions.domain.simulation import (
    LISTINGS,
    STEP_NS,
    Best,
    Depth,
    Draws,
    Market,
    Message,
    Print,
    Shock,
)

START_NS = 1_700_000_000_000_000_000
SECOND_NS = 1_000_000_000


def market(seed: int, *, rate: float = 60, listings: int = 2, shocks: tuple[Shock, ...] = ()) -> Market:
    return Market(LISTINGS[:listings], np.random.default_rng(seed), start_ns=START_NS, rate=rate, shocks=shocks)


def books(one: Market) -> dict[str, dict[str, dict[int, int]]]:
    return {
        symbol: {"bids": dict(book.bids), "asks": dict(book.asks)}
        for symbol in one.symbols
        for book in [one.snapshot(symbol, 10_000)]
    }


@settings(max_examples=examples(100), deadline=None)
@given(st.integers(0, 2**32), st.floats(5, 400), st.floats(-0.2, 0.2))
def test_book_sync_rules(seed: int, rate: float, move: float) -> None:
    """Update ids chain, and the snapshot with all depth messages applied is the market's own book, never crossed."""
    one = market(seed, rate=rate, shocks=(Shock(START_NS + SECOND_NS, "BTCUSDT", move, 1),))
    last = {symbol: one.snapshot(symbol, 1).last_update_id for symbol in one.symbols}
    followed = books(one)
    for message in one.advance(START_NS + 5 * SECOND_NS):
        if isinstance(message, Best):
            assert 0 < message.bid_price < message.ask_price
            assert message.bid_size > 0 < message.ask_size
        if isinstance(message, Depth):
            assert message.first_update_id == last[message.symbol] + 1 <= message.last_update_id
            last[message.symbol] = message.last_update_id
            for side in ("bids", "asks"):
                followed[message.symbol][side].update(getattr(message, side))
    kept = {
        symbol: {side: {price: size for price, size in levels.items() if size} for side, levels in book.items()}
        for symbol, book in followed.items()
    }
    assert kept == books(one)
    assert last == {symbol: one.snapshot(symbol, 1).last_update_id for symbol in one.symbols}


@settings(max_examples=examples(50), deadline=None)
@given(st.integers(0, 2**32))
def test_prints(seed: int) -> None:
    """Print ids are contiguous, prices lie on ticks, sizes on lots, and time never goes back."""
    one = market(seed)
    ticks = {listing.symbol: (listing.tick, listing.lot) for listing in LISTINGS}
    ids: dict[str, int] = {}
    now = START_NS
    for message in one.advance(START_NS + 5 * SECOND_NS):
        assert now <= message.ts_event < one.now_ns + STEP_NS
        now = message.ts_event
        if isinstance(message, Print):
            assert message.trade_id == ids.get(message.symbol, message.trade_id - 1) + 1
            ids[message.symbol] = message.trade_id
            tick, lot = ticks[message.symbol]
            assert message.price % tick == 0 < message.price
            assert message.size % lot == 0 < message.size


@settings(max_examples=examples(50), deadline=None)
@given(st.integers(0, 2**32), st.lists(st.integers(1, 400_000_000), min_size=1, max_size=12))
def test_advancing_in_parts(seed: int, parts: list[int]) -> None:
    """However time is advanced, the same market comes out."""
    whole, piecewise = market(seed), market(seed)
    end = START_NS + sum(parts)
    found: list[Message] = []
    for until in itertools.accumulate(parts, initial=START_NS):
        found += piecewise.advance(until)
    assert found == list(whole.advance(end))


def test_rate_holds() -> None:
    """Messages come at about the asked rate."""
    for rate in (20, 50, 200):
        messages = list(market(1, rate=rate).advance(START_NS + 60 * SECOND_NS))
        assert len(messages) / 60 / 2 == pytest.approx(rate, rel=0.3)


def test_prints_cluster() -> None:
    """Prints a second vary more than a Poisson process would, as real ones do."""
    prints = [m for m in market(2, listings=1).advance(START_NS + 300 * SECOND_NS) if isinstance(m, Print)]
    counts = np.bincount([(m.ts_event - START_NS) // SECOND_NS for m in prints], minlength=300)
    assert counts.var() > 1.5 * counts.mean()


def test_shock_moves_and_comes_back() -> None:
    """A shock moves the price by its fraction, then two fifths of it come back; other symbols do not notice."""
    one = market(4, shocks=(Shock(START_NS + SECOND_NS, "BTCUSDT", -0.05, 4),))

    def mid(symbol: str) -> float:
        book = one.snapshot(symbol, 1)
        return (book.bids[0][0] + book.asks[0][0]) / 2

    before = {symbol: mid(symbol) for symbol in one.symbols}
    list(one.advance(START_NS + 5 * SECOND_NS))
    assert math.log(mid("BTCUSDT") / before["BTCUSDT"]) == pytest.approx(math.log(0.95), rel=0.1)
    list(one.advance(START_NS + 18 * SECOND_NS))
    assert math.log(mid("BTCUSDT") / before["BTCUSDT"]) == pytest.approx(0.6 * math.log(0.95), rel=0.15)
    assert mid("ETHUSDT") == pytest.approx(before["ETHUSDT"], rel=0.01)


def test_jump_changes_nothing_but_the_clock() -> None:
    """After a pause of trading the market goes on as if there had been none, at the new time."""
    paused, whole = market(6), market(6)
    list(paused.advance(START_NS + SECOND_NS))
    paused.jump(START_NS + 100 * SECOND_NS)
    rest = list(paused.advance(paused.now_ns + SECOND_NS))
    expected = list(whole.advance(START_NS + 2 * SECOND_NS))[-len(rest) :]
    assert [m._replace(ts_event=m.ts_event - 99 * SECOND_NS) for m in rest] == expected


def test_draws_have_their_means() -> None:
    """Counts and gaps are drawn with the mean that is asked for."""
    draws = Draws(np.random.default_rng(8))
    assert np.mean([draws.poisson(3.5) for _ in range(20_000)]) == pytest.approx(3.5, rel=0.03)
    assert np.mean([draws.poisson(300) for _ in range(2_000)]) == pytest.approx(300, rel=0.03)
    assert np.mean([draws.geometric(4.0) for _ in range(20_000)]) == pytest.approx(4.0, rel=0.05)
    assert (draws.poisson(0), draws.geometric(0)) == (0, 0)
