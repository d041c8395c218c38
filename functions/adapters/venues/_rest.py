"""Ask a venue over REST, within its allowance, and not at all while it keeps failing."""

import asyncio
from typing import Final, Self
from urllib.parse import urlencode

import aiohttp

from functions.adapters.resilience import BreakerLimits, CircuitBreaker, Rate, TokenBucket, retry_after_s
from functions.adapters.venues._patience import Hands
from functions.adapters.venues._profile import Request
from functions.ports.errors import Overloaded, PortError, Unavailable
from functions.ports.venue import Received

ANSWER_BYTES_MAX: Final = 32 * 1024 * 1024
RETRY_AFTER_S: Final = 60.0  # where the venue asks for a pause and does not say for how long
_OK: Final = 200
_TOO_MANY: Final = frozenset({403, 418, 429})  # 403 is Binance's firewall, 418 its ban: both end by themselves
_AGAIN: Final = frozenset({408, 425})  # they tell of the moment, not of the request
_SERVER_FAULT: Final = 500
_SHOWN_BYTES: Final = 200


class Refused(PortError):  # noqa: N818 - named as the other delivery decisions
    """The venue will not answer this request, however often it is asked."""


class Rest:
    """Ask one venue.

    Args:
        base: Base of its addresses.
        allowance: Weight that may be asked for.
        breaker: When to stop asking.
        hands: Clocks and waiting.
        timeout_s: Longest wait for an answer, seconds.
    """

    def __init__(self, base: str, allowance: Rate, breaker: BreakerLimits, *, hands: Hands, timeout_s: float) -> None:
        """Open nothing yet."""
        self._base = base.rstrip("/")
        self._bucket = TokenBucket(allowance, hands.elapsed)
        self._breaker = CircuitBreaker(breaker, hands.elapsed)
        self._hands = hands
        self._timeout = aiohttp.ClientTimeout(total=timeout_s)
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        """Open what is asked through."""
        self._session = aiohttp.ClientSession(timeout=self._timeout)
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close it."""
        if self._session:
            await self._session.close()

    async def get(self, request: Request, symbol: str) -> Received:
        """Ask once, when the allowance lets us.

        Args:
            request: What to ask.
            symbol: Symbol the answer is about.

        Raises:
            Unavailable: The venue is down, or keeps failing and is left alone.
            Overloaded: It asks for a pause, which the next request keeps.
            Refused: It will never answer this.
        """
        await self._hands.pause(self._bucket.take(request.weight))
        if not self._breaker.allow():
            msg = f"the venue keeps failing and is left alone for {self._breaker.wait_s():.1f} s"
            raise Unavailable(msg)
        try:
            received = await self._ask(request, symbol)
        except Unavailable:
            self._breaker.failed()
            raise
        except asyncio.CancelledError:
            self._breaker.failed()
            raise
        except (Overloaded, Refused):
            self._breaker.succeeded()  # it answers, so it is up
            raise
        self._breaker.succeeded()
        return received

    async def _ask(self, request: Request, symbol: str) -> Received:
        url = f"{self._base}{request.path}"
        if self._session is None:
            msg = "requests are made inside `async with`"
            raise RuntimeError(msg)
        try:
            async with self._session.get(url, params=request.query, headers=request.headers) as response:
                body = await response.content.read(ANSWER_BYTES_MAX + 1)
                while not response.content.at_eof() and len(body) <= ANSWER_BYTES_MAX:
                    body += await response.content.read(ANSWER_BYTES_MAX + 1 - len(body))
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            msg = f"{type(error).__name__}: {error}"
            raise Unavailable(msg) from error
        if response.status == _OK and len(body) <= ANSWER_BYTES_MAX:
            return Received(body, self._hands.clock(), symbol, url=f"{url}?{urlencode(request.query)}")
        raise self._failure(response, body)

    def _failure(self, response: aiohttp.ClientResponse, body: bytes) -> PortError:
        status, shown = response.status, body[:_SHOWN_BYTES]
        if status in _TOO_MANY:
            asked = retry_after_s(response.headers.get("Retry-After", ""), self._hands.clock() / 1e9)
            wait = RETRY_AFTER_S if asked is None else asked
            self._bucket.drain(wait)
            return Overloaded(f"{status}: asked to wait {wait:g} s")
        if status >= _SERVER_FAULT or status in _AGAIN:
            return Unavailable(f"{status}: {shown!r}")
        return Refused(f"{status}: {shown!r}")
