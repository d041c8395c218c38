"""Texts count once, from the moment they could first be known, and only as their newest version says."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from worded import NOW, Polar, S, item, news, scored, unscored

from functions.domain.news import NewsItem, NewsStatus, Symbology
from functions.domain.sentiment import (
    SentimentBatch,
    Told,
    distinct_texts,
    known_texts,
    label,
    names_of,
    read_text,
    sentiment_batch,
    summarise,
    tellings_of,
)

XYZ = {(Symbology.TICKER, "XYZ")}
OLD = NOW - 3600 * S


def counted(*batches: SentimentBatch, after: int = OLD, at: int = NOW + 3600 * S, names: object = XYZ) -> list[Told]:
    """Count what batches say of XYZ."""
    found = [one for batch in batches for one in tellings_of(batch)]
    return known_texts(found, names, after_ns=after, as_of_ns=at)  # type: ignore[arg-type]


def test_syndicated_text_is_asked_once() -> None:
    """Items of one text are asked about once, and all of them have its answer."""
    batch = news(item("a", "Shares rise"), item("b", "SHARES rise!"), item("c", "Shares fall"))
    texts, chosen = distinct_texts(batch)
    assert (texts, chosen) == (["Shares rise", "Shares fall"], [0, 0, 1])
    (output,) = sentiment_batch(batch, [Polar().score(texts)], chosen).outputs
    assert output.scores.tolist() == pytest.approx([0.7, 0.7, -0.7])


def test_headline_and_body_are_parted_alike() -> None:
    """One syndication key may part headline and body elsewhere: what is read differs, and so each is asked about."""
    batch = news(
        item("a", "Acme cuts outlook", body="Shares rise"), item("b", "Acme cuts", body="outlook: shares rise")
    )
    assert batch.items[0].syndication_key == batch.items[1].syndication_key
    assert distinct_texts(batch) == (["Acme cuts outlook", "Acme cuts"], [0, 1])


def test_texts_without_words_are_parted() -> None:
    """Posts of signs alone have no words to be equal in: one is asked about with another only where it is the same."""
    batch = news(item("a", ":)"), item("b", "\U0001f4c9"), item("c", ":)"))
    assert {one.syndication_key for one in batch.items} == {""}
    assert distinct_texts(batch) == ([":)", "\U0001f4c9"], [0, 1, 0])


def test_syndicated_text_counts_once() -> None:
    """A text that three sources send counts once, from when the first of them could be known."""
    copies = [scored(item(name, at=NOW + n * S)) for n, name in enumerate("abc")]
    (one,) = counted(*copies)
    assert (one.item.news_id, one.item.ts_available) == ("a", NOW)


def test_old_story_sent_again_is_old() -> None:
    """A text first known before the window does not count in it, however often it is sent again."""
    assert counted(scored(item("a", at=OLD - S)), scored(item("b", at=NOW))) == []


def test_nothing_before_it_could_be_known() -> None:
    """What became available later does not count, to the nanosecond."""
    batch = scored(item("a", at=NOW))
    assert counted(batch, at=NOW - 1) == []
    assert len(counted(batch, at=NOW)) == 1


@pytest.mark.parametrize(
    "later",
    [
        item("a", at=NOW + S, revision=1, status=NewsStatus.WITHDRAWN),
        item("a", at=NOW + S, revision=1, tickers=("ABC",)),
    ],
)
def test_newest_version_decides(later: NewsItem) -> None:
    """An item that was withdrawn, or no longer names the symbol, counts until that is known."""
    batches = scored(item("a")), scored(later)
    assert len(counted(*batches, at=NOW)) == 1
    assert counted(*batches) == []


def test_correction_replaces() -> None:
    """Of an item's versions the newest known one counts, with its own text."""
    first, second = scored(item("a", "Shares rise")), scored(item("a", "Shares fall", at=NOW + S, revision=1))
    assert [one.score for one in counted(first, second, at=NOW)] == pytest.approx([0.7])
    assert [one.score for one in counted(first, second)] == pytest.approx([-0.7])


def test_other_symbologies_are_other_names() -> None:
    """A RIC of the same letters is another symbol."""
    assert counted(scored(item())) != []
    assert counted(scored(item()), names={(Symbology.RIC, "XYZ")}) == []


def test_copy_with_an_answer_wins() -> None:
    """Where the first copy of a text was not answered, a later copy's answer stands for it."""
    (one,) = counted(unscored(item("a")), scored(item("b", at=NOW + S)))
    assert one.score is not None


def test_summary() -> None:
    """The mean is over distinct texts with an answer; the others are told beside."""
    texts = counted(
        scored(item("a", "Shares rise"), item("b", "Shares fall"), item("c", "Shares rise again")),
        unscored(item("d", "Meeting", at=NOW + S)),
    )
    found = summarise(texts)
    assert (found.texts, found.unscored, found.labels, found.ts_available) == (3, 1, (1, 0, 2), NOW + S)
    assert found.score == pytest.approx(0.7 / 3)


@given(st.permutations(range(6)))
@settings(max_examples=30, deadline=None)
def test_order_of_arrival(order: list[int]) -> None:
    """Whatever the order in which tellings come, the same texts count."""
    tellings = [
        scored(item("a")),
        scored(item("b", at=NOW + S)),
        unscored(item("c", "Shares fall", at=NOW + 2 * S)),
        scored(item("c", "Shares fall more", at=NOW + 3 * S, revision=1)),
        scored(item("d", "Meeting")),
        scored(item("d", "Meeting", at=NOW + S, revision=1, status=NewsStatus.WITHDRAWN)),
    ]
    assert counted(*(tellings[at] for at in order)) == counted(*tellings)


def test_what_is_read() -> None:
    """The headline is read; without one the body; both where that is asked."""
    assert read_text(item(headline=" Up ", body="Words")) == "Up"
    assert read_text(item(headline="", body="Words")) == "Words"
    assert read_text(item(headline="Up", body="Words"), body=True) == "Up\nWords"


def test_withdrawn_and_empty_are_not_asked() -> None:
    """What was withdrawn, or says nothing, has no text; its row has no answer."""
    batch = news(item("a", status=NewsStatus.WITHDRAWN), item("b", ""), item("c"))
    texts, chosen = distinct_texts(batch)
    assert (texts, chosen) == (["Shares rise"], [-1, -1, 0])
    (output,) = sentiment_batch(batch, [Polar().score(texts)], chosen).outputs
    assert output.states.tolist() == [0, 0, 1]


@given(st.lists(st.floats(0, 1), min_size=3, max_size=3))
def test_label_is_a_most_probable_class(figures: list[float]) -> None:
    """The label is the name of a greatest figure."""
    name = label(*figures)
    assert dict(zip(("bearish", "neutral", "bullish"), figures, strict=True))[name] == max(figures)


def test_names_of_an_instrument() -> None:
    """A pair is known by its base currency, a stock by its symbol; a share class keeps its dot."""
    assert names_of("BTC-USDT.BINANCE") == {(Symbology.TICKER, "BTC"), (Symbology.CASHTAG, "BTC")}
    assert (Symbology.TICKER, "BRK.B") in names_of("BRK.B.NYSE")
