"""One suite for every adapter of the port `Views`: memory and PostgreSQL keep the same rows."""

import asyncio
import json
import random
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

import pytest
from barred import BTC, ETH, Bar, bar_batch
from counts import examples
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from functions.adapters.memory_views import MemoryViews
from functions.adapters.postgres import Pool
from functions.adapters.postgres_views import PostgresViews
from functions.domain.decisions import (
    Action,
    Evidence,
    ExecType,
    Fill,
    Gate,
    ModelScore,
    OrderStatus,
    OrderUpdate,
    Predictions,
    Quote,
    Reason,
    Side,
    Signal,
    Vote,
)
from functions.domain.market import (
    BAR_FINAL,
    BAR_OPEN,
    BAR_PROVISIONAL,
    BAR_REVISED,
    MARKET_CROSSED,
)

TABLES = {
    "bars": "instrument_id, interval_s, start_ns",
    "signals": "signal_id",
    "order_updates": "client_order_id, n",
    "fills": "client_order_id, n",
}

SIGNAL = Signal(
    signal_id="5f4d9a10-0f0e-5a6b-8c42-2f3a6f0f7b11",
    strategy="slice",
    instrument_id="ETH-USDT.BINANCE",
    interval_s=60,
    bar_start_ns=1_700_000_040_000_000_000,
    as_of_ns=1_700_000_100_000_000_000,
    action=Action.BUY,
    confidence=66.7,
    price_exponent=-2,
    size_exponent=-4,
    price=230_123,
    quote=Quote(bid_price=230_120, bid_size=15_000, ask_price=0, ask_size=0, ts_event=1_700_000_099_000_000_000),
    reasons=(Reason("rsi_oversold", 'rsi_14 27.3 < 30, "cold"', 40.0),),
    model_scores=(ModelScore("anomaly", "1", 0.91, 0.8),),
    stop_loss=228_000,
    take_profit=235_000,
    risk_reward_ratio=2.3,
    bar_revision=0,
    degraded=False,
    shard="BINANCE-0",
)
UPDATE = OrderUpdate(
    client_order_id="0d9c1d2e-6b4f-5d6e-9f10-112233445566",
    n=1,
    account="demo",
    instrument_id="ETH-USDT.BINANCE",
    side=Side.BUY,
    status=OrderStatus.REJECTED,
    quantity=Decimal("1.50"),
    limit_price=Decimal("2301.23"),
    cumulative_quantity=Decimal(0),
    leaves_quantity=Decimal(0),
    reasons=("exposure_ratio: 0.97 > 0.95",),
    signal_id=SIGNAL.signal_id,
    as_of_ns=SIGNAL.as_of_ns,
)
FILL = Fill(
    client_order_id=UPDATE.client_order_id,
    n=1,
    account="demo",
    instrument_id="ETH-USDT.BINANCE",
    side=Side.SELL,
    quantity=Decimal("0.0001"),
    price=Decimal("12345678901234567890.123456789"),
    signal_id="",
    as_of_ns=SIGNAL.as_of_ns,
)


@dataclass(frozen=True, slots=True)
class Kept:
    """An adapter and a way to read back what it keeps."""

    views: MemoryViews | PostgresViews
    pool: Pool | None

    async def rows(self, table: str) -> list[dict[str, Any]]:
        """Read a table in the order of its key."""
        if self.pool is None:
            kept = getattr(self.views, table)
            return [kept[key] for key in sorted(kept)]
        pool = await self.pool.get()
        records = await pool.fetch(f"SELECT * FROM {table} ORDER BY {TABLES[table]}")  # noqa: S608 - constants
        documents = ("reasons", "model_scores", "evidence")
        return [
            {name: json.loads(value) if name in documents else value for name, value in record.items()}
            for record in records
        ]

    async def clear(self) -> None:
        """Forget every row."""
        if self.pool is None:
            for table in TABLES:
                getattr(self.views, table).clear()
            return
        pool = await self.pool.get()
        await pool.execute(f"TRUNCATE {', '.join(TABLES)}")


@pytest.fixture(params=["memory", "postgres"])
def place(request: pytest.FixtureRequest) -> str:
    """Say where rows are kept: nowhere but in memory, or a database."""
    return "" if request.param == "memory" else str(request.getfixturevalue("database_url"))


@pytest.fixture
async def kept(place: str) -> AsyncIterator[Kept]:
    """Give each adapter, empty."""
    pool = Pool(place) if place else None
    one = Kept(MemoryViews() if pool is None else PostgresViews(pool), pool)
    await one.clear()
    yield one
    await one.views.close()
    if pool is not None:
        await pool.close()


async def test_bar_row(kept: Kept) -> None:
    """A bar is kept with exact decimals in the instrument's units, its sums beyond 64 bits included."""
    await kept.views.put_bars(bar_batch([Bar(notional=2**70 + 2**63 + 1)]), sequence=7)
    (row,) = await kept.rows("bars")
    assert row == {
        "instrument_id": "ETH-USDT.BINANCE",
        "interval_s": 1,
        "start_ns": 100_000_000_000,
        "finality": "final",
        "revision": 0,
        "sequence": 7,
        "shard": "BINANCE-0",
        "open": Decimal("3000.00"),
        "high": Decimal("3000.00"),
        "low": Decimal("3000.00"),
        "close": Decimal("3000.00"),
        "volume": Decimal("1.0000"),
        "buy_volume": Decimal("0.5000"),
        "notional": Decimal(2**70 + 2**63 + 1).scaleb(-6),
        "trades": 3,
        "bid_price": Decimal("2999.99"),
        "bid_size": Decimal("0.0007"),
        "ask_price": Decimal("3000.01"),
        "ask_size": Decimal("0.0007"),
        "bid_depth": Decimal("0.0007"),
        "ask_depth": Decimal("0.0007"),
        "crossed": False,
    }


async def test_unknown_market(kept: Kept) -> None:
    """What was not known at the close is null, never a price of zero."""
    await kept.views.put_bars(bar_batch([Bar(bid=0, ask=0, flags=MARKET_CROSSED)]), sequence=0)
    (row,) = await kept.rows("bars")
    assert [row[name] for name in ("bid_price", "bid_size", "ask_price", "ask_size")] == [None] * 4
    assert (row["bid_depth"], row["ask_depth"], row["crossed"]) == (None, None, True)


async def test_negative_price(kept: Kept) -> None:
    """A negative price and notional are kept exactly."""
    await kept.views.put_bars(bar_batch([Bar(close=-3_763, notional=-(2**66) - 5)]), sequence=0)
    (row,) = await kept.rows("bars")
    assert (row["close"], row["notional"]) == (Decimal("-37.63"), Decimal(-(2**66) - 5).scaleb(-6))


async def test_units(kept: Kept) -> None:
    """Each instrument is written in its own unit, whole powers of ten included."""
    thousands = replace(BTC, instrument_id="SHIB-USDT.BINANCE", price_exponent=0, size_exponent=3)
    batch = bar_batch([Bar(instrument=1), Bar(instrument=0), Bar(instrument=2)], instruments=(ETH, BTC, thousands))
    await kept.views.put_bars(batch, sequence=0)
    found = {row["instrument_id"]: (row["close"], row["volume"]) for row in await kept.rows("bars")}
    assert found == {
        "BTC-USDT.BINANCE": (Decimal(30_000), Decimal("0.1")),
        "ETH-USDT.BINANCE": (Decimal(3_000), Decimal(1)),
        "SHIB-USDT.BINANCE": (Decimal(300_000), Decimal(10_000_000)),
    }


@pytest.mark.parametrize(
    ("first", "second", "winner"),
    [
        (BAR_PROVISIONAL, BAR_OPEN, BAR_OPEN),
        (BAR_OPEN, BAR_FINAL, BAR_FINAL),
        (BAR_FINAL, BAR_REVISED, BAR_REVISED),
        (BAR_FINAL, BAR_PROVISIONAL, BAR_FINAL),
        (BAR_REVISED, BAR_FINAL, BAR_REVISED),
        (BAR_FINAL, BAR_OPEN, BAR_FINAL),
    ],
)
async def test_finality(kept: Kept, first: int, second: int, winner: int) -> None:
    """Forms rank provisional, open, final, revised, whichever comes first and whatever its sequence."""
    for sequence, form in ((9, first), (10, second)):
        await kept.views.put_bars(bar_batch([Bar(finality=form, close=form)]), sequence=sequence)
    (row,) = await kept.rows("bars")
    assert row["close"] == Decimal(winner).scaleb(-2)


async def test_same_key_in_one_batch(kept: Kept) -> None:
    """A batch may carry two forms of a bar: the later revision is kept."""
    bars = [Bar(finality=BAR_REVISED, revision=2, close=2), Bar(finality=BAR_REVISED, revision=1, close=1)]
    await kept.views.put_bars(bar_batch(bars), sequence=0)
    (row,) = await kept.rows("bars")
    assert (row["revision"], row["close"]) == (2, Decimal("0.02"))


async def test_empty_batch(kept: Kept) -> None:
    """A batch without rows, such as the end of a tape, stores nothing and is no error."""
    await kept.views.put_bars(bar_batch([]), sequence=0)
    assert await kept.rows("bars") == []


async def test_signal_row(kept: Kept) -> None:
    """A signal is kept with its reasons and the quote it was decided on; writing it again changes nothing."""
    await kept.views.put_signal(SIGNAL)
    first = await kept.rows("signals")
    await kept.views.put_signal(SIGNAL)
    assert await kept.rows("signals") == first
    (row,) = first
    assert row["reasons"] == [{"rule": "rsi_oversold", "text": 'rsi_14 27.3 < 30, "cold"', "weight": 40.0}]
    assert row["model_scores"] == [{"model": "anomaly", "version": "1", "score": 0.91, "threshold": 0.8}]
    assert [row[name] for name in ("price", "bid_price", "bid_size", "ask_price", "ask_size", "stop_loss")] == [
        Decimal("2301.23"),
        Decimal("2301.20"),
        Decimal("1.5"),
        None,
        None,
        Decimal(2280),
    ]
    assert (row["action"], row["confidence"], row["degraded"]) == ("buy", 66.7, False)


async def test_signal_evidence(kept: Kept) -> None:
    """What a signal rests on is kept as one document, and a later revision's replaces it whole."""
    votes = (Vote("forecast_boosted", 0.5, 0.625),)
    first = Evidence(
        wanted=Action.BUY,
        kelly_fraction=0.125,
        predictions=Predictions(votes=votes, up=0.625),
        gates=(Gate("lost_book", "the order book was valid"),),
    )
    later = Evidence(probability=0.5, causation_id="e2")
    await kept.views.put_signal(replace(SIGNAL, evidence=first))
    (row,) = await kept.rows("signals")
    found = row["evidence"]
    assert (found["wanted"], found["kelly_fraction"], found["probability"]) == ("buy", 0.125, None)
    assert found["gates"] == [{"name": "lost_book", "text": "the order book was valid"}]
    vote = {"model": "forecast_boosted", "weight": 0.5, "up": 0.625, "down": None, "down_weight": 0.0}
    assert found["predictions"]["votes"] == [vote]
    await kept.views.put_signal(replace(SIGNAL, bar_revision=1, evidence=later))
    (row,) = await kept.rows("signals")
    assert (row["evidence"]["probability"], row["evidence"]["gates"], row["evidence"]["causation_id"]) == (
        0.5,
        [],
        "e2",
    )


async def test_signal_revision(kept: Kept) -> None:
    """A signal from a later revision of its bar replaces the earlier one, never the other way round."""
    revised = replace(SIGNAL, bar_revision=1, action=Action.SELL)
    await asyncio.gather(*(kept.views.put_signal(one) for one in (SIGNAL, revised, SIGNAL)))
    await kept.views.put_signal(SIGNAL)
    (row,) = await kept.rows("signals")
    assert (row["action"], row["bar_revision"]) == ("sell", 1)


async def test_orders(kept: Kept) -> None:
    """Order updates and fills are kept once by (client_order_id, n), with their exact decimals."""
    later = replace(UPDATE, n=2, status=OrderStatus.CANCELED, exec_type=ExecType.CANCELED, request_id="q1")
    filled = replace(FILL, exec_id="x7", fee=Decimal("0.25"), currency="USDT", sequence=9)
    writes = [kept.views.put_order_update(one) for one in (UPDATE, later, UPDATE)]
    await asyncio.gather(*writes, kept.views.put_fill(filled), kept.views.put_fill(filled))
    updates = await kept.rows("order_updates")
    assert [(row["n"], row["status"], row["reasons"]) for row in updates] == [
        (1, "rejected", ["exposure_ratio: 0.97 > 0.95"]),
        (2, "canceled", ["exposure_ratio: 0.97 > 0.95"]),
    ]
    assert [(row["exec_type"], row["request_id"]) for row in updates] == [(None, ""), ("canceled", "q1")]
    (fill,) = await kept.rows("fills")
    assert fill == {
        "client_order_id": UPDATE.client_order_id,
        "n": 1,
        "account": "demo",
        "instrument_id": "ETH-USDT.BINANCE",
        "side": "sell",
        "quantity": Decimal("0.0001"),
        "price": Decimal("12345678901234567890.123456789"),
        "signal_id": "",
        "as_of_ns": SIGNAL.as_of_ns,
        "exec_id": "x7",
        "fee": Decimal("0.25"),
        "currency": "USDT",
        "multiplier": Decimal(1),
        "replaces_exec_id": "",
        "sequence": 9,
    }


BARS = st.builds(
    Bar,
    bar=st.integers(100, 102),
    close=st.integers(1, 10**6),
    finality=st.sampled_from([BAR_PROVISIONAL, BAR_FINAL, BAR_REVISED, BAR_OPEN]),
    revision=st.integers(0, 3),
    interval_s=st.sampled_from([1, 5]),
    instrument=st.integers(0, 1),
)
BATCHES = st.lists(st.lists(BARS, max_size=6), min_size=1, max_size=6)


@settings(max_examples=examples(200), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(batches=BATCHES, chance=st.randoms(use_true_random=False), together=st.integers(1, 8))
async def test_monotone(kept: Kept, batches: list[list[Bar]], chance: random.Random, together: int) -> None:
    """Any order of delivery, repeated and concurrent, ends in the rows that ordered delivery gives."""
    expected = Kept(MemoryViews(), None)
    for sequence, batch in enumerate(batches):
        await expected.views.put_bars(bar_batch(batch), sequence=sequence)
    await kept.clear()
    deliveries = [*enumerate(batches), *enumerate(batches)]
    chance.shuffle(deliveries)
    for start in range(0, len(deliveries), together):
        group = deliveries[start : start + together]
        await asyncio.gather(*(kept.views.put_bars(bar_batch(batch), sequence=sequence) for sequence, batch in group))
    assert await kept.rows("bars") == await expected.rows("bars")
