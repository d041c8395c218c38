"""What a venue says reaches the orders service, and nothing else does."""

from dataclasses import replace

import pytest
from trading import NOW

from functions.domain.decisions import ExecType
from functions.domain.errors import Rejected
from functions.domain.orders.life import Report
from functions.handlers.execute import CARD
from functions.handlers.execute.handler import Deps, handle
from functions.handlers.execute.main import Settings, compose
from functions.ports.errors import Unavailable
from functions.wire.codecs.venue import EXECUTION_REPORT, Reported, encode_execution_report
from functions.wire.envelope import Event
from functions.wire.errors import Malformed

TOLD = Reported("paper", "order-1", Report(ExecType.TRADE, NOW, exec_id="order-1.1", quantity=5, price=7))
EVENT = Event(
    id="cause",
    source="/tickloom/tables/paper/desk",
    type=EXECUTION_REPORT,
    data=encode_execution_report(TOLD),
    time_ns=NOW,
)


class Heard:
    """Take reports, or fail."""

    def __init__(self, error: Exception | None = None) -> None:
        """Fail with this error, if any."""
        self.told: list[Reported] = []
        self._error = error

    async def report(self, told: Reported) -> None:
        """Take one."""
        if self._error is not None:
            raise self._error
        self.told.append(told)


async def test_hands_on() -> None:
    """A report is handed on as it was said, each time it comes, and the deliverer is told nothing."""
    heard = Heard()
    assert [await handle(EVENT, deps=Deps(heard.report)) for _ in range(2)] == [None, None]
    assert heard.told == [TOLD, TOLD]


@pytest.mark.parametrize("error", [Unavailable("down"), Rejected("no such order")])
async def test_errors_are_the_deliverers(error: Exception) -> None:
    """What the service cannot store, or refuses for good, is said as it is: tried again, or a dead letter."""
    with pytest.raises(type(error)):
        await handle(EVENT, deps=Deps(Heard(error).report))


@pytest.mark.parametrize("wrong", [replace(EVENT, type="another"), replace(EVENT, data=b"\xff")])
async def test_refuses_what_is_no_report(wrong: Event) -> None:
    """Another event, or other bytes, is malformed and reaches nobody."""
    heard = Heard()
    with pytest.raises(Malformed):
        await handle(wrong, deps=Deps(heard.report))
    assert heard.told == []


async def test_composes() -> None:
    """It is composed from its settings without opening anything; a deadline of nothing is refused."""
    hosted = compose(Settings())
    assert hosted.card is CARD
    await hosted.close()
    with pytest.raises(ValueError, match="orders_deadline_ms"):
        Settings(orders_deadline_ms=0)
