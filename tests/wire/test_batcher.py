"""A batcher cuts rows into batches that hold what they may, and run on without a hole."""

from functions.wire.batcher import Batcher, Cut

CUT = Cut("BINANCE-0", "BINANCE-0.stream", "binance.spot", "trade", rows_max=4, bytes_max=100, line_bytes_max=1000)


def ignore(_name: str, _row: bytes) -> None:
    """Keep nothing."""


def test_batcher_cuts() -> None:
    """A batch ends with its rows, its bytes, or where a snapshot names another symbol; offsets and rows run on."""
    batcher = Batcher(CUT, ignore, lambda: 99, first_row=5)
    rows = [(b"x" * 10, 1, "")] * 5 + [(b"y" * 80, 2, ""), (b"s", 3, "A"), (b"s", 4, "B")]
    batches = [batch for row, ts, symbol in rows if (batch := batcher.add(row, ts, symbol=symbol))]
    last = batcher.flush()
    assert last is not None
    assert [(batch.first_row, batch.row_count, batch.symbol) for batch in (*batches, last)] == [
        (5, 4, ""),
        (9, 3, "A"),
        (12, 1, "B"),
    ]
    assert batches[1].offsets.tolist() == [0, 10, 90, 91]


def test_batcher_spools_oversized_rows() -> None:
    """A row too long to travel leaves its first KiB in the batch and its bytes in the spool."""
    kept: dict[str, bytes] = {}
    batcher = Batcher(CUT, kept.__setitem__, lambda: 99)
    row = b"z" * 2000
    batcher.add(row, 1)
    batch = batcher.flush()
    assert batch is not None
    assert (batch.payload, kept) == (row[:1024], {batch.oversized[0].spool_ref: row})
