"""Read files of limits (JSON): what binds all, desks and accounts, by default and by instrument.

Fractions and money are decimal texts, for a JSON number with a point has already been rounded by whoever wrote it.
"""

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from types import MappingProxyType
from typing import Any, Final, NoReturn, TypeVar

from functions.domain.money import DIGITS_MAX
from functions.domain.risk.limits import (
    RATE_COUNT_MAX,
    RATE_WINDOW_MS_MAX,
    InstrumentLimits,
    Limits,
    LimitSet,
    Rate,
)
from functions.wire.codecs.risk import check_name, decimal_value
from functions.wire.errors import Malformed

T = TypeVar("T")

LIMITS_BYTES_MAX: Final = 1024 * 1024

_BOUNDS: Final = frozenset(
    (
        "order_notional_max",
        "position_notional_max",
        "price_collar_bps_max",
        "order_size_max",
        "multiplier",
        "fee_bps_max",
    )
)
_SET_RATIOS: Final = ("exposure_ratio_max", "net_exposure_ratio_max", "drawdown_max")
_SET_RATES: Final = ("message_rate", "repeat_rate")
_SET: Final = frozenset((*_SET_RATIOS, *_SET_RATES, "default", "instruments", "restricted"))
_NEEDED: Final = frozenset(("exposure_ratio_max", "quote_age_ms_max", "quote_ahead_ms_max"))
_OPTIONAL: Final = (_SET - _NEEDED) | {"unknown_status_trades", "desks", "accounts"}


def decode_limits(data: bytes) -> Limits:
    """Read a file of limits; their version is the digest of the bytes.

    Raises:
        Malformed: The file is no such JSON: an unknown, double or missing key, a float, a negative bound, an account
            on two desks.
    """
    if len(data) > LIMITS_BYTES_MAX:
        _refuse(f"limits of {len(data)} bytes are more than {LIMITS_BYTES_MAX}")
    try:
        value = json.loads(data, parse_float=_no_float, parse_constant=_no_float, object_pairs_hook=_once)
    except (UnicodeDecodeError, json.JSONDecodeError, RecursionError) as error:
        detail = f"limits are no JSON: {error}"
        raise Malformed(detail) from error
    fields = _fields("limits", value, required=_NEEDED, optional=_OPTIONAL)
    desks = _named("desks", fields.get("desks", {}), _desk)
    return Limits(
        version=hashlib.sha256(data).hexdigest()[:16],
        quote_age_ms_max=_milliseconds("quote_age_ms_max", fields["quote_age_ms_max"]),
        quote_ahead_ms_max=_milliseconds("quote_ahead_ms_max", fields["quote_ahead_ms_max"]),
        unknown_status_trades=_truth("unknown_status_trades", fields.get("unknown_status_trades", True)),
        desks=MappingProxyType({name: desk.limits for name, desk in desks.items()}),
        accounts=_named("accounts", fields.get("accounts", {}), _account),
        desk_of=_desk_of(desks),
        **_set_fields("limits", fields),
    )


# --- levels -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Desk:
    """A desk's limits, and the accounts that belong to it."""

    limits: LimitSet
    accounts: tuple[str, ...] = field(default=())


def _desk(name: str, value: object) -> _Desk:
    fields = _fields(name, value, required=frozenset(("accounts",)), optional=_SET)
    return _Desk(LimitSet(**_set_fields(name, fields)), _names(f"accounts of desk {name}", fields["accounts"]))


def _account(name: str, value: object) -> LimitSet:
    return LimitSet(**_set_fields(name, _fields(name, value, required=frozenset(), optional=_SET)))


def _desk_of(desks: Mapping[str, _Desk]) -> Mapping[str, str]:
    found: dict[str, str] = {}
    for name, desk in desks.items():
        for account in desk.accounts:
            if found.setdefault(account, name) != name:
                _refuse(f"account {account!r} belongs to desks {found[account]!r} and {name!r}")
    return MappingProxyType(found)


def _set_fields(what: str, fields: Mapping[str, object]) -> dict[str, Any]:
    """Read what every level may say; what it does not say stays unsaid."""
    found: dict[str, Any] = {name: _bound(name, fields[name]) for name in _SET_RATIOS if name in fields}
    found |= {name: _rate(name, fields[name]) for name in _SET_RATES if name in fields}
    if fields.get("default") is not None:
        found["default"] = _instrument_limits(f"default of {what}", fields["default"])
    found["instruments"] = _named("instruments", fields.get("instruments", {}), _instrument_limits)
    found["restricted"] = frozenset(_names(f"restricted of {what}", fields.get("restricted", [])))
    return found


def _instrument_limits(name: str, value: object) -> InstrumentLimits:
    fields = _fields(name, value, required=frozenset(), optional=_BOUNDS)
    if "multiplier" in fields and not _bound("multiplier", fields["multiplier"]):
        _refuse(f"multiplier of {name} is 0: a unit of it would be worth nothing")
    return InstrumentLimits(**{key: _bound(key, bound) for key, bound in fields.items()})


# --- values -----------------------------------------------------------------------------------------------------------


def _named(what: str, value: object, read: Callable[[str, object], T]) -> Mapping[str, T]:
    if not isinstance(value, dict):
        _refuse(f"{what} is no object")
    for name in value:
        check_name(what, name)
    return MappingProxyType({name: read(name, one) for name, one in value.items()})


def _names(what: str, value: object) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
        _refuse(f"{what} is no list of names")
    for one in value:
        check_name(what, one)
    return tuple(value)


def _rate(name: str, value: object) -> Rate:
    fields = _fields(name, value, required=frozenset(("count", "window_ms")), optional=frozenset())
    count, window_ms = (_whole(f"{name} {key}", fields[key]) for key in ("count", "window_ms"))
    if not (1 <= count <= RATE_COUNT_MAX and 1 <= window_ms <= RATE_WINDOW_MS_MAX):
        _refuse(f"{name} of {count} in {window_ms} ms: 1 to {RATE_COUNT_MAX} in 1 to {RATE_WINDOW_MS_MAX} ms are known")
    return Rate(count, window_ms)


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
    number = _whole(name, value)
    if number < 0:
        _refuse(f"{name} {number} ms is negative")
    return number


def _whole(name: str, value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        _refuse(f"{name} {value!r} is no whole number")
    return value


def _truth(name: str, value: object) -> bool:
    if not isinstance(value, bool):
        _refuse(f"{name} {value!r} is neither true nor false")
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
