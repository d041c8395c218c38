"""The sieve: whatever it lets through the exact rules accept, and it lets nearly everything ordinary through."""

import random
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from types import MappingProxyType

import numpy as np
import pytest
from counts import count
from trading import ETH, LIMITS, NOW, QUOTE, order, state

from functions.domain.decisions import AccountState, OrderIntent, Quote, Side, Verdict
from functions.domain.money import scaled
from functions.domain.reference import TradingStatus
from functions.domain.risk import InstrumentLimits, Limits, sieve
from functions.domain.risk.checks import check_told, told_of
from functions.domain.risk.limits import Rulebook
from functions.domain.risk.rules import case_of
from functions.domain.risk.sieve import Checks, Sieve
from functions.wire.codecs.risk import MONEY_NAMES, Question
from functions.wire.codecs.risk_columns import ROWS_MAX, columns_message, columns_value

INT64_MAX = 2**63 - 1
STATUSES = (TradingStatus.UNKNOWN, TradingStatus.TRADING, TradingStatus.HALTED, TradingStatus.CLOSED)

BOUNDED = replace(
    LIMITS,
    drawdown_max=Decimal("0.25"),
    net_exposure_ratio_max=Decimal("0.5"),
    restricted=frozenset(("RESTRICTED",)),
    unknown_status_trades=True,
    default=InstrumentLimits(Decimal(50_000), Decimal(100_000), Decimal(100)),
    instruments=MappingProxyType(
        {
            "TIMES-50": InstrumentLimits(multiplier=Decimal(50), fee_bps_max=Decimal(7)),
            "TIMES-HALF": InstrumentLimits(multiplier=Decimal("0.5")),
            "WITH-FEE": InstrumentLimits(fee_bps_max=Decimal("2.5")),
            "SIZED": InstrumentLimits(order_size_max=Decimal(40)),
            "WIDE": InstrumentLimits(Decimal(10**40), Decimal(10**40), Decimal(10**6)),
        }
    ),
)
LOOSE = replace(LIMITS, unknown_status_trades=False, instruments=BOUNDED.instruments)
"""Neither drawdown nor net exposure is bounded, and what nobody knows to trade does not."""


def columns(questions: list[Question]) -> Checks:
    """Put questions into columns, as they come off the wire."""
    return columns_value(columns_message(1, questions).columns)


def exact(questions: list[Question], limits: Limits, stopped: str = "") -> list[Verdict]:
    """Decide by the rules alone, one by one."""
    book = Rulebook(limits)
    return [
        check_told(
            case_of(one.order, one.quote, one.as_of_ns, one.status),
            told_of(one.account),
            book.bounds(one.order.account, one.order.instrument_id),
            stopped=stopped,
        )
        for one in questions
    ]


# --- what is drawn ----------------------------------------------------------------------------------------------------


def ordinary(draw: random.Random, *, fine: bool = False) -> Question:
    """Draw a question far from every limit: what algorithms ask nearly always; `fine` prices need 60 bits."""
    price_exponent, size_exponent = draw.choice([(-2, -4), (-8, 0), (-2, -8), (-3, 0), (-5, -3)])
    mid = draw.randint(10_000, 10_000_000)
    if fine:
        price_exponent, size_exponent, mid = -18, 0, mid * 10**11
    bid, ask = mid - draw.randint(0, 9), mid + draw.randint(0, 9)
    worth = scaled(mid, price_exponent) * scaled(1, size_exponent)
    units = int(Decimal(1000) / worth)
    quantity, position = (draw.randint(1, units + 1), draw.randint(-units, units))
    working = draw.choice([(0, 0), (units // 3, units // 4)])
    own = max(position + working[0], working[1] - position) * worth
    gross = (own * Decimal("1.01") + draw.randint(0, 10_000)).quantize(Decimal("1E-18"))
    equity = Decimal(1_000_000) + draw.randint(-10_000, 10_000)
    return Question(
        OrderIntent(
            draw.choice(["paper", "other"]),
            draw.choice([ETH, "WITH-FEE"]),
            draw.choice([Side.BUY, Side.SELL]),
            quantity,
            mid + draw.randint(-20, 20),
            price_exponent=price_exponent,
            size_exponent=size_exponent,
        ),
        Quote(bid, 1, ask, 1, NOW - draw.randint(0, 10**9)),
        AccountState(
            Decimal(1_000_000),
            gross,
            position,
            mid + draw.randint(-50, 50),
            *draw.choice([(None, None), (-gross, gross), (gross / 2, gross / 2)]),
            equity=equity,
            peak_equity=draw.choice([None, equity + 1000]),
            working_losses=Decimal(draw.randint(0, 100)),
            working_buys=working[0],
            working_sells=working[1],
            resting_buy_price=mid - 100 if working[0] else 0,
            resting_sell_price=mid + 100 if working[1] else 0,
        ),
        NOW,
        draw.choice([TradingStatus.TRADING, TradingStatus.TRADING, TradingStatus.UNKNOWN]),
    )


def anything(draw: random.Random) -> Question:
    """Draw a question of figures that need make no sense, from nothing to the ends of 64 bits."""

    def figure() -> int:
        bits = draw.choice([0, 1, 3, 17, 33, 48, 50, 51, 53, 60, 63])
        return min(max(draw.choice([1, 1, 1, -1]) * (2**bits + draw.randint(-3, 3)), -INT64_MAX - 1), INT64_MAX)

    def money() -> Decimal:
        return scaled(draw.randint(-(10**9), 10**18), draw.randint(-18, 6))

    price = figure()
    return Question(
        OrderIntent(
            draw.choice(["paper", "other"]),
            draw.choice([ETH, "TIMES-50", "TIMES-HALF", "WITH-FEE", "SIZED", "WIDE", "RESTRICTED"]),
            draw.choice([Side.BUY, Side.SELL]),
            figure(),
            draw.choice([price, figure()]),
            price_exponent=draw.randint(-18, 18),
            size_exponent=draw.randint(-18, 18),
        ),
        Quote(draw.choice([price, figure()]), 1, draw.choice([price, figure()]), 1, draw.choice([NOW, figure()])),
        AccountState(
            *(money(), money(), draw.choice([0, figure()]), figure()),
            *(draw.choice([None, money()]) for _ in range(4)),
            money(),
            *(draw.choice([0, 0, figure()]) for _ in range(4)),
        ),
        draw.choice([NOW, NOW, figure(), 0]),
        draw.choice(STATUSES),
    )


Write = Callable[[Question, int], Question]
Move = tuple[Callable[[Question], int], Write, int]
"""How to read a figure of a question, how to write it, and how far it may be moved, in digits."""


def _moved(part: str, name: str) -> Move:
    def write(one: Question, value: int) -> Question:
        return one._replace(**{part: replace(getattr(one, part), **{name: value})})

    return (lambda one: getattr(getattr(one, part), name), write, 17)


def _money(name: str) -> Move:
    def read(one: Question) -> int:
        return int((getattr(one.account, name) or Decimal(0)).scaleb(18))

    def write(one: Question, value: int) -> Question:
        return one._replace(account=replace(one.account, **{name: scaled(value, -18)}))

    return read, write, 26


_COUNTS = (
    *("position", "position_price"),
    *("working_buys", "working_sells", "resting_buy_price", "resting_sell_price"),
)
MOVES = (
    *(_moved("order", name) for name in ("quantity", "limit_price")),
    *(_moved("quote", name) for name in ("bid_price", "ask_price", "ts_event")),
    *(_moved("account", name) for name in _COUNTS),
    *(_money(name) for name in MONEY_NAMES),
)


def turned(low: int, high: int, accepts: Callable[[int], bool]) -> int:
    """Find where a verdict turns between two values; give the lower of the two beside it."""
    first = accepts(low)
    while abs(high - low) > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if accepts(middle) == first else (low, middle)
    return min(low, high)


def placed(draw: random.Random, limits: Limits) -> list[Question]:
    """Move a figure of an ordinary question to where its verdict turns; give it there, and a few units around."""
    for _ in range(20):
        one, (read, write, digits) = ordinary(draw, fine=draw.random() < 0.2), draw.choice(MOVES)

        def accepts(value: int, one: Question = one, write: Write = write) -> bool:
            return exact([write(one, value)], limits)[0].accepted

        low = read(one)
        high = low + draw.choice([-1, 1]) * 10 ** draw.randint(1, digits)
        if accepts(low) != accepts(high):
            turn = turned(low, high, accepts)
            return [write(one, value) for value in range(turn - 2, turn + 4)]
    return []


# --- equality ---------------------------------------------------------------------------------------------------------


def agree(questions: list[Question], limits: Limits, stopped: str = "") -> int:
    """Assert that both decide alike, words and all, in messages of any size; give how many were sieved."""
    sieved = 0
    decided, size = Sieve(Rulebook(limits)), 1
    while questions:
        part, questions = questions[:size], questions[size:]
        size = size % ROWS_MAX + 1
        asked = columns(part)
        stops = [stopped if name == "paper" else "" for name, _ in asked.accounts]
        wanted = [
            one
            for question in part
            for one in exact([question], limits, stopped if question.order.account == "paper" else "")
        ]
        assert decided.decide(asked, stops) == wanted
        certain = decided.certain(asked, stops)
        assert all(verdict.accepted for verdict, sure in zip(wanted, certain, strict=True) if sure)
        sieved += int(certain.sum())
    return sieved


@pytest.mark.parametrize("limits", [BOUNDED, LOOSE], ids=["bounded", "loose"])
def test_turning_points(limits: Limits) -> None:
    """Where one unit more turns a verdict, the sieve gives the same verdicts as the rules on both sides."""
    draw = random.Random(71)  # noqa: S311 - drawn, not secret
    around = [placed(draw, limits) for _ in range(count(700))]
    assert sum(map(bool, around)) > 0.9 * len(around)
    assert agree([one for questions in around for one in questions], limits) > 0


@pytest.mark.parametrize("limits", [BOUNDED, LOOSE], ids=["bounded", "loose"])
def test_anything(limits: Limits) -> None:
    """Whatever is asked, senseless figures and the ends of 64 bits too, both decide alike, and nothing overflows."""
    draw = random.Random(72)  # noqa: S311 - drawn, not secret
    questions = [anything(draw) if draw.random() < 0.6 else ordinary(draw) for _ in range(count(10_000))]
    with np.errstate(all="raise"):
        assert agree(questions, limits, stopped="trading is stopped") > 0


def test_ordinary() -> None:
    """Ordinary orders are sieved, nearly all of them: else columns would cost more than they spare."""
    draw = random.Random(73)  # noqa: S311 - drawn, not secret
    questions = [ordinary(draw) for _ in range(count(5_000))]
    wanted = sum(one.accepted for one in exact(questions, BOUNDED))
    assert wanted > 0.9 * len(questions)
    assert agree(questions, BOUNDED) > 0.999 * wanted


def test_sieve_decides(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is certain never reaches the rules."""

    def refuse(*_: object, **__: object) -> Verdict:
        message = "the rules were asked"
        raise AssertionError(message)

    monkeypatch.setattr(sieve, "check_told", refuse)
    questions = [Question(order(), QUOTE, state(), NOW)] * ROWS_MAX
    assert Sieve(Rulebook(LIMITS)).decide(columns(questions), [""]) == exact(questions, LIMITS)


def test_one_position() -> None:
    """Gross exposure may be the one position there is, to the last unit; one unit less is a fault, and is found."""
    held = AccountState(Decimal(10**6), Decimal("24999.0001"), 99_996, 250_000 + 1)
    own = held.position * scaled(held.position_price, -2) * scaled(1, -4)
    at = Question(order(), QUOTE, replace(held, gross_exposure=own), NOW)
    below = at._replace(account=replace(held, gross_exposure=own - scaled(1, -18)))
    assert agree([at, below], LIMITS) == 1


@pytest.mark.parametrize(("side", "position"), [(Side.BUY, 100_000), (Side.SELL, -100_000)])
def test_half_a_unit(side: Side, position: int) -> None:
    """The mark is the mid rounded up: where half a unit of price on a position turns a verdict, the rules say which."""
    quote = replace(QUOTE, ask_price=QUOTE.ask_price + 1)
    held = AccountState(Decimal(10**6), Decimal(50_000), position, 250_000)
    one, (_, write, _) = Question(order(side, 1, 250_000), quote, held, NOW), _money("equity")
    turn = turned(0, 10**24, lambda value: exact([write(one, value)], BOUNDED)[0].accepted)
    around = [write(one, turn + offset * 10**15) for offset in range(-300, 300, 7)]
    assert 0 < agree(around, BOUNDED) <= len(around) / 2


def test_bounds_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """When the bounds of what is kept are reached it is put together anew, and nothing else changes."""
    monkeypatch.setattr(sieve, "BOUNDS_MAX", 100)
    monkeypatch.setattr(sieve, "ASKED_MAX", 3)
    one = Question(order(), QUOTE, state(), NOW)
    questions = [one._replace(order=replace(one.order, instrument_id=f"I{number}")) for number in range(300)]
    assert agree(questions + questions, LIMITS) == 600
