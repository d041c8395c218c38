"""Reach Redis: a client that connects on first use, and one table of its failures; keys belong to each port's file."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import ResponseError
from redis.exceptions import TimeoutError as RedisTimeoutError

from functions.adapters.addresses import unsaid
from functions.ports.errors import Unavailable

CONNECT_TIMEOUT_S: Final = 2.0
COMMAND_TIMEOUT_S: Final = 5.0

_PASSING: Final = (
    "LOADING",
    "READONLY",
    "OOM",
    "MISCONF",
    "MASTERDOWN",
    "NOREPLICAS",
    "BUSY",
    "CLUSTERDOWN",
    "TRYAGAIN",
)
"""Replies that say the server cannot answer now, though it may later."""


def connect(url: str) -> Redis:
    """Make a client; it connects on first use.

    Args:
        url: `redis://host:port/db`.

    Raises:
        ValueError: The address cannot be read.
    """
    with unsaid("REDIS_URL"):
        return Redis.from_url(
            url,
            socket_timeout=COMMAND_TIMEOUT_S,
            socket_connect_timeout=CONNECT_TIMEOUT_S,
            retry=Retry(NoBackoff(), 1),  # once, for the connection a restarted server has forgotten
        )


@contextmanager
def port_errors(did: str) -> Iterator[None]:
    """Turn Redis's passing failures into `Unavailable`; errors in our own commands pass through.

    Args:
        did: What it did not do, for the message: `store`, `answer`.

    Raises:
        Unavailable: Redis is down, starting, out of room, or did not answer in time.
    """
    try:
        yield
    except (RedisConnectionError, RedisTimeoutError, OSError) as error:
        raise _unavailable(did, error) from error
    except ResponseError as error:
        if str(error).startswith(_PASSING):
            raise _unavailable(did, error) from error
        raise


def _unavailable(did: str, error: Exception) -> Unavailable:
    found = str(error) or type(error).__name__
    return Unavailable(f"Redis did not {did}: {found}; check that it runs at REDIS_URL")
