"""Read counts of a command line: whole numbers with a least one, each mistake in words."""

import argparse
import math
from collections.abc import Callable


def at_least(least: int, most: float = math.inf) -> Callable[[str], int]:
    """Give a reader of whole numbers for an argument's `type`; above the most they are refused, never cut.

    >>> at_least(1)("12")
    12
    """

    def read(text: str) -> int:
        try:
            number = int(text)
        except ValueError:
            number = least - 1
        if not least <= number <= most:
            msg = f"{text!r} is no whole number from {least} {'on' if most == math.inf else f'to {most}'}"
            raise argparse.ArgumentTypeError(msg)
        return number

    return read
