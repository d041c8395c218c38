"""Write pre-trade questions and answers as `tickloom.risk.v1` messages and read them back; read the file of limits.

What travels inside a call goes as messages: `x_message` writes one, `x_value` reads it.
"""

import hashlib
import json
from collections.abc import Mapping
from decimal import Decimal
from types import MappingProxyType
from typing import Final, NoReturn

from tickloom.risk.v1 import service_pb2

from functions.domain.decisions import AccountState, OrderIntent, Quote, Side, Verdict, Violation
from functions.domain.money import DIGITS_MAX, EXPONENT_MAX, plain, plain_decimal
from functions.domain.risk import InstrumentLimits, Limits
from functions.wire.errors import Malformed

LIMITS_BYTES_MAX: Final = 1024 * 1024
NAME_CHARACTERS_MAX: Final = 128
"""Longest account, instrument or order id that is taken; our own ids have 36."""

_WRITTEN: Final = MappingProxyType({Side.BUY: service_pb2.SIDE_BUY, Side.SELL: service_pb2.SIDE_SELL})
_READ: Final = MappingProxyType({number: side for side, number in _WRITTEN.items()})


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
    )


def order_value(message: service_pb2.OrderIntent) -> OrderIntent:
    """Read an order; whether its figures make sense is for risk to say.

    Raises:
        Malformed: Its side is not set, a name is missing or too long, or an exponent is no exponent of an instrument.
    """
    if message.side not in _READ:
        _refuse(f"an order's side {message.side} is unknown")
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
    )


def check_name(what: str, name: str) -> None:
    """Refuse a name that is empty, too long or not printable.

    Raises:
        Malformed: It is one of these.
    """
    if not name or len(name) > NAME_CHARACTERS_MAX or not name.isprintable():
        _refuse(f"{what} {name[:NAME_CHARACTERS_MAX]!r} is not 1 to {NAME_CHARACTERS_MAX} printable characters")


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


def check_message(
    order: OrderIntent, quote: Quote, *, account: AccountState, as_of_ns: int
) -> service_pb2.CheckRequest:
    """Write the question whether an order may leave."""
    return service_pb2.CheckRequest(
        order=order_message(order),
        quote=quote_message(quote),
        account=service_pb2.AccountState(
            capital=plain(account.capital),
            gross_exposure=plain(account.gross_exposure),
            position=account.position,
            position_price=account.position_price,
        ),
        as_of_ns=as_of_ns,
    )


def account_value(message: service_pb2.AccountState) -> AccountState:
    """Read an account's state.

    Raises:
        Malformed: Its money is no plain decimal.
    """
    return AccountState(
        capital=decimal_value("capital", message.capital),
        gross_exposure=decimal_value("gross_exposure", message.gross_exposure),
        position=message.position,
        position_price=message.position_price,
    )


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
    violations = tuple(Violation(one.rule, one.text) for one in message.violations)
    expected = service_pb2.DECISION_REJECTED if violations else service_pb2.DECISION_ACCEPTED
    if message.decision != expected:
        _refuse(f"decision {message.decision} disagrees with {len(violations)} violations")
    return Verdict(violations, message.limits_version)


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


def decode_limits(data: bytes) -> Limits:
    """Read a file of limits (JSON); their version is the digest of the bytes.

    Fractions and money are decimal texts, for a JSON number with a point has already been rounded by whoever wrote it.

    Raises:
        Malformed: The file is no such JSON: an unknown, double or missing key, a float, a negative bound.
    """
    if len(data) > LIMITS_BYTES_MAX:
        _refuse(f"limits of {len(data)} bytes are more than {LIMITS_BYTES_MAX}")
    try:
        value = json.loads(data, parse_float=_no_float, parse_constant=_no_float, object_pairs_hook=_once)
    except (UnicodeDecodeError, json.JSONDecodeError, RecursionError) as error:
        detail = f"limits are no JSON: {error}"
        raise Malformed(detail) from error
    fields = _fields("limits", value, required=_LIMITS, optional=frozenset(("default", "instruments")))
    default = fields.get("default")
    return Limits(
        version=hashlib.sha256(data).hexdigest()[:16],
        exposure_ratio_max=_bound("exposure_ratio_max", fields["exposure_ratio_max"]),
        quote_age_ms_max=_milliseconds("quote_age_ms_max", fields["quote_age_ms_max"]),
        quote_ahead_ms_max=_milliseconds("quote_ahead_ms_max", fields["quote_ahead_ms_max"]),
        default=None if default is None else _instrument_limits("default", default),
        instruments=_instruments(fields.get("instruments", {})),
    )


_LIMITS: Final = frozenset(("exposure_ratio_max", "quote_age_ms_max", "quote_ahead_ms_max"))
_BOUNDS: Final = frozenset(("order_notional_max", "position_notional_max", "price_collar_bps_max"))


def _instruments(value: object) -> Mapping[str, InstrumentLimits]:
    if not isinstance(value, dict):
        _refuse("instruments is no object")
    return MappingProxyType({name: _instrument_limits(name, bounds) for name, bounds in value.items()})


def _instrument_limits(name: str, value: object) -> InstrumentLimits:
    fields = _fields(name, value, required=_BOUNDS, optional=frozenset(("order_size_max",)))
    size = fields.get("order_size_max")
    return InstrumentLimits(
        order_notional_max=_bound("order_notional_max", fields["order_notional_max"]),
        position_notional_max=_bound("position_notional_max", fields["position_notional_max"]),
        price_collar_bps_max=_bound("price_collar_bps_max", fields["price_collar_bps_max"]),
        order_size_max=None if size is None else _bound("order_size_max", size),
    )


def _fields(what: str, value: object, *, required: frozenset[str], optional: frozenset[str]) -> dict[str, object]:
    if not isinstance(value, dict):
        _refuse(f"{what} is no object")
    missing, unknown = required - value.keys(), value.keys() - required - optional
    if missing or unknown:
        _refuse(f"{what}: missing {sorted(missing)}, unknown {sorted(unknown)}")
    return value


def _bound(name: str, value: object) -> Decimal:
    if not isinstance(value, str):
        _refuse(f"{name} {value!r} is no decimal text; write it in quotes")
    bound = decimal_value(name, value)
    if bound < 0:
        _refuse(f"{name} {value} is negative")
    return bound


def _milliseconds(name: str, value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        _refuse(f"{name} {value!r} is no whole number of milliseconds")
    return value


def _no_float(text: str) -> NoReturn:
    _refuse(f"{text[:DIGITS_MAX]} in limits is a float; write decimals in quotes")


def _once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) < len(pairs):
        _refuse(f"limits name a key twice among {[key for key, _ in pairs]}")
    return found


def _refuse(detail: str) -> NoReturn:
    raise Malformed(detail)
