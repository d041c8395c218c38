"""Name Coinbase's dialects: the Exchange feed (the 2021 form, still served) and Advanced Trade (the current one)."""

from collections.abc import Mapping
from typing import Final

from functions.wire.venues import coinbase_advanced, coinbase_exchange
from functions.wire.venues.columns import Decoder

DECODERS: Final[Mapping[str, Decoder]] = {
    "coinbase.advanced": coinbase_advanced.DECODER,
    "coinbase.exchange": coinbase_exchange.DECODER,
}
"""Decoder by dialect."""
