"""The venue figures time what they say they time."""

import pytest
from decoding import accounted

from functions.domain.market import InstrumentRef
from functions.local import venue_peers
from functions.local.venue_figures import batches_of, venue_figures
from functions.local.venue_samples import RECORDS, SAMPLES, Sample
from functions.wire.venues.registry import decoder_of


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: f"{sample.dialect} {sample.kind}")
def test_samples_are_right(sample: Sample) -> None:
    """Every message of a sample decodes to its kind, with as many levels as it says."""
    rows = [sample.write(n) for n in range(300)]
    known = {symbol: InstrumentRef(symbol, -8, -8) for symbol in ("BTCUSDT", "BTC-USD", "BTC/USD")}
    ticks = [decoder_of(sample.dialect)(batch, known) for batch in batches_of(rows, sample.dialect, sample.symbol)]
    assert all(batch.kinds == ((sample.kind, accounted(batch)),) and not batch.rejections for batch in ticks)
    assert sum(len(batch.book.level_price) for batch in ticks) == 300 * sample.levels
    assert ((sample.dialect, sample.kind) in RECORDS) == sample.is_json


def test_figures_are_told() -> None:
    """A trade has its bar, a book is told per level, and other parsers stand beside what is JSON."""
    trade, book, csv = venue_figures(rounds=1, samples=[SAMPLES[0], SAMPLES[2], SAMPLES[-1]])
    assert (trade.name, trade.must, book.levels, book.must) == ("binance.spot trade", "0.6", 4, "")
    assert all(one.ours > 0 and one.msgspec and one.msgspec > 0 for one in (trade, book))
    assert (csv.must, csv.msgspec, csv.orjson, csv.record, csv.cryptofeed) == ("3", None, None, None, None)


@pytest.mark.parametrize(("dialect", "kind"), venue_peers.PEERS)
def test_peers_read_the_samples(dialect: str, kind: str) -> None:
    """Where cryptofeed is installed, it takes every message that it is timed on, as often as it is asked."""
    pytest.importorskip("cryptofeed", reason=venue_peers.told())
    sample = next(one for one in SAMPLES if (one.dialect, one.kind) == (dialect, kind))
    read = venue_peers.parser(dialect, kind, [sample.write(n) for n in range(50)])
    assert read is not None
    read(())
    read(())


def test_peers_are_named_or_missed() -> None:
    """The report says which peer was timed, or why none was; kinds that it does not read have none."""
    assert venue_peers.told().startswith("cryptofeed ")
    assert venue_peers.parser("lseg.json", "trade", ()) is None
