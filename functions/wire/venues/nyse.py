"""Say what NYSE-style prints mean: the `s p v` dialect of `prints`, with the sale conditions of tape A.

Documented, not captured: NYSE publishes no JSON feed.
"""

from collections.abc import Mapping
from typing import Final

from functions.wire.venues.columns import Decoder
from functions.wire.venues.prints import decoder

DECODERS: Final[Mapping[str, Decoder]] = {"nyse.json": decoder("XNYS", "A")}
"""Decoder by dialect."""
