"""One recorded tape gives the same rows in one process, in processes and over Kafka, however it is cut."""

import gzip
import itertools
import json
import pathlib
from typing import Any

import pytest
from counts import FULL
from runs import silent, tickloom

ROWS = 0 if FULL else 1500
"""Rows of the busy capture; 0 takes all."""

UNHEARD = frozenset(() if FULL else ("signals",))
"""What seconds of a capture need not give; of everything else there are rows to compare."""

CUTS = (1, 7, 64)
"""Rows of a batch; at 512, the default, the whole tape is compared."""

CUT_ROWS = 400
"""Rows of the tape that is cut again and again: cut at one, each row is an event of its own."""


def captures_of(captures: pathlib.Path, folder: pathlib.Path, *, rows: int) -> tuple[pathlib.Path, pathlib.Path]:
    """Give two captures of one shard: four thin instruments of 2021, then one busy one of 2024 or its first rows."""
    thin = captures / "binance_multi_ws_rest_20211011" / "BINANCE.ws.1.0"
    busy = captures / "binance_spot_ws_ethusdt" / "ethusdt_20240808.gz"
    if not rows:
        return thin, busy
    first = folder / f"ethusdt.{rows}.txt"
    with gzip.open(busy, "rb") as source, first.open("wb") as target:
        target.writelines(itertools.islice(source, rows))
    return thin, first


def replay(files: tuple[pathlib.Path, ...], folder: pathlib.Path, *words: object) -> dict[str, Any]:
    """Replay as people do and give what it told."""
    done = tickloom("replay", *files, "--folder", folder, "--json", *words, within_s=600)
    told: dict[str, Any] = json.loads(done.stdout)
    return told


@pytest.fixture(scope="module")
def tape(captures: pathlib.Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[pathlib.Path, pathlib.Path]:
    """Give the tape of two captures."""
    return captures_of(captures, tmp_path_factory.mktemp("tape"), rows=ROWS)


@pytest.mark.usefixtures("kafka_here")
def test_three_ways_are_equal(tape: tuple[pathlib.Path, pathlib.Path], tmp_path: pathlib.Path) -> None:
    """Every output row is the same in one process and over Kafka, where two runs give the same events too."""
    embedded = replay(tape, tmp_path / "embedded")
    over_kafka = replay(tape, tmp_path / "kafka", "--kafka", *(("--verify", "--strict") if FULL else ()))
    assert over_kafka["hashes"] == embedded["hashes"]
    assert silent(embedded) <= UNHEARD
    if FULL:
        assert over_kafka["identical"]
        assert replay(tape, tmp_path / "processes", "--processes")["hashes"] == embedded["hashes"]


@pytest.mark.usefixtures("wheel_here")
def test_wheel_is_equal(captures: pathlib.Path, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Over the wheel's broker the rows are the same again."""
    files = captures_of(captures, tmp_path, rows=ROWS)
    embedded = replay(files, tmp_path / "embedded")
    monkeypatch.setenv("KAFKA_BROKER", "wheel")
    over_wheel = replay(files, tmp_path / "wheel", "--kafka")
    assert over_wheel["hashes"] == embedded["hashes"]
    assert silent(embedded) <= UNHEARD


@pytest.fixture(scope="module")
def few(captures: pathlib.Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[pathlib.Path, pathlib.Path]:
    """Give a tape that may be cut finely."""
    return captures_of(captures, tmp_path_factory.mktemp("few"), rows=CUT_ROWS)


@pytest.fixture(scope="module")
def whole(few: tuple[pathlib.Path, pathlib.Path], tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Replay it in one process, in whole batches."""
    return replay(few, tmp_path_factory.mktemp("whole"))


@pytest.mark.usefixtures("kafka_here")
@pytest.mark.parametrize("rows_max", CUTS if FULL else (7,))
def test_cuts_are_equal(
    few: tuple[pathlib.Path, pathlib.Path], whole: dict[str, Any], tmp_path: pathlib.Path, rows_max: int
) -> None:
    """However the tape is cut, the rows over Kafka are those of one process with whole batches."""
    cut = replay(few, tmp_path / "cut", "--kafka", "--rows-max", rows_max)
    assert cut["hashes"] == whole["hashes"]
