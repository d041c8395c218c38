"""Sieve questions that stand in columns: find at once those that the rules certainly accept, leave the others to them.

The rules count in whole numbers without end, which takes ten microseconds an order. Nearly all orders keep far from
every limit, and for those less is enough: `Sieve` evaluates each rule for all questions together in float64, with a
margin that is wider than all its errors, and answers "accepted for certain" or "not known". What is not known goes
through the rules one by one, so every decision, and each word of it, is theirs: geometry's filtered predicate.

What costs is each call of numpy, not each number. So there are few steps: sums of a question's figures (`_SUMS`),
products of such sums (`_PRODUCTS`), sums of those (`_TESTS`), and one comparison with what account and bounds allow,
which is linear in the bounds for each account.

**Why an accepted row is accepted.** Let u = 2^-53, the relative error of one operation, and E = `_MARGIN` = 2^-40.

1. *Sums are exact.* A row counts only if its ten mantissas are within 2^50. At most four of them, or halves, and a
   small constant are added: multiples of 1/2 below 2^52, whatever the order of adding. Times are compared as int64:
   of two that are positive the difference does not overflow, and with the bound added less than nothing is huge as
   uint64.
2. *Products are within 4u.* A product of two exact sums (u) is divided by the unit's scale, within 2u of its decimal
   (u). Contracts whose multiplier is no whole number are rounded by the rules, and left to them.
3. *Bounds lie inside by E.* What an account tells and what binds it are correctly rounded (u), then moved by E of their
   size to where less is accepted. So `value <= bound` in floats implies it in numbers: 8192 u against some 10 u.
4. *Differences.* Gross exposure after the order is gross - own + value, where own <= gross is shown beside it, so each
   error is below 10u of gross or of the bound, and both carry E. Equity moves with the mark by position times (mark -
   price): that is within half a unit of what the mid says, and within 4u of position times (mid + price); both are
   allowed for (`doubt`). Net exposure carries E of all its parts.
5. *A fall.* With peak P, equity after E, and losses L >= 0 the rule is max(P - E, 0) + L <= f max(P, E). It follows
   from P - E + L <= f P where E <= P, and from L <= f P where E > P; both are asked for.
6. *Own against gross* are equal for any account with one position, where no margin helps: rows within E are compared in
   whole numbers.
7. Where the rules take the smaller of two, the greater is taken: a sell's dearest price for a buy, the mid and half a
   unit for the mark, the distance of limit and mark for a loss, which may be a gain. A loss counts two units of price
   more: half a one for the mark, and more than the unit of 10^-36 that a fee is rounded up by. Relief for orders that
   reduce is not looked at.
8. What is not a number (no limits, restricted, stopped, no positive capital, not countable) compares false.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from functions.domain.decisions import Verdict
from functions.domain.reference import TradingStatus
from functions.domain.risk.checks import Money, Told, check_told
from functions.domain.risk.limits import BOUNDS_MAX, Bounds, Rulebook
from functions.domain.risk.rules import Case
from functions.domain.risk.units import AMOUNTS_KEPT_MAX, MONEY_EXPONENT, UNITS

Floats: TypeAlias = NDArray[np.float64]
Instrument: TypeAlias = tuple[str, int, int]
"""Its id, and the exponents of its prices and sizes."""

FIGURES: Final = (
    "quantity",
    "limit_price",
    "bid_price",
    "ask_price",
    "position",
    "position_price",
    "working_buys",
    "working_sells",
    "resting_buy_price",
    "resting_sell_price",
    "quote_ns",
    "as_of_ns",
)
"""What is told of each question in whole numbers, in the order of `Checks.figures`; all but the times are mantissas."""

ASKED_MAX: Final = 256
"""Lists of accounts and instruments whose bounds are kept side by side; with one more, all are put together anew."""

_MANTISSAS: Final = 10
_EXACT_MAX: Final = 2.0**50
_MARGIN: Final = 2.0**-40
_UNBOUNDED: Final = 2.0**300  # beyond any sum of decimals we read, and far enough from infinity to be multiplied
_LONGEST_NS: Final = 2**61
_NS_PER_MS: Final = 1_000_000
_TRADING: Final = TradingStatus.TRADING
_UNKNOWN: Final = TradingStatus.UNKNOWN
_NAN: Final = float("nan")
_MONEY_UNIT: Final = 10**-MONEY_EXPONENT


@dataclass(frozen=True, slots=True, eq=False)
class Instruments:
    """Hold what is asked of; what follows from it is found by it again, so read equal ones as one."""

    each: tuple[Instrument, ...]

    def __len__(self) -> int:
        """Give their number."""
        return len(self.each)


@dataclass(frozen=True, slots=True)
class Checks:
    """Hold n questions in columns; accounts and instruments stand beside them once each.

    Args:
        accounts: Name and money of each account.
        instruments: The instruments.
        account: Index of each question's account, a byte each.
        instrument: Index of its instrument, a byte each.
        buys: Whether it buys, shape (n,).
        statuses: Whether its instrument trades, as the caller knows; none where nobody knows of any.
        figures: The rest, shape (13, n), int64, rows as in `FIGURES`, and a row of ones.
    """

    accounts: Sequence[tuple[str, Money]]
    instruments: Instruments
    account: bytes
    instrument: bytes
    buys: NDArray[np.bool_]
    statuses: Sequence[TradingStatus]
    figures: NDArray[np.int64]

    def __len__(self) -> int:
        """Give the number of questions."""
        return len(self.account)

    def question(self, row: int) -> tuple[Case, Told]:
        """Take one question out of the columns."""
        account, money = self.accounts[self.account[row]]
        instrument_id, price_exponent, size_exponent = self.instruments.each[self.instrument[row]]
        figures = self.figures[:, row].tolist()
        quantity, limit, bid, ask, position, price, buys, sells, own_bid, own_ask, quoted, now, _ = figures
        side, status = bool(self.buys[row]), self.statuses[row] if self.statuses else _UNKNOWN
        return (
            Case(
                *(account, instrument_id, side, quantity, limit, price_exponent, size_exponent),
                *(bid, ask, quoted, now, status),
            ),
            Told(money, position, price, buys, sells, own_bid, own_ask),
        )


# --- what is computed of each question --------------------------------------------------------------------------------

_Sum: TypeAlias = Floats
_AT: Final = {name: np.eye(len(FIGURES) + 1)[number] for number, name in enumerate((*FIGURES, "one"))}
_ONE, _QUANTITY, _LIMIT, _BID, _ASK = (_AT[name] for name in ("one", *FIGURES[:4]))
_POSITION, _PRICE, _BUYS, _SELLS, _OWN_BID, _OWN_ASK = (_AT[name] for name in FIGURES[4:_MANTISSAS])
_MID: Final = (_BID + _ASK) / 2
_AWAY: Final = _LIMIT - _MID
_DOUBT: Final = _ONE / 2 + 2 * _MARGIN * (_MID + _PRICE)


def _products(side: int) -> dict[str, tuple[_Sum, _Sum, _Sum]]:
    """Say what is multiplied for a side, 1 to buy and -1 to sell: the greater of two sums, and a third.

    `unpriced` is above nothing when something is held without a price, and `crossed` when the order would meet an own
    one: a sell for which own bid - limit + 1 > 0, a buy for which an own ask times (limit + 1 - own ask) > 0.
    """
    end = side * _POSITION + (_BUYS if side > 0 else _SELLS) + _QUANTITY
    own, crossed = (_OWN_ASK, _LIMIT + _ONE - _OWN_ASK) if side > 0 else (_ONE, _OWN_BID - _LIMIT + _ONE)
    return {
        "notional": (_LIMIT, _BID, _QUANTITY),
        "value": (end, -end, _MID + _ONE / 2),
        "own": (_POSITION + _BUYS, _SELLS - _POSITION, _PRICE),
        "unpriced": (_POSITION + _BUYS, _SELLS - _POSITION, _ONE - _PRICE),
        "crossed": (own, own, crossed),
        "moved": (_POSITION, _POSITION, _MID - _PRICE),
        "loss": (2 * _ONE + _AWAY, 2 * _ONE - _AWAY, _QUANTITY),
        "doubt": (_POSITION, -_POSITION, _DOUBT),
    }


_PRODUCTS: Final = tuple(_products(1))
_NOTIONAL, _VALUE, _OWN, _LOSS = (_PRODUCTS.index(name) for name in ("notional", "value", "own", "loss"))
_PLAIN: Final = (
    *(_ONE - one for one in (_QUANTITY, _LIMIT, _BID, _AT["quote_ns"], _AT["as_of_ns"])),
    *(_BID - _ASK, -_BUYS, -_SELLS, _QUANTITY, _AWAY, -_AWAY),
)
"""Sums that are compared as they are: the first eight with nothing, then the size, then both ways the collar."""

_COLLAR: Final = slice(_MANTISSAS + len(_PLAIN) - 2, _MANTISSAS + len(_PLAIN))
_SUMS: Final = np.concatenate(
    [np.array([*(sums[k] for k in range(3) for sums in _products(side).values()), *_PLAIN, _MID]) for side in (1, -1)]
)
"""All sums of figures, for a buy and then for a sell: two of which the greater counts, the third, the plain, mid."""


def _test(**products: float) -> Floats:
    return np.array([products.get(name, 0.0) for name in _PRODUCTS])


_TESTS: Final = np.array(
    [
        _test(notional=1),
        _test(value=1),
        _test(unpriced=1),
        _test(crossed=1),
        _test(value=1, own=-1),
        _test(loss=1, doubt=1, moved=-1),
        _test(loss=1),
        _test(own=1),
    ]
)
"""Sums of products that are compared with what is allowed; the last may be decided in whole numbers."""


class Sieve:
    """Decide on questions in columns, under one set of limits; bounds become floats once for each pair.

    Args:
        rulebook: What is allowed, as the rules ask for it.
    """

    def __init__(self, rulebook: Rulebook) -> None:
        """Know no pair yet."""
        self.accepted: Final = Verdict((), rulebook.limits.version)
        self._rulebook = rulebook
        self._rows: dict[tuple[str, Instrument], _Row] = {}
        self._asked: dict[tuple[object, ...], Floats] = {}
        self._nets = self._fees = False

    def decide(self, checks: Checks, stops: Sequence[str]) -> list[Verdict]:
        """Decide on every question as the rules do.

        Args:
            checks: The questions.
            stops: Which kill switch stops each account; empty where none does.
        """
        verdicts = [self.accepted] * len(checks)
        certain = self.certain(checks, stops)
        if 0 in certain.tobytes():
            for row in np.flatnonzero(~certain).tolist():
                stopped = stops[checks.account[row]]
                verdicts[row] = check_told(*checks.question(row), self._bounds(checks, row), stopped=stopped)
        return verdicts

    def certain(self, checks: Checks, stops: Sequence[str]) -> NDArray[np.bool_]:
        """Tell of which questions it is certain that every rule accepts them, shape (n,); above is why it is."""
        bounds = self._bounds_of(checks)
        figures = checks.figures.astype(np.float64)
        sums = _SUMS @ figures
        half, many = len(sums) // 2, len(_PRODUCTS)
        sums = np.where(checks.buys, sums[:half], sums[half:])
        products = np.maximum(sums[:many], sums[many : 2 * many]) * sums[2 * many : 3 * many] / bounds[_SCALE]
        if self._fees:
            products[_LOSS] += products[_NOTIONAL] * bounds[_FEE]
        found = np.concatenate((np.abs(figures[:_MANTISSAS]), sums[3 * many : -1], _TESTS @ products))
        allowed = _allowed(checks, stops, bounds)
        np.multiply(bounds[_COLLAR_MAX], sums[-1], allowed[_COLLAR])
        fits = found <= allowed
        certain: NDArray[np.bool_] = np.logical_and.reduce(fits[:-1])
        certain &= self._in_time(checks)
        if self._nets:
            certain &= _nets_fit(checks, sums, products, bounds)
        covered = fits[-1]
        if 0 in covered.tobytes():
            for row in np.flatnonzero(certain & ~covered).tolist():
                covered[row] = _covers(*checks.question(row), self._bounds(checks, row))
        certain &= covered
        return certain

    def _in_time(self, checks: Checks) -> NDArray[np.bool_]:
        """Tell which questions have times that fit, and an instrument that trades."""
        limits = self._rulebook.limits
        ahead = min(limits.quote_ahead_ms_max * _NS_PER_MS, _LONGEST_NS)
        longest = min(limits.quote_age_ms_max * _NS_PER_MS, _LONGEST_NS) + ahead
        quoted, now, _ = checks.figures[_MANTISSAS:]
        fits: NDArray[np.bool_] = (now - quoted + ahead).view(np.uint64) <= longest
        unknown = limits.unknown_status_trades
        if checks.statuses:
            fits &= [one is _TRADING or (unknown and one is _UNKNOWN) for one in checks.statuses]
        elif not unknown:
            fits[:] = False
        return fits

    def _bounds(self, checks: Checks, row: int) -> Bounds:
        account, _ = checks.accounts[checks.account[row]]
        return self._rulebook.bounds(account, checks.instruments.each[checks.instrument[row]][0])

    def _bounds_of(self, checks: Checks) -> Floats:
        """Give the bounds of each question's account in its instrument, shape (10, n), as `_Row` names them.

        Who asks of many asks of the same again, so they are put side by side once.
        """
        names = [name for name, _ in checks.accounts]
        key = (*names, checks.instruments, checks.account, checks.instrument)
        found = self._asked.get(key)
        if found is None:
            if len(self._asked) >= ASKED_MAX:
                self._asked.clear()
            pairs = zip(checks.account, checks.instrument, strict=True)
            rows = [self._row(names[account], checks.instruments.each[instrument]) for account, instrument in pairs]
            found = self._asked[key] = np.array(rows).T.copy()
        return found

    def _row(self, account: str, instrument: Instrument) -> "_Row":
        found = self._rows.get((account, instrument))
        if found is None:
            instrument_id, price_exponent, size_exponent = instrument
            bounds = self._rulebook.bounds(account, instrument_id)
            self._nets |= bounds.net_exposure is not None
            self._fees |= bounds.contract.fee[0] > 0
            if len(self._rows) >= BOUNDS_MAX:
                self._rows.clear()
            found = self._rows[account, instrument] = _row(bounds, price_exponent, size_exponent)
        return found


# --- what is allowed, as floats that accept less ----------------------------------------------------------------------


class _Row(NamedTuple):
    """What binds an account in an instrument: mantissas, and money in its currency; and 1, for sums with constants.

    `scale` divides a product of mantissas into money; without a number there nothing is certain.
    """

    one: float
    size_max: float
    notional_max: float
    position_max: float
    exposure: float
    fall_max: float
    scale: float
    collar: float
    fee: float
    net_max: float


_SCALE, _COLLAR_MAX, _FEE, _NET_MAX = (_Row._fields.index(name) for name in ("scale", "collar", "fee", "net_max"))


def _row(bounds: Bounds, price_exponent: int, size_exponent: int) -> _Row:
    (multiplier, parts), fee = bounds.contract
    known = not bounds.missing and not bounds.restricted and parts == 1 and multiplier > 0
    lot, size_max = UNITS[size_exponent], bounds.order_size_max
    return _Row(
        one=1.0,
        size_max=_EXACT_MAX if size_max is None else min(float(size_max // lot), _EXACT_MAX),
        notional_max=_less(bounds.order_notional_max, _MONEY_UNIT),
        position_max=_less(bounds.position_notional_max, _MONEY_UNIT),
        exposure=_less(*bounds.exposure),
        fall_max=_UNBOUNDED**2 if bounds.drawdown is None else _less(*bounds.drawdown),
        scale=_MONEY_UNIT / (UNITS[price_exponent] * lot * multiplier) if known else _NAN,
        collar=_less(*bounds.collar),
        fee=_more(*fee),
        net_max=_UNBOUNDED if bounds.net_exposure is None else _less(*bounds.net_exposure),
    )


def _allow(**bounds: float) -> Floats:
    return np.array([bounds.get(name, 0.0) for name in _Row._fields])


def _allowed(checks: Checks, stops: Sequence[str], bounds: Floats) -> Floats:
    """Give what is allowed of each question's figures and sums; the collar's rows are still to be filled in."""
    told = [
        _NOTHING if stopped else _of_money(money) for (_, money), stopped in zip(checks.accounts, stops, strict=True)
    ]
    allowed: Floats
    if len(told) == 1:
        allowed = told[0] @ bounds
        return allowed
    each = np.array(told).take(np.frombuffer(checks.account, np.uint8), 0)
    allowed = np.matmul(each, bounds.T[:, :, np.newaxis])[:, :, 0].T
    return allowed


_NOTHING: Final = np.full((_MANTISSAS + len(_PLAIN) + len(_TESTS), len(_Row._fields)), _NAN)


@lru_cache(maxsize=AMOUNTS_KEPT_MAX)
def _of_money(money: Money) -> Floats:
    """Say what an account allows: for each figure and sum that is compared, what of each bound."""
    capital, gross, _, _, equity, peak, losses, fault = money
    greatest = max(capital, equity or 0) if peak is None else peak
    if fault or capital <= 0 or greatest <= 0:
        return _NOTHING
    if equity is None:
        peak_low, fallen = 1.0, _UNBOUNDED  # beyond any bound that there is
    else:
        peak_low, fallen = _less(greatest, _MONEY_UNIT), _more(greatest, _MONEY_UNIT) - _less(equity, _MONEY_UNIT)
    lost, gross_max = _more(losses, _MONEY_UNIT), _more(gross, _MONEY_UNIT)
    return np.array(
        [
            *[_allow(one=_EXACT_MAX)] * _MANTISSAS,
            *[_allow()] * (len(_PLAIN) - 3),
            _allow(size_max=1),
            *[_allow()] * 2,
            _allow(notional_max=1),
            _allow(position_max=1),
            _allow(),
            _allow(),
            _allow(exposure=_less(capital, _MONEY_UNIT), one=-gross_max),
            _allow(fall_max=peak_low, one=-lost - fallen),
            _allow(fall_max=peak_low, one=-lost),
            _allow(one=_less(gross, _MONEY_UNIT)),
        ]
    )


def _nets_fit(checks: Checks, sums: Floats, products: Floats, bounds: Floats) -> NDArray[np.bool_]:
    """Tell which questions keep net exposure; it is looked at by itself, for few limits bound it."""
    told = np.array([_net_of(money) for _, money in checks.accounts])
    gross, low, high, capital = told.take(np.frombuffer(checks.account, np.uint8), 0).T
    end, mid = sums[_VALUE] / bounds[_SCALE], sums[-1]
    before = (sums[_VALUE] - checks.figures[0]) * checks.figures[5] / bounds[_SCALE]
    side = np.where(checks.buys, high, -low)
    others = np.where(np.isnan(side), gross - products[_OWN], side - before)
    doubt = np.abs(end) + 2 * _MARGIN * (np.fmax(gross, np.abs(side)) + products[_OWN] + products[_VALUE])
    fits: NDArray[np.bool_] = np.abs(others + end * mid) + doubt <= bounds[_NET_MAX] * capital
    return fits


@lru_cache(maxsize=AMOUNTS_KEPT_MAX)
def _net_of(money: Money) -> tuple[float, float, float, float]:
    low, high = (
        _NAN if one is None else one / _MONEY_UNIT for one in (money.net_exposure_low, money.net_exposure_high)
    )
    return _more(money.gross_exposure, _MONEY_UNIT), low, high, _less(money.capital, _MONEY_UNIT)


def _less(numerator: int, denominator: int) -> float:
    """Give a ratio less the margin."""
    ratio = numerator / denominator
    return ratio - abs(ratio) * _MARGIN


def _more(numerator: int, denominator: int) -> float:
    """Give a ratio and the margin."""
    return -_less(-numerator, denominator)


def _covers(case: Case, told: Told, bounds: Bounds) -> bool:
    """Tell whether gross exposure holds what of it is the order's instrument, in whole numbers."""
    tick, lot = UNITS[case.price_exponent], UNITS[case.size_exponent]
    held = max(told.position + told.working_buys, told.working_sells - told.position)
    return held * bounds.contract.worth(told.position_price * tick) * lot <= told.money.gross_exposure
