"""Say what a feed was like: counts of one instrument's rows in one window of event time."""

from dataclasses import dataclass, fields
from operator import attrgetter
from typing import Any, Final


@dataclass(frozen=True, slots=True)
class InstrumentQuality:
    """Count one instrument's rows in the window [window_start_ns, window_end_ns) of the shard's watermark.

    Args:
        instrument_id: Canonical id; its last part is the venue.
        window_start_ns: Start of the window, UTC nanoseconds.
        window_end_ns: End of the window, UTC nanoseconds.
        rows: Rows in all.
        trades: Trades, repeated ones included.
        quotes: Quotes.
        book_messages: Order book messages.
        repeated: Trades whose id came before.
        missing_trades: Trade ids that were skipped.
        book_breaks: Times the book was lost: a hole in its chain, crossed, or locked.
        out_of_order: Rows with an earlier venue time than one before of their kind.
        crossed_ns: How long the quote was crossed, nanoseconds of receive time.
        silence_ns_max: Longest time without a row, nanoseconds of receive time.
        delay_ns_mean: Mean of receive time less venue time, nanoseconds; 0 without venue times. Negative where the
            receiving clock is behind.
    """

    instrument_id: str
    window_start_ns: int
    window_end_ns: int
    rows: int = 0
    trades: int = 0
    quotes: int = 0
    book_messages: int = 0
    repeated: int = 0
    missing_trades: int = 0
    book_breaks: int = 0
    out_of_order: int = 0
    crossed_ns: int = 0
    silence_ns_max: int = 0
    delay_ns_mean: int = 0

    @property
    def is_clean(self) -> bool:
        """Tell whether nothing was missing, repeated, broken, crossed or out of order.

        >>> InstrumentQuality("X.Y", 0, 10, rows=3).is_clean
        True
        """
        return not (self.repeated or self.missing_trades or self.book_breaks or self.out_of_order or self.crossed_ns)


COUNTS: Final = tuple(one.name for one in fields(InstrumentQuality))
"""What an entry holds, by name."""

_values: Final = attrgetter(*COUNTS)


def counts_of(one: InstrumentQuality) -> dict[str, Any]:
    """Give what an entry holds by name: `dataclasses.asdict`, which copies deeply, takes ten times as long.

    >>> counts_of(InstrumentQuality("X.Y", 0, 10, rows=3))["rows"]
    3
    """
    return dict(zip(COUNTS, _values(one), strict=True))


@dataclass(frozen=True, slots=True)
class FeedQuality:
    """Tell what the feeds of a shard were like."""

    shard: str
    instruments: tuple[InstrumentQuality, ...]
