"""Make keys and tokens for development: a desk of one's own needs no issuer. Production has its own, and its JWKS file.

The secret key stays in the folder, readable by its owner only; services are given the file of public keys.
"""

import argparse
import json
import os
import pathlib
import sys
import time
import uuid
from typing import Any, Final

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from functions.cli.errors import CliError, UsageError
from functions.runtime.authorisation import Role

PUBLIC: Final = "jwks.json"
SIGNING: Final = "signing.jwk"
ISSUER: Final = "tickloom-development"
AUDIENCE: Final = "tickloom"
MINUTES_MAX: Final = 1440  # services refuse longer ones unless they are told otherwise

_EPILOGUE: Final = (
    "A service that is to know these tokens: TICKLOOM_AUTHENTICATION=required TICKLOOM_JWKS_PATH=FOLDER/jwks.json "
    f"TICKLOOM_TOKEN_ISSUER={ISSUER} TICKLOOM_TOKEN_AUDIENCE={AUDIENCE}. A caller that is to show one: "
    "TICKLOOM_SERVICE_TOKEN_PATH, or TICKLOOM_SERVICE_TOKEN."
)


def register(parser: argparse.ArgumentParser) -> None:
    """Add the verb's arguments."""
    parser.add_argument("what", choices=("keys", "mint"), help="keys: make a pair of keys; mint: print a token")
    parser.add_argument("--folder", type=pathlib.Path, default=pathlib.Path("var/token"), help="where the keys lie")
    parser.add_argument("--subject", default="developer", help="whose token it is")
    parser.add_argument("--role", action="append", choices=[*Role], help="what it may do; again for more (viewer)")
    parser.add_argument("--account", action="append", help="for this account; again for more, `*` for all (none)")
    parser.add_argument("--minutes", type=int, default=60, help=f"how long it holds, at most {MINUTES_MAX} (60)")
    parser.epilog = f"{_EPILOGUE} {parser.epilog or ''}"


def run(args: argparse.Namespace) -> int:
    """Make keys, or print a token."""
    if args.what == "keys":
        sys.stdout.write(f"{_make(args.folder)}\n")
        return 0
    if not 0 < args.minutes <= MINUTES_MAX:
        msg = f"--minutes must be between 1 and {MINUTES_MAX}"
        raise UsageError(msg)
    sys.stdout.write(f"{_mint(args, int(time.time()))}\n")
    return 0


def _make(folder: pathlib.Path) -> pathlib.Path:
    """Make a pair of keys, unless there is one: tokens that are out would not hold any more."""
    folder.mkdir(parents=True, exist_ok=True)
    key = Ed25519PrivateKey.generate()
    kid = uuid.uuid4().hex
    try:
        descriptor = os.open(folder / SIGNING, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError as error:
        msg = f"{folder / SIGNING} is there already; remove it to make new keys"
        raise CliError(msg) from error
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        json.dump(_written(key, kid), file)
    public = folder / PUBLIC
    public.write_text(json.dumps({"keys": [_written(key.public_key(), kid)]}) + "\n", encoding="ascii")
    return public


def _written(key: Any, kid: str) -> dict[str, Any]:  # noqa: ANN401 - either half
    """Write a key as a JWK (RFC 8037)."""
    made: dict[str, Any] = jwt.get_algorithm_by_name("EdDSA").to_jwk(key, as_dict=True)
    return made | {"kid": kid, "alg": "EdDSA", "use": "sig"}


def _mint(args: argparse.Namespace, now_s: int) -> str:
    try:
        key = jwt.PyJWK(json.loads((args.folder / SIGNING).read_text(encoding="ascii")))
    except FileNotFoundError as error:
        msg = f"there are no keys in {args.folder}; `tickloom token keys --folder {args.folder}` makes them"
        raise CliError(msg) from error
    claims = {
        "iss": ISSUER,
        "aud": AUDIENCE,
        "sub": args.subject,
        "iat": now_s,
        "nbf": now_s,
        "exp": now_s + args.minutes * 60,
        "jti": uuid.uuid4().hex,
        "roles": args.role or [Role.VIEWER],
        "accounts": args.account or [],
    }
    return jwt.encode(claims, key, headers={"kid": key.key_id})
