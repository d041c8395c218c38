"""Ask the risk service over one lasting stream: what a caller with many orders should use."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from tickloom.risk.v1 import service_pb2, service_pb2_grpc

from functions.adapters.conversation import WAITING_MAX, Conversation
from functions.adapters.risk_client import DEADLINE_MS
from functions.domain.decisions import Verdict
from functions.domain.errors import Rejected
from functions.ports.errors import Unavailable
from functions.wire.codecs.risk import Question, questions_message, verdict_value
from functions.wire.codecs.risk_columns import ROWS_MAX, columns_message, decisions_value
from functions.wire.errors import Malformed

if TYPE_CHECKING:  # the stubs know it, their module does not
    import grpc.aio

COLUMNS_MIN: Final = 4
"""Questions of one message from which on they are asked in columns: there that takes less time on both sides."""


class RiskConversation:
    """Ask over one stream, as `Conversation` opens it.

    Args:
        target: The service's address.
        deadline_ms: How long an answer may take.
        waiting_max: Most questions that wait.
    """

    def __init__(self, target: str, *, deadline_ms: int = DEADLINE_MS, waiting_max: int = WAITING_MAX) -> None:
        """Open nothing yet."""
        failed = f"risk at {target} did not decide"
        self._conversation = Conversation(
            target, _opened, failed=failed, deadline_ms=deadline_ms, waiting_max=waiting_max
        )

    async def ask(self, questions: Sequence[Question]) -> list[Verdict]:
        """Decide on several orders, each by itself; those of one moment should be asked together, at most `ROWS_MAX`.

        Raises:
            Unavailable: Nothing was decided; the orders must not leave.
            Overloaded: The same; too many wait already, or the service asks to slow down.
            Rejected: The service cannot read a question; asking again will not help.
        """
        answer = await self._conversation.ask(lambda tag: asked_message(tag, questions))
        return self._verdicts(answer, len(questions))

    async def close(self) -> None:
        """End the conversation and let go of the channel."""
        await self._conversation.close()

    def _verdicts(self, answer: service_pb2.CheckStreamResponse, count: int) -> list[Verdict]:
        try:
            if answer.HasField("columns"):
                verdicts = decisions_value(answer.columns)
            else:
                verdicts = [verdict_value(one) for one in answer.checks]
        except Malformed as error:
            message = f"{self._conversation.failed}: its answer cannot be read: {error}"
            raise Unavailable(message) from error
        if len(verdicts) != count:
            message = f"{self._conversation.failed}: it gave {len(verdicts)} answers to {count} questions"
            raise Unavailable(message)
        return verdicts


def asked_message(tag: int, questions: Sequence[Question]) -> service_pb2.CheckStreamRequest:
    """Write questions in the form that takes less time, which depends on their number.

    Raises:
        Rejected: A figure does not fit.
    """
    if not COLUMNS_MIN <= len(questions) <= ROWS_MAX:
        return questions_message(tag, questions)
    try:
        return columns_message(tag, questions)
    except Malformed as error:
        raise Rejected(str(error)) from error


def _opened(
    channel: "grpc.aio.Channel",
) -> "grpc.aio.StreamStreamCall[service_pb2.CheckStreamRequest, service_pb2.CheckStreamResponse]":
    stub: service_pb2_grpc.RiskServiceAsyncStub = service_pb2_grpc.RiskServiceStub(channel)
    return stub.CheckStream(wait_for_ready=True)
