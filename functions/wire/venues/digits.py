"""Turn decimal text into exact integers: one text at a time, or a whole column of texts found in one buffer.

A column is read eight characters to a machine word: the bytes in front of each text's end are loaded, what stands
before the text is masked off, and three multiplications add the digits up. A decimal point is read as one more digit,
a zero, and taken out again by one division. Nothing is rounded anywhere.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Final, Protocol, cast

import numpy as np
from numpy.typing import NDArray

from functions.domain.errors import Rejected
from functions.domain.market import Int64, UInt8, UInt64

INT64_MAX: Final = 2**63 - 1
DIGITS_MAX: Final = 17
"""Digits of a text that `parse` reads: with the point read as a zero, eighteen always fit int64."""
FRACTION_MAX: Final = 16
"""Digits behind the point that `parse` reads."""
NO_POINT: Final = -1
"""Fraction of a text without a decimal point."""
PAD: Final = 24
"""Bytes that must stand in a buffer before the first text ends."""

_NUMBER: Final = re.compile(r"-?[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?")
_NOT_FINITE: Final = re.compile(r"\s*[+-]?s?(?:nan[0-9]*|inf(?:inity)?)\s*", re.IGNORECASE)
_PADDING: Final = b" " * PAD
_TEN: Final = 10
_NOTHING: Final = np.zeros(0, np.int64)
_NOWHERE: Final = np.zeros(0, np.bool_)
_SHOWN: Final = 48  # characters of a wrong text that a message repeats


class Kernel(Protocol):
    """Run `text_kernel`'s loops, compiled; read plain, they give the same and take longer than numpy."""

    def decimals(  # noqa: D102 - see text_kernel.decimals
        self, text: UInt8, exponents: Int64, values: Int64, odd: NDArray[np.bool_], /
    ) -> bool: ...

    def iso_times(  # noqa: D102 - see text_kernel.iso_times
        self, text: UInt8, values: Int64, odd: NDArray[np.bool_], /
    ) -> bool: ...


class BadText(Rejected):
    """A text that is no number we can keep; `reason` is the rejection's code."""

    def __init__(self, reason: str, detail: str) -> None:
        """Keep the code and the sentence."""
        super().__init__(detail)
        self.reason = reason


def mantissa(text: str, exponent: int) -> int:
    """Read one decimal exactly as a multiple of 10^exponent.

    Args:
        text: The number as a JSON number is written; leading zeros are allowed, since venues quote their decimals.
        exponent: Power of ten of one unit.

    Raises:
        BadText: `not_finite`, `wrong_type` (no number), `too_fine` (not a multiple) or `out_of_range` (beyond int64).

    >>> mantissa("2683.80", -2)
    268380
    >>> mantissa("1e-7", -8)
    10
    """
    if _NUMBER.fullmatch(text) is None:
        shown = text[:_SHOWN]
        if _NOT_FINITE.fullmatch(text):
            reason = "not_finite"
            raise BadText(reason, f"found {shown!r} where a finite number belongs")
        reason = "wrong_type"
        raise BadText(reason, f"found {shown!r} where a decimal number belongs")
    try:
        number = Decimal(text)
    except InvalidOperation:
        raise _beyond(text) from None
    return _scaled(number, exponent, text) if number else 0


def _scaled(number: Decimal, exponent: int, text: str) -> int:
    sign, digits, power = number.as_tuple()
    if not isinstance(power, int) or number.adjusted() - exponent > _POWER_MAX:
        raise _beyond(text)
    shift = power - exponent
    kept = digits[:shift] if shift < 0 else digits
    if shift < 0 and any(digits[shift:]):
        reason = "too_fine"
        raise BadText(reason, f"{text[:_SHOWN]} is finer than one unit of 10^{exponent}")
    grow: int = 10 ** max(shift, 0)
    size = int("".join(map(str, kept)) or "0") * grow
    if size > INT64_MAX:
        raise _beyond(text)
    return -size if sign else size


def _beyond(text: str) -> BadText:
    return BadText("out_of_range", f"{text[:_SHOWN]} does not fit 64 bits")


def _u64(values: list[int]) -> UInt64:
    return np.array(values, np.uint64)


def _scalar(value: int) -> UInt64:
    # A 0-d array enters a ufunc about twice as fast as a Python or numpy scalar.
    return np.array(value, np.uint64)


def _mask(digits: int, fraction: int, word: int) -> int:
    """Keep the value bits of the digits in one word, counted from the text's end, and drop the point."""
    length = digits + (fraction != NO_POINT)
    places = [place for place in range(8 * word, 8 * word + 8) if place < length and place != fraction]
    return sum(0x0F << 8 * (7 - place % 8) for place in places)


_POWER_MAX: Final = 18
_FORMS: Final = FRACTION_MAX + 2
_MASKS: Final = tuple(
    _u64(
        [_mask(digits, fraction, word) for digits in range(DIGITS_MAX + 1) for fraction in range(-1, FRACTION_MAX + 1)]
    )
    for word in range(3)
)
"""Masks of the last, middle and first word, by `form_of` a text."""
_TWO_WORDS: Final = 16

_SHIFT_8, _SHIFT_16, _SHIFT_32 = (_scalar(bits) for bits in (8, 16, 32))
_PAIRS, _FOURS, _EIGHTS = (_scalar(factor) for factor in (2561, 6553601, 42949672960001))
_BYTES, _HALVES = _scalar(0x00FF00FF00FF00FF), _scalar(0x0000FFFF0000FFFF)
_E8, _E16 = _scalar(10**8), _scalar(10**16)
_TENS: Final = np.array([10**power for power in range(_POWER_MAX + 1)], np.int64)
_MOST: Final = INT64_MAX // _TENS - 1
"""Greatest whole part whose mantissa fits int64, by the digits that a unit has behind the point."""


@dataclass(frozen=True, slots=True)
class Masks:
    """Say which bits in front of a text's end are its digits; `first` is None when no text is that long."""

    last: UInt64
    middle: UInt64
    first: UInt64 | None


def masks_of(digits: Int64, fraction: Int64) -> Masks:
    """Give the masks of a column of texts.

    Args:
        digits: (...) how many digits each text has, 0 to DIGITS_MAX; without any it reads as 0.
        fraction: (...) how many of them stand behind the point, 0 to FRACTION_MAX, or NO_POINT.
    """
    form = digits * _FORMS + fraction + 1
    last, middle, first = _MASKS
    long = digits.size and int(digits.max()) >= _TWO_WORDS - 1
    return Masks(last.take(form), middle.take(form), first.take(form) if long else None)


def windows(buffer: bytes) -> NDArray[np.void]:
    """View each byte position of a buffer as the sixteen bytes from there on; copies nothing."""
    return np.ndarray((max(len(buffer) - 15, 0),), "V16", buffer, 0, (1,))


def parse(view: NDArray[np.void], ends: NDArray[np.intp], masks: Masks) -> Int64:
    """Read a column of digit texts; each must be digits and at most one point, as its masks say.

    Args:
        view: `windows` of the buffer; no text may end within its first PAD bytes.
        ends: (...) position just behind each text.
        masks: (...) masks of the texts.

    Returns:
        (...) the digits as integers, a point read as a zero: `12.50` gives 12050, which `rescale` understands.
    """
    words = view[ends - 16].view(np.uint64).reshape(*ends.shape, 2)
    total = _value(words[..., 0] & masks.middle)
    total *= _E8
    total += _value(words[..., 1] & masks.last)
    if masks.first is not None:
        far = view[ends - PAD].view(np.uint64).reshape(*ends.shape, 2)
        total += _value(far[..., 0] & masks.first) * _E16
    return total.view(np.int64)


def exact(
    figures: Sequence[str | int], exponents: Int64, loops: Kernel | None = None
) -> tuple[Int64, NDArray[np.bool_]]:
    """Read a column of decimals as multiples of powers of ten.

    Args:
        figures: (n,) numbers' texts, or whole numbers; what is neither is odd.
        exponents: (n,) power of ten of one unit.
        loops: Reads the column at once; None does so with numpy.

    Returns:
        (n,) mantissas, and (n,) where `mantissa` has to read the text.
    """
    try:
        return _exact(cast("Sequence[str]", figures), exponents, loops)
    except TypeError:  # only texts can be joined, and most columns have no others
        return _exact(list(map(str, figures)), exponents, loops)


def _exact(texts: Sequence[str], exponents: Int64, loops: Kernel | None) -> tuple[Int64, NDArray[np.bool_]]:
    if loops is not None and texts:
        found, wrong = np.empty(len(texts), np.int64), np.empty(len(texts), np.bool_)
        if loops.decimals(column_of(texts), exponents, found, wrong):
            return found, wrong
    values, fraction, odd = decimals(texts)
    found, inexact = rescale(values, fraction, exponents)
    return found, odd if inexact is None else odd | inexact


def column_of(texts: Sequence[str]) -> UInt8:
    """Put texts one after the other, each with a comma behind it, as kernels read them."""
    return np.frombuffer(",".join((*texts, "")).encode("ascii", "replace"), np.uint8)


def decimals(texts: Sequence[str]) -> tuple[Int64, Int64, NDArray[np.bool_]]:
    """Read a column of decimal texts that stand by themselves.

    Args:
        texts: (n,) texts, whatever they are.

    Returns:
        (n,) digits as `parse` gives them, (n,) fractions or NO_POINT, and (n,) where a text is not plain digits with at
        most one point inside, or has more than DIGITS_MAX: `mantissa` has to read that one.
    """
    data = b"".join((_PADDING, ",".join(texts).encode("ascii", "replace"), b","))
    text = np.frombuffer(data, np.uint8)
    ends = np.flatnonzero(text == ord(","))
    if len(ends) != len(texts):  # a comma inside of a text, or no texts at all
        return decimals([one if "," not in one else "" for one in texts]) if texts else (_NOTHING, _NOTHING, _NOWHERE)
    before = np.empty_like(ends)
    before[0], before[1:] = PAD - 1, ends[:-1]
    fraction = _fractions(np.flatnonzero(text == ord(".")), before, ends)
    digits = ends - before - 1 - (fraction >= 0)
    odd = (digits <= np.maximum(fraction, 0)) | (fraction == 0) | (digits > DIGITS_MAX)
    is_digit = text - np.uint8(ord("0")) < _TEN
    if int(np.count_nonzero(is_digit)) != int(digits.sum()):
        # What is no digit has been counted as one: a sign, a letter, a second point.
        strange = np.flatnonzero(~is_digit[PAD:] & (text[PAD:] != ord(","))) + PAD
        counts = np.bincount(ends.searchsorted(strange), minlength=len(texts))
        odd |= counts != (fraction >= 0)
    if odd.any():
        digits[odd], fraction[odd] = 0, NO_POINT
    return parse(windows(data), ends, masks_of(digits, fraction)), fraction, odd


def _fractions(points: Int64, before: Int64, ends: Int64) -> Int64:
    """Give the characters behind each text's last point, or NO_POINT."""
    if len(points) == len(ends) and (points < ends).all() and (points > before).all():
        found: Int64 = ends - points - 1
        return found
    owners = ends.searchsorted(points)
    fraction = np.full(len(ends), NO_POINT, np.int64)
    fraction[owners] = ends[owners] - points - 1
    return fraction


def _value(word: UInt64) -> UInt64:
    # The classic three steps from eight digits to one number: to pairs, to fours, to eight.
    word *= _PAIRS
    word >>= _SHIFT_8
    word &= _BYTES
    word *= _FOURS
    word >>= _SHIFT_16
    word &= _HALVES
    word *= _EIGHTS
    word >>= _SHIFT_32
    return word


def rescale(values: Int64, fraction: int | Int64, exponent: int | Int64) -> tuple[Int64, NDArray[np.bool_] | None]:
    """Turn parsed digits into multiples of 10^exponent.

    Args:
        values: (...) digits as `parse` gives them.
        fraction: Digits behind the point, or NO_POINT; one for all, or (...).
        exponent: Power of ten of one unit; one for all, or (...).

    Returns:
        (...) mantissas, and where one is not exact or does not fit int64; None when all are well.
    """
    if isinstance(fraction, int) and isinstance(exponent, int):
        return _rescale_alike(values, fraction, -exponent)
    return _rescale_each(values, np.asarray(fraction), -np.asarray(exponent))


def _rescale_each(values: Int64, fraction: Int64, places: Int64) -> tuple[Int64, NDArray[np.bool_] | None]:
    """Rescale as `_rescale_alike` does, each text by its own factors."""
    unreadable = (places < 0) | (places > _POWER_MAX)
    if unreadable.any():
        places = np.where(unreadable, 0, places)
    by = (fraction + 1) * (_POWER_MAX + 1) + places
    kept = values // _SHRINK.take(by)
    whole = kept // _UNIT.take(by)
    bad = unreadable | (kept * _SHRINK.take(by) != values) | (whole > _MOST.take(places))
    # The product with `grow` may run over and back again: only the difference has to fit.
    return kept * _GROW.take(by) - whole * _REST.take(by), bad if bad.any() else None


def _factors() -> tuple[Int64, Int64, Int64, Int64]:
    """Give what `_rescale_each` multiplies with, by fraction and places.

    What is too fine is divided by `shrink`; `unit` is one in what is left, `grow` makes mantissas of its digits, and
    `rest` is what a one, with the zero that its point was read as, has then become too great by. Both may run over.
    """
    rows = []
    for fraction in range(NO_POINT, FRACTION_MAX + 1):
        for places in range(_POWER_MAX + 1):
            down, up = max(max(fraction, 0) - places, 0), max(places - max(fraction, 0), 0)
            unit, grow = 10 ** (fraction + 1 - down), 10**up
            rows.append((10**down, unit, grow, (unit * grow - 10**places) % 2**64))
    shrink, unit, grow, rest = np.array(rows, np.uint64).view(np.int64).T.copy()
    return shrink, unit, grow, rest


_SHRINK, _UNIT, _GROW, _REST = _factors()


def _rescale_alike(values: Int64, fraction: int, places: int) -> tuple[Int64, NDArray[np.bool_] | None]:
    """Rescale texts that all have `fraction` digits behind the point, to units of 10^-places."""
    if not 0 <= places <= _POWER_MAX:
        return values, np.ones(values.shape, np.bool_)
    behind, bad = max(fraction, 0), None
    unit, grow = 10 ** (fraction + 1), 10 ** max(places - behind, 0)
    if behind > places:
        shrink = _TENS[behind - places]
        kept = values // shrink
        odd = kept * shrink != values
        values, unit, bad = kept, unit // int(shrink), odd if odd.any() else None
    # What stands before the point; it counts `unit` in the digits, a zero for the point included, and 10^places in the
    # mantissa. The rest is the same in both.
    whole = values // np.int64(unit)
    if grow > 1:
        over = whole > _MOST[places]
        bad = over if over.any() else None
        values = values * np.int64(grow)
    whole *= np.int64(unit * grow - 10**places)
    return values - whole, bad
