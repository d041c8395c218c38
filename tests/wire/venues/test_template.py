"""The template from which a venue is made decodes its own examples."""

import pytest
from decoding import batch_of
from venue_rows import both_ways_with, taken_fast

from functions.domain.market import BOOK_SNAPSHOT, BOOK_WITHOUT_IDS, SIDE_BUY
from functions.wire.venues import _template
from functions.wire.venues.registry import dialects

DECODER = _template.DECODERS["template.v1"]


def test_examples_decode() -> None:
    """Every example is of the kind it stands under, and none is refused."""
    for kind, row in _template.EXAMPLES.items():
        batch = both_ways_with(DECODER, batch_of([row], ""), {})
        assert (batch.kinds, batch.rejections) == (((kind, 1),), ())


def test_examples_say_what_they_say() -> None:
    """A trade, a quote and two book messages come out as columns, in exact units."""
    batch = both_ways_with(DECODER, batch_of(list(_template.EXAMPLES.values()), ""), {})
    assert [ref.instrument_id for ref in batch.instruments] == ["AAA-BBB.TEMPLATE"]
    assert (batch.trades.price.tolist(), batch.trades.size.tolist()) == ([1_250_000_000], [25_000_000])
    assert (batch.trades.side.tolist(), batch.trades.trade_id.tolist()) == ([SIDE_BUY], [7])
    assert batch.trades.ts_event.tolist() == [1_714_979_289_123_456_000]
    assert (batch.quotes.bid_price.tolist(), batch.quotes.ask_price.tolist()) == ([1_249_000_000], [1_251_000_000])
    assert (batch.book.bids.tolist(), batch.book.asks.tolist()) == ([1, 1], [2, 0])
    assert batch.book.flags.tolist() == [BOOK_WITHOUT_IDS, BOOK_WITHOUT_IDS | BOOK_SNAPSHOT]


def test_shapes_are_taken_fast() -> None:
    """The template's fast path takes its trades and quotes, so the equality above compares two ways."""
    assert taken_fast(DECODER, list(_template.EXAMPLES.values())) == [True, True, False, False, False]


@pytest.mark.parametrize("row", [b"{}", b"[]", b"", b'{"type":"news"}', b'{"type":"trade","symbol":"AAA-BBB"}'])
def test_anything_else_is_refused(row: bytes) -> None:
    """A row of no kind that is known, or without its fields, is refused with a reason."""
    [rejection] = both_ways_with(DECODER, batch_of([row], ""), {}).rejections
    assert rejection.reason in {"bad_json", "missing_field", "unknown_kind", "wrong_type"}


def test_the_template_is_no_venue() -> None:
    """The registry does not offer the template."""
    assert not any(dialect.startswith(("template", "_")) for dialect in dialects())
