"""The same text is the same text wherever it was published, and nothing else is."""

import pytest
from counts import examples
from hypothesis import given, settings
from hypothesis import strategies as st

from functions.domain.news import content_key, normalised, syndication_key

WORDS = st.lists(st.text("abcdefgxyz0123456789", min_size=1, max_size=8), min_size=1, max_size=8)
GAPS = st.sampled_from([" ", "  ", "\n", " - ", ", ", "\u00a0", " \u2013 ", " https://t.co/Ab1 "])


@given(words=WORDS, gaps=st.lists(GAPS, min_size=8, max_size=8), upper=st.booleans())
@settings(max_examples=examples(2000), deadline=None)
def test_layout_changes_nothing(words: list[str], gaps: list[str], upper: bool) -> None:  # noqa: FBT001 - drawn
    """Case, blanks, punctuation and links between words leave the key as it was."""
    text = "".join(word + gap for word, gap in zip(words, gaps, strict=False))
    assert syndication_key("", text.upper() if upper else text) == syndication_key("", " ".join(words))


@given(st.text(max_size=60))
@settings(max_examples=examples(2000), deadline=None)
def test_normalising_twice(text: str) -> None:
    """What is normalised has one line, no capitals, and a key unless nothing is left."""
    once = normalised(text)
    assert "\n" not in once
    assert len(syndication_key(text, "")) == (32 if once else 0)


@pytest.mark.parametrize(
    ("one", "other"),
    [("up 3%", "up 3"), ("+3", "-3"), ("$ALLY up", "ally up"), ("profit rose", "profit rises"), ("a b", "b a")],
)
def test_meaning_counts(one: str, other: str) -> None:
    """Signs, percentages, cashtags, words and their order make another text."""
    assert syndication_key(one, "") != syndication_key(other, "")


def test_headline_or_body() -> None:
    """A text is the same as headline, as body, or as both together; reposts are the text they repeat."""
    assert (
        syndication_key("One two", "three")
        == syndication_key("", "one TWO three")
        == syndication_key("one", "two three")
    )
    assert syndication_key("", "RT @desk: one two") == syndication_key("", "one two")


def test_content_keys_keep_parts_apart() -> None:
    """What a source said in two fields is not what it said in one."""
    assert content_key("ab", "c") != content_key("a", "bc")
    assert content_key(("a",), "b") != content_key("a", ("b",))
    assert content_key(None) != content_key(0) != content_key("")
