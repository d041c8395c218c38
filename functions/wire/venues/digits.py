"""Turn decimal text into exact integers: one text at a time, or a whole column of texts found in one buffer.

A column is read eight digits to a machine word: sixteen bytes in front of each text's end are loaded, the decimal point
is squeezed out, what stands before the text is masked off, and three multiplications add the digits up. Nothing is
rounded anywhere.
"""

import re
from decimal import Decimal, InvalidOperation
from typing import Final

import numpy as np
from numpy.typing import NDArray

from functions.domain.errors import Rejected
from functions.domain.market import Int64, UInt64

INT64_MAX: Final = 2**63 - 1
DIGITS_MAX: Final = 18
"""Digits of a text that `parse` reads; eighteen always fit int64."""
FRACTION_MAX: Final = 8
"""Digits behind the point that `parse` reads; they must stand in the last word."""
NO_POINT: Final = -1
"""Fraction of a text without a decimal point."""
PAD: Final = 24
"""Bytes that must stand in a buffer before the first text ends."""

_NUMBER: Final = re.compile(r"-?[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?")
_NOT_FINITE: Final = re.compile(r"\s*[+-]?s?(?:nan[0-9]*|inf(?:inity)?)\s*", re.IGNORECASE)
_SHOWN: Final = 48  # characters of a wrong text that a message repeats


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
    if not isinstance(power, int) or number.adjusted() - exponent > DIGITS_MAX:
        raise _beyond(text)
    shift = power - exponent
    kept = digits[:shift] if shift < 0 else digits
    if shift < 0 and any(digits[shift:]):
        reason = "too_fine"
        raise BadText(reason, f"{text[:_SHOWN]} is finer than one unit of 10^{exponent}")
    size = int("".join(map(str, kept)) or "0") * 10 ** max(shift, 0)
    if size > INT64_MAX:
        raise _beyond(text)
    return -size if sign else size


def _beyond(text: str) -> BadText:
    return BadText("out_of_range", f"{text[:_SHOWN]} does not fit 64 bits")


def _bytes_word(kept: int) -> int:
    return int.from_bytes(b"\x00" * (8 - kept) + b"\xff" * kept, "little")


def _low_nibbles(total: int, word: int) -> int:
    digits = min(max(total - 8 * word, 0), 8)
    return _bytes_word(digits) & 0x0F0F0F0F0F0F0F0F


def _u64(values: list[int]) -> UInt64:
    return np.array(values, np.uint64)


def _scalar(value: int) -> NDArray[np.uint64]:
    # A 0-d array enters a ufunc about twice as fast as a Python or numpy scalar.
    return np.array(value, np.uint64)


# Masks of the last, the middle and the first eight digits, by how many digits a text has.
_LAST: Final = _u64([_low_nibbles(n, 0) for n in range(DIGITS_MAX + 1)])
_MIDDLE: Final = _u64([_low_nibbles(n, 1) for n in range(DIGITS_MAX + 1)])
_FIRST: Final = _u64([_low_nibbles(n, 2) for n in range(DIGITS_MAX + 1)])
# Bytes behind the point, and how far what stands before it moves to close the gap; by fraction, NO_POINT last.
_BEHIND: Final = _u64([_bytes_word(fraction) for fraction in range(FRACTION_MAX + 1)] + [_bytes_word(8)])
_GAP: Final = _u64([8] * (FRACTION_MAX + 1) + [0])
_SHIFT_8, _SHIFT_16, _SHIFT_32, _SHIFT_56 = (_scalar(bits) for bits in (8, 16, 32, 56))
_PAIRS, _FOURS, _EIGHTS = (_scalar(factor) for factor in (2561, 6553601, 42949672960001))
_BYTES, _HALVES = _scalar(0x00FF00FF00FF00FF), _scalar(0x0000FFFF0000FFFF)
_E8, _E16 = _scalar(10**8), _scalar(10**16)
_TENS: Final = np.array([10**power for power in range(19)], np.int64)
_ONE_WORD: Final = 8
_TWO_WORDS: Final = 15  # sixteen bytes are loaded, one of them may be the point


def windows(buffer: bytes) -> NDArray[np.void]:
    """View each byte position of a buffer as the sixteen bytes from there on; copies nothing."""
    return np.ndarray((max(len(buffer) - 15, 0),), "V16", buffer, 0, (1,))


def parse(view: NDArray[np.void], ends: NDArray[np.intp], digits: Int64, fraction: Int64) -> Int64:
    """Read a column of digit texts, their points left out; what stands there must be digits and one point at most.

    Args:
        view: `windows` of the buffer; no text may end within its first PAD bytes.
        ends: (...) position just behind each text.
        digits: (...) how many digits each text has, 0 to DIGITS_MAX; 0 reads as 0.
        fraction: (...) how many of them stand behind the point, 0 to FRACTION_MAX, or NO_POINT.

    Returns:
        (...) the digits as integers: `12.50` gives 1250.
    """
    last, middle, first = _words(view, ends, digits, fraction)
    total = _value(last)
    if middle is not None:
        total += _value(middle) * _E8
    if first is not None:
        total += _value(first) * _E16
    return total.view(np.int64)


def _words(
    view: NDArray[np.void], ends: NDArray[np.intp], digits: Int64, fraction: Int64
) -> tuple[UInt64, UInt64 | None, UInt64 | None]:
    pair = view[ends - 16].view(np.uint64).reshape(*ends.shape, 2)
    before, last = pair[..., 0], pair[..., 1]
    behind, gap = _BEHIND.take(fraction, mode="wrap"), _GAP.take(fraction, mode="wrap")
    # Behind the point the last word stays; before it everything moves up one byte, over the point.
    moved = last << _SHIFT_8
    moved |= before >> _SHIFT_56
    moved ^= last
    moved &= ~behind
    moved ^= last
    longest = int(digits.max(initial=0))
    middle = before << gap if longest > _ONE_WORD else None
    first = None
    if middle is not None and longest > _TWO_WORDS:
        far = np.ascontiguousarray(view[ends - PAD].view(np.uint64).reshape(*ends.shape, 2)[..., 0])
        middle |= (far >> _SHIFT_56) * (gap >> np.uint64(3))
        first = far << gap
    # The low half of a digit's byte is its value; everything before the text goes.
    moved &= _LAST.take(digits)
    if middle is not None:
        middle &= _MIDDLE.take(digits)
    if first is not None:
        first &= _FIRST.take(digits)
    return moved, middle, first


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


def rescale(values: Int64, fraction: Int64, exponent: int | Int64) -> tuple[Int64, NDArray[np.bool_]]:
    """Move parsed digits to a unit of 10^exponent.

    Args:
        values: (...) digits as `parse` gives them, never negative.
        fraction: (...) digits behind the point, or NO_POINT.
        exponent: Power of ten of one unit; one for all, or an array that broadcasts against `values`.

    Returns:
        (...) mantissas, and where they are exact and fit int64.
    """
    if isinstance(exponent, int) and values.size:
        behind = int(fraction.flat[0])
        if bool((fraction == behind).all()):
            return _rescale_alike(values, max(behind, 0) + exponent)
    move = -(np.maximum(fraction, 0) + exponent)
    grow = _TENS.take(np.clip(move, 0, DIGITS_MAX))
    shrink = _TENS.take(np.clip(-move, 0, DIGITS_MAX))
    scaled = values // shrink
    fits = (scaled * shrink == values) & (scaled <= INT64_MAX // grow)
    fits &= np.abs(move) <= DIGITS_MAX
    return scaled * grow, fits


def _rescale_alike(values: Int64, excess: int) -> tuple[Int64, NDArray[np.bool_]]:
    if excess == 0:
        return values, values >= 0
    if abs(excess) > DIGITS_MAX:
        return values, np.zeros(values.shape, np.bool_)
    factor = _TENS[abs(excess)]
    if excess < 0:
        return values * factor, values <= INT64_MAX // factor
    scaled = values // factor
    return scaled, scaled * factor == values
