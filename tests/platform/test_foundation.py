"""What every platform gives its functions: places in its own folder, and what was told."""

import importlib
import pathlib

import pytest

from functions.local.children import Children
from functions.local.foundation import Foundation, Options
from functions.local.topology import load

TOLD = {
    "replay": {"TICKLOOM_PATHS": "tape"},
    "rest": {"TICKLOOM_POLL_DIALECT": "binance.spot.rest", "TICKLOOM_POLL_SYMBOLS": "BTCUSDT"},
    "mt4": {"TICKLOOM_MT4_PORT": "1", "TICKLOOM_MT4_SYMBOLS": "EURUSD"},
}


@pytest.mark.parametrize(
    ("feed", "name", "place"),
    [
        ("replay", "spool", "spool"),
        ("rest", "spool", "spool"),
        ("rest", "poll_state", "state/rest.json"),
        ("mt4", "mt4_state", "state/mt4.json"),
    ],
)
def test_feeds_keep_to_the_folder(
    feed: str, name: str, place: str, *, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a feed keeps lies with the platform it numbers its batches for, unless it is told where."""
    given: list[object] = []
    module = importlib.import_module(f"functions.feeds.{feed}.main")
    monkeypatch.setattr(module, "compose", given.append)
    foundation = Foundation(Options(tmp_path), load(), Children(tmp_path))
    foundation.compose_feed(feed, TOLD[feed], None)
    foundation.compose_feed(feed, {**TOLD[feed], f"TICKLOOM_{name.upper()}": "elsewhere"}, None)
    assert [getattr(one, name) for one in given] == [str(tmp_path / place), "elsewhere"]
