"""Trade one strategy on one instrument with one share of the capital: fills, exits and sizes, as the package says."""

import dataclasses
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal, localcontext
from typing import Final

import numpy as np

from functions.domain.backtest.facts import BPS, Exit, Fate, Heard, PriceBars, Sizing, Terms, Trade, gain
from functions.domain.decisions import Action, Side, Signal
from functions.domain.money import EXACT, scaled

_NEVER_ABOVE: Final = int(np.iinfo(np.int64).max)


@dataclass(frozen=True, slots=True)
class Fill:
    """A market order's fill: when, at which mantissa, and the first bar whose range lies behind it."""

    ts_ns: int
    price: int
    behind: int


@dataclass(frozen=True, slots=True)
class _Held:
    """A position under way: the trade so far, the mantissas that end it, and the next bar to look at."""

    trade: Trade
    stop: int
    target: int
    behind: int


@dataclass(frozen=True, slots=True)
class Seed:
    """What a trade takes from its signal."""

    signal_id: str
    strategy: str
    interval_s: int
    confidence: float
    side: Side


class Slot:
    """Trade one strategy on one instrument with one share of the capital."""

    def __init__(self, bars: PriceBars, terms: Terms, share: Decimal) -> None:
        """Begin with nothing held; the bars are those with a price that counts."""
        self._bars = bars
        self._terms = terms
        self._equity = share
        self._held: _Held | None = None
        self._quoted = bars.quoted
        self._traded = bars.traded
        self._exponent = bars.instrument.price_exponent
        self.fates: Counter[Fate] = Counter()

    def trade(self, heard: Sequence[Heard]) -> list[Trade]:
        """Act on signals in the order in which they fill."""
        trades: list[Trade] = []
        with localcontext(EXACT):
            for signal, fill in self._ordered(heard):
                trades += self._act(signal, fill)
            trades += self._leave_by_bars(len(self._bars.start_ns))
            if self._held is not None:
                trades.append(self.mark(self._held.trade))
        return trades

    def _ordered(self, heard: Sequence[Heard]) -> list[tuple[Signal, Fill]]:
        """Find every signal's fill; of those that fill at once the one decided first comes first."""
        filled = []
        for one in heard:
            fill = self.fill(one.known_ns + self._terms.delay_ns, _side(one.signal))
            if fill is None:
                self.fates[Fate.UNFILLED] += 1
            else:
                filled.append((one.signal, fill))
        return sorted(filled, key=lambda pair: (pair[1].ts_ns, _decided(pair[0])))

    def _act(self, signal: Signal, fill: Fill) -> Iterator[Trade]:
        assert signal.price_exponent == self._exponent, "an instrument has one price unit"  # noqa: S101 - design R4
        yield from self._leave_by_bars(fill.behind)
        if self._held is not None:
            if self._held.trade.side is _side(signal):
                self.fates[Fate.HELD] += 1
                return
            price = self.worse(fill.price, _side(signal))
            yield self._leave(fill.ts_ns, price, Exit.REVERSED)
        self.fates[self._enter(signal, fill)] += 1

    def _enter(self, signal: Signal, fill: Fill) -> Fate:
        side = _side(signal)
        stop, target = _limits(signal)
        if not min(stop, target) < fill.price < max(stop, target):
            return Fate.OVERTAKEN
        money = self._money(signal)
        if money <= 0:
            return Fate.UNSIZED if self._equity > 0 else Fate.UNFUNDED
        quantity = self.quantity(self.worse(fill.price, side), money)
        if not quantity:
            return Fate.UNFUNDED
        seed = Seed(signal.signal_id, signal.strategy, signal.interval_s, signal.confidence, side)
        self._held = _Held(self.entered(seed, fill, quantity), stop, target, fill.behind)
        return Fate.TRADED

    def _money(self, signal: Signal) -> Decimal:
        if self._terms.sizing is Sizing.SHARE:
            return self._equity
        asked = Decimal(repr(signal.evidence.position_size_pct)) * BPS * 100
        return self._equity * min(asked, Decimal(1))

    def fill(self, act_ns: int, side: Side) -> Fill | None:
        """Find where a market order fills that arrives at a time; None when the tape ends first."""
        bars = self._bars
        at = int(bars.start_ns.searchsorted(act_ns))
        if at == len(bars.start_ns):
            return None
        start = int(bars.start_ns[at])
        if self._quoted[at]:
            price = bars.ask_price[at] if side is Side.BUY else bars.bid_price[at]
            return Fill(start + bars.interval_ns, int(price), at + 1)
        return Fill(start, int(bars.open[at]), at)

    def worse(self, price: int, side: Side) -> Decimal:
        """Give what a market order pays or gets for a mantissa, slippage included."""
        with localcontext(EXACT):
            toward = 1 if side is Side.BUY else -1
            return scaled(price, self._exponent) * (1 + toward * self._terms.slippage_bps * BPS)

    def quantity(self, price: Decimal, money: Decimal) -> Decimal:
        """Give the whole lots that money pays for at a price, the fee included."""
        with localcontext(EXACT):
            lot = scaled(1, self._bars.instrument.size_exponent)
            dearest = price * (1 + max(self._terms.fee_bps, Decimal(0)) * BPS) * lot
            return max(money // dearest, Decimal(0)) * lot

    def entered(self, seed: Seed, fill: Fill, quantity: Decimal) -> Trade:
        """Open a trade, still at its own price."""
        with localcontext(EXACT):
            price = self.worse(fill.price, seed.side)
            fee = price * quantity * self._terms.fee_bps * BPS
            return Trade(
                signal_id=seed.signal_id,
                strategy=seed.strategy,
                instrument_id=self._bars.instrument.instrument_id,
                interval_s=seed.interval_s,
                side=seed.side,
                confidence=seed.confidence,
                quantity=quantity,
                entry_ns=fill.ts_ns,
                entry_price=price,
                exit_ns=fill.ts_ns,
                exit_price=price,
                exit=Exit.OPEN,
                entry_fee=fee,
                fees=fee,
                profit=-fee,
            )

    def mark(self, trade: Trade) -> Trade:
        """Value an open trade at the last close behind its entry; at its own price where there is none."""
        bars = self._bars
        last = np.flatnonzero(self._traded & (bars.start_ns + bars.interval_ns > trade.entry_ns))
        if not len(last):
            return trade
        at = int(last[-1])
        with localcontext(EXACT):
            price = scaled(int(bars.close[at]), self._exponent)
            profit = gain(trade, price) - trade.fees
        end_ns = int(bars.start_ns[-1]) + bars.interval_ns
        return dataclasses.replace(trade, exit_ns=end_ns, exit_price=price, profit=profit)

    def _leave_by_bars(self, until: int) -> Iterator[Trade]:
        """Leave by stop or target if a bar before `until` touched one; remember how far was looked."""
        held, bars = self._held, self._bars
        if held is None:
            return
        within = slice(held.behind, until)
        low, high = min(held.stop, held.target), max(held.stop, held.target)
        touched = np.flatnonzero(self._traded[within] & ((bars.low[within] <= low) | (bars.high[within] >= high)))
        if not len(touched):
            self._held = dataclasses.replace(held, behind=max(until, held.behind))
            return
        at = held.behind + int(touched[0])
        end_ns = int(bars.start_ns[at]) + bars.interval_ns
        long, first = held.trade.side is Side.BUY, int(bars.open[at])
        if (bars.low[at] <= held.stop) if long else (bars.high[at] >= held.stop):
            price = min(held.stop, first) if long else max(held.stop, first)
            yield self._leave(end_ns, self.worse(price, _other(held.trade.side)), Exit.STOP)
        else:
            yield self._leave(end_ns, scaled(held.target, self._exponent), Exit.TARGET)

    def _leave(self, exit_ns: int, price: Decimal, why: Exit) -> Trade:
        assert self._held is not None, "only what is held can be left"  # noqa: S101 - both callers have looked
        before = self._held.trade
        fees = before.entry_fee + price * before.quantity * self._terms.fee_bps * BPS
        profit = gain(before, price) - fees
        self._held = None
        self._equity += profit
        return dataclasses.replace(before, exit_ns=exit_ns, exit_price=price, exit=why, fees=fees, profit=profit)


def _side(signal: Signal) -> Side:
    return Side.BUY if signal.action is Action.BUY else Side.SELL


def _other(side: Side) -> Side:
    return Side.SELL if side is Side.BUY else Side.BUY


def _decided(signal: Signal) -> tuple[int, int, str]:
    return signal.as_of_ns, signal.interval_s, signal.signal_id


def _limits(signal: Signal) -> tuple[int, int]:
    """Give stop and target as mantissas; what a signal leaves open lies where no price comes."""
    below, above = 0, _NEVER_ABOVE
    if signal.action is Action.BUY:
        return signal.stop_loss or below, signal.take_profit or above
    return signal.stop_loss or above, signal.take_profit or below
