"""Fold requests and one-second bars into the paper venue and emit what it says; the rules are `domain.orders.resting`.

Requests have no sequence numbers: an order, cancel or replace that comes again is known by its id. How requests and
bars may be mixed without another outcome is said there. All reports are one stream, in the order they were said.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Final

import msgspec

from functions.domain.decisions import Quote, Submission
from functions.domain.market import BAR_FINAL, BarBatch, GapDetected
from functions.domain.orders.resting import (
    Key,
    PaperBook,
    Said,
    Second,
    VenueRules,
    Wanted,
    change,
    enter,
    pass_second,
    speak,
    tell,
    withdraw,
)
from functions.tables.paper import CARD
from functions.tables.paper.state import Desk, dump, load
from functions.wire import facts
from functions.wire.codecs.bars import BAR_BATCH, read_bar_batch
from functions.wire.codecs.venue import (
    EXECUTION_REPORT,
    VENUE_REQUEST,
    Asked,
    Reported,
    VenueRequest,
    decode_venue_request,
    encode_execution_report,
)
from functions.wire.envelope import Event
from functions.wire.errors import Malformed

_NO_QUOTE: Final = Quote(0, 0, 0, 0, 0)


@dataclass(frozen=True, slots=True)
class PaperTable:
    """Fold for the `desk` key: one venue for all accounts."""

    rules: VenueRules

    def start(self, key: str) -> Desk:
        """Make a venue where nothing rests; the key does not matter to it."""
        del key
        return Desk(PaperBook(self.rules))

    def fold(self, state: Desk, event: Event) -> tuple[Desk, tuple[Event, ...]]:
        """Fold one request, or one batch of bars, of which final bars of one second count.

        Raises:
            Malformed: The event is of no type this table reads, or its bytes are not what the type says.
        """
        data = event.data or b""
        if event.type == VENUE_REQUEST:
            request = decode_venue_request(data)
            said = _answer(state.book, request)
        elif event.type == BAR_BATCH:
            said = _pass(state.book, read_bar_batch(data))
        else:
            detail = f"{CARD.name} reads {VENUE_REQUEST} and {BAR_BATCH}, not {event.type}"
            raise Malformed(detail)
        return state, _emit(state, speak(state.book, said), event)

    def gap(self, state: Desk, cause: Event, gap: GapDetected) -> tuple[Desk, tuple[Event, ...]]:
        """Go on: seconds that never came fill nothing."""
        del cause, gap
        return state, ()

    def dump(self, state: Desk) -> bytes:
        """Write the venue down, so that equal ones give equal bytes."""
        return dump(state)

    def load(self, key: str, blob: bytes) -> Desk:
        """Read a venue that `dump` wrote.

        Raises:
            Malformed: The bytes are no state of this table.
        """
        del key
        try:
            return load(blob, self.rules)
        except msgspec.DecodeError as error:
            detail = f"{len(blob)} bytes are no state of {CARD.name}: {error}"
            raise Malformed(detail) from error


def _answer(book: PaperBook, request: VenueRequest) -> list[Said]:
    key = Key(request.account, request.client_order_id)
    match request.kind, request.order:
        case Asked.STATUS, _:
            return tell(book, request.client_order_id, request.request_id)
        case Asked.CANCEL, _:
            return withdraw(book, key, request.request_id, as_of_ns=request.as_of_ns)
        case Asked.REPLACE, _:
            wanted = Wanted(request.request_id, request.number, request.quantity, request.limit_price)
            return change(book, key, wanted, as_of_ns=request.as_of_ns)
        case Asked.NEW, order if order is not None and order.account == request.account:
            asked = replace(order, quantity=request.quantity, limit_price=request.limit_price)
            quote = request.quote or _NO_QUOTE
            return enter(book, Submission(request.client_order_id, asked, quote, request.as_of_ns, "", "", ""))
    detail = f"request of order {request.client_order_id}: its order is missing, or another account's"
    raise Malformed(detail)


def _pass(book: PaperBook, batch: BarBatch) -> list[Said]:
    said: list[Said] = []
    columns = (batch.instrument, batch.interval_s, batch.finality, batch.start_ns, batch.high, batch.low)
    market = (batch.bid_price, batch.ask_price, batch.volume)
    rows = zip(*(one.tolist() for one in (*columns, *market)), strict=True)
    for instrument, interval_s, finality, start_ns, high, low, bid, ask, volume in rows:
        if interval_s == 1 and finality == BAR_FINAL:
            second = Second(start_ns, high, low, bid, ask, 0)
            said += pass_second(book, batch.instruments[instrument], second, volume=volume)
    return said


def _emit(desk: Desk, told: Iterable[Said], cause: Event) -> tuple[Event, ...]:
    events = []
    for key, report in told:
        event = facts.table_batch(
            cause,
            name=CARD.name,
            stream=CARD.key,
            number=desk.emitted,
            version=CARD.version,
            message_type=EXECUTION_REPORT,
            data=encode_execution_report(Reported(key.account, key.client_order_id, report)),
            time_ns=report.as_of_ns,
            extra={"partitionkey": CARD.key},
        )
        events.append(event)
        desk.emitted += 1
    return tuple(events)
