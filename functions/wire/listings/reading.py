"""Read a listing: a venue's answer, alone or on a line of a capture, `URL -> seconds: answer`, or a file of ours.

Each reader is pure: bytes in, records out. What a venue says about steps is what holds at the time of its answer.
"""

import re
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any, Final

import msgspec

from functions.wire.codecs.reference import read_instruments_csv, read_instruments_json
from functions.wire.errors import Malformed
from functions.wire.listings.binance import read_binance
from functions.wire.listings.coinbase import read_coinbase, read_coinbase_advanced
from functions.wire.listings.kraken import read_kraken
from functions.wire.listings.polygon import read_polygon, read_polygon_dividends, read_polygon_splits
from functions.wire.listings.records import Listing


def read_listing(data: bytes, *, name: str = "", at_ns: int = 0) -> Listing:
    """Read one file, telling its form from its contents, CSV from its name.

    Args:
        data: Its bytes.
        name: Its name or where it was asked for; only the ending `.csv` counts.
        at_ns: Time of which a file is told that tells none itself, UTC nanoseconds.

    Raises:
        Malformed: No form fits, or a record in it cannot be; the message names it.
    """
    if name.endswith(".csv"):
        return Listing(read_instruments_csv(data))
    captured = _CAPTURED.match(data)
    if captured:
        at_ns, data = _seconds_ns(captured[1]), data[captured.end() :].split(b"\n", 1)[0]
    try:
        shape = _shape(msgspec.json.decode(data))
        listing = _READERS[shape](data, at_ns)
    except (msgspec.DecodeError, RecursionError, ValueError) as error:
        reason = f"{name or 'a listing'}: {error}"
        raise Malformed(reason) from error
    return Listing(listing.updates, at_ns) if captured else listing


_CAPTURED: Final = re.compile(rb"https?://\S+ -> ([0-9]+(?:\.[0-9]+)?): ")


def _seconds_ns(text: bytes) -> int:
    return int(Decimal(text.decode()) * 1_000_000_000)


def _shape(document: Any) -> str:  # noqa: ANN401 - any JSON at all
    """Tell whose answer a document is."""
    one = _first(document.get("results", document.get("result"))) if isinstance(document, dict) else _first(document)
    marks = (
        ("ours", isinstance(document, dict) and "instruments" in document),
        ("binance", isinstance(document, dict) and "symbols" in document),
        ("coinbase", "quote_increment" in one and "id" in one),
        ("coinbase_advanced", isinstance(document, dict) and "products" in document),
        ("kraken", "altname" in one and "pair_decimals" in one),
        ("polygon_splits", "split_to" in one),
        ("polygon_dividends", "ex_dividend_date" in one),
        ("polygon", "ticker" in one),
    )
    found = next((shape for shape, fits in marks if fits), None)
    if found is None:
        reason = f"no known listing: neither a file of instruments nor an answer of {', '.join(_READERS)}"
        raise Malformed(reason)
    return found


def _first(items: Any) -> Mapping[str, Any]:  # noqa: ANN401 - any JSON at all
    """Give the first entry of a list or table, or the entry itself where there is one only."""
    if isinstance(items, dict) and "ticker" not in items:
        items = list(items.values())
    one = items[0] if isinstance(items, list) and items else items
    return one if isinstance(one, dict) else {}


def _ours(data: bytes, at_ns: int) -> Listing:  # noqa: ARG001 - every reader's signature
    return Listing(read_instruments_json(data))


_READERS: Final[Mapping[str, Callable[[bytes, int], Listing]]] = {
    "ours": _ours,
    "binance": read_binance,
    "coinbase": read_coinbase,
    "coinbase_advanced": read_coinbase_advanced,
    "kraken": read_kraken,
    "polygon": read_polygon,
    "polygon_splits": read_polygon_splits,
    "polygon_dividends": read_polygon_dividends,
}
