"""Hold what models say of news and posts, and count it: each text once, by what could be known at a time."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

import numpy as np

from functions.domain.market import STATE_VALID, ModelOutput
from functions.domain.news import NewsBatch, NewsItem, NewsKind, NewsStatus, Symbology, normalised

NAMES: Final = ("bearish", "neutral", "bullish")
"""Figures of a text: the probability of each, which sum to 1."""

Name: TypeAlias = tuple[Symbology, str]
"""Whose symbol, and the symbol as sources write it."""


@dataclass(frozen=True, slots=True)
class ScoredItem:
    """Hold what names a version of a story or post; see `sentiment.proto` for each field's meaning and unit."""

    news_id: str
    content_key: str
    syndication_key: str
    kind: NewsKind
    source: str
    tickers: tuple[str, ...]
    symbology: Symbology
    status: NewsStatus
    revision: int
    ts_available: int
    ts_receive: int
    row: int
    duplicate_of: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class SentimentBatch:
    """Hold the items of a NewsBatch, in its order, and each model's answer for them; an answer has a row an item."""

    shard: str
    stream: str
    first_row: int
    row_count: int
    items: tuple[ScoredItem, ...] = ()
    outputs: tuple[ModelOutput, ...] = ()
    heartbeat: bool = False
    end_of_tape: bool = False
    ts_cut_ns: int = 0


@dataclass(frozen=True, slots=True)
class Told:
    """Hold what one model said of one version of an item; the figures are None where it said nothing.

    `stream` and `row` name the row it was read from, and `version` is the model's.
    """

    item: ScoredItem
    stream: str
    model: str
    version: str
    bearish: float | None
    neutral: float | None
    bullish: float | None

    @property
    def score(self) -> float | None:
        """Give the lean, -1 bearish to 1 bullish; None where the model said nothing."""
        return None if self.bullish is None or self.bearish is None else self.bullish - self.bearish


@dataclass(frozen=True, slots=True)
class Sentiment:
    """Hold the sentiment of one symbol over a time.

    Args:
        texts: Texts that counted, each once however often it was sent.
        score: Mean lean of them, -1 bearish to 1 bullish; None without any.
        labels: How many were most probably bearish, neutral and bullish.
        unscored: Texts no model could say anything of.
        ts_available: Since when the newest of them was known, UTC nanoseconds; 0 without any.
    """

    texts: int
    score: float | None
    labels: tuple[int, int, int]
    unscored: int
    ts_available: int


def distinct_texts(batch: NewsBatch, *, body: bool = False) -> tuple[list[str], list[int]]:
    """Pick the texts to ask about: each syndicated text once, and none of what was withdrawn.

    Args:
        batch: Items in tape order.
        body: Whether the body is read behind the headline; without a headline it is read anyway.

    Returns:
        The distinct texts, and for each item the place of its own; -1 for an item that says nothing or was withdrawn.
    """
    texts: list[str] = []
    places: dict[tuple[str, str], int] = {}
    chosen = []
    for item in batch.items:
        text = read_text(item, body=body)
        if item.status is NewsStatus.WITHDRAWN or not text:
            chosen.append(-1)
            continue
        # Equal keys may part headline and body elsewhere; texts without words are equal where their signs are.
        key = (item.syndication_key, normalised(text) or text)
        if key not in places:
            places[key] = len(texts)
            texts.append(text)
        chosen.append(places[key])
    return texts, chosen


def read_text(item: NewsItem, *, body: bool = False) -> str:
    """Give what a model reads of an item: the headline, where there is none the body, or both."""
    headline, rest = item.headline.strip(), item.body.strip()
    return f"{headline}\n{rest}".strip() if body else headline or rest


def sentiment_batch(batch: NewsBatch, outputs: Sequence[ModelOutput], chosen: Sequence[int]) -> SentimentBatch:
    """Join items with what models said of their distinct texts: an item has the answer of its text."""
    return SentimentBatch(
        shard=batch.shard,
        stream=batch.stream,
        first_row=batch.first_row,
        row_count=batch.row_count,
        items=tuple(map(_scored_item, batch.items)),
        outputs=tuple(_spread(output, chosen) for output in outputs),
        heartbeat=batch.heartbeat,
        end_of_tape=batch.end_of_tape,
        ts_cut_ns=batch.ts_cut_ns,
    )


def tellings_of(batch: SentimentBatch) -> list[Told]:
    """List what each model that decides said of each item, by the version that scored it; shadows are left out."""
    deciding = [output for output in batch.outputs if not output.shadow]
    models = [[one for one in deciding if one.model == name] for name in dict.fromkeys(one.model for one in deciding)]
    return [_told(batch, item, _scoring(own, row), row) for own in models for row, item in enumerate(batch.items)]


def first_told(one: Told) -> tuple[bool, int, int, str, int, str]:
    """Order tellings of one version by one model: an answer before none, then what was known first."""
    return one.bullish is None, one.item.ts_available, one.item.ts_receive, one.stream, one.item.row, one.version


def names_of(instrument_id: str) -> frozenset[Name]:
    """Give what sources call an instrument of a stock or coin: its symbol, or its base currency, as ticker and cashtag.

    Other codes, such as RICs, do not follow from an id and are for the caller to add.

    >>> sorted(name for _, name in names_of("BTC-USDT.BINANCE")), len(names_of("MSFT.NASDAQ"))
    (['BTC', 'BTC'], 2)
    """
    symbol = instrument_id.rpartition(".")[0] or instrument_id
    return frozenset((symbology, symbol.partition("-")[0]) for symbology in (Symbology.TICKER, Symbology.CASHTAG))


def known_texts(tellings: Iterable[Told], names: Collection[Name], *, after_ns: int, as_of_ns: int) -> list[Told]:
    """Pick what counts for a symbol: of each item the newest version known, and of equal texts the one known first.

    Args:
        tellings: What one model said of versions, in any order; those not known at the time are left out here.
        names: What sources call the symbol.
        after_ns: A text counts that was first known after this moment, UTC nanoseconds: an old story sent again is old.
        as_of_ns: And until this one, included.

    Returns:
        The texts in the order in which they became known; a withdrawn item, or one whose newest version no longer names
        the symbol, does not count.
    """
    known = [one for one in tellings if one.item.ts_available <= as_of_ns]
    named = [one for one in known if _names(one.item, names)]
    first: dict[str, int] = {}
    for one in named:
        key = _text_key(one)
        first[key] = min(first.get(key, one.item.ts_available), one.item.ts_available)
    newest: dict[str, Told] = {}
    for one in sorted(known, key=_version):
        newest[one.item.news_id] = one
    counted: dict[str, Told] = {}
    for one in sorted(newest.values(), key=first_told):
        if _names(one.item, names) and one.item.status is not NewsStatus.WITHDRAWN:
            counted.setdefault(_text_key(one), one)
    chosen = [(first[key], key) for key in counted if after_ns < first[key]]
    return [counted[key] for _, key in sorted(chosen)]


def summarise(texts: Sequence[Told]) -> Sentiment:
    """Count the texts of one symbol.

    >>> summarise([])
    Sentiment(texts=0, score=None, labels=(0, 0, 0), unscored=0, ts_available=0)
    """
    said = [one for one in texts if one.score is not None]
    labels = [label(one.bearish or 0.0, one.neutral or 0.0, one.bullish or 0.0) for one in said]
    return Sentiment(
        texts=len(said),
        score=sum(one.score or 0.0 for one in said) / len(said) if said else None,
        labels=(labels.count("bearish"), labels.count("neutral"), labels.count("bullish")),
        unscored=len(texts) - len(said),
        ts_available=max((one.item.ts_available for one in texts), default=0),
    )


def label(bearish: float, neutral: float, bullish: float) -> str:
    """Name the most probable; of equals neutral, then bearish.

    >>> label(0.4, 0.4, 0.2), label(0.4, 0.2, 0.4), label(0.1, 0.2, 0.7)
    ('neutral', 'bearish', 'bullish')
    """
    if neutral >= max(bearish, bullish):
        return "neutral"
    return "bearish" if bearish >= bullish else "bullish"


def _names(item: ScoredItem, names: Collection[Name]) -> bool:
    return any((item.symbology, ticker) in names for ticker in item.tickers)


def _version(one: Told) -> tuple[int, int, str]:
    """Order versions of one item as the port `News` does."""
    return one.item.revision, one.item.ts_available, one.item.content_key


def _text_key(one: Told) -> str:
    return one.item.syndication_key or f"{one.item.news_id} {one.item.content_key}"


def _scoring(versions: Sequence[ModelOutput], row: int) -> ModelOutput:
    """Give the version of a model that scored a row; where none did, the first."""
    return next((one for one in versions if one.states[row] == STATE_VALID), versions[0])


def _told(batch: SentimentBatch, item: ScoredItem, output: ModelOutput, row: int) -> Told:
    scored = output.states[row] == STATE_VALID and output.names == NAMES
    figures = output.values[row].tolist() if scored else [None] * len(NAMES)
    return Told(item, batch.stream, output.model, output.version, *figures)


def _spread(output: ModelOutput, chosen: Sequence[int]) -> ModelOutput:
    """Give each item the answer of its text; one without has state 0."""
    places = np.array(chosen, dtype=np.int64)
    asked = places >= 0
    scores, states = np.zeros(len(places)), np.zeros(len(places), dtype=np.uint8)
    values = np.zeros((len(places), len(output.names)))
    scores[asked], states[asked] = output.scores[places[asked]], output.states[places[asked]]
    if output.names:
        values[asked] = output.values[places[asked]]
    return ModelOutput(
        model=output.model,
        version=output.version,
        scores=scores,
        states=states,
        threshold=output.threshold,
        degraded=output.degraded,
        degraded_reason=output.degraded_reason,
        names=output.names,
        values=values,
        shadow=output.shadow,
    )


def _scored_item(item: NewsItem) -> ScoredItem:
    return ScoredItem(
        news_id=item.news_id,
        content_key=item.content_key,
        syndication_key=item.syndication_key,
        kind=item.kind,
        source=item.source,
        tickers=item.tickers,
        symbology=item.symbology,
        status=item.status,
        revision=item.revision,
        ts_available=item.ts_available,
        ts_receive=item.ts_receive,
        row=item.row,
        duplicate_of=item.duplicate_of,
    )
