"""One trace leads from a raw message to its order, hop by hop, in every runtime; a collector on loopback is told it."""

import gzip
import itertools
import pathlib
import subprocess

import pytest
from counts import FULL
from runs import BIN, environment
from traced import Collected, Span, collector

from functions.runtime.telemetry import METRICS

ROWS = 2000
"""Rows of the busy capture: some twenty seconds."""
WITHIN_S = 300
ROOT = ("replay", "publish replay")
SUBMIT = ("orders", "tickloom.orders.v1.OrdersService/Submit")
POLLED = ("orders", "tickloom.orders.v1.OrdersService/GetOutbox")
"""Asked by the platform itself, whether a tape has come through."""
ORDERED = ("orders", "publish orders")
CHAIN = [
    ROOT,
    ("normalize", "process normalize"),
    ("enrich", "process enrich"),
    ("bars", "process bars"),
    ("features", "process features"),
    ("infer", "process infer"),
    ("signals", "process signals"),
    ("route", "process route"),
    SUBMIT,
    ORDERED,
]
EAGER = """strategy eager
intervals_s 1
min_confidence 60
cooldown_bars 5
volatility atr_14
stop_distance 2
target_distance 3
emit_stopped true
emit_hold false
buy 100 anything return_1 > -1
gates session
kelly_share 0.25
risk_pct_max 1
position_pct_max 10
flat_pct 1
cost_bps 20
bound_z 1.645
samples_min 100
"""
RUNTIMES = ([], ["--processes"], ["--kafka"])


@pytest.fixture(
    scope="module", params=RUNTIMES if FULL else RUNTIMES[:1], ids=lambda words: words[0] if words else "in-process"
)
def collected(
    request: pytest.FixtureRequest, captures: pathlib.Path, tmp_path_factory: pytest.TempPathFactory
) -> Collected:
    """Replay a short tape with rules that always buy, and give what the run exported."""
    folder = tmp_path_factory.mktemp("traced")
    tape, rules = folder / "tape.txt", folder / "eager.rules"
    with gzip.open(captures / "binance_spot_ws_ethusdt" / "ethusdt_20240808.gz", "rb") as source:
        tape.write_bytes(b"".join(itertools.islice(source, ROWS)))
    rules.write_text(EAGER)
    words = ["replay", str(tape), "--folder", str(folder / "run"), "--cut-ms", "250", *request.param]
    with collector() as found:
        told = {"OTEL_EXPORTER_OTLP_ENDPOINT": found.endpoint, "TICKLOOM_SIGNALS_RULES_PATH": str(rules)}
        done = subprocess.run(  # noqa: S603 - our own command
            [str(BIN / "tickloom"), "--debug", *words],
            env={**environment(), **told},
            capture_output=True,
            text=True,
            timeout=WITHIN_S,
            check=False,
        )
    assert done.returncode == 0, done.stderr
    return found


def of(collected: Collected, hop: tuple[str, str]) -> list[Span]:
    found = [span for span in collected.spans if span.hop == hop]
    assert found, hop
    return found


def test_order_leads_back_to_its_message(collected: Collected) -> None:
    """Every order that is published has one chain of parents, the same in each runtime, back to a raw batch."""
    for last in of(collected, ORDERED):
        chain = collected.chain(last)
        assert [span.hop for span in chain] == CHAIN
        assert len({span.trace for span in chain}) == 1
    submitted = of(collected, SUBMIT)
    assert submitted
    assert len({span.trace for span in submitted}) == len(submitted), "no order is taken for another one's"


def test_traces_are_named_by_raw_batches(collected: Collected) -> None:
    """A trace's name is its raw batch's id without dashes, and its first span has no parent."""
    for root in of(collected, ROOT):
        assert (root.trace, root.parent) == (root.attributes["cloudevents.event_id"].replace("-", ""), "")


def test_traces_are_whole(collected: Collected) -> None:
    """No span hangs in the air: each one's parents lead to the beginning of its trace."""
    begun = {collected.chain(span)[0].hop for span in collected.spans if span.hop != POLLED}
    assert begun == {ROOT}


def test_calls_are_in_the_trace(collected: Collected) -> None:
    """Models are asked inside the trace of what is scored, and what follows an order goes on with its trace."""
    asked = ("inference", "tickloom.inference.v1.InferenceService/PredictEach")
    assert [span.hop for span in collected.chain(of(collected, asked)[0])] == [*CHAIN[:6], asked]
    for reader in (("portfolio", "process portfolio"), ("project", "process project")):
        chains = [[one.hop for one in collected.chain(span)] for span in of(collected, reader)]
        assert [*CHAIN[:9], reader] in chains


def test_windows_link_their_batches(collected: Collected) -> None:
    """What a window says links to the batches before the one that closed it: spans of other traces, that are there."""
    known = {(span.trace, span.id) for span in collected.spans}
    linked = [span for span in of(collected, ("bars", "process bars")) if span.links]
    assert linked
    for span in linked:
        assert set(span.links) <= known
        assert all(trace != span.trace for trace, _ in span.links)


def test_metrics_are_declared(collected: Collected) -> None:
    """What is exported is declared, under the labels of its declaration, and what an order leaves is among it."""
    declared = {metric.name: frozenset(metric.labels) for metric in METRICS}
    assert {name: labels for name, (labels,) in collected.metrics.items()}.items() <= declared.items()
    assert collected.metrics.keys() >= {
        "order.processing.latency",
        "active.trading.sessions",
        "market.data.processed.total",
        "market_data_last_received_timestamp",
        "portfolio_risk_exposure_ratio",
    }
