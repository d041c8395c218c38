"""What a feed was like reads back as it was written."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.domain.quality import FeedQuality, InstrumentQuality
from functions.wire.codecs.quality import decode_quality, encode_quality
from functions.wire.errors import Malformed

COUNTS = st.integers(-(2**63), 2**63 - 1)
ROWS = st.builds(InstrumentQuality, st.text(max_size=8), st.just(1), st.integers(2, 9), *[COUNTS] * 11)


@given(st.builds(FeedQuality, st.text(max_size=8), st.lists(ROWS, min_size=1, max_size=3).map(tuple)))
def test_round_trip(quality: FeedQuality) -> None:
    """Every figure survives, and equal values give equal bytes."""
    data = encode_quality(quality)
    assert decode_quality(data) == quality
    assert encode_quality(decode_quality(data)) == data


@pytest.mark.parametrize("data", [b"", b"\xff", encode_quality(FeedQuality("X", (InstrumentQuality("X.Y", 5, 5),)))])
def test_malformed(data: bytes) -> None:
    """Bytes that are no message, one without entries, or a window without length are malformed."""
    with pytest.raises(Malformed):
        decode_quality(data)
