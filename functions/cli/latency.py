"""Show where the time of an order went, from the venue's message to the stored fill; or the figures of all orders."""

import argparse
import json
import pathlib
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Final

from functions.cli.errors import CliError
from functions.cli.events import logs
from functions.domain.market import NS_PER_S
from functions.local.order_latency import Figures, OrderWaterfall, Origin, figures_of, follow

_TITLES: Final = {
    Origin.LIVE: "begun by a message that a feed received",
    Origin.REPLAYED: "begun by a tape, which comes as fast as it is read: batches wait for each other",
    Origin.DIRECT: "handed in by a client that named no cause",
    Origin.CUT: "begun by an event that the logs do not hold",
}
_NOTE: Final = "a quantile stands only where durations lie beyond it: p90 from 10 on, p99 from 100, p99.9 from 1,000"


def register(parser: argparse.ArgumentParser) -> None:
    """Add the verb's arguments."""
    parser.add_argument(
        "id", nargs="?", default="", metavar="ID", help="client_order_id, or the signal's id; without, all orders"
    )
    parser.add_argument("--folder", type=pathlib.Path, default=pathlib.Path("var/demo"), help="folder of the platform")


def run(args: argparse.Namespace) -> int:
    """Show what was asked for."""
    logs(args.folder)
    orders = follow(args.folder, args.id)
    if not orders:
        which = f"order of {args.id}" if args.id else "order"
        msg = f"no {which} in the logs under {args.folder}; `tickloom events list --type OrderUpdate` lists their steps"
        raise CliError(msg)
    groups = {} if args.id else {one: [it for it in orders if it.origin is one] for one in Origin}
    figures = {origin: (len(some), figures_of(some)) for origin, some in groups.items() if some}
    if args.json:
        sys.stdout.write(json.dumps(_report_as_json(figures) if figures else list(map(_as_json, orders))) + "\n")
    else:
        lines = _report(figures) if figures else (line for one in orders for line in _lines(one))
        sys.stdout.writelines(f"{line.rstrip()}\n" for line in lines)
    return 0


def _as_json(one: OrderWaterfall) -> dict[str, object]:
    return asdict(one) | {"origin": one.origin.value}


def _report_as_json(figures: Mapping[Origin, tuple[int, Mapping[str, Figures]]]) -> dict[str, object]:
    return {
        origin.value: {"orders": orders, "stages": {name: asdict(one) for name, one in stages.items()}}
        for origin, (orders, stages) in figures.items()
    }


def _lines(one: OrderWaterfall) -> Iterator[str]:
    begun_ns = one.steps[0].at_ns
    stamp = time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(begun_ns // NS_PER_S))
    yield f"order {one.client_order_id} of {one.account}, {one.instrument_id}, signal {one.signal_id or 'none'}"
    yield f"{stamp}.{begun_ns % NS_PER_S // 1000:06} UTC, {_TITLES[one.origin]}"
    yield f"  {'ms':>12} {'in all':>12}  stage"
    for step in one.steps:
        took = "" if step.took_ns is None else _ms(step.took_ns / 1e6)
        what = f"{step.type.rsplit('.', 1)[-1]:<16} {step.broker:<7} {step.id}"
        yield f"  {took:>12} {_ms((step.at_ns - begun_ns) / 1e6):>12}  {step.stage:<26} {what}"
    yield ""


def _report(figures: Mapping[Origin, tuple[int, Mapping[str, Figures]]]) -> Iterator[str]:
    for origin, (orders, stages) in figures.items():
        yield f"{orders:,} order{'s' * (orders > 1)} {_TITLES[origin]}; milliseconds"
        yield _row("stage", ("count", "p50", "p90", "p99", "p99.9", "max"))
        for name, one in stages.items():
            told = (one.p50_ms, one.p90_ms, one.p99_ms, one.p999_ms, one.max_ms)
            yield _row(name, (f"{one.count:,}", *("-" if value is None else _ms(value) for value in told)))
        yield ""
    yield _NOTE


def _row(name: str, cells: Sequence[str]) -> str:
    return f"  {name:<26}{''.join(f'{cell:>12}' for cell in cells)}"


def _ms(value: float) -> str:
    return f"{value:,.3f}"
