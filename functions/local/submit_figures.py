"""Time orders that are handed in: checked, executed and stored in PostgreSQL before each is answered.

Orders are immediate, against the quote that they come with, so that none works on and a run may be as long as it likes;
buys and sells take turns. Limits are wide, for what is refused is stored sooner.
"""

import contextlib
import itertools
import json
import pathlib
import time
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from functools import partial
from typing import Final
from uuid import uuid4

from functions.adapters.orders_client import GrpcOrders
from functions.adapters.orders_conversation import OrdersConversation, trade_message
from functions.domain.decisions import OrderIntent, OrderOutcome, OrderStatus, Quote, Side, Submission
from functions.local.echo import HOST
from functions.local.round_trips import ANSWER_MS, STREAMED, UNARY, Way, streamed

MANY: Final = 50
"""Orders in one message."""

ACCOUNT: Final = "bench"
CAPITAL: Final = "1000000000"
LIMITS: Final = {
    "exposure_ratio_max": "0.95",
    "quote_age_ms_max": 60_000,
    "quote_ahead_ms_max": 60_000,
    "default": {
        "order_notional_max": "1000000",
        "position_notional_max": "100000000",
        "price_collar_bps_max": "100",
    },
}
"""Wide, and without rates; in force while the database has none."""

_WEIGHT: Final = 4
"""An order takes about as many times longer than a check."""


def settings(folder: pathlib.Path) -> dict[str, str]:
    """Write the limits down; say how the orders service is started."""
    folder.mkdir(parents=True, exist_ok=True)
    limits = folder / "limits.json"
    limits.write_text(json.dumps(LIMITS))
    return {
        "TICKLOOM_ACCOUNT": ACCOUNT,
        "TICKLOOM_CAPITAL": CAPITAL,
        "TICKLOOM_ORDERS_VENUE": "",
        "TICKLOOM_RISK_LIMITS_PATH": str(limits),
    }


@contextlib.asynccontextmanager
async def ways(ports: Mapping[str, int]) -> AsyncIterator[list[Way]]:
    """Open every way to hand in orders.

    Args:
        ports: Port of `orders` on loopback.
    """
    asked, address = orders(), f"{HOST}:{ports['orders']}"
    client, conversation = (
        GrpcOrders(address, deadline_ms=ANSWER_MS),
        OrdersConversation(address, deadline_ms=ANSWER_MS),
    )

    async def unary() -> None:
        _check([await client.submit(next(asked))])

    async def streaming(count: int) -> None:
        _check(await conversation.submit(list(itertools.islice(asked, count))))

    async with contextlib.AsyncExitStack() as stack:
        stack.push_async_callback(client.close)
        stack.push_async_callback(conversation.close)
        size, sizes = (trade_message(1, list(itertools.islice(asked, count))).ByteSize() for count in (1, MANY))
        name = f"orders submitted, stream, {MANY} in a message"
        yield [
            Way("order submitted, unary", size, 1, unary, (UNARY,), _WEIGHT),
            Way("order submitted, stream", size, 1, partial(streaming, 1), (STREAMED,), _WEIGHT),
            Way(name, sizes, MANY, partial(streaming, MANY), (streamed(MANY),), _WEIGHT * MANY // 2),
        ]


def _check(outcomes: Sequence[OrderOutcome]) -> None:
    """Refuse orders that were refused, which takes less time."""
    assert all(one.update.status is OrderStatus.FILLED for one in outcomes), outcomes  # noqa: S101 - a bug of ours


def orders() -> Iterator[Submission]:
    """Give orders for ever: a coin each, bought and sold in turns, at the quote of the moment."""
    run = uuid4().hex[:8]
    for number in itertools.count():
        side, limit = ((Side.BUY, 250_010), (Side.SELL, 249_990))[number % 2]
        now_ns = time.time_ns()
        quote = Quote(bid_price=249_990, bid_size=50_000, ask_price=250_010, ask_size=50_000, ts_event=now_ns)
        order = OrderIntent(ACCOUNT, "ETH-USDT.BINANCE", side, 10_000, limit, price_exponent=-2, size_exponent=-4)
        yield Submission(f"{run}-{number}", order, quote, now_ns, "", "", "")
