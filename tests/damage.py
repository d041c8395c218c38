"""Damage rows in ways that readers meet: bytes, whole values, pieces that change places, come twice or never."""

import random
import re
from typing import Final

_TOKENS: Final = (
    *(b"", b"0", b"-1", b"1e999", b"1e-999", b"NaN", b"-Infinity", b"null", b"true", b'""', b"[]", b"{}", b"[[[["),
    *(b"\x00", b"\xff\xfe", b"\xed\xa0\x80", b"\\", b"\\u0000", b"\\ud800", b"'", b'"', b",", b":", b"}", b"]", b"|"),
    *(b"\x01", b"\n", b"9" * 30, b"9" * 5_000, b"0." + b"0" * 400 + b"1", b"-0", b"18446744073709551616", b"1.2.3"),
    *(b'"\xd9\xa1"', b"9" * 19, b"1" + b"0" * 18 + b".5", b"2021-02-30T25:61:61Z", b"1e5", b"@", b"/", b" "),
)
_PIECE: Final = re.compile(rb'"[^"]*"|-?[0-9][0-9.eE+-]*|[a-z]+|.', re.DOTALL)


def damaged(row: bytes, chance: random.Random) -> bytes:
    """Damage a row: bytes, whole values, pieces that change places, come twice or never."""
    pieces: list[bytes] = _PIECE.findall(row)
    for _ in range(chance.randrange(1, 4)):
        at = chance.randrange(len(pieces) + 1) if pieces else 0
        match chance.randrange(7):
            case 0:
                pieces[at : at + 1] = [chance.choice(_TOKENS)]
            case 1:
                pieces[at:at] = [chance.choice(_TOKENS)]
            case 2:
                pieces[at : at + chance.randrange(1, 9)] = []
            case 3:
                pieces[at:at] = pieces[at : at + chance.randrange(1, 9)] * chance.randrange(1, 4)
            case 4:
                pieces[at : at + 2] = pieces[at : at + 2][::-1]
            case 5:
                pieces = pieces[:at]
            case _:
                text = bytearray(b"".join(pieces))
                for _ in range(chance.randrange(1, 5)):
                    place = chance.randrange(len(text) + 1)
                    text[place : place + 1] = bytes([chance.randrange(256)])
                pieces = [bytes(text)]
    return b"".join(pieces)
