"""FIX rows for tests: those of the real logs, and W and X messages written field by field."""

import pathlib
import re
from typing import Final

from functions.wire.fix.codec import checksum, encode
from functions.wire.fix.values import timestamp

NOW: Final = timestamp("20241122-06:20:00")
LATER: Final = timestamp("20300101-00:00:00")
SENT: Final = "20241122-06:17:14.183"

LOGS: Final = {
    "ireach_fix44_semicolon.txt": (b";", {"8": 198, "G": 62, "D": 40, "9": 17, "F": 11, "H": 2}, {}),
    "fixt11_exec_banzai.messages.log": (b"\x01", {"rejected": 94}, {"wrong_version": 92, "bad_length": 2}),
    "fixprotocoltools_example.fix.log": (b"\x01", {"rejected": 9}, {"bad_length": 9}),
    "log4fix_FIX44-FXSpot-WithSubparties.log": (b"\x01", {"rejected": 1}, {"bad_length": 1}),
    "binance_fix_docs_samples.txt": (b"|", {"X": 5, "rejected": 7}, {"bad_length": 7}),
}
"""Real logs: what stands between fields, and how many rows of each kind and reason they have."""


def log(path: pathlib.Path, separator: bytes) -> list[bytes]:
    """Take the messages out of a log, whatever stands before each; the separator becomes FIX's own."""
    mark = re.escape(separator)
    found = re.finditer(rb"8=FIX(?:(?!8=FIX).)*?" + mark + rb"10=[0-9]{3}" + mark, path.read_bytes(), re.DOTALL)
    return [one[0] if separator == b"|" else one[0].replace(separator, b"\x01") for one in found]


def repaired(row: bytes) -> bytes:
    """Give an anonymised message the length and sum it would have."""
    begin, body = row[: row.index(b"\x01")], row[row.index(b"35=") : row.rindex(b"10=")]
    text = begin + b"\x019=%d\x01" % len(body) + body
    return text + b"10=%03d\x01" % checksum(text)


def message(msg_type: str, *pairs: tuple[int, object]) -> bytes:
    """Write a message; the row's fields behind the header are in order."""
    head = [(35, msg_type), (49, "V"), (56, "T"), (34, "2"), (52, SENT)]
    return encode("FIX.4.4", [*head, *((tag, str(value)) for tag, value in pairs)])


def snapshot(*entries: tuple[tuple[int, object], ...]) -> bytes:
    """Write a W of EUR/USD."""
    return message("W", (55, "EUR/USD"), (268, len(entries)), *(pair for entry in entries for pair in entry))


def changes(*entries: tuple[tuple[int, object], ...]) -> bytes:
    """Write an X."""
    return message("X", (268, len(entries)), *(pair for entry in entries for pair in entry))


def level(side: int, price: str, size: str = "1") -> tuple[tuple[int, object], ...]:
    """Write an entry of a snapshot."""
    return ((269, side), (270, price), (271, size))
