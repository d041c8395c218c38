"""Turn a raw batch of news, posts or calendar documents into facts: the order of work is the same for every dialect.

A dialect's parser says what a row holds; this file numbers rows, names what is refused, marks syndicated doubles and
keeps a batch within what an event may carry.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Final, Generic, Protocol, TypeAlias, TypeVar

from functions.domain.calendar import CalendarBatch, CalendarEvent, EventState
from functions.domain.market import OversizedRow, RawBatch, Rejection
from functions.domain.news import NewsBatch, NewsItem
from functions.wire.errors import Malformed
from functions.wire.news import articles, forexfactory, mrn, polygon, rss, social, stories
from functions.wire.news.reading import Found, Reader
from functions.wire.venues.digits import BadText

RAW_BYTES_MAX: Final = 1024
"""Bytes of a rejected row that travel with its rejection."""
DETAIL_CHARS_MAX: Final = 512
BATCH_BYTES_MAX: Final = 640 * 1024
"""Bytes of a batch's facts: an event carries a mebibyte, and 512 refusals take a third of it at most."""
FACT_BYTES: Final = 320
"""What a fact takes beside its texts: ids, keys, times and their tags."""

REJECTED: Final = "rejected"
"""Kind under which refused entries are counted."""
EMPTY: Final = "empty"
"""Kind of a document that is in order and holds no entry."""

D = TypeVar("D")
F = TypeVar("F")
D_contra = TypeVar("D_contra", contravariant=True)
F_co = TypeVar("F_co", covariant=True)

NEWS_READERS: Final[Mapping[str, Callable[[], Reader[stories.Draft]]]] = MappingProxyType(
    {
        "news.rss": lambda: rss.READER,
        "news.polygon": lambda: polygon.READER,
        "news.json": lambda: articles.READER,
        "news.lseg": mrn.Fragments,
        "social.json": lambda: social.READER,
    }
)
CALENDAR_READERS: Final[Mapping[str, Callable[[], Reader[forexfactory.Draft]]]] = MappingProxyType(
    {
        "calendar.forexfactory.json": lambda: forexfactory.JSON_READER,
        "calendar.forexfactory.csv": lambda: forexfactory.CSV_READER,
    }
)
DIALECTS: Final = (*NEWS_READERS, *CALENDAR_READERS)

Digest: TypeAlias = NewsBatch | CalendarBatch


class Make(Protocol[D_contra, F_co]):
    """Make a fact of what a source said."""

    def __call__(self, draft: D_contra, /, *, row: int, ts_receive: int) -> F_co:
        """Name it, bound it and say since when it could be known; raises BadText when it says nothing."""
        ...


@dataclass(frozen=True, slots=True)
class _Rules(Generic[D, F]):
    """Say what facts of one sort need: how they are made, counted, measured, and shortened when a batch is full."""

    make: Make[D, F]
    kind: Callable[[F], str]
    size: Callable[[F], int]
    shorten: Callable[[F], F]


@dataclass(slots=True)
class _Work(Generic[F]):
    """Hold what a batch has given so far: facts in tape order, refusals by row, kinds, bytes of facts."""

    facts: list[F] = field(default_factory=list)
    rejections: dict[int, Rejection] = field(default_factory=dict)
    kinds: Counter[str] = field(default_factory=Counter)
    size: int = 0


def digest(batch: RawBatch) -> Digest:
    """Turn every row of a batch into facts, a rejection or a count.

    Args:
        batch: Rows of one of `DIALECTS`.

    Returns:
        A NewsBatch or a CalendarBatch, as the dialect says; without facts when no row holds any.

    Raises:
        Malformed: No parser reads the dialect.
    """
    if calendar := CALENDAR_READERS.get(batch.dialect):
        return _calendar(batch, _worked(batch, calendar(), _EVENTS))
    if news := NEWS_READERS.get(batch.dialect):
        return _news(batch, _worked(batch, news(), _ITEMS))
    detail = f"no parser reads dialect {batch.dialect[:64]!r}; known are {', '.join(DIALECTS)}"
    raise Malformed(detail)


def _news(batch: RawBatch, work: _Work[NewsItem]) -> NewsBatch:
    return NewsBatch(
        shard=batch.shard,
        stream=batch.stream,
        first_row=batch.first_row,
        row_count=batch.row_count,
        items=tuple(_marked(work.facts)),
        rejections=_in_order(work),
        kinds=tuple(sorted(work.kinds.items())),
        heartbeat=batch.heartbeat,
        end_of_tape=batch.end_of_tape,
        ts_cut_ns=batch.ts_cut_ns,
    )


def _calendar(batch: RawBatch, work: _Work[CalendarEvent]) -> CalendarBatch:
    return CalendarBatch(
        shard=batch.shard,
        stream=batch.stream,
        first_row=batch.first_row,
        row_count=batch.row_count,
        events=tuple(_revised(work.facts)),
        rejections=_in_order(work),
        kinds=tuple(sorted(work.kinds.items())),
        heartbeat=batch.heartbeat,
        end_of_tape=batch.end_of_tape,
        ts_cut_ns=batch.ts_cut_ns,
    )


def _in_order(work: _Work[F]) -> tuple[Rejection, ...]:
    return tuple(work.rejections[row] for row in sorted(work.rejections))


# --- rows -------------------------------------------------------------------------------------------------------------


def _worked(batch: RawBatch, reader: Reader[D], rules: _Rules[D, F]) -> _Work[F]:
    work = _Work[F]()
    oversized = {row.index: row for row in batch.oversized}
    for row in range(batch.row_count):
        try:
            found = _read(batch, row, reader, oversized.get(row))
        except BadText as error:
            _reject(batch, row, [error], work)
            continue
        if not found.entries and not found.faults:
            work.kinds[found.control or EMPTY] += 1
        faults = [*found.faults, *_kept(batch, row, found, rules, work)]
        if faults:
            _reject(batch, row, faults, work, entries=len(found.entries) + len(found.faults))
    for row, late in reader.finish():
        _reject(batch, row, [late], work)
    return work


def _read(batch: RawBatch, row: int, reader: Reader[D], oversized: OversizedRow | None) -> Found[D]:
    if oversized is not None:
        detail = f"the row has {oversized.length} bytes, sha256 {oversized.sha256.hex()}; its bytes stay in the spool"
        reason = "oversized"
        raise BadText(reason, detail)
    return reader.read(row, _raw(batch, row))


def _kept(batch: RawBatch, row: int, found: Found[D], rules: _Rules[D, F], work: _Work[F]) -> Iterator[BadText]:
    """Make facts of a row's entries and keep those that the rules and the batch's size allow; give the refusals."""
    for draft in found.entries:
        try:
            fact = rules.make(draft, row=batch.first_row + row, ts_receive=int(batch.ts_receive[row]))
        except BadText as error:
            yield error
            continue
        if work.size + rules.size(fact) > BATCH_BYTES_MAX:
            fact = rules.shorten(fact)
        size = rules.size(fact)
        if work.size + size > BATCH_BYTES_MAX:
            reason = "out_of_range"
            yield BadText(reason, f"the batch holds {work.size} bytes already; at most {BATCH_BYTES_MAX} fit")
            continue
        work.size += size
        work.facts.append(fact)
        work.kinds[rules.kind(fact)] += 1


def _reject(
    batch: RawBatch,
    row: int,
    faults: list[BadText],
    work: _Work[F],
    *,
    entries: int = 1,
) -> None:
    """File a row once, by its first fault: a row has one name, however many of its entries are refused."""
    work.kinds[REJECTED] += len(faults)
    if row in work.rejections:
        return
    count = f"{len(faults)} of {entries} entries refused; " if entries > 1 else ""
    work.rejections[row] = Rejection(
        row=batch.first_row + row,
        reason=faults[0].reason,
        detail=f"{count}{faults[0]}"[:DETAIL_CHARS_MAX].encode("utf-8", "replace").decode(),
        raw=_raw(batch, row)[:RAW_BYTES_MAX],
        dialect=batch.dialect,
        ts_receive=int(batch.ts_receive[row]),
        symbol=batch.symbol,
        spool_ref=next((one.spool_ref for one in batch.oversized if one.index == row), ""),
    )


def _raw(batch: RawBatch, row: int) -> bytes:
    return batch.payload[int(batch.offsets[row]) : int(batch.offsets[row + 1])]


# --- news -------------------------------------------------------------------------------------------------------------


def _marked(items: Iterable[NewsItem]) -> Iterator[NewsItem]:
    """Mark syndicated doubles: the same text under another name, later in the batch."""
    first: dict[str, str] = {}
    for one in items:
        known = first.setdefault(one.syndication_key, one.news_id) if one.syndication_key else one.news_id
        yield one if known == one.news_id else replace(one, duplicate_of=known)


def _item_size(item: NewsItem) -> int:
    texts = (item.source, item.native_id, item.headline, item.body, item.url, item.language, item.author)
    words = (*item.tickers, *item.subjects)
    return FACT_BYTES + len("".join((*texts, *words)).encode()) + 2 * len(words)


_ITEMS: Final[_Rules[stories.Draft, NewsItem]] = _Rules(
    make=stories.item,
    kind=lambda item: item.kind.value,
    size=_item_size,
    shorten=lambda item: replace(item, body="", body_truncated=True),
)


# --- calendar ---------------------------------------------------------------------------------------------------------


def _revised(events: Iterable[CalendarEvent]) -> Iterator[CalendarEvent]:
    """Mark figures that replace another one released before them in the batch."""
    released: dict[str, str] = {}
    for one in events:
        before = released.get(one.event_id, one.actual.text)
        if one.actual.text:
            released[one.event_id] = one.actual.text
        changed = one.actual.text not in {"", before}
        yield replace(one, state=EventState.REVISED) if changed else one


def _event_size(event: CalendarEvent) -> int:
    figures = (event.actual, event.forecast, event.previous)
    texts = (event.native_id, event.name, *(one.text for one in figures))
    return FACT_BYTES + len("".join(texts).encode()) + 40 * sum(len(one.values) for one in figures)


_EVENTS: Final[_Rules[forexfactory.Draft, CalendarEvent]] = _Rules(
    make=forexfactory.event,
    kind=lambda _: "calendar",
    size=_event_size,
    shorten=lambda event: event,
)
