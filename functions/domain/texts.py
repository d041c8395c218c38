"""Turn a text into the numbers of its words, word pairs and letter groups; the same numbers everywhere and always.

A text has no vocabulary here: what it says is named by a hash, so that a model needs a table of weights and no list of
words. The hash is CRC-32 of the UTF-8 bytes, which no process seeds.
"""

import re
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import numpy as np
from numpy.typing import NDArray

from functions.domain.lexicon import cues
from functions.domain.news import normalised

WORDS_MAX: Final = 128
"""Words of a text that are read: a headline or post has fewer, and the start of a story says what it is about."""

LETTERS_MAX: Final = 24
"""Letters of a word whose groups are read: longer ones are names of nothing."""

GROUPS: Final = (3, 4, 5)
"""Lengths of letter groups, the marks of a word's start and end included."""

CUES_MAX: Final = 2
"""Words that lean one way are counted up to here."""

CUES: Final = (
    *(f"l:{sign}{count}" for sign in "+-" for count in range(1, CUES_MAX + 1)),
    "l:even",
    "l:rises",
    "l:falls",
)
"""Terms that say what the lexicon finds."""

TERMS_MAX: Final = 2 * WORDS_MAX + WORDS_MAX * sum(LETTERS_MAX + 3 - length for length in GROUPS) + 2 * CUES_MAX
"""Terms that a text can have at most: words, one pair less, one lean, cues, and the groups of the longest words."""

_DIGITS: Final = re.compile(r"\d+")


@dataclass(frozen=True, slots=True, eq=False)
class TextIndices:
    """Hold for n texts the numbers of what stands in them: (n, m), each row ascending and filled up with `empty`."""

    indices: NDArray[np.int64]
    empty: int


def words(text: str) -> list[str]:
    """Give the first words of a text as a model reads them: whichever company is meant and however great a number is.

    A cashtag becomes `$` and every run of digits `0`; signs and percents stay.

    >>> words("$ALLY cut to Hold, shares -12% https://t.co/x")
    ['$', 'cut', 'to', 'hold', 'shares', '-0%']
    """
    return [_word(word) for word in normalised(text).split()[:WORDS_MAX]]


def terms(text: str) -> Iterator[str]:
    """Give what a model looks at: words, pairs of neighbours, groups of letters within a word, and the lexicon's cues.

    The cues are one and two or more words that lean each way, and to which side the text leans.

    >>> list(terms("cut it"))[:3], "c:<cu" in terms("cut it"), "c:ut>" in terms("cut it"), list(terms("cut it"))[-2:]
    (['w:cut', 'w:it', 'p:cut it'], True, True, ['l:-1', 'l:falls'])
    """
    read = words(text)
    yield from (f"w:{word}" for word in read)
    yield from (f"p:{first} {second}" for first, second in pairwise(read))
    for word in read:
        framed = f"<{word[:LETTERS_MAX]}>"
        for length in GROUPS:
            yield from (f"c:{framed[at : at + length]}" for at in range(len(framed) - length + 1))
    if read:
        rising, falling = cues(read)
        yield from (f"l:+{count}" for count in range(1, min(rising, CUES_MAX) + 1))
        yield from (f"l:-{count}" for count in range(1, min(falling, CUES_MAX) + 1))
        yield "l:even" if rising == falling else "l:rises" if rising > falling else "l:falls"


def indices(text: str, buckets: int) -> list[int]:
    """Give the distinct numbers of a text's terms below `buckets`, ascending; none for a text without words.

    >>> indices("up up", 1000) == indices("UP, up!", 1000), indices("", 1000)
    (True, [])
    """
    return sorted({bucket(term, buckets) for term in terms(text)})


def bucket(term: str, buckets: int) -> int:
    """Give the number of a term below `buckets`.

    >>> bucket("w:up", 16_384)
    7152
    """
    return zlib.crc32(term.encode("utf-8", "surrogatepass")) % buckets


def text_indices(texts: Sequence[str], buckets: int) -> TextIndices:
    """Lay the numbers of n texts side by side; `buckets` itself fills short rows up, and no row is empty."""
    rows = [indices(text, buckets) for text in texts]
    laid = np.full((len(rows), max(map(len, rows), default=0) or 1), buckets, dtype=np.int64)
    for at, row in enumerate(rows):
        laid[at, : len(row)] = row
    return TextIndices(laid, buckets)


def _word(word: str) -> str:
    return "$" if word.startswith("$") and word[1:].isalpha() else _DIGITS.sub("0", word)
