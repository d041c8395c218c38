"""The plain chain that stands beside ours takes every message it is timed on."""

import json

from functions.local.chain_peer import Chain
from functions.local.window_peers import SECOND_NS

SECONDS = 70
BOOK = {"e": "depthUpdate", "E": 1, "b": [["1.5", "2"]], "a": []}
QUOTE = {"u": 1, "s": "ETHUSDT", "b": "1.4", "B": "1", "a": "1.6", "A": "1"}


def trade(second: int) -> dict[str, object]:
    """Make the only trade of a second, at a price of its own."""
    price, size = f"{100 + second % 7}.25", f"0.{second % 9 + 1}"
    return {"e": "trade", "E": second * 1000, "T": second * 1000, "s": "ETHUSDT", "p": price, "q": size, "m": True}


def test_every_second_is_scored() -> None:
    """Each trade is in its second's bar, and each closed second behind the warm-up is scored on sixteen values."""
    scored: list[list[float]] = []
    chain = Chain(scored.append)
    rows = [json.dumps({"data": one}).encode() for n in range(SECONDS) for one in (QUOTE, BOOK, trade(n))]
    assert chain.take(rows) == len(scored) == SECONDS - 1 - 64
    assert {len(values) for values in scored} == {16}
    seconds = [bar for _, length, bar in chain.bars.closed if length == SECOND_NS]
    assert [bar[0] // SECOND_NS for bar in seconds] == list(range(SECONDS - 1))
    assert [bar[4] for bar in seconds[:3]] == [10_025, 10_125, 10_225]
    assert [bar[5] for bar in seconds[:3]] == [1_000, 2_000, 3_000]
