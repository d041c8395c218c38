"""Name Kraken's instruments: every spelling of a pair leads to the one that the venue uses today."""

from functools import lru_cache
from typing import Final

from functions.domain.market import InstrumentRef

CODE: Final = "KRAKEN"
FUTURES: Final = "KRAKENFUTURES"
UNKNOWN_EXPONENT: Final = -10
"""Unit of prices and sizes without reference: the finest step of Kraken's pairs."""

TODAY: Final = {"XBT": "BTC", "XDG": "DOGE"}
"""Kraken's own codes; its second WebSocket version uses the usual ones, and so do we."""
_QUOTES: Final = (
    *("ZUSD", "ZEUR", "ZGBP", "ZCAD", "ZJPY", "ZAUD", "XXBT", "XETH"),
    *("USDT", "USDC", "USD", "EUR", "GBP", "CAD", "JPY", "AUD", "CHF", "XBT", "ETH", "DAI"),
)
"""Quote currencies of REST names, which have no slash; those with the old class letter first."""
_CLASSED: Final = frozenset(
    {
        *("XETC", "XETH", "XLTC", "XMLN", "XREP", "XXBT", "XXDG", "XXLM", "XXMR", "XXRP", "XZEC"),
        *("ZAUD", "ZCAD", "ZEUR", "ZGBP", "ZJPY", "ZUSD"),
    }
)
"""Assets that REST names with the old class letter in front."""
_NAMES_MAX: Final = 4096


@lru_cache(maxsize=_NAMES_MAX)
def today(pair: str) -> str:
    """Give today's name of a pair.

    >>> today("XBT/CHF"), today("ADA/XBT"), today("BTC/USD"), today("XXBTZUSD"), today("XBTUSDT"), today("WEIRD")
    ('BTC/CHF', 'ADA/BTC', 'BTC/USD', 'BTC/USD', 'BTC/USDT', 'WEIRD')
    """
    base, slash, quote = pair.partition("/")
    if not slash:
        quote = next((one for one in _QUOTES if pair.endswith(one) and len(pair) > len(one)), "")
        base = _plain(pair.removesuffix(quote))
        quote = _plain(quote)
    return f"{TODAY.get(base, base)}/{TODAY.get(quote, quote)}" if quote else pair


def _plain(asset: str) -> str:
    return asset[1:] if asset in _CLASSED else asset


def unknown(pair: str) -> InstrumentRef:
    """Name a pair that has no reference record.

    >>> unknown("BTC/CHF").instrument_id
    'BTC-CHF.KRAKEN'
    """
    return InstrumentRef(f"{pair.replace('/', '-')}.{CODE}", UNKNOWN_EXPONENT, UNKNOWN_EXPONENT)


def unknown_future(symbol: str) -> InstrumentRef:
    """Name a future that has no reference record.

    >>> unknown_future("PI_XBTUSD").instrument_id
    'PI_XBTUSD.KRAKENFUTURES'
    """
    return InstrumentRef(f"{symbol}.{FUTURES}", UNKNOWN_EXPONENT, UNKNOWN_EXPONENT)
