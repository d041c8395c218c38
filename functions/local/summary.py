"""Sum up a run: what came in by kind, what became of it, how long it took, and on what it ran."""

import contextlib
import importlib.metadata
import os
import pathlib
import platform as machine
from collections import Counter
from collections.abc import Mapping
from typing import Any, Final

from functions.domain.decisions import OrderStatus
from functions.local.platforms import KAFKA, AnyPlatform
from functions.local.rows import Scanned
from functions.wire.codecs.bars import decode_bar_batch
from functions.wire.codecs.market import decode_tick_batch
from functions.wire.codecs.orders import decode_order_update
from functions.wire.envelope import Event
from functions.wire.errors import Malformed

TICKS: Final = "tickloom.market.v1.TickBatch"
BARS: Final = "tickloom.market.v1.BarBatch"
UPDATES: Final = "tickloom.orders.v1.OrderUpdate"
LIBRARIES: Final = ("numpy", "numba", "onnxruntime", "msgspec", "protobuf", "grpcio")


def summarise(platform: AnyPlatform, *, seconds: float) -> dict[str, Any]:
    """Sum up everything the logs hold."""
    counts = _counts(platform.logs)
    rows = sum(counts["rows_by_kind"].values())
    rejected = counts["rows_by_kind"].get("rejected", 0)
    return {
        "rows_in": rows,
        "rows_accepted": rows - rejected,
        "rows_rejected": rejected,
        **counts,
        "seconds": round(seconds, 3),
        "rows_per_second": round(rows / seconds) if seconds else None,
        "consumers": {
            one.name: {
                "delivered": one.dispatcher.delivered,
                "retried": one.dispatcher.retried,
                "dead_lettered": one.dispatcher.buried,
            }
            for one in platform.consumers
        },
        "tables": platform.table_counts(),
        "latency": platform.waterfall.summary(),
        "log": platform.options.log,
        "handlers": "processes" if platform.options.processes or platform.options.log == KAFKA else "in process",
        "made_on": machine_facts(),
    }


def _counts(logs: Mapping[str, Scanned]) -> dict[str, Any]:
    kinds: Counter[str] = Counter()
    reasons: Counter[str] = Counter()
    events: dict[str, Counter[str]] = {name: Counter() for name in logs}
    orders: dict[str, str] = {}
    crossed: set[str] = set()
    for name, log in logs.items():
        here: set[str] = set()
        for _, _, event in log.scan():
            if event.type in (TICKS, BARS, UPDATES):
                if event.id in here:  # delivered again after a crash
                    continue
                here.add(event.id)
            events[name][event.type] += 1
            if event.id in crossed:  # a bridge took it to the other broker, where its rows are the same
                continue
            with contextlib.suppress(Malformed):  # what anyone may post to a broker; it has no rows
                _count(event, kinds, reasons, orders)
        crossed |= here
    accepted = sum(status != OrderStatus.REJECTED.value for status in orders.values())
    return {
        "rows_by_kind": dict(sorted(kinds.items())),
        "rejections_by_reason": dict(sorted(reasons.items())),
        "events": {name: dict(sorted(types.items())) for name, types in events.items()},
        "orders": {"accepted": accepted, "rejected": len(orders) - accepted},
    }


def _count(event: Event, kinds: Counter[str], reasons: Counter[str], orders: dict[str, str]) -> None:
    data = event.data or b""
    if event.type == TICKS:
        ticks = decode_tick_batch(data)
        kinds.update(dict(ticks.kinds))
        reasons.update(one.reason for one in ticks.rejections)
    elif event.type == BARS:
        reasons.update(one.reason for one in decode_bar_batch(data).rejections)
    elif event.type == UPDATES:
        update = decode_order_update(data)
        orders[update.client_order_id] = update.status.value


def machine_facts() -> dict[str, Any]:
    """Name what floats depend on: Python, libraries, processor flags."""
    return {
        "python": machine.python_version(),
        "cpus": os.cpu_count(),
        "processor": _processor(),
        **{name: importlib.metadata.version(name) for name in LIBRARIES},
    }


def _processor() -> str:
    info = pathlib.Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return machine.processor()
