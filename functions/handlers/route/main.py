"""Bind `route` to the orders service, and serve it."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from typing import Final

import functions_framework.aio
from starlette.requests import Request
from starlette.responses import Response

from functions.adapters.orders_client import DEADLINE_MS, GrpcOrders
from functions.domain.money import plain_decimal
from functions.domain.orders.intents import Grid, Sizing
from functions.handlers.route import CARD, handler
from functions.runtime import event_app
from functions.runtime.hosting import HostedHandler

SIGNAL_AGE_S_MAX: Final = 300.0


@dataclass(frozen=True, slots=True)
class Settings:
    """Say where orders go, and how large and how eager they are.

    Args:
        orders_target: Address of the orders service, `host:port`.
        orders_deadline_ms: Longest wait for an order's outcome before the signal is delivered again.
        account: Account that trades.
        order_notional: Value of an order at full confidence, quote currency, a plain decimal; of chances that outcomes
            bear out, the signal's share of the capital is taken instead.
        slippage_bps: How far through the opposite quote a limit may lie, basis points, a plain decimal.
        capital: The account's capital, of which signals name shares, a plain decimal.
        order_notional_max: Most value of an order, a plain decimal: more is cut, for risk would refuse it whole.
        signal_age_s_max: Oldest signal that becomes an order, seconds since its bar ended: what comes late after an
            outage is of a market that has gone. 0: any age, as a replay says.
        order_multipliers: What a unit of an instrument's quantity stands for, each `INSTRUMENT=UNITS`, as limits say.
        order_grids: Of what an instrument's prices and quantities are multiples, each `INSTRUMENT=TICK/LOT`, as its
            venue says: one that refuses other prices needs it, for a price's decimals do not tell.
    """

    orders_target: str = "127.0.0.1:50053"
    orders_deadline_ms: int = DEADLINE_MS
    account: str = "paper"
    order_notional: str = "10000"
    slippage_bps: str = "10"
    capital: str = "1000000"
    order_notional_max: str = "50000"
    signal_age_s_max: float = SIGNAL_AGE_S_MAX
    order_multipliers: tuple[str, ...] = ()
    order_grids: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Refuse sizes that cannot be."""
        if self.orders_deadline_ms < 1:
            message = "orders_deadline_ms must be at least 1"
            raise ValueError(message)
        if not 0 <= self.signal_age_s_max < math.inf:
            message = "signal_age_s_max must be 0 or more seconds"
            raise ValueError(message)
        values = (self.order_notional, self.capital, self.order_notional_max)
        if min(map(plain_decimal, values)) <= 0 or plain_decimal(self.slippage_bps) < 0:
            message = "order_notional, capital and order_notional_max must be more than 0 and slippage_bps not negative"
            raise ValueError(message)
        multipliers_of(self.order_multipliers)
        grids_of(self.order_grids)


def multipliers_of(texts: Iterable[str]) -> dict[str, Decimal]:
    """Read what units stand for.

    Raises:
        ValueError: A text is not written `INSTRUMENT=UNITS`, or the units are not positive.
    """
    found = {}
    for text in texts:
        name, _, units = text.partition("=")
        found[name] = plain_decimal(units)
        if not name or found[name] <= 0:
            message = f"multiplier {text!r} is not written INSTRUMENT=UNITS, above 0"
            raise ValueError(message)
    return found


def grids_of(texts: Iterable[str]) -> dict[str, Grid]:
    """Read steps of prices and quantities.

    Raises:
        ValueError: A text is not written `INSTRUMENT=TICK/LOT`, or a step is not positive.
    """
    found = {}
    for text in texts:
        name, _, steps = text.partition("=")
        tick, slash, lot = steps.partition("/")
        if not (name and slash):
            message = f"grid {text!r} is not written INSTRUMENT=TICK/LOT, as ES-2612.CME=0.25/1"
            raise ValueError(message)
        found[name] = Grid(plain_decimal(tick), plain_decimal(lot))
        if min(found[name].tick, found[name].lot) <= 0:
            message = f"grid {text!r} has a step that is not above 0"
            raise ValueError(message)
    return found


def compose(settings: Settings) -> HostedHandler:
    """Join the handler with its client; the channel opens with the first order."""
    orders = GrpcOrders(settings.orders_target, deadline_ms=settings.orders_deadline_ms)
    sizing = Sizing(
        settings.account,
        plain_decimal(settings.order_notional),
        plain_decimal(settings.slippage_bps),
        capital=plain_decimal(settings.capital),
        order_notional_max=plain_decimal(settings.order_notional_max),
        multipliers=multipliers_of(settings.order_multipliers),
        grids=grids_of(settings.order_grids),
    )
    handle = partial(handler.handle, deps=handler.Deps(orders, sizing))
    measures = partial(handler.measures, sizing=sizing)
    return HostedHandler(CARD, handle, orders.close, measures, age_s_max=settings.signal_age_s_max)


respond = event_app.endpoint(Settings, compose)


@functions_framework.aio.http
async def handle(request: Request) -> Response:
    """Answer one request; functions-framework finds this name."""
    return await respond(request)


if __name__ == "__main__":
    event_app.serve(respond, handle)
