"""Every RPC of the orders service, as a client in any language sees it."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from functools import partial

import grpc
import grpc.aio
import pytest
from tickloom.orders.v1 import order_pb2, service_pb2, service_pb2_grpc, venue_pb2
from tickloom.risk.v1 import service_pb2 as risk_pb2
from trading import ETH, LIMITS, NOW, order, paper, serving, submission

from functions.adapters.memory_ledger import MemoryLedger
from functions.adapters.memory_venue_orders import MemoryVenue
from functions.adapters.orders_conversation import OrdersConversation
from functions.adapters.risk_memory import MemoryRisk
from functions.domain.decisions import Submission, TimeInForce
from functions.domain.errors import Rejected
from functions.runtime.outcomes import RETRIED, code_of, outcome_of
from functions.services.orders import CARD
from functions.services.orders.desk import OrderDesk
from functions.services.orders.service import OrdersServicer
from functions.services.orders.writer import Lead
from functions.wire.codecs.orders import submission_message


@dataclass(frozen=True, slots=True)
class Called:
    """Hold a stub of a service, and the venue behind it, and where it answers."""

    stub: "service_pb2_grpc.OrdersServiceAsyncStub"
    venue: MemoryVenue
    target: str


@pytest.fixture
async def called() -> AsyncIterator[Called]:
    """Serve the account `paper`, with a venue."""
    ledger, venue = MemoryLedger(), MemoryVenue()
    await ledger.open_account(paper())
    desk = OrderDesk(ledger, MemoryRisk(LIMITS), now_ns=lambda: NOW, lead=Lead("first", 600_000), venue=venue)
    await desk.start()
    servicer = OrdersServicer(desk, ledger, fault=lambda error: (code_of(error), outcome_of(error) in RETRIED))
    register = partial(service_pb2_grpc.add_OrdersServiceServicer_to_server, servicer)
    async with serving(CARD, register) as target, grpc.aio.insecure_channel(target) as channel:
        yield Called(service_pb2_grpc.OrdersServiceStub(channel), venue, target)
        await desk.close()


def asked(number: int = 1) -> service_pb2.SubmitRequest:
    """Ask for a coin at once."""
    return submission_message(submission(number))


def resting(number: int = 1) -> service_pb2.SubmitRequest:
    """Ask for a coin that waits below the bid."""
    waits = replace(order(limit=249_000), time_in_force=TimeInForce.DAY)
    one: Submission = submission(number, waits)
    return submission_message(one)


def cancel(number: int = 1) -> service_pb2.CancelRequest:
    """Take an order back."""
    return service_pb2.CancelRequest(request_id=f"c-{number}", account="paper", client_order_id=f"order-{number}")


async def test_submit_many(called: Called) -> None:
    """Orders in one message are answered in their places, each for itself; the same again gets the same answer."""
    too_large = submission_message(submission(2, order(quantity=1_000_000)))
    message = service_pb2.SubmitManyRequest(orders=[asked(1), too_large, asked(3)])
    answer = await called.stub.SubmitMany(message)
    assert [one.update.status for one in answer.orders] == [
        order_pb2.ORDER_STATUS_FILLED,
        order_pb2.ORDER_STATUS_REJECTED,
        order_pb2.ORDER_STATUS_FILLED,
    ]
    assert await called.stub.SubmitMany(message) == answer


@pytest.mark.parametrize(
    "orders",
    [[asked(number) for number in range(65)], [asked(1), submission_message(submission(2, order(account="b")))]],
)
async def test_submit_many_refused(called: Called, orders: list[service_pb2.SubmitRequest]) -> None:
    """Too many orders in a message, or orders of several accounts, are refused before one is taken."""
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await called.stub.SubmitMany(service_pb2.SubmitManyRequest(orders=orders))
    assert caught.value.code() in {grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.FAILED_PRECONDITION}
    assert (await called.stub.GetOutbox(service_pb2.GetOutboxRequest())).pending == 0


async def test_trade(called: Called) -> None:
    """In a conversation every request gets one answer, by its tag; what fails, fails alone."""
    requests = [
        service_pb2.TradeRequest(tag=1, submit=resting(1)),
        service_pb2.TradeRequest(tag=2, submit_many=service_pb2.SubmitManyRequest(orders=[asked(2), asked(3)])),
        service_pb2.TradeRequest(tag=3, cancel=cancel(1)),
        service_pb2.TradeRequest(tag=4, cancel=cancel(9)),
        service_pb2.TradeRequest(tag=5, submit=service_pb2.SubmitRequest()),
        service_pb2.TradeRequest(tag=6),
    ]
    answers = {answer.tag: answer async for answer in called.stub.Trade(iter(requests))}
    assert answers[1].submit.update.status == order_pb2.ORDER_STATUS_PENDING_NEW
    assert [one.update.client_order_id for one in answers[2].submit_many.orders] == ["order-2", "order-3"]
    assert answers[3].cancel.update.status == order_pb2.ORDER_STATUS_PENDING_CANCEL
    faults = {tag: (answers[tag].fault.code, answers[tag].fault.retry) for tag in (4, 5, 6)}
    assert faults == {
        4: ("FAILED_PRECONDITION", False),
        5: ("INVALID_ARGUMENT", False),
        6: ("INVALID_ARGUMENT", False),
    }


async def test_conversation_client(called: Called) -> None:
    """Our own client hands in one or many, gives outcomes in their places, and says what is refused for good."""
    conversation = OrdersConversation(called.target)
    (one,) = await conversation.submit([submission(1)])
    again, other = await conversation.submit([submission(1), submission(2)])
    assert (again, other.update.client_order_id) == (one, "order-2")
    assert [fill.quantity for fill in other.fills] == [1]
    with pytest.raises(Rejected, match="INVALID_ARGUMENT"):
        await conversation.submit([replace(submission(3), client_order_id="")])
    await conversation.close()


async def test_many_in_a_conversation(called: Called) -> None:
    """A conversation longer than what may wait at once is answered whole."""
    requests = (service_pb2.TradeRequest(tag=number, submit=asked(number)) for number in range(600))
    tags = [answer.tag async for answer in called.stub.Trade(requests)]
    assert sorted(tags) == list(range(600))


async def test_cancel_and_replace(called: Called) -> None:
    """A replace and then a cancel go to the venue, and the stream tells what it says, without a gap."""
    await called.stub.Submit(resting())
    stream = called.stub.WatchOrders(service_pb2.WatchOrdersRequest(account="paper"))
    seen: list[service_pb2.WatchOrdersResponse] = []

    async def until(status: "order_pb2.OrderStatus.ValueType", exec_type: "order_pb2.ExecType.ValueType") -> None:
        async for step in stream:
            seen.append(step)
            if (step.update.status, step.update.exec_type) == (status, exec_type):
                return

    await until(order_pb2.ORDER_STATUS_NEW, order_pb2.EXEC_TYPE_NEW)
    quote = risk_pb2.Quote(bid_price=249_990, bid_size=1, ask_price=250_010, ask_size=1, ts_event=NOW)
    wanted = service_pb2.ReplaceRequest(
        request_id="r-1", account="paper", client_order_id="order-1", quantity=5_000, limit_price=248_000, quote=quote
    )
    replaced = await called.stub.Replace(wanted)
    assert (replaced.update.status, replaced.update.as_of_ns) == (order_pb2.ORDER_STATUS_PENDING_REPLACE, NOW)
    await until(order_pb2.ORDER_STATUS_NEW, order_pb2.EXEC_TYPE_REPLACED)
    canceled = await called.stub.Cancel(cancel())
    assert canceled.update.request_id == "c-1"
    await until(order_pb2.ORDER_STATUS_CANCELED, order_pb2.EXEC_TYPE_CANCELED)
    assert [step.sequence for step in seen] == [step.update.sequence for step in seen] == list(range(len(seen)))
    assert (seen[-1].update.quantity, seen[-1].update.limit_price) == ("0.5", "2480")


async def test_mass_cancel_and_switch(called: Called) -> None:
    """A mass cancel answers with each order it takes back; a switch does so too, and stops trading."""
    await called.stub.Submit(resting(1))
    mass = service_pb2.MassCancelRequest(request_id="m-1", account="paper", instrument_id=ETH)
    assert [one.client_order_id for one in (await called.stub.MassCancel(mass)).updates] == ["order-1"]
    await called.venue.quiet()
    await called.stub.Submit(resting(2))
    switch = service_pb2.SetKillSwitchRequest(account="paper", engaged=True, reason="drill")
    thrown = await called.stub.SetKillSwitch(switch)
    assert (thrown.engaged, [one.client_order_id for one in thrown.updates]) == (True, ["order-2"])
    stopped = await called.stub.Submit(asked(3))
    assert stopped.update.status == order_pb2.ORDER_STATUS_REJECTED


async def test_list(called: Called) -> None:
    """Orders are listed newest first, a page at a time; a token that was never given is refused."""
    for number in range(1, 6):
        await called.stub.Submit(asked(number))
    names, token = [], ""
    for _ in range(3):
        page = await called.stub.ListOrders(
            service_pb2.ListOrdersRequest(account="paper", page_size=2, page_token=token)
        )
        names += [update.client_order_id for update in page.updates]
        token = page.next_page_token
    assert (names, token) == ([f"order-{number}" for number in range(5, 0, -1)], "")
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await called.stub.ListOrders(service_pb2.ListOrdersRequest(account="paper", page_token="x"))  # noqa: S106 - no secret
    assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT


@pytest.mark.parametrize(
    "message",
    [
        service_pb2.CancelRequest(account="paper", client_order_id="order-1"),
        service_pb2.CancelRequest(request_id="a", client_order_id="order-1"),
        service_pb2.CancelRequest(request_id="a", account="paper"),
        service_pb2.CancelRequest(request_id="a", account="paper", client_order_id="order-1", as_of_ns=-1),
    ],
)
async def test_cancel_malformed(called: Called, message: service_pb2.CancelRequest) -> None:
    """A request without its names, or before time began, is INVALID_ARGUMENT."""
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await called.stub.Cancel(message)
    assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT


async def test_report(called: Called) -> None:
    """What a venue says over the service is stored once; what it says of an order nobody handed in is refused."""
    await called.stub.Submit(resting())
    await called.venue.quiet()
    trade = venue_pb2.ExecutionReport(
        client_order_id="order-1",
        account="paper",
        exec_type=order_pb2.EXEC_TYPE_TRADE,
        as_of_ns=NOW,
        exec_id="E1",
        quantity=4_000,
        price=249_000,
    )
    strange = venue_pb2.ExecutionReport()
    strange.CopyFrom(trade)
    strange.client_order_id = "order-9"
    for report in (trade, trade):
        await called.stub.Report(service_pb2.ReportRequest(report=report))
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await called.stub.Report(service_pb2.ReportRequest(report=strange))
    assert caught.value.code() is grpc.StatusCode.FAILED_PRECONDITION
    found = await called.stub.GetOrder(service_pb2.GetOrderRequest(client_order_id="order-1"))
    assert (found.update.cumulative_quantity, len(found.fills)) == ("0.4", 1)


async def test_watch_lives(called: Called) -> None:
    """A stream that has told all that is stored tells what happens next; from a cursor it tells only what follows."""
    await called.stub.Submit(asked(1))
    stream = called.stub.WatchOrders(service_pb2.WatchOrdersRequest(account="paper", from_sequence=1))
    assert (await stream.read()).WhichOneof("step") == "fill"
    assert (await stream.read()).update.status == order_pb2.ORDER_STATUS_FILLED
    following = asyncio.ensure_future(stream.read())
    await called.stub.Submit(asked(2))
    step = await following
    assert (step.sequence, step.update.client_order_id) == (3, "order-2")
    stream.cancel()
