"""Texts become the same numbers everywhere: hashed terms of our model, and pieces of a BERT vocabulary."""

import subprocess
import sys

import pytest
from counts import examples
from hypothesis import given, settings
from hypothesis import strategies as st

from functions.domain.news import syndication_key
from functions.domain.texts import TERMS_MAX, WORDS_MAX, indices, terms, text_indices, words
from functions.domain.wordpiece import WordPiece, split

BUCKETS = 16_384
PIECES = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "un", "##aff", "##able", "want", "##ed", "runn", "##ing", ",", "cafe")
VOCABULARY = {piece: at for at, piece in enumerate(PIECES)}


@given(st.text(max_size=300))
@settings(max_examples=examples(1000), deadline=None)
def test_any_text_has_numbers(text: str) -> None:
    """Any text, half a surrogate included, has distinct ascending numbers below the buckets, within the bound."""
    found = indices(text, BUCKETS)
    assert found == sorted(set(found))
    assert all(0 <= one < BUCKETS for one in found)
    assert len(found) <= TERMS_MAX


def test_longest_text_is_bounded() -> None:
    """However long a text and its words are, no more terms than the bound come of it."""
    text = " ".join(f"{'abcdefghijklmnopqrstuvwxyz' * 3}{chr(97 + n % 26)}{chr(97 + n // 26)}" for n in range(500))
    assert len(words(text)) == WORDS_MAX
    assert len(list(terms(text))) <= TERMS_MAX


@given(st.text(max_size=60), st.text(max_size=60))
@settings(max_examples=examples(500), deadline=None)
def test_same_syndicated_text_has_same_numbers(one: str, other: str) -> None:
    """What syndication takes for the same text, the model does too."""
    if syndication_key(one, "") == syndication_key(other, ""):
        assert indices(one, BUCKETS) == indices(other, BUCKETS)
    assert indices(f"RT @desk: {one} https://t.co/x", BUCKETS) == indices(one, BUCKETS) or not words(one)


def test_companies_and_amounts_are_not_read() -> None:
    """Whichever company is meant and however great the number is, the numbers are the same; signs are not."""
    assert indices("$ALLY cut, -12%", BUCKETS) == indices("$DELL cut, -3%", BUCKETS)
    assert indices("up +3%", BUCKETS) != indices("up -3%", BUCKETS)


def test_other_processes_agree() -> None:
    """No process seeds the hash."""
    script = f"from functions.domain.texts import indices; print(indices('Profit beats', {BUCKETS}))"
    for seed in ("1", "2"):
        environ = {"PYTHONHASHSEED": seed, "PYTHONPATH": ":".join(sys.path)}
        done = subprocess.run(  # noqa: S603 - our own interpreter
            [sys.executable, "-c", script], env=environ, capture_output=True, text=True, check=True
        )
        assert done.stdout.strip() == str(indices("Profit beats", BUCKETS))


def test_rows_are_filled_up() -> None:
    """Short rows are filled with the number behind the last bucket; a text without words is all of it."""
    laid = text_indices(["up", ""], 100)
    assert laid.indices.shape[0] == 2
    assert set(laid.indices[1].tolist()) == {laid.empty} == {100}
    assert text_indices([], 100).indices.shape == (0, 1)


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        ("unx\u00e9d,running", ["[UNK]", ",", "runn", "##ing"]),
        ("unaffable", ["un", "##aff", "##able"]),
        ("wanted, running", ["want", "##ed", ",", "runn", "##ing"]),
        ("Caf\u00e9 caf\u00e9", ["cafe", "cafe"]),
        ("unaffablex", ["[UNK]"]),
        ("a" * 101, ["[UNK]"]),
        ("want\x00ed\u200b", ["want", "##ed"]),
        ("", []),
    ],
)
def test_pieces(text: str, pieces: list[str]) -> None:
    """Words become their longest pieces; a word with an unknown part is unknown as a whole."""
    found = WordPiece(VOCABULARY).encode(text)
    assert [PIECES[at] for at in found] == ["[CLS]", *pieces, "[SEP]"]


def test_cased_model() -> None:
    """A cased model reads letters and accents as they are."""
    cased = WordPiece({**VOCABULARY, "Caf\u00e9": 13}, lower_case=False)
    assert cased.encode("Caf\u00e9 Cafe") == [2, 13, 1, 3]


def test_cut_at_the_bound() -> None:
    """A text has at most so many numbers, its frame included."""
    found = WordPiece(VOCABULARY, tokens_max=8).encode("want " * 600)
    assert found == [2, 7, 7, 7, 7, 7, 7, 3]
    assert len(WordPiece(VOCABULARY).encode("wanted " * 600)) == 512


def test_signs_and_cjk_stand_alone() -> None:
    """Punctuation, currency signs and CJK letters are words of their own; blanks of any kind part words."""
    assert list(split("a\u00a0b$c\u3000\u80a1\u7968x", lower_case=True)) == [
        "a",
        "b",
        "$",
        "c",
        "\u80a1",
        "\u7968",
        "x",
    ]


@given(st.text(max_size=200))
@settings(max_examples=examples(1000), deadline=None)
def test_any_text_has_pieces(text: str) -> None:
    """Any text is framed, and every number is one of the vocabulary's."""
    found = WordPiece(VOCABULARY).encode(text)
    assert (found[0], found[-1]) == (2, 3)
    assert set(found) <= set(VOCABULARY.values())


def test_vocabulary_without_a_frame() -> None:
    """A vocabulary without the pieces that frame a text is refused."""
    with pytest.raises(ValueError, match=r"lacks \['\[CLS\]', '\[SEP\]'\]"):
        WordPiece({"[UNK]": 0})
