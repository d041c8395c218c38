"""Explain a signal, given its id: what its confidence is made of, what models saw, and what would have flipped it."""

import argparse
import json
import pathlib
import sys
import time
from collections.abc import Iterator
from math import inf, nextafter
from typing import Final

import msgspec

from functions.adapters.explain_client import ExplainClient
from functions.cli.environment import own_environment
from functions.cli.errors import UsageError
from functions.cli.events import logs
from functions.domain.decisions import ConfidenceKind, Signal
from functions.domain.explanation import Decided, Explanation, Link, ModelTold
from functions.domain.flips import SPREADS_MAX, Move
from functions.domain.market import NS_PER_S
from functions.domain.shapley import Attribution
from functions.local import loop
from functions.runtime import settings
from functions.services.explain import main as explain
from functions.services.explain.explaining import Explaining
from functions.wire.rows import decimal_text, interval_text

_RULES: Final = "TICKLOOM_SIGNALS_RULES_PATH"
_MODELS: Final = "TICKLOOM_MODELS_FOLDER"
_HISTORY: Final = "TICKLOOM_EXPLAIN_HISTORY"
_FOLDER: Final = "TICKLOOM_EXPLAIN_FOLDER"


def register(parser: argparse.ArgumentParser) -> None:
    """Add the verb's arguments."""
    parser.add_argument("id", metavar="SIGNAL_ID", help="id of the signal, as `tickloom signals` shows it")
    parser.add_argument("--folder", type=pathlib.Path, default=pathlib.Path("var/demo"), help="folder of the platform")
    parser.add_argument(
        "--rules", type=pathlib.Path, help=f"rules it was decided by (default {_RULES}, or the shipped)"
    )
    parser.add_argument("--models", type=pathlib.Path, help=f"registry of models (default {_MODELS}, or the shipped)")
    parser.add_argument(
        "--address", metavar="HOST:PORT", help="ask the explain service there, by its rules and models, and no folder"
    )


def run(args: argparse.Namespace) -> int:
    """Explain the signal."""
    if args.address and (args.rules or args.models):
        msg = "--rules and --models are for a folder: a service has its own"
        raise UsageError(msg)
    told = loop.run(_told(ExplainClient(args.address) if args.address else _here(args), args.id))
    if args.json:
        sys.stdout.write(json.dumps(_as_json(told)) + "\n")
    else:
        sys.stdout.writelines(line.rstrip() + "\n" for line in _lines(told))
    return 0


def _here(args: argparse.Namespace) -> Explaining:
    """Make in this process what the service is made of."""
    logs(args.folder)
    named = {_RULES: args.rules, _MODELS: args.models, _FOLDER: args.folder}
    environ = own_environment() | {name: str(path) for name, path in named.items() if path is not None}
    own = settings.share(explain.Settings, environ | {_HISTORY: explain.FOLDER})
    return explain.explaining(settings.load(explain.Settings, own))


async def _told(asked: ExplainClient | Explaining, id_: str) -> Explanation:
    try:
        return await asked.explain(id_)
    finally:
        await asked.close()


def _as_json(told: Explanation) -> dict[str, object]:
    """Give all that is told; what the sums miss stands beside them, as does the price in plain digits."""
    whole: dict[str, object] = msgspec.to_builtins(told)
    sums = [told.strength, told.confidence, *(one.attribution for one in told.models if one.attribution)]
    price = decimal_text(told.signal.price, told.signal.price_exponent)
    return whole | {"price": price, "residual_max": max(abs(one.residual) for one in sums)}


def _lines(told: Explanation) -> Iterator[str]:
    signal = told.signal
    yield from _head(signal)
    yield ""
    yield from _titled("confidence", _confidence(told))
    for model in told.models:
        yield from _titled(f"model {model.score.model} {model.score.version}", _model(model))
    yield from _titled("gates", (f"{one.name}: {one.text}" for one in signal.evidence.gates), none="none was shut")
    flip = _flip(told.decided, signal) if told.decided else ("not looked for: the decision could not be made again",)
    yield from _titled("smallest change that flips it", flip)
    yield from _titled("made again", (*_again(told.decided), *told.notes))
    yield from _titled("where from", map(_link, told.links))


def _head(signal: Signal) -> Iterator[str]:
    stamp = time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(signal.as_of_ns // NS_PER_S))
    price = decimal_text(signal.price, signal.price_exponent)
    what = f"{signal.action.value.upper()} {signal.instrument_id} {interval_text(signal.interval_s)} at {price}"
    yield f"{what}, {stamp} UTC, strategy {signal.strategy}"
    yield f"signal {signal.signal_id}{', degraded: a model that should have been heard was not' * signal.degraded}"


def _titled(title: str, lines: Iterator[str] | tuple[str, ...], *, none: str = "nothing") -> Iterator[str]:
    yield title
    shown = False
    for line in lines:
        yield f"  {line}"
        shown = True
    if not shown:
        yield f"  {none}"
    yield ""


def _confidence(told: Explanation) -> Iterator[str]:
    signal, evidence = told.signal, told.signal.evidence
    if evidence.confidence_kind is ConfidenceKind.RULE_WEIGHT:
        yield f"{signal.confidence:g} %: the weights of the rules that spoke; a count, not a chance"
    else:
        low = "" if evidence.probability_low is None else f", at least {evidence.probability_low:.1%}"
        yield f"{signal.confidence:.1f} %{low}: the chance that {evidence.event}"
        yield from _parts(told.confidence, {}, unit=" %")
        yield f"rules for {evidence.wanted.value.upper()}, {evidence.strength:g} % together"
    yield from _parts(told.strength, {reason.rule: reason.text for reason in signal.reasons}, unit=" %")


def _parts(parts: Attribution, texts: dict[str, str], *, unit: str = "") -> Iterator[str]:
    """Write a figure as a sum: base, every part, total."""
    width = max((len(part.name) for part in parts.parts), default=0)
    yield f"{parts.base:>12.6g}{unit}  {'base'}"
    for part in parts.parts:
        error = f" +- {part.error:.2g}" if part.error else ""
        yield f"{part.value:>+12.6g}{unit}  {part.name:<{width}}  {texts.get(part.name, '')}{error}"
    missed = f" (the sum misses it by {abs(parts.residual):.1g})" if parts.residual else ""
    yield f"{parts.total:>12.6g}{unit}  is the sum{missed}"


def _model(told: ModelTold) -> Iterator[str]:
    score = told.score
    again = ", asked again: the same" if told.again == score.score else ""
    yield f"score {score.score:.6g}, flags from {score.threshold:.6g}{again}"
    if told.attribution is not None:
        how = "exact: every coalition was asked" if told.attribution.exact else "sampled; +- is a standard error"
        yield f"parts of the score itself, {how}; the base is the mean of {told.base_set}"
        yield from _parts(told.attribution, {})
    if told.problem:
        yield f"NOTE {told.problem}"


def _flip(decided: Decided, signal: Signal) -> Iterator[str]:
    action = signal.action.value.upper()
    if "action" in decided.differs:
        yield "not looked for: by these rules and settings the decision is another one already"
        return
    if decided.flip is None:
        yield f"none was found: {action} stays"
    else:
        yield f"{action} becomes {decided.flip.action.value.upper()} if {' and '.join(map(_move, decided.flip.moves))}"
        yield "decided again with it, all else as it was, to be sure"
    if decided.asked_again is not None:
        undone = ", so they would undo it" if decided.asked_again is signal.action else ""
        yield f"with models asked again on the changed row: {decided.asked_again.value.upper()}{undone}"
    moved = ", ".join(decided.levers) or "no figure, for none matters"
    yield f"moved one or two at a time, at most {SPREADS_MAX:g} spreads: {moved}"
    yield f"a spread is a standard deviation over {decided.rows:,} bars of the instrument up to this one"
    if decided.by_size:
        yield f"of {', '.join(decided.by_size)}, which never moved before, it is their own size"


def _move(move: Move) -> str:
    return f"{move.name} were {_value(move.now)} instead of {move.was:.6g} ({move.spreads:.3g} spreads away)"


def _value(value: float) -> str:
    """Write where a figure goes; the number beside a round one is called just above or below it."""
    near = float(f"{value:.6g}")
    beside = {nextafter(near, inf): "just above ", near: "", nextafter(near, -inf): "just below "}
    return f"{beside[value]}{near:.6g}" if value in beside else f"{value:.9g}"


def _again(decided: Decided | None) -> Iterator[str]:
    if decided is None:
        return
    folded = f"{decided.batches:,} batches before it, from number {decided.since}, were folded anew"
    if decided.differs:
        yield f"DIFFERENT in {', '.join(decided.differs)}: other rules or settings, or older batches mattered; {folded}"
    else:
        yield f"the same signal in every field; {folded}"


def _link(link: Link) -> str:
    name = link.type.rsplit(".", 1)[-1]
    return f"{link.broker:<7} {link.offset:>7}  {name:<16} {link.source:<44} number {link.sequence:<7} {link.id}"
