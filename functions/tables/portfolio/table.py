"""Fold fills and bars into the desk's accounts and emit how they stand; the rules are `domain.portfolio.fold`.

OrderUpdates are heard because they count in one sequence with fills, and because they say how late it is. Each account
has a sequence of its own. A row follows from the account's stream and the bars alone; which revisions it was told in
on the way follows from how they were mixed.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import msgspec

from functions.domain.market import GapDetected
from functions.domain.portfolio.fold import Row, fold_bars, fold_fill, fold_step
from functions.domain.portfolio.metrics import RiskMetrics
from functions.domain.portfolio.state import BLOB_BYTES_MAX, Desk, DeskLine, Rules, desk_of, line_of, start
from functions.tables.portfolio import CARD
from functions.wire import facts
from functions.wire.codecs.bars import BAR_BATCH, read_bar_batch
from functions.wire.codecs.market import GAP_DETECTED
from functions.wire.codecs.orders import FILL, ORDER_UPDATE, decode_fill, decode_order_update
from functions.wire.codecs.portfolio import LIMIT_BREACH, RISK_METRICS, encode_limit_breach, encode_risk_metrics
from functions.wire.envelope import Event
from functions.wire.errors import Malformed

_READ: Final = msgspec.msgpack.Decoder(DeskLine)


@dataclass(frozen=True, slots=True)
class PortfolioTable:
    """Fold for the `desk` key: one memory for all accounts."""

    rules: Rules

    def __post_init__(self) -> None:
        """Refuse bounds whose state could outgrow what a host stores."""
        if self.rules.weight > BLOB_BYTES_MAX:
            message = (
                f"{self.rules.accounts_max} accounts of {self.rules.metrics.books.positions_max} positions and "
                f"{self.rules.instruments_max} instruments may weigh {self.rules.weight} bytes, more than "
                f"{BLOB_BYTES_MAX}: keep fewer"
            )
            raise ValueError(message)

    def start(self, key: str) -> Desk:
        """Make the state of a desk that has seen nothing; the key does not matter to it."""
        del key
        return start(self.rules)

    def fold(self, state: Desk, event: Event) -> tuple[Desk, tuple[Event, ...]]:
        """Fold one fill, step of an order or batch of bars.

        Raises:
            Malformed: The event is of no type this table reads, or its bytes are not what the type says.
            Rejected: An account is one too many, a fill has no price, or an instrument's exponents changed.
        """
        return state, _emit(state, self._told(state, event), event)

    def gap(self, state: Desk, cause: Event, gap: GapDetected) -> tuple[Desk, tuple[Event, ...]]:
        """Change nothing: rows flag what an account's numbers leap over, and marks that grew old for want of bars."""
        del cause, gap
        return state, ()

    def dump(self, state: Desk) -> bytes:
        """Write the desk down, so that equal ones give equal bytes."""
        return msgspec.msgpack.encode(line_of(state))

    def load(self, key: str, blob: bytes) -> Desk:
        """Read a desk that `dump` wrote.

        Raises:
            Malformed: The bytes are no state of this table.
        """
        del key
        try:
            return desk_of(_READ.decode(blob), self.rules)
        except msgspec.DecodeError as error:
            detail = f"{len(blob)} bytes are no state of {CARD.name}: {error}"
            raise Malformed(detail) from error

    def _told(self, state: Desk, event: Event) -> tuple[Row, ...]:
        data = event.data or b""
        if event.type == FILL:
            return fold_fill(state, decode_fill(data), facts.sequence_of(event), self.rules)
        if event.type == ORDER_UPDATE:
            step = decode_order_update(data)
            return fold_step(state, step.account, step.as_of_ns, facts.sequence_of(event), self.rules)
        if event.type == BAR_BATCH:
            return fold_bars(state, read_bar_batch(data), self.rules)
        if event.type == GAP_DETECTED:  # a mark that never comes leaves an old one, which says so
            return ()
        detail = f"{CARD.name} reads {', '.join(CARD.consumes)}, not {event.type}"
        raise Malformed(detail)


def _emit(desk: Desk, told: Iterable[Row], cause: Event) -> tuple[Event, ...]:
    events = []
    for row in told:
        account = desk.accounts[row.account]
        events.append(_event(row, cause, account.emitted))
        account.emitted += 1
    return tuple(events)


def _event(row: Row, cause: Event, number: int) -> Event:
    window = row.window
    key: tuple[object, ...] = (row.account, window.start_ns, window.end_ns, window.part, row.revision)
    if isinstance(row, RiskMetrics):
        kind, data = RISK_METRICS, encode_risk_metrics(row)
    else:
        kind, data, key = LIMIT_BREACH, encode_limit_breach(row), (row.limit, *key)
    extensions = facts.follow(cause, CARD.version)
    extensions |= {"sequence": facts.sequence_text(number), "partitionkey": row.account}
    return Event(
        id=facts.fact_id(kind, *key),
        source=facts.source_of("tables", CARD.name, row.account),
        type=kind,
        data=data,
        time_ns=window.end_ns,
        subject=row.account,
        datacontenttype=facts.PROTOBUF,
        extensions=extensions,
    )
