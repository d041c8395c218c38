"""`tickloom token` makes keys that a service reads and tokens that it takes."""

import json
import pathlib
import time

import pytest

from functions.cli import main
from functions.cli.token import AUDIENCE, ISSUER
from functions.runtime.principals import Principal
from functions.runtime.rereading import Reread
from functions.runtime.tokens import Expected, Tokens, read_keys


def said(capsys: pytest.CaptureFixture[str], *words: str, status: int = 0) -> str:
    """Run the verb and give what it printed, on either stream."""
    assert main.main(["token", *words]) == status
    shown = capsys.readouterr()
    return (shown.err if status else shown.out).strip()


def verified(folder: pathlib.Path, token: str) -> Principal:
    """Read a token as a service does by its settings' defaults."""
    keys = Reread(folder / "jwks.json", read_keys, time.time)
    return Tokens(keys, Expected(ISSUER, AUDIENCE, 86_400), time.time).verify(token)


def test_mint(tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A minted token names its subject with the roles and accounts asked for, for so long."""
    assert said(capsys, "keys", "--folder", str(tmp_path)) == str(tmp_path / "jwks.json")
    words = ("--subject", "bob", "--role", "trader", "--role", "risk", "--account", "a", "--minutes", "1440")
    one = verified(tmp_path, said(capsys, "mint", "--folder", str(tmp_path), *words))
    assert (one.name, one.roles, one.accounts) == ("bob", {"trader", "risk"}, {"a"})
    assert 86_000 < one.expires_s - time.time() <= 86_400
    assert verified(tmp_path, said(capsys, "mint", "--folder", str(tmp_path), "--account", "*")).accounts is None


def test_default_may_look_only(tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Without more words a token is a viewer's, of no account."""
    said(capsys, "keys", "--folder", str(tmp_path))
    one = verified(tmp_path, said(capsys, "mint", "--folder", str(tmp_path)))
    assert (one.roles, one.accounts) == ({"viewer"}, frozenset())


def test_keys(tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The secret is its owner's to read and in no other file; keys that are there are never overwritten."""
    said(capsys, "keys", "--folder", str(tmp_path))
    secret = tmp_path / "signing.jwk"
    assert secret.stat().st_mode & 0o777 == 0o600
    assert json.loads(secret.read_text())["d"] not in (tmp_path / "jwks.json").read_text()
    kept = secret.read_bytes()
    assert "already" in said(capsys, "keys", "--folder", str(tmp_path), status=1)
    assert secret.read_bytes() == kept


def test_wrong_usage(tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What is missing or out of bounds is said in one sentence."""
    assert "tickloom token keys" in said(capsys, "mint", "--folder", str(tmp_path), status=1)
    assert "between 1 and 1440" in said(capsys, "mint", "--minutes", "0", status=2)
    assert "invalid choice" in said(capsys, "mint", "--role", "king", status=2)
