"""Put a backtest's report into words: its figures, what was assumed, and what became of the signals."""

import textwrap
from collections.abc import Iterator, Mapping
from typing import Any, Final

from functions.wire.attributes import time_text

COLUMNS: Final = 110

FATES: Final[Mapping[str, str]] = {
    "traded": "opened a position",
    "held": "already held that way",
    "overtaken": "price already beyond stop or target",
    "unfilled": "no price before the tape ended",
    "unfunded": "not enough money left for one lot",
    "unsized": "asked for a position of 0",
    "warm_up": "before --from",
}


def report(told: Mapping[str, Any]) -> str:
    """Put a report into lines for a terminal."""
    return "\n".join(_lines(told)) + "\n"


def _lines(told: Mapping[str, Any]) -> Iterator[str]:
    signals = told["signals"]
    yield f"tape        {told['tape']['file']}"
    yield f"            {span(told)}"
    counts = ", ".join(f"{count:,} {action.upper()}" for action, count in signals["by_action"].items())
    yield f"signals     {counts}; {signals['degraded']:,} degraded"
    fates = ", ".join(f"{count:,} {FATES[fate]}" for fate, count in signals["fates"].items() if count)
    yield from _wrapped(" " * 12, fates or "none asked for a trade")
    yield f"rows hash   {signals['rows_hash']}"
    yield ""
    yield f"{'':<14}{'strategy':>16}{'buy and hold':>16}{'nothing':>16}"
    for name, *values in figure_rows(told):
        yield f"{name:<14}" + "".join(f"{value:>16}" for value in values)
    yield ""
    if told["confidence"]:
        yield from _wrapped("confidence  ", _confidence(told["confidence"]))
    for number, line in enumerate(assumptions(told)):
        yield from _wrapped(f"{'assumed' if number == 0 else '':<12}- ", line)


def _wrapped(head: str, text: str) -> list[str]:
    return textwrap.wrap(text, COLUMNS, initial_indent=head, subsequent_indent=" " * len(head))


def _confidence(found: Mapping[str, Any]) -> str:
    bins = zip(found["forecast"], found["observed"], found["count"], strict=True)
    told = ", ".join(f"{said:.0%} said {won:.0%} won ({count})" for said, won, count in bins)
    return f"Brier {found['brier']:.3f} over {found['trades']} closed trades: {told}"


def span(told: Mapping[str, Any]) -> str:
    """Say what time a report is about, and on what."""
    begin, end = time_text(told["begin_ns"])[:19], time_text(told["end_ns"])[:19]
    cut = [f"{word} {time_text(told[key])[:19]}" for word, key in (("from", "from_ns"), ("to", "to_ns")) if told[key]]
    asked = f" ({', '.join(cut)} as asked)" if cut else ""
    names = told["instruments"]
    what = ", ".join(names[:4]) + (f" and {len(names) - 4} more" if len(names) > 4 else "")  # noqa: PLR2004 - a line
    return f"{begin} to {end} UTC{asked}, {what or 'no bars'}"


def figure_rows(told: Mapping[str, Any]) -> list[tuple[str, str, str, str]]:
    """Give each figure of the strategy, of holding everything, and of doing nothing, as text."""
    both = (told["strategy"], told["buy_and_hold"])

    def row(name: str, key: str, form: str, nothing: str, factor: float = 1.0) -> tuple[str, str, str, str]:
        first, second = (_figure(one[key], form, factor) for one in both)
        return name, first, second, nothing

    return [
        row("profit", "profit", "+,.2f", "0.00"),
        row("return", "total_return", "+.3f %", "0.000 %", 100.0),
        row("max drawdown", "max_drawdown", ".3f %", "0.000 %", 100.0),
        row("Sharpe", "sharpe", ".2f", "none"),
        row("trades", "trades", ",d", "0"),
        row("closed", "closed", ",d", "0"),
        row("hit rate", "hit_rate", ".1f %", "none", 100.0),
        row("profit factor", "profit_factor", ".2f", "none"),
        row("in market", "in_market", ".1f %", "0.0 %", 100.0),
        row("exposure", "exposure", ".1f %", "0.0 %", 100.0),
        row("turnover", "turnover", ".2f", "0.00"),
        row("fees", "fees", ",.2f", "0.00"),
    ]


def _figure(value: Any, form: str, factor: float) -> str:  # noqa: ANN401 - a number, or money as text
    if value is None:
        return "none"
    if isinstance(value, int):
        return format(value, form)
    number = float(value) * factor
    spec, _, unit = form.partition(" ")
    text = format(number if abs(number) >= 5e-7 else 0.0, spec)  # noqa: PLR2004 - no figure shows more digits
    return f"{text} {unit}" if unit else text


def assumptions(told: Mapping[str, Any]) -> Iterator[str]:
    """Say in sentences what the figures rest on."""
    had = told["assumptions"]
    late = " or ".join(f"{one} ms" for one in had["lateness_ms"]) or "its lateness"
    sized = "all of it" if had["sizing"] == "share" else "the percentage that its signal asks for"
    yield f"Fees are {had['fee_bps']} bps of each fill; market orders fill {had['slippage_bps']} bps beyond the price."
    yield (
        f"A signal is known {late} after its bar's end, when late trades are no longer waited for (later in a quiet "
        f"market), and reaches the market {had['latency_ms']} ms after that."
    )
    yield (
        "It fills in the first 1 s bar that starts then or later: at the bar's closing quote (BUY at the ask, SELL at "
        "the bid), or at its open where nothing is quoted. No price from before is used."
    )
    yield (
        "Stops and targets are looked for in the bars behind the fill. Where one bar holds both, the stop counts; a "
        "stop that a bar opens beyond fills at the open; a target fills at its own price, without slippage."
    )
    yield (
        f"The capital is {had['capital']}, {had['share']} for each strategy and instrument, long or short; a position "
        f"takes {sized}, in whole lots. No borrowing costs, no market impact, one currency."
    )
    yield (
        "One position for each strategy and instrument: a signal the other way closes it and opens its own. What is "
        "open at the end is valued at the last close."
    )
    yield (
        f"Sharpe is of the returns of {told['step_s']} s, annualised to {had['year_days']} days, at a risk-free rate "
        "of 0, and not given for less than a day; drawdown is on the same steps. What does not exist is `none`."
    )
    yield "Signals are held against --from by the time they were known; --to cuts the tape by receive time."
    yield "A backtest is one path through one past; it says little about the next."
