"""Build bars and signals for backtests by naming only what matters, and account for them a second, plain way."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Any

import numpy as np

from functions.domain.backtest.facts import Heard, PriceBars, Terms
from functions.domain.decisions import Action, Quote, Signal
from functions.domain.market import BAR_NO_PRICE, MARKET_CROSSED, MARKET_QUOTED, NS_PER_S, InstrumentRef

ETH = InstrumentRef("ETH-USDT.BINANCE", -2, -4)
PRICE, LOT = Fraction(1, 100), Fraction(1, 10_000)
BPS = Fraction(1, 10_000)
LATE_NS = 250_000_000


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar of a second: prices of trades, `None` without a trade; the quote at its end, `None` without one."""

    second: int
    ohlc: tuple[int, int, int, int] | None = (10_000, 10_000, 10_000, 10_000)
    quote: tuple[int, int] | None = None
    crossed: bool = False

    @property
    def start_ns(self) -> int:
        """Give the bar's start."""
        return self.second * NS_PER_S

    @property
    def stands(self) -> bool:
        """Tell whether a quote stands at its end that can be traded on."""
        return self.quote is not None and not self.crossed


def price_bars(bars: Sequence[Bar], ref: InstrumentRef = ETH) -> PriceBars:
    """Lay bars out as columns."""
    ohlc = np.array([bar.ohlc or (0, 0, 0, 0) for bar in bars], np.int64).reshape(-1, 4)
    quotes = np.array([bar.quote or (0, 0) for bar in bars], np.int64).reshape(-1, 2)
    flags = [
        (0 if bar.ohlc else BAR_NO_PRICE) | (MARKET_QUOTED if bar.quote else 0) | (MARKET_CROSSED if bar.crossed else 0)
        for bar in bars
    ]
    return PriceBars(
        ref,
        NS_PER_S,
        np.array([bar.second for bar in bars], np.int64) * NS_PER_S,
        open=ohlc[:, 0],
        high=ohlc[:, 1],
        low=ohlc[:, 2],
        close=ohlc[:, 3],
        bid_price=quotes[:, 0],
        ask_price=quotes[:, 1],
        flags=np.array(flags, np.uint8),
    )


BUY = Signal(
    signal_id="s",
    strategy="mean_reversion",
    instrument_id=ETH.instrument_id,
    interval_s=5,
    bar_start_ns=0,
    as_of_ns=0,
    action=Action.BUY,
    confidence=60.0,
    price_exponent=-2,
    size_exponent=-4,
    price=10_000,
    quote=Quote(9_999, 1, 10_001, 1, 0),
    reasons=(),
    model_scores=(),
    stop_loss=9_000,
    take_profit=11_000,
    risk_reward_ratio=1.0,
    bar_revision=0,
    degraded=False,
    shard="BINANCE-0",
)
SELL = replace(BUY, action=Action.SELL, stop_loss=11_000, take_profit=9_000)


def heard(signal: Signal, second: int, **changes: Any) -> Heard:  # noqa: ANN401 - fields
    """Have a signal decided at a second, known a quarter of a second later."""
    at = second * NS_PER_S
    named: dict[str, Any] = {"signal_id": f"{signal.action.value}-{second}", "as_of_ns": at, **changes}
    return Heard(replace(signal, **named), at + LATE_NS)


@dataclass(frozen=True, slots=True)
class Found:
    """A trade as the plain account finds it, in exact fractions."""

    signal_id: str
    entry_ns: int
    entry: Fraction
    quantity: Fraction
    exit_ns: int
    exit: Fraction
    why: str
    profit: Fraction


@dataclass(slots=True)
class _Open:
    signal: Signal
    entry_ns: int
    entry: Fraction
    quantity: Fraction

    @property
    def way(self) -> int:
        return 1 if self.signal.action is Action.BUY else -1


def plain_account(signals: Sequence[Heard], bars: Sequence[Bar], terms: Terms, capital: Fraction) -> list[Found]:
    """Trade one instrument by walking its bars one after the other, with fractions and no arrays.

    Within a bar: orders that fill at its open, then its range, then orders that fill at the quote at its end.
    """
    desk = _Desk(Fraction(terms.fee_bps) * BPS, Fraction(terms.slippage_bps) * BPS, capital)
    waiting = sorted(signals, key=lambda one: (one.signal.as_of_ns, one.signal.interval_s, one.signal.signal_id))
    priced = [one for one in bars if one.ohlc or one.stands]
    for bar in priced:
        due = [one.signal for one in waiting if one.known_ns + terms.delay_ns <= bar.start_ns]
        waiting = waiting[len(due) :]
        for signal in due if bar.ohlc and not bar.stands else ():
            desk.act(signal, bar.start_ns, bar.ohlc[0] if bar.ohlc else 0)
        if bar.ohlc:
            desk.look(*bar.ohlc[:3], at_ns=bar.start_ns + NS_PER_S)
        for signal in due if bar.quote and bar.stands else ():
            bid, ask = bar.quote or (0, 0)
            desk.act(signal, bar.start_ns + NS_PER_S, ask if signal.action is Action.BUY else bid)
    if desk.held is not None:
        desk.end(desk.held, priced)
    return desk.found


@dataclass(slots=True)
class _Desk:
    fee: Fraction
    slip: Fraction
    equity: Fraction
    held: _Open | None = None
    found: list[Found] = field(default_factory=list)

    def act(self, signal: Signal, at_ns: int, mantissa: int) -> None:
        way = 1 if signal.action is Action.BUY else -1
        price = mantissa * PRICE * (1 + way * self.slip)
        if self.held is not None and self.held.way == way:
            return
        if self.held is not None:
            self.leave(at_ns, price, "reversed")
        lots = self.equity // (price * (1 + self.fee) * LOT)
        if lots > 0 and signal.stop_loss * way < mantissa * way < signal.take_profit * way:
            self.held = _Open(signal, at_ns, price, lots * LOT)

    def look(self, first: int, high: int, low: int, *, at_ns: int) -> None:
        if self.held is None:
            return
        way, signal = self.held.way, self.held.signal
        worst, best = (low, high) if way == 1 else (high, low)
        if worst * way <= signal.stop_loss * way:
            mantissa = min(signal.stop_loss * way, first * way) * way
            self.leave(at_ns, mantissa * PRICE * (1 - way * self.slip), "stop")
        elif best * way >= signal.take_profit * way:
            self.leave(at_ns, signal.take_profit * PRICE, "target")

    def leave(self, at_ns: int, price: Fraction, why: str, *, pays: bool = True) -> None:
        held, self.held = self.held, None
        assert held is not None
        paid = self.fee * held.quantity * (held.entry + (price if pays else 0))
        profit = held.way * (price - held.entry) * held.quantity - paid
        self.equity += profit
        self.found.append(
            Found(held.signal.signal_id, held.entry_ns, held.entry, held.quantity, at_ns, price, why, profit)
        )

    def end(self, held: _Open, bars: Sequence[Bar]) -> None:
        later = [one.ohlc[3] for one in bars if one.ohlc and one.start_ns + NS_PER_S > held.entry_ns]
        at_ns = bars[-1].start_ns + NS_PER_S if later else held.entry_ns
        self.leave(at_ns, later[-1] * PRICE if later else held.entry, "open", pays=False)
