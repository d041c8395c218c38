"""Make orders, quotes, accounts and limits for tests; ETH with cents and lots of 0.0001."""

import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from types import MappingProxyType

import grpc.aio

import functions.services.risk
from functions.domain.decisions import AccountState, OrderIntent, Quote, Side, Submission
from functions.domain.orders.account import Account, Position, open_account
from functions.domain.risk import InstrumentLimits, Limits
from functions.ports.card import Card
from functions.runtime import grpc_app
from functions.runtime.hosting import HostedService
from functions.runtime.settings import Hosting
from functions.wire.codecs.limits import decode_limits

ETH = "ETH-USDT.BINANCE"
NOW = 1_700_000_000_000_000_000
QUOTE = Quote(bid_price=249_990, bid_size=50_000, ask_price=250_010, ask_size=50_000, ts_event=NOW)
"""Bid 2499.90, ask 2500.10, five coins each: the mid is 2500."""

LIMITS = Limits(
    version="test",
    exposure_ratio_max=Decimal("0.95"),
    quote_age_ms_max=10_000,
    quote_ahead_ms_max=10_000,
    default=InstrumentLimits(Decimal(50_000), Decimal(100_000), Decimal(100)),
)
WIDE = replace(LIMITS, default=InstrumentLimits(Decimal(10**9), Decimal(10**9), Decimal(10_000)))


def order(side: Side = Side.BUY, quantity: int = 10_000, limit: int = 250_010, account: str = "paper") -> OrderIntent:
    """Ask for a coin (10,000 units) at 2500.10."""
    return OrderIntent(account, ETH, side, quantity, limit, price_exponent=-2, size_exponent=-4)


def submission(number: int = 1, asked: OrderIntent | None = None, quote: Quote = QUOTE) -> Submission:
    """Hand an order in; its number makes its id."""
    return Submission(f"order-{number}", asked or order(), quote, NOW, f"signal-{number}", "cause", "correlation")


def state(capital: str = "1000000", gross: str = "0", position: int = 0, price: int = 0) -> AccountState:
    """Describe an account to risk."""
    return AccountState(Decimal(capital), Decimal(gross), position, price)


def paper(capital: int = 1_000_000, *positions: Position) -> Account:
    """Open the account `paper`."""
    return open_account("paper", Decimal(capital), positions)


def with_limits(**changes: Decimal) -> Limits:
    """Change the limits of ETH."""
    assert LIMITS.default is not None
    return replace(LIMITS, instruments=MappingProxyType({ETH: replace(LIMITS.default, **changes)}))


def shipped_limits() -> Limits:
    """Read the limits that ship with the service."""
    return decode_limits((Path(functions.services.risk.__file__).parent / "limits.json").read_bytes())


@contextlib.asynccontextmanager
async def serving(card: Card, register: Callable[[grpc.aio.Server], None]) -> AsyncIterator[str]:
    """Serve on a free loopback port as a process of ours does; give its address."""
    hosted = HostedService(card, register, ())
    running = await grpc_app.start(hosted, host="127.0.0.1", port=0, hosting=Hosting(drain_ms=0, graceful_s=1))
    try:
        yield f"127.0.0.1:{running.port}"
    finally:
        await running.stop()
