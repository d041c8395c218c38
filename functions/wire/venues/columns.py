"""Turn a whole raw batch into columns: known rows all at once, the others one by one, with equal results.

A venue brings what its rows mean (`Venue`); this file brings the order of work. First every row's layout is looked up;
then each section's numbers are read as columns; rows that are new, odd or break a rule go to `rows`, which either gives
the tick or the reason; at last both are joined in tape order.
"""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from functions.domain.market import (
    NO_VENUE_TIME,
    QUOTE_CROSSED,
    QUOTE_LOCKED,
    TRADE_INFORMS_ONLY,
    Book,
    InstrumentRef,
    Int64,
    Quotes,
    RawBatch,
    Rejection,
    TickBatch,
    Trades,
)
from functions.wire.venues import merging
from functions.wire.venues.digits import INT64_MAX, PAD, BadText, parse, parse_checked, rescale, windows
from functions.wire.venues.layouts import BOOK, QUOTE, SLOW, TRADE, Form, Layout, Layouts, blanked, leading_zeros
from functions.wire.venues.levels import Bodies, Span, level_columns
from functions.wire.venues.rows import LEVELS_MAX, NS_PER_MS, IgnoredRow, Limits, Row, Tick, TradeRow, tick

RAW_BYTES_MAX: Final = 1024
"""Bytes of a rejected row that travel with its rejection."""
REJECTED: Final = "rejected"
_TRADE_SLOTS: Final = 4
_QUOTE_SLOTS: Final = 6
_BOOK_SLOTS: Final = 4
