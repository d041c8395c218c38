"""Write a day as one page that needs nothing else: figures, charts, instruments, trades and what they rest on."""

from collections.abc import Iterator
from html import escape
from typing import Final

from functions.domain.portfolio.daily import Daily
from functions.handlers.report.texts import Told, time_of
from functions.wire.charts import Chart, Line, as_floats, bars_svg
from functions.wire.pages import document, shown, table, tiles

SHOWN_MAX: Final = 500
"""Rows of a table; the others are in the JSON report."""
BARS_MAX: Final = 30
"""Instruments in the chart of profits: those with the greatest, either way."""


def page(day: Daily, told: Told) -> str:
    """Write the page; equal days give equal bytes."""
    name = escape(told["account"])
    span = f"{time_of(day.begin_ns)} to {time_of(day.end_ns)}, a day of {escape(told['zone'])}"
    parts = [
        f'<p class="soft">{span}; {escape(told["currency"])}</p>',
        tiles(_tiles(told)),
        *map(shown, _charts(day)),
        *_profits(day),
        "<h2>Instruments</h2>",
        _instruments(told),
        "<h2>Trades closed</h2>",
        _trades(told),
        "<h2>What this rests on</h2>",
        *(f"<p>{escape(line)}</p>" for line in _notes(told)),
    ]
    return document(f"{name} on {told['date']}", parts)


def _tiles(told: Told) -> list[tuple[str, str]]:
    percent = "none" if told["return_pct"] is None else f"{float(told['return_pct']):+.3f} %"
    won = "none" if told["win_rate"] is None else f"{told['win_rate']:.0%}"
    return [
        (_money(told["closing_value"]), "value"),
        (_signed(told["profit"]), "profit"),
        (percent, "return"),
        (_signed(told["realized_pnl"]), "realized"),
        (_signed(told["unrealized_change"]), "unrealized, change"),
        (_money(told["fees"]), "fees"),
        (f"{told['max_drawdown_pct']:.3f} %", "max drawdown"),
        (won, "trades won"),
    ]


def _charts(day: Daily) -> Iterator[Chart]:
    did = day.performance
    times, values = as_floats(did.times), did.values
    words = f"From {values[0]:,.2f} to {values[-1]:,.2f}, each {did.step_s} s, at the last close."
    yield Chart("equity", "Equity", words, (Line("equity", "blue", times, values),))
    fallen = -100.0 * did.drawdown
    words = f"How far the account lay below its highest value of the day; at most {-fallen.min():.3f} %."
    yield Chart("drawdown", "Drawdown", words, (Line("drawdown", "red", times, fallen, filled=True),), unit=" %")


def _profits(day: Daily) -> Iterator[str]:
    if not day.instruments:
        return
    chosen = sorted(day.instruments, key=lambda one: (-abs(one.profit), one.instrument_id))[:BARS_MAX]
    values = [(one.instrument_id, float(one.profit)) for one in sorted(chosen, key=lambda one: -one.profit)]
    left = len(day.instruments) - len(chosen)
    words = "What each instrument earned, after fees" + (f"; {left:,} that earned less are left out." if left else ".")
    title = "Profit by instrument"
    drawn = bars_svg("profits", title, words, values)
    yield f"<h2>{title}</h2>\n<figure>{drawn}<figcaption>{escape(words)}</figcaption></figure>"


def _instruments(told: Told) -> str:
    rows = told["instruments"]
    if not rows:
        return "<p>Nothing was held or traded.</p>"
    head = ("instrument", "held before", "held", "price", "fills", "fees", "realized", "unrealized, change", "profit")
    cells = [
        (
            one["instrument_id"],
            one["opening_quantity"],
            one["closing_quantity"],
            one["price"] or "",
            f"{one['fills']:,}",
            _money(one["fees"]),
            _signed(one["realized_pnl"]),
            _signed(one["unrealized_change"]),
            _signed(one["profit"]),
        )
        for one in rows[:SHOWN_MAX]
    ]
    return table(head, cells, caption=_caption(len(rows)))


def _trades(told: Told) -> str:
    rows = told["trades"]
    if not rows:
        return "<p>No trade was closed.</p>"
    head = ("entry", "instrument", "side", "quantity", "at", "exit", "at", "fees", "profit")
    cells = [
        (
            time_of(one["entry_ns"]) if one["entry_ns"] else "held at the opening",
            one["instrument_id"],
            one["side"],
            one["quantity"],
            f"{float(one['avg_entry_price']):,.8g}",
            time_of(one["exit_ns"]),
            f"{float(one['avg_exit_price']):,.8g}",
            _money(one["fees"]),
            _signed(one["profit"]),
        )
        for one in rows[:SHOWN_MAX]
    ]
    return table(head, cells, caption=_caption(len(rows)))


def _caption(count: int) -> str:
    left = count - SHOWN_MAX
    return f"{count:,}, rounded for display" + (f"; the other {left:,} are in the JSON report" if left > 0 else "")


def _notes(told: Told) -> Iterator[str]:
    yield (
        "The day is half-open: a fill at its very end is the next day's. What is held is worth the close of its newest "
        "final bar of a minute, or the account's own last fill before there was one."
    )
    yield (
        "Realized profits are at average cost, less all fees. A trade lasts from flat to flat. A correction is earned "
        "on the day it is told; the curve knows it from the beginning of the day."
    )
    yield "The profits of the instruments add up to the account's, and those of days to those of weeks, exactly."
    if told["left_out"]:
        yield f"Traded in other currencies, and in no figure: {', '.join(told['left_out'])}."


def _money(text: str) -> str:
    return f"{float(text):,.2f}"


def _signed(text: str) -> str:
    value = float(text)
    return f"{value:+,.2f}" if value else "0.00"
