"""Find the decoder of a dialect by its name: adding a venue is one file beside this one, and nothing else.

The part of a dialect before its first dot names the module, `kraken` for `kraken.v1`; the module's `DECODERS` names its
dialects. Modules are loaded when their first batch comes, so a handler pays for the venues it hears and no others.
"""

import importlib
import pkgutil
import re
from collections.abc import Iterator, Mapping
from typing import Final

from functions.wire import venues
from functions.wire.errors import Malformed
from functions.wire.venues.columns import Decode

_NAME: Final = re.compile(r"[a-z][a-z0-9]{0,31}")
_NONE: Final[Mapping[str, Decode]] = {}


def decoder_of(dialect: str, decoders: Mapping[str, Decode] = _NONE) -> Decode:
    """Give the decoder of a dialect.

    Args:
        dialect: Name such as `binance.spot`.
        decoders: Decoders that are taken before those found by name.

    Raises:
        Malformed: There is none.

    >>> decoder_of("binance.spot").venue.code
    'BINANCE'
    """
    found = decoders.get(dialect) or _decoders(dialect.partition(".")[0]).get(dialect)
    if found is None:
        reason = f"no decoder reads dialect {dialect[:64]!r}; known are {', '.join(dialects())}"
        raise Malformed(reason)
    return found


def dialects() -> tuple[str, ...]:
    """Name every dialect that can be read; this loads every venue."""
    return tuple(sorted(dialect for name in _modules() for dialect in _decoders(name)))


def _modules() -> Iterator[str]:
    return (found.name for found in pkgutil.iter_modules(venues.__path__) if _NAME.fullmatch(found.name))


def _decoders(name: str) -> Mapping[str, Decode]:
    if _NAME.fullmatch(name) is None:
        return _NONE
    try:
        module = importlib.import_module(f"{venues.__name__}.{name}")
    except ModuleNotFoundError as error:
        if error.name != f"{venues.__name__}.{name}":
            raise
        return _NONE
    decoders: Mapping[str, Decode] = getattr(module, "DECODERS", _NONE)
    return decoders
