"""A row is written in one way only, whatever batch it came in."""

import json
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
import worded
from accounted import breached
from active import active_batch
from barred import Bar, bar_batch
from counts import examples
from documented import DAY, RSS, as_json, raw
from forecast import DRIFT, OUTCOME, REPORT
from hypothesis import given, settings
from hypothesis import strategies as st
from paired import fold, perp, spot
from scored import Row as FeatureRow
from scored import features_of, output_of, predictions_of
from ticking import T0, Depth, Quote, Trade, batch, cut

from functions.domain.decisions import (
    Action,
    Evidence,
    Fill,
    Forecast,
    OrderStatus,
    OrderUpdate,
    Predictions,
    Reason,
    Side,
    Signal,
)
from functions.domain.decisions import Quote as Market
from functions.domain.flow import FlowEntry, FlowKind, OrderFlow
from functions.domain.market import BAR_OPEN, BAR_PROVISIONAL, BAR_REVISED, Rejection
from functions.domain.quality import FeedQuality, InstrumentQuality
from functions.wire.codecs.activity import encode_activity_bar_batch
from functions.wire.codecs.bars import encode_bar_batch
from functions.wire.codecs.calendar import encode_calendar_batch
from functions.wire.codecs.features import encode_feature_batch
from functions.wire.codecs.flow import encode_order_flow
from functions.wire.codecs.market import encode_tick_batch
from functions.wire.codecs.news import encode_news_batch
from functions.wire.codecs.orders import encode_fill, encode_order_update
from functions.wire.codecs.pairs import encode_pair_batch
from functions.wire.codecs.performance import encode_drift, encode_model_performance, encode_outcome
from functions.wire.codecs.portfolio import encode_limit_breach, encode_risk_metrics
from functions.wire.codecs.predictions import encode_prediction_batch
from functions.wire.codecs.quality import encode_quality
from functions.wire.codecs.sentiment import encode_sentiment_batch
from functions.wire.codecs.signals import encode_signal
from functions.wire.envelope import Event
from functions.wire.errors import Malformed
from functions.wire.news.digesting import digest
from functions.wire.rows import STREAMS, Row, decimal_text, render

SIGNAL = Signal(
    signal_id="s",
    strategy="meanrev",
    instrument_id="I0-USDT.BINANCE",
    interval_s=5,
    bar_start_ns=T0,
    as_of_ns=T0,
    action=Action.BUY,
    confidence=61.5,
    price_exponent=-2,
    size_exponent=-3,
    price=12_340,
    quote=Market(1, 1, 2, 1, T0),
    reasons=(Reason("rsi_low", "RSI at 21", 40.0),),
    model_scores=(),
    stop_loss=12_000,
    take_profit=13_000,
    risk_reward_ratio=1.9,
    bar_revision=0,
    degraded=False,
    shard="BINANCE-0",
)
UPDATE = OrderUpdate(
    client_order_id="o",
    n=1,
    account="paper",
    instrument_id="I0-USDT.BINANCE",
    side=Side.BUY,
    status=OrderStatus.FILLED,
    quantity=Decimal("1.50"),
    limit_price=Decimal("1E+3"),
    cumulative_quantity=Decimal("1.50"),
    leaves_quantity=Decimal("0.00"),
    reasons=(),
    signal_id="s",
    as_of_ns=T0,
)
FILL = Fill("o", 1, "paper", "I0-USDT.BINANCE", Side.BUY, Decimal("1.50"), Decimal("1000.00"), "s", T0)
TICKS = (Trade(T0, price=12_340, size=1_500), Quote(T0), Depth(T0, 1, 2, bids=((99, 5),), asks=((101, 0),)))
BAD = Rejection(3, "not_finite", "price NaN", b"{}", "binance.spot", T0)


def event(name: str, data: bytes) -> Event:
    """Make an event of one of our types."""
    return Event(id="1", source="/s", type=f"tickloom.{name}", data=data)


EVENTS = {
    "ticks": event("market.v1.TickBatch", encode_tick_batch(batch(TICKS))),
    "flow": event(
        "orders.v1.OrderFlow",
        encode_order_flow(
            OrderFlow("FIX-0", "FIX-0.fix", (FlowEntry(7, FlowKind.CANCEL, "US", "VENUE", 9, 5, cl_ord_id="o-1"),))
        ),
    ),
    "quality": event(
        "market.v1.FeedQuality",
        encode_quality(FeedQuality("BINANCE-0", (InstrumentQuality("X-Y.BINANCE", 0, 10, rows=3),))),
    ),
    "bars": event("market.v1.BarBatch", encode_bar_batch(bar_batch([Bar(), Bar(finality=BAR_REVISED, revision=1)]))),
    "activity": event("market.v1.ActivityBarBatch", encode_activity_bar_batch(active_batch())),
    "features": event("features.v1.FeatureBatch", encode_feature_batch(features_of([FeatureRow(features={"rsi": 2})]))),
    "pairs": event("features.v1.PairBatch", encode_pair_batch(fold([spot(Bar()), perp(Bar())])[0].batch)),
    "predictions": event(
        "inference.v1.PredictionBatch", encode_prediction_batch(predictions_of([FeatureRow()], (output_of(0.25),)))
    ),
    "performance": event("performance.v1.ModelPerformance", encode_model_performance(REPORT)),
    "drifts": event("performance.v1.DriftDetected", encode_drift(DRIFT)),
    "outcomes": event("performance.v1.Outcome", encode_outcome(OUTCOME)),
    "signals": event("signals.v1.Signal", encode_signal(SIGNAL)),
    "orders": event("orders.v1.OrderUpdate", encode_order_update(UPDATE)),
    "fills": event("orders.v1.Fill", encode_fill(FILL)),
    "portfolio": event("portfolio.v1.RiskMetrics", encode_risk_metrics(breached()[0])),
    "breaches": event("portfolio.v1.LimitBreach", encode_limit_breach(breached()[1])),
    "news": event("news.v1.NewsBatch", encode_news_batch(digest(raw("news.rss", RSS)))),
    "sentiment": event("inference.v1.SentimentBatch", encode_sentiment_batch(worded.scored(worded.item()))),
    "calendar": event(
        "calendar.v1.CalendarBatch",
        encode_calendar_batch(digest(raw("calendar.forexfactory.json", as_json(DAY)))),
    ),
    "deadletters": event("market.v1.BarBatch", encode_bar_batch(replace(bar_batch([]), rejections=(BAD,), stream="x"))),
}


def parsed(row: Row) -> dict[str, object]:
    """Read a row's line back."""
    found: dict[str, object] = json.loads(row.line)
    return found


def ticks(batches: list[Event]) -> list[bytes]:
    """Write the lines of several events."""
    return [row.line for one in batches for row in render(one)]


@settings(max_examples=examples(2000))
@given(st.integers(-(2**127), 2**127), st.integers(-30, 6))
def test_decimals(mantissa: int, exponent: int) -> None:
    """A decimal is the exact number, without exponent, trailing zeros or a negative zero."""
    text = decimal_text(mantissa, exponent)
    assert Decimal(text) == Decimal(f"{mantissa}E{exponent}")
    assert "E" not in text
    assert not ("." in text and text.endswith(("0", ".")))
    assert text != "-0"


@pytest.mark.parametrize("stream", STREAMS)
def test_canonical(stream: str) -> None:
    """Every stream's rows are one line with sorted keys and no spaces between them."""
    rows = list(render(EVENTS[stream]))
    assert rows
    for row in rows:
        again = json.dumps(parsed(row), sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        assert (row.stream, row.line.decode()) == (stream, again)


def test_decimals_are_text() -> None:
    """Prices and sizes are plain decimals in quotes; times and counts are integers."""
    (trade, _, book) = [parsed(row) for row in render(EVENTS["ticks"])]
    assert (trade["price"], trade["size"], trade["ts_event"]) == ("123.4", "1.5", T0)
    assert (book["bids"], book["asks"]) == ([["0.99", "0.005"]], [["1.01", "0"]])
    (order,) = [parsed(row) for row in render(EVENTS["orders"])]
    assert (order["quantity"], order["limit_price"], order["leaves_quantity"]) == ("1.5", "1000", "0")


@pytest.mark.parametrize("size", [1, 2, 3])
def test_cut_does_not_show(size: int) -> None:
    """However a tape was cut into batches, its rows are the same and know their place on the tape."""
    rows = TICKS * 3
    whole = ticks([event("market.v1.TickBatch", encode_tick_batch(one)) for one in cut(rows, 512)])
    parts = ticks([event("market.v1.TickBatch", encode_tick_batch(one)) for one in cut(rows, size)])
    assert sorted(parts) == sorted(whole)
    assert len(set(whole)) == len(rows)


def test_not_warm_is_null() -> None:
    """A feature without a value and the score of a degraded model are null."""
    cold = features_of([FeatureRow(features={"rsi": 2.0}), FeatureRow(features={"ema": 1.0})])
    rows = render(event("features.v1.FeatureBatch", encode_feature_batch(cold)))
    assert [parsed(row)["features"] for row in rows] == [{"ema": None, "rsi": 2.0}, {"ema": 1.0, "rsi": None}]
    degraded = replace(output_of(None), degraded=True, degraded_reason="late")
    scored = predictions_of([FeatureRow()], (degraded,))
    (row,) = render(event("inference.v1.PredictionBatch", encode_prediction_batch(scored)))
    assert parsed(row)["score"] is None


def test_provisional_bars_are_no_rows() -> None:
    """A bar that may still change gives no row; a bucket open at the end ranks below any final bar."""
    bars = bar_batch([Bar(finality=BAR_PROVISIONAL), Bar(finality=BAR_OPEN), Bar()])
    rows = list(render(event("market.v1.BarBatch", encode_bar_batch(bars))))
    assert [parsed(row)["finality"] for row in rows] == ["open", "final"]
    assert rows[0].key == rows[1].key
    assert rows[0].rank < rows[1].rank


def test_activity_row() -> None:
    """An activity bar is named by instrument, basis, day and number; thresholds are in the unit of the basis."""
    (row,) = render(EVENTS["activity"])
    assert row.key == ("I0-USDT.BINANCE", 3, T0 // 86_400_000_000_000, 0)
    told = parsed(row)
    assert (told["basis"], told["threshold"], told["notional"], told["trades"]) == ("notional", "0.002", "0.002", 2)


def test_signal_row_says_why() -> None:
    """A signal's row holds its evidence, forecasts as plain decimals, and no id of what it was decided on."""
    forecast = Forecast("forecast_lstm", "1", 4, 0.01, 0.625, price=10_100, low_80=9_950, high_80=10_250)
    evidence = Evidence(predictions=Predictions(forecasts=(forecast,)), kelly_fraction=0.125, causation_id="e")
    (row,) = render(event("signals.v1.Signal", encode_signal(replace(SIGNAL, evidence=evidence))))
    told = parsed(row)["evidence"]
    (one,) = told["predictions"]["forecasts"]
    assert (one["price"], one["low_80"], one["low_95"], one["up"]) == ("101", "99.5", "0", 0.625)
    assert (told["kelly_fraction"], told["probability"], "causation_id" in told) == (0.125, None, False)


def test_holding_is_no_row() -> None:
    """A decision to do nothing is no row."""
    assert list(render(event("signals.v1.Signal", encode_signal(replace(SIGNAL, action=Action.HOLD))))) == []


@pytest.mark.parametrize("name", ["market.v1.RawBatch", "market.v1.GapDetected", "nobody.v1.Knows"])
def test_other_types_have_no_rows(name: str) -> None:
    """A type that carries no facts of its own, or that nobody knows, gives no rows."""
    assert list(render(event(name, b"\xff"))) == []


@pytest.mark.parametrize("stream", STREAMS)
def test_broken_data_is_malformed(stream: str) -> None:
    """Data that is not what the type says is refused as malformed."""
    broken = replace(EVENTS[stream], data=b"\xff")
    with pytest.raises(Malformed):
        list(render(broken))


Spoil = Callable[[Event], Event]


@pytest.mark.parametrize(
    "spoil",
    [
        lambda one: replace(one, id="2"),
        lambda one: replace(one, source="/other"),
        lambda one: replace(one, extensions={"sequence": "9", "traceparent": "x"}),
        lambda one: replace(one, time_ns=5),
    ],
)
def test_names_of_events_do_not_show(spoil: Spoil) -> None:
    """Ids, sources, sequences, traces and times of an event are not in its rows."""
    assert ticks([spoil(EVENTS["ticks"])]) == ticks([EVENTS["ticks"]])


def test_breaches() -> None:
    """A broken limit is a row by account, limit and window, without its revision; withdrawn it has none."""
    (row,) = render(EVENTS["breaches"])
    line: Any = parsed(row)
    assert (row.key, row.rank) == (("paper", "exposure_ratio", 600 * 10**9, 600_050_000_000, 0), 1)
    assert sorted(line) == ["account", "allowed", "found", "limit", "window"]
    gone = replace(breached()[1], withdrawn=True)
    (back,) = render(event("portfolio.v1.LimitBreach", encode_limit_breach(gone)))
    assert (back.key, back.line) == (row.key, b"")


def test_portfolio() -> None:
    """How an account stood is a row by account and window, whose highest revision is kept; sums are plain decimals."""
    (row,) = render(EVENTS["portfolio"])
    line: Any = parsed(row)
    assert (row.key, row.rank) == (("paper", 600 * 10**9, 600_050_000_000, 0), 1)
    assert (line["totals"]["cash"], line["positions"][0]["quantity"], line["tail"]) == ("-20000", "40", None)
