"""Tokens: good ones name their principal, and every forgery we know is refused."""

import base64
import hashlib
import hmac
import json
import pathlib
from collections.abc import Callable
from typing import Any, Final

import jwt
import pytest
from counts import examples
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from hypothesis import given, settings
from hypothesis import strategies as st
from identified import AUDIENCE, ISSUER, NOW, claims, jwks, key, public, token

from functions.runtime.outcomes import Unauthenticated
from functions.runtime.principals import Principal
from functions.runtime.rereading import LOOK_S, Reread
from functions.runtime.tokens import (
    EARLY,
    EXPIRED,
    INVALID,
    SKEW_S_MAX,
    TOKEN_BYTES_MAX,
    TOKENS_MAX,
    Expected,
    Tokens,
    read_keys,
)

LIFETIME_S = 3600
BASE64URL = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
ALICE = Principal("alice", frozenset({"trader"}), frozenset({"paper"}), NOW + 300)


class Desk:
    """Tokens of a key file, and the clock they are read by."""

    def __init__(self, folder: pathlib.Path) -> None:
        """Begin at `NOW`."""
        self.now_s: float = NOW
        self.path = jwks(folder)
        self.keys = Reread(self.path, read_keys, lambda: self.now_s)
        self.tokens = Tokens(self.keys, Expected(ISSUER, AUDIENCE, LIFETIME_S), lambda: self.now_s)

    def refusal(self, shown: str) -> str:
        """Say why a token is refused."""
        with pytest.raises(Unauthenticated) as caught:
            self.tokens.verify(shown)
        return str(caught.value)


@pytest.fixture
def desk(tmp_path: pathlib.Path) -> Desk:
    """Give a desk that knows one key of each algorithm."""
    return Desk(tmp_path)


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Desk:
    """Give one desk for many examples."""
    return Desk(tmp_path_factory.mktemp("desk"))


def part(value: object) -> str:
    """Write a part of a token: JSON, or the bytes given."""
    data = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def signed(header: object, said: object, algorithm: str = "EdDSA") -> str:
    """Sign any header and any claims with our own key, as only the issuer could."""
    text = f"{part(header)}.{part(said)}"
    signature = jwt.get_algorithm_by_name(algorithm).sign(text.encode(), key(algorithm))
    return f"{text}.{part(signature)}"


def hashed(secret: bytes) -> str:
    """Sign with HS256 and a secret, under the kid of a public key of ours."""
    text = f"{part({'alg': 'HS256', 'kid': 'RS256', 'typ': 'JWT'})}.{part(claims())}"
    return f"{text}.{part(hmac.new(secret, text.encode(), hashlib.sha256).digest())}"


def pem(encoding: serialization.Encoding) -> bytes:
    """Write our RSA key's public half."""
    return key("RS256").public_key().public_bytes(encoding, serialization.PublicFormat.SubjectPublicKeyInfo)


def with_header(**more: object) -> str:
    """Sign good claims under a header with more in it."""
    return signed({"alg": "EdDSA", "kid": "EdDSA", "typ": "JWT"} | more, claims())


def said(**changes: object) -> str:
    """Sign claims that are not quite good."""
    return token(claims(**changes))


def resigned(algorithm: str, signature: bytes) -> str:
    """Put another signature under good claims."""
    return f"{token(claims(), algorithm).rsplit('.', 1)[0]}.{part(signature)}"


def unsigned(algorithm: str) -> str:
    """Leave the signature away."""
    return f"{part({'alg': algorithm, 'kid': 'EdDSA'})}.{part(claims())}."


FORGED: Final[dict[str, Callable[[], str]]] = {
    "empty": lambda: "",
    "not a token": lambda: "secret",
    "only dots": lambda: "..",
    "alg none": lambda: unsigned("none"),
    "alg none in other letters": lambda: unsigned("nOnE"),
    "alg none with a signature": lambda: signed({"alg": "none", "kid": "EdDSA"}, claims()),
    "no alg": lambda: signed({"kid": "EdDSA"}, claims()),
    "alg a list": lambda: signed({"alg": ["EdDSA"], "kid": "EdDSA"}, claims()),
    "HS256 with the public key as PEM": lambda: hashed(pem(serialization.Encoding.PEM)),
    "HS256 with the public key as DER": lambda: hashed(pem(serialization.Encoding.DER)),
    "HS256 with the key as JWK": lambda: hashed(json.dumps(public("RS256")).encode()),
    "HS256 with nothing": lambda: hashed(b""),
    "RS256 under the kid of an Ed25519 key": lambda: token(claims(), "RS256", kid="EdDSA"),
    "RS512 with our RSA key": lambda: jwt.encode(claims(), key("RS256"), "RS512", headers={"kid": "RS256"}),
    "PS256 with our RSA key": lambda: jwt.encode(claims(), key("RS256"), "PS256", headers={"kid": "RS256"}),
    "another's key under our kid": lambda: token(claims(), which="another"),
    "a kid we do not know": lambda: token(claims(), kid="unknown"),
    "no kid": lambda: signed({"alg": "EdDSA"}, claims()),
    "kid empty": lambda: token(claims(), kid=""),
    "kid a number": lambda: signed({"alg": "EdDSA", "kid": 1}, claims()),
    "kid a path": lambda: token(claims(), kid="../../../../dev/null"),
    "kid a file of ours": lambda: token(claims(), kid="jwks.json"),
    "kid SQL": lambda: token(claims(), kid="x' UNION SELECT 'EdDSA' --"),
    "kid a command": lambda: token(claims(), kid="EdDSA|sleep 5"),
    "kid with a zero": lambda: token(claims(), kid="EdDSA\0"),
    "jwk brought along": lambda: with_header(jwk=public("EdDSA", which="another")),
    "jku": lambda: with_header(jku="https://evil.test/jwks.json"),
    "x5u": lambda: with_header(x5u="https://evil.test/x.pem"),
    "x5c": lambda: with_header(x5c=["MII"]),
    "crit": lambda: with_header(crit=["exp"]),
    "b64 false": lambda: with_header(b64=False, crit=["b64"]),
    "zip": lambda: with_header(zip="DEF"),
    "another typ": lambda: with_header(typ="dpop+jwt"),
    "alg twice": lambda: signed(b'{"alg":"none","alg":"EdDSA","kid":"EdDSA"}', claims()),
    "a huge header": lambda: with_header(typ="J" * TOKEN_BYTES_MAX),
    "a deep header": lambda: signed(b'{"kid":' + b"[" * 1500 + b"]" * 1500 + b"}", claims()),
    "a header that is no object": lambda: signed(["EdDSA"], claims()),
    "a header in UTF-16": lambda: signed('{"alg":"EdDSA","kid":"EdDSA"}'.encode("utf-16"), claims()),
    "encrypted (five parts)": lambda: f"{part({'alg': 'dir', 'enc': 'A256GCM', 'zip': 'DEF'})}.a.b.c.d",
    "nested": lambda: signed({"alg": "EdDSA", "kid": "EdDSA", "cty": "JWT"}, said().encode()),
    "claims that are no object": lambda: signed({"alg": "EdDSA", "kid": "EdDSA"}, "alice"),
    "a claim twice": lambda: signed(
        {"alg": "EdDSA", "kid": "EdDSA"}, json.dumps(claims()).replace("{", '{"accounts":"*",', 1).encode()
    ),
    "no issuer": lambda: said(iss=None),
    "another issuer": lambda: said(iss=f"{ISSUER}/"),
    "issuers in a list": lambda: signed({"alg": "EdDSA", "kid": "EdDSA"}, claims(iss=[ISSUER])),
    "no audience": lambda: said(aud=None),
    "another audience": lambda: said(aud="tickloom2"),
    "an audience that contains ours": lambda: said(aud=f"x {AUDIENCE}"),
    "no exp": lambda: said(exp=None),
    "exp a text": lambda: said(exp=str(NOW + 300)),
    "exp a fraction": lambda: said(exp=NOW + 0.5),
    "exp true": lambda: said(exp=True),
    "exp infinite": lambda: signed({"alg": "EdDSA", "kid": "EdDSA"}, json.dumps(claims(exp=float("inf"))).encode()),
    "exp in a hundred years": lambda: said(exp=NOW + 100 * 366 * 86_400),
    "no nbf": lambda: said(nbf=None),
    "no iat": lambda: said(iat=None),
    "no sub": lambda: said(sub=None),
    "sub a list": lambda: said(sub=["alice"]),
    "no roles": lambda: said(roles=None),
    "roles a text": lambda: said(roles="trader"),
    "accounts a number": lambda: said(accounts=1),
    "accounts with an empty name": lambda: said(accounts=[""]),
    "claims changed": lambda: ".".join(
        (token(claims()).split(".")[0], part(claims(accounts="*")), token(claims()).split(".")[2])
    ),
    "a signature of another token": lambda: f"{token(claims(sub='bob')).rsplit('.', 1)[0]}.{said().rsplit('.', 1)[1]}",
    "no signature": lambda: said().rsplit(".", 1)[0] + ".",
    "a signature cut short": lambda: said()[:-8],
    "cut in the claims": lambda: said().rsplit(".", 1)[0][:-8],
    "a zero signature": lambda: resigned("EdDSA", bytes(64)),
    "ES256 with r = s = 0": lambda: resigned("ES256", bytes(64)),
    "ES256 in DER": lambda: resigned("ES256", bytes.fromhex("3006020100020100")),
    "RS256 with a signature of 0": lambda: resigned("RS256", bytes(256)),
    "RS256 with a signature of 1": lambda: resigned("RS256", bytes(255) + b"\1"),
    "padded": lambda: said() + "==",
    "with a space": lambda: " " + said(),
    "with a line": lambda: said() + "\n",
    "another spelling of the signature": lambda: respelt(said()),
    "in letters that look alike": lambda: "\N{CYRILLIC SMALL LETTER IE}" + said()[1:],
}


def respelt(shown: str) -> str:
    """Change bits of the last letter that no byte depends on: an Ed25519 signature has 64 bytes, so four of them."""
    return shown[:-1] + BASE64URL[BASE64URL.index(shown[-1]) ^ 1]


@pytest.mark.parametrize("name", FORGED)
def test_forged(desk: Desk, name: str) -> None:
    """No forgery is taken, and none learns more than that it is not valid."""
    assert desk.refusal(FORGED[name]()) == INVALID


@pytest.mark.parametrize("algorithm", ["EdDSA", "ES256", "RS256"])
def test_good(desk: Desk, algorithm: str) -> None:
    """A token by each algorithm names its principal."""
    assert desk.tokens.verify(token(claims(), algorithm)) == ALICE


@pytest.mark.parametrize(
    ("accounts", "read"),
    [("*", None), (["*"], None), (["a", "b"], frozenset({"a", "b"})), ([], frozenset()), (None, frozenset())],
)
def test_accounts(desk: Desk, accounts: object, read: frozenset[str] | None) -> None:
    """A star means all accounts, a list those in it, and nothing said none."""
    assert desk.tokens.verify(said(accounts=accounts)).accounts == read


def test_audiences(desk: Desk) -> None:
    """One of several audiences may be ours, and the type of an access token (RFC 9068) is taken."""
    assert desk.tokens.verify(token(claims(aud=["x", AUDIENCE]), typ="at+jwt")) == ALICE


def test_times(desk: Desk) -> None:
    """A token holds from its nbf, with grace for clocks, to its exp, without; kept or not."""
    late = said(nbf=NOW + SKEW_S_MAX, iat=NOW + SKEW_S_MAX)
    assert desk.tokens.verify(late) == ALICE
    assert desk.refusal(said(nbf=NOW + SKEW_S_MAX + 1)) == EARLY
    assert desk.refusal(said(iat=NOW + SKEW_S_MAX + 1)) == EARLY
    desk.now_s = NOW + 299.9
    assert desk.tokens.verify(late) == ALICE
    desk.now_s = NOW + 300
    assert (desk.refusal(late), desk.refusal(said())) == (EXPIRED, EXPIRED)


def test_kept_until_keys_change(desk: Desk, tmp_path: pathlib.Path) -> None:
    """A verified token is known without its key, until the file of keys changes: then it is nobody's."""
    assert desk.tokens.verify(said()) is desk.tokens.verify(said())
    jwks(tmp_path, public("RS256"))
    assert desk.tokens.verify(said()) == ALICE
    desk.now_s += LOOK_S
    assert desk.refusal(said()) == INVALID
    assert desk.tokens.verify(token(claims(), "RS256")) == ALICE


def test_kept_tokens_are_bounded(desk: Desk) -> None:
    """Of many tokens the newest are kept, so many at most."""
    first = desk.tokens.verify(said())
    for number in range(TOKENS_MAX):
        desk.tokens.verify(said(sub=f"user-{number}"))
    assert len(desk.tokens._known) == TOKENS_MAX  # noqa: SLF001 - a bound that nothing else shows
    assert desk.tokens.verify(said()) is not first


@settings(max_examples=examples(20_000), deadline=None)
@given(shown=st.text(max_size=80) | st.lists(st.text(BASE64URL, max_size=40), min_size=3, max_size=3).map(".".join))
def test_any_text(kept: Desk, shown: str) -> None:
    """Whatever is shown is refused, and nothing else happens."""
    assert kept.refusal(shown) == INVALID


@settings(max_examples=examples(5_000), deadline=None)
@given(data=st.data())
def test_any_change(kept: Desk, data: st.DataObject) -> None:
    """No letter of a good token can be another."""
    good = said()
    place = data.draw(st.integers(0, len(good) - 1))
    letter = data.draw(st.sampled_from("ABCxyz0189-_.=").filter(lambda one: one != good[place]))
    assert kept.refusal(good[:place] + letter + good[place + 1 :]) == INVALID


@settings(max_examples=examples(5_000), deadline=None)
@given(
    header=st.dictionaries(
        st.sampled_from(["alg", "kid", "typ", "x"]),
        st.text() | st.integers() | st.none() | st.lists(st.text(), max_size=2),
        max_size=4,
    )
)
def test_any_header(kept: Desk, header: dict[str, Any]) -> None:
    """A header that is not one of ours is refused, whatever stands in it."""
    shown = f"{part(json.dumps(header).encode())}.{part(claims())}.{part(bytes(64))}"
    assert kept.refusal(shown) == INVALID


def secret_key() -> dict[str, Any]:
    return dict(jwt.get_algorithm_by_name("EdDSA").to_jwk(key("EdDSA"), as_dict=True)) | {"kid": "x"}


def weak_key() -> dict[str, Any]:
    weak = rsa.generate_private_key(65537, 1024).public_key()  # noqa: S505 - it is refused
    return dict(jwt.get_algorithm_by_name("RS256").to_jwk(weak, as_dict=True)) | {"kid": "x"}


@pytest.mark.parametrize(
    ("written", "reason"),
    [
        (lambda: b"[]", "not a JSON object"),
        (lambda: b"\xff", "decode"),
        (lambda: b'{"keys": [], "keys": []}', "a name stands twice"),
        (lambda: {"keys": [1]}, "list of keys"),
        (lambda: {"keys": []}, "1 to 64 keys"),
        (lambda: {"keys": [public("EdDSA") | {"use": "enc"}]}, "1 to 64 keys"),
        (lambda: {"keys": [public("EdDSA", "x"), public("ES256", "x")]}, "a kid of its own"),
        (lambda: {"keys": [public("EdDSA") | {"kid": None}]}, "needs a kid"),
        (lambda: {"keys": [public("EdDSA"), secret_key()]}, "a key is secret"),
        (lambda: {"keys": [{"kty": "oct", "k": "AAAA", "kid": "x", "alg": "HS256"}]}, "a key is secret"),
        (lambda: {"keys": [weak_key()]}, "fewer than 2048 bits"),
        (lambda: {"keys": [public("RS256") | {"alg": "EdDSA"}]}, "key RS256"),
        (lambda: {"keys": [{"kty": "EC", "crv": "P-384", "x": "AAAA", "y": "AAAA", "kid": "x"}]}, "key x"),
        (lambda: {"keys": [{"kty": "OKP", "crv": "X25519", "x": "AAAA", "kid": "x"}]}, "key x"),
    ],
)
def test_wrong_key_files(written: Callable[[], object], reason: str) -> None:
    """A key file that says too little, too much or two things is refused, with the key and the reason."""
    data = written()
    with pytest.raises(ValueError, match=reason):
        read_keys(data if isinstance(data, bytes) else json.dumps(data).encode())


def test_keys_for_other_ends() -> None:
    """Keys for encryption or for algorithms we do not take may stand in a file, as issuers publish them."""
    others = [public("RS256", "enc") | {"use": "enc", "alg": "RSA-OAEP"}, public("RS256", "long") | {"alg": "RS512"}]
    assert list(read_keys(json.dumps({"keys": [*others, public("ES256")]}).encode())) == ["ES256"]
