"""A stretched capture is one long capture: each repetition continues the last, and the mix is unchanged."""

import gzip
import itertools
import json
import pathlib
from collections import Counter
from typing import Any

import numpy as np
import pytest

from functions.domain.simulation import LISTINGS, Market
from functions.local.venues.binance import SPOT, Binance
from functions.wire.errors import Malformed
from functions.wire.stretch import Stretch
from functions.wire.tape import kind_of, read_line

START_NS = 1_699_999_999_000_000_000


def read(text: bytes) -> list[tuple[int, str, dict[str, Any], str]]:
    """Read a tape as (receive time, kind, payload, symbol)."""
    found = []
    for line in text.splitlines():
        head = read_line(line)
        row = line[head.start :]
        message = json.loads(row)
        data = message.get("data", message)
        found.append((head.ts_receive, kind_of(row), data, data.get("s", head.symbol)))
    return found


def stretched(text: bytes, messages: int) -> bytes:
    return b"".join(Stretch(text).messages(messages))


def check(text: bytes, times: int, *, follows: str) -> None:
    """Check that a stretched tape keeps every rule that its capture keeps."""
    tape = Stretch(text)
    rows = read(b"".join(tape.messages(tape.lines * times)))
    assert len(rows) == tape.lines * times
    parts = [rows[i : i + tape.lines] for i in range(0, len(rows), tape.lines)]
    first = parts[0]
    assert all([row[1] for row in part] == [row[1] for row in first] for part in parts)
    assert all(later[0][0] > earlier[-1][0] for earlier, later in itertools.pairwise(parts))
    ids: dict[tuple[str, str], list[int]] = {}
    chain: dict[str, int] = {}
    for _, kind, data, symbol in rows:
        if kind == "trade":
            ids.setdefault((kind, symbol), []).append(data["t"])
        if kind == "bookTicker":
            ids.setdefault((kind, symbol), []).append(data["u"])
        if kind == "depth":
            if symbol in chain:
                assert chain[symbol] == data["pu"] if follows == "pu" else chain[symbol] + 1 == data["U"]
            chain[symbol] = data["u"]
    for (kind, _), numbers in ids.items():
        steps = np.diff(numbers)
        assert (steps == 1).all() if kind == "trade" else (steps > 0).all()
    events = [[data["E"] for _, _, data, _ in part if "E" in data] for part in parts]
    assert all(min(later) > max(earlier) for earlier, later in itertools.pairwise(events))
    bare = [[strip(row) for row in part] for part in parts]
    assert all(part == bare[0] for part in bare)


def strip(row: tuple[int, str, dict[str, Any], str]) -> dict[str, Any]:
    """Leave out of a row what is shifted."""
    return {key: value for key, value in row[2].items() if isinstance(value, str | bool | list)}


def simulated() -> bytes:
    market = Market(LISTINGS[:2], np.random.default_rng(9), start_ns=START_NS, rate=60)
    return "".join(Binance(SPOT).history(market, START_NS + 4_000_000_000)).encode()


def test_simulated_history() -> None:
    """Several symbols are shifted each by its own ranges."""
    check(simulated(), 4, follows="U")


@pytest.mark.parametrize(
    ("name", "follows"),
    [
        ("binance_spot_ws_ethusdt/ethusdt_20240808.gz", "U"),
        ("binance_spot_ws_ethusdt/ethusdt_20240809.gz", "U"),
        ("binance_usdm_ws_ethusdt/ethusdt_20240808.gz", "pu"),
    ],
)
def test_captures(captures: pathlib.Path, name: str, follows: str) -> None:
    """Real captures are continued without a gap, a doubled id or a step back in time."""
    check(gzip.decompress((captures / name).read_bytes()), 3, follows=follows)


def test_capture_with_control_lines(captures: pathlib.Path) -> None:
    """The other form of capture is stretched too; its control lines are left out."""
    text = (captures / "binance_multi_ws_rest_20211011/BINANCE.ws.1.0").read_bytes()
    tape = Stretch(text)
    rows = read(b"".join(tape.messages(2 * tape.lines)))
    assert tape.lines == 265
    kinds = Counter(kind for _, kind, _, _ in rows)
    assert kinds == {kind: 2 * count for kind, count in Counter(row[1] for row in rows[:265]).items()}
    assert rows[265][0] - rows[0][0] == tape.period_s * 1_000_000_000
    depths = [row for row in rows if row[1] == "depth" and row[3] == "NKNUSDT"]
    assert all(b[2]["U"] == a[2]["u"] + 1 for a, b in itertools.pairwise(depths))


def test_numbers_may_grow_a_digit() -> None:
    """When an id gets one digit more, every line is still whole."""
    line = b'1723161254000000000 {"stream":"x@trade","data":{"e":"trade","E":999999,"s":"X","t":%d,"T":999998}}\n'
    rows = read(stretched(line % 8 + line % 9, 30))
    assert [data["t"] for _, _, data, _ in rows] == list(range(8, 38))
    assert rows[-1][2]["E"] == 999_999 + 14_000


def test_first_repetition_is_the_capture() -> None:
    """Nothing is changed in the first repetition."""
    text = simulated()
    assert next(Stretch(text).repetitions()) == text


def test_same_input_same_bytes() -> None:
    """A tape of n messages is the head of every longer one."""
    text = simulated()
    lines = Stretch(text).lines
    long = stretched(text, lines * 3)
    for messages in (1, lines - 1, lines, lines + 1, lines * 2 + 7):
        short = stretched(text, messages)
        assert short.count(b"\n") == messages
        assert long.startswith(short)


def test_lines_that_cannot_be_read_stay() -> None:
    """A line without time or JSON is repeated as it is."""
    text = b"rubbish\n1723161254000000000 {broken\n\n"
    assert stretched(text, 4) == b"rubbish\n1723161254000000000 {broken\nrubbish\n1723161255000000000 {broken\n"


def test_refuses_an_empty_capture() -> None:
    """A capture without a message cannot be stretched."""
    with pytest.raises(Malformed):
        Stretch(b"\n")
