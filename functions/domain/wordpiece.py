"""Cut a text into the word pieces of a BERT vocabulary, as the model was trained to read them.

Source: Devlin et al., "BERT", NAACL 2019, and the reference tokeniser beside it: clean, part CJK letters, lower case
and strip accents where the model is uncased, part punctuation, then take the longest piece that the vocabulary has.
"""

import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

WORD_LETTERS_MAX: Final = 100
"""A longer word is unknown, as in the reference."""

UNKNOWN: Final = "[UNK]"
FIRST: Final = "[CLS]"
LAST: Final = "[SEP]"

_CJK: Final = (
    (0x4E00, 0x9FFF),
    (0x3400, 0x4DBF),
    (0x20000, 0x2A6DF),
    (0x2A700, 0x2B73F),
    (0x2B740, 0x2B81F),
    (0x2B820, 0x2CEAF),
    (0xF900, 0xFAFF),
    (0x2F800, 0x2FA1F),
)
_ASCII_SIGNS: Final = frozenset("!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~")
"""Signs that part words although Unicode does not call all of them punctuation, for example `$` and `+`."""


@dataclass(frozen=True, slots=True)
class WordPiece:
    """Number the pieces of texts.

    Args:
        vocabulary: Piece to number; a piece inside a word begins with `##`. It has `[UNK]`, `[CLS]` and `[SEP]`.
        lower_case: The model is uncased.
        tokens_max: Numbers a text may have at most, the two that frame it included; what is behind is cut off.
    """

    vocabulary: Mapping[str, int]
    lower_case: bool = True
    tokens_max: int = 512
    longest: int = field(init=False)

    def __post_init__(self) -> None:
        """Refuse a vocabulary without the pieces that frame a text."""
        missing = [piece for piece in (UNKNOWN, FIRST, LAST) if piece not in self.vocabulary]
        if missing or self.tokens_max < 2:  # noqa: PLR2004 - the two that frame a text
            detail = f"the vocabulary lacks {missing}, or {self.tokens_max} tokens hold no text"
            raise ValueError(detail)
        object.__setattr__(self, "longest", max(map(len, self.vocabulary)))

    def encode(self, text: str) -> list[int]:
        """Number a text: `[CLS]`, its pieces, `[SEP]`.

        >>> pieces = ("[UNK]", "[CLS]", "[SEP]", "stock", "##s", "rise", "$", "!")
        >>> WordPiece({piece: at for at, piece in enumerate(pieces)}).encode("Stocks RISE! $")
        [1, 3, 4, 5, 7, 6, 2]
        """
        known = self.vocabulary
        found: list[int] = []
        for word in split(text, lower_case=self.lower_case):
            found += [known[piece] for piece in self._pieces(word)]
            if len(found) >= self.tokens_max - 2:
                break
        return [known[FIRST], *found[: self.tokens_max - 2], known[LAST]]

    def _pieces(self, word: str) -> list[str]:
        """Take the longest piece again and again; a word with a part that is no piece is unknown as a whole."""
        if len(word) > WORD_LETTERS_MAX:
            return [UNKNOWN]
        pieces: list[str] = []
        start = 0
        while start < len(word):
            mark = "##" if start else ""
            ends = range(min(len(word), start + self.longest), start, -1)
            end = next((end for end in ends if mark + word[start:end] in self.vocabulary), 0)
            if not end:
                return [UNKNOWN]
            pieces.append(mark + word[start:end])
            start = end
        return pieces


def split(text: str, *, lower_case: bool) -> Iterator[str]:
    """Give the words of a text and its signs, each by itself.

    >>> list(split("Don't buy at $5", lower_case=True))
    ['don', "'", 't', 'buy', 'at', '$', '5']
    """
    cleaned = "".join(_shown(letter) for letter in text)
    for word in unicodedata.normalize("NFC", cleaned).split():
        plain = _plain(word) if lower_case else word
        yield from "".join(f" {letter} " if _parts(letter) else letter for letter in plain).split()


def _shown(letter: str) -> str:
    """Drop what is no letter, make every blank a space, and stand CJK letters alone."""
    if letter in "\t\n\r" or unicodedata.category(letter) == "Zs":
        return " "
    if letter in "\x00\ufffd" or unicodedata.category(letter) in {"Cc", "Cf", "Cn", "Co", "Cs"}:
        return ""
    return f" {letter} " if any(low <= ord(letter) <= high for low, high in _CJK) else letter


def _plain(word: str) -> str:
    return "".join(one for one in unicodedata.normalize("NFD", word.lower()) if unicodedata.category(one) != "Mn")


def _parts(letter: str) -> bool:
    return letter in _ASCII_SIGNS or unicodedata.category(letter).startswith("P")
