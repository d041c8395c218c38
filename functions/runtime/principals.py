"""Say what a principal is, and read what is said of one in a token or a file.

Only what both share lives here: names, roles, accounts, and JSON that can be read in one way only.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Principal:
    """Somebody who calls, and what was said of them.

    Attributes:
        name: Subject of the token, or name in the certificate.
        roles: What they do.
        accounts: Accounts they do it for; None for all.
        expires_s: When that ends, seconds since the epoch.
    """

    name: str
    roles: frozenset[str]
    accounts: frozenset[str] | None
    expires_s: float


def principal(name: object, said: Mapping[str, Any], expires_s: float) -> Principal:
    """Read what is said of a principal: `roles`, a list, and `accounts`, a list or `*`; without accounts it has none.

    Raises:
        ValueError: It cannot be read so.
    """
    if not is_name(name):
        msg = "no name"
        raise ValueError(msg)
    roles = frozenset(_names(said.get("roles"), "roles"))
    return Principal(str(name), roles, _accounts(said.get("accounts", [])), expires_s)


def is_name(value: object) -> bool:
    """Say whether a value is a text that is not empty."""
    return isinstance(value, str) and value != ""


def strict_json(data: bytes) -> dict[str, Any]:
    """Read a JSON object in which no name stands twice, and every number is one.

    Raises:
        ValueError: It is none.
    """
    value = json.loads(data.decode("utf-8"), object_pairs_hook=_once, parse_constant=_constant)
    if not isinstance(value, dict):
        msg = "not a JSON object"
        raise ValueError(msg)  # noqa: TRY004 - a file or token is wrong, not our own code
    return value


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        msg = "a name stands twice"
        raise ValueError(msg)
    return found


def _constant(text: str) -> float:
    msg = f"{text} is no number"
    raise ValueError(msg)


def _accounts(value: object) -> frozenset[str] | None:
    if value == "*":
        return None
    named = frozenset(_names(value, "accounts"))
    return None if named == {"*"} else named


def _names(value: object, what: str) -> Iterable[str]:
    if not isinstance(value, list) or not all(map(is_name, value)):
        msg = f"{what} are not a list of names"
        raise ValueError(msg)
    return value
