"""The venue figures time what they say they time."""

import pytest
from decoding import accounted

from functions.domain.market import InstrumentRef
from functions.local.venue_figures import RECORDS, SAMPLES, Sample, batches_of, venue_figures
from functions.wire.venues.registry import decoder_of


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: f"{sample.dialect} {sample.kind}")
def test_samples_are_right(sample: Sample) -> None:
    """Every message of a sample decodes to its kind, with as many levels as it says."""
    rows = [sample.write(n) for n in range(300)]
    known = {symbol: InstrumentRef(symbol, -8, -8) for symbol in ("BTCUSDT", "BTC-USD", "BTC/USD")}
    ticks = [decoder_of(sample.dialect)(batch, known) for batch in batches_of(rows, sample.dialect)]
    assert all(batch.kinds == ((sample.kind, accounted(batch)),) and not batch.rejections for batch in ticks)
    assert sum(len(batch.book.level_price) for batch in ticks) == 300 * sample.levels
    assert (sample.dialect, sample.kind) in RECORDS


def test_figures_are_told() -> None:
    """A trade has its bar, a book is told per level, and other parsers stand beside both."""
    figures = venue_figures(rounds=1, samples=[SAMPLES[0], SAMPLES[-1]])
    assert [figure.name.partition(":")[0] for figure in figures[:2]] == ["binance.spot trade"] * 2
    assert (figures[0].unit, figures[0].must, figures[-1].unit) == ("us", "3", "us a level")
    assert all(figure.value > 0 for figure in figures)
