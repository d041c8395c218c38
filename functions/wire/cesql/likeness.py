"""Match text against the pattern of LIKE in one go, without backtracking (CESQL 1.0.0, 3.4.3).

A pattern is cut at each `%` into segments of fixed length. The first and the last one are held against the ends of the
text, the others are found one after the other, each as far left as it goes: nothing found is ever given up again.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

_PART: Final = re.compile(r"\\[%_]|.", re.DOTALL).findall


@dataclass(frozen=True, slots=True)
class _Segment:
    """Characters that follow each other; None is any character. `text` says them where each is a certain one."""

    characters: tuple[str | None, ...]
    text: str | None

    def __len__(self) -> int:
        return len(self.characters)

    def stands(self, text: str, at: int) -> bool:
        """Tell whether the segment stands here."""
        if self.text is not None:
            return text.startswith(self.text, at)
        return all(want is None or want == got for want, got in zip(self.characters, text[at:], strict=False))

    def find(self, text: str, start: int) -> int:
        """Find where the segment begins, at `start` or behind it; -1 where it is nowhere."""
        if self.text is not None:
            return text.find(self.text, start)
        places = len(text) - start - len(self) + 1
        if places < 1:
            return -1
        # All places at once, one character of the segment after the other.
        codes = np.frombuffer(text[start:].encode("utf-32-le", "surrogatepass"), np.uint32)
        equal = {one: codes == ord(one) for one in set(self.characters) if one is not None}
        found = np.ones(places, bool)
        for offset, one in enumerate(self.characters):
            if one is not None:
                found &= equal[one][offset : offset + places]
        first = int(found.argmax())
        return start + first if found[first] else -1


def compile_like(pattern: str) -> Callable[[str], bool]:
    r"""Make the test for a pattern: `%` stands for any text, `_` for any character, `\%` and `\_` for themselves.

    >>> like = compile_like("a_c%")
    >>> like("abcd"), like("abd")
    (True, False)
    """
    first, *others = _segments(pattern)
    if not others:
        return lambda text: len(text) == len(first) and first.stands(text, 0)
    *inner, last = others
    shortest = len(first) + len(last)

    def like(text: str) -> bool:
        if len(text) < shortest or not first.stands(text, 0) or not last.stands(text, len(text) - len(last)):
            return False
        return _follow(inner, text[: len(text) - len(last)], len(first))

    return like


def _follow(segments: Sequence[_Segment], text: str, at: int) -> bool:
    for segment in segments:
        found = segment.find(text, at)
        if found < 0:
            return False
        at = found + len(segment)
    return True


def _segments(pattern: str) -> list[_Segment]:
    cut: list[list[str | None]] = [[]]
    for part in _PART(pattern):
        if part == "%":
            cut.append([])
        else:
            cut[-1].append(None if part == "_" else part[-1])
    return [_segment(one) for one in cut]


def _segment(characters: Sequence[str | None]) -> _Segment:
    certain = [one for one in characters if one is not None]
    return _Segment(tuple(characters), "".join(certain) if len(certain) == len(characters) else None)
