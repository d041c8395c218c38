"""Settings: typed, strict, and silent about secrets."""

from dataclasses import dataclass, field

import pytest

from functions.runtime import settings
from functions.runtime.settings import Hosting, SettingsError


@dataclass(frozen=True, slots=True)
class Sample:
    """Settings of every kind."""

    shard: str
    rows_max: int = 512
    ratio: float = 0.5
    strict: bool = True
    paths: tuple[str, ...] = ()
    limit: int | None = None
    database_url: str = field(default="", repr=False, metadata={"env": "DATABASE_URL"})
    broker_url: str = "http://a"

    def __post_init__(self) -> None:
        """Refuse what would cut nothing."""
        if self.rows_max < 1:
            message = "rows_max must be at least 1"
            raise ValueError(message)


GIVEN = {"TICKLOOM_SHARD": "B-0"}


def test_defaults() -> None:
    """What the environment does not say keeps its default; empty says nothing."""
    assert settings.load(Sample, {**GIVEN, "TICKLOOM_ROWS_MAX": ""}) == Sample("B-0")


def test_types() -> None:
    """Every value is read by its field's type."""
    environ = {
        **GIVEN,
        "TICKLOOM_ROWS_MAX": "1_000",
        "TICKLOOM_RATIO": "1e-3",
        "TICKLOOM_STRICT": "False",
        "TICKLOOM_PATHS": "a, b,,c",
        "TICKLOOM_LIMIT": "-7",
        "DATABASE_URL": "postgresql://u:p@h/d",
        "PATH": "/bin",
    }
    read = settings.load(Sample, environ)
    assert read == Sample("B-0", 1000, 0.001, False, ("a", "b", "c"), -7, "postgresql://u:p@h/d")  # noqa: FBT003


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("TICKLOOM_ROWS_MAX", "12.5"),
        ("TICKLOOM_ROWS_MAX", "٣"),
        ("TICKLOOM_RATIO", "nan"),
        ("TICKLOOM_RATIO", "inf"),
        ("TICKLOOM_RATIO", "x"),
        ("TICKLOOM_STRICT", "yes"),
        ("TICKLOOM_LIMIT", "none"),
    ],
)
def test_wrong_type(variable: str, value: str) -> None:
    """A value of another type stops the start, by the variable's name and value."""
    with pytest.raises(SettingsError, match=rf"{variable} must be .*{value}"):
        settings.load(Sample, {**GIVEN, variable: value})


def test_unknown() -> None:
    """An unknown variable of ours stops the start and names the nearest known one."""
    with pytest.raises(SettingsError, match=r"TICKLOOM_ROW_MAX is unknown \(did you mean TICKLOOM_ROWS_MAX\?\)"):
        settings.load(Sample, {**GIVEN, "TICKLOOM_ROW_MAX": "7"})


def test_prefix_too_many() -> None:
    """A standard name that was given our prefix is recognised."""
    with pytest.raises(SettingsError, match=r"did you mean DATABASE_URL\?"):
        settings.load(Sample, {**GIVEN, "TICKLOOM_DATABASE_URL": "x"})


def test_reserved() -> None:
    """The test suite's variables and those of hosting are known to every process."""
    environ = {
        **GIVEN,
        "TICKLOOM_TESTS": "full",
        "TICKLOOM_DATA": "/d",
        "TICKLOOM_SCHEMAS": "/s",
        "TICKLOOM_HOST": "::1",
    }
    assert settings.load(Sample, environ) == Sample("B-0")


def test_all_problems_at_once() -> None:
    """One sentence names every problem."""
    environ = {"TICKLOOM_ROWS_MAX": "x", "TICKLOOM_ZZZ": "1"}
    with pytest.raises(SettingsError) as caught:
        settings.load(Sample, environ)
    assert str(caught.value) == (
        "cannot start: TICKLOOM_ZZZ is unknown; TICKLOOM_SHARD is missing; "
        "TICKLOOM_ROWS_MAX must be an integer, found 'x'"
    )


def test_rules_of_the_class() -> None:
    """What the class itself refuses stops the start too."""
    with pytest.raises(SettingsError, match="rows_max must be at least 1"):
        settings.load(Sample, {**GIVEN, "TICKLOOM_ROWS_MAX": "0"})


@dataclass(frozen=True, slots=True)
class Keyed:
    """Settings with a secret that is no text."""

    pin: int = field(repr=False)


def test_secret_not_in_error() -> None:
    """A secret of the wrong type is named, never shown."""
    with pytest.raises(SettingsError) as caught:
        settings.load(Keyed, {"TICKLOOM_PIN": "hunter2"})
    assert "hunter2" not in str(caught.value)


def test_password_not_in_error() -> None:
    """A password in an address is masked, even where the address stands in the wrong variable."""
    with pytest.raises(SettingsError) as caught:
        settings.load(Sample, {**GIVEN, "TICKLOOM_ROWS_MAX": "redis://user:hunter2@h"})
    assert "hunter2" not in str(caught.value)


def test_describe() -> None:
    """Settings shown to people hide secrets, and passwords in addresses."""
    shown = settings.describe(
        Sample("B-0", database_url="postgresql://u:p@h/d", broker_url="http://user:hunter2@h:1/x")
    )
    assert shown["database_url"] == "***"
    assert shown["broker_url"] == "http://user:***@h:1/x"
    assert shown["rows_max"] == "512"


def test_share() -> None:
    """A function sees what is its own, what is everyone's, and nothing of other functions."""
    environ = {
        "PATH": "/bin",
        "DATABASE_URL": "x",
        "TICKLOOM_SHARD": "B-0",
        "TICKLOOM_OTHER": "1",
        "TICKLOOM_HOST": "h",
    }
    shared = settings.share(Sample, environ)
    assert shared == {"PATH": "/bin", "DATABASE_URL": "x", "TICKLOOM_SHARD": "B-0", "TICKLOOM_HOST": "h"}
    assert settings.load(Sample, shared).shard == "B-0"


def test_check() -> None:
    """A program of many functions refuses what none of them knows."""
    settings.check({"TICKLOOM_SHARD": "B-0", "TICKLOOM_PIN": "1"}, (Sample, Keyed))
    with pytest.raises(SettingsError, match="TICKLOOM_PIN"):
        settings.check({"TICKLOOM_PIN": "1"}, (Sample,))


def test_hosting() -> None:
    """Hosting is read whatever else the environment holds, from PORT as platforms set it."""
    environ = {"PORT": "9000", "TICKLOOM_BODY_BYTES_MAX": "10", "TICKLOOM_ANYTHING": "x"}
    assert settings.hosting(environ) == Hosting(port=9000, body_bytes_max=10)


def test_hosting_limits() -> None:
    """A limit that serves nothing stops the start."""
    with pytest.raises(SettingsError, match="concurrency_max"):
        settings.hosting({"TICKLOOM_CONCURRENCY_MAX": "0"})
