"""Show the latest signals with their reasons, from the desk broker's log, or how signals like one fared before it."""

import argparse
import pathlib
import sys
import time
from collections.abc import Iterator

from functions.cli.counting import at_least
from functions.cli.errors import CliError
from functions.cli.events import logs
from functions.domain.decisions import Action, ConfidenceKind, Evidence, Signal
from functions.domain.history import CONFIDENCE_WITHIN
from functions.local.log import find
from functions.wire.codecs.signals import SIGNAL, decode_signal
from functions.wire.rows import decimal_text, render


def register(parser: argparse.ArgumentParser) -> None:
    """Add the verb's arguments."""
    parser.add_argument("what", nargs="?", choices=("list", "similar"), default="list", help="default list")
    parser.add_argument("id", nargs="?", metavar="SIGNAL_ID", help="similar: the signal whose like is looked for")
    parser.add_argument(
        "--within",
        type=float,
        default=CONFIDENCE_WITHIN,
        help=f"similar: most points of confidence apart (default {CONFIDENCE_WITHIN:g})",
    )
    parser.add_argument("--folder", type=pathlib.Path, default=pathlib.Path("var/demo"), help="folder of the platform")
    parser.add_argument("--instrument", help="only this instrument")
    parser.add_argument("--limit", type=at_least(1), default=10, help="how many (default 10)")
    parser.add_argument("--full", action="store_true", help="also levels, size, models and what it was decided on")
    parser.add_argument("--acts", action="store_true", help="only those that buy or sell, as --json always does")


def run(args: argparse.Namespace) -> int:
    """Show the newest signals, or the history of those like one."""
    if args.what == "similar":
        from functions.cli import similar  # noqa: PLC0415 - the stores behind it take longer to load than a list does

        return similar.run(args)
    (path,) = logs(args.folder, "desk")
    shown = 0
    for _, _, event in reversed(find(path, where="type = ?", values=(SIGNAL,))):
        signal = decode_signal(event.data or b"")
        if not _is_asked_for(signal, args):
            continue
        if args.json:
            sys.stdout.writelines(row.line.decode() + "\n" for row in render(event))
        else:
            sys.stdout.writelines(f"{line}\n" for line in _lines(signal, full=args.full))
        shown += 1
        if shown == args.limit:
            break
    if not (shown or args.json):
        sys.stdout.write("no signals yet\n")
    return 0


def signal_named(folder: pathlib.Path, name: str) -> Signal:
    """Find a signal in the desk's log by its id.

    Raises:
        CliError: There is no such signal, or no log.
    """
    (path,) = logs(folder, "desk")
    found = find(path, where="type = ? AND id = ?", values=(SIGNAL, name), newest=1)
    if not found:
        msg = f"no signal {name} under {folder}; `tickloom signals` lists the newest"
        raise CliError(msg)
    return decode_signal(found[0][2].data or b"")


def _is_asked_for(signal: Signal, args: argparse.Namespace) -> bool:
    """Tell whether to show a signal; one that holds has no row as JSON."""
    acts = signal.action is not Action.HOLD
    return args.instrument in (None, signal.instrument_id) and (acts or not (args.acts or args.json))


def _lines(signal: Signal, *, full: bool) -> Iterator[str]:
    stamp = time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(signal.as_of_ns / 1e9))
    price = decimal_text(signal.price, signal.price_exponent)
    head = f"{stamp} {signal.action.value.upper():<4} {signal.instrument_id} {signal.interval_s}s at {price}"
    yield f"{head}, confidence {signal.confidence:.0f} %{_meaning(signal.evidence)}  {signal.signal_id}"
    yield from (f"    stopped  {one.name}: {one.text}" for one in signal.evidence.gates)
    yield from (f"    {one.weight:+5.0f} %  {one.rule}: {one.text}" for one in signal.reasons)
    if full:
        yield from (f"    {line}" for line in (*_risk(signal), *_models(signal)))


def _meaning(evidence: Evidence) -> str:
    """Say what a confidence is the chance of; a weighted count of rules, the usual, needs no words."""
    wanted = "" if evidence.wanted is Action.HOLD or not evidence.gates else f", wanted {evidence.wanted.value.upper()}"
    if evidence.confidence_kind is ConfidenceKind.RULE_WEIGHT or evidence.probability_low is None:
        return wanted
    return f" (at least {evidence.probability_low:.0%}) that {evidence.event}{wanted}"


def _risk(signal: Signal) -> Iterator[str]:
    evidence, exponent = signal.evidence, signal.price_exponent
    if signal.action is not Action.HOLD:
        levels = f"stop {decimal_text(signal.stop_loss, exponent)}, target {decimal_text(signal.take_profit, exponent)}"
        reward = f"reward to risk {signal.risk_reward_ratio:.2f}"
        yield f"risk     {levels}, {reward}, position {evidence.position_size_pct:g} % of capital"
    if evidence.expected_value is not None and evidence.kelly_fraction is not None:
        at_risk = f"Kelly's share at risk {evidence.kelly_fraction:.3%}"
        yield f"edge     expected {evidence.expected_value:+.3%} net of costs, {at_risk}"


def _models(signal: Signal) -> Iterator[str]:
    evidence, exponent = signal.evidence, signal.price_exponent
    told = evidence.predictions
    if evidence.importance:
        yield "weight   " + ", ".join(f"{one.indicator} {one.share:.0%}" for one in evidence.importance)
    for score in signal.model_scores:
        yield f"model    {score.model} {score.version}: score {score.score:.4g}, flags from {score.threshold:.4g}"
    for one in told.forecasts:
        ends = f", 95 % {decimal_text(one.low_95, exponent)} to {decimal_text(one.high_95, exponent)}"
        up = "" if one.up is None else f", up {one.up:.1%}"
        price = f"{decimal_text(one.price, exponent)} ({one.expected_return:+.3%})"
        yield f"forecast {one.model} in {one.horizon_bars} bars: {price}{ends if one.high_95 else ''}{up}"
    if told.regime_probability is not None:
        yield f"regime   {told.regime} {told.regime_probability:.1%}"
    if told.up is not None:
        votes = ", ".join(f"{vote.model} {vote.up:.3f} x {vote.weight:g}" for vote in told.votes)
        yield f"ensemble up {told.up:.1%} in {told.horizon_bars} bars: {votes}"
    elif told.abstained:
        yield f"ensemble abstains: {told.abstained}"
    if told.down is not None:
        votes = ", ".join(f"{vote.model} {vote.down:.3f} x {vote.down_weight:g}" for vote in told.votes)
        yield f"ensemble down {told.down:.1%} in {told.horizon_bars} bars: {votes}"
    if signal.degraded:
        yield "degraded a model that should have been heard was not"
    yield f"cause    {evidence.causation_id or 'not told'}, bar revision {signal.bar_revision}"
