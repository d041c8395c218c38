"""Write a backtest as one page that needs nothing else: figures, charts, trades and what was assumed."""

from collections import Counter
from collections.abc import Iterator, Mapping
from html import escape
from typing import Any, Final

import numpy as np

from functions.domain.backtest.facts import PriceBars
from functions.domain.decisions import Action, Signal
from functions.domain.portfolio.measures import drawdown
from functions.local.backtest_words import FATES, assumptions, figure_rows, span
from functions.local.backtests import Outcome
from functions.wire.attributes import time_text
from functions.wire.charts import Chart, Line, Mark, as_floats
from functions.wire.pages import document, shown, table, tiles

TRADES_SHOWN_MAX: Final = 500
CHARTS_OF_PRICE_MAX: Final = 6
MARKS_MAX: Final = 1000


def page(outcome: Outcome) -> str:
    """Write the page; equal outcomes give equal bytes."""
    told = outcome.told
    name = told["tape"]["file"].rpartition("/")[2]
    parts = [
        f'<p class="soft">{escape(span(told))}</p>',
        _tiles(told),
        "<h2>Beside holding and doing nothing</h2>",
        _figures(told),
        *map(shown, _charts(outcome)),
        "<h2>What became of the signals</h2>",
        _fates(told),
        f"<h2>Trades</h2>\n{_trades(told)}",
        "<h2>What was assumed</h2>",
        *(f"<p>{escape(line)}</p>" for line in assumptions(told)),
        "<h2>Where it comes from</h2>",
        *_origin(told),
    ]
    return document(f"Backtest of {name}", parts)


def _tiles(told: Mapping[str, Any]) -> str:
    rows = {name: values[0] for name, *values in figure_rows(told)}
    chosen = ("return", "max drawdown", "Sharpe", "hit rate", "profit factor", "trades")
    return tiles([(rows[name], name) for name in chosen])


def _figures(told: Mapping[str, Any]) -> str:
    return table(("", "strategy", "buy and hold", "nothing"), figure_rows(told))


def _fates(told: Mapping[str, Any]) -> str:
    fates = told["signals"]["fates"]
    rows = [(FATES[fate], f"{count:,}") for fate, count in fates.items()]
    by_action = ", ".join(f"{count:,} {action.upper()}" for action, count in told["signals"]["by_action"].items())
    return table(("fate", "signals"), rows, caption=f"{by_action}; HOLD asks for nothing")


def _trades(told: Mapping[str, Any]) -> str:
    trades = told["trades"]
    if not trades:
        return "<p>No signal was traded.</p>"
    head = ("entry", "instrument", "side", "quantity", "at", "exit", "at", "why", "fees", "profit", "confidence")
    rows = [
        (
            time_text(one["entry_ns"])[:19],
            one["instrument_id"],
            one["side"],
            one["quantity"],
            f"{float(one['entry_price']):,.6g}",
            time_text(one["exit_ns"])[:19],
            f"{float(one['exit_price']):,.6g}",
            one["exit"],
            f"{float(one['fees']):,.2f}",
            f"{float(one['profit']):+,.2f}",
            f"{one['confidence']:.0f} %",
        )
        for one in trades[:TRADES_SHOWN_MAX]
    ]
    left = len(trades) - len(rows)
    more = f"; the other {left:,} are in the JSON report" if left else ""
    return table(head, rows, caption=f"{len(trades):,} trades, times in UTC, figures rounded for display{more}")


def _origin(told: Mapping[str, Any]) -> Iterator[str]:
    yield f"<p>Tape <code>{escape(told['tape']['file'])}</code>, SHA-256 <code>{told['tape']['sha256']}</code></p>"
    yield (
        f"<p>Rows hash of the signals <code>{told['signals']['rows_hash']}</code>: "
        "what <code>tickloom replay</code> gives for the same tape.</p>"
    )


# --- the charts -------------------------------------------------------------------------------------------------------


def _charts(outcome: Outcome) -> Iterator[Chart]:
    if not outcome.bars:
        return
    times = as_floats(outcome.curve.times)
    equity, held = outcome.curve.values, outcome.held.values
    flat = np.full(len(times), equity[0])
    lines = (
        Line("nothing", "grey", times, flat),
        Line("buy and hold", "amber", times, held),
        Line("strategy", "blue", times, equity),
    )
    end = f"The strategy ends at {equity[-1]:,.2f}, holding at {held[-1]:,.2f}, from {equity[0]:,.2f}."
    yield Chart("equity", "Equity", f"{end} Open positions are valued at the last close.", lines)
    fallen = -100.0 * drawdown(equity)
    words = f"How far the account lay below its highest value before; at most {-fallen.min():.2f} %."
    yield Chart("drawdown", "Drawdown", words, (Line("strategy", "red", times, fallen, filled=True),), unit=" %")
    yield from _prices(outcome)
    if outcome.confidence is not None:
        yield _reliability(outcome)


def _prices(outcome: Outcome) -> Iterator[Chart]:
    """Draw the instruments with the most signals."""
    counts = Counter(one.instrument_id for one in outcome.signals if one.action is not Action.HOLD)
    chosen = [name for name, _ in sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))][:CHARTS_OF_PRICE_MAX]
    for number, name in enumerate(chosen):
        if name in outcome.bars:
            its = [one for one in outcome.signals if one.instrument_id == name and one.action is not Action.HOLD]
            yield _price(f"price-{number}", outcome.bars[name], its)


def _price(key: str, bars: PriceBars, signals: list[Signal]) -> Chart:
    unit = 10.0**bars.instrument.price_exponent
    kept = bars.traded
    closes = bars.close[kept].astype(np.float64) * unit
    line = Line("close", "blue", as_floats(bars.start_ns[kept] + bars.interval_ns), closes)
    marks = tuple(_signal_mark(one, unit) for one in signals[:MARKS_MAX])
    buys = sum(one.action is Action.BUY for one in signals)
    left = f", the first {MARKS_MAX:,} drawn" if len(signals) > MARKS_MAX else ""
    words = f"Closes of {bars.instrument.instrument_id}; {buys:,} BUY (▲) and {len(signals) - buys:,} SELL (▼){left}."
    return Chart(key, f"Signals on {bars.instrument.instrument_id}", words, (line,), marks)


def _signal_mark(signal: Signal, unit: float) -> Mark:
    buy = signal.action is Action.BUY
    words = (
        f"{signal.action.value.upper()} at {signal.price * unit:,.6g}, {signal.confidence:.0f} %, "
        f"{time_text(signal.as_of_ns)[:19]}, bars of {signal.interval_s} s"
    )
    shape, style = ("up", "green") if buy else ("down", "red")
    return Mark(float(signal.as_of_ns), signal.price * unit, shape, style, words)


def _reliability(outcome: Outcome) -> Chart:
    assert outcome.confidence is not None, "the caller has looked"  # noqa: S101 - see above
    curve = outcome.confidence.curve
    marks = tuple(
        Mark(100 * said, 100 * won, "dot", "blue", f"{count} trades: {said:.0%} said, {won:.0%} won", 100 * a, 100 * b)
        for said, won, count, a, b in zip(
            curve.forecast.tolist(),
            curve.observed.tolist(),
            curve.count.tolist(),
            curve.low.tolist(),
            curve.high.tolist(),
            strict=True,
        )
    )
    whole = np.array([0.0, 100.0])
    kinds = ", ".join(outcome.told["signals"]["confidence_kinds"])
    words = (
        f"Share of closed trades that won (up, %) for the confidence they were entered with (across, %; {kinds}), with "
        f"95 % intervals; a calibrated confidence lies on the diagonal. {outcome.confidence.trades} trades, Brier "
        f"score {outcome.confidence.brier:.3f}."
    )
    return Chart(
        "reliability",
        "Confidence and outcome",
        words,
        (Line("calibrated", "grey", whole, whole),),
        marks,
        times=False,
        bounds=(0.0, 100.0),
    )
