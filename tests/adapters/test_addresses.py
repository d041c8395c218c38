"""Addresses of stores are told without their secrets, also those that cannot be read."""

import traceback

import pytest

from functions.adapters.addresses import place_of
from functions.adapters.postgres import Pool
from functions.adapters.redis_reference import RedisReference
from functions.adapters.redis_server import connect
from functions.local.servers import StoresError, check_database, check_redis

AWRY = [f"://desk:{password}@127.0.0.1:1/db" for password in ("hush/x", "hush#x", "hush?x", "12345/hush")]


def said(error: pytest.ExceptionInfo[BaseException]) -> str:
    """Give all that a log may show of an error, but for the lines of code."""
    return "".join(traceback.format_exception_only(error.value))


@pytest.mark.parametrize(
    ("url", "place"),
    [
        ("postgresql://desk:hu%2Fsh@db:5433/x", "db:5433"),
        ("postgresql://desk@db/x", "db:5432"),
        ("postgresql://desk:hush@a:1,b:2/x", "a:1,b:2"),
        ("postgresql://[::1]:5433/x", "[::1]:5433"),
        ("postgresql:///x?host=/run", "localhost:5432"),
        ("postgresql://db/x?user=me@corp", "db:5432"),
    ],
)
def test_places(url: str, place: str) -> None:
    """Of an address host and port are told."""
    assert place_of(url, 5432, "DATABASE_URL") == place


@pytest.mark.parametrize("tail", AWRY)
async def test_a_password_is_never_told(tail: str) -> None:
    """A password with a character that ends it is refused with what to do, by a message that holds nothing of it."""
    with pytest.raises(StoresError, match="%2F") as database:
        await check_database(f"postgresql{tail}")
    with pytest.raises(StoresError, match="%2F") as redis:
        await check_redis(f"redis{tail}")
    for error in (database, redis):
        assert "hush" not in said(error)
        assert "12345" not in said(error)


async def test_drivers_tell_nothing() -> None:
    """Nor is it told where an address goes to a driver unseen, as it does in every function."""
    with pytest.raises(ValueError, match="DATABASE_URL is no address") as found:
        await Pool(f"postgresql{AWRY[0]}").get()
    assert "hush" not in said(found)
    for make in (connect, lambda url: RedisReference(None, url)):  # type: ignore[arg-type]
        with pytest.raises(ValueError, match="REDIS_URL is no address") as found:
            make(f"redis{AWRY[0]}")
        assert found.value.__suppress_context__
