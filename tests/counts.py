"""Say how many examples a test runs: the acceptance count in the full tier, about a tenth in the quick one."""

import os

FULL = os.environ.get("TICKLOOM_TESTS") == "full"


def count(full: int) -> int:
    """Give the number of examples for this tier; `full` is the acceptance count."""
    return full if FULL else max(full // 10, 5)
