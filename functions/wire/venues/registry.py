"""List the dialects that can be read: adding a venue is one file beside this one and one entry here."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from functions.wire.errors import Malformed
from functions.wire.venues import binance
from functions.wire.venues.columns import Decode, Decoder

DECODERS: Final[Mapping[str, Decoder]] = MappingProxyType(
    {
        "binance.spot": binance.decoder(binance.SPOT),
        "binance.usdm": binance.decoder(binance.USDM),
    }
)
"""Decoder by dialect; `decoder.venue.code` is the venue whose reference it takes."""


def decoder_of(dialect: str, decoders: Mapping[str, Decode] = DECODERS) -> Decode:
    """Give the decoder of a dialect.

    Raises:
        Malformed: There is none.
    """
    found = decoders.get(dialect)
    if found is None:
        reason = f"no decoder reads dialect {dialect!r}; known are {', '.join(sorted(decoders))}"
        raise Malformed(reason)
    return found
