"""Read counts of a command line: whole numbers with a least one, each mistake in words."""

import argparse
from collections.abc import Callable


def at_least(least: int) -> Callable[[str], int]:
    """Give a reader of whole numbers for an argument's `type`.

    >>> at_least(1)("12")
    12
    """

    def read(text: str) -> int:
        try:
            number = int(text)
        except ValueError:
            number = least - 1
        if number < least:
            msg = f"{text!r} is no whole number from {least} on"
            raise argparse.ArgumentTypeError(msg)
        return number

    return read
