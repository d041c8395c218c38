"""Decide whether and how to enter again."""

from typing import Final

from functions.ports.card import Card, Kind

CARD: Final = Card(
    name="reenter",
    kind=Kind.HANDLER,
    version="1",
    summary="Decides by a matrix of rules whether a signal whose trade has ended is entered again, and how large.",
    consumes=("tickloom.performance.v1.Outcome",),
    emits=("tickloom.signals.v1.ReentryDecision",),
    stores=("postgres",),
    budget_ms=50,
)
