"""Read labelled texts and part them by digest, so that no part holds a text of another, reworded or sent on.

Texts whose sets of words overlap by six tenths (Jaccard) are one group, and so are groups that meet in a text. A group
goes where the SHA-256 of its least normalised text says: 60 % train, 20 % calibrate, 20 % report.
"""

import csv
import hashlib
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from functions.domain.market import Int64
from functions.domain.news import normalised
from functions.domain.texts import words

LABELS: Final = ("bearish", "bullish", "neutral")
"""Names of the labels 0, 1 and 2 of the file."""
ALIKE: Final = 0.6
"""Overlap from which two texts are one: above it wordings of one headline and of a provider's standing phrases meet."""
PARTS: Final = (0.6, 0.8)
"""Where the parts end, as shares of all digests."""
TEXTS_MAX: Final = 50_000


@dataclass(frozen=True, slots=True, eq=False)
class Texts:
    """Hold n labelled texts; `group` numbers what belongs together."""

    texts: tuple[str, ...]
    labels: Int64  # (n,)
    group: Int64  # (n,)

    def where(self, chosen: NDArray[np.bool_]) -> "Texts":
        """Keep chosen texts."""
        kept = tuple(text for text, keep in zip(self.texts, chosen.tolist(), strict=True) if keep)
        return Texts(kept, self.labels[chosen], self.group[chosen])


def read(path: Path) -> Texts:
    """Read a CSV with the columns `text` and `label` (0 bearish, 1 bullish, 2 neutral), or the one of a folder.

    Raises:
        ValueError: There is no such file, more than one, or a row is no labelled text.
    """
    files = sorted(path.glob("*.csv")) if path.is_dir() else [path] if path.is_file() else []
    if len(files) != 1:
        detail = f"{path} holds {len(files)} CSV files; one with the columns text and label is needed"
        raise ValueError(detail)
    try:
        with files[0].open(newline="", encoding="utf-8-sig") as file:
            rows = list(csv.DictReader(file))
    except (UnicodeDecodeError, csv.Error) as error:
        detail = f"{files[0]} is no CSV in UTF-8: {error}"
        raise ValueError(detail) from error
    numbers = {str(number): number for number in range(len(LABELS))}
    wrong = [line for line, row in enumerate(rows, 2) if row.get("label") not in numbers or not row.get("text")]
    if wrong or not 0 < len(rows) <= TEXTS_MAX:
        detail = f"{files[0]}: {len(rows)} rows (1 to {TEXTS_MAX} are taken); no labelled text: record {wrong[:3]}"
        raise ValueError(detail)
    texts = tuple(row["text"] for row in rows)
    return Texts(texts, np.array([numbers[row["label"]] for row in rows]), groups(texts))


def groups(texts: Sequence[str], alike: float = ALIKE) -> Int64:
    """Number texts that are alike, each group by its first text; a text without words is alike to no other.

    >>> groups(["Dell cut to hold", "dell CUT to hold!", "HP raised"]).tolist()
    [0, 0, 2]
    """
    read_words = [frozenset(words(text)) for text in texts]
    holding: dict[str, list[int]] = defaultdict(list)
    first = list(range(len(texts)))
    for at, own in enumerate(read_words):
        shared: dict[int, int] = defaultdict(int)
        for word in own:
            for other in holding[word]:
                shared[other] += 1
            holding[word].append(at)
        for other, common in shared.items():
            if common >= alike * (len(own) + len(read_words[other]) - common):
                _join(first, at, other)
    return np.array([_root(first, at) for at in range(len(texts))], dtype=np.int64)


def parts(known: Texts) -> tuple[Texts, Texts, Texts]:
    """Part texts into those to train on, to calibrate on and to report on, whole groups each.

    Raises:
        ValueError: A part has no text of some label: nothing could be learnt, calibrated or said of it.
    """
    least: dict[int, str] = {}
    for text, group in zip(map(normalised, known.texts), known.group.tolist(), strict=True):
        least[group] = min(least.get(group, text), text)
    share = np.array([_share(least[group]) for group in known.group.tolist()])
    train, calibrate = PARTS
    found = (
        known.where(share < train),
        known.where((share >= train) & (share < calibrate)),
        known.where(share >= calibrate),
    )
    for name, part in zip(("trained", "calibrated", "reported"), found, strict=True):
        counts = np.bincount(part.labels, minlength=len(LABELS)).tolist()
        if not all(counts):
            told = ", ".join(f"{count} {label}" for count, label in zip(counts, LABELS, strict=True))
            detail = f"of {len(known.texts)} texts the {name} part has {told}: give more texts, some of each label"
            raise ValueError(detail)
    return found


def _share(text: str) -> float:
    """Give the digest of a text as a share of all digests, 0 to 1."""
    return int.from_bytes(hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()[:8]) / 2**64


def _join(first: list[int], one: int, other: int) -> None:
    low, high = sorted((_root(first, one), _root(first, other)))
    first[high] = low


def _root(first: list[int], at: int) -> int:
    while first[at] != at:
        first[at] = first[first[at]]
        at = first[at]
    return at
