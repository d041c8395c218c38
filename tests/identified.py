"""Make identities for tests: keys, tokens, key files, authorities and certificates; all made anew, none is kept."""

import datetime as dt
import json
import pathlib
from collections.abc import Mapping
from functools import cache
from typing import Any, TypeAlias

import jwt
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.x509.oid import NameOID

from functions.runtime.settings import REQUIRED, Hosting

NOW = 1_700_000_000
ISSUER = "https://issuer.test"
AUDIENCE = "tickloom"

Signing: TypeAlias = ed25519.Ed25519PrivateKey | ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey


@cache
def key(algorithm: str, which: str = "ours") -> Signing:  # noqa: ARG001 - another name is another key
    """Make a key for an algorithm, once for each name."""
    if algorithm == "EdDSA":
        return ed25519.Ed25519PrivateKey.generate()
    if algorithm == "ES256":
        return ec.generate_private_key(ec.SECP256R1())
    return rsa.generate_private_key(65537, 2048)


def public(algorithm: str, kid: str | None = None, which: str = "ours") -> dict[str, Any]:
    """Give the public half of a key as a JWK; its kid is the algorithm's name unless it is told."""
    made = jwt.get_algorithm_by_name(algorithm).to_jwk(key(algorithm, which).public_key(), as_dict=True)
    return {key: value for key, value in made.items() if key != "key_ops"} | {"kid": kid or algorithm, "use": "sig"}


def claims(now: float = NOW, **changes: Any) -> dict[str, Any]:  # noqa: ANN401 - claims are anything
    """Say what a good token says; a change to None leaves the claim away."""
    said = {
        "iss": ISSUER,
        "aud": AUDIENCE,
        "sub": "alice",
        "iat": int(now),
        "nbf": int(now),
        "exp": int(now) + 300,
        "roles": ["trader"],
        "accounts": ["paper"],
    } | changes
    return {name: value for name, value in said.items() if value is not None}


def token(said: Mapping[str, Any], algorithm: str = "EdDSA", which: str = "ours", **headers: Any) -> str:  # noqa: ANN401
    """Sign a token."""
    return jwt.encode(dict(said), key(algorithm, which), algorithm=algorithm, headers={"kid": algorithm} | headers)


def jwks(folder: pathlib.Path, *keys: dict[str, Any]) -> pathlib.Path:
    """Write a key file; without keys, one of each algorithm."""
    path = folder / "jwks.json"
    path.write_text(json.dumps({"keys": keys or [public("EdDSA"), public("ES256"), public("RS256")]}))
    return path


def hosting(folder: pathlib.Path, **changes: Any) -> Hosting:  # noqa: ANN401 - any setting
    """Ask every caller for a token of ours."""
    keys = {"jwks_path": str(jwks(folder)), "token_issuer": ISSUER, "token_audience": AUDIENCE}
    return Hosting(**{"authentication": REQUIRED, "drain_ms": 0, "graceful_s": 1} | keys | changes)


class Authority:
    """An authority that signs certificates."""

    def __init__(self, folder: pathlib.Path, name: str = "authority") -> None:
        """Make it, with its own certificate in the folder."""
        self._folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = _named(name)
        signed = _builder(self._name, self._name, self._key).add_extension(x509.BasicConstraints(True, None), True)  # noqa: FBT003
        self.path = folder / f"{name}.pem"
        self.path.write_bytes(signed.sign(self._key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))

    def certificate(self, name: str, *names: x509.GeneralName) -> tuple[pathlib.Path, pathlib.Path]:
        """Sign a certificate; give it and its key."""
        own = ec.generate_private_key(ec.SECP256R1())
        builder = _builder(_named(name), self._name, own)
        if names:
            builder = builder.add_extension(x509.SubjectAlternativeName(names), False)  # noqa: FBT003
        chain, secret = self._folder / f"{name}.pem", self._folder / f"{name}.key"
        chain.write_bytes(builder.sign(self._key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))
        secret.write_bytes(
            own.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )
        return chain, secret


def _named(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _builder(name: x509.Name, issuer: x509.Name, own: ec.EllipticCurvePrivateKey) -> x509.CertificateBuilder:
    now = dt.datetime.now(dt.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(issuer)
        .public_key(own.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(minutes=5))
        .not_valid_after(now + dt.timedelta(hours=1))
    )
