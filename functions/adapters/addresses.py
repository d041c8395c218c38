"""Tell addresses of stores without their secrets: a password that stands where it may not is in no message."""

import contextlib
import re
from collections.abc import Iterator
from typing import Final

_PARTS: Final = re.compile(r"(?:[^:/?#]*://)?([^/?#]*)(.*)", re.DOTALL).fullmatch
"""What is between `//` and the next delimiter, and the rest (RFC 3986, appendix B)."""


def place_of(url: str, port: int, variable: str) -> str:
    """Give host and port of an address, and nothing that could be secret.

    Args:
        url: The address.
        port: Port where it names none.
        variable: What the address is called, for the message.

    Raises:
        ValueError: A password in it is not written as an address wants it; the message holds nothing of it.

    >>> place_of("redis://:hush@cache/0", 6379, "REDIS_URL")
    'cache:6379'
    """
    found = _PARTS(url)
    assert found is not None, "the pattern takes any text"  # noqa: S101 - a programmer's error
    authority, rest = found.groups()
    if ":" in authority and "@" not in authority and "@" in rest:  # the password ended what was to hold it
        raise ValueError(_unreadable(variable))
    host = authority.rpartition("@")[2] or "localhost"
    return host if re.search(r":\d+$", host) else f"{host}:{port}"


@contextlib.contextmanager
def unsaid(variable: str) -> Iterator[None]:
    """Have a driver read an address, and keep to ourselves what Python says of its parts: it may quote the password.

    Raises:
        ValueError: It cannot be read; the message holds nothing of it.
    """
    try:
        yield
    except ValueError as error:
        if type(error) is not ValueError:  # the driver's own words
            raise
        raise ValueError(_unreadable(variable)) from None


def _unreadable(variable: str) -> str:
    return f"{variable} is no address; in its password write / ? # @ : as %2F %3F %23 %40 %3A"
