"""Say how much a test runs: each tier does what the one before it does, and more.

`quick` is a look in ten minutes. `full`, which `.ci/run` asks for, runs every count that an acceptance line names, and
properties that none counts on a quarter of what `deep` draws. `deep` also trains again what takes a minute to train.
"""

import os
from typing import Final

TIER: Final = os.environ.get("TICKLOOM_TESTS") or "quick"
if TIER not in {"quick", "full", "deep"}:
    detail = f"TICKLOOM_TESTS is quick, full or deep, found {TIER!r}"
    raise ValueError(detail)
DEEP: Final = TIER == "deep"
FULL: Final = TIER in {"full", "deep"}

QUICK_SHARE: Final = 10
FULL_SHARE: Final = 4
LEAST: Final = 5


def count(full: int) -> int:
    """Give the number of examples of something that an acceptance line counts: all, or about a tenth when quick."""
    return full if FULL else max(full // QUICK_SHARE, LEAST)


def examples(deep: int) -> int:
    """Give the number of examples of any other property: all of them only when deep."""
    return deep if DEEP else max(deep // (FULL_SHARE if FULL else QUICK_SHARE), LEAST)
