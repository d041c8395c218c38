"""Make a tape of a market that never was, with the simulator people have: it ends now, so no two are the same."""

import pathlib
from typing import Final

from runs import tickloom

SYMBOLS: Final = "BTCUSDT,ETHUSDT"
DIALECT: Final = "binance.spot"


def tape(out: pathlib.Path, *, seconds: int, rate: int = 30, seed: int = 7) -> pathlib.Path:
    """Write so many simulated seconds down as a capture."""
    words = ("--symbols", SYMBOLS, "--rate", rate, "--seed", seed, "--history", out, "--history-s", seconds)
    tickloom("sim", DIALECT, *words, "--seconds", 0.1)
    return out
