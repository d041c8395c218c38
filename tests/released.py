"""Write the archive of a release: `make release-archive` runs this. All of it is made up, none of it captured.

A simulated market is replayed through the whole platform, and of each type that the run says two events are kept: the
smallest, and one of middling size. Types that a short calm run does not say (a limit breached, a model drifted, news,
FIX orders) are written from the values that the tests of their functions use. The gate (`golden/test_released.py`) is
what says which types there must be.
"""

import asyncio
import datetime as dt
import pathlib
import shutil
import sys
import tempfile
from collections.abc import Iterator
from decimal import Decimal
from importlib.metadata import version
from typing import Final

from accounted import breached
from documented import DAY, RSS, as_json, raw
from forecast import DRIFT, OUTCOME
from reentered import DECISION
from simulated import DIALECT, tape
from trading import NOW, QUOTE, order
from worded import item, news, scored

from functions.domain.decisions import ExecType
from functions.domain.feedback import Feedback, FeedbackOutcome
from functions.domain.flow import FlowEntry, FlowKind, OrderFlow
from functions.domain.market import GapDetected
from functions.domain.orders.life import Report
from functions.local.archive import FORMAT, Archive, LogPart, Manifest, Record, Writer, open_archive
from functions.local.backups import read_log
from functions.local.catalogue import DOORS, cards, emitted
from functions.local.foundation import Options
from functions.local.platform import running
from functions.local.topology import load
from functions.wire import facts
from functions.wire.codecs.calendar import CALENDAR_BATCH, encode_calendar_batch
from functions.wire.codecs.flow import ORDER_FLOW, encode_order_flow
from functions.wire.codecs.market import GAP_DETECTED, encode_gap
from functions.wire.codecs.news import NEWS_BATCH, encode_news_batch
from functions.wire.codecs.performance import DRIFT_DETECTED, encode_drift, encode_outcome
from functions.wire.codecs.performance import OUTCOME as OUTCOME_TYPE
from functions.wire.codecs.portfolio import LIMIT_BREACH, RISK_METRICS, encode_limit_breach, encode_risk_metrics
from functions.wire.codecs.reentry import REENTRY_DECISION, encode_reentry_decision
from functions.wire.codecs.report_due import PING, REPORT_DUE, encode_report_due
from functions.wire.codecs.sentiment import SENTIMENT_BATCH, encode_sentiment_batch
from functions.wire.codecs.venue import (
    EXECUTION_REPORT,
    VENUE_REQUEST,
    Asked,
    Reported,
    VenueRequest,
    encode_execution_report,
    encode_venue_request,
)
from functions.wire.envelope import Event
from functions.wire.feedback import feedback_event
from functions.wire.news.digesting import digest
from functions.wire.raw import raw_event

FOLDER: Final = pathlib.Path(__file__).parent / "golden" / "released"
MADE_UP: Final = "released"
SECONDS: Final = 330
RATE: Final = 12
BYTES_MAX: Final = 24 * 1024
"""Of one event's payload; what is greater is left out, for the whole archive must stay small."""

KEPT_EACH: Final = 2


def heard() -> dict[str, set[str]]:
    """Give the types that each broker can carry, as cards and wiring say."""
    topology = load()
    return {
        broker: {one for _, one in said} | set(DOORS.get(broker, ()))
        for broker, said in emitted(topology, cards()).items()
    }


def composed() -> Iterator[Event]:
    """Write an event of each type that only unusual days bring."""
    digested = digest(raw("news.rss", RSS))
    dated = digest(raw("calendar.forexfactory.json", as_json(DAY)))
    row, breach = breached()
    said = Feedback(OUTCOME.signal_id, "u-7", FeedbackOutcome.WIN, NOW, Decimal("2301.3"))
    flow = OrderFlow("FIX-0", "FIX-0.fix", (FlowEntry(7, FlowKind.CANCEL, "US", "VENUE", 9, NOW, cl_ord_id="o-1"),))
    asked = VenueRequest(Asked.NEW, "order-1", "paper", "", 7, order(), 10_000, 250_010, QUOTE, NOW)
    told = Reported("paper", "order-1", Report(ExecType.NEW, NOW, exec_id="order-1.1", venue_order_id="v-1"))
    yield raw_event(raw("news.rss", RSS), 0, feed="news")
    yield _event("handlers", "digest", NEWS_BATCH, encode_news_batch(digested))
    yield _event("handlers", "digest", CALENDAR_BATCH, encode_calendar_batch(dated), number=1)
    yield _event("handlers", "digest", NEWS_BATCH, encode_news_batch(news(item())), number=2)
    yield _event("handlers", "sentiment", SENTIMENT_BATCH, encode_sentiment_batch(scored(item())))
    yield _event("handlers", "transcribe", ORDER_FLOW, encode_order_flow(flow))
    yield _event("handlers", "reenter", REENTRY_DECISION, encode_reentry_decision(DECISION))
    yield _event("tables", "bars", GAP_DETECTED, encode_gap(GapDetected("BINANCE-0", "/tickloom/a", 3, 5)))
    yield _event("tables", "outcomes", DRIFT_DETECTED, encode_drift(DRIFT))
    yield _event("tables", "signals", OUTCOME_TYPE, encode_outcome(OUTCOME))
    yield _event("tables", "portfolio", RISK_METRICS, encode_risk_metrics(row))
    yield _event("tables", "portfolio", LIMIT_BREACH, encode_limit_breach(breach), number=1)
    yield _event("services", "orders", VENUE_REQUEST, encode_venue_request(asked))
    yield _event("tables", "paper", EXECUTION_REPORT, encode_execution_report(told))
    yield feedback_event(said, origin="gateway")
    yield _event("cli", "report", REPORT_DUE, encode_report_due("paper", dt.date(2023, 11, 12)))
    yield Event(
        "1",
        "/apis/v1/namespaces/tickloom/pingsources/report-paper",
        PING,
        b'{"account": "paper"}',
        time_ns=NOW,
        datacontenttype="application/json",
    )


def _event(kind: str, name: str, message_type: str, data: bytes, *, number: int = 0) -> Event:
    source = facts.source_of(kind, name, MADE_UP)
    return Event(
        facts.batch_id(source, number),
        source,
        message_type,
        data,
        time_ns=NOW,
        datacontenttype=facts.PROTOBUF,
        extensions={"partitionkey": MADE_UP, "sequence": facts.sequence_text(number), "handlerversion": "1"},
    )


async def run(folder: pathlib.Path) -> dict[str, list[Event]]:
    """Replay a simulated market through the platform; give what each broker carried."""
    feed = {
        "TICKLOOM_PATHS": str(tape(folder / "tape.txt", seconds=SECONDS, rate=RATE)),
        "TICKLOOM_DIALECT": DIALECT,
        "TICKLOOM_SPOOL": str(folder / "spool"),
    }
    async with running(Options(folder / "up")) as platform:
        await platform.run_feed("replay", feed)
        await platform.drained()
        platform.commit()
    return {name: [one.event for one in read_log(folder / "up/log" / f"{name}.sqlite")] for name in heard()}


def chosen(said: dict[str, list[Event]]) -> dict[str, list[Event]]:
    """Keep of each broker and type the smallest event and one of middling size, and write the types nobody said."""
    kept: dict[str, list[Event]] = {}
    spare = list(composed())
    for broker, types in heard().items():
        kept[broker] = []
        for one in sorted(types):
            found = sorted(
                (event for event in said[broker] if event.type == one and len(event.data or b"") <= BYTES_MAX),
                key=lambda event: len(event.data or b""),
            )
            few = found[:1] + found[len(found) // 2 : len(found) // 2 + 1] if len(found) >= KEPT_EACH else found
            kept[broker] += few or [event for event in spare if event.type == one]
    return kept


def write(kept: dict[str, list[Event]], folder: pathlib.Path) -> Archive:
    """Write the archive anew: offsets from 0, one moment of recording for all, as nothing depends on either."""
    shutil.rmtree(folder, ignore_errors=True)
    writer = Writer(folder)
    logs = {
        broker: LogPart(
            1, {}, writer.events(broker, (Record(0, offset, NOW, event) for offset, event in enumerate(events)))
        )
        for broker, events in kept.items()
    }
    writer.finish(Manifest(FORMAT, version("tickloom"), NOW, MADE_UP, logs))
    return open_archive(folder)


def main() -> None:
    """Make the archive and say what it holds."""
    with tempfile.TemporaryDirectory() as place:
        said = asyncio.run(run(pathlib.Path(place)))
    opened = write(chosen(said), FOLDER)
    size = sum(path.stat().st_size for path in FOLDER.rglob("*") if path.is_file())
    for broker, types in heard().items():
        held = [one.event.type for one in opened.records(broker)]
        sys.stdout.write(f"{broker}: {len(held)} events of {len(set(held))} of {len(types)} types\n")
    sys.stdout.write(f"{size} bytes in {FOLDER}\n")


if __name__ == "__main__":
    main()
