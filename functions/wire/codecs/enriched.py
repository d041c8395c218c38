"""Write and read enriched batches: ticks whose bytes are carried as they are, and the facts of their instruments.

A submessage on the wire is its bytes behind a tag and a length, so a batch without rejections is not written again.
The ticks come first, then the facts in the order of the instrument dictionary. Facts change seldom, so the bytes of
several batches' facts are the same and are read once.
"""

from collections.abc import Iterable
from datetime import date
from functools import lru_cache
from math import inf
from typing import Final

from google.protobuf.message import DecodeError
from tickloom.market.v1 import enriched_pb2, tick_pb2
from tickloom.reference.v1 import status_pb2

from functions.domain.enrichment import InstrumentFacts
from functions.domain.market import TickBatch
from functions.domain.money import plain, plain_decimal
from functions.domain.reference import AssetClass, Status, Steps, TradingStatus
from functions.domain.sessions import FOREVER, SessionState, Span
from functions.wire.codecs.market import BATCHES_MAX, decode_tick_batch, read_tick_batch
from functions.wire.codecs.messages import MORE, SEVEN, parse, varint
from functions.wire.codecs.once import Once
from functions.wire.errors import Malformed

ENRICHED_BATCH: Final = "tickloom.market.v1.EnrichedBatch"

_TICKS: Final = b"\x0a"
"""Tag of the ticks: field number << 3 | wire type 2, bytes with a length."""

_LENGTH_BYTES_MAX: Final = 5  # a message has at most 2 GiB
_FACTS_MAX: Final = 64
"""Forms of facts remembered: each shard's stay the same for minutes."""


def ticks_to_carry(data: bytes) -> tuple[bytes, tuple[str, ...]]:
    """Take from a TickBatch's bytes what an enriched batch carries on: all but rejections, and the instruments' ids.

    Args:
        data: TickBatch; no column of it is read, only its shape.

    Returns:
        Its bytes, the same object when there is nothing to leave out, and the ids of its dictionary in their order.

    Raises:
        Malformed: The bytes are no TickBatch.
    """
    known = read_tick_batch.known(data)
    if known is not None and not known.rejections:
        return data, tuple([ref.instrument_id for ref in known.instruments])
    message = parse(tick_pb2.TickBatch, data)
    ids = tuple([ref.instrument_id for ref in message.instruments])
    if message.rejections:
        del message.rejections[:]
        data = message.SerializeToString(deterministic=True)
    return data, ids


def encode_facts(value: InstrumentFacts) -> bytes:
    """Write what was known about one instrument, as an entry of the batch's facts; equal facts give equal bytes."""
    steps, session = value.steps, value.session
    facts = enriched_pb2.InstrumentFacts(
        instrument_id=value.instrument_id,
        known=value.known,
        asset_class=int(value.asset_class),  # type: ignore[arg-type]  # the stubs ask for their own enum of these numbers
        multiplier=plain(value.multiplier) if value.known else "",
        quote_currency=value.quote_currency,
        tick_size="" if steps is None else plain(steps.tick_size),
        lot_size="" if steps is None else plain(steps.lot_size),
        sector=value.sector,
        market_cap="" if value.market_cap is None else plain(value.market_cap),
        market_cap_as_of_ns=value.market_cap_as_of_ns,
        session_state=int(session.state),  # type: ignore[arg-type]  # as above
        session_change_ns=0 if session.session is None or session.until_ns == FOREVER else session.until_ns,
        session_date="" if session.session is None else session.session.isoformat(),
        status=int(value.status.status) if value.known else 0,  # type: ignore[arg-type]  # as above
        status_reason=value.status.reason,
        restricted=value.restricted,
        price_factor=value.price_factor if value.known else 0.0,
        size_factor=value.size_factor if value.known else 0.0,
        calendar=value.calendar,
        statuses=[
            status_pb2.InstrumentStatus(
                status=int(one.status),  # type: ignore[arg-type]  # as above
                from_ns=one.from_ns,
                reason=one.reason,
            )
            for one in value.statuses
        ],
    )
    return enriched_pb2.EnrichedBatch(facts=[facts]).SerializeToString(deterministic=True)


def encode_enriched_batch(ticks: bytes, facts: Iterable[bytes]) -> bytes:
    """Join a TickBatch's bytes with the written facts of its instruments.

    Args:
        ticks: TickBatch without rejections, as `ticks_to_carry` gives it.
        facts: What `encode_facts` wrote, one for each instrument of the dictionary.

    Returns:
        An EnrichedBatch; where the ticks were decoded in this process, `read_enriched_batch` decodes it no more.
    """
    told = b"".join(facts)
    data = b"".join((_TICKS, varint(len(ticks)), ticks, told))
    known = read_tick_batch.known(ticks)
    return data if known is None else read_enriched_batch.remember(data, (known, _facts(told)))


def decode_enriched_batch(data: bytes) -> tuple[TickBatch, tuple[InstrumentFacts, ...]]:
    """Read an enriched batch.

    Returns:
        The ticks, and what was known about each instrument of their dictionary, in its order.

    Raises:
        Malformed: The bytes are no EnrichedBatch, its ticks are no TickBatch or carry rejections, or facts and
            dictionary name different instruments.
    """
    ticks, rest = _split(data)
    batch = decode_tick_batch(ticks)
    facts = _facts(rest)
    names = [one.instrument_id for one in facts]
    if names != [ref.instrument_id for ref in batch.instruments] or batch.rejections:
        reason = (
            f"{ENRICHED_BATCH}: facts of {names} beside {len(batch.instruments)} instruments, no rejections expected"
        )
        raise Malformed(reason)
    return batch, facts


read_enriched_batch: Final = Once(decode_enriched_batch, values_max=BATCHES_MAX)
"""Read an enriched batch that others in this process may have read already, or have written."""


def _split(data: bytes) -> tuple[bytes, bytes]:
    """Take the ticks' bytes out of the first field, where we write them; whatever else is odd shows when it is read."""
    length, shift, at, whole = 0, 0, 1, False
    for byte in data[1 : 1 + _LENGTH_BYTES_MAX]:
        length |= (byte & SEVEN) << shift
        shift, at, whole = shift + 7, at + 1, not byte & MORE
        if whole:
            break
    if data[:1] != _TICKS or not whole or at + length > len(data):
        reason = f"{ENRICHED_BATCH}: {len(data)} bytes do not begin with ticks"
        raise Malformed(reason)
    return data[at : at + length], data[at + length :]


@lru_cache(maxsize=_FACTS_MAX)
def _facts(data: bytes) -> tuple[InstrumentFacts, ...]:
    try:
        message = enriched_pb2.EnrichedBatch.FromString(data)
        if message.HasField("ticks"):
            reason = f"{ENRICHED_BATCH}: it holds ticks twice"
            raise Malformed(reason)
        return tuple([_fact(one) for one in message.facts])
    except (DecodeError, ValueError) as error:
        reason = f"{ENRICHED_BATCH}: no facts can be read ({error})"
        raise Malformed(reason) from error


def _fact(message: enriched_pb2.InstrumentFacts) -> InstrumentFacts:
    if not message.known:
        return InstrumentFacts(message.instrument_id)
    day = date.fromisoformat(message.session_date) if message.session_date else None
    return InstrumentFacts(
        instrument_id=message.instrument_id,
        known=True,
        asset_class=AssetClass(message.asset_class),
        multiplier=plain_decimal(message.multiplier),
        quote_currency=message.quote_currency,
        steps=Steps(plain_decimal(message.tick_size), plain_decimal(message.lot_size)) if message.tick_size else None,
        sector=message.sector,
        market_cap=plain_decimal(message.market_cap) if message.market_cap else None,
        market_cap_as_of_ns=message.market_cap_as_of_ns,
        session=Span(SessionState(message.session_state), day, 0, message.session_change_ns or FOREVER),
        status=Status(TradingStatus(message.status), 0, message.status_reason),
        restricted=message.restricted,
        price_factor=_factor(message.price_factor),
        size_factor=_factor(message.size_factor),
        calendar=message.calendar,
        statuses=tuple([Status(TradingStatus(one.status), one.from_ns, one.reason) for one in message.statuses]),
    )


def _factor(value: float) -> float:
    """Read a factor of corporate actions: a positive number, or 0 where it is not known."""
    if not 0.0 <= value < inf:
        reason = f"a factor is finite and not negative, found {value}"
        raise ValueError(reason)
    return value
