"""The portfolio table hears an account's stream and the bars of all shards, and emits rows of each account."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal

import pytest
from accounted import ETH, HERE, SOL, TEN, THERE, fill, final, minute
from waiting import until

from functions.domain.decisions import Fill, OrderStatus, OrderUpdate
from functions.domain.market import BarBatch, GapDetected
from functions.domain.portfolio.fold import Row
from functions.domain.portfolio.metrics import FILLS_MISSING
from functions.domain.portfolio.state import BLOB_BYTES_MAX
from functions.local.log import MemoryLog
from functions.local.table_host import TableConsumer
from functions.local.topology import Table
from functions.runtime.keeping import Keeper
from functions.tables.portfolio import CARD
from functions.tables.portfolio.main import Settings, compose
from functions.tables.portfolio.table import PortfolioTable
from functions.wire import facts
from functions.wire.codecs.bars import BAR_BATCH, encode_bar_batch
from functions.wire.codecs.market import GAP_DETECTED, encode_gap
from functions.wire.codecs.orders import FILL, ORDER_UPDATE, encode_fill, encode_order_update
from functions.wire.codecs.portfolio import LIMIT_BREACH, RISK_METRICS, decode_limit_breach, decode_risk_metrics
from functions.wire.envelope import Event
from functions.wire.errors import Malformed

SETTINGS = Settings(capital="100000")


def table(settings: Settings = SETTINGS) -> PortfolioTable:
    """Compose the table as a host does."""
    fold = compose(settings).fold
    assert isinstance(fold, PortfolioTable)
    return fold


def wrap(source: str, number: int, kind: str, data: bytes) -> Event:
    """Wrap bytes as whoever emits them does."""
    had = {"sequence": facts.sequence_text(number), "partitionkey": facts.stream_of(source), "correlationid": "tape"}
    return Event(id=facts.batch_id(source, number), source=source, type=kind, data=data, extensions=had)


def step(as_of_ns: int) -> OrderUpdate:
    """Make a step of an order that is no fill."""
    made = fill(0, "1")
    return OrderUpdate(
        client_order_id=made.client_order_id,
        n=1,
        account=made.account,
        instrument_id=made.instrument_id,
        side=made.side,
        status=OrderStatus.NEW,
        quantity=made.quantity,
        limit_price=made.price,
        cumulative_quantity=Decimal(0),
        leaves_quantity=made.quantity,
        reasons=(),
        signal_id="",
        as_of_ns=as_of_ns,
    )


def orders(*told: Fill | OrderUpdate, account: str = "paper") -> list[Event]:
    """Wrap what the orders service says of an account, numbered from 0."""
    source = facts.source_of("services", "orders", account)
    return [
        wrap(source, n, FILL, encode_fill(one))
        if isinstance(one, Fill)
        else wrap(source, n, ORDER_UPDATE, encode_order_update(one))
        for n, one in enumerate(told)
    ]


def bars(*batches: BarBatch) -> list[Event]:
    """Wrap a shard's batches, numbered from 0."""
    return [
        wrap(facts.source_of("tables", "bars", one.shard), n, BAR_BATCH, encode_bar_batch(one))
        for n, one in enumerate(batches)
    ]


ACCOUNT = orders(
    step(TEN),
    fill(0, "40"),
    fill(1, "1", after_ms=20_000, fee="0.25"),
    step(TEN + 60_000_000_000),
    fill(2, "-10", "3100", after_ms=70_000),
    fill(3, "5", "50", after_ms=80_000, instrument=SOL),
    step(TEN + 200_000_000_000),
)
LEFT = bars(*[minute(10 + n, 300_000 + 1_000 * n, end=n == 4) for n in range(5)])
RIGHT = bars(*[minute(10 + n, 5_000 + n, instrument=SOL, shard=THERE, end=n == 4) for n in range(5)])


def run(fold: PortfolioTable, given: Sequence[Event]) -> list[Event]:
    """Fold events in order from the beginning."""
    state = fold.start(CARD.key)
    return [out for event in given for out in fold.fold(state, event)[1]]


def read(events: Sequence[Event]) -> list[Row]:
    """Read what was emitted."""
    return [
        decode_risk_metrics(one.data or b"") if one.type == RISK_METRICS else decode_limit_breach(one.data or b"")
        for one in events
    ]


def facts_of(event: Event) -> tuple[object, ...]:
    """Give what an event says by itself: what the strict hash counts."""
    had = event.extensions
    named = (had["sequence"], had["partitionkey"], had["causationid"])
    return (event.id, event.source, event.type, event.time_ns, event.subject, event.data, *named)


def test_events() -> None:
    """Rows and breaches are facts of their account, in one sequence of its own, caused by what let them be told."""
    told = run(table(), [LEFT[0], *ACCOUNT[:3]])
    row, breach = told
    window = ("paper", TEN, TEN + 50_000_000, 0, 2)
    assert (row.type, row.source, row.time_ns) == (RISK_METRICS, "/tickloom/tables/portfolio/paper", TEN + 50_000_000)
    assert (row.id, breach.id) == (
        facts.fact_id(RISK_METRICS, *window),
        facts.fact_id(LIMIT_BREACH, "exposure_ratio", *window),
    )
    assert [one.extensions["sequence"] for one in told] == [facts.sequence_text(n) for n in (0, 1)]
    assert {one.extensions["partitionkey"] for one in told} == {"paper"}
    assert {one.extensions["causationid"] for one in told} == {ACCOUNT[2].id}


def test_mixtures() -> None:
    """However the streams are mixed, rows and breaches come to the same."""
    fold = table()
    mixtures = [
        [*ACCOUNT, *LEFT, *RIGHT],
        [*RIGHT, *LEFT, *ACCOUNT],
        [one for three in zip(ACCOUNT, LEFT, RIGHT, strict=False) for one in three] + ACCOUNT[5:],
        [*LEFT[:2], *ACCOUNT[:4], *RIGHT[:3], *LEFT[2:], *ACCOUNT[4:], *RIGHT[3:]],
    ]
    found = [final(read(run(fold, mixed))) for mixed in mixtures]
    assert len(found[0]) == 11
    assert all(one == found[0] for one in found)


def test_one_order_one_tape() -> None:
    """The same events in the same order give the same events, byte for byte, wherever a state was written and read."""
    fold = table()
    given = [one for three in zip(ACCOUNT, [*LEFT, *LEFT[:2]], [*RIGHT, *RIGHT[:2]], strict=True) for one in three][:15]
    whole = [facts_of(one) for one in run(fold, given)]
    state, told = fold.start(CARD.key), []
    for event in given:
        state = fold.load(CARD.key, fold.dump(state))
        told += [facts_of(one) for one in fold.fold(state, event)[1]]
    assert told == whole


def test_holes() -> None:
    """Rows of an account whose events were given up say so; what is missing of bars is not asked for."""
    fold = table()
    state = fold.start(CARD.key)
    source = facts.source_of("services", "orders", "paper")
    assert fold.gap(state, ACCOUNT[4], GapDetected("paper", source, 2, 3))[1] == ()
    fold.gap(state, LEFT[1], GapDetected(HERE, facts.source_of("tables", "bars", HERE), 0, 0))
    assert fold.fold(state, wrap("/x/bars/here", 0, GAP_DETECTED, encode_gap(GapDetected(HERE, "s", 1, 1))))[1] == ()
    told = [out for event in (ACCOUNT[1], ACCOUNT[4], ACCOUNT[6]) for out in fold.fold(state, event)[1]]
    assert all(decode_risk_metrics(one.data or b"").flags & FILLS_MISSING for one in told if one.type == RISK_METRICS)
    assert sorted(state.accounts) == ["paper"]


@pytest.mark.parametrize(
    ("kind", "data"),
    [("tickloom.market.v1.TickBatch", b""), (FILL, b"\xff"), (ORDER_UPDATE, b"\xff"), (BAR_BATCH, b"\xff")],
)
def test_malformed(kind: str, data: bytes) -> None:
    """Another type, or bytes that are no such message, is malformed."""
    fold = table()
    with pytest.raises(Malformed):
        fold.fold(fold.start("desk"), wrap("/tickloom/services/orders/paper", 0, kind, data))


def test_not_a_state() -> None:
    """Bytes that no dump wrote are refused."""
    with pytest.raises(Malformed):
        table().load("desk", b"nonsense")


def test_settings() -> None:
    """Accounts open as the orders service's settings say; what cannot be read or kept stops the start."""
    opened = table(replace(SETTINGS, opening_positions=("ETH-USDT.BINANCE=10@2500",), portfolio_capitals=("b=5",)))
    accounts = opened.start("desk").accounts
    assert (accounts["paper"].base.cash["USDT"], accounts["b"].capital) == (Decimal(75_000), Decimal(5))
    assert compose(SETTINGS).only_key == "desk"
    with pytest.raises(ValueError, match="keep fewer"):
        compose(replace(SETTINGS, portfolio_accounts_max=50))
    for wrong in (
        {"opening_positions": ("ETH",)},
        {"capital": "much"},
        {"portfolio_capitals": ("b",)},
        {"portfolio_drawdown_max": "1e-2"},
        {"portfolio_drawdown_max": "20"},
        {"portfolio_exposure_ratio_max": "-1"},
        {"portfolio_var_ratio_max": "-0.01"},
        {"portfolio_returns_min": 1},
        {"portfolio_silence_s": 0},
    ):
        with pytest.raises(ValueError, match=r".+"):
            replace(SETTINGS, **wrong)


def test_full_state() -> None:
    """A state as full as its bounds allow weighs no more than was reckoned, and no more than a host stores."""
    fold = table(replace(SETTINGS, portfolio_accounts_max=1))
    state = fold.start("desk")
    refs = [replace(ETH, instrument_id=f"INSTRUMENT{n:02}-USDT.BINANCE") for n in range(24)]
    for event in bars(*[minute(10 + n, 300_000 + n, instrument=ref) for n in range(2) for ref in refs]):
        fold.fold(state, event)
    fills = [
        fill(n, "0.12345678", f"{3000 + n}.12345678", after_ms=60 * n, instrument=refs[n % 12], fee="0.12345678")
        for n in range(330)
    ]
    for event in orders(*fills):
        fold.fold(state, event)
    assert 0.5 * fold.rules.weight < len(fold.dump(state)) <= fold.rules.weight
    assert table().rules.weight <= BLOB_BYTES_MAX


class Outbox:
    """Append what the table emits to its own log, as the platform does."""

    def __init__(self, log: MemoryLog) -> None:
        """Name the log."""
        self.log = log

    def publish(self, broker: str, event: Event) -> None:
        """Append."""
        assert broker == "desk"
        self.log.append(event)

    def bury(self, sink: str, event: Event, *, destination: str, answer: object) -> None:
        """Fail: nothing is to be buried."""
        raise AssertionError((sink, event, destination, answer))


MIXED = [ACCOUNT[1], RIGHT[0], ACCOUNT[0], LEFT[1], LEFT[0], *ACCOUNT[2:], *RIGHT[1:], *LEFT[2:], ACCOUNT[4]]
"""Streams out of order, and one event twice."""


async def test_host() -> None:
    """A host keeps one state for the desk, puts each stream in order and drops what comes twice."""
    log, hosted = MemoryLog(), compose(SETTINGS)
    consumer = TableConsumer(
        Table("portfolio", "desk", CARD.consumes), hosted, log=log, outbound=Outbox(log), sink="graves"
    )
    for event in MIXED:
        log.append(event)
    task = asyncio.create_task(consumer.run())
    await until(lambda: consumer.caught_up)
    task.cancel()
    consumer.snapshot()
    assert list(log.states("portfolio")) == ["desk"]
    emitted = [event for _, _, event in log.scan() if event.type in CARD.emits]
    assert final(read(emitted)) == final(read(run(table(), [*ACCOUNT, *LEFT, *RIGHT])))


def test_keeper() -> None:
    """The keeper that every host runs goes on from what it wrote down as if it had not stopped."""
    hosted, told = compose(SETTINGS), []

    def keeper() -> Keeper[int]:
        return Keeper(
            CARD.name,
            hosted.fold,
            emit=lambda _, events: told.extend(events),
            bury=lambda _, event, error: pytest.fail(f"{event} {error}"),
            only_key=hosted.only_key,
        )

    first, second = keeper(), keeper()
    for place, event in enumerate(MIXED[:9]):
        first.take(place, event)
    second.load(dict(first.dump()))
    for place, event in enumerate(MIXED[9:]):
        second.take(place, event)
    assert final(read(told)) == final(read(run(table(), [*ACCOUNT, *LEFT, *RIGHT])))
