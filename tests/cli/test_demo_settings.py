"""What `tickloom demo` tells its functions."""

import pytest

from functions.cli import demo


def test_demo_orders_stay_here(monkeypatch: pytest.MonkeyPatch) -> None:
    """Orders of a simulated market go to paper, whatever venue the environment names for the real one."""
    monkeypatch.setenv("TICKLOOM_ORDERS_VENUE", "fix")
    assert demo._settings()["TICKLOOM_ORDERS_VENUE"] == "paper"  # noqa: SLF001 - the verb itself runs for a minute
