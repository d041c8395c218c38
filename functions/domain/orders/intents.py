"""Turn signals into orders: how large, and how far through the quote."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from enum import Enum
from fractions import Fraction
from math import ceil, floor
from types import MappingProxyType
from typing import Final

from functions.domain.decisions import Action, ConfidenceKind, OrderIntent, Quote, Side, Signal
from functions.domain.errors import Rejected
from functions.domain.money import EXPONENT_MAX, MANTISSA_MAX, scaled

_BPS: Final = 10_000
_PERCENT: Final = 100
_SIDES: Final = MappingProxyType({Action.BUY: Side.BUY, Action.SELL: Side.SELL})


@dataclass(frozen=True, slots=True)
class Grid:
    """Say of what an instrument's prices and quantities are multiples at its venue, both more than 0.

    Args:
        tick: Least step of a price, quote currency.
        lot: Least step of a quantity, units.
    """

    tick: Decimal
    lot: Decimal


@dataclass(frozen=True, slots=True)
class Sizing:
    """Say how large and how eager orders from signals are.

    Args:
        account: Account that trades.
        order_notional: Value of an order at full confidence, quote currency, while nobody knows its chance.
        slippage_bps: How far through the opposite quote the limit may lie, basis points.
        capital: What positions of known chances are shares of, quote currency; None: `order_notional`.
        order_notional_max: Most value of an order, quote currency; None: no bound but risk's.
        multipliers: By instrument, what a unit of its quantity stands for; others stand for 1.
        grids: By instrument, its steps; others take whatever their exponents can say.
    """

    account: str
    order_notional: Decimal
    slippage_bps: Decimal
    capital: Decimal | None = None
    order_notional_max: Decimal | None = None
    multipliers: Mapping[str, Decimal] = field(default_factory=dict)
    grids: Mapping[str, Grid] = field(default_factory=dict)


class Unsized(Enum):
    """Why a signal makes no order."""

    HOLDS = "holds"
    NO_OPPOSITE_QUOTE = "no_opposite_quote"
    BELOW_ONE_UNIT = "below_one_unit"


def size_order(signal: Signal, sizing: Sizing) -> OrderIntent | Unsized:
    """Size the order a signal asks for: its value over the limit price, floored to whole size units, or lots.

    Behind a calibrated chance the value is the signal's position size, a share of the capital. A weighted count of
    rules is no chance: behind it the value is order_notional * confidence.

    Returns:
        The order, or why there is none: the signal holds, its quote has no opposite side, or nothing is left after
        flooring.

    Raises:
        Rejected: The signal has no time, so its order could not be decided on, or units no instrument has.
    """
    side = _SIDES.get(signal.action)
    if side is None:
        return Unsized.HOLDS
    _check_signal(signal)
    tick, lot = _steps(signal, sizing.grids.get(signal.instrument_id))
    limit = limit_through(signal.quote, side, sizing.slippage_bps, tick=tick)
    if not 0 < limit <= MANTISSA_MAX:
        return Unsized.NO_OPPOSITE_QUOTE
    price = Fraction(scaled(limit, signal.price_exponent))
    unit = Fraction(scaled(1, signal.size_exponent)) * Fraction(sizing.multipliers.get(signal.instrument_id, 1))
    quantity = min(floor(_value(signal, sizing) / price / unit), MANTISSA_MAX)
    if sizing.order_notional_max is not None:  # a sell may fill at the bid above its limit, and risk counts it there
        dearest = Fraction(scaled(max(limit, signal.quote.bid_price), signal.price_exponent))
        quantity = min(quantity, floor(Fraction(sizing.order_notional_max) / dearest / unit))
    quantity -= quantity % lot
    if quantity <= 0:
        return Unsized.BELOW_ONE_UNIT
    return OrderIntent(
        account=sizing.account,
        instrument_id=signal.instrument_id,
        side=side,
        quantity=quantity,
        limit_price=limit,
        price_exponent=signal.price_exponent,
        size_exponent=signal.size_exponent,
    )


def _steps(signal: Signal, grid: Grid | None) -> tuple[int, int]:
    """Count an instrument's tick and lot in the signal's units; one that is finer than these stands for one of them.

    Raises:
        Rejected: They are no whole number of units, so no order of this signal could keep to them.
    """
    if grid is None:
        return 1, 1
    tick = Fraction(grid.tick) / Fraction(scaled(1, signal.price_exponent))
    lot = Fraction(grid.lot) / Fraction(scaled(1, signal.size_exponent))
    for name, step in (("tick", tick), ("lot", lot)):
        if step > 1 and step.denominator != 1:
            message = (
                f"the {name} of {signal.instrument_id} is {step} units of signal {signal.signal_id}, no whole number"
            )
            raise Rejected(message)
    return max(int(tick), 1), max(int(lot), 1)


def _value(signal: Signal, sizing: Sizing) -> Fraction:
    """Say what an order should be worth, quote currency."""
    told = signal.evidence
    share, whole = signal.confidence, sizing.order_notional
    if told.confidence_kind is ConfidenceKind.CALIBRATED:
        share, whole = told.position_size_pct, sizing.order_notional if sizing.capital is None else sizing.capital
    value = min(Fraction(share), Fraction(_PERCENT)) / _PERCENT * Fraction(whole)
    return value if sizing.order_notional_max is None else min(value, Fraction(sizing.order_notional_max))


def _check_signal(signal: Signal) -> None:
    if signal.as_of_ns <= 0:
        message = f"signal {signal.signal_id} has no time; set as_of_ns to the end of its bar"
        raise Rejected(message)
    if max(abs(signal.price_exponent), abs(signal.size_exponent)) > EXPONENT_MAX:
        message = f"signal {signal.signal_id} has exponents beyond {EXPONENT_MAX}"
        raise Rejected(message)


def limit_through(quote: Quote, side: Side, slippage_bps: Decimal, *, tick: int = 1) -> int:
    """Place a limit through the opposite quote, on a multiple of the tick, never more aggressive: buys down, sells up.

    Returns:
        Price mantissa; 0 when that side of the quote is missing.

    >>> limit_through(Quote(9995, 1, 10005, 1, 0), Side.BUY, Decimal(10))
    10015
    >>> limit_through(Quote(9995, 1, 10005, 1, 0), Side.SELL, Decimal(10))
    9986
    >>> limit_through(Quote(9995, 1, 10005, 1, 0), Side.BUY, Decimal(25), tick=5)
    10030
    """
    slippage = Fraction(slippage_bps) / _BPS
    if side is Side.BUY:
        return tick * floor(quote.ask_price * (1 + slippage) / tick) if quote.ask_price > 0 else 0
    return tick * ceil(quote.bid_price * (1 - slippage) / tick) if quote.bid_price > 0 else 0
