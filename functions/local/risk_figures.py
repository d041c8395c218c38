"""Time risk: the decision by itself, and the ways to ask for one over loopback."""

import asyncio
import contextlib
import pathlib
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import replace
from decimal import Decimal
from functools import partial
from typing import Final

from functions.adapters.memory_kill_switch import MemoryKillSwitches
from functions.adapters.memory_limits import MemoryLimits
from functions.adapters.risk_client import GrpcRisk
from functions.adapters.risk_conversation import RiskConversation, asked_message
from functions.adapters.risk_engine import RiskEngine
from functions.domain.decisions import AccountState, OrderIntent, Quote, Side
from functions.domain.risk import RiskState
from functions.local.echo import HOST
from functions.local.figures import Figure, quantiles
from functions.local.round_trips import ANSWER_MS, MESSAGED, STREAMED, UNARY, Way, echoes, streamed
from functions.services.risk import main as risk
from functions.wire.codecs.limits import decode_limits
from functions.wire.codecs.risk import Question

MANY: Final = 50
"""Questions in one message."""

POSITIONS: Final = 50
WORKING: Final = 200
"""What the account holds on which decisions are timed."""

NOW_NS: Final = 1_700_000_000_000_000_000
HOUR_S: Final = 3600.0


# --- the decision by itself -------------------------------------------------------------------------------------------


def question() -> tuple[OrderIntent, Quote, AccountState, int]:
    """Give an order that the shipped limits accept, with its market, account and time."""
    order = OrderIntent("bench", "ETH-USDT.BINANCE", Side.BUY, 10_000, 250_010, price_exponent=-2, size_exponent=-4)
    quote = Quote(bid_price=249_990, bid_size=50_000, ask_price=250_010, ask_size=50_000, ts_event=NOW_NS)
    capital = Decimal(1_000_000)
    return order, quote, AccountState(capital, Decimal(0), position=0, position_price=0, equity=capital), NOW_NS


def questions(count: int) -> list[Question]:
    """Ask for an order in each of so many instruments, as at a bar's close; the account holds every other of them."""
    order, quote, account, now_ns = question()
    gross = Decimal(250) * (count // 2)
    busy = replace(account, gross_exposure=gross, net_exposure_low=gross, net_exposure_high=gross)
    return [
        Question(
            replace(order, instrument_id=f"INSTRUMENT-{number}.BENCH", limit_price=order.limit_price - number),
            quote,
            replace(busy, position=1000 * (number % 2), position_price=250_000),
            now_ns,
        )
        for number in range(count)
    ]


def in_process(calls: int) -> Iterator[Figure]:
    """Time decisions of an account with 50 positions and 200 working orders, one by one, garbage collector frozen."""
    p50, p99 = quantiles(asyncio.run(_decisions(max(calls, 2 * POSITIONS))))
    name = f"risk: one decision, {POSITIONS} positions and {WORKING} working orders"
    yield Figure(f"{name}, p50", p50 * 1e6, "us")
    yield Figure(f"{name}, p99", p99 * 1e6, "us", "20")


async def _decisions(calls: int) -> list[float]:
    limits = decode_limits((pathlib.Path(risk.__file__).parent / "limits.json").read_bytes())
    engine = RiskEngine(MemoryLimits(), MemoryKillSwitches(), shipped=limits, refresh_s=HOUR_S)
    await engine.start()
    try:
        state, orders = _busy_account()
        _, quote, _, now_ns = question()
        taken = []
        for number in range(calls):
            order = orders[number % POSITIONS]
            began = time.perf_counter()
            verdict = engine.decide(order, quote, state, as_of_ns=now_ns)
            taken.append(time.perf_counter() - began)
            assert verdict.accepted, verdict  # noqa: S101 - else less than all rules would be timed
        return taken[POSITIONS:]  # each instrument's limits are merged the first time
    finally:
        await engine.close()


def _busy_account() -> tuple[RiskState, list[OrderIntent]]:
    """Make an account that holds every instrument, long and short, with orders that rest; give an order for each."""
    order, quote, _, now_ns = question()
    names = [f"INSTRUMENT-{number}.BENCH" for number in range(POSITIONS)]
    signs = [1 if number % 2 else -1 for number in range(POSITIONS)]
    capital, price = Decimal(10_000_000), Decimal(2500)
    held = [(name, Decimal(sign), price) for name, sign in zip(names, signs, strict=True)]
    state = RiskState(capital, capital, held)
    for number in range(WORKING):
        name, away = names[number % POSITIONS], 1 + number // POSITIONS
        side, limit = (Side.BUY, 249_980 - away) if away % 2 else (Side.SELL, 250_020 + away)
        rests = replace(order, instrument_id=name, side=side, limit_price=limit, quantity=1000)
        state.apply_accepted(f"order-{number}", rests, quote, as_of_ns=now_ns - 10 * 10**9)
    return state, [replace(order, instrument_id=name) for name in names]


# --- round trips ------------------------------------------------------------------------------------------------------


@contextlib.asynccontextmanager
async def ways(ports: Mapping[str, int]) -> AsyncIterator[list[Way]]:
    """Open every way to ask risk, each beside an echo of its bytes, and the stream beside one of its messages, too.

    Args:
        ports: Ports of `risk`, `echo-grpc` and `echo-tcp` on loopback.
    """
    asked = Question(*question())
    one, many = ([asked], questions(MANY))
    small, large = (asked_message(0, asks).SerializeToString() for asks in (one, many))
    ask = partial(asked_message, 0, one)
    address = f"{HOST}:{ports['risk']}"
    client, conversation = GrpcRisk(address, deadline_ms=ANSWER_MS), RiskConversation(address, deadline_ms=ANSWER_MS)
    async with contextlib.AsyncExitStack() as stack:
        stack.push_async_callback(client.close)
        stack.push_async_callback(conversation.close)
        tcp, unary, stream, messages, streams = await stack.enter_async_context(echoes(ports, ask, large, MANY))
        check = partial(
            client.check, asked.order, asked.quote, account=asked.account, as_of_ns=asked.as_of_ns, status=asked.status
        )
        assert all(one.accepted for one in await conversation.ask(many))  # noqa: S101 - else rejections would be timed
        yield [
            tcp,
            unary,
            Way("risk check, unary", len(small), 1, check, (UNARY,)),
            stream,
            messages,
            Way("risk check, stream", len(small), 1, partial(conversation.ask, one), (MESSAGED, STREAMED)),
            streams,
            Way(
                f"risk checks, stream, {MANY} in a message",
                len(large),
                MANY,
                partial(conversation.ask, many),
                (streamed(MANY),),
            ),
        ]
