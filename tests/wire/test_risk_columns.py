"""Questions and answers in columns: they come back as they went, equal to those asked one by one, or are refused."""

import random
from dataclasses import replace
from decimal import Decimal

import pytest
from counts import count
from tickloom.risk.v1 import service_pb2
from trading import NOW, QUOTE, order, state

from functions.domain.decisions import AccountState, OrderIntent, Quote, Side, Verdict, Violation
from functions.domain.reference import TradingStatus
from functions.wire.codecs.risk import Question, question_message, question_value
from functions.wire.codecs.risk_columns import (
    ROWS_MAX,
    columns_message,
    columns_value,
    decisions_message,
    decisions_value,
)
from functions.wire.errors import Malformed

GOOD = Question(order(), QUOTE, state(), NOW)
BROKEN = Verdict((Violation("position", "too much"), Violation("halt", "halted")), "v1")
PASSED = Verdict((), "v1")


def _drawn(draw: random.Random) -> Question:
    def figure() -> int:
        return draw.choice([0, draw.randint(-(2**63), 2**63 - 1)])

    def money() -> Decimal:
        return draw.choice([Decimal(0), Decimal(draw.randint(-(10**20), 10**20)).scaleb(-9)])

    return Question(
        OrderIntent(
            draw.choice(["paper", "other"]),
            draw.choice(["ETH", "BTC"]),
            draw.choice([*Side]),
            *(figure(), figure(), draw.randint(-18, 18), draw.choice([-18, 0, 18])),
        ),
        Quote(*(figure() for _ in range(5))),
        AccountState(
            *(money(), money(), figure(), figure()),
            *(draw.choice([None, money()]) for _ in range(4)),
            money(),
            *(figure() for _ in range(4)),
        ),
        figure(),
        draw.choice([*TradingStatus]),
    )


def test_round_trip() -> None:
    """Whatever is asked reads as the same as asked one by one, for any number of questions."""
    draw = random.Random(5)  # noqa: S311 - drawn, not secret
    for number in range(count(200)):
        questions = [_drawn(draw) for _ in range(number % ROWS_MAX + 1)]
        read = columns_value(columns_message(1, questions).columns)
        assert len(read) == len(questions)
        assert [read.question(row) for row in range(len(read))] == [
            question_value(question_message(one)) for one in questions
        ]


def test_zeros_are_left_out() -> None:
    """A column of zeros takes no bytes, and an account that all ask for is written once."""
    columns = columns_message(1, [GOOD] * 3).columns
    assert (columns.working_buys, columns.status, columns.account) == (b"", b"", b"")
    assert (len(columns.accounts), len(columns.instruments)) == (1, 1)


@pytest.mark.parametrize(
    "changes",
    [
        {"side": b""},
        {"side": b"\1\3"},
        {"status": b"\1\x09"},
        {"status": b"\1"},
        {"quantity": b"\1" * 15},
        {"account": b"\0\1"},
        {"account": b"\0"},
        {"instrument": b"\0\2"},
        {"price_exponent": b"\x13"},
        {"size_exponent": b"\0\0"},
    ],
)
def test_unreadable(changes: dict[str, bytes]) -> None:
    """Sides, statuses and exponents there are not, columns of other lengths, indices of nothing: all is refused."""
    columns = columns_message(1, [GOOD] * 2).columns
    for name, column in changes.items():
        setattr(columns, name, column)
    with pytest.raises(Malformed):
        columns_value(columns)


def test_unreadable_names() -> None:
    """A name that is empty, money that is no decimal, too many questions, or more named than asked for: refused."""
    nameless, moneyless, crowded, long = (columns_message(1, [GOOD] * 2).columns for _ in range(4))
    nameless.instruments[0] = ""
    moneyless.accounts[0].capital = "NaN"
    for _ in range(2):  # not even read, for there is no end to them
        crowded.accounts.add(account="paper", capital="NaN")
    long.side = b"\1" * (ROWS_MAX + 1)
    for columns in (nameless, moneyless, long, service_pb2.CheckColumns()):
        with pytest.raises(Malformed):
            columns_value(columns)
    with pytest.raises(Malformed, match="2 questions name 3 accounts"):
        columns_value(crowded)


@pytest.mark.parametrize("changes", [{"quantity": 2**63}, {"price_exponent": 128}])
def test_unwritable(changes: dict[str, int]) -> None:
    """A figure that does not fit is refused, never cut."""
    with pytest.raises(Malformed):
        columns_message(1, [GOOD, GOOD._replace(order=replace(order(), **changes))])


@pytest.mark.parametrize("verdicts", [[PASSED], [PASSED] * 5, [BROKEN], [PASSED, BROKEN, PASSED, BROKEN]])
def test_answers(verdicts: list[Verdict]) -> None:
    """Answers come back as they went, with what was broken in its place."""
    message = decisions_message(7, verdicts)
    assert (message.tag, decisions_value(message.columns)) == (7, verdicts)


def test_answers_that_disagree() -> None:
    """Decisions that are none, or do not fit what was broken, are refused."""
    unset, more, fewer, empty = (decisions_message(7, [PASSED, BROKEN]).columns for _ in range(4))
    unset.decision = b"\0\2"
    more.rejected.add(violations=more.rejected[0].violations)
    fewer.decision = b"\2\2"
    del empty.rejected[0].violations[:]
    for columns in (unset, more, fewer, empty):
        with pytest.raises(Malformed):
            decisions_value(columns)
