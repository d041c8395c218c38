"""Hold what a backtest is about: terms, signals as they were heard, bars as prices, and trades."""

import dataclasses
from dataclasses import dataclass
from decimal import Decimal, localcontext
from enum import Enum
from typing import Final

import numpy as np
from numpy.typing import NDArray

from functions.domain.decisions import Side, Signal
from functions.domain.market import (
    BAR_NO_PRICE,
    BAR_SYNTHETIC,
    MARKET_CROSSED,
    MARKET_QUOTED,
    InstrumentRef,
    Int64,
    UInt8,
)
from functions.domain.money import EXACT

BPS: Final = Decimal("0.0001")


class Exit(Enum):
    """What ended a trade."""

    STOP = "stop"
    TARGET = "target"
    REVERSED = "reversed"
    OPEN = "open"


class Fate(Enum):
    """What became of a signal that asked for a trade."""

    TRADED = "traded"
    HELD = "held"
    OVERTAKEN = "overtaken"
    UNFILLED = "unfilled"
    UNFUNDED = "unfunded"
    UNSIZED = "unsized"
    WARM_UP = "warm_up"


class Sizing(Enum):
    """How much of its share a position takes: all of it, or what the signal asks for."""

    SHARE = "share"
    SIGNAL = "signal"


@dataclass(frozen=True, slots=True)
class Terms:
    """Say what trading costs and how it is sized.

    Args:
        fee_bps: Fee on the value of each fill, basis points; negative is a rebate.
        slippage_bps: How much worse than its price a market order fills, basis points, at least 0.
        delay_ns: From when a signal is known to when it reaches the market, at least 0.
        sizing: How much of its share a position takes.
    """

    fee_bps: Decimal
    slippage_bps: Decimal
    delay_ns: int
    sizing: Sizing = Sizing.SHARE

    def __post_init__(self) -> None:
        """Refuse what would pay for trading late, or for crossing the spread."""
        if self.delay_ns < 0 or not 0 <= self.slippage_bps < 1 / BPS or not abs(self.fee_bps) < 1 / BPS:
            text = "a delay is not negative, slippage is 0 to 10,000 bps, and a fee is less than 10,000 bps"
            raise ValueError(text)


@dataclass(frozen=True, slots=True)
class Heard:
    """Hold a signal and when it was known, ns: the bar's end is not enough where late trades are waited for."""

    signal: Signal
    known_ns: int


@dataclass(frozen=True, slots=True, eq=False)
class PriceBars:
    """Hold n bars of one instrument and one interval, by start, each once; prices are mantissas, 0 when unknown."""

    instrument: InstrumentRef
    interval_ns: int
    start_ns: Int64
    open: Int64
    high: Int64
    low: Int64
    close: Int64
    bid_price: Int64
    ask_price: Int64
    flags: UInt8

    @property
    def traded(self) -> NDArray[np.bool_]:
        """Tell which bars hold prices of trades."""
        told: NDArray[np.bool_] = (self.flags & (BAR_NO_PRICE | BAR_SYNTHETIC)) == 0
        return told

    @property
    def quoted(self) -> NDArray[np.bool_]:
        """Tell which bars end with both sides quoted, and not crossed."""
        flagged = (self.flags & (MARKET_QUOTED | MARKET_CROSSED)) == MARKET_QUOTED
        told: NDArray[np.bool_] = flagged & (self.bid_price > 0) & (self.ask_price > 0)
        return told

    def priced(self) -> "PriceBars":
        """Keep the bars with a price that counts: of trades, or a quote."""
        kept = self.traded | self.quoted
        columns = ("start_ns", "open", "high", "low", "close", "bid_price", "ask_price", "flags")
        return dataclasses.replace(self, **{name: getattr(self, name)[kept] for name in columns})


@dataclass(frozen=True, slots=True)
class Trade:
    """Hold one position from its entry to its exit; `profit` is net of `fees`, in the capital's currency.

    Of an open trade the exit is the last close, and `fees` are those of the entry alone.
    """

    signal_id: str
    strategy: str
    instrument_id: str
    interval_s: int
    side: Side
    confidence: float
    quantity: Decimal
    entry_ns: int
    entry_price: Decimal
    exit_ns: int
    exit_price: Decimal
    exit: Exit
    entry_fee: Decimal
    fees: Decimal
    profit: Decimal

    @property
    def closed(self) -> bool:
        """Tell whether the position was left before the tape ended."""
        return self.exit is not Exit.OPEN


def gain(trade: Trade, price: Decimal) -> Decimal:
    """Give what a trade has gained at a price, before fees."""
    with localcontext(EXACT):
        apart = price - trade.entry_price
        return (apart if trade.side is Side.BUY else -apart) * trade.quantity
