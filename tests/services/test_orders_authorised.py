"""The orders service behind its door: what is another's cannot be told from what is not there."""

import pathlib
import time
from collections.abc import AsyncIterator
from functools import partial
from typing import Any

import grpc
import grpc.aio
import pytest
from identified import claims, hosting, token
from tickloom.orders.v1 import service_pb2, service_pb2_grpc
from trading import LIMITS, NOW, order, paper, submission

from functions.adapters.memory_ledger import MemoryLedger
from functions.adapters.risk_memory import MemoryRisk
from functions.domain.orders.account import open_account
from functions.runtime import grpc_app
from functions.runtime.hosting import HostedService
from functions.services.orders import CARD
from functions.services.orders.desk import OrderDesk
from functions.services.orders.service import OrdersServicer
from functions.services.orders.writer import Lead
from functions.wire.codecs.orders import submission_message

OURS = {"alice": "paper", "bob": "another"}


@pytest.fixture
async def stub(tmp_path: pathlib.Path) -> AsyncIterator[Any]:
    """Serve two accounts, each with a trader of its own."""
    ledger = MemoryLedger()
    await ledger.open_account(paper())
    await ledger.open_account(open_account("another", paper().capital, ()))
    desk = OrderDesk(ledger, MemoryRisk(LIMITS), now_ns=lambda: NOW, lead=Lead("first", 600_000), stored=lambda: None)
    servicer = OrdersServicer(desk, ledger, fault=lambda error: (type(error).__name__, False))
    register = partial(service_pb2_grpc.add_OrdersServiceServicer_to_server, servicer)
    hosted = HostedService(CARD, register, ())
    running = await grpc_app.start(hosted, host="127.0.0.1", port=0, hosting=hosting(tmp_path))
    async with grpc.aio.insecure_channel(f"127.0.0.1:{running.port}") as channel:
        yield service_pb2_grpc.OrdersServiceStub(channel)
    await running.stop()
    await desk.close()


def show(who: str) -> tuple[tuple[str, str], ...]:
    """Show a trader's token."""
    return (("authorization", f"Bearer {token(claims(time.time(), sub=who, accounts=[OURS[who]]))}"),)


async def refusal(call: Any) -> tuple[str, str, object]:  # noqa: ANN401 - a call
    """Give all that a refused caller sees."""
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call
    return caught.value.code().name, caught.value.details() or "", caught.value.trailing_metadata()


async def test_orders_of_others_are_not_there(stub: Any) -> None:  # noqa: ANN401 - typed for both kinds of channel
    """Bob sees of Alice's order what he sees of one there is not: the same answer, in every part."""
    asked = submission_message(submission())
    await stub.Submit(asked, metadata=show("alice"), timeout=5)
    named = service_pb2.GetOrderRequest(client_order_id=asked.client_order_id)
    answer = await stub.GetOrder(named, metadata=show("alice"), timeout=5)
    assert answer.update.account == "paper"
    hidden = await refusal(stub.GetOrder(named, metadata=show("bob"), timeout=5))
    missing = await refusal(
        stub.GetOrder(service_pb2.GetOrderRequest(client_order_id="order-9"), metadata=show("bob"), timeout=5)
    )
    assert hidden == ("NOT_FOUND", missing[1].replace("order-9", asked.client_order_id), missing[2])


async def test_orders_of_others_are_not_moved(stub: Any) -> None:  # noqa: ANN401 - as above
    """Bob can neither name Alice's account, nor her order under his own."""
    asked = submission_message(submission())
    await stub.Submit(asked, metadata=show("alice"), timeout=5)
    mine = submission_message(submission(asked=order(account="another")))
    cancel = service_pb2.CancelRequest(request_id="c", account="paper", client_order_id=asked.client_order_id)
    found = [
        (await refusal(call))[0]
        for call in (
            stub.Submit(asked, metadata=show("bob"), timeout=5),
            stub.Submit(mine, metadata=show("bob"), timeout=5),
            stub.Cancel(cancel, metadata=show("bob"), timeout=5),
            stub.Cancel(
                service_pb2.CancelRequest(request_id="c", account="another", client_order_id=asked.client_order_id),
                metadata=show("bob"),
                timeout=5,
            ),
        )
    ]
    assert found == ["PERMISSION_DENIED", "FAILED_PRECONDITION", "PERMISSION_DENIED", "FAILED_PRECONDITION"]
