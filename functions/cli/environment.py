"""Take from our environment what functions and stores are told by it."""

import os
from typing import Final

OURS: Final = ("TICKLOOM_", "OTEL_")
STORES: Final = ("DATABASE_URL", "REDIS_URL")
RESERVED: Final = ("TICKLOOM_TESTS", "TICKLOOM_DATA", "TICKLOOM_SCHEMAS", "TICKLOOM_CACHE")


def own_environment() -> dict[str, str]:
    """Give the settings for functions and stores; an empty store address counts as not given."""
    return {
        name: value
        for name, value in os.environ.items()
        if (name.startswith(OURS) and name not in RESERVED) or (name in STORES and value)
    }
