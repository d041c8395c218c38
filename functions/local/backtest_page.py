"""Write a backtest as one page that needs nothing else: figures, charts, trades and what was assumed."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from html import escape
from typing import Any, Final

import numpy as np

from functions.domain.backtest.facts import PriceBars
from functions.domain.backtest.figures import drawdown
from functions.domain.decisions import Action, Signal
from functions.local.backtest_charts import Chart, Line, Mark, as_floats, legend, svg
from functions.local.backtest_words import FATES, assumptions, figure_rows, span
from functions.local.backtests import Outcome
from functions.wire.attributes import time_text

TRADES_SHOWN_MAX: Final = 500
CHARTS_OF_PRICE_MAX: Final = 6
MARKS_MAX: Final = 1000

STYLE: Final = """
:root { color-scheme: light dark; --page: #fcfcfb; --card: #ffffff; --ink: #1b1b1a; --soft: #5d5c58; --rule: #e2e1dc;
  --blue: #2563b0; --amber: #a85d00; --grey: #77766f; --green: #1a7f4b; --red: #c02f38; }
@media (prefers-color-scheme: dark) { :root { --page: #161615; --card: #1f1f1d; --ink: #f1f0ec; --soft: #b1b0a9;
  --rule: #393834; --blue: #6ea8ec; --amber: #e5a046; --grey: #92918a; --green: #52c48a; --red: #f0787c; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 1000px; padding: 32px 20px 64px; background: var(--page); color: var(--ink);
  font: 15px/1.55 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; }
h1 { font-size: 26px; margin: 0 0 4px; letter-spacing: -0.01em; }
h2 { font-size: 17px; margin: 36px 0 8px; }
p { margin: 6px 0; } .soft, caption { color: var(--soft); }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(150px, 1fr)); gap: 12px; margin: 20px 0; }
.tile, figure, .wide { background: var(--card); border: 1px solid var(--rule); border-radius: 10px; }
.tile { padding: 12px 14px; } .tile b { display: block; font-size: 22px; font-variant-numeric: tabular-nums; }
.tile span { color: var(--soft); font-size: 13px; }
figure { margin: 10px 0; padding: 14px 14px 8px; } figure svg { display: block; width: 100%; height: auto; }
figcaption { color: var(--soft); font-size: 13px; margin-top: 4px; }
.wide { overflow-x: auto; } table { border-collapse: collapse; width: 100%; font-size: 14px; }
caption { text-align: left; padding: 10px 12px 0; font-size: 13px; }
th, td { padding: 6px 12px; text-align: right; border-top: 1px solid var(--rule); white-space: nowrap;
  font-variant-numeric: tabular-nums; }
thead th { border-top: 0; color: var(--soft); font-weight: 600; } th:first-child, td.word { text-align: left; }
tbody th { font-weight: 400; } .gain { color: var(--green); } .loss { color: var(--red); }
.legend { font-size: 13px; margin: 0 0 4px; } .key { margin-right: 18px; }
.key::before { content: ""; display: inline-block; width: 16px; height: 3px; margin-right: 6px; vertical-align: middle;
  background: currentcolor; }
.key.blue { color: var(--blue); } .key.amber { color: var(--amber); } .key.grey { color: var(--grey); }
.key.red { color: var(--red); }
.grid { stroke: var(--rule); } .axis { fill: var(--soft); font-size: 12px; }
.line { fill: none; stroke-width: 1.8; stroke-linejoin: round; }
.line.blue { stroke: var(--blue); } .line.amber { stroke: var(--amber); stroke-dasharray: 6 3; }
.line.grey { stroke: var(--grey); stroke-dasharray: 2 3; } .line.red { stroke: var(--red); }
.area { stroke: none; opacity: 0.16; } .area.red { fill: var(--red); } .area.blue { fill: var(--blue); }
.mark.green { fill: var(--green); } .mark.red { fill: var(--red); } .mark.blue { fill: var(--blue); }
code { font: 13px ui-monospace, "SF Mono", Menlo, monospace; overflow-wrap: anywhere; }
@media print { body { max-width: none; } figure, .wide { break-inside: avoid; } }
"""


def page(outcome: Outcome) -> str:
    """Write the page; equal outcomes give equal bytes."""
    told = outcome.told
    name = escape(told["tape"]["file"].rpartition("/")[2])
    parts = [
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f"<title>Backtest of {name}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n<main>",
        f'<h1>Backtest of {name}</h1>\n<p class="soft">{escape(span(told))}</p>',
        *_tiles(told),
        "<h2>Beside holding and doing nothing</h2>",
        _figures(told),
        *(part for chart in _charts(outcome) for part in _shown(chart)),
        "<h2>What became of the signals</h2>",
        _fates(told),
        f"<h2>Trades</h2>\n{_trades(told)}",
        "<h2>What was assumed</h2>",
        *(f"<p>{escape(line)}</p>" for line in assumptions(told)),
        "<h2>Where it comes from</h2>",
        *_origin(told),
        "</main>\n</body>\n</html>\n",
    ]
    return "\n".join(parts)


def _tiles(told: Mapping[str, Any]) -> Iterator[str]:
    rows = {name: values[0] for name, *values in figure_rows(told)}
    chosen = ("return", "max drawdown", "Sharpe", "hit rate", "profit factor", "trades")
    tiles = (f'<div class="tile"><b>{escape(rows[name])}</b><span>{name}</span></div>' for name in chosen)
    yield f'<div class="tiles">{"".join(tiles)}</div>'


def _figures(told: Mapping[str, Any]) -> str:
    return _table(("", "strategy", "buy and hold", "nothing"), figure_rows(told))


def _fates(told: Mapping[str, Any]) -> str:
    fates = told["signals"]["fates"]
    rows = [(FATES[fate], f"{count:,}") for fate, count in fates.items()]
    by_action = ", ".join(f"{count:,} {action.upper()}" for action, count in told["signals"]["by_action"].items())
    return _table(("fate", "signals"), rows, caption=f"{by_action}; HOLD asks for nothing")


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
    return _table(head, rows, caption=f"{len(trades):,} trades, times in UTC, figures rounded for display{more}")


def _origin(told: Mapping[str, Any]) -> Iterator[str]:
    yield f"<p>Tape <code>{escape(told['tape']['file'])}</code>, SHA-256 <code>{told['tape']['sha256']}</code></p>"
    yield (
        f"<p>Rows hash of the signals <code>{told['signals']['rows_hash']}</code>: "
        "what <code>tickloom replay</code> gives for the same tape.</p>"
    )


def _table(head: Sequence[str], rows: Sequence[tuple[str, ...]], *, caption: str = "") -> str:
    heads = "".join(f'<th scope="col">{escape(one)}</th>' for one in head)
    body = "\n".join(f"<tr>{_cells(row)}</tr>" for row in rows)
    said = f"<caption>{escape(caption)}</caption>" if caption else ""
    return f'<div class="wide"><table>{said}<thead><tr>{heads}</tr></thead>\n<tbody>\n{body}\n</tbody></table></div>'


def _cells(row: tuple[str, ...]) -> str:
    first, *others = row
    return f'<th scope="row">{escape(first)}</th>' + "".join(f"<td{_class(one)}>{escape(one)}</td>" for one in others)


def _class(text: str) -> str:
    if text.startswith("+"):
        return ' class="gain"'
    return ' class="loss"' if text[:1] == "-" and text[1:2].isdigit() else ""


# --- the charts -------------------------------------------------------------------------------------------------------


def _shown(chart: Chart) -> Iterator[str]:
    yield f"<h2>{escape(chart.title)}</h2>"
    keys = legend(chart) if len(chart.lines) > 1 else ""
    yield f"<figure>{keys}{svg(chart)}<figcaption>{escape(chart.words)}</figcaption></figure>"


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
