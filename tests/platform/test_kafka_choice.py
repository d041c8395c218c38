"""Which broker `--kafka` takes follows from what is here, and the reason is told."""

import pathlib

import pytest

from functions.local.kafka import choose

JARS = "kafka-4.1.1"


@pytest.fixture(autouse=True)
def nothing_here(monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path) -> pathlib.Path:
    """Begin with no broker named, no programs, no jars and no wheel."""
    for name in ("KAFKA_BOOTSTRAP_SERVERS", "KAFKA_BROKER", "CALF_TANSU_BIN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("TICKLOOM_CACHE", str(tmp_path))
    monkeypatch.setattr("functions.local.kafka_wheel.PACKAGE", "no_such_wheel")
    return tmp_path


def program(folder: pathlib.Path, name: str) -> None:
    """Put a program on PATH."""
    (folder / name).write_text("#!/bin/sh\n")
    (folder / name).chmod(0o755)


def test_none() -> None:
    """With nothing here, none is chosen and the ways to get one are named."""
    found = choose()
    assert found.kind == ""
    assert "no java and no mvn" in found.why
    assert "KAFKA_BOOTSTRAP_SERVERS" in found.why


def test_named_comes_first(monkeypatch: pytest.MonkeyPatch, nothing_here: pathlib.Path) -> None:
    """A named broker is taken whatever else is here."""
    program(nothing_here, "java")
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", "b:9092")
    assert choose().kind == "named"


def test_apache_needs_maven_only_once(nothing_here: pathlib.Path) -> None:
    """Java alone is enough once the jars are in the cache."""
    program(nothing_here, "java")
    assert choose().kind == ""
    (nothing_here / JARS).mkdir()
    assert choose().kind == "apache"


def test_wheel_stands_in(monkeypatch: pytest.MonkeyPatch, nothing_here: pathlib.Path) -> None:
    """Without Java the wheel's broker is taken, and with it only where it is asked for."""
    monkeypatch.setenv("CALF_TANSU_BIN", str(nothing_here / "tansu"))
    assert choose().kind == "wheel"
    program(nothing_here, "java")
    (nothing_here / JARS).mkdir()
    assert choose().kind == "apache"
    monkeypatch.setenv("KAFKA_BROKER", "wheel")
    assert choose().kind == "wheel"
