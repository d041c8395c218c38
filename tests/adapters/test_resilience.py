"""Waits, breakers, watches and budgets keep their promises whatever happens in whatever order."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from functions.adapters.resilience import (
    BreakerLimits,
    Circuit,
    CircuitBreaker,
    IdleWatch,
    Rate,
    TokenBucket,
    full_jitter,
)

SECONDS = st.floats(0.0, 30.0)
LIMITS = BreakerLimits(failures_max=3, window_s=10.0, open_s=5.0)
RATE = Rate(10, 2.0)


class Hand:
    """Be a clock that is moved by hand."""

    def __init__(self) -> None:
        """Begin at some time."""
        self.now = 1000.0

    def __call__(self) -> float:
        """Give seconds."""
        return self.now


@given(st.integers(0, 10_000), st.integers())
def test_jitter_is_bounded(attempt: int, seed: int) -> None:
    """A wait lies between nothing and the doubled base, and never above the longest wait."""
    wait = full_jitter(attempt, base_s=0.1, max_s=5.0, uniform=random.Random(seed).uniform)  # noqa: S311 - reproducible
    assert 0.0 <= wait <= min(5.0, 0.1 * 2.0 ** min(attempt, 16))


class Breaker(RuleBasedStateMachine):
    """Compare a breaker with every failure it was ever told of."""

    def __init__(self) -> None:
        """Begin closed."""
        super().__init__()
        self.clock = Hand()
        self.breaker = CircuitBreaker(LIMITS, self.clock)
        self.failures: list[float] = []
        self.opened: float | None = None
        self.trial = False

    @rule(seconds=SECONDS)
    def wait(self, seconds: float) -> None:
        """Let time pass."""
        self.clock.now += seconds

    @precondition(lambda self: not self.trial)
    @rule(good=st.booleans())
    def call(self, good: bool) -> None:  # noqa: FBT001 - hypothesis passes by keyword
        """One call goes through, or is refused exactly while the breaker is open."""
        allowed = self.breaker.allow()
        assert allowed == (self.opened is None or self.clock.now >= self.opened + LIMITS.open_s - 1e-9)
        if allowed:
            self.told(good=good)

    @precondition(lambda self: not self.trial)
    @rule()
    def begin_trial(self) -> None:
        """While a trial is under way nobody else goes through."""
        if self.opened is not None and self.breaker.allow():
            self.trial = True
            assert not self.breaker.allow()
            assert self.breaker.wait_s() > 0

    @precondition(lambda self: self.trial)
    @rule(good=st.booleans())
    def end_trial(self, good: bool) -> None:  # noqa: FBT001 - hypothesis passes by keyword
        """The trial comes back."""
        self.trial = False
        self.told(good=good)

    def told(self, *, good: bool) -> None:
        """Tell the breaker, and note it."""
        if good:
            self.failures, self.opened = [], None
            self.breaker.succeeded()
            return
        now = self.clock.now
        self.failures.append(now)
        recent = [at for at in self.failures if now - at <= LIMITS.window_s]
        if self.opened is not None or len(recent) >= LIMITS.failures_max:
            self.opened = now
        self.breaker.failed()

    @invariant()
    def closed_is_closed(self) -> None:
        """A breaker is closed until enough failures came together, and again after a success."""
        assert (self.breaker.state is Circuit.CLOSED) == (self.opened is None)
        if self.opened is None:
            assert self.breaker.wait_s() == 0


TestBreaker = Breaker.TestCase


class Bucket(RuleBasedStateMachine):
    """Note everything that is spent, and when it may be used."""

    def __init__(self) -> None:
        """Begin full."""
        super().__init__()
        self.clock = Hand()
        self.bucket = TokenBucket(RATE, self.clock)
        self.spent: list[tuple[float, float]] = []

    @rule(seconds=SECONDS)
    def wait(self, seconds: float) -> None:
        """Let time pass."""
        self.clock.now += seconds

    @rule(tokens=st.floats(0.1, 10.0))
    def take(self, tokens: float) -> None:
        """Whoever takes later never goes earlier."""
        at = self.clock.now + self.bucket.take(tokens)
        assert not self.spent or at >= self.spent[-1][0] - 1e-6
        self.spent.append((at, tokens))

    @invariant()
    def never_faster(self) -> None:
        """In no span of time is more used than what was saved and what came in."""
        total = 0.0
        for at, tokens in reversed(self.spent):
            total += tokens
            span = self.spent[-1][0] - at
            assert total <= RATE.tokens + span * RATE.tokens_per_s + tokens + 1e-6

    @invariant()
    def never_fuller(self) -> None:
        """No more is saved than the bucket holds."""
        assert self.bucket.saved <= RATE.tokens


TestBucket = Bucket.TestCase


def test_bucket_waits_exactly() -> None:
    """A full bucket gives at once, an empty one as fast as it fills, and a pause that was asked for is kept."""
    clock = Hand()
    bucket = TokenBucket(RATE, clock)
    assert [bucket.take(5), bucket.take(5), bucket.take(5), bucket.take(1)] == pytest.approx([0, 0, 1.0, 1.2])
    clock.now += 100
    bucket.drain(30)
    assert bucket.take(1) == pytest.approx(30.2)


@pytest.mark.parametrize("tokens", [0, -1, 10.5])
def test_bucket_refuses_what_it_never_holds(tokens: float) -> None:
    """More than a full bucket, or nothing, cannot be taken."""
    with pytest.raises(ValueError, match="never holds"):
        TokenBucket(RATE, Hand()).take(tokens)


@given(st.lists(st.tuples(SECONDS, st.booleans())))
def test_silence(steps: list[tuple[float, bool]]) -> None:
    """A watch is idle exactly when the last word is at least the longest silence ago."""
    clock = Hand()
    watch = IdleWatch(10.0, clock)
    last = clock.now
    for seconds, heard in steps:
        clock.now += seconds
        assert watch.idle == (clock.now >= last + 10.0)
        if heard:
            watch.heard()
            last = clock.now


@pytest.mark.parametrize(
    "make",
    [lambda: Rate(0, 1), lambda: Rate(1, 0), lambda: BreakerLimits(failures_max=0), lambda: BreakerLimits(open_s=0)],
)
def test_limits_that_serve_nothing(make: object) -> None:
    """Limits that could never be used are refused when they are made."""
    assert callable(make)
    with pytest.raises(ValueError, match="found"):
        make()
