"""Share the capital out, trade every strategy on every instrument, and hold everything beside it."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, localcontext
from typing import Final

from functions.domain.backtest.facts import Fate, Heard, PriceBars, Terms, Trade
from functions.domain.backtest.slot import Seed, Slot
from functions.domain.decisions import Action, Side
from functions.domain.money import EXACT, scaled

CENT: Final = -2
"""Power of ten to which the capital is shared out; what is left over stays cash."""

BUY_AND_HOLD: Final = "buy_and_hold"


@dataclass(frozen=True, slots=True)
class Account:
    """Hold what became of the signals: trades by entry, how many signals met which fate, and the capital shared."""

    trades: tuple[Trade, ...]
    fates: tuple[tuple[Fate, int], ...]
    capital: Decimal
    share: Decimal


def account(
    heard: Sequence[Heard], bars: Mapping[str, PriceBars], terms: Terms, *, capital: Decimal, from_ns: int = 0
) -> Account:
    """Trade signals on bars.

    Args:
        heard: Signals of any strategies and instruments, in any order; HOLD asks for nothing.
        bars: The shortest bars there are, by instrument.
        terms: Costs and sizing.
        capital: What all strategies and instruments start with together, positive.
        from_ns: Signals known before are warm-up, and not traded.

    Returns:
        Trades by entry, then instrument and strategy. Without signals or bars there are none.

    Raises:
        ValueError: The capital is not positive.
    """
    if capital <= 0:
        text = f"the capital is {capital}, expected more than 0"
        raise ValueError(text)
    asking = [one for one in heard if one.signal.action is not Action.HOLD]
    strategies = sorted({one.signal.strategy for one in asking})
    share = share_of(capital, max(len(strategies), 1) * max(len(bars), 1))
    trades: list[Trade] = []
    fates: Counter[Fate] = Counter()
    for strategy in strategies:
        for instrument_id in sorted({one.signal.instrument_id for one in asking if one.signal.strategy == strategy}):
            its = [o for o in asking if (o.signal.strategy, o.signal.instrument_id) == (strategy, instrument_id)]
            acted = [one for one in its if one.known_ns >= from_ns]
            fates[Fate.WARM_UP] += len(its) - len(acted)
            if instrument_id not in bars:
                fates[Fate.UNFILLED] += len(acted)
                continue
            slot = Slot(bars[instrument_id].priced(), terms, share)
            trades += slot.trade(acted)
            fates += slot.fates
    trades.sort(key=lambda one: (one.entry_ns, one.instrument_id, one.strategy, one.exit_ns))
    return Account(tuple(trades), tuple((fate, fates[fate]) for fate in Fate), capital, share)


def share_of(capital: Decimal, parts: int) -> Decimal:
    """Share a capital out in equal parts of whole cents.

    >>> share_of(Decimal(100), 3)
    Decimal('33.33')
    """
    with localcontext(EXACT):
        return scaled(int(capital.scaleb(-CENT)) // parts, CENT)


def hold(bars: Mapping[str, PriceBars], terms: Terms, *, capital: Decimal, from_ns: int = 0) -> tuple[Trade, ...]:
    """Buy every instrument for an equal share at the first price from a time on, and never sell.

    Returns:
        One open trade for each instrument that could be bought, by instrument.
    """
    share = share_of(capital, max(len(bars), 1))
    held = []
    for instrument_id in sorted(bars):
        slot = Slot(bars[instrument_id].priced(), terms, share)
        fill = slot.fill(from_ns, Side.BUY)
        if fill is not None and (quantity := slot.quantity(slot.worse(fill.price, Side.BUY), share)):
            seed = Seed("", BUY_AND_HOLD, 0, 0.0, Side.BUY)
            held.append(slot.mark(slot.entered(seed, fill, quantity)))
    return tuple(held)
