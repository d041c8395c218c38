"""Records change what is known by rules: idempotent, steps closed where they change, units for ever, tickers reused."""

from dataclasses import replace
from datetime import date
from decimal import Decimal
from itertools import pairwise
from typing import Any

import pytest
from counts import examples
from hypothesis import given, settings
from hypothesis import strategies as st
from referred import instrument

from functions.domain.adjustments import ActionKind, CorporateAction
from functions.domain.loads import Changes, Told, Update, take_in
from functions.domain.reference import (
    AssetClass,
    Instrument,
    Status,
    Steps,
    SymbolTable,
    TradingStatus,
    symbols_at,
    with_status,
)
from functions.domain.sessions import FOREVER

DAY = 86_400_000_000_000


def told(*instruments: Instrument, at: int = 0, known: dict[str, Instrument] | None = None) -> Changes:
    """Take in listings told at a day."""
    return take_in(known or {}, [Update(one) for one in instruments], at_ns=at * DAY)


def after(known: dict[str, Instrument], changes: Changes) -> dict[str, Instrument]:
    """Write changes."""
    return known | {one.instrument_id: one for one in changes.written}


def test_first_record() -> None:
    """What was not known is added as it is; told again, it changes nothing."""
    first = told(instrument(), at=5)
    again = told(instrument(), at=9, known=after({}, first))
    assert [one.instrument_id for one in first.added] == ["X-Y.V"]
    assert (again.written, again.unchanged) == ((), 1)


def test_a_step_that_changes_closes_its_interval() -> None:
    """The old steps hold until the listing that tells of new ones, the new ones from then on."""
    known = after({}, told(instrument(tick="0.01")))
    known = after(known, told(instrument(tick="0.05"), at=10, known=known))
    one = known["X-Y.V"]
    assert [(step.tick_size, step.from_ns, step.to_ns) for step in one.steps] == [
        (Decimal("0.01"), 0, 10 * DAY),
        (Decimal("0.05"), 10 * DAY, FOREVER),
    ]
    assert one.steps_at(10 * DAY - 1).tick_size == Decimal("0.01")
    assert one.steps_at(10 * DAY).tick_size == Decimal("0.05")


def test_units_are_those_of_the_first_record() -> None:
    """Finer steps later do not change what mantissas count; whoever loads them is told."""
    known = after({}, told(instrument(tick="0.01")))
    changes = told(instrument(tick="0.001"), at=1, known=known)
    assert changes.finer == ("X-Y.V",)
    assert changes.changed[0].ref == known["X-Y.V"].ref


def test_an_older_listing_tells_nothing_of_steps() -> None:
    """A listing from before the steps known last is late: they stay."""
    known = after({}, told(instrument(tick="0.01")))
    known = after(known, told(instrument(tick="0.05"), at=10, known=known))
    late = told(instrument(tick="0.02"), at=5, known=known)
    assert (late.late, late.written) == (("X-Y.V",), ())


def test_the_same_moment_told_otherwise_is_a_correction() -> None:
    """A listing of the very time at which steps began replaces them."""
    known = after({}, told(instrument(tick="0.01")))
    known = after(known, told(instrument(tick="0.05"), at=10, known=known))
    known = after(known, told(instrument(tick="0.02"), at=10, known=known))
    assert [step.tick_size for step in known["X-Y.V"].steps] == [Decimal("0.01"), Decimal("0.02")]


def test_a_ticker_is_reused() -> None:
    """Another instrument that takes a symbol over ends the listing of the one that had it; each keeps its id."""
    known = after({}, told(instrument("OLD.V", symbol="T")))
    changes = told(instrument("NEW.V", symbol="T"), at=10, known=known)
    known = after(known, changes)
    assert [one.instrument_id for one in changes.changed] == ["OLD.V"]
    assert symbols_at(known.values(), 10 * DAY - 1)["T"].instrument_id == "OLD.V"
    assert symbols_at(known.values(), 10 * DAY)["T"].instrument_id == "NEW.V"
    assert known["OLD.V"].status_at(10 * DAY).status is TradingStatus.CLOSED
    assert told(instrument("NEW.V", symbol="T"), at=10, known=known).written == ()


def test_a_new_symbol_is_a_rename() -> None:
    """A known instrument under a new symbol was renamed; before that day it answers to the old one."""
    known = after({}, told(instrument(symbol="FB")))
    known = after(known, told(instrument(symbol="META"), at=10, known=known))
    assert sorted(symbols_at(known.values(), 9 * DAY)) == ["FB"]
    assert sorted(symbols_at(known.values(), 10 * DAY)) == ["META"]


def test_renamed_within_a_day() -> None:
    """What a listing tells within a day holds from then on: rows of that day's morning keep their instrument."""
    known = after({}, told(instrument("A.V", symbol="S"), instrument("B.V", symbol="T")))
    swapped = [Update(instrument("A.V", symbol="T")), Update(instrument("B.V", symbol="S"))]
    nine = 10 * DAY + 9 * DAY // 24
    known = after(known, take_in(known, swapped, at_ns=nine))
    found = [symbols_at(known.values(), ts) for ts in (10 * DAY, nine - 1, nine)]
    assert [one["S"].instrument_id for one in found] == ["A.V", "A.V", "B.V"]
    table = SymbolTable(known.values())
    assert [table.refs_at(ts)["S"].instrument_id for ts in (nine - 1, nine)] == ["A.V", "B.V"]


def test_symbols_change_hands_in_one_listing() -> None:
    """Two instruments that swap symbols are two renames, in whatever order the listing names them."""
    known = after({}, told(instrument("A.V", symbol="S"), instrument("B.V", symbol="T")))
    changes = told(instrument("B.V", symbol="S"), instrument("A.V", symbol="T"), at=10, known=known)
    found = symbols_at(after(known, changes).values(), 10 * DAY)
    assert {symbol: found[symbol].instrument_id for symbol in found} == {"S": "B.V", "T": "A.V"}


def test_listed_again() -> None:
    """An instrument that comes back after another had its symbol is listed from then on."""
    known = after({}, told(instrument("A.V", symbol="S")))
    known = after(known, told(instrument("B.V", symbol="S"), at=10, known=known))
    known = after(known, told(instrument("A.V", symbol="S"), at=20, known=known))
    found = [symbols_at(known.values(), day * DAY) for day in (5, 15, 25)]
    assert [one["S"].instrument_id if one else "" for one in found] == ["", "B.V", "A.V"]


def test_what_a_listing_does_not_tell_stays() -> None:
    """A venue's listing knows no sector; what another source told stays, and newer figures win over older."""
    rich = instrument(
        sector="Software", market_cap=Decimal(5), market_cap_as_of_ns=7, restricted=True, asset_class=AssetClass.EQUITY
    )
    known = after({}, told(rich))
    assert told(instrument(), at=1, known=known).written == ()
    older = told(instrument(market_cap=Decimal(3), market_cap_as_of_ns=6), at=1, known=known)
    assert older.written == ()
    freed = told(instrument(restricted=False), at=1, known=known)
    assert (freed.changed[0].restricted, freed.changed[0].sector) == (False, "Software")


def test_a_list_of_actions_tells_no_steps() -> None:
    """Dividends name a ticker and no steps: those that are known stay; an action told again is no news."""
    dividend = CorporateAction(ActionKind.DIVIDEND, date(2024, 1, 2), 5, amount=Decimal(1))
    known = after({}, told(instrument(tick="0.01")))
    update = Update(instrument(tick="0.5", actions=(dividend,)), Told.NOTHING)
    known = after(known, take_in(known, [update], at_ns=DAY))
    later = Update(instrument(tick="0.5", actions=(replace(dividend, known_ns=9),)), Told.NOTHING)
    assert known["X-Y.V"].steps == (Steps(Decimal("0.01"), Decimal("0.001")),)
    assert known["X-Y.V"].actions == (dividend,)
    assert take_in(known, [later], at_ns=DAY).written == ()


def test_statuses() -> None:
    """The latest status holds; one that says what held anyway is no news."""
    known = after({}, told(instrument(statuses=(Status(TradingStatus.TRADING, 5),))))
    assert known["X-Y.V"].statuses == ()
    halted = with_status(known["X-Y.V"], Status(TradingStatus.HALTED, 10, "LUDP"))
    resumed = with_status(halted, Status(TradingStatus.TRADING, 20))
    assert [resumed.status_at(ts).status.name for ts in (9, 10, 19, 20)] == ["TRADING", "HALTED", "HALTED", "TRADING"]
    assert with_status(resumed, Status(TradingStatus.HALTED, 10, "LUDP")) == resumed


def test_aliases() -> None:
    """An instrument is found by every symbol its venue uses; a symbol of one's own wins over another's alias."""
    one, two = instrument("A.V", symbol="A/B", aliases=("AB", "X")), instrument("X.V", symbol="X")
    found = symbols_at([one, two], 0)
    assert {symbol: found[symbol].instrument_id for symbol in found} == {"A/B": "A.V", "AB": "A.V", "X": "X.V"}


LISTINGS = st.lists(
    st.tuples(
        st.integers(1, 6),
        st.lists(
            st.builds(
                instrument,
                st.sampled_from(["A.V", "B.V", "C.V"]),
                symbol=st.sampled_from(["S", "T"]),
                tick=st.sampled_from(["0.01", "0.5", "1"]),
            ),
            max_size=3,
            unique_by=(lambda one: one.instrument_id, lambda one: one.venue_symbol),
        ),
    ),
    max_size=6,
).map(lambda found: sorted(found, key=lambda one: one[0]))


@settings(max_examples=examples(1000), deadline=None)
@given(listings=LISTINGS)
def test_whatever_comes_in_order(listings: list[tuple[int, list[Instrument]]]) -> None:
    """Units never change, steps tile time, every listing taken twice changes nothing, symbols mean one instrument."""
    known: dict[str, Instrument] = {}
    for at, listing in listings:
        units = {name: one.ref for name, one in known.items()}
        known = after(known, told(*listing, at=at, known=known))
        assert told(*listing, at=at, known=known).written == ()
        assert {name: known[name].ref for name in units} == units
    for one in known.values():
        edges = [(step.from_ns, step.to_ns) for step in one.steps]
        assert edges[0][0] == 0
        assert edges[-1][1] == FOREVER
        assert all(early[1] == late[0] for early, late in pairwise(edges))


@settings(max_examples=examples(500), deadline=None)
@given(listings=LISTINGS, moment=st.integers(0, 8 * DAY))
def test_a_table_of_symbols(listings: list[tuple[int, list[Instrument]]], moment: int) -> None:
    """A table worked out between changes says at any time what asking for that time says."""
    known: dict[str, Instrument] = {}
    for at, listing in listings:
        known = after(known, told(*listing, at=at, known=known))
    table = SymbolTable(known.values())
    expected = {symbol: one.ref for symbol, one in symbols_at(known.values(), moment).items()}
    assert table.refs_at(moment) == expected
    assert table.refs_at(moment) is table.refs_at(moment)


@pytest.mark.parametrize(
    "changes",
    [
        {"venue": ""},
        {"steps": ()},
        {"steps": (Steps(Decimal(1), Decimal(1), 0, 10), Steps(Decimal(1), Decimal(1), 5, 20))},
        {"multiplier": Decimal(0)},
        {"market_cap": Decimal("NaN")},
        {"listed_from_ns": 5, "listed_to_ns": 4},
    ],
)
def test_records_that_cannot_be(changes: dict[str, Any]) -> None:
    """A record has a venue, steps that do not overlap, and figures that are some."""
    with pytest.raises(ValueError, match=r"X-Y\.V"):
        instrument(**changes)


@pytest.mark.parametrize("step", ["0", "-1", "NaN", "Infinity"])
def test_steps_that_are_none(step: str) -> None:
    """A step is positive and finite."""
    with pytest.raises(ValueError, match="positive and finite"):
        Steps(Decimal(step), Decimal(1))
