"""Say what the well-known indicators say by their usual rules; a value that is not valid gets no verdict."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Final

from functions.domain.features import FeatureRow
from functions.domain.market import STATE_VALID

RSI_OVERBOUGHT: Final = 70.0
RSI_OVERSOLD: Final = 30.0
"""Source: Wilder, New Concepts in Technical Trading Systems (1978)."""

_SAME: Final = 1e-12
"""What rounding may make of averages of equal closes and of what is between two, as a share of them; a tick is some
1e-6."""


class Verdict(Enum):
    """Name what an indicator says; NONE where its value is not valid."""

    NONE = "none"
    NEUTRAL = "neutral"
    OVERBOUGHT = "overbought"
    OVERSOLD = "oversold"
    BULLISH = "bullish"
    BEARISH = "bearish"
    ABOVE_BANDS = "above_bands"
    BELOW_BANDS = "below_bands"


@dataclass(frozen=True, slots=True)
class Indicator:
    """Hold one indicator's lines with its verdict.

    Args:
        state: Worst state of its lines (`STATE_VALID` only if all are).
        period: Bars it is taken over; 0 where it has several periods.
        lines: Its values in the order of their names; empty unless valid.
        verdict: What they say.
    """

    state: int
    period: int
    lines: tuple[float, ...]
    verdict: Verdict


def rsi(row: FeatureRow) -> Indicator:
    """Judge relative strength over 14 bars: overbought from 70, oversold to 30."""
    return _judged(row, 14, ("rsi_14",), lambda lines: _against(lines[0]))


def macd(row: FeatureRow, close: float) -> Indicator:
    """Judge MACD(12, 26, 9): lines macd, signal, histogram; bullish above its signal line, bearish below."""

    def verdict(lines: tuple[float, ...]) -> Verdict:
        return _bias(lines[2] if abs(lines[2]) > _SAME * close else 0.0)

    return _judged(row, 0, ("macd", "macd_signal", "macd_hist"), verdict)


def bollinger(row: FeatureRow, close: float) -> Indicator:
    """Judge the close against the bands over 20 bars: lines upper, middle, lower."""

    def verdict(lines: tuple[float, ...]) -> Verdict:
        if close > lines[0]:
            return Verdict.ABOVE_BANDS
        return Verdict.BELOW_BANDS if close < lines[2] else Verdict.NEUTRAL

    return _judged(row, 20, ("bb_upper", "sma_20", "bb_lower"), verdict)


def sma(row: FeatureRow, close: float) -> Indicator:
    """Judge the close against its mean over 20 bars: bullish above it, bearish below."""
    return _judged(row, 20, ("sma_20",), lambda lines: _bias(_apart(close, lines[0])))


def ema(row: FeatureRow, close: float) -> Indicator:
    """Judge the close against its exponential average over 20 bars: bullish above it, bearish below."""
    return _judged(row, 20, ("ema_20",), lambda lines: _bias(_apart(close, lines[0])))


def _judged(
    row: FeatureRow, period: int, names: tuple[str, ...], verdict: Callable[[tuple[float, ...]], Verdict]
) -> Indicator:
    found = [row.get(name) for name in names]
    bad = [state for _, state in found if state != STATE_VALID]
    if bad:
        return Indicator(bad[0], period, (), Verdict.NONE)
    lines = tuple(value for value, _ in found)
    return Indicator(STATE_VALID, period, lines, verdict(lines))


def _against(value: float) -> Verdict:
    if value >= RSI_OVERBOUGHT:
        return Verdict.OVERBOUGHT
    return Verdict.OVERSOLD if value <= RSI_OVERSOLD else Verdict.NEUTRAL


def _apart(close: float, average: float) -> float:
    """Give how far a close is above an average; 0 where rounding alone parts them, as in a flat market."""
    return 0.0 if math.isclose(close, average, rel_tol=_SAME) else close - average


def _bias(above: float) -> Verdict:
    if above == 0:
        return Verdict.NEUTRAL
    return Verdict.BULLISH if above > 0 else Verdict.BEARISH
