"""What every platform gives its functions: places in its own folder, and what was told."""

import importlib
import pathlib
from types import SimpleNamespace

import pytest

from functions.local.children import Children, Spec
from functions.local.foundation import SERVICES, Foundation, Options, RealVenueError
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


@pytest.mark.parametrize("venue", ["fix", "mt4"])
async def test_a_replay_reaches_no_venue(venue: str, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is replayed is refused where its orders would go to a real venue; a live platform's orders go there."""
    started: list[str] = []

    async def start(_: Children, spec: Spec) -> SimpleNamespace:
        started.append(spec.name)
        return SimpleNamespace(port=1)

    monkeypatch.setattr(Children, "start", start)
    environ = {"TICKLOOM_ORDERS_VENUE": venue, "DATABASE_URL": "postgresql://127.0.0.1:1/x"}

    async def services(*, live: bool, names: tuple[str, ...] = SERVICES) -> None:
        foundation = Foundation(Options(tmp_path, live=live, environ=environ), load(), Children(tmp_path))
        foundation.environ = dict(environ)
        await foundation.start_services(lambda _: "http://127.0.0.1:1", names)

    with pytest.raises(RealVenueError, match="unset it"):
        await services(live=False)
    assert started == []
    await services(live=False, names=("inference",))
    await services(live=True)
    assert started == ["inference", *SERVICES]
