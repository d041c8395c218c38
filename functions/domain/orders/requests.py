"""Hold what may be asked about orders that were handed in before; `request_id` is the idempotency key of a request."""

from dataclasses import dataclass

from functions.domain.decisions import Quote


@dataclass(frozen=True, slots=True)
class CancelRequest:
    """Ask to take one order back."""

    request_id: str
    account: str
    client_order_id: str
    as_of_ns: int


@dataclass(frozen=True, slots=True)
class ReplaceRequest:
    """Ask for another total quantity and limit price: mantissas of the order's exponents; `quote` is the market now."""

    request_id: str
    account: str
    client_order_id: str
    quantity: int
    limit_price: int
    quote: Quote
    as_of_ns: int


@dataclass(frozen=True, slots=True)
class MassCancelRequest:
    """Ask to take back all that works in an account, or in one instrument of it (`instrument_id` not empty)."""

    request_id: str
    account: str
    instrument_id: str
    as_of_ns: int


@dataclass(frozen=True, slots=True)
class OrdersPage:
    """Ask for orders of an account, newest first.

    Args:
        account: Whose orders.
        working: Only those that still work.
        instrument_id: Only those of this instrument; empty for all.
        limit: Most orders of the page.
        before: Only orders that were opened before the one of this number; None begins with the newest.
    """

    account: str
    working: bool
    instrument_id: str
    limit: int
    before: int | None = None
