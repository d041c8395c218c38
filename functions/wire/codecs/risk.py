"""Write pre-trade questions and answers as `tickloom.risk.v1` messages and read them back.

What travels inside a call goes as messages: `x_message` writes one, `x_value` reads it.
"""

from decimal import Decimal
from functools import lru_cache
from types import MappingProxyType
from typing import Final, NamedTuple, NoReturn

from tickloom.reference.v1 import status_pb2
from tickloom.risk.v1 import service_pb2

from functions.domain.decisions import AccountState, OrderIntent, Quote, Side, TimeInForce, Verdict, Violation
from functions.domain.money import EXPONENT_MAX, plain, plain_decimal
from functions.domain.reference import TradingStatus
from functions.wire.errors import Malformed

TEXTS_KEPT_MAX: Final = 4096
"""Names and amounts that are read and written once: an account's are the same from question to question."""

NAME_CHARACTERS_MAX: Final = 128
"""Longest account, instrument or order id that is taken; our own ids have 36."""

_WRITTEN: Final = MappingProxyType({Side.BUY: service_pb2.SIDE_BUY, Side.SELL: service_pb2.SIDE_SELL})
_READ: Final = MappingProxyType({number: side for side, number in _WRITTEN.items()})
_STATUSES_WRITTEN: Final = MappingProxyType(
    {
        TradingStatus.UNKNOWN: status_pb2.TRADING_STATUS_UNSPECIFIED,
        TradingStatus.TRADING: status_pb2.TRADING_STATUS_TRADING,
        TradingStatus.HALTED: status_pb2.TRADING_STATUS_HALTED,
        TradingStatus.CLOSED: status_pb2.TRADING_STATUS_CLOSED,
    }
)
_STATUSES: Final = MappingProxyType({number: status for status, number in _STATUSES_WRITTEN.items()})
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
    return service_pb2.OrderIntent(
        account=value.account,
        instrument_id=value.instrument_id,
        side=_WRITTEN[value.side],
        quantity=value.quantity,
        limit_price=value.limit_price,
        price_exponent=value.price_exponent,
        size_exponent=value.size_exponent,
        time_in_force=_TIMES_WRITTEN[value.time_in_force],
    )


def order_value(message: service_pb2.OrderIntent) -> OrderIntent:
    """Read an order; whether its figures make sense is for risk to say.

    Raises:
        Malformed: Its side is not set, its time in force is unknown, a name is missing or too long, or an exponent is
            no exponent of an instrument.
    """
    if message.side not in _READ:
        _refuse(f"an order's side {message.side} is unknown")
    if message.time_in_force not in _TIMES_READ:
        _refuse(f"an order's time in force {message.time_in_force} is unknown")
    check_name("account", message.account)
    check_name("instrument_id", message.instrument_id)
    for name, exponent in (("price", message.price_exponent), ("size", message.size_exponent)):
        if abs(exponent) > EXPONENT_MAX:
            _refuse(f"{name} exponent {exponent} is beyond {EXPONENT_MAX}")
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


def check_name(what: str, name: str) -> None:
    """Refuse a name that is empty, too long or not printable.

    Raises:
        Malformed: It is one of these.
    """
    if not _is_name(name):
        _refuse(f"{what} {name[:NAME_CHARACTERS_MAX]!r} is not 1 to {NAME_CHARACTERS_MAX} printable characters")


@lru_cache(maxsize=TEXTS_KEPT_MAX)
def _is_name(name: str) -> bool:
    return 0 < len(name) <= NAME_CHARACTERS_MAX and name.isprintable()


def quote_message(value: Quote) -> service_pb2.Quote:
    """Write a quote."""
    return service_pb2.Quote(
        bid_price=value.bid_price,
        bid_size=value.bid_size,
        ask_price=value.ask_price,
        ask_size=value.ask_size,
        ts_event=value.ts_event,
    )


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
    return service_pb2.CheckRequest(
        order=order_message(value.order),
        quote=quote_message(value.quote),
        account=account_message(value.account),
        as_of_ns=value.as_of_ns,
        status=_STATUSES_WRITTEN[value.status],
    )


def question_value(message: service_pb2.CheckRequest) -> Question:
    """Read a question.

    Raises:
        Malformed: The order, the account's money or the status cannot be read.
    """
    if message.status not in _STATUSES:
        _refuse(f"trading status {message.status} is unknown")
    return Question(
        order_value(message.order),
        quote_value(message.quote),
        account_value(message.account),
        message.as_of_ns,
        _STATUSES[message.status],
    )


def check_message(
    order: OrderIntent, quote: Quote, *, account: AccountState, as_of_ns: int
) -> service_pb2.CheckRequest:
    """Write the question whether an order may leave."""
    return question_message(Question(order, quote, account, as_of_ns))


def account_message(value: AccountState) -> service_pb2.AccountState:
    """Write an account's state."""
    return service_pb2.AccountState(
        capital=decimal_text(value.capital),
        gross_exposure=decimal_text(value.gross_exposure),
        position=value.position,
        position_price=value.position_price,
        net_exposure_low=_told(value.net_exposure_low),
        net_exposure_high=_told(value.net_exposure_high),
        equity=_told(value.equity),
        peak_equity=_told(value.peak_equity),
        working_losses=_told(value.working_losses or None),
        working_buys=value.working_buys,
        working_sells=value.working_sells,
        resting_buy_price=value.resting_buy_price,
        resting_sell_price=value.resting_sell_price,
    )


def account_value(message: service_pb2.AccountState) -> AccountState:
    """Read an account's state.

    Raises:
        Malformed: Its money is no plain decimal.
    """
    return AccountState(
        capital=_amount("capital", message.capital),
        gross_exposure=_amount("gross_exposure", message.gross_exposure),
        position=message.position,
        position_price=message.position_price,
        net_exposure_low=_heard("net_exposure_low", message.net_exposure_low),
        net_exposure_high=_heard("net_exposure_high", message.net_exposure_high),
        equity=_heard("equity", message.equity),
        peak_equity=_heard("peak_equity", message.peak_equity),
        working_losses=_heard("working_losses", message.working_losses) or Decimal(0),
        working_buys=message.working_buys,
        working_sells=message.working_sells,
        resting_buy_price=message.resting_buy_price,
        resting_sell_price=message.resting_sell_price,
    )


def _told(value: Decimal | None) -> str:
    return "" if value is None else decimal_text(value)


def _heard(what: str, text: str) -> Decimal | None:
    return _amount(what, text) if text else None


def verdict_message(value: Verdict) -> service_pb2.CheckResponse:
    """Write a decision."""
    return service_pb2.CheckResponse(
        decision=service_pb2.DECISION_ACCEPTED if value.accepted else service_pb2.DECISION_REJECTED,
        violations=[service_pb2.Violation(rule=one.rule, text=one.text) for one in value.violations],
        limits_version=value.limits_version,
    )


def verdict_value(message: service_pb2.CheckResponse) -> Verdict:
    """Read a decision.

    Raises:
        Malformed: The decision is not set, or disagrees with its violations.
    """
    violations = tuple([Violation(one.rule, one.text) for one in message.violations])
    expected = service_pb2.DECISION_REJECTED if violations else service_pb2.DECISION_ACCEPTED
    if message.decision != expected:
        _refuse(f"decision {message.decision} disagrees with {len(violations)} violations")
    return Verdict(violations, message.limits_version)


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


_amount: Final = lru_cache(maxsize=TEXTS_KEPT_MAX)(decimal_value)


def _refuse(detail: str) -> NoReturn:
    raise Malformed(detail)
