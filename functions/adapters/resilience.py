"""Be patient with what is down, and polite to what is up: waits, breakers, watches and budgets for any connection.

Pure machines only: the clock and the randomness come in from outside, and nobody sleeps here. A machine says how long
to wait; whoever holds the connection waits.
"""

import random
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from enum import Enum
from typing import Final, TypeAlias

_DOUBLINGS_MAX: Final = 16  # 2**16 times any base is beyond any cap
_SECONDS_DIGITS_MAX: Final = 9  # 31 years
_SLACK_S: Final = 1e-9  # a wait that was slept to its end must not leave a rounding error to wait for again

Clock: TypeAlias = Callable[[], float]
"""Gives seconds on a clock that never goes back."""
Uniform: TypeAlias = Callable[[float, float], float]
"""Draws a number between two."""

_uniform: Final[Uniform] = random.SystemRandom().uniform


def full_jitter(attempt: int, *, base_s: float, max_s: float, uniform: Uniform = _uniform) -> float:
    """Draw how long to wait after a failed attempt, counted from 0.

    Source: M. Brooker, "Exponential Backoff and Jitter", AWS Architecture Blog, 2015.

    >>> full_jitter(3, base_s=0.5, max_s=30.0, uniform=lambda low, high: high)
    4.0
    """
    return uniform(0.0, min(max_s, base_s * 2.0 ** min(attempt, _DOUBLINGS_MAX)))


def retry_after_s(text: str, now_s: float) -> float | None:
    """Read what a `Retry-After` header asks for: seconds, or a date, as seconds from now; None when it is neither.

    Source: RFC 9110, section 10.2.3.

    Args:
        text: The header's value; empty where there is none.
        now_s: Seconds since 1970.

    >>> retry_after_s("120", 0.0), retry_after_s("Thu, 01 Jan 1970 00:01:00 GMT", 20.0), retry_after_s("soon", 0.0)
    (120.0, 40.0, None)
    """
    if text.isascii() and text.isdigit():
        return float(text[:_SECONDS_DIGITS_MAX])
    try:
        return max(parsedate_to_datetime(text).timestamp() - now_s, 0.0)
    except (ValueError, OverflowError):
        return None


# --- circuit breaker --------------------------------------------------------------------------------------------------


class Circuit(Enum):
    """Say what a breaker lets through: all, nothing, or one trial."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"


@dataclass(frozen=True, slots=True)
class BreakerLimits:
    """Say when a breaker opens and for how long.

    Args:
        failures_max: Failures inside the window that open it.
        window_s: How long a failure counts, seconds.
        open_s: How long nothing is let through before one trial is, seconds.
    """

    failures_max: int = 5
    window_s: float = 60.0
    open_s: float = 15.0

    def __post_init__(self) -> None:
        """Refuse limits that would never open or never close."""
        if self.failures_max < 1 or self.window_s <= 0 or self.open_s <= 0:
            msg = f"a breaker needs at least one failure and positive times; found {self}"
            raise ValueError(msg)


class CircuitBreaker:
    """Stop asking what keeps failing; after a while let one trial through, and trust it again when that succeeds.

    Source: M. Nygard, "Release It!", 2nd edition, chapter 5.

    Args:
        limits: When it opens and for how long.
        clock: Gives seconds.
    """

    def __init__(self, limits: BreakerLimits, clock: Clock) -> None:
        """Begin closed."""
        self._limits = limits
        self._clock = clock
        self._failures: deque[float] = deque(maxlen=limits.failures_max)
        self._opened: float | None = None
        self._trial = False

    @property
    def state(self) -> Circuit:
        """Say what is let through now."""
        if self._opened is None:
            return Circuit.CLOSED
        return Circuit.HALF_OPEN if self._left_s(self._opened) <= _SLACK_S else Circuit.OPEN

    def wait_s(self) -> float:
        """Say how long until something is let through, seconds; 0 when it is now, unless a trial is under way."""
        if self._opened is None:
            return 0.0
        return self._limits.open_s if self._trial else max(0.0, self._left_s(self._opened))

    def allow(self) -> bool:
        """Ask to go through. A True answer must be followed by `succeeded` or `failed`."""
        match self.state:
            case Circuit.CLOSED:
                return True
            case Circuit.HALF_OPEN if not self._trial:
                self._trial = True
                return True
            case _:
                return False

    def succeeded(self) -> None:
        """Take note that what went through came back well: every failure is forgotten."""
        self._failures.clear()
        self._opened = None
        self._trial = False

    def failed(self) -> None:
        """Take note that what went through failed; a failed trial opens the breaker for its whole time again."""
        now = self._clock()
        self._failures.append(now)
        many = len(self._failures) == self._limits.failures_max
        if self._trial or (many and now - self._failures[0] <= self._limits.window_s):
            self._opened = now
        self._trial = False

    def _left_s(self, opened: float) -> float:
        return opened + self._limits.open_s - self._clock()


# --- silence ----------------------------------------------------------------------------------------------------------


class IdleWatch:
    """Tell a silent connection from a quiet one: whoever says nothing for too long counts as gone.

    Args:
        idle_s: Longest silence, seconds.
        clock: Gives seconds.
    """

    def __init__(self, idle_s: float, clock: Clock) -> None:
        """Begin as if something had just been heard."""
        self._idle_s = idle_s
        self._clock = clock
        self._heard = clock()

    def heard(self) -> None:
        """Take note of a word, a heartbeat or an answer to a ping."""
        self._heard = self._clock()

    @property
    def left_s(self) -> float:
        """Say how much longer the silence may last, seconds; 0 when it lasted too long."""
        return max(0.0, self._heard + self._idle_s - self._clock())

    @property
    def idle(self) -> bool:
        """Tell whether the silence lasted too long."""
        return self.left_s <= 0.0


# --- rates ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Rate:
    """Say how much may be spent: so many tokens in a time, all of them at once if they were saved up.

    Args:
        tokens: Tokens in every `per_s`, and the most that can be saved.
        per_s: Seconds.

    >>> Rate(300, 300.0).tokens_per_s
    1.0
    """

    tokens: float
    per_s: float

    def __post_init__(self) -> None:
        """Refuse a rate that gives nothing."""
        if self.tokens <= 0 or self.per_s <= 0:
            msg = f"a rate gives something in some time; found {self}"
            raise ValueError(msg)

    @property
    def tokens_per_s(self) -> float:
        """Give tokens per second."""
        return self.tokens / self.per_s


class TokenBucket:
    """Spend no faster than a rate.

    Args:
        rate: What may be spent.
        clock: Gives seconds.
    """

    def __init__(self, rate: Rate, clock: Clock) -> None:
        """Begin full."""
        self._rate = rate
        self._clock = clock
        self._saved = rate.tokens
        self._at = clock()

    @property
    def saved(self) -> float:
        """Say how many tokens there are now; below 0 they are spoken for."""
        now = self._clock()
        self._saved = min(self._rate.tokens, self._saved + (now - self._at) * self._rate.tokens_per_s)
        self._at = now
        return self._saved

    def take(self, tokens: float = 1.0) -> float:
        """Spend tokens, and say how long to wait before doing what they are for, seconds.

        Whoever takes stands in line: the next one waits behind it, so nobody is overtaken and no rate exceeded.

        Raises:
            ValueError: More is asked for than can ever be saved.
        """
        if not 0 < tokens <= self._rate.tokens:
            msg = f"a bucket of {self._rate.tokens:g} never holds {tokens:g} tokens"
            raise ValueError(msg)
        self._saved = self.saved - tokens
        return max(0.0, -self._saved / self._rate.tokens_per_s)

    def drain(self, wait_s: float) -> None:
        """Spend everything, and as much again as comes in a time: the other side asked for a pause."""
        self._saved = min(self.saved, 0.0) - wait_s * self._rate.tokens_per_s
