"""Every handler over HTTP, as its own process: each row of the table of answers that its card makes possible.

The table is driven by the cards: a handler that brings no events here fails, and so does one whose events miss a type
it consumes. Every answer passes `ask`, which refuses a 2xx with any body but a CloudEvent, as the Kafka Broker does.
"""

import asyncio
import base64
import contextlib
import datetime as dt
import importlib
import json
import pathlib
import sys
from asyncio.subprocess import PIPE, STDOUT
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from signal import SIGKILL
from types import MappingProxyType
from typing import Any, Final

import aiohttp
import documented
import numpy as np
import pytest
import worded
from accounted import breached
from active import active_batch
from aiohttp import web
from barred import Bar as OneBar
from barred import bar_batch
from cloudevents import http as sdk
from counts import FULL
from forecast import DRIFT, OUTCOME, REPORT
from paired import fold, perp, spot
from reentered import DECISION
from scored import Row, features_of
from stores import fresh_database

from functions.adapters.postgres import migrate, open_pool
from functions.domain.decisions import Action, ExecType, Fill, OrderStatus, OrderUpdate, Quote, Reason, Side, Signal
from functions.domain.feedback import Feedback, FeedbackOutcome
from functions.domain.flow import FlowEntry, FlowKind, OrderFlow
from functions.domain.indicators.registry import NAMES
from functions.domain.market import RawBatch, Rejection
from functions.domain.orders.life import Report
from functions.domain.outcomes import Exit, Outcome
from functions.domain.quality import FeedQuality, InstrumentQuality
from functions.local.catalogue import cards
from functions.local.children import Children, Spec, grpc_serving, http_ok
from functions.local.servers import Stores
from functions.ports.card import Card, Kind
from functions.runtime.settings import share
from functions.wire.codecs.activity import ACTIVITY_BAR_BATCH, encode_activity_bar_batch
from functions.wire.codecs.bars import BAR_BATCH, encode_bar_batch
from functions.wire.codecs.calendar import CALENDAR_BATCH, encode_calendar_batch
from functions.wire.codecs.features import FEATURE_BATCH, encode_feature_batch
from functions.wire.codecs.feedback import FEEDBACK, encode_feedback
from functions.wire.codecs.flow import ORDER_FLOW, encode_order_flow
from functions.wire.codecs.market import TICK_BATCH, decode_raw_batch, encode_tick_batch
from functions.wire.codecs.news import NEWS_BATCH, encode_news_batch
from functions.wire.codecs.orders import FILL, ORDER_UPDATE, encode_fill, encode_order_update
from functions.wire.codecs.pairs import PAIR_BATCH, encode_pair_batch
from functions.wire.codecs.performance import (
    DRIFT_DETECTED,
    MODEL_PERFORMANCE,
    encode_drift,
    encode_model_performance,
    encode_outcome,
)
from functions.wire.codecs.performance import OUTCOME as OUTCOME_TYPE
from functions.wire.codecs.portfolio import LIMIT_BREACH, RISK_METRICS, encode_limit_breach, encode_risk_metrics
from functions.wire.codecs.predictions import decode_prediction_batch
from functions.wire.codecs.quality import FEED_QUALITY, encode_quality
from functions.wire.codecs.reentry import REENTRY_DECISION, encode_reentry_decision
from functions.wire.codecs.report_due import PING, REPORT_DUE, encode_report_due
from functions.wire.codecs.sentiment import SENTIMENT_BATCH, decode_sentiment_batch, encode_sentiment_batch
from functions.wire.codecs.signals import SIGNAL, encode_signal
from functions.wire.codecs.venue import EXECUTION_REPORT, Reported, encode_execution_report
from functions.wire.envelope import Event
from functions.wire.facts import PROTOBUF, batch_id, fact_id, sequence_text
from functions.wire.fix.codec import encode
from functions.wire.http_binding import to_http
from functions.wire.news.digesting import digest
from functions.wire.raw import raw_event
from functions.wire.venues.registry import decoder_of

ROOT: Final = pathlib.Path(__file__).parents[2]
HANDLERS: Final = {name: card for name, card in cards().items() if card.kind is Kind.HANDLER}
NEEDY: Final = sorted(name for name, card in HANDLERS.items() if card.calls or card.stores)
NEVER_UNAVAILABLE: Final = MappingProxyType({"infer": decode_prediction_batch, "sentiment": decode_sentiment_batch})
"""How answers of handlers are read whose port answers degraded where others say 503 (design R8)."""
WAYS: Final = ("own", "framework")
DOWN_WAY: Final = "own" if FULL else "framework"
"""How handlers are started whose dependencies are away; the quick tier starts no second one of them this way."""
UP: Final = [(way, name) for way in WAYS for name in sorted(HANDLERS) if FULL or way == "own" or name not in NEEDY]
TWO_MIB: Final = 2 * 1024 * 1024
NOW: Final = 1_723_161_255_611_000_000
NOWHERE: Final = {
    "DATABASE_URL": "postgresql://nobody@127.0.0.1:9/none",
    "REDIS_URL": "redis://127.0.0.1:9/0",
    "TICKLOOM_INFERENCE_TARGET": "127.0.0.1:9",
    "TICKLOOM_INFERENCE_DEADLINE_MS": "100",
    "TICKLOOM_ORDERS_TARGET": "127.0.0.1:9",
    "TICKLOOM_ORDERS_DEADLINE_MS": "100",
}
ANY_AGE: Final = {"TICKLOOM_SIGNAL_AGE_S_MAX": "0"}
"""The events here are of days long gone."""

SERVICES: Final = ("risk", "inference", "orders")  # in start order: orders calls risk


# --- what each handler is sent ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Rows:
    """Say what a handler is sent: good events, each by what it shows; one that breaks a rule; one that says nothing."""

    good: Mapping[str, Event]
    broken: Event | None = None
    silent: Event | None = None


def event(message_type: str, data: bytes, *, number: int = 7, emitter: str = "tables/features") -> Event:
    """Make an event as a table would."""
    source = f"/tickloom/{emitter}/BINANCE-0.replay"
    return Event(
        id=batch_id(source, number),
        source=source,
        type=message_type,
        data=data,
        time_ns=NOW,
        datacontenttype=PROTOBUF,
        extensions={
            "sequence": sequence_text(number),
            "partitionkey": "BINANCE-0",
            "correlationid": "the-first-cause",
            "traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        },
    )


def raw(*rows: bytes, heartbeat: bool = False, end_of_tape: bool = False) -> Event:
    """Make a RawBatch as the replay feed would."""
    batch = RawBatch(
        shard="BINANCE-0",
        stream="BINANCE-0.replay",
        dialect="binance.spot",
        first_row=40,
        payload=b"".join(rows),
        offsets=np.cumsum([0, *map(len, rows)], dtype="<u4"),
        ts_receive=np.full(len(rows), NOW, "<i8"),
        symbol="ETHUSDT",
        heartbeat=heartbeat,
        end_of_tape=end_of_tape,
        ts_cut_ns=NOW,
    )
    return raw_event(batch, 7, feed="replay")


TRADE = (
    b'{"stream":"ethusdt@trade","data":{"e":"trade","E":1723161255612,"s":"ETHUSDT","t":1520538925,'
    b'"p":"2683.80000000","q":"0.00200000","T":1723161255611,"m":true,"M":true}}'
)

UNSHIPPED: Final = TRADE.replace(b"ethusdt", b"xyzusdt").replace(b"ETHUSDT", b"XYZUSDT")
"""A trade of an instrument that no shipped file knows, so that the store must be asked about it."""


def ticks(*rows: bytes) -> Event:
    """Make a TickBatch as normalize does."""
    batch = decode_raw_batch(raw(*rows).data or b"")
    found = decoder_of(batch.dialect)(batch, {}, future_skew_ms_max=10_000)
    return event(TICK_BATCH, encode_tick_batch(found), emitter="handlers/normalize")


SIGNAL_OF_A_BUY = Signal(
    signal_id="5f4d9a10-0f0e-5a6b-8c42-2f3a6f0f7b11",
    strategy="mean_reversion",
    instrument_id="ETH-USDT.BINANCE",
    interval_s=60,
    bar_start_ns=NOW - 60_000_000_000,
    as_of_ns=NOW,
    action=Action.BUY,
    confidence=66.7,
    price_exponent=-2,
    size_exponent=-4,
    price=268_380,
    quote=Quote(268_380, 15_000, 268_381, 9_000, NOW),
    reasons=(Reason("rsi_oversold", "rsi_14 27.3 < 30", 40.0),),
    model_scores=(),
    stop_loss=267_000,
    take_profit=270_000,
    risk_reward_ratio=1.5,
    bar_revision=0,
    degraded=False,
    shard="BINANCE-0",
)
UPDATE = OrderUpdate(
    client_order_id="0d9c1d2e-6b4f-5d6e-9f10-112233445566",
    n=1,
    account="paper",
    instrument_id="ETH-USDT.BINANCE",
    side=Side.BUY,
    status=OrderStatus.FILLED,
    quantity=Decimal("1.5"),
    limit_price=Decimal("2684.1"),
    cumulative_quantity=Decimal("1.5"),
    leaves_quantity=Decimal(0),
    reasons=(),
    signal_id=SIGNAL_OF_A_BUY.signal_id,
    as_of_ns=NOW,
)
FILLED = Fill(
    client_order_id=UPDATE.client_order_id,
    n=1,
    account="paper",
    instrument_id="ETH-USDT.BINANCE",
    side=Side.BUY,
    quantity=Decimal("1.5"),
    price=Decimal("2683.81"),
    signal_id=SIGNAL_OF_A_BUY.signal_id,
    as_of_ns=NOW,
)
REJECTION = Rejection(41, "too_late", "a bar it belongs to is no longer kept", b"", "", NOW, "ETH-USDT.BINANCE")


def signal(**changes: Any) -> Event:  # noqa: ANN401 - any field of a Signal
    """Make a Signal event, with some fields changed."""
    return event(SIGNAL, encode_signal(replace(SIGNAL_OF_A_BUY, **changes)), emitter="tables/signals")


def outcome(told: Outcome) -> Event:
    """Make an Outcome event."""
    return event(OUTCOME_TYPE, encode_outcome(told), emitter="tables/signals")


def features(*rows: Row, end_of_tape: bool = False) -> Event:
    """Make a FeatureBatch event."""
    return event(FEATURE_BATCH, encode_feature_batch(features_of(rows, end_of_tape=end_of_tape)))


def bars(*rejections: Rejection) -> Event:
    """Make a BarBatch event."""
    batch = replace(bar_batch([OneBar()]), rejections=rejections, stream="BINANCE-0.replay")
    return event(BAR_BATCH, encode_bar_batch(batch), emitter="tables/bars")


def document_of(dialect: str, text: bytes) -> RawBatch:
    """Put a document into a raw batch."""
    return documented.raw(dialect, text)


def document(dialect: str, text: bytes) -> Event:
    """Make a RawBatch as a feed of documents would."""
    return raw_event(document_of(dialect, text), 7, feed="news")


def told_in(message_type: str, encode: Callable[[Any], bytes], batch: RawBatch) -> Event:
    """Make what digest says of a document."""
    return event(message_type, encode(digest(batch)), emitter="handlers/digest")


def fix(message: bytes) -> Event:
    """Make a RawBatch as a FIX session would."""
    return raw_event(documented.raw("fix.44", message, shard="FIX-0", stream="FIX-0.fix"), 7, feed="fix")


def report_due(date: dt.date) -> Event:
    """Ask for the report on a day of the account that the orders service opens."""
    return event(REPORT_DUE, encode_report_due("paper", date), emitter="cli/report")


ROW, BREACH = breached()
SAID: Final = Feedback("s-1", "u-7", FeedbackOutcome.WIN, NOW, Decimal("2301.3"))
PINGED: Final = replace(event(PING, b'{"account": "paper"}'), datacontenttype="application/json")
"""What the PingSource sends."""
CANCEL_ORDER: Final = encode(
    "FIX.4.4",
    [
        *((35, "F"), (49, "US"), (56, "VENUE"), (34, "2"), (52, "20241122-06:17:14.183")),
        *((41, "o-1"), (11, "o-2"), (55, "EUR/USD"), (54, "1"), (60, "20241122-06:17:14"), (38, "5")),
    ],
)
FLOW: Final = OrderFlow("FIX-0", "FIX-0.fix", (FlowEntry(7, FlowKind.CANCEL, "US", "VENUE", 9, 5, cl_ord_id="o-1"),))
QUALITY: Final = FeedQuality("BINANCE-0", (InstrumentQuality("ETH-USDT.BINANCE", 10, 20, rows=5),))


def tables() -> dict[str, Rows]:
    """Say for every handler what it is sent."""
    a_row = Row(features=dict.fromkeys(NAMES, 1.5))
    return {
        "normalize": Rows(
            {
                "good and bad rows": raw(TRADE, b"[", TRADE),
                "only bad rows": raw(b"["),
                "heartbeat": raw(heartbeat=True),
                "end of the tape": raw(end_of_tape=True),
            }
        ),
        "digest": Rows(
            {
                "news": document("news.rss", documented.RSS),
                "calendar": document("calendar.forexfactory.json", documented.as_json(documented.DAY)),
                "nothing readable": document("news.rss", b"<"),
            }
        ),
        "transcribe": Rows({"order": fix(CANCEL_ORDER)}, silent=fix(b"x")),
        "enrich": Rows({"ticks": ticks(UNSHIPPED), "rejected ticks beside": ticks(b"[", UNSHIPPED)}),
        "infer": Rows(
            {
                "rows": features(a_row, replace(a_row, bar=101)),
                "no rows": features(),
                "end of the tape": features(end_of_tape=True),
            }
        ),
        "project": Rows(
            {
                "bars": bars(),
                "activity bars": event(
                    ACTIVITY_BAR_BATCH, encode_activity_bar_batch(active_batch()), emitter="tables/activity"
                ),
                "features": features(a_row),
                "pairs": event(
                    PAIR_BATCH,
                    encode_pair_batch(fold([spot(OneBar()), perp(OneBar())])[0].batch),
                    emitter="tables/pairs",
                ),
                "model performance": event(
                    MODEL_PERFORMANCE, encode_model_performance(REPORT), emitter="tables/outcomes"
                ),
                "drift": event(DRIFT_DETECTED, encode_drift(DRIFT), emitter="tables/outcomes"),
                "outcome": outcome(OUTCOME),
                "signal": signal(),
                "feedback": event(FEEDBACK, encode_feedback(SAID), emitter="cli/feedback"),
                "reentry decision": event(
                    REENTRY_DECISION, encode_reentry_decision(DECISION), emitter="handlers/reenter"
                ),
                "order update": event(ORDER_UPDATE, encode_order_update(UPDATE), emitter="services/orders"),
                "order flow": event(ORDER_FLOW, encode_order_flow(FLOW), emitter="handlers/transcribe"),
                "risk metrics": event(RISK_METRICS, encode_risk_metrics(ROW), emitter="tables/portfolio"),
                "limit breach": event(LIMIT_BREACH, encode_limit_breach(BREACH), emitter="tables/portfolio"),
                "feed quality": event(FEED_QUALITY, encode_quality(QUALITY), emitter="tables/bars"),
                "news": told_in(NEWS_BATCH, encode_news_batch, document_of("news.rss", documented.RSS)),
                "calendar": told_in(
                    CALENDAR_BATCH,
                    encode_calendar_batch,
                    document_of("calendar.forexfactory.json", documented.as_json(documented.DAY)),
                ),
                "fill": event(FILL, encode_fill(FILLED), emitter="services/orders"),
                "sentiment": event(
                    SENTIMENT_BATCH, encode_sentiment_batch(worded.scored(worded.item())), emitter="handlers/sentiment"
                ),
            }
        ),
        "sentiment": Rows(
            {
                "rows": event(NEWS_BATCH, encode_news_batch(worded.news(worded.item())), emitter="handlers/digest"),
                "no rows": event(NEWS_BATCH, encode_news_batch(worded.news()), emitter="handlers/digest"),
            }
        ),
        "reenter": Rows(
            {"outcome": outcome(OUTCOME)},
            broken=outcome(replace(OUTCOME, exit_ns=0)),
            silent=outcome(replace(OUTCOME, exit=Exit.MISSING, exit_price=0, gain=None)),
        ),
        "report": Rows(
            {"a day": report_due(dt.date(2024, 8, 7)), "a timer": PINGED},
            broken=report_due(dt.date(2024, 8, 8)),  # is not over yet
        ),
        "execute": Rows(
            {"a status that nobody waits for": reported(Report(ExecType.ORDER_STATUS, NOW))},
            broken=reported(Report(ExecType.CANCELED, NOW)),  # of an order that never was
        ),
        "quarantine": Rows({"rejected ticks": ticks(b"[", TRADE), "rejected bars": bars(REJECTION)}),
        "route": Rows(
            {
                "buy": signal(),
                "sell": signal(signal_id="another", action=Action.SELL),
                "hold": signal(action=Action.HOLD),
            },
            broken=signal(as_of_ns=0),
        ),
    }


def reported(report: Report) -> Event:
    """Say something of an order as the paper venue does."""
    data = encode_execution_report(Reported("paper", "order-1", report))
    return event(EXECUTION_REPORT, data, emitter="tables/paper")


TABLES: Final = tables()
RULED: Final = {name: [rows.broken] for name, rows in TABLES.items() if rows.broken}
SILENT: Final = {name: rows.silent for name, rows in TABLES.items() if rows.silent}
FACTS: Final = {"reenter": fact_id(REENTRY_DECISION, OUTCOME.signal_id, 0)}
"""Ids of answers that are facts: their natural keys name these, not their sequence (design R6)."""


# --- the processes ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Town:
    """Where every process listens, by (way, name): those with all they call there, and those without."""

    up: Mapping[tuple[str, str], str]
    down: Mapping[tuple[str, str], str]


@pytest.fixture(scope="module")
def town(stores: Stores, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    """Run the services, and every handler as the image will and as plain functions-framework does."""
    children = Children(tmp_path_factory.mktemp("town"))
    try:
        yield asyncio.run(settle(children, stores))
    finally:
        asyncio.run(children.close())


async def settle(children: Children, stores: Stores) -> Town:
    await children.open()
    url = await fresh_database(stores.database_url)
    pool = await open_pool(url)
    await migrate(pool)
    await pool.close()
    there = {"DATABASE_URL": url, "REDIS_URL": stores.redis_url}
    for name in SERVICES:
        spec = process(f"functions.services.{name}.main", name, there, grpc_serving)
        there[f"TICKLOOM_{name.upper()}_TARGET"] = f"127.0.0.1:{(await children.start(spec)).port}"
    up = {one: handler(*one, there, f"{'-'.join(one)}") for one in UP}
    down = {(DOWN_WAY, name): handler(DOWN_WAY, name, NOWHERE, f"lonely-{name}") for name in NEEDY}
    started = await asyncio.gather(*map(children.start, (*up.values(), *down.values())))
    urls = iter([f"http://127.0.0.1:{child.port}" for child in started])
    return Town({one: next(urls) for one in up}, {one: next(urls) for one in down})


def process(module: str, name: str, environ: Mapping[str, str], probe: Any) -> Spec:  # noqa: ANN401 - a probe of children
    """Start a module of ours, given only the settings that are its own, as the platform gives them."""
    own = share(importlib.import_module(module).Settings, {"TICKLOOM_HOST": "127.0.0.1", **ANY_AGE, **environ})
    command = (sys.executable, "-m", module)
    return Spec(name, command, env={**own, "PORT": "{port}"}, probe=probe, ready_s=60.0, on_stop=SIGKILL)


def handler(way: str, name: str, environ: Mapping[str, str], called: str) -> Spec:
    """Start a handler one way or the other."""
    spec = process(f"functions.handlers.{name}.main", called, environ, http_ok("/health/readiness"))
    if way == "own":
        return spec
    source = f"functions/handlers/{name}/main.py"
    words = ("--asgi", "--target", "handle", "--source", source, "--host", "127.0.0.1", "--port", "{port}")
    return replace(
        spec,
        command=(sys.executable, "-m", "functions_framework", *words),
        env={**spec.env, "PYTHONPATH": f"{ROOT}:{ROOT / 'gen'}"},
    )


# --- asking -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Answered:
    """What came back; `event` as the CloudEvents SDK reads it, which knows nothing of our codec."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    event: sdk.CloudEvent | None

    @property
    def told(self) -> tuple[int, list[tuple[str, str]], bytes]:
        """Give what must be equal for equal events: all but the date."""
        return self.status, sorted((name, value) for name, value in self.headers.items() if name != "date"), self.body


async def ask(url: str, method: str = "POST", *, headers: Mapping[str, str] | None = None, body: Any = b"") -> Answered:  # noqa: ANN401 - bytes or a stream of them
    """Send one request, and hold the answer against the Kafka Broker's rule: 2xx brings a CloudEvent or nothing."""
    async with aiohttp.ClientSession() as session, session.request(method, url, headers=headers, data=body) as response:
        content = await response.read()
        came = {name.lower(): value for name, value in response.headers.items()}
    found = None
    if 200 <= response.status < 300:
        assert bool(content) == ("ce-id" in came) or "ce-id" in came, f"a 2xx with another body: {content!r}"
        found = sdk.from_http(came, content) if "ce-id" in came else None
        assert response.status == (200 if found or method != "POST" else 204)
    elif method != "HEAD":
        problem = json.loads(content)
        assert came["content-type"] == "application/problem+json"
        assert problem["status"] == response.status
        assert problem["detail"]
    return Answered(response.status, came, content, found)


def binary(one: Event) -> dict[str, Any]:
    """Write an event as Knative's dispatcher posts it."""
    headers, body = to_http(one)
    return {"headers": {name.decode(): value.decode() for name, value in headers} | {"Prefer": "reply"}, "body": body}


@pytest.fixture(params=UP, ids="-".join)
def served(request: pytest.FixtureRequest, town: Town) -> tuple[str, str]:
    """Give each handler that has all it calls: its name and address."""
    return request.param[1], town.up[request.param]


@pytest.fixture(params=[*((*one, "up") for one in UP), *((DOWN_WAY, name, "down") for name in NEEDY)], ids="-".join)
def place(request: pytest.FixtureRequest, town: Town) -> tuple[str, str]:
    """Give each handler, also those that have nobody to call: what is refused here is refused without asking anyone."""
    way, name, state = request.param
    return name, (town.up if state == "up" else town.down)[way, name]


# --- the rows ---------------------------------------------------------------------------------------------------------


def test_every_handler_is_asked() -> None:
    """Each handler has rows here, and its events are of every type on its card."""
    assert set(TABLES) == set(HANDLERS)
    for name, card in HANDLERS.items():
        sent = {one.type for one in TABLES[name].good.values()}
        assert sent == set(card.consumes) or card.consumes == ("*",)


async def test_valid(served: tuple[str, str]) -> None:
    """A valid event gives 200 with the CloudEvent that the card emits, or 204 with nothing; twice gives equal bytes."""
    name, url = served
    for what, one in TABLES[name].good.items():
        answer, again = await ask(url, **binary(one)), await ask(url, **binary(one))
        assert again.told == answer.told, what
        if HANDLERS[name].emits:
            check_reply(HANDLERS[name], one, answer)
        else:
            assert (answer.status, answer.body) == (204, b""), what
            assert "content-length" not in answer.headers


@pytest.mark.parametrize(("way", "name"), [one for one in UP if one[1] in SILENT])
async def test_silent(town: Town, way: str, name: str) -> None:
    """A valid event that gives a handler nothing to say is answered with nothing."""
    answer = await ask(town.up[way, name], **binary(SILENT[name]))
    assert (answer.status, answer.body) == (204, b"")


def check_reply(card: Card, cause: Event, answer: Answered) -> None:
    """Hold a reply against the rules of ids (design R6)."""
    assert answer.status == 200
    assert answer.event is not None
    told = answer.event.get_attributes()
    stream = cause.source.rsplit("/", 1)[-1]
    assert told["type"] in card.emits
    assert told["source"] == f"/tickloom/handlers/{card.name}/{stream}"
    assert told["sequence"] == cause.extensions["sequence"]
    assert told["id"] == FACTS.get(card.name, batch_id(told["source"], int(told["sequence"])))
    assert told["causationid"] == cause.id
    assert told["handlerversion"] == card.version
    assert told["datacontenttype"] == PROTOBUF
    for carried in ("partitionkey", "correlationid", "traceparent"):
        assert told[carried] == cause.extensions[carried]


async def test_structured(served: tuple[str, str]) -> None:
    """An event in structured mode, as any CloudEvents client may write it, is answered as in binary mode."""
    name, url = served
    one = next(iter(TABLES[name].good.values()))
    written = {
        "specversion": "1.0",
        "id": one.id,
        "source": one.source,
        "type": one.type,
        "time": "2024-08-08T23:54:15.611Z",
        "datacontenttype": PROTOBUF,
        "knativearrivaltime": "2024-08-08T23:54:16Z",
        **one.extensions,
        "data_base64": base64.b64encode(one.data or b"").decode(),
    }
    headers = {"Content-Type": "application/cloudevents+json; charset=UTF-8", "Prefer": "reply"}
    structured = await ask(url, headers=headers, body=json.dumps(written).encode())
    in_binary = await ask(url, **binary(one))
    assert (structured.status, structured.body) == (in_binary.status, in_binary.body)
    assert structured.headers.get("ce-id") == in_binary.headers.get("ce-id")


NO_EVENTS: Final[Mapping[str, tuple[Mapping[str, str], bytes]]] = {
    "nothing": ({}, b""),
    "json": ({"Content-Type": "application/json"}, b"{}"),
    "text": ({"Content-Type": "text/plain"}, b"hello"),
    "a batch": ({"Content-Type": "application/cloudevents-batch+json"}, b"[]"),
    "no JSON": ({"Content-Type": "application/cloudevents+json"}, b"{"),
    "no attributes": ({"Content-Type": "application/cloudevents+json"}, b"{}"),
}


@pytest.mark.parametrize("what", NO_EVENTS)
async def test_not_a_cloudevent(place: tuple[str, str], what: str) -> None:
    """What is no CloudEvent is refused for good with 400."""
    headers, body = NO_EVENTS[what]
    assert (await ask(place[1], headers=headers, body=body)).status == 400


@pytest.mark.parametrize("without", ["ce-id", "ce-source", "ce-type", "ce-specversion"])
async def test_attribute_missing(place: tuple[str, str], without: str) -> None:
    """An event without a required attribute is none."""
    name, url = place
    sent = binary(next(iter(TABLES[name].good.values())))
    del sent["headers"][without]
    assert (await ask(url, **sent)).status == 400


async def test_unknown_type(place: tuple[str, str]) -> None:
    """A type that is not on the card is refused with 400; a handler that takes any lets it pass."""
    name, url = place
    one = replace(next(iter(TABLES[name].good.values())), type="tickloom.market.v1.Tea")
    assert (await ask(url, **binary(one))).status == (204 if HANDLERS[name].consumes == ("*",) else 400)


async def test_wrong_bytes(place: tuple[str, str]) -> None:
    """Half of any message it reads, and what is no message at all, are refused with 400."""
    name, url = place
    for what, one in TABLES[name].good.items():
        data = one.data or b""
        for part in (data[: len(data) // 2], b"\xff" * 40):
            assert (await ask(url, **binary(replace(one, data=part)))).status == 400, what


@pytest.mark.parametrize(("way", "name"), [one for one in UP if one[1] in RULED])
async def test_broken_rule(town: Town, way: str, name: str) -> None:
    """A well-formed event that breaks a rule is refused for good with 422."""
    for broken in RULED[name]:
        assert (await ask(town.up[way, name], **binary(broken))).status == 422


async def test_too_large(place: tuple[str, str]) -> None:
    """A body of 2 MiB is refused with 413, told beforehand or not."""
    name, url = place
    sent = binary(replace(next(iter(TABLES[name].good.values())), data=b"x" * TWO_MIB))
    assert (await ask(url, **sent)).status == 413
    assert (await ask(url, headers=sent["headers"], body=pieces(sent["body"]))).status == 413


async def pieces(body: bytes) -> AsyncIterator[bytes]:
    for start in range(0, len(body), 65_536):
        yield body[start : start + 65_536]


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH", "OPTIONS"])
async def test_other_methods(place: tuple[str, str], method: str) -> None:
    """A function takes POST only, and says so."""
    answer = await ask(place[1], method)
    assert (answer.status, answer.headers["allow"]) == (405, "POST")


@pytest.mark.parametrize("path", ["/health/liveness", "/health/readiness"])
async def test_health(place: tuple[str, str], path: str) -> None:
    """A running function is alive and ready, and has nothing more to say."""
    answer = await ask(place[1] + path, "GET")
    assert (answer.status, answer.body) == (200, b"")


@pytest.mark.parametrize("name", [name for name in NEEDY if name not in NEVER_UNAVAILABLE])
async def test_dependency_down(town: Town, name: str) -> None:
    """With what it calls or stores in away, a handler asks for the same event again: 503, when to come, and alive."""
    url = town.down[DOWN_WAY, name]
    for what, one in TABLES[name].good.items():
        answer = await ask(url, **binary(one))
        if what in NEEDS_NOTHING:
            assert answer.status == 204
            continue
        assert answer.status == 503, what
        assert int(answer.headers["retry-after"]) > 0
    assert (await ask(f"{url}/health/liveness", "GET")).status == 200


NEEDS_NOTHING: Final = frozenset({"hold"})
"""Events that are done without asking anyone."""


@pytest.mark.parametrize("name", [name for name in NEEDY if name in NEVER_UNAVAILABLE])
async def test_dependency_down_degrades(town: Town, name: str) -> None:
    """Such a handler makes nobody wait: with its service away every row is answered, and says that it is degraded."""
    one = TABLES[name].good["rows"]
    answer, again = (
        await ask(town.down[DOWN_WAY, name], **binary(one)),
        await ask(town.down[DOWN_WAY, name], **binary(one)),
    )
    check_reply(HANDLERS[name], one, answer)
    assert again.told == answer.told
    outputs = NEVER_UNAVAILABLE[name](answer.body).outputs
    assert outputs
    assert all(output.degraded and output.degraded_reason for output in outputs)


@pytest.mark.parametrize("name", NEVER_UNAVAILABLE)
async def test_dependency_up_is_not_degraded(town: Town, name: str) -> None:
    """With its service there, such a handler answers with scores."""
    answer = await ask(town.up["own", name], **binary(TABLES[name].good["rows"]))
    outputs = NEVER_UNAVAILABLE[name](answer.body).outputs
    assert outputs
    assert [output.degraded_reason for output in outputs if output.degraded] == []


# --- asked by func ----------------------------------------------------------------------------------------------------


@contextlib.asynccontextmanager
async def overheard(url: str) -> AsyncIterator[tuple[str, list[tuple[int, bytes]]]]:
    """Stand before a handler: give an address that passes everything on, and the answers that came back."""
    heard: list[tuple[int, bytes]] = []

    async def pass_on(request: web.Request) -> web.Response:
        async with aiohttp.ClientSession() as session:
            headers = {name: value for name, value in request.headers.items() if name.lower() != "host"}
            async with session.post(url, headers=headers, data=await request.read()) as answer:
                heard.append((answer.status, await answer.read()))
                told = {name: value for name, value in answer.headers.items() if name.lower() not in FRAMING}
        return web.Response(status=heard[-1][0], headers=told, body=heard[-1][1] or None)

    app = web.Application()
    app.router.add_post("/", pass_on)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}", heard
    await runner.cleanup()


FRAMING: Final = frozenset({"content-length", "transfer-encoding", "connection", "date", "server"})


@pytest.mark.parametrize("name", sorted(HANDLERS))
async def test_func_invoke(town: Town, name: str, tool: Callable[[str], pathlib.Path], tmp_path: pathlib.Path) -> None:
    """Knative's own `func invoke`, which tells no extensions, gets what any client gets, and shows the CloudEvent."""
    one = replace(next(iter(TABLES[name].good.values())), extensions={}, dataschema=None)
    (tmp_path / "func.yaml").write_bytes((ROOT / f"functions/handlers/{name}/func.yaml").read_bytes())
    (tmp_path / "data").write_bytes(one.data or b"")
    wanted = await ask(town.up["own", name], **binary(one))
    async with overheard(town.up["own", name]) as (url, heard):
        flags = {"id": one.id, "type": one.type, "source": one.source, "content-type": one.datacontenttype}
        words = (f"--{flag}={value}" for flag, value in (flags | {"file": tmp_path / "data", "target": url}).items())
        done = await asyncio.create_subprocess_exec(
            str(tool("func")), "invoke", *words, cwd=tmp_path, env={"HOME": str(tmp_path)}, stdout=PIPE, stderr=STDOUT
        )
        said, _ = await done.communicate()
    assert done.returncode == 0, said.decode()
    assert heard == [(wanted.status, wanted.body)]
    assert wanted.status == (200 if HANDLERS[name].emits else 204)
    if wanted.event is not None:
        assert f"  id: {wanted.event['id']}\n".encode() in said
        assert f"  type: {wanted.event['type']}\n".encode() in said
