"""Say who a call comes from: by its token, else by its connection's certificate."""

import pathlib
from collections.abc import Callable
from functools import partial
from typing import Any, Final, TypeAlias

from functions.runtime.certificates import Certificates, read_principals
from functions.runtime.outcomes import Unauthenticated
from functions.runtime.principals import Principal
from functions.runtime.rereading import Reread
from functions.runtime.settings import Hosting, SettingsError
from functions.runtime.tokens import INVALID, Expected, Tokens, read_keys

Proof: TypeAlias = Callable[[], Principal]
"""Names the caller as it is known now, or raises Unauthenticated: keys and grants change while a call lasts."""

NOBODY: Final = "a token or a certificate is needed"

_BEARER: Final = "bearer "


class Authentication:
    """Know callers by tokens, by certificates, or by both."""

    def __init__(self, tokens: Tokens | None, certificates: Certificates | None) -> None:
        """Take tokens, certificates, or both."""
        self._tokens = tokens
        self._certificates = certificates

    def proof(self, context: Any) -> Proof:  # noqa: ANN401 - gRPC's context
        """Take what the caller shows. A token that is not valid is refused, whatever the certificate says.

        Raises:
            Unauthenticated: Nothing is shown, or not as it should be.
        """
        shown = [value for key, value in context.invocation_metadata() or () if key == "authorization"]
        if len(shown) > 1:
            raise Unauthenticated(INVALID, "shown more than once")
        if shown and self._tokens is not None:
            value = str(shown[0])
            if value[: len(_BEARER)].lower() != _BEARER:
                raise Unauthenticated(INVALID, "not a bearer token")
            return partial(self._tokens.verify, value[len(_BEARER) :])
        pem = context.auth_context().get("x509_pem_cert") if self._certificates is not None else None
        if self._certificates is None or not pem:
            raise Unauthenticated(NOBODY, shown=False)
        return partial(self._certificates.verify, pem[0])


def authentication(hosting: Hosting, now: Callable[[], float]) -> Authentication:
    """Know callers as the settings say.

    Args:
        hosting: Where keys and principals are listed, and what tokens must say.
        now: A clock, seconds since the epoch.

    Raises:
        SettingsError: Nobody could come through, or a file cannot be used.
    """
    if not hosting.jwks_path and not hosting.principals_path:
        msg = "cannot start: authentication is required, and neither jwks_path nor principals_path says whose"
        raise SettingsError(msg)
    expected = Expected(hosting.token_issuer, hosting.token_audience, hosting.token_lifetime_s_max)
    try:
        keys = Reread(pathlib.Path(hosting.jwks_path), read_keys, now) if hosting.jwks_path else None
        listed = (
            Reread(pathlib.Path(hosting.principals_path), read_principals, now) if hosting.principals_path else None
        )
    except ValueError as error:
        msg = f"cannot start: {error}"
        raise SettingsError(msg) from error
    tokens = Tokens(keys, expected, now) if keys else None
    return Authentication(tokens, Certificates(listed, now) if listed else None)
