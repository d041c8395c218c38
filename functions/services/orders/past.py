"""Find in the ledger what an account sent of late, so that rates hold across a restart."""

from typing import Final

from functions.domain.decisions import ExecType, OrderUpdate, Side
from functions.domain.risk.state import Asked, RiskState
from functions.domain.risk.units import atto_of
from functions.ports.ledger import Ledger
from functions.wire.codecs.orders import ORDER_UPDATE, decode_order_update

EVENTS_MAX: Final = 4096
"""Newest events of an account that are looked at; what was sent before them counts no more."""

_REQUESTS: Final = frozenset((ExecType.PENDING_CANCEL, ExecType.PENDING_REPLACE))


async def recall(ledger: Ledger, account: str, sequence: int, risk: RiskState) -> None:
    """Count what an account sent as if it had been sent just now by this process.

    Args:
        ledger: Where its events are.
        account: The account.
        sequence: Number of its next event.
        risk: What counts; nothing was sent in it yet.

    Raises:
        Unavailable: The ledger does not answer.
    """
    for event in await ledger.events(account, max(sequence - EVENTS_MAX, 0), EVENTS_MAX):
        if event.type != ORDER_UPDATE:
            continue
        update = decode_order_update(event.data or b"")
        if update.n == 1 and update.exec_type is not ExecType.REJECTED:
            risk.apply_past(_asked(update), update.as_of_ns)
        elif update.exec_type in _REQUESTS:
            risk.apply_past(None, update.as_of_ns)


def _asked(update: OrderUpdate) -> Asked:
    quantity, limit = atto_of(update.quantity), atto_of(update.limit_price)
    return Asked(update.instrument_id, update.side is Side.BUY, quantity, limit)
