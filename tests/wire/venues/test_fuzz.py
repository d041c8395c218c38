"""Whatever bytes a venue sends, a decoder gives ticks or a reason, soon, and never an error of its own."""

import random
import time
from typing import Final

import pytest
from counts import FULL
from crypto_rows import EXAMPLES as CRYPTO
from damage import damaged
from decoding import batch_of
from equity_rows import EXAMPLES as EQUITY

from functions.wire.venues.registry import decoder_of, dialects

ROWS: Final = 20_000 if FULL else 1_000
"""Mutated rows of each dialect."""
ROW_MS_MAX: Final = 100
BATCH_ROWS: Final = 100


def sealed(body: bytes) -> bytes:
    """Put a FIX message's body between its length and its checksum."""
    text = b"8=FIX.4.4\x019=%d\x01" % len(body) + body
    return text + b"10=%03d\x01" % (sum(text) % 256)


def _sealed_again(row: bytes) -> bytes:
    """Seal a damaged message, so that what is read behind the seal is shown damage too."""
    at = row.find(b"35=")
    return sealed(row[at:].partition(b"10=")[0]) if at >= 0 else row


_HEAD: Final = b"34=2|49=A|52=20240101-00:00:00.000|56=B|"
_FIX: Final = (
    b"35=W|" + _HEAD + b"55=EUR/USD|268=2|269=0|270=1.1|271=5|269=1|270=1.2|271=6|",
    b"35=X|" + _HEAD + b"268=2|279=0|269=2|55=EUR/USD|270=1.15|271=3|279=1|269=0|55=EUR/USD|270=1.1|271=4|",
    b"35=0|" + _HEAD,
)
_OTHERS: Final[dict[str, tuple[tuple[bytes, str], ...]]] = {
    "fix.44": tuple((sealed(body.replace(b"|", b"\x01")), "") for body in _FIX),
    "mt4.bridge": ((b"TICK 812 EURUSD 1700000000123 1.08512 1.08514 7", ""), (b"HEARTBEAT 5", "")),
    "mt4.csv": (
        (b"2022.09.29,13:43,105.572,105.591,105.572,105.581,64", "EURUSD@3600@Europe/Athens"),
        (b"Date,Time,Open,High,Low,Close,Volume", "EURUSD@3600@Europe/Athens"),
    ),
}
EXAMPLES: Final = {**_OTHERS, **EQUITY, **CRYPTO}


@pytest.mark.parametrize("dialect", dialects())
def test_damaged_rows_are_decoded_or_refused(dialect: str) -> None:
    """Every damaged row is counted under a kind or refused with a reason, and a batch of them takes no long time."""
    chance = random.Random(f"{dialect} 1")  # noqa: S311 - the same damage in every run
    decoder = decoder_of(dialect)
    told = 0
    for _ in range(ROWS // BATCH_ROWS):
        row, symbol = chance.choice(EXAMPLES[dialect])
        rows = [damaged(row, chance) for _ in range(BATCH_ROWS)]
        if dialect == "fix.44":
            rows = [_sealed_again(one) if chance.random() < 0.5 else one for one in rows]
        began = time.thread_time()
        batch = decoder(batch_of(rows, dialect, symbol=symbol), {})
        # A batch that is within what one row may take has no row that is not.
        if (time.thread_time() - began) * 1_000 > ROW_MS_MAX:
            _find_slow(rows, dialect, symbol)
        assert all(one.reason and one.detail for one in batch.rejections)
        told += sum(n for _, n in batch.kinds)
    assert told == ROWS


def _find_slow(rows: list[bytes], dialect: str, symbol: str) -> None:
    decoder = decoder_of(dialect)
    for row in rows:
        began = time.thread_time()
        decoder(batch_of([row], dialect, symbol=symbol), {})
        took_ms = (time.thread_time() - began) * 1_000
        assert took_ms <= ROW_MS_MAX, f"{took_ms:.0f} ms for {row[:200]!r}"


@pytest.mark.parametrize("dialect", dialects())
def test_every_dialect_has_examples(dialect: str) -> None:
    """The examples are of this dialect: some of them are not refused."""
    refusals = [
        decoder_of(dialect)(batch_of([row], dialect, symbol=symbol), {}).rejections for row, symbol in EXAMPLES[dialect]
    ]
    assert not all(refusals)
