"""Say what NASDAQ-style prints mean: the `s p v` dialect of `prints`, with the sale conditions of tape C.

Documented, not captured: Nasdaq publishes no JSON feed.
"""

from collections.abc import Mapping
from typing import Final

from functions.wire.venues.columns import Decoder
from functions.wire.venues.prints import decoder

DECODERS: Final[Mapping[str, Decoder]] = {"nasdaq.json": decoder("XNAS", "C")}
"""Decoder by dialect."""
