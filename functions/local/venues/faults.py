"""Say what goes wrong with a simulated venue's lines: drawn for each message, or armed by hand for the next ones."""

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, fields
from enum import StrEnum
from typing import Final

import numpy as np

from functions.domain.simulation import Draws

ARMED_MAX: Final = 10_000
GARBAGE: Final = '{"e":"trade","E":17,"s":'
"""What a garbled line looks like: a message cut off in the middle."""


class Fault(StrEnum):
    """Name what can go wrong.

    The first five befall one message, `crossed` one quote, whose sides are exchanged; `slow` and `silent` are states
    of every line; `throttle` and `fail` befall one REST request.
    """

    GAP = "gap"
    DUPLICATE = "duplicate"
    REORDER = "reorder"
    DISCONNECT = "disconnect"
    GARBAGE = "garbage"
    CROSSED = "crossed"
    SLOW = "slow"
    SILENT = "silent"
    THROTTLE = "throttle"
    FAIL = "fail"


OF_A_MESSAGE: Final = (Fault.GAP, Fault.DUPLICATE, Fault.REORDER, Fault.DISCONNECT, Fault.GARBAGE)
OF_A_QUOTE: Final = (Fault.CROSSED,)
OF_A_REQUEST: Final = (Fault.THROTTLE, Fault.FAIL)


@dataclass(frozen=True, slots=True)
class FaultRates:
    """Say how often each fault befalls a message or request: probabilities; `slow` is seconds before every send.

    Raises:
        ValueError: A probability is not within 0 to 1, or a time is negative.
    """

    gap: float = 0.0
    duplicate: float = 0.0
    reorder: float = 0.0
    disconnect: float = 0.0
    garbage: float = 0.0
    crossed: float = 0.0
    throttle: float = 0.0
    fail: float = 0.0
    slow: float = 0.0
    silent: float = 0.0

    def __post_init__(self) -> None:
        """Refuse what is no probability; `silent` is 0 or 1."""
        for item in fields(self):
            value = getattr(self, item.name)
            if value < 0 or (item.name != Fault.SLOW and value > 1):
                msg = f"fault {item.name} is {value}; a probability from 0 to 1 belongs there (slow: seconds)"
                raise ValueError(msg)


@dataclass(slots=True)
class _Armed:
    fault: Fault
    kind: str
    symbol: str


class Faults:
    """Decide what befalls each message.

    Args:
        rates: How often each fault comes by itself.
        rng: Where chance comes from.
    """

    def __init__(self, rates: FaultRates, rng: np.random.Generator) -> None:
        """Begin with nothing armed."""
        self._rates = rates
        self._drawn = tuple((fault, getattr(rates, fault)) for fault in OF_A_MESSAGE if getattr(rates, fault))
        self._quotes = tuple((fault, getattr(rates, fault)) for fault in OF_A_QUOTE if getattr(rates, fault))
        self._requests = tuple((fault, getattr(rates, fault)) for fault in OF_A_REQUEST if getattr(rates, fault))
        self._draws = Draws(rng)
        self._armed: deque[_Armed] = deque(maxlen=ARMED_MAX)
        self.slow_s = rates.slow
        self.silent = bool(rates.silent)
        self.counts: dict[str, int] = dict.fromkeys(Fault, 0)

    def arm(self, fault: Fault, *, kind: str = "", symbol: str = "", count: int = 1) -> None:
        """Let a fault befall the next `count` messages of a kind (`trade`, `quote`, `book`) and symbol; empty: any."""
        self._armed.extend(_Armed(fault, kind, symbol) for _ in range(min(count, ARMED_MAX)))

    def clear(self) -> None:
        """Take back all that is armed, and let lines be quick again."""
        self._armed.clear()
        self.slow_s, self.silent = 0.0, False

    def of_message(self, kind: str, symbol: str) -> Fault | None:
        """Say what befalls this message; None when it goes through."""
        return self._next(OF_A_MESSAGE, kind, symbol) or self._draw(self._drawn)

    def of_quote(self, symbol: str) -> Fault | None:
        """Say what befalls this quote; None when it is told as it is."""
        return self._next(OF_A_QUOTE, "quote", symbol) or self._draw(self._quotes)

    def of_request(self) -> Fault | None:
        """Say what befalls this REST request; None when it is answered."""
        return self._next(OF_A_REQUEST, "", "") or self._draw(self._requests)

    def _next(self, which: tuple[Fault, ...], kind: str, symbol: str) -> Fault | None:
        for one in self._armed:
            if one.fault in which and one.kind in {"", kind} and one.symbol in {"", symbol}:
                self._armed.remove(one)
                self.counts[one.fault] += 1
                return one.fault
        return None

    def _draw(self, rates: tuple[tuple[Fault, float], ...]) -> Fault | None:
        for fault, rate in rates:
            if self._draws.uniform() < rate:
                self.counts[fault] += 1
                return fault
        return None


def rates_of(texts: Mapping[str, float]) -> FaultRates:
    """Build rates from names and numbers.

    Raises:
        ValueError: A name is no fault, or a number does not fit.

    >>> rates_of({"gap": 0.5}).gap
    0.5
    """
    known = {item.name for item in fields(FaultRates)}
    if unknown := set(texts) - known:
        msg = f"no fault is called {', '.join(sorted(unknown))}; there are {', '.join(sorted(known))}"
        raise ValueError(msg)
    return FaultRates(**texts)
