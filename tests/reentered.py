"""Make re-entry matrices, and decisions on re-entries, for tests."""

import pathlib
from decimal import Decimal

from functions.domain.decisions import Action
from functions.domain.reentry import (
    Cap,
    Case,
    Ending,
    Matrix,
    Near,
    Proximity,
    Reaction,
    ReentryDecision,
    Ruling,
    Scheduled,
)
from functions.wire.reentry_rules import read_matrix

SHIPPED = (pathlib.Path(__file__).parents[1] / "functions/handlers/reenter/reentry.rules").read_bytes()
NOW = 1_764_633_000_000_000_000  # 2025-12-01 23:50 UTC
MINUTE = 60_000_000_000
HEAD = "scratch 5\nduration quick 4\nduration long\nbefore 60\nafter 30\ncap 2 1.5\n"
"""Settings on six lines: two durations, two generations, 36 cases."""

PAYROLLS = Scheduled("e1", "Non-Farm Employment Change", "USD", NOW + 10 * MINUTE)
DECISION = ReentryDecision(
    decision_id="7c1d2f7e-0000-5000-8000-000000000001",
    signal_id="buy-100",
    strategy="mean_reversion",
    instrument_id="BTC-USDT.BINANCE",
    interval_s=5,
    side=Action.SELL,
    ruling=Ruling(
        Case(Ending.LOSS, "quick", Proximity.NONE, 0),
        Reaction.REVERSE,
        Decimal("0.5"),
        Cap(1, Decimal("0.5")),
        27,
        "when loss quick none 0 reverse 0.5 cap 1 0.5",
    ),
    near=Near(Proximity.NONE),
    digest="ab" * 32,
    as_of_ns=NOW,
    shard="BINANCE-0",
)
WAITING = ReentryDecision(
    decision_id="7c1d2f7e-0000-5000-8000-000000000002",
    signal_id="buy-101",
    strategy="mean_reversion",
    instrument_id="BTC-USDT.BINANCE",
    interval_s=5,
    side=Action.HOLD,
    ruling=Ruling(
        Case(Ending.WIN, "quick", Proximity.BEFORE, 1),
        Reaction.WAIT,
        Decimal(0),
        Cap(2, Decimal(1)),
        19,
        "when any any before any wait",
    ),
    near=Near(Proximity.BEFORE, PAYROLLS, PAYROLLS.ts_scheduled + 30 * MINUTE),
    digest="ab" * 32,
    as_of_ns=NOW,
    shard="BINANCE-0",
)


def matrix_of(*rules: str, head: str = HEAD) -> Matrix:
    """Read a file that must be right."""
    return read_matrix((head + "\n".join(rules)).encode(), file="f")
