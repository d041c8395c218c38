"""An order's time is told step by step from a folder's logs, and all orders' as exact quantiles."""

import json
import sqlite3
from dataclasses import replace
from decimal import Decimal
from math import ceil
from pathlib import Path

import pytest
from counts import examples
from hypothesis import given, settings
from hypothesis import strategies as st
from trading import NOW, submission

from functions.cli.main import main
from functions.domain.decisions import Fill, OrderStatus, OrderUpdate, Side, Submission
from functions.local.log import DiskLog
from functions.local.order_latency import NS_PER_MS, OrderWaterfall, Origin, Step, figures_of, follow
from functions.services.orders.events import event_of
from functions.wire.codecs.bars import BAR_BATCH
from functions.wire.codecs.features import FEATURE_BATCH
from functions.wire.codecs.market import RAW_BATCH, TICK_BATCH
from functions.wire.codecs.orders import ORDER_UPDATE
from functions.wire.codecs.predictions import PREDICTION_BATCH
from functions.wire.codecs.signals import SIGNAL
from functions.wire.envelope import Event

ETH = "ETH-USDT.BINANCE"
BEHIND = (
    ("handlers/normalize", TICK_BATCH, "market", 3),
    ("tables/bars", BAR_BATCH, "market", 5),
    ("tables/features", FEATURE_BATCH, "market", 6),
    ("handlers/infer", PREDICTION_BATCH, "market", 10),
    ("handlers/infer", PREDICTION_BATCH, "desk", 11),
    ("tables/signals", SIGNAL, "desk", 13),
)
"""What lies behind an order: who said what, on which broker, and when it was stored, milliseconds."""


def told(kind: str, number: int, cause: str = "", *, time_ms: float = 0, type_: str = "t") -> Event:
    """Make a batch, named by who says it and its number."""
    extensions = {"causationid": cause} if cause else {}
    time_ns = NOW + int(time_ms * NS_PER_MS)
    return Event(f"{kind}-{number}", f"/tickloom/{kind}/BINANCE-0", type_, b"", time_ns=time_ns, extensions=extensions)


def steps_of(asked: Submission, *, at: int = NOW) -> tuple[Event, Event]:
    """Make an order's answer and its fill, the fill as of a time of its own."""
    named = asked.client_order_id
    one = Decimal(1)
    status = OrderStatus.NEW
    update = OrderUpdate(
        named, 1, "paper", ETH, Side.BUY, status, one, one, Decimal(0), one, (), asked.signal_id, NOW, sequence=1
    )
    fill = Fill(named, 1, "paper", ETH, Side.BUY, one, one, asked.signal_id, at, sequence=2)
    return event_of(update, asked), event_of(fill, asked)


class Logs:
    """Write the logs of a folder, each event stored at a time of its own."""

    def __init__(self, folder: Path) -> None:
        """Write below a folder."""
        self.folder = folder
        self._stored: dict[str, list[tuple[Event, float]]] = {"market": [], "desk": [], "desk-dead-letters": []}

    def put(self, broker: str, event: Event, at_ms: float) -> None:
        """Store an event so many milliseconds behind the beginning."""
        self._stored[broker].append((event, at_ms))

    def order(self, number: int, *, feed: str = "stream", begun_ms: float = 0, filled: int = NOW) -> None:
        """Store an order and all that lies behind it: 15 ms to its answer, 18 to its fill."""
        self.put("market", told(f"feeds/{feed}", number, time_ms=begun_ms + 1, type_=RAW_BATCH), begun_ms + 2)
        cause = f"feeds/{feed}-{number}"
        for kind, type_, broker, at_ms in BEHIND:
            if f"{kind}-{number}" != cause:
                event = told(kind, number, cause, time_ms=begun_ms + 0.5, type_=type_)
            self.put(broker, event, begun_ms + at_ms)
            cause = event.id
        answer, fill = steps_of(replace(submission(number), signal_id=cause, causation_id=cause), at=filled)
        self.put("desk", answer, begun_ms + 15)
        self.put("desk", fill, begun_ms + 18)

    def write(self) -> Path:
        """Write all of it, and give the folder."""
        for broker, stored in self._stored.items():
            path = self.folder / "log" / f"{broker}.sqlite"
            log = DiskLog(path)
            for event, _ in stored:
                log.append(event)
            log.close()
            times = [(NOW + int(at_ms * NS_PER_MS), offset) for offset, (_, at_ms) in enumerate(stored)]
            database = sqlite3.connect(path)
            database.executemany("UPDATE events SET recorded_ns = ? WHERE offset = ?", times)
            database.commit()
            database.close()
        return self.folder


@pytest.fixture
def logs(tmp_path: Path) -> Logs:
    """Give logs to write."""
    return Logs(tmp_path)


def shown(order: OrderWaterfall) -> list[tuple[str, float | None]]:
    """Give the stages and what they took, milliseconds."""
    return [(step.stage, None if step.took_ns is None else step.took_ns / NS_PER_MS) for step in order.steps]


def lasting(duration_ns: int) -> OrderWaterfall:
    """Make an order with one step that took so long."""
    steps = (Step("venue", 0, None), Step("received", duration_ns, duration_ns))
    return OrderWaterfall("o", "paper", ETH, "", Origin.LIVE, steps)


def test_live_order(logs: Logs) -> None:
    """A live order is followed from the venue's own time to its fill, over the bridge between the brokers."""
    logs.order(1)
    (order,) = follow(logs.write())
    assert (order.client_order_id, order.signal_id, order.origin) == ("order-1", "tables/signals-1", Origin.LIVE)
    assert shown(order) == [
        ("venue", None),
        ("received", 0.5),
        ("feed", 1),
        ("normalize", 1),
        ("bars", 2),
        ("features", 1),
        ("infer", 4),
        ("bridge", 1),
        ("signals", 2),
        ("orders: new", 2),
        ("orders: fill", 3),
    ]


def test_replayed_order(logs: Logs) -> None:
    """A tape's own times are not compared with ours: its order begins where its batch was stored."""
    logs.order(1, feed="replay")
    (order,) = follow(logs.write())
    assert (order.origin, shown(order)[:2]) == (Origin.REPLAYED, [("feed", None), ("normalize", 1)])


def test_batch_without_venue_time(logs: Logs) -> None:
    """A batch of which the venue tells no time, as a heartbeat, keeps its receipt: then the order begins there."""
    logs.put("market", told("feeds/stream", 1, type_=RAW_BATCH), 1)
    logs.put("market", told("handlers/normalize", 1, "feeds/stream-1"), 2)
    logs.put("desk", steps_of(replace(submission(1), causation_id="handlers/normalize-1"))[0], 4)
    (order,) = follow(logs.write())
    assert shown(order) == [("received", None), ("feed", 1), ("normalize", 1), ("orders: new", 2)]


@pytest.mark.parametrize(("cause", "origin"), [("", Origin.DIRECT), ("long gone", Origin.CUT)])
def test_nothing_behind(logs: Logs, cause: str, origin: Origin) -> None:
    """An order that a client handed in, or whose cause is gone, has its own steps alone; and it is said which."""
    for at, event in enumerate(steps_of(replace(submission(1), causation_id=cause))):
        logs.put("desk", event, at)
    (order,) = follow(logs.write())
    assert (order.origin, shown(order)) == (origin, [("orders: new", None), ("orders: fill", 1)])


def test_rested_order(logs: Logs) -> None:
    """A fill as of a later time than the order is the market's doing, and is no time of ours."""
    logs.order(1, filled=NOW + 1)
    orders = follow(logs.write())
    assert shown(orders[0])[-1] == ("rested: fill", 3)
    assert {"signal to fill", "message to fill"}.isdisjoint(figures_of(orders))


def test_stored_twice(logs: Logs) -> None:
    """A step that was published again counts once, as it was stored first; dead letters and foreign bytes for none."""
    logs.order(1)
    again, _ = steps_of(replace(submission(1), signal_id="tables/signals-1", causation_id="tables/signals-1"))
    logs.put("desk", again, 30)
    logs.put("desk-dead-letters", again, 1)
    logs.put("desk", Event("x", "urn:x", ORDER_UPDATE, b"\xff"), 31)
    (order,) = follow(logs.write())
    own = [(step.stage, step.broker, step.at_ns - NOW) for step in order.steps if step.stage.startswith("orders")]
    assert own == [("orders: new", "desk", 15 * NS_PER_MS), ("orders: fill", "desk", 18 * NS_PER_MS)]


def test_causes_in_a_circle(logs: Logs) -> None:
    """Events that name each other as their cause end somewhere."""
    logs.put("market", told("handlers/a", 1, "handlers/b-1"), 1)
    logs.put("market", told("handlers/b", 1, "handlers/a-1"), 2)
    logs.put("desk", steps_of(replace(submission(1), causation_id="handlers/a-1"))[0], 3)
    (order,) = follow(logs.write())
    assert order.origin is Origin.CUT


def test_report(logs: Logs) -> None:
    """All orders together: every stage, and the ways over several of them."""
    for number in (1, 2, 3):
        logs.order(number, begun_ms=100 * number)
    figures = figures_of(follow(logs.write()))
    assert {name: (one.count, one.p50_ms, one.max_ms) for name, one in figures.items() if " to " in name} == {
        "message to signal": (3, 12, 12),
        "signal to answer": (3, 2, 2),
        "signal to fill": (3, 5, 5),
        "message to fill": (3, 17, 17),
    }
    assert (figures["bridge"].count, figures["infer"].p50_ms) == (3, 4)


def test_report_of_a_tape(logs: Logs) -> None:
    """An order off a tape goes its ways from where its batch was stored."""
    logs.order(1, feed="replay")
    assert figures_of(follow(logs.write()))["message to fill"].max_ms == 16


@pytest.mark.parametrize(("orders", "borne"), [(9, 0), (10, 1), (99, 1), (100, 2), (999, 2), (1000, 3)])
def test_borne_quantiles(orders: int, borne: int) -> None:
    """p90 is told from ten durations on, p99 from a hundred, p99.9 from a thousand."""
    found = figures_of([lasting(1)] * orders)["received"]
    assert sum(one is not None for one in (found.p90_ms, found.p99_ms, found.p999_ms)) == borne


@settings(max_examples=examples(200))
@given(st.lists(st.integers(-(10**9), 10**12), min_size=1, max_size=2500))
def test_quantiles(durations: list[int]) -> None:
    """A quantile is the least duration that its share does not exceed, told only where one at least lies beyond it."""
    found, ordered = figures_of(map(lasting, durations))["received"], sorted(durations)
    for told_ms, permille in ((found.p90_ms, 900), (found.p99_ms, 990), (found.p999_ms, 999)):
        rank = ceil(len(ordered) * permille / 1000)
        assert told_ms == (ordered[rank - 1] / NS_PER_MS if len(ordered) - rank >= 1 else None)
    assert (found.count, found.max_ms) == (len(ordered), ordered[-1] / NS_PER_MS)
    assert found.p50_ms == ordered[ceil(len(ordered) / 2) - 1] / NS_PER_MS


def test_verb_shows_one(logs: Logs, capsys: pytest.CaptureFixture[str]) -> None:
    """An order is shown by its own id or its signal's, as words or JSON."""
    logs.order(1)
    logs.order(2, begun_ms=100)
    folder = str(logs.write())
    assert main(["latency", "order-2", "--folder", folder]) == 0
    by_order = capsys.readouterr().out
    assert main(["latency", "tables/signals-2", "--folder", folder]) == 0
    assert capsys.readouterr().out == by_order
    assert by_order.startswith("order order-2 of paper, ETH-USDT.BINANCE, signal tables/signals-2\n")
    assert "         3.000       17.500  orders: fill               Fill             desk    " in by_order
    assert main(["latency", "order-2", "--folder", folder, "--json"]) == 0
    (as_json,) = json.loads(capsys.readouterr().out)
    assert (as_json["origin"], as_json["steps"][-1]["took_ns"]) == ("live", 3 * NS_PER_MS)


def test_verb_reports(logs: Logs, capsys: pytest.CaptureFixture[str]) -> None:
    """Without an id all orders are summed up, live ones and a tape's apart; what too few bear is left out."""
    for number in range(1, 11):
        logs.order(number, begun_ms=100 * number)
    logs.order(11, feed="replay", begun_ms=5000)
    folder = str(logs.write())
    assert main(["latency", "--folder", folder]) == 0
    said = capsys.readouterr().out
    assert "10 orders begun by a message" in said
    assert "1 order begun by a tape" in said
    row = next(line for line in said.splitlines() if line.startswith("  message to fill"))
    assert row.split()[3:] == ["10", "17.000", "17.000", "-", "-", "17.000"]
    assert main(["latency", "--folder", folder, "--json"]) == 0
    told_all = json.loads(capsys.readouterr().out)
    assert {origin: one["orders"] for origin, one in told_all.items()} == {"live": 10, "replayed": 1}
    assert told_all["live"]["stages"]["infer"]["p999_ms"] is None


def test_verb_finds_none(logs: Logs, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """No such order, or no logs at all, is a failure that says what to do."""
    folder = str(logs.write())
    assert main(["latency", "none", "--folder", folder]) == 1
    assert "no order of none in the logs" in capsys.readouterr().err
    assert main(["latency", "--folder", str(tmp_path / "nothing")]) == 1
    assert "no event log under" in capsys.readouterr().err
