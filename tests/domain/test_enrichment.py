"""Facts are a function of record, calendar and time, and stay what they are for as long as they say."""

from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal

from counts import examples
from hypothesis import given, settings
from hypothesis import strategies as st
from referred import instrument

from functions.adapters.calendars import shipped_calendars
from functions.domain.adjustments import ActionKind, CorporateAction
from functions.domain.enrichment import facts_at, unknown
from functions.domain.reference import AssetClass, Status, Steps, TradingStatus
from functions.domain.sessions import FOREVER, SessionState

YORK = shipped_calendars()["XNYS"]


def ns(text: str) -> int:
    """Read a time."""
    return int(datetime.fromisoformat(text).astimezone(UTC).timestamp()) * 1_000_000_000


SPLIT = CorporateAction(ActionKind.SPLIT, date(2020, 8, 31), ns("2020-07-30T20:30:00Z"), ratio=Decimal(4))
HALT = Status(TradingStatus.HALTED, ns("2020-08-31T14:00:00Z"), "LUDP")
RESUMED = Status(TradingStatus.TRADING, ns("2020-08-31T14:05:00Z"))
AAPL = instrument(
    "AAPL.US",
    symbol="AAPL",
    asset_class=AssetClass.EQUITY,
    calendar="XNYS",
    sector="Technology",
    market_cap=Decimal(2_000_000_000_000),
    market_cap_as_of_ns=ns("2020-08-19T00:00:00Z"),
    actions=(SPLIT,),
    statuses=(HALT, RESUMED),
    steps=(
        Steps(Decimal("0.01"), Decimal(1), 0, ns("2020-09-15T00:00:00Z")),
        Steps(Decimal("0.005"), Decimal(1), ns("2020-09-15T00:00:00Z")),
    ),
)


def test_halted() -> None:
    """A halt holds from its time until trading resumes, and the facts end there."""
    stay = facts_at(AAPL, YORK, HALT.from_ns + 1)
    assert stay.facts.status == HALT
    assert (stay.since_ns, stay.until_ns) == (HALT.from_ns, RESUMED.from_ns)
    assert facts_at(AAPL, YORK, RESUMED.from_ns).facts.status == RESUMED
    assert facts_at(AAPL, YORK, HALT.from_ns - 1).facts.status.status is TradingStatus.TRADING


def test_halts_around() -> None:
    """Facts tell the two statuses before a time and the two after it that are known already, whatever came earlier."""
    edges = [Status(TradingStatus(2 - n % 2), HALT.from_ns + n, "LUDP") for n in range(8)]
    busy = replace(AAPL, statuses=tuple(edges))
    told = [facts_at(busy, YORK, HALT.from_ns + n).facts.statuses for n in (-1, 0, 4, 4 + 1, 99)]
    slices = [slice(2), slice(3), slice(3, 7), slice(4, 8), slice(6, 8)]
    assert told == [tuple(edges[one]) for one in slices]


def test_session() -> None:
    """The session's state and the time of its next change come from the calendar."""
    facts = facts_at(AAPL, YORK, ns("2020-08-28T20:00:00Z")).facts
    assert (facts.session.state, facts.session.session) == (SessionState.POST, date(2020, 8, 28))
    assert facts.session.until_ns == ns("2020-08-29T00:00:00Z")


def test_factors_change_with_the_session() -> None:
    """Figures of the ex date's session compare with earlier ones by the factor; the day before there is none."""
    before = facts_at(AAPL, YORK, ns("2020-08-28T15:00:00Z")).facts
    on = facts_at(AAPL, YORK, ns("2020-08-31T08:00:00Z")).facts
    assert (before.price_factor, before.size_factor) == (1.0, 1.0)
    assert (on.price_factor, on.size_factor) == (0.25, 4.0)


def test_factors_without_a_session() -> None:
    """Without a calendar, and where its tables end, an ex date is UTC's: a split is not left out."""
    at = ns("2020-08-31T00:00:00Z")
    assert [facts_at(AAPL, None, ts).facts.price_factor for ts in (at - 1, at)] == [1.0, 0.25]
    assert facts_at(AAPL, None, at - 1).until_ns == at
    assert facts_at(AAPL, YORK, ns("2031-01-06T15:00:00Z")).facts.price_factor == 0.25


def test_knowledge() -> None:
    """An action nobody knew yet changes nothing; a market value is not told before its time."""
    late = replace(AAPL, actions=(replace(SPLIT, known_ns=ns("2020-09-01T00:00:00Z")),))
    assert facts_at(late, YORK, ns("2020-08-31T15:00:00Z")).facts.price_factor == 1.0
    assert facts_at(late, YORK, ns("2020-09-01T15:00:00Z")).facts.price_factor == 0.25
    assert facts_at(AAPL, YORK, ns("2020-08-18T15:00:00Z")).facts.market_cap is None
    assert facts_at(AAPL, YORK, ns("2020-08-20T15:00:00Z")).facts.market_cap == Decimal(2_000_000_000_000)


def test_a_factor_nobody_knows() -> None:
    """A dividend without its previous close makes the factor 0, which is none: missing, not wrong."""
    dividend = CorporateAction(ActionKind.DIVIDEND, date(2020, 8, 7), 0, amount=Decimal("0.82"))
    facts = facts_at(replace(AAPL, actions=(dividend,)), YORK, ns("2020-08-10T15:00:00Z")).facts
    assert (facts.price_factor, facts.size_factor) == (0.0, 0.0)


def test_steps_in_force() -> None:
    """Steps are those of the time."""
    assert facts_at(AAPL, YORK, ns("2020-09-14T15:00:00Z")).facts.steps == AAPL.steps[0]
    assert facts_at(AAPL, YORK, ns("2020-09-15T15:00:00Z")).facts.steps == AAPL.steps[1]


def test_without_a_calendar() -> None:
    """Without a calendar nothing is told of sessions, and facts hold until something else changes."""
    stay = facts_at(instrument(), None, 5)
    assert stay.facts.session.state is SessionState.UNKNOWN
    assert (stay.since_ns, stay.until_ns) == (0, FOREVER)


def test_an_unknown_instrument() -> None:
    """Of what the reference does not know the id is told, at any time."""
    stay = unknown("Z.V")
    assert (stay.facts.instrument_id, stay.facts.known, stay.until_ns) == ("Z.V", False, FOREVER)


@settings(max_examples=examples(1000), deadline=None)
@given(
    moment=st.integers(ns("2020-07-01T00:00:00Z"), ns("2020-10-01T00:00:00Z")),
    part=st.floats(0, 1, exclude_max=True),
)
def test_facts_stay(moment: int, part: float) -> None:
    """At any time of the interval they give, facts are equal; the interval holds the moment asked for."""
    stay = facts_at(AAPL, YORK, moment)
    other = stay.since_ns + int((stay.until_ns - stay.since_ns) * part)
    assert stay.since_ns <= moment < stay.until_ns
    assert facts_at(AAPL, YORK, min(max(other, stay.since_ns), stay.until_ns - 1)) == stay
