"""Delivery rules are those of the Kafka Broker."""

import base64

import pytest

from functions.local.delivery import Answer, Delivery, WiringError, compile_filters, dead_letter, parse_duration_s
from functions.wire.envelope import Event

EVENT = Event(id="1", source="/tickloom/handlers/normalize/X-0", type="a.b.TickBatch", extensions={"rejected": "12"})


@pytest.mark.parametrize(
    ("filters", "passes"),
    [
        ([], True),
        ([{"exact": {"type": "a.b.TickBatch"}}], True),
        ([{"exact": {"type": "a.b.Tick"}}], False),
        ([{"exact": {"type": ""}}], True),  # the data plane skips empty values
        ([{"prefix": {"source": "/tickloom/handlers/"}}], True),
        ([{"suffix": {"type": "Batch"}}], True),
        ([{"suffix": {"missing": "x"}}], False),
        ([{"not": {"exact": {"rejected": "12"}}}], False),
        ([{"any": [{"exact": {"id": "2"}}, {"exact": {"id": "1"}}]}], True),
        ([{"all": [{"exact": {"id": "1"}}, {"prefix": {"type": "z"}}]}], False),
        ([{"exact": {"id": "1"}}, {"exact": {"specversion": "1.0"}}], True),
        ([{"exact": {"id": "1", "type": "other"}}], False),
        ([{"cesql": "type LIKE '%Batch' AND EXISTS rejected AND rejected > 10"}], True),
        ([{"cesql": "EXISTS missing AND missing = 'x'"}], False),
        ([{"cesql": "EXISTS rejected AND rejected / 0 = 1"}], False),  # an error is no match
        ([{"not": {"cesql": "EXISTS rejected AND rejected / 0 = 1"}}], True),
        ([{"all": [{"cesql": "id = '1'"}, {"prefix": {"type": "a."}}]}], True),
        ([{"any": [{"cesql": "source LIKE '%-1'"}, {"suffix": {"source": "-0"}}]}], True),
        ([{"cesql": "id = '1'"}, {"exact": {"rejected": "13"}}], False),
    ],
)
def test_filters(filters: list[dict[str, object]], passes: bool) -> None:  # noqa: FBT001 - a table column
    """Every dialect decides as the specification says; all elements must match."""
    assert compile_filters(filters, "here")(EVENT) is passes


def test_filters_tell_types_apart() -> None:
    """What was decided for one value is not taken for another one that merely looks or counts like it."""
    accepts = compile_filters([{"cesql": "EXISTS flag AND flag = 'true'"}], "here")
    values = (True, 1, "1", "True", "true", True, 1)
    decided = [accepts(Event(id="1", source="/s", type="t", extensions={"flag": value})) for value in values]
    assert decided == [True, False, False, False, True, True, False]


@pytest.mark.parametrize(
    ("filters", "message"),
    [
        ([{"regex": {}}], "here: unknown filter dialect"),
        ([{"exact": {"a": "1"}, "prefix": {"b": "2"}}], "here: .* exactly one dialect"),
        ([{"exact": {"Type": "x"}}], "here: 'Type' is no attribute name"),
        ([{"not": {"cesql": "type = "}}], "here: cesql 1:8: expected a value"),
        ([{"cesql": True}], "here: cesql takes an expression as text"),
        ([{"cesql": "LENGTH(type)"}], "here: cesql .* of type Integer"),
        ([{"cesql": "EXISTS a OR id = '1' AND type = 't'"}], "here: cesql 1:1: put parentheses"),
        ([{"cesql": "NOT (subject = 'x')"}], "here: cesql .* ask EXISTS subject"),
        ([{"exact": {"rejected": 12}}], "here: exact compares rejected with text, found 12; put it in quotes"),
        ([{"prefix": ["type"]}], "here: prefix takes attributes and their values"),
        ([{"any": "type"}], "here: unknown filter dialect 'any' with 'type'"),
        ([{"not": "type"}], "here: a filter element holds exactly one dialect, found 'type'"),
    ],
)
def test_refused_filters(filters: list[dict[str, object]], message: str) -> None:
    """A filter that cannot be honoured, or that engines decide differently, is refused at the start, with its place."""
    with pytest.raises(WiringError, match=message):
        compile_filters(filters, "here")


@pytest.mark.parametrize(
    ("answer", "delivered", "retryable"),
    [
        (Answer(200), True, False),
        (Answer(202), True, False),
        (Answer(204), True, False),
        (Answer(200, EVENT), True, False),
        (Answer(200, None, b"OK"), False, False),
        (Answer(301), False, False),
        (Answer(400), False, False),
        (Answer(403), False, False),
        (Answer(404), False, True),
        (Answer(408), False, True),
        (Answer(409), False, True),
        (Answer(422), False, False),
        (Answer(429), False, True),
        (Answer(500), False, True),
        (Answer(503), False, True),
    ],
)
def test_answers(answer: Answer, delivered: bool, retryable: bool) -> None:  # noqa: FBT001 - table columns
    """Status and body decide: done, tried again, or dead; a foreign body on 2xx is a failure that is not retried."""
    assert (answer.delivered, answer.retryable) == (delivered, retryable)


def test_pauses() -> None:
    """Exponential pauses are d * 2^n from n = 1, linear ones d * n."""
    exponential = Delivery(3, 0.2, exponential=True, timeout_s=1, dead_letter_sink="x")
    linear = Delivery(3, 0.5, exponential=False, timeout_s=1, dead_letter_sink="x")
    assert [exponential.pause_s(n) for n in (1, 2, 3)] == [0.4, 0.8, 1.6]
    assert [linear.pause_s(n) for n in (1, 2, 3)] == [0.5, 1.0, 1.5]


@pytest.mark.parametrize(("text", "seconds"), [("PT0.2S", 0.2), ("PT5S", 5), ("PT2M", 120), ("PT1M30S", 90)])
def test_durations(text: str, seconds: float) -> None:
    """Durations are ISO-8601 minutes and seconds."""
    assert parse_duration_s(text, "here") == seconds


@pytest.mark.parametrize("text", ["PT", "5s", "PT0.05S", "P1D", ""])
def test_refused_durations(text: str) -> None:
    """What Knative would truncate or not understand is refused."""
    with pytest.raises(WiringError):
        parse_duration_s(text, "here")


def test_dead_letter_extensions() -> None:
    """A dead letter says where it was going, the code and the answer's first KiB; a foreign body has no code."""
    told = dead_letter(destination="http://x/", answer=Answer(422, None, b"y" * 3000))
    assert told["knativeerrordest"] == "http://x/"
    assert told["knativeerrorcode"] == "422"
    assert base64.b64decode(told["knativeerrordata"]) == b"y" * 1024
    assert "knativeerrorcode" not in dead_letter(destination="d", answer=Answer(200, None, b"OK"))
