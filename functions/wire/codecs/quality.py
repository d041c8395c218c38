"""Write and read what feeds were like."""

from typing import Final

from tickloom.market.v1 import quality_pb2

from functions.domain.quality import COUNTS, FeedQuality, InstrumentQuality, counts_of
from functions.wire.codecs.messages import parse
from functions.wire.errors import Malformed

FEED_QUALITY: Final = "tickloom.market.v1.FeedQuality"


def encode_quality(quality: FeedQuality) -> bytes:
    """Write a feed's quality; equal values give equal bytes."""
    message = quality_pb2.FeedQuality(
        shard=quality.shard,
        instruments=[quality_pb2.InstrumentQuality(**counts_of(one)) for one in quality.instruments],
    )
    return message.SerializeToString(deterministic=True)


def decode_quality(data: bytes) -> FeedQuality:
    """Read a feed's quality.

    Raises:
        Malformed: The bytes are no FeedQuality, it tells of no instrument, or a window does not end behind its start.
    """
    message = parse(quality_pb2.FeedQuality, data)
    found = tuple(InstrumentQuality(**{name: getattr(one, name) for name in COUNTS}) for one in message.instruments)
    if not found:
        reason = f"{FEED_QUALITY}: it tells of no instrument"
        raise Malformed(reason)
    for one in found:
        if one.window_end_ns <= one.window_start_ns:
            reason = (
                f"{FEED_QUALITY}: a window of {one.instrument_id} ends at {one.window_end_ns}, not behind its start"
            )
            raise Malformed(reason)
    return FeedQuality(message.shard, found)
