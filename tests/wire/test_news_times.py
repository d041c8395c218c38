"""Times are read exactly in every form that sources use, and what is no time is refused."""

import contextlib
from datetime import UTC, datetime, timedelta, timezone
from email.utils import format_datetime

import pytest
from counts import examples
from hypothesis import given, settings
from hypothesis import strategies as st

from functions.wire.news.times import day_ns, time_ns
from functions.wire.venues.digits import BadText

ZONES = st.integers(-12 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
MOMENTS = st.datetimes(datetime(1980, 1, 1), datetime(2200, 1, 1), timezones=ZONES)  # noqa: DTZ001 - zones are drawn
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def nanoseconds(moment: datetime) -> int:
    """Count nanoseconds since 1970 with whole numbers alone."""
    return (moment - EPOCH) // timedelta(microseconds=1) * 1000


@given(MOMENTS)
@settings(max_examples=examples(3000), deadline=None)
def test_iso_8601(moment: datetime) -> None:
    """A moment as Python writes it in ISO 8601 is read to the microsecond, in any zone."""
    assert time_ns(moment.isoformat()) == nanoseconds(moment)


@given(MOMENTS.map(lambda one: one.replace(microsecond=0)))
@settings(max_examples=examples(3000), deadline=None)
def test_rfc_822(moment: datetime) -> None:
    """A moment as Python writes it for mail, which RSS uses, is read to the second."""
    assert time_ns(format_datetime(moment)) == nanoseconds(moment)


@pytest.mark.parametrize(
    ("text", "iso"),
    [
        ("Thu, 25 Jul 2019 06:39:38 EDT", "2019-07-25T10:39:38Z"),
        ("25 Jul 19 10:39 GMT", "2019-07-25T10:39:00Z"),
        ("Thu Jul 25 10:39:38 +0000 2019", "2019-07-25T10:39:38Z"),
        ("2019-07-25 10:39:38", "2019-07-25T10:39:38Z"),
        ("2019-07-25", "2019-07-25T00:00:00Z"),
        ("2019-07-25T10:39Z", "2019-07-25T10:39:00Z"),
        ("2019-07-25T12:39:38+02", "2019-07-25T10:39:38Z"),
        ("2019-07-25 10:39:38.5 +0000", "2019-07-25T10:39:38.500Z"),
        ("1564051178", "2019-07-25T10:39:38Z"),
        ("1564051178.25", "2019-07-25T10:39:38.250Z"),
        ("1564051178000", "2019-07-25T10:39:38Z"),
        ("1564051178000000", "2019-07-25T10:39:38Z"),
        ("1564051178000000000", "2019-07-25T10:39:38Z"),
    ],
)
def test_other_forms(text: str, iso: str) -> None:
    """Zones by name, two-digit years, posts, days and numbers since 1970 are read too."""
    assert time_ns(text) == time_ns(iso)


def test_nanoseconds_are_kept() -> None:
    """Nine digits of a fraction are exact; more are cut off."""
    assert time_ns("2019-07-25T10:39:38.123456789Z") % 10**9 == 123456789
    assert time_ns("2019-07-25T10:39:38.1234567899Z") % 10**9 == 123456789


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "bad_time"),
        ("yesterday", "bad_time"),
        ("2019-02-29", "bad_time"),
        ("2019-07-25T25:00:00Z", "bad_time"),
        ("2019-07-25T10:00:00+15:00", "bad_time"),
        ("Thu, 25 Foo 2019 10:39:38 GMT", "bad_time"),
        ("25 Jul 2019 10:39:38 CEST", "unknown_zone"),
        ("1500-01-01T00:00:00Z", "out_of_range"),
        ("9999999999999999999", "out_of_range"),
        ("\u0661\u0665\u0666\u0664\u0660\u0665\u0661\u0661\u0667\u0668", "bad_time"),
    ],
)
def test_no_time(text: str, reason: str) -> None:
    """What is no time, or does not fit, is refused with its reason; other alphabets' digits are none."""
    with pytest.raises(BadText) as refused:
        time_ns(text)
    assert refused.value.reason == reason


def test_days() -> None:
    """A day is its start in UTC; a time of day is no day."""
    assert day_ns("2025-12-02") == time_ns("2025-12-02T00:00:00Z")
    with pytest.raises(BadText):
        day_ns("2025-12-02T01:00")


@given(st.text(max_size=40) | st.from_regex(r"[0-9:T+\-. ]{0,40}"))
@settings(max_examples=examples(5000), deadline=None)
def test_any_text(text: str) -> None:
    """Any text is a time that fits or is refused, and nothing else happens."""
    with contextlib.suppress(BadText):
        assert abs(time_ns(text)) < 2**63
