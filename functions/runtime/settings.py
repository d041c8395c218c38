"""Read a process's settings from its environment, once and strictly (style rule 12).

A settings class is a frozen dataclass with typed fields. A field's variable is `TICKLOOM_<FIELD>`, unless its metadata
names another (`field(metadata={"env": "DATABASE_URL"})`). An unknown `TICKLOOM_*` variable, a value of the wrong type
or a missing one stops the start, with all problems in one sentence. A field with `repr=False` is a secret and is never
printed.

A process reads its own class and `Hosting`. A program that runs many functions gives each its share:
`share(cls, environ)` keeps what the function knows, and `check(environ, classes)` finds what nobody knows.
"""

import dataclasses
import difflib
import math
import re
import types
import typing
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar

PREFIX: Final = "TICKLOOM_"
RESERVED: Final = frozenset(("TICKLOOM_TESTS", "TICKLOOM_DATA", "TICKLOOM_SCHEMAS", "TICKLOOM_CACHE"))
"""The test suite's own, and where programs are kept: no function knows them, and none minds them."""
MASK: Final = "***"
OFF: Final = "off"
MESH: Final = "mesh"
REQUIRED: Final = "required"

T = TypeVar("T")

_URL_PASSWORD: Final = re.compile(r"(?<=://)([^:/@\s]*):([^@\s]*)@")
_INTEGER: Final = re.compile(r"[+-]?[0-9]+(?:_[0-9]+)*").fullmatch
_BOOLEANS: Final = {"true": True, "1": True, "false": False, "0": False}


class SettingsError(Exception):
    """The environment does not say what this process must know; the message names every problem."""


@dataclass(frozen=True, slots=True)
class Hosting:
    """Say how any function is hosted; every process knows these beside its own settings.

    Args:
        host: Address to listen on.
        port: Port to listen on; 0 picks a free one.
        uds: Unix socket path to listen on instead; empty for none.
        log_level: Least level that is logged.
        body_bytes_max: Largest request body or gRPC message taken, bytes; brokers carry no event over 1 MiB.
        concurrency_max: Requests in progress at once before the next is answered 503.
        keep_alive_s: Seconds an idle connection is kept.
        graceful_s: Seconds that running requests get to finish after SIGTERM.
        drain_ms: Milliseconds the port stays open, not ready, after SIGTERM, so that routers notice.
        authentication: Who may call a gRPC service: `off` anyone who reaches its loopback address, `mesh` whoever a
            mesh before it lets through, `required` who shows a token or a certificate.
        tls_certificate_path: Certificate chain that services show, PEM; empty listens in clear.
        tls_key_path: Its key, PEM.
        tls_client_ca_path: Authorities of callers' certificates, PEM; set, every caller must show one.
        jwks_path: Public keys of token issuers, RFC 7517; empty takes no tokens.
        token_issuer: The `iss` that tokens must have.
        token_audience: The `aud` that tokens must have.
        token_lifetime_s_max: A token that expires later than this from now is refused.
        principals_path: What callers may do by the names in their certificates, JSON; empty takes no certificates.
        service_ca_path: Authorities of the services we call, PEM; empty calls them in clear.
        service_certificate_path: Certificate chain that we show to services, PEM.
        service_key_path: Its key, PEM.
        service_token_path: File with the token that we show to services; read again when it changes.
        service_token: The token itself, where there is no file.
    """

    host: str = "0.0.0.0"  # noqa: S104 - a container listens for its proxy; the local platform says 127.0.0.1
    port: int = field(default=8080, metadata={"env": "PORT"})
    uds: str = ""
    log_level: str = "info"
    body_bytes_max: int = 1_048_576
    concurrency_max: int = 512
    keep_alive_s: int = 75
    graceful_s: int = 20
    drain_ms: int = 100
    authentication: str = OFF
    tls_certificate_path: str = ""
    tls_key_path: str = ""
    tls_client_ca_path: str = ""
    jwks_path: str = ""
    token_issuer: str = ""
    token_audience: str = ""
    token_lifetime_s_max: int = 86_400
    principals_path: str = ""
    service_ca_path: str = ""
    service_certificate_path: str = ""
    service_key_path: str = ""
    service_token_path: str = ""
    service_token: str = field(default="", repr=False)

    def __post_init__(self) -> None:
        """Refuse limits that would serve nothing, and halves of what is only useful whole."""
        at_least_one(self, "body_bytes_max", "concurrency_max", "keep_alive_s", "graceful_s", "token_lifetime_s_max")
        if self.authentication not in {OFF, MESH, REQUIRED}:
            msg = f"authentication must be {OFF}, {MESH} or {REQUIRED}"
            raise ValueError(msg)
        _together(self, "tls_certificate_path", "tls_key_path")
        _together(self, "service_certificate_path", "service_key_path")
        _together(self, "jwks_path", "token_issuer", "token_audience")
        _needs(self, "tls_client_ca_path", "tls_certificate_path")
        _needs(self, "principals_path", "tls_client_ca_path")
        _needs(self, "service_certificate_path", "service_ca_path")


def at_least_one(settings: object, *names: str) -> None:
    """Refuse limits below 1, which would hold nothing.

    Raises:
        ValueError: Some are; the message names them.
    """
    if low := [name for name in names if getattr(settings, name) < 1]:
        msg = f"{', '.join(low)} must be at least 1"
        raise ValueError(msg)


def load(cls: type[T], environ: Mapping[str, str]) -> T:
    """Build a settings class from the environment.

    Args:
        cls: Frozen dataclass with typed fields: str, int, float, bool, tuple[str, ...] (comma separated), or one of
            these or None.
        environ: The environment; an empty value counts as unset.

    Raises:
        SettingsError: A variable is unknown, missing, or not of its type; one sentence names all of them.
    """
    problems = unknown(environ, (cls,))
    hints = typing.get_type_hints(cls)
    values: dict[str, object] = {}
    for item in dataclasses.fields(_dataclass(cls)):
        variable = _variable(item)
        text = environ.get(variable, "")
        if text:
            try:
                values[item.name] = _parse(text, hints[item.name])
            except ValueError as error:
                shown = "" if not item.repr else f", found {_mask(text)!r:.80}"
                problems.append(f"{variable} must be {error}{shown}")
        elif item.default is dataclasses.MISSING and item.default_factory is dataclasses.MISSING:
            problems.append(f"{variable} is missing")
    return _built(cls, values, problems)


def hosting(environ: Mapping[str, str]) -> Hosting:
    """Read how this process is hosted, whatever else its environment holds.

    Raises:
        SettingsError: A value is not of its type or serves nothing.
    """
    return load(Hosting, share(Hosting, environ))


def names(cls: type[Any]) -> frozenset[str]:
    """Give the variables that a settings class reads."""
    return frozenset(_variable(item) for item in dataclasses.fields(_dataclass(cls)))


def share(cls: type[Any], environ: Mapping[str, str]) -> dict[str, str]:
    """Give the part of an environment that a process with these settings may see: not other functions' variables."""
    known = names(cls) | names(Hosting) | RESERVED
    return {name: value for name, value in environ.items() if not name.startswith(PREFIX) or name in known}


def unknown(environ: Mapping[str, str], classes: Iterable[type[Any]]) -> list[str]:
    """Say which of our variables none of these classes reads, each with the nearest that one does."""
    known = names(Hosting) | RESERVED
    for cls in classes:
        known |= names(cls)
    return [_unknown(name, known) for name in sorted(environ) if name.startswith(PREFIX) and name not in known]


def check(environ: Mapping[str, str], classes: Iterable[type[Any]]) -> None:
    """Refuse an environment with a variable of ours that none of these classes reads.

    Raises:
        SettingsError: There is one; the sentence names all of them.
    """
    if problems := unknown(environ, classes):
        raise SettingsError(_sentence(problems))


def describe(settings: object) -> dict[str, str]:
    """Write settings down for people: secrets masked, passwords in addresses too."""
    return {
        item.name: _mask(str(getattr(settings, item.name))) if item.repr else MASK
        for item in dataclasses.fields(_dataclass(type(settings)))
    }


def _together(settings: object, *names: str) -> None:
    given = [name for name in names if getattr(settings, name)]
    if given and len(given) < len(names):
        msg = f"{', '.join(names)} come together"
        raise ValueError(msg)


def _needs(settings: object, name: str, needed: str) -> None:
    if getattr(settings, name) and not getattr(settings, needed):
        msg = f"{name} needs {needed}"
        raise ValueError(msg)


def _built(cls: type[T], values: dict[str, object], problems: list[str]) -> T:
    if not problems:
        try:
            return cls(**values)
        except ValueError as error:  # a rule of the class about values of the right type
            problems.append(str(error))
    raise SettingsError(_sentence(problems))


def _sentence(problems: list[str]) -> str:
    return f"cannot start: {'; '.join(problems)}"


def _unknown(name: str, known: frozenset[str]) -> str:
    short = {variable.removeprefix(PREFIX): variable for variable in sorted(known)}
    near = difflib.get_close_matches(name.removeprefix(PREFIX), short, n=1)
    return f"{name} is unknown" + (f" (did you mean {short[near[0]]}?)" if near else "")


def _dataclass(cls: type[Any]) -> type[Any]:
    if not dataclasses.is_dataclass(cls):
        msg = f"{cls.__name__} is no dataclass"
        raise TypeError(msg)
    return cls


def _variable(item: dataclasses.Field[Any]) -> str:
    return str(item.metadata.get("env", PREFIX + item.name.upper()))


def _mask(text: str) -> str:
    return _URL_PASSWORD.sub(rf"\1:{MASK}@", text)


def _parse(text: str, kind: object) -> object:
    if isinstance(kind, types.UnionType):
        kind = next(member for member in typing.get_args(kind) if member is not types.NoneType)
    parse = _PARSERS.get(kind)
    if parse is None:
        msg = f"settings cannot be of type {kind}"
        raise TypeError(msg)
    return parse(text)


def _integer(text: str) -> int:
    if _INTEGER(text) is None:
        msg = "an integer"
        raise ValueError(msg)
    return int(text)


def _number(text: str) -> float:
    msg = "a finite number"
    try:
        value = float(text)
    except ValueError:
        raise ValueError(msg) from None
    if not math.isfinite(value):
        raise ValueError(msg)
    return value


def _boolean(text: str) -> bool:
    if text.lower() not in _BOOLEANS:
        msg = "true or false"
        raise ValueError(msg)
    return _BOOLEANS[text.lower()]


def _texts(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())


_PARSERS: Final[dict[object, Any]] = {
    str: str,
    int: _integer,
    float: _number,
    bool: _boolean,
    tuple[str, ...]: _texts,
}
