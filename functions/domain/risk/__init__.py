"""Decide whether an order may leave: exact units, limits and how they merge, what an account risks, and the rules."""

from functions.domain.risk.checks import check
from functions.domain.risk.limits import InstrumentLimits, Limits, LimitSet, Rate
from functions.domain.risk.rules import CANNOT_DECIDE
from functions.domain.risk.state import RiskState, mark_price

__all__ = ["CANNOT_DECIDE", "InstrumentLimits", "LimitSet", "Limits", "Rate", "RiskState", "check", "mark_price"]
