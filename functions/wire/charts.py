"""Draw charts as SVG that stands in a page by itself: no script, no outside file, colours by the page."""

import datetime as dt
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final
from xml.sax.saxutils import escape

import numpy as np

from functions.domain.market import NS_PER_S, Float64, Int64

WIDTH: Final = 920
HEIGHT: Final = 260
LEFT, RIGHT, TOP, BOTTOM = 76, 16, 14, 30
BAR: Final = 32
"""Height of a named bar with its distance to the next."""
BAR_LEFT, BAR_RIGHT = 220, 120
BUCKETS: Final = 450
"""Buckets a line is thinned to, lowest and highest value of each kept: more would be finer than a pixel."""

TICKS: Final = 5
_STEPS: Final = (1.0, 2.0, 2.5, 5.0, 10.0)
_DAY_S: Final = 86_400


@dataclass(frozen=True, slots=True, eq=False)
class Line:
    """A line of a chart: n values at n places; `style` is a class of the page."""

    name: str
    style: str
    x: Float64
    y: Float64
    filled: bool = False


@dataclass(frozen=True, slots=True)
class Mark:
    """A point of a chart with words that show when it is pointed at; `shape` is `up`, `down` or `dot`."""

    x: float
    y: float
    shape: str
    style: str
    words: str
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, slots=True)
class Chart:
    """Say what a chart shows.

    Args:
        key: Name of the chart in the page, unique there.
        title: What it is; read aloud where pictures are not seen.
        words: What is to be seen in it, in a sentence or two.
        lines: Its lines, the last on top.
        marks: Its points.
        unit: Behind each number of the vertical axis.
        times: The horizontal axis is time, ns since 1970.
        bounds: Least vertical range, (low, high).
    """

    key: str
    title: str
    words: str
    lines: tuple[Line, ...] = ()
    marks: tuple[Mark, ...] = ()
    unit: str = ""
    times: bool = True
    bounds: tuple[float, float] | None = None


@dataclass(frozen=True, slots=True)
class _Scale:
    x0: float
    x1: float
    y0: float
    y1: float

    def x(self, value: float) -> float:
        return LEFT + (value - self.x0) / ((self.x1 - self.x0) or 1.0) * (WIDTH - LEFT - RIGHT)

    def y(self, value: float) -> float:
        return HEIGHT - BOTTOM - (value - self.y0) / ((self.y1 - self.y0) or 1.0) * (HEIGHT - TOP - BOTTOM)


def svg(chart: Chart) -> str:
    """Draw a chart; it has a title and a description, and scales with its place."""
    scale = _scale(chart)
    key = escape(chart.key)
    parts = [
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-labelledby="{key}-title {key}-words">',
        f'<title id="{key}-title">{escape(chart.title)}</title>',
        f'<desc id="{key}-words">{escape(chart.words)}</desc>',
        *_grid(chart, scale),
        *(_line(line, scale) for line in chart.lines),
        *(_mark(mark, scale) for mark in chart.marks),
        "</svg>",
    ]
    return "\n".join(parts)


def bars_svg(key: str, title: str, words: str, values: Sequence[tuple[str, float]]) -> str:
    """Draw named values as bars, one below the other: gains to the right, losses to the left of where nothing is.

    Args:
        key: Name of the chart in the page, unique there.
        title: What it is; read aloud where pictures are not seen.
        words: What is to be seen in it.
        values: (name, value), the first on top.
    """
    key, height = escape(key), BAR * len(values) + TOP
    low, high = (pick(0.0, *(value for _, value in values)) for pick in (min, max))
    unit = (WIDTH - BAR_LEFT - BAR_RIGHT) / ((high - low) or 1.0)
    zero = BAR_LEFT - low * unit
    parts = [
        f'<svg viewBox="0 0 {WIDTH} {height}" role="img" aria-labelledby="{key}-title {key}-words">',
        f'<title id="{key}-title">{escape(title)}</title>',
        f'<desc id="{key}-words">{escape(words)}</desc>',
        f'<path class="grid" d="M{zero:.1f} 0V{height}"/>',
    ]
    for place, (name, value) in enumerate(values):
        x, y = min(zero, zero + value * unit), BAR * place + TOP
        style = "green" if value >= 0 else "red"
        parts += [
            f'<text class="axis" x="0" y="{y + BAR / 2 - 4:.1f}">{escape(name)}</text>',
            f'<rect class="mark {style}" x="{x:.1f}" y="{y}" width="{abs(value) * unit:.1f}" height="{BAR - 12}"/>',
            f'<text class="axis" x="{WIDTH}" y="{y + BAR / 2 - 4:.1f}" text-anchor="end">{value:+,.2f}</text>',
        ]
    return "\n".join((*parts, "</svg>"))


def legend(chart: Chart) -> str:
    """Name the chart's lines beside their colours."""
    keys = (f'<span class="key {line.style}">{escape(line.name)}</span>' for line in chart.lines)
    return f'<p class="legend">{"".join(keys)}</p>'


def _scale(chart: Chart) -> _Scale:
    x = [value for line in chart.lines if len(line.x) for value in (line.x.min(), line.x.max())]
    x += [mark.x for mark in chart.marks]
    y = [value for line in chart.lines for value in (line.y.min(), line.y.max()) if len(line.y)]
    y += [value for mark in chart.marks for value in (mark.y, mark.low, mark.high) if value is not None]
    y += list(chart.bounds or ())
    low, high = float(min(y, default=0.0)), float(max(y, default=1.0))
    room = (high - low) * 0.06 if high > low else max(abs(high), 1.0) * 0.01
    if chart.bounds:
        room = 0.0
    return _Scale(float(min(x, default=0.0)), float(max(x, default=1.0)), low - room, high + room)


def _grid(chart: Chart, scale: _Scale) -> Iterator[str]:
    right = WIDTH - RIGHT
    step = _step(scale.y1 - scale.y0)
    digits = max(0, -math.floor(math.log10(step) + 1e-9)) + (1 if step < 1 else 0)
    for at in _ticks(scale.y0, scale.y1, step):
        y = scale.y(at)
        yield f'<path class="grid" d="M{LEFT} {y:.1f}H{right}"/>'
        yield (
            f'<text class="axis" x="{LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{at:,.{digits}f}{chart.unit}</text>'
        )
    for number in range(TICKS):
        at = scale.x0 + (scale.x1 - scale.x0) * number / (TICKS - 1)
        anchor = "start" if number == 0 else "end" if number == TICKS - 1 else "middle"
        text = clock(at, span_ns=scale.x1 - scale.x0) if chart.times else f"{at:g}"
        yield f'<text class="axis" x="{scale.x(at):.1f}" y="{HEIGHT - 8}" text-anchor="{anchor}">{text}</text>'


def _step(span: float) -> float:
    raw = max(span, 1e-12) / TICKS
    power = 10.0 ** math.floor(math.log10(raw))
    return next(step * power for step in _STEPS if step * power >= raw * (1 - 1e-9))


def _ticks(low: float, high: float, step: float) -> list[float]:
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [number * step for number in range(first, last + 1)]


def clock(at_ns: float, *, span_ns: float) -> str:
    """Write a time of an axis in UTC: by days for a long span, by seconds for a short one.

    >>> clock(1_723_075_200e9, span_ns=60e9), clock(1_723_075_200e9, span_ns=30 * 86_400e9)
    ('00:00:00', '2024-08-08')
    """
    when = dt.datetime.fromtimestamp(at_ns / NS_PER_S, dt.UTC)
    days = span_ns / NS_PER_S / _DAY_S
    form = "%Y-%m-%d" if days > TICKS else "%m-%d %H:%M" if days > 1 else "%H:%M:%S"
    return when.strftime(form)


def _line(line: Line, scale: _Scale) -> str:
    x, y = thinned(line.x, line.y)
    if not len(x):
        return ""
    points = [f"{scale.x(a):.1f} {scale.y(b):.1f}" for a, b in zip(x.tolist(), y.tolist(), strict=True)]
    path = f'<path class="line {line.style}" d="M{"L".join(points)}"/>'
    if not line.filled:
        return path
    floor = scale.y(0.0)
    area = f"M{scale.x(float(x[0])):.1f} {floor:.1f}L{'L'.join(points)}L{scale.x(float(x[-1])):.1f} {floor:.1f}Z"
    return f'<path class="area {line.style}" d="{area}"/>{path}'


def thinned(x: Float64, y: Float64) -> tuple[Float64, Float64]:
    """Thin a line for the eye: of each of 450 buckets the lowest and the highest value, and both ends.

    Args:
        x: Places, ascending (n,).
        y: Values (n,).

    Returns:
        The line itself where it has few points; extremes are never lost.
    """
    if len(x) <= 2 * BUCKETS:
        return x, y
    kept = {0, len(x) - 1}
    for part in np.array_split(np.arange(len(x)), BUCKETS):
        kept |= {int(part[y[part].argmin()]), int(part[y[part].argmax()])}
    at = np.array(sorted(kept))
    return x[at], y[at]


def _mark(mark: Mark, scale: _Scale) -> str:
    x, y = scale.x(mark.x), scale.y(mark.y)
    shapes = {
        "up": f"M{x:.1f} {y + 3:.1f}l-6 11h12z",
        "down": f"M{x:.1f} {y - 3:.1f}l-6 -11h12z",
        "dot": f"M{x - 4:.1f} {y:.1f}a4 4 0 1 0 8 0a4 4 0 1 0 -8 0",
    }
    bar = ""
    if mark.low is not None and mark.high is not None:
        bar = f'<path class="line {mark.style}" d="M{x:.1f} {scale.y(mark.low):.1f}V{scale.y(mark.high):.1f}"/>'
    return f'<g>{bar}<path class="mark {mark.style}" d="{shapes[mark.shape]}"/><title>{escape(mark.words)}</title></g>'


def as_floats(times: Sequence[int] | Int64) -> Float64:
    """Give times as places on an axis."""
    return np.asarray(times, np.float64)
