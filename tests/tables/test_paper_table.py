"""The paper table hears requests without numbers and bars in order, and reports on one stream."""

from collections.abc import Sequence
from dataclasses import replace

import pytest
from barred import Bar
from trading import NOW, order
from venued import BASE, REF, bars, passed, resting, second

from functions.domain.decisions import ExecType, OrderStatus, TimeInForce
from functions.domain.market import BAR_FINAL, BAR_REVISED, NS_PER_S
from functions.domain.orders.resting import (
    BARS_KEPT,
    ENDED_MAX,
    EXECUTIONS_KEPT,
    HELD_MAX,
    INSTRUMENTS_MAX,
    ORDERS_MAX,
    Execution,
    Key,
    PaperBook,
    VenueRules,
    enter,
    speak,
    withdraw,
)
from functions.runtime.keeping import Keeper
from functions.tables.paper import CARD
from functions.tables.paper.main import Settings, compose
from functions.tables.paper.state import BLOB_BYTES_MAX, Desk, dump, load
from functions.tables.paper.table import PaperTable
from functions.wire import facts
from functions.wire.codecs.market import GAP_DETECTED
from functions.wire.codecs.venue import (
    EXECUTION_REPORT,
    VENUE_REQUEST,
    Asked,
    Reported,
    VenueRequest,
    decode_execution_report,
    encode_venue_request,
)
from functions.wire.envelope import Event
from functions.wire.errors import Malformed


def table(settings: Settings = Settings()) -> PaperTable:  # noqa: B008 - frozen
    """Compose the table as a host does."""
    fold = compose(settings).fold
    assert isinstance(fold, PaperTable)
    return fold


def ask(kind: Asked = Asked.NEW, number: int = 1, *, quantity: int = 15, limit: int = 300_001) -> Event:
    """Ask the venue about order `order-<number>`, handed in as time begins."""
    asked = replace(order(quantity=quantity, limit=limit), time_in_force=TimeInForce.GOOD_TILL_CANCEL)
    request = VenueRequest(
        kind=kind,
        client_order_id=f"order-{number}",
        account="paper",
        request_id="" if kind is Asked.NEW else f"{kind.value}-{number}",
        number=number,
        order=asked,
        quantity=quantity,
        limit_price=limit,
        as_of_ns=NOW,
    )
    return Event(
        id=f"{kind.value}-{number}",
        source=facts.source_of("services", "orders", "paper"),
        type=VENUE_REQUEST,
        data=encode_venue_request(request),
        extensions={"partitionkey": CARD.key},
    )


def run(given: Sequence[Event], fold: PaperTable | None = None) -> list[Event]:
    """Keep the table as its hosts do, over events in this order."""
    hosted = compose(Settings())
    out: list[Event] = []
    keeper = Keeper[int](
        CARD.name,
        fold or hosted.fold,
        emit=lambda _, events: out.extend(events),
        bury=lambda _, __, error: pytest.fail(str(error)),
        only_key=hosted.only_key,
        unnumbered=hosted.unnumbered,
    )
    for place, event in enumerate(given):
        keeper.take(place, event)
    return out


def read(events: Sequence[Event]) -> list[Reported]:
    """Read what was emitted."""
    return [decode_execution_report(one.data or b"") for one in events]


def test_events() -> None:
    """Reports are one stream of the desk, numbered from 0, caused by what let them be said."""
    given = [ask(), passed(0), passed(1)]
    told = run(given)
    assert [one.report.exec_type for one in read(told)] == [ExecType.NEW, ExecType.TRADE, ExecType.TRADE]
    assert [one.report.quantity for one in read(told)] == [0, 10, 5]
    assert {(one.type, one.source) for one in told} == {(EXECUTION_REPORT, "/tickloom/tables/paper/desk")}
    assert [one.extensions["sequence"] for one in told] == [facts.sequence_text(n) for n in range(3)]
    assert [one.extensions["causationid"] for one in told] == [one.id for one in given]
    assert {one.extensions["partitionkey"] for one in told} == {"desk"}


def test_requests_again() -> None:
    """A request that comes again changes nothing, though the table numbers none: the order trades once."""
    told = run([ask(), ask(), passed(0), ask(), passed(1), ask(), passed(2)])
    assert sum(one.report.quantity for one in read(told)) == 15


def test_other_bars_pass() -> None:
    """Only final bars of one second fill: longer ones hold the same trades, and revisions come too late."""
    again = Bar(bar=BASE, volume=40, finality=BAR_REVISED, revision=1)
    minute = Bar(bar=(BASE + 60) // 60, interval_s=60, volume=40, finality=BAR_FINAL)
    assert len(run([ask(), bars(0, again, minute)])) == 1


def test_cancel_and_status() -> None:
    """A cancel ends an order, a status request tells how it stands, and both answer by their request's id."""
    told = read(run([ask(), passed(0), ask(Asked.CANCEL), ask(Asked.STATUS), ask(Asked.STATUS, 9), passed(1)]))
    found = [(one.account, one.report.exec_type, one.report.request_id) for one in told[2:]]
    assert found == [
        ("paper", ExecType.CANCELED, "cancel-1"),
        ("paper", ExecType.TRADE, ""),
        ("paper", ExecType.ORDER_STATUS, "status-1"),
        ("", ExecType.ORDER_STATUS, "status-9"),
    ]
    assert [(one.report.status, one.report.quantity) for one in told[4:]] == [(OrderStatus.CANCELED, 10), (None, 0)]


def test_replaces() -> None:
    """A replace changes what the venue fills."""
    told = read(run([ask(), ask(Asked.REPLACE, quantity=4), passed(0)]))
    assert [(one.report.exec_type, one.report.quantity) for one in told[1:]] == [
        (ExecType.REPLACED, 0),
        (ExecType.TRADE, 4),
    ]


def test_slow_order() -> None:
    """An order that comes behind bars of its time has the executions of one on time."""
    late, soon = read(run([passed(0), passed(1), ask()])), read(run([ask(), passed(0), passed(1)]))
    assert [one.report for one in late] == [one.report for one in soon]


def test_goes_on_from_what_was_written() -> None:
    """A state written down in the middle of a story goes on as one that never was, byte for byte."""
    story = [ask(quantity=35), passed(0), ask(number=2), passed(1), ask(Asked.CANCEL, 2), ask(Asked.STATUS), passed(2)]
    fold = table(Settings(paper_latency_ms=10, paper_maker_bps="-0.5", paper_silent_until_ns=NOW + 2 * NS_PER_S))
    state, told = fold.start(CARD.key), [list[Event](), list[Event]()]
    again = fold.start(CARD.key)
    for event in story:
        again = fold.load(CARD.key, fold.dump(again))
        told[0] += fold.fold(state, event)[1]
        told[1] += fold.fold(again, event)[1]
    assert told[0] == told[1]
    assert fold.dump(state) == fold.dump(again)
    assert {one.report.exec_type for one in read(told[0])} > {ExecType.NEW, ExecType.TRADE, ExecType.CANCELED}


def test_a_full_state_fits() -> None:
    """A venue that is full of everything it bounds weighs less than a host stores, ids of the usual length."""
    book = PaperBook(VenueRules(silent_until_ns=2 * NOW))
    for number in range(ENDED_MAX + ORDERS_MAX):
        one = replace(resting(quantity=10**12, limit=10**9), client_order_id=f"{number:036}")
        speak(book, enter(book, one))
        if number < ENDED_MAX:
            speak(book, withdraw(book, Key("paper", one.client_order_id), f"{number:036}", as_of_ns=NOW))
    for at in range(BARS_KEPT):
        for number in range(INSTRUMENTS_MAX):
            ref = replace(REF, instrument_id=f"LONG{number}-USDT.BINANCE")
            second(book, at, low=10**10, high=10**10, bid=10**10, ask=10**10, volume=2**50, ref=ref)
    for kept in (*book.resting.values(), *book.ended.values()):
        kept.executed = 10**4
        kept.executions.extend(Execution(10**4, NOW, 10**12, 10**9, took=False) for _ in range(EXECUTIONS_KEPT))
    assert (len(book.held), len(book.markets), len(book.resting), len(book.ended)) == (
        HELD_MAX,
        INSTRUMENTS_MAX,
        ORDERS_MAX,
        ENDED_MAX,
    )
    blob = dump(Desk(book, 10**9))
    assert len(blob) <= BLOB_BYTES_MAX
    assert dump(load(blob, book.rules)) == blob


def test_faults_follow_from_settings() -> None:
    """A venue told to refuse every order refuses them; nothing rests."""
    (event,) = run([ask()], table(Settings(paper_reject_bps=10_000)))
    assert read([event])[0].report.exec_type is ExecType.REJECTED


@pytest.mark.parametrize(
    "wrong",
    [
        {"paper_share_bps": 10_001},
        {"paper_reject_bps": -1},
        {"paper_latency_ms": -1},
        {"paper_silent_from_ns": 2, "paper_silent_until_ns": 1},
        {"paper_maker_bps": "1e3"},
    ],
)
def test_settings_are_checked(wrong: dict[str, int]) -> None:
    """A venue that cannot be is refused at the start."""
    with pytest.raises(ValueError, match=r".+"):
        Settings(**wrong)  # type: ignore[arg-type] # wrong on purpose


def test_refuses_what_it_cannot_read() -> None:
    """Other events, other bytes and an order of another account than its request's are malformed."""
    fold = table()
    state = fold.start(CARD.key)
    mixed = VenueRequest(Asked.NEW, "o", "other", order=order(), quantity=1, limit_price=1)
    for wrong in (
        replace(passed(0), type=GAP_DETECTED),
        replace(passed(0), data=b"\xff"),
        replace(ask(), data=encode_venue_request(mixed)),
    ):
        with pytest.raises(Malformed):
            fold.fold(state, wrong)
    with pytest.raises(Malformed):
        fold.load(CARD.key, b"\x00")
    assert fold.dump(state) == fold.dump(fold.start(CARD.key))
