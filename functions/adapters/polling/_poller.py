"""Ask a venue over HTTP: no faster than it allows, later and later when it fails, and not at all while it is down.

A window is asked for once it has ended. Where our clock is ahead of the venue's, as the `Date` of its replies shows,
what seems to have ended is still open there: such a reply is not taken, and from then on our clock is read as so much
slower.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from types import MappingProxyType
from typing import Final

import aiohttp

from functions.adapters.polling._profile import Answer, Ask, Channel, Moment, PollProfile
from functions.adapters.resilience import BreakerLimits, CircuitBreaker, Rate, TokenBucket, full_jitter, retry_after_s
from functions.ports.polling import Page
from functions.ports.venue import Report

REPLY_BYTES_MAX: Final = 8 * 1024 * 1024
SERIES_MAX: Final = 256
RETRY_AFTER_S_MAX: Final = 3 * 86_400.0
"""Longest pause that is kept: Binance bans an address for up to three days, and longer if it keeps asking."""
_AGE_DIGITS_MAX: Final = 9
_NS_PER_S: Final = 1_000_000_000
_OK: Final = 200
_CLIENT_ERROR: Final = range(400, 500)
_SLOW_DOWN: Final = (418, 429)  # 418: Binance's ban after too many 429
_NOT_THE_REQUEST: Final = (408, 425, *_SLOW_DOWN)
_NONE: Final[Mapping[str, str]] = MappingProxyType({})
_NOT_A_REPLY: Final = (ValueError, KeyError, IndexError, TypeError, RecursionError)


class _FailedError(Exception):
    """A request that came to nothing; `wait_s` is what the venue asks for, `blame` whether the venue is at fault."""

    def __init__(self, message: str, *, wait_s: float = 0.0, blame: bool = True) -> None:
        super().__init__(message)
        self.wait_s = wait_s
        self.blame = blame


@dataclass(frozen=True, slots=True)
class Polls:
    """Say what is polled and how patiently.

    Args:
        profile: How the dialect is polled.
        url: Address of the venue; empty for the profile's.
        symbols: Venue symbols.
        channels: Channels of each symbol.
        api_key: Key, where the venue wants one.
        rate: What may be spent; None for the profile's.
        start_ns: Where series without a cursor begin, UTC nanoseconds.
        settle_s: How long after a window's end its rows may still come, seconds.
        timeout_s: Time for one reply, seconds.
        backoff_s: Longest wait after the first failure, seconds; it doubles.
        backoff_max_s: Longest wait of all, seconds.
        breaker: When the venue counts as down.
    """

    profile: PollProfile
    symbols: tuple[str, ...]
    channels: tuple[str, ...]
    url: str = ""
    api_key: str = field(default="", repr=False)
    rate: Rate | None = None
    start_ns: int = 0
    settle_s: float = 2.0
    timeout_s: float = 10.0
    backoff_s: float = 0.5
    backoff_max_s: float = 60.0
    breaker: BreakerLimits = BreakerLimits()  # noqa: RUF009 - frozen

    def __post_init__(self) -> None:
        """Refuse what is nothing or too much."""
        count = len(self.symbols) * len(self.channels)
        if not 0 < count <= SERIES_MAX:
            msg = f"one feed polls 1 to {SERIES_MAX} series; symbols times channels is {count}"
            raise ValueError(msg)


@dataclass(frozen=True, slots=True)
class Timing:
    """Give a poller its clocks, its patience and its luck.

    Args:
        clock: Gives UTC nanoseconds.
        elapsed: Gives seconds on a clock that never goes back.
        pause: Waits for seconds.
        jitter: Draws the wait after failure n between 0 and a bound that doubles: (n, base_s=, max_s=) to seconds.
    """

    clock: Callable[[], int] = time.time_ns
    elapsed: Callable[[], float] = time.monotonic
    pause: Callable[[float], Awaitable[None]] = asyncio.sleep
    jitter: Callable[..., float] = full_jitter


_REAL: Final = Timing()


class HttpPoller:
    """Ask one venue.

    Args:
        polls: What is polled.
        report: Is told of failures.
        timing: Its clocks.
    """

    def __init__(self, polls: Polls, *, report: Report, timing: Timing = _REAL) -> None:
        """Open nothing yet; a channel that does not exist, or costs more than may be spent, is refused here."""
        profile = polls.profile
        channels = {name: profile.channel(name) for name in polls.channels}
        self._series: dict[str, tuple[str, Channel]] = {
            f"{symbol} {name}": (symbol, channel) for symbol in polls.symbols for name, channel in channels.items()
        }
        self._polls = polls
        rate = polls.rate or profile.rate
        for name, (symbol, channel) in self._series.items():
            asked = channel.ask(symbol, "", Moment(timing.clock(), 0, 0))
            if asked is not None and asked.weight > rate.tokens:
                msg = f"one request of {name} costs {asked.weight:g} of {rate.tokens:g}; set poll_rate to that at least"
                raise ValueError(msg)
        self._url = (polls.url or profile.url).rstrip("/")
        self._headers = dict(profile.headers(polls.api_key) if polls.api_key else _NONE)
        self._report = report
        self._clock = timing.clock
        self._pause = timing.pause
        self._draw = timing.jitter
        self._bucket = TokenBucket(rate, timing.elapsed)
        self._breaker = CircuitBreaker(polls.breaker, timing.elapsed)
        self._session: aiohttp.ClientSession | None = None
        self._ahead_ns = 0

    @property
    def series(self) -> tuple[str, ...]:
        """Name everything that is polled."""
        return tuple(self._series)

    def every_s(self, name: str) -> float:
        """Say how long to wait before a series that has no more pages is asked again, seconds."""
        return self._series[name][1].every_s

    async def page(self, name: str, cursor: str) -> Page:
        """Give the next page of a series; failures are waited out, so this ends only well or by cancelling."""
        failures = 0
        while True:
            symbol, channel = self._series[name]
            settle_ns = int(self._polls.settle_s * 1e9)
            clock_ns = self._clock()
            now_ns = clock_ns - self._ahead_ns
            ask = channel.ask(symbol, cursor, Moment(now_ns, self._polls.start_ns, settle_ns))
            if ask is None:
                return Page(b"", self._clock(), symbol, cursor, more=False)
            await self._admitted(ask)
            try:
                row, venue_ns = await self._get(ask)
                self._learn(clock_ns, venue_ns)
                self._check_ended(ask, now_ns - settle_ns, venue_ns)
                answer = _read(channel, row, ask)
            except _FailedError as error:
                failures += 1
                (self._breaker.failed if error.blame else self._breaker.succeeded)()
                self._report("poll_failed", series=name, error=str(error), failures=failures)
                await self._pause(max(error.wait_s, self._jitter(failures)))
                continue
            self._breaker.succeeded()
            return Page(row, self._clock(), ask.symbol, answer.cursor, answer.more)

    async def close(self) -> None:
        """Close the connections."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def _admitted(self, ask: Ask) -> None:
        """Wait until the breaker lets it through and the rate has room for it."""
        while not self._breaker.allow():
            await self._pause(self._breaker.wait_s())
        if wait_s := self._bucket.take(ask.weight):
            await self._pause(wait_s)

    def _learn(self, clock_ns: int, venue_ns: int) -> None:
        """Take note of how far our clock is ahead at least: of the one it was at the venue when a reply was made."""
        if venue_ns:
            self._ahead_ns = max(clock_ns - venue_ns, 0)

    def _check_ended(self, ask: Ask, settled_ns: int, venue_ns: int) -> None:
        """Refuse a window that was asked for before it had ended at the venue."""
        if ask.end and 0 < venue_ns < settled_ns:
            msg = f"our clock is {self._ahead_ns / 1e9:.0f} s ahead of the venue's; that is taken off, but set it"
            raise _FailedError(msg, blame=False)

    async def _get(self, ask: Ask) -> tuple[bytes, int]:
        """Give a reply, and the latest time that it was at the venue then, UTC nanoseconds; 0 where it does not say."""
        try:
            async with self._open().get(self._url + ask.path, allow_redirects=False) as response:
                body = await _body(response)
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            msg = f"{type(error).__name__}: {error}"
            raise _FailedError(msg) from error
        status = response.status
        if status == _OK:
            return body, _told_ns(response.headers)
        asked_s = retry_after_s(response.headers.get("Retry-After", ""), self._clock() / 1e9)
        wait_s = min(asked_s or 0.0, RETRY_AFTER_S_MAX)
        if status in _SLOW_DOWN:
            self._bucket.drain(wait_s)
        ours = status in _CLIENT_ERROR and status not in _NOT_THE_REQUEST
        shown = body[:200].decode("utf-8", "replace")
        msg = f"status {status}: {shown}"
        raise _FailedError(msg, wait_s=max(wait_s, self._polls.backoff_max_s if ours else 0.0), blame=not ours)

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                headers=self._headers,
                timeout=aiohttp.ClientTimeout(total=self._polls.timeout_s),
                cookie_jar=aiohttp.DummyCookieJar(),
            )
        return self._session

    def _jitter(self, attempt: int) -> float:
        return self._draw(attempt, base_s=self._polls.backoff_s, max_s=self._polls.backoff_max_s)


def _told_ns(headers: Mapping[str, str]) -> int:
    """Read when a reply was made, at the latest: `Date` is cut to seconds, and a cache tells how old it is by `Age`."""
    age = headers.get("Age", "")
    try:
        made_s = int(parsedate_to_datetime(headers.get("Date", "")).timestamp())
    except (ValueError, OverflowError):
        return 0
    return (made_s + 1 + (int(age[:_AGE_DIGITS_MAX]) if age.isascii() and age.isdigit() else 0)) * _NS_PER_S


async def _body(response: aiohttp.ClientResponse) -> bytes:
    pieces: list[bytes] = []
    size = 0
    async for piece in response.content.iter_any():
        size += len(piece)
        if size > REPLY_BYTES_MAX:
            msg = f"the reply is longer than {REPLY_BYTES_MAX} bytes"
            raise _FailedError(msg)
        pieces.append(piece)
    return b"".join(pieces)


def _read(channel: Channel, row: bytes, ask: Ask) -> Answer:
    try:
        return channel.read(row, ask)
    except _NOT_A_REPLY as error:
        msg = f"the reply cannot be read: {type(error).__name__}: {error}"
        raise _FailedError(msg) from error
