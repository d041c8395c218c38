"""Say what is allowed, by whom and in what, and merge it into the bounds of one account in one instrument.

Limits stand on three levels: for all, for a desk, for an account; on each, by default and for an instrument. Every
field is merged by itself, and the most specific level that sets it wins: an account's instrument, a desk's instrument,
all's instrument, then the account's default, the desk's, all's. What names the instrument weighs more than what names
who trades, for it was set because of the instrument. Restrictions are not merged but joined: what is restricted on any
level is restricted.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from decimal import ROUND_FLOOR, Decimal
from types import MappingProxyType
from typing import Final, NamedTuple, TypeAlias, TypeVar

from functions.domain.decisions import Verdict
from functions.domain.money import EXACT, EXPONENT_MAX
from functions.domain.risk.units import MONEY_EXPONENT

T = TypeVar("T")
Ratio: TypeAlias = tuple[int, int]
"""Numerator and denominator, so that `part * denominator > numerator * whole` compares without division."""


class Contract(NamedTuple):
    """Say what one unit of an instrument's quantity stands for, and what a trade of it may cost.

    Args:
        multiplier: Underlying units in one unit of quantity.
        fee: Most a venue takes of a trade, as a fraction of its value.
    """

    multiplier: Ratio
    fee: Ratio

    @property
    def units(self) -> Decimal:
        """Give the multiplier."""
        return EXACT.divide(Decimal(self.multiplier[0]), Decimal(self.multiplier[1]))

    def worth(self, price: int) -> int:
        """Give what a unit of quantity is worth at a price, both units of 10^-18; rounded up to a whole one.

        >>> Contract(multiplier=(50, 1), fee=(0, 1)).worth(3)
        150
        """
        numerator, denominator = self.multiplier
        return -(-price * numerator // denominator)

    def loss(self, leaves: int, away: int, price: int) -> int:
        """Give what a trade loses at worst, fee and all; 0 where it gains. Rounded up to a whole unit of 10^-36.

        Args:
            leaves: Its quantity.
            away: How much worse than the mark a unit of it is paid, as worth; less than 0 when it is better.
            price: What a unit of it is paid, as worth.
        """
        numerator, denominator = self.fee
        lost = (away * denominator + price * numerator) * leaves
        return -(-lost // denominator) if lost > 0 else 0


PLAIN: Final = Contract((1, 1), (0, 1))
"""What an instrument is of which nothing else is said."""

RATE_COUNT_MAX: Final = 10_000
RATE_WINDOW_MS_MAX: Final = 60_000
"""Bounds of what an account must remember of what it sent."""

BOUNDS_MAX: Final = 100_000
"""Pairs of account and instrument whose bounds are kept; with one more, all are merged anew as they are asked for."""

_NS_PER_MS: Final = 1_000_000
_BPS: Final = 10_000


@dataclass(frozen=True, slots=True)
class Rate:
    """Allow at most `count` in any window of `window_ms`, milliseconds of the decisions' own time."""

    count: int
    window_ms: int


@dataclass(frozen=True, slots=True)
class InstrumentLimits:
    """Bound the orders and the position in one instrument; None leaves a field to a less specific level.

    The last two bound nothing by themselves: they say what bounds in money are counted by.

    Args:
        order_notional_max: Greatest value of one order, quote currency.
        position_notional_max: Greatest value the position may reach, either way, quote currency.
        price_collar_bps_max: Greatest distance of the limit price from the mid, basis points of the mid.
        order_size_max: Greatest quantity of one order, base currency; set nowhere, size is left to the notional.
        multiplier: Underlying units in one unit of quantity; set nowhere: 1.
        fee_bps_max: Most that the venue takes of a trade, basis points of its value; set nowhere: nothing.
    """

    order_notional_max: Decimal | None = None
    position_notional_max: Decimal | None = None
    price_collar_bps_max: Decimal | None = None
    order_size_max: Decimal | None = None
    multiplier: Decimal | None = None
    fee_bps_max: Decimal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitSet:
    """Bound what one level trades; None leaves a field to a less specific level.

    Args:
        exposure_ratio_max: Greatest gross exposure, as a fraction of capital.
        net_exposure_ratio_max: Greatest net exposure, either way, as a fraction of capital; set nowhere: no bound.
        drawdown_max: Greatest fall of equity from its peak, as a fraction of the peak; set nowhere: no bound.
        message_rate: Most orders, cancels and replaces sent for an account; set nowhere: no bound.
        repeat_rate: Most equal orders (instrument, side, quantity, price) for an account; set nowhere: no bound.
        default: Limits of instruments.
        instruments: Limits by instrument id.
        restricted: Instruments in which no order may leave.
    """

    exposure_ratio_max: Decimal | None = None
    net_exposure_ratio_max: Decimal | None = None
    drawdown_max: Decimal | None = None
    message_rate: Rate | None = None
    repeat_rate: Rate | None = None
    default: InstrumentLimits | None = None
    instruments: Mapping[str, InstrumentLimits] = field(default_factory=lambda: MappingProxyType({}))
    restricted: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits(LimitSet):
    """Bound all trading.

    Args:
        version: What decided, for the record: the digest of the file the limits were read from.
        quote_age_ms_max: How much older than the decision a quote may be, milliseconds.
        quote_ahead_ms_max: How much newer than the decision a quote may claim to be, milliseconds.
        unknown_status_trades: Whether an instrument of which nobody knows if it trades may be traded.
        desks: Limits by desk.
        accounts: Limits by account.
        desk_of: The desk that an account belongs to; an account may belong to none.
    """

    version: str
    quote_age_ms_max: int
    quote_ahead_ms_max: int
    unknown_status_trades: bool = True
    desks: Mapping[str, LimitSet] = field(default_factory=lambda: MappingProxyType({}))
    accounts: Mapping[str, LimitSet] = field(default_factory=lambda: MappingProxyType({}))
    desk_of: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))


@dataclass(frozen=True, slots=True)
class Bounds:
    """Hold what binds one account in one instrument, in whole numbers.

    `missing` says which limit is set on no level, so that nothing can be decided; then no other field is looked at.
    Money is in units of 10^-36, sizes of 10^-18; instruments' units are coarser, so flooring a limit changes nothing.
    """

    accepted: Verdict
    missing: str
    order_notional_max: int
    position_notional_max: int
    collar: Ratio
    order_size_max: int | None
    exposure: Ratio
    net_exposure: Ratio | None
    drawdown: Ratio | None
    message_rate: Rate | None
    repeat_rate: Rate | None
    restricted: bool
    quote_age_ns_max: int
    quote_ahead_ns_max: int
    unknown_status_trades: bool
    contract: Contract = PLAIN


class Rulebook:
    """Give bounds quickly: each pair of account and instrument is merged once.

    Args:
        limits: What is allowed.
    """

    def __init__(self, limits: Limits) -> None:
        """Merge nothing yet."""
        self.limits: Final = limits
        self._bounds: dict[tuple[str, str], Bounds] = {}

    def bounds(self, account: str, instrument_id: str) -> Bounds:
        """Give what binds an account in an instrument."""
        found = self._bounds.get((account, instrument_id))
        if found is None:
            if len(self._bounds) >= BOUNDS_MAX:
                self._bounds.clear()
            found = self._bounds[account, instrument_id] = merged(self.limits, account, instrument_id)
        return found


def merged(limits: Limits, account: str, instrument_id: str) -> Bounds:
    """Merge what all levels say of one account in one instrument."""
    levels = tuple(_levels(limits, account))
    named = [level.instruments[instrument_id] for level in levels if instrument_id in level.instruments]
    order = (*named, *(level.default for level in levels if level.default is not None))
    notional = _first(one.order_notional_max for one in order)
    position = _first(one.position_notional_max for one in order)
    collar = _first(one.price_collar_bps_max for one in order)
    size = _first(one.order_size_max for one in order)
    exposure = _first(level.exposure_ratio_max for level in levels)
    needed = {
        "order_notional_max": notional,
        "position_notional_max": position,
        "price_collar_bps_max": collar,
        "exposure_ratio_max": exposure,
    }
    missing = [name for name, value in needed.items() if value is None]
    return Bounds(
        accepted=Verdict((), limits.version),
        missing=f"no limits are set for instrument {instrument_id!r}: {', '.join(missing)}" if missing else "",
        order_notional_max=_floor(notional or Decimal(0), MONEY_EXPONENT),
        position_notional_max=_floor(position or Decimal(0), MONEY_EXPONENT),
        collar=_ratio(EXACT.divide(collar or Decimal(0), Decimal(_BPS))),
        order_size_max=None if size is None else _floor(size, -EXPONENT_MAX),
        exposure=_ratio(exposure or Decimal(0)),
        net_exposure=_maybe_ratio(_first(level.net_exposure_ratio_max for level in levels)),
        drawdown=_maybe_ratio(_first(level.drawdown_max for level in levels)),
        message_rate=_first(level.message_rate for level in levels),
        repeat_rate=_first(level.repeat_rate for level in levels),
        restricted=any(instrument_id in level.restricted for level in levels),
        quote_age_ns_max=limits.quote_age_ms_max * _NS_PER_MS,
        quote_ahead_ns_max=limits.quote_ahead_ms_max * _NS_PER_MS,
        unknown_status_trades=limits.unknown_status_trades,
        contract=_contract(order),
    )


def _contract(levels: tuple[InstrumentLimits, ...]) -> Contract:
    multiplier = _first(one.multiplier for one in levels)
    fee = _first(one.fee_bps_max for one in levels)
    if multiplier is None and fee is None:
        return PLAIN
    return Contract(
        PLAIN.multiplier if multiplier is None else _ratio(multiplier),
        PLAIN.fee if fee is None else _ratio(EXACT.divide(fee, Decimal(_BPS))),
    )


def _levels(limits: Limits, account: str) -> Iterator[LimitSet]:
    """Give the levels that bind an account, the most specific first."""
    if account in limits.accounts:
        yield limits.accounts[account]
    desk = limits.desk_of.get(account, "")
    if desk in limits.desks:
        yield limits.desks[desk]
    yield limits


def _first(values: Iterator[T | None]) -> T | None:
    return next((value for value in values if value is not None), None)


def _floor(value: Decimal, exponent: int) -> int:
    return int(value.scaleb(-exponent, EXACT).to_integral_value(ROUND_FLOOR))


def _ratio(value: Decimal) -> Ratio:
    return value.as_integer_ratio()


def _maybe_ratio(value: Decimal | None) -> Ratio | None:
    return None if value is None else _ratio(value)
