"""Name what a family is given for one bar: its own figures, and rings of those before it; constants only.

Prices are in quote currency, sizes in units of the instrument, both as the nearest floats of their exact decimals.
"""

from typing import Final

INLINED: Final[tuple[str, ...]] = ()

# The bar: x.
OPEN: Final = 0
HIGH: Final = 1
LOW: Final = 2
CLOSE: Final = 3
VOLUME: Final = 4
BUY_VOLUME: Final = 5
NOTIONAL: Final = 6  # price times size
TRADES: Final = 7
PREVIOUS: Final = 8  # close of the bar before; 0 for the first
BID: Final = 9  # the closing quote; these say something only where QUOTED is 1
BID_SIZE: Final = 10
ASK: Final = 11
ASK_SIZE: Final = 12
QUOTED: Final = 13  # 1 when a quote is known, not crossed, and has both sides; else 0
CROSSED: Final = 14  # 1 when a quote is known but crossed or lacks a side
BID_DEPTH: Final = 15  # sizes of the ten best levels; these say something only where BOOK_VALID is 1
ASK_DEPTH: Final = 16
BID_EDGE: Final = 17  # price of the worst of those levels
ASK_EDGE: Final = 18
BOOK_VALID: Final = 19
OFI: Final = 20  # order flow imbalance of the best quote over the bar, size
QUOTES: Final = 21  # updates of the quote within the bar
SESSION_VWAP: Final = 22  # of all bars since UTC midnight, from exact sums; says something where SESSION_KNOWN is 1
SESSION_KNOWN: Final = 23
SESSION_BARS: Final = 24  # bars since UTC midnight, this one among them
PRICE_UNIT: Final = 25  # what one unit of a price's mantissa is worth
SCRATCH: Final = 26  # room to think for whoever works on the bar
INPUTS: Final = SCRATCH + 64

# Rings of the newest bars, this one among them; read them with `loops.back`.
CLOSES: Final = 0
CLOSES_KEPT: Final = 64
HIGHS: Final = 64
LOWS: Final = 144
RANGES_KEPT: Final = 80
VOLUMES: Final = 224
VOLUMES_KEPT: Final = 32
RETURNS: Final = 256  # log returns, each at its bar's place; 0 for the first and where a close is not above 0
RETURNS_KEPT: Final = 32
RINGS: Final = 288
