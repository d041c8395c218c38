"""Write pre-trade questions and answers as `tickloom.risk.v1` messages and read them back.

What travels inside a call goes as messages: `x_message` writes one, `x_value` reads it.
"""

from collections.abc import Iterable
from decimal import Decimal
from functools import lru_cache
from operator import attrgetter
from types import MappingProxyType
from typing import Final, NamedTuple, NoReturn

from tickloom.reference.v1 import status_pb2
from tickloom.risk.v1 import service_pb2

from functions.domain.decisions import AccountState, OrderIntent, Quote, Side, TimeInForce, Verdict, Violation
from functions.domain.money import EXPONENT_MAX, plain, plain_decimal
from functions.domain.reference import TradingStatus
from functions.domain.risk.checks import Money, Told, money_told
from functions.domain.risk.rules import Case
from functions.wire.errors import Malformed

TEXTS_KEPT_MAX: Final = 4096
"""Names and amounts that are read and written once: an account's are the same from question to question."""

VERSIONS_KEPT_MAX: Final = 64
"""Versions of limits whose acceptance is written and read once."""

NAME_CHARACTERS_MAX: Final = 128
"""Longest account, instrument or order id that is taken; our own ids have 36."""

_WRITTEN: Final = MappingProxyType({Side.BUY: service_pb2.SIDE_BUY, Side.SELL: service_pb2.SIDE_SELL})
_READ: Final = MappingProxyType({number: side for side, number in _WRITTEN.items()})
STATUSES_WRITTEN: Final = MappingProxyType(
    {
        TradingStatus.UNKNOWN: status_pb2.TRADING_STATUS_UNSPECIFIED,
        TradingStatus.TRADING: status_pb2.TRADING_STATUS_TRADING,
        TradingStatus.HALTED: status_pb2.TRADING_STATUS_HALTED,
        TradingStatus.CLOSED: status_pb2.TRADING_STATUS_CLOSED,
    }
)
STATUSES_READ: Final = MappingProxyType({number: status for status, number in STATUSES_WRITTEN.items()})
_TIMES_WRITTEN: Final = MappingProxyType(
    {
        TimeInForce.IMMEDIATE_OR_CANCEL: service_pb2.TIME_IN_FORCE_IMMEDIATE_OR_CANCEL,
        TimeInForce.FILL_OR_KILL: service_pb2.TIME_IN_FORCE_FILL_OR_KILL,
        TimeInForce.DAY: service_pb2.TIME_IN_FORCE_DAY,
        TimeInForce.GOOD_TILL_CANCEL: service_pb2.TIME_IN_FORCE_GOOD_TILL_CANCEL,
    }
)
_TIMES_READ: Final = MappingProxyType(
    {number: time for time, number in _TIMES_WRITTEN.items()}
    | {service_pb2.TIME_IN_FORCE_UNSPECIFIED: TimeInForce.IMMEDIATE_OR_CANCEL}
)


def order_message(value: OrderIntent) -> service_pb2.OrderIntent:
    """Write an order."""
    message = service_pb2.OrderIntent()
    write_order(message, value)
    return message


def write_order(message: service_pb2.OrderIntent, value: OrderIntent) -> None:
    """Write an order into a part of a message, where it stands: a part that is made by itself is copied."""
    message.account = value.account
    message.instrument_id = value.instrument_id
    message.side = _WRITTEN[value.side]
    message.quantity = value.quantity
    message.limit_price = value.limit_price
    message.price_exponent = value.price_exponent
    message.size_exponent = value.size_exponent
    message.time_in_force = _TIMES_WRITTEN[value.time_in_force]


def order_value(message: service_pb2.OrderIntent) -> OrderIntent:
    """Read an order; whether its figures make sense is for risk to say.

    Raises:
        Malformed: Its side is not set, its time in force is unknown, a name is missing or too long, or an exponent is
            no exponent of an instrument.
    """
    time, price, size = message.time_in_force, message.price_exponent, message.size_exponent
    _check_order(message.account, message.instrument_id, message.side, time, price, size)
    return OrderIntent(
        account=message.account,
        instrument_id=message.instrument_id,
        side=_READ[message.side],
        quantity=message.quantity,
        limit_price=message.limit_price,
        price_exponent=message.price_exponent,
        size_exponent=message.size_exponent,
        time_in_force=_TIMES_READ[message.time_in_force],
    )


@lru_cache(maxsize=TEXTS_KEPT_MAX)
def _check_order(  # noqa: PLR0913, PLR0917 - what orders have again and again, looked up together
    account: str, instrument_id: str, side: int, time: int, price_exponent: int, size_exponent: int
) -> None:
    if side not in _READ:
        _refuse(f"an order's side {side} is unknown")
    if time not in _TIMES_READ:
        _refuse(f"an order's time in force {time} is unknown")
    check_name("account", account)
    check_name("instrument_id", instrument_id)
    for name, exponent in (("price", price_exponent), ("size", size_exponent)):
        if abs(exponent) > EXPONENT_MAX:
            _refuse(f"{name} exponent {exponent} is beyond {EXPONENT_MAX}")


def check_name(what: str, name: str) -> None:
    """Refuse a name that is empty, too long or not printable.

    Raises:
        Malformed: It is one of these.
    """
    if len(name) > NAME_CHARACTERS_MAX or not _is_name(name):  # what is long is not remembered
        _refuse(f"{what} {name[:NAME_CHARACTERS_MAX]!r} is not 1 to {NAME_CHARACTERS_MAX} printable characters")


@lru_cache(maxsize=TEXTS_KEPT_MAX)
def _is_name(name: str) -> bool:
    return 0 < len(name) <= NAME_CHARACTERS_MAX and name.isprintable()


def quote_message(value: Quote) -> service_pb2.Quote:
    """Write a quote."""
    message = service_pb2.Quote()
    write_quote(message, value)
    return message


def write_quote(message: service_pb2.Quote, value: Quote) -> None:
    """Write a quote into a part of a message, as `write_order`."""
    message.bid_price = value.bid_price
    message.bid_size = value.bid_size
    message.ask_price = value.ask_price
    message.ask_size = value.ask_size
    message.ts_event = value.ts_event


def quote_value(message: service_pb2.Quote) -> Quote:
    """Read a quote."""
    return Quote(message.bid_price, message.bid_size, message.ask_price, message.ask_size, message.ts_event)


class Question(NamedTuple):
    """Hold one question: may this order leave? `status` is whether its instrument trades, as the caller knows."""

    order: OrderIntent
    quote: Quote
    account: AccountState
    as_of_ns: int
    status: TradingStatus = TradingStatus.UNKNOWN


def question_message(value: Question) -> service_pb2.CheckRequest:
    """Write a question."""
    return _written(service_pb2.CheckRequest(), value)


def questions_message(tag: int, values: Iterable[Question]) -> service_pb2.CheckStreamRequest:
    """Write what is asked at once in a conversation."""
    message = service_pb2.CheckStreamRequest(tag=tag)
    for value in values:
        _written(message.checks.add(), value)
    return message


def check_message(
    order: OrderIntent, quote: Quote, *, account: AccountState, as_of_ns: int
) -> service_pb2.CheckRequest:
    """Write the question whether an order may leave."""
    return question_message(Question(order, quote, account, as_of_ns))


def _written(message: service_pb2.CheckRequest, value: Question) -> service_pb2.CheckRequest:
    """Write a question into an empty message, where it stands: parts that are made first are copied."""
    order, quote, account, message.as_of_ns, status = value
    message.status = STATUSES_WRITTEN[status]
    write_order(message.order, order)
    write_quote(message.quote, quote)
    _write_account(message.account, account)
    return message


def _write_account(message: service_pb2.AccountState, value: AccountState) -> None:
    """Write an account's state; what is not told is left out."""
    message.capital = decimal_text(value.capital)
    message.gross_exposure = decimal_text(value.gross_exposure)
    message.position = value.position
    message.position_price = value.position_price
    if value.net_exposure_low is not None:
        message.net_exposure_low = decimal_text(value.net_exposure_low)
    if value.net_exposure_high is not None:
        message.net_exposure_high = decimal_text(value.net_exposure_high)
    if value.equity is not None:
        message.equity = decimal_text(value.equity)
    if value.peak_equity is not None:
        message.peak_equity = decimal_text(value.peak_equity)
    if value.working_losses:
        message.working_losses = decimal_text(value.working_losses)
    if value.working_buys or value.working_sells or value.resting_buy_price or value.resting_sell_price:
        message.working_buys = value.working_buys
        message.working_sells = value.working_sells
        message.resting_buy_price = value.resting_buy_price
        message.resting_sell_price = value.resting_sell_price


_ORDER: Final = attrgetter(
    "account",
    "instrument_id",
    "side",
    "time_in_force",
    "price_exponent",
    "size_exponent",
    "quantity",
    "limit_price",
)
_QUOTE: Final = attrgetter("bid_price", "ask_price", "ts_event")
MONEY_NAMES: Final = (
    "capital",
    "gross_exposure",
    "net_exposure_low",
    "net_exposure_high",
    "equity",
    "peak_equity",
    "working_losses",
)
MONEY: Final = attrgetter(*MONEY_NAMES)
"""Take an account's money out of a value or a message, for `money_value`."""

_COUNTS: Final = attrgetter(*Told._fields[1:])


def question_value(message: service_pb2.CheckRequest) -> tuple[Case, Told]:
    """Read a question, counted as risk counts.

    Raises:
        Malformed: The order, the account's money or the status cannot be read.
    """
    if message.status not in STATUSES_READ:
        _refuse(f"trading status {message.status} is unknown")
    account, instrument_id, side, time, price, size, quantity, limit = _ORDER(message.order)
    _check_order(account, instrument_id, side, time, price, size)
    buys, market, at = side == service_pb2.SIDE_BUY, _QUOTE(message.quote), message.as_of_ns
    status = STATUSES_READ[message.status]
    case = Case._make((account, instrument_id, buys, quantity, limit, price, size, *market, at, status))
    told = message.account
    return case, Told._make((money_value(*MONEY(told)), *_COUNTS(told)))


@lru_cache(maxsize=TEXTS_KEPT_MAX)
def money_value(*texts: str) -> Money:
    """Count an account's money, which is the same from question to question; texts as in `MONEY_NAMES`.

    Raises:
        Malformed: A text is no plain decimal.
    """
    capital, gross, low, high, equity, peak, losses = texts
    return money_told(
        AccountState(
            capital=decimal_value("capital", capital),
            gross_exposure=decimal_value("gross_exposure", gross),
            position=0,
            position_price=0,
            net_exposure_low=_heard("net_exposure_low", low),
            net_exposure_high=_heard("net_exposure_high", high),
            equity=_heard("equity", equity),
            peak_equity=_heard("peak_equity", peak),
            working_losses=_heard("working_losses", losses) or Decimal(0),
        )
    )


def _heard(what: str, text: str) -> Decimal | None:
    return decimal_value(what, text) if text else None


def verdict_message(value: Verdict) -> service_pb2.CheckResponse:
    """Write a decision."""
    return service_pb2.CheckResponse(
        decision=service_pb2.DECISION_ACCEPTED if value.accepted else service_pb2.DECISION_REJECTED,
        violations=[service_pb2.Violation(rule=one.rule, text=one.text) for one in value.violations],
        limits_version=value.limits_version,
    )


def answer_message(tag: int, values: Iterable[Verdict]) -> service_pb2.CheckStreamResponse:
    """Write what is answered at once in a conversation; protobuf takes parts put end to end for the whole."""
    message = service_pb2.CheckStreamResponse(tag=tag)
    message.MergeFromString(
        b"".join([_part(one) if one.violations else _accepted_part(one.limits_version) for one in values])
    )
    return message


def _part(value: Verdict) -> bytes:
    return service_pb2.CheckStreamResponse(checks=[verdict_message(value)]).SerializeToString()


@lru_cache(maxsize=VERSIONS_KEPT_MAX)
def _accepted_part(limits_version: str) -> bytes:
    return _part(Verdict((), limits_version))


def verdict_value(message: service_pb2.CheckResponse) -> Verdict:
    """Read a decision.

    Raises:
        Malformed: The decision is not set, or disagrees with its violations.
    """
    violations = message.violations
    expected = service_pb2.DECISION_REJECTED if violations else service_pb2.DECISION_ACCEPTED
    if message.decision != expected:
        _refuse(f"decision {message.decision} disagrees with {len(violations)} violations")
    if not violations:
        return accepted_value(message.limits_version)
    return Verdict(tuple([Violation(one.rule, one.text) for one in violations]), message.limits_version)


@lru_cache(maxsize=VERSIONS_KEPT_MAX)
def accepted_value(limits_version: str) -> Verdict:
    """Give the one verdict that accepts by a version of the limits."""
    return Verdict((), limits_version)


@lru_cache(maxsize=TEXTS_KEPT_MAX)
def decimal_text(value: Decimal) -> str:
    """Write a decimal as plain text; equal decimals give equal text."""
    return plain(value)


def decimal_value(what: str, text: str) -> Decimal:
    """Read a plain decimal.

    Raises:
        Malformed: The text is no plain decimal.
    """
    try:
        return plain_decimal(text)
    except ValueError as error:
        detail = f"{what}: {error}"
        raise Malformed(detail) from error


def _refuse(detail: str) -> NoReturn:
    raise Malformed(detail)
