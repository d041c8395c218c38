"""Verify bearer tokens: JWT (RFC 7519), signed by a key of a JWKS file (RFC 7517).

A token is checked more strictly than JWT asks: one `alg` for each key, a `kid` we know, no header that could bring a
key along, no claim twice, no second spelling of the same bytes. Nothing is fetched.
"""

import binascii
import hashlib
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

import jwt
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from functions.runtime.outcomes import Unauthenticated
from functions.runtime.principals import Principal, is_name, principal, strict_json
from functions.runtime.rereading import Reread

Keys: TypeAlias = Mapping[str, jwt.PyJWK]
"""Public keys by their `kid`."""

TOKEN_BYTES_MAX: Final = 4096  # gRPC's own limit for all metadata of a call is 8 KiB
TOKENS_MAX: Final = 1024  # verified tokens kept; the eldest is forgotten first
KEYS_MAX: Final = 64
RSA_BITS_MIN: Final = 2048  # NIST SP 800-131A
SKEW_S_MAX: Final = 10  # an issuer's clock may be ahead of ours by so much; expiry has no such grace
ALGORITHMS: Final = ("EdDSA", "ES256", "RS256")
INVALID: Final = "the token is not valid"
EARLY: Final = "the token is not valid yet"
EXPIRED: Final = "the token has expired"

_HEADERS: Final = frozenset(("alg", "kid", "typ", "x5t", "x5t#S256"))  # any other could change what is verified, or how
_TYPES: Final = frozenset(("jwt", "at+jwt"))
_SECRET: Final = frozenset(("d", "p", "q", "dp", "dq", "qi", "k"))  # RFC 7518 section 6: members of secret keys


@dataclass(frozen=True, slots=True)
class Expected:
    """What a token must say, and how far ahead it may expire (seconds)."""

    issuer: str
    audience: str
    lifetime_s_max: int


class Tokens:
    """Verify bearer tokens; one that was verified is known until it expires or the keys change."""

    def __init__(self, keys: Reread[Keys], expected: Expected, now: Callable[[], float]) -> None:
        """Name the keys, what tokens must say, and a clock (seconds since the epoch)."""
        self._keys = keys
        self._expected = expected
        self._now = now
        self._known: dict[bytes, Principal] = {}
        self._version = keys.version
        self._jws = jwt.PyJWS(algorithms=list(ALGORITHMS))

    def verify(self, token: str) -> Principal:
        """Say whose token this is.

        Raises:
            Unauthenticated: It is not one that we take now.
        """
        if len(token) > TOKEN_BYTES_MAX:
            raise Unauthenticated(INVALID, "too long")
        keys, now_s = self._keys.value, self._now()
        if self._keys.version != self._version:
            self._known.clear()
            self._version = self._keys.version
        digest = hashlib.sha256(token.encode("utf-8", "replace")).digest()
        known = self._known.get(digest)
        if known is None:
            known = self._remember(digest, self._read(token, keys, now_s))
        if now_s >= known.expires_s:
            raise Unauthenticated(EXPIRED)
        return known

    def _remember(self, digest: bytes, one: Principal) -> Principal:
        if len(self._known) >= TOKENS_MAX:
            del self._known[next(iter(self._known))]
        self._known[digest] = one
        return one

    def _read(self, token: str, keys: Keys, now_s: float) -> Principal:
        parts = token.split(".")
        if len(parts) != 3:  # noqa: PLR2004 - header, claims, signature; five would be encrypted
            raise Unauthenticated(INVALID, f"{len(parts)} parts")
        header, claims = _object(parts[0]), _object(parts[1])
        _bytes(parts[2])
        key = keys.get(_header(header))
        if key is None or header["alg"] != key.algorithm_name:
            raise Unauthenticated(INVALID, "no key of ours has this kid and alg")
        try:
            self._jws.decode_complete(token, key, algorithms=[key.algorithm_name])
        except jwt.PyJWTError as error:
            raise Unauthenticated(INVALID, str(error)) from error
        return _principal(claims, self._expected, now_s)


def read_keys(data: bytes) -> Keys:
    """Read public keys by their `kid` from a JWKS (RFC 7517); keys for other ends or algorithms are passed over.

    Raises:
        ValueError: It is none, or has none for us; a key is secret, weak, without `kid` or with that of another.
    """
    listed = strict_json(data).get("keys")
    if not isinstance(listed, list) or not all(isinstance(one, dict) for one in listed):
        msg = "a JWKS is an object with a list of keys"
        raise ValueError(msg)
    if any(one.keys() & _SECRET for one in listed):
        msg = "a key is secret: publish its public half only"
        raise ValueError(msg)
    keys = [_key(one) for one in listed if one.get("use", "sig") == "sig" and one.get("alg", "EdDSA") in ALGORITHMS]
    if not 0 < len(keys) <= KEYS_MAX or len({kid for kid, _ in keys}) < len(keys):
        msg = f"a JWKS has 1 to {KEYS_MAX} keys for {', '.join(ALGORITHMS)}, each with a kid of its own"
        raise ValueError(msg)
    return dict(keys)


def _key(one: dict[str, Any]) -> tuple[str, jwt.PyJWK]:
    kid = one.get("kid")
    if not is_name(kid):
        msg = "every key needs a kid"
        raise ValueError(msg)
    try:
        key = jwt.PyJWK(one)
    except jwt.PyJWTError as error:
        msg = f"key {kid}: {error}"
        raise ValueError(msg) from error
    if key.algorithm_name not in ALGORITHMS:
        msg = f"key {kid} is for {key.algorithm_name}, not one of {', '.join(ALGORITHMS)}"
        raise ValueError(msg)
    if isinstance(key.key, RSAPublicKey) and key.key.key_size < RSA_BITS_MIN:
        msg = f"key {kid} has fewer than {RSA_BITS_MIN} bits"
        raise ValueError(msg)
    return str(kid), key


def _header(header: Mapping[str, Any]) -> str:
    """Check a token's header and give its `kid`."""
    if more := header.keys() - _HEADERS:
        raise Unauthenticated(INVALID, f"headers {sorted(more)}")
    if header.get("alg") not in ALGORITHMS:
        raise Unauthenticated(INVALID, "alg not allowed")
    kind = header.get("typ", "jwt")
    if not isinstance(kind, str) or kind.lower() not in _TYPES:
        raise Unauthenticated(INVALID, "typ not allowed")
    kid = header.get("kid")
    if not is_name(kid):
        raise Unauthenticated(INVALID, "no kid")
    return str(kid)


def _principal(claims: Mapping[str, Any], expected: Expected, now_s: float) -> Principal:
    """Check the claims of a token whose signature is good."""
    if claims.get("iss") != expected.issuer:
        raise Unauthenticated(INVALID, "another issuer")
    audience = claims.get("aud")
    if expected.audience not in (audience if isinstance(audience, list) else [audience]):
        raise Unauthenticated(INVALID, "for another audience")
    expires_s = _time(claims, "exp")
    if _time(claims, "nbf") > now_s + SKEW_S_MAX or _time(claims, "iat") > now_s + SKEW_S_MAX:
        raise Unauthenticated(EARLY)
    if now_s >= expires_s:
        raise Unauthenticated(EXPIRED)
    if expires_s > now_s + expected.lifetime_s_max:
        raise Unauthenticated(INVALID, "expires too late")
    try:
        return principal(claims.get("sub"), claims, expires_s)
    except ValueError as error:
        raise Unauthenticated(INVALID, str(error)) from error


def _time(claims: Mapping[str, Any], name: str) -> int:
    value = claims.get(name)
    if type(value) is not int:  # True is an int too, and NaN would be neither before nor after
        raise Unauthenticated(INVALID, f"no {name}")
    return value


def _object(part: str) -> dict[str, Any]:
    try:
        return strict_json(_bytes(part))
    except (ValueError, RecursionError) as error:
        raise Unauthenticated(INVALID, "a part is no JSON object") from error


def _bytes(part: str) -> bytes:
    """Decode base64url without padding, in the one spelling these bytes have (RFC 7515 section 2, RFC 4648 3.5)."""
    try:
        raw = part.encode("ascii")
        data = urlsafe_b64decode(raw + b"=" * (-len(raw) % 4))
    except (ValueError, binascii.Error) as error:
        raise Unauthenticated(INVALID, "a part is no base64url") from error
    if urlsafe_b64encode(data).rstrip(b"=") != raw:
        raise Unauthenticated(INVALID, "a part is no canonical base64url")
    return data
