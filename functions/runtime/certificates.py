"""Name callers by their certificates, which TLS has verified: by a SAN URI or DNS name that a file lists."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Final

from cryptography import x509

from functions.runtime.outcomes import Unauthenticated
from functions.runtime.principals import Principal, is_name, principal, strict_json
from functions.runtime.rereading import Reread

CERTIFICATES_MAX: Final = 1024  # certificates whose names are kept; the eldest is forgotten first
UNKNOWN: Final = "the certificate names nobody known"
EXPIRED: Final = "the certificate has expired"


class Certificates:
    """Name callers by the certificates that TLS verified: SAN URI or DNS name."""

    def __init__(self, listed: Reread[Mapping[str, Principal]], now: Callable[[], float]) -> None:
        """Name what callers may do, and a clock (seconds since the epoch)."""
        self._listed = listed
        self._now = now
        self._known: dict[bytes, tuple[tuple[str, ...], float]] = {}

    def verify(self, pem: bytes) -> Principal:
        """Say whose certificate this is.

        Raises:
            Unauthenticated: It has expired, cannot be read, or not exactly one of its names is listed.
        """
        names, expires_s = self._known.get(pem) or self._read(pem)
        if self._now() >= expires_s:
            raise Unauthenticated(EXPIRED)
        listed = self._listed.value
        found = [listed[name] for name in names if name in listed]
        if len(found) != 1:
            raise Unauthenticated(UNKNOWN, f"{len(found)} of {names} are listed")
        return replace(found[0], expires_s=expires_s)

    def _read(self, pem: bytes) -> tuple[tuple[str, ...], float]:
        try:
            read = names_in(pem)
        except ValueError as error:
            raise Unauthenticated(UNKNOWN, str(error)) from error
        if len(self._known) >= CERTIFICATES_MAX:
            del self._known[next(iter(self._known))]
        self._known[pem] = read
        return read


def read_principals(data: bytes) -> Mapping[str, Principal]:
    """Read what callers may do by the names in their certificates.

    The file is `{"principals": [{"name": "spiffe://desk/route", "roles": ["trader"], "accounts": "*"}]}`.

    Raises:
        ValueError: It is none, or one name stands twice.
    """
    listed = strict_json(data).get("principals")
    if not isinstance(listed, list) or not all(isinstance(one, dict) and is_name(one.get("name")) for one in listed):
        msg = "a file of principals lists objects with a name, roles and accounts"
        raise ValueError(msg)
    found = [principal(one["name"], one, float("inf")) for one in listed]
    if len({one.name for one in found}) < len(found):
        msg = "two principals have the same name"
        raise ValueError(msg)
    return {one.name: one for one in found}


def names_in(pem: bytes) -> tuple[tuple[str, ...], float]:
    """Give a certificate's URIs and DNS names, and when it expires, seconds since the epoch.

    Raises:
        ValueError: It cannot be read.
    """
    certificate = x509.load_pem_x509_certificate(pem)
    expires_s = certificate.not_valid_after_utc.timestamp()
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return (), expires_s
    kinds = (x509.UniformResourceIdentifier, x509.DNSName)
    return tuple(dict.fromkeys(name for kind in kinds for name in names.get_values_for_type(kind))), expires_s
