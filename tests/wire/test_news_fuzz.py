"""Whatever a stranger sends is read or refused with a reason, soon, and never breaks anything."""

import time
import zlib

import numpy as np
import pytest
from counts import count
from documented import SAMPLES, raw

from functions.domain.news import NewsBatch
from functions.wire.codecs.calendar import decode_calendar_batch, encode_calendar_batch
from functions.wire.codecs.news import decode_news_batch, encode_news_batch
from functions.wire.news.digesting import DIALECTS, REJECTED, Digest, digest

CPU_S_MAX = 0.1
EVENT_BYTES_MAX = 1024 * 1024
POISON = (
    b"\x00",
    b"\xff",
    b"<",
    b"&x;",
    b'"',
    b"\\u0000",
    b"\\ud800",
    b"[" * 2000,
    b"9" * 400,
    b"-1e999",
    b"NaN",
    b"\n",
)


def mutated(sample: bytes, rng: np.random.Generator) -> bytes:
    """Break a document somewhere: bytes changed, cut out, doubled, put in or cut off."""
    data = bytearray(sample)
    for _ in range(int(rng.integers(1, 4))):
        at, end = sorted(rng.integers(0, len(data) + 1, 2).tolist())
        match int(rng.integers(0, 6)):
            case 0:
                data[at : at + 1] = bytes([int(rng.integers(0, 256))])
            case 1:
                del data[at : min(end, at + 40)]
            case 2:
                data[at:at] = data[at : min(end, at + 200)]
            case 3:
                data[at:at] = POISON[int(rng.integers(0, len(POISON)))]
            case 4:
                del data[max(at, len(data) // 2) :]
            case _:
                data[at : at + 8] = rng.bytes(8)
    return bytes(data)


def again(batch: Digest) -> tuple[Digest, int]:
    """Write a batch and read it back; give it with its size."""
    if isinstance(batch, NewsBatch):
        data = encode_news_batch(batch)
        return decode_news_batch(data), len(data)
    data = encode_calendar_batch(batch)
    return decode_calendar_batch(data), len(data)


def timed(dialect: str, document: bytes) -> tuple[Digest, float]:
    """Read a document; give what it says and the processor time that took, seconds."""
    began = time.thread_time()
    found = digest(raw(dialect, document))
    return found, time.thread_time() - began


@pytest.mark.parametrize("dialect", DIALECTS)
def test_broken_documents(dialect: str) -> None:
    """A broken document gives facts or a refusal with a reason, in under 0.1 s of the processor, and can be written."""
    rng = np.random.default_rng(zlib.crc32(dialect.encode()))
    samples = SAMPLES[dialect]
    for _ in range(count(20_000)):
        broken = mutated(samples[int(rng.integers(0, len(samples)))], rng)
        found, spent = timed(dialect, broken)
        if spent >= CPU_S_MAX:  # a pause of the garbage collector's is not the document's: it does not come twice
            spent = min(timed(dialect, broken)[1] for _ in range(3))
        assert spent < CPU_S_MAX, broken
        kinds = dict(found.kinds)
        assert kinds, broken
        assert (REJECTED in kinds) == bool(found.rejections), broken
        assert all(one.reason and one.detail and one.row == 40 for one in found.rejections)
        copy, size = again(found)
        assert copy == found
        assert size < EVENT_BYTES_MAX


@pytest.mark.parametrize("dialect", DIALECTS)
def test_whole_documents(dialect: str) -> None:
    """The documents that the others are made from are read without a refusal, twice with equal bytes."""
    for sample in SAMPLES[dialect]:
        found = digest(raw(dialect, sample))
        assert found.rejections == ()
        assert again(found)[0] == found == digest(raw(dialect, sample))
