"""An enriched batch carries its ticks' bytes as they are, and is what protobuf itself would write."""

import contextlib
from datetime import date
from decimal import Decimal

import pytest
from counts import examples
from hypothesis import given, settings
from hypothesis import strategies as st
from ticking import T0, Trade, batch, instruments
from tickloom.market.v1 import enriched_pb2, tick_pb2

from functions.domain.enrichment import InstrumentFacts
from functions.domain.market import Rejection, TickBatch
from functions.domain.reference import AssetClass, Status, Steps, TradingStatus
from functions.domain.sessions import SessionState, Span
from functions.wire.codecs.enriched import (
    decode_enriched_batch,
    encode_enriched_batch,
    encode_facts,
    read_enriched_batch,
    ticks_to_carry,
)
from functions.wire.codecs.market import encode_tick_batch, read_tick_batch
from functions.wire.errors import Malformed

FACTS = InstrumentFacts(
    instrument_id="I0-USDT.BINANCE",
    known=True,
    asset_class=AssetClass.CRYPTO,
    multiplier=Decimal("0.5"),
    quote_currency="USDT",
    steps=Steps(Decimal("0.01"), Decimal("0.001")),
    sector="Layer 1",
    market_cap=Decimal(5),
    market_cap_as_of_ns=6,
    session=Span(SessionState.REGULAR, date(2024, 8, 9), 0, 7),
    status=Status(TradingStatus.HALTED, 0, "LUDP"),
    restricted=True,
    price_factor=0.25,
    size_factor=4.0,
    statuses=(Status(TradingStatus.TRADING, 5), Status(TradingStatus.HALTED, 6, "LUDP")),
)


def ticks(rows: int = 3, known: int = 1, **more: object) -> bytes:
    """Write a batch of trades."""
    value: TickBatch = batch([Trade(T0 + n) for n in range(rows)], 0, instruments(known), **more)  # type: ignore[arg-type]
    return encode_tick_batch(value)


def test_round_trip() -> None:
    """Ticks and facts read back equal."""
    carried, ids = ticks_to_carry(ticks())
    found, facts = decode_enriched_batch(encode_enriched_batch(carried, [encode_facts(FACTS)]))
    assert ids == ("I0-USDT.BINANCE",)
    assert encode_tick_batch(found) == ticks()
    assert facts == (FACTS,)


def test_an_unknown_instrument() -> None:
    """Of an instrument nobody knows, its id comes back and that it is not known."""
    unknown = InstrumentFacts("I0-USDT.BINANCE")
    assert decode_enriched_batch(encode_enriched_batch(ticks(), [encode_facts(unknown)]))[1] == (unknown,)


@settings(max_examples=examples(300), deadline=None)
@given(rows=st.integers(0, 300), known=st.integers(0, 40))
def test_the_bytes_are_protobuf_s(rows: int, known: int) -> None:
    """Joined by hand, the bytes are those the protobuf library writes for the same message."""
    data = ticks(rows if known else 0, known)
    facts = [encode_facts(InstrumentFacts(ref.instrument_id)) for ref in instruments(known)]
    message = enriched_pb2.EnrichedBatch(
        ticks=tick_pb2.TickBatch.FromString(data),
        facts=[enriched_pb2.EnrichedBatch.FromString(one).facts[0] for one in facts],
    )
    assert encode_enriched_batch(data, facts) == message.SerializeToString(deterministic=True)
    assert len(decode_enriched_batch(encode_enriched_batch(data, facts))[1]) == known


def test_rejections_stay_behind() -> None:
    """What a batch carries on is the batch without its rejections; one without any is carried as the same bytes."""
    rejected = Rejection(0, "bad_json", "found [", b"[", "binance.spot", T0)
    plain = ticks()
    assert ticks_to_carry(plain)[0] is plain
    assert ticks_to_carry(ticks(rejections=(rejected,)))[0] == plain


@pytest.mark.parametrize(
    "data", [b"", b"\x0a", b"\x0a\x05ab", b"\x12\x00", b"\x0a\x00\x12\x02\x10\x01", b"\x0a\xff\xff\xff\xff\xff\x01"]
)
def test_bytes_that_are_none(data: bytes) -> None:
    """Bytes that do not begin with ticks, are cut off, or name other instruments are Malformed."""
    with pytest.raises(Malformed):
        decode_enriched_batch(data)


@settings(max_examples=examples(2000), deadline=None)
@given(cut=st.integers(0, 600), tail=st.binary(max_size=20))
def test_any_bytes(cut: int, tail: bytes) -> None:
    """Whatever is done to the bytes, they read back as something or are Malformed."""
    whole = encode_enriched_batch(ticks(), [encode_facts(FACTS)])
    with contextlib.suppress(Malformed):
        decode_enriched_batch(whole[:cut] + tail)


def test_ticks_twice() -> None:
    """A message that holds ticks twice would be merged by protobuf; it is Malformed here."""
    whole = encode_enriched_batch(ticks(), [encode_facts(FACTS)])
    with pytest.raises(Malformed, match="twice"):
        decode_enriched_batch(whole + b"\x0a\x00")


def test_facts_that_cannot_be() -> None:
    """Facts with a number or date that is none are Malformed, and so are factors that nothing can be multiplied by."""
    for fact in (
        {"multiplier": "x"},
        {"multiplier": "1", "session_date": "2024-02-30"},
        {"multiplier": "1", "session_state": 99},
        {"multiplier": "1", "price_factor": float("nan")},
        {"multiplier": "1", "size_factor": float("-inf")},
        {"multiplier": "1", "price_factor": -1.0},
    ):
        message = enriched_pb2.InstrumentFacts(instrument_id="I0-USDT.BINANCE", known=True, **fact)  # type: ignore[arg-type]
        with pytest.raises(Malformed):
            decode_enriched_batch(
                encode_enriched_batch(ticks(), [enriched_pb2.EnrichedBatch(facts=[message]).SerializeToString()])
            )


def test_decoded_once_in_a_process() -> None:
    """Where the ticks were decoded already, reading the enriched batch gives them; it says what decoding says."""
    data = ticks()
    known = read_tick_batch(data)
    written = encode_enriched_batch(data, [encode_facts(FACTS)])
    assert read_enriched_batch(written)[0] is known
    assert read_enriched_batch(written)[1] == decode_enriched_batch(bytes(bytearray(written)))[1]


def test_no_ticks_at_all() -> None:
    """Bytes that are no TickBatch are not carried."""
    with pytest.raises(Malformed):
        ticks_to_carry(b"\xff")
