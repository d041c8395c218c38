"""Hand orders to the orders service over one lasting stream: what a caller with many of them should use."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from tickloom.orders.v1 import service_pb2, service_pb2_grpc

from functions.adapters.conversation import WAITING_MAX, Conversation
from functions.adapters.orders_client import DEADLINE_MS
from functions.domain.decisions import OrderOutcome, Submission
from functions.ports.errors import Unavailable
from functions.wire.codecs.orders import outcome_value, submission_message
from functions.wire.errors import Malformed

if TYPE_CHECKING:  # the stubs know it, their module does not
    import grpc.aio


class OrdersConversation:
    """Hand in over one stream, as `Conversation` opens it.

    Args:
        target: The service's address.
        deadline_ms: How long an answer may take.
        waiting_max: Most questions that wait.
    """

    def __init__(self, target: str, *, deadline_ms: int = DEADLINE_MS, waiting_max: int = WAITING_MAX) -> None:
        """Open nothing yet."""
        failed = f"orders at {target} gave no answer"
        self._conversation = Conversation(
            target, _opened, failed=failed, deadline_ms=deadline_ms, waiting_max=waiting_max
        )

    async def submit(self, submissions: Sequence[Submission]) -> list[OrderOutcome]:
        """Hand in orders of one account together, at most 64; the same client_order_id gets the first answer.

        Raises:
            Unavailable: The outcome is unknown; ask again with the same ids.
            Overloaded: The same; too many wait already, or the service asks to slow down.
            Rejected: The service refuses them for good; nothing was stored.
        """
        answer = await self._conversation.ask(lambda tag: trade_message(tag, submissions))
        answered = answer.submit_many.orders if answer.HasField("submit_many") else [answer.submit]
        if len(answered) != len(submissions):
            message = f"{self._conversation.failed}: {len(answered)} outcomes of {len(submissions)} orders"
            raise Unavailable(message)
        try:
            return [outcome_value(one) for one in answered]
        except Malformed as error:
            message = f"{self._conversation.failed} that can be read: {error}"
            raise Unavailable(message) from error

    async def close(self) -> None:
        """End the conversation and let go of the channel."""
        await self._conversation.close()


def trade_message(tag: int, submissions: Sequence[Submission]) -> service_pb2.TradeRequest:
    """Write what is handed in at once."""
    if len(submissions) == 1:
        return service_pb2.TradeRequest(tag=tag, submit=submission_message(submissions[0]))
    many = service_pb2.SubmitManyRequest(orders=map(submission_message, submissions))
    return service_pb2.TradeRequest(tag=tag, submit_many=many)


def _opened(
    channel: "grpc.aio.Channel",
) -> "grpc.aio.StreamStreamCall[service_pb2.TradeRequest, service_pb2.TradeResponse]":
    stub: service_pb2_grpc.OrdersServiceAsyncStub = service_pb2_grpc.OrdersServiceStub(channel)
    return stub.Trade(wait_for_ready=True)
