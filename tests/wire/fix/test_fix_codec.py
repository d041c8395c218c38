"""Messages are framed as FIX says, however the stream is cut, and as another library writes and reads them."""

import pytest
import simplefix
from counts import examples
from fixing import BEGAN_NS, THEM, US, raw_of
from hypothesis import given, settings
from hypothesis import strategies as st

from functions.wire.errors import Malformed
from functions.wire.fix.codec import Framer, Garbled, Message, checksum, decode, encode, masked
from functions.wire.fix.values import BadValue, decimal, timestamp, timestamp_text

GOOD = encode("FIX.4.4", [(35, "0"), (49, THEM), (56, US), (34, "2"), (52, timestamp_text(BEGAN_NS))])
DATA = {*range(89, 97), 212, 213, *range(348, 366), 445, 446, 618, 619, 621, 622}
LATER = {int(tag) for tag in (*simplefix.parser.RAW_LEN_TAGS, *simplefix.parser.RAW_DATA_TAGS)}
"""Tags of raw data in any version of FIX: the other library knows those of later ones too."""
TAGS = st.integers(1, 9_999).filter(lambda tag: tag not in {8, 9, 10, 35} | DATA | LATER)
VALUES = st.text(st.characters(min_codepoint=32, max_codepoint=255), min_size=1, max_size=20)
PAIRS = st.lists(st.tuples(TAGS, VALUES), max_size=12)


def framed(data: bytes, sizes: list[int] | None = None) -> list[Message | Garbled]:
    """Feed bytes in pieces."""
    framer, frames = Framer(), []
    for size in sizes or []:
        frames += framer.feed(data[:size])
        data = data[size:]
    return frames + framer.feed(data)


def good(frames: list[Message | Garbled]) -> list[bytes]:
    """Give the bytes of the messages that are not garbled."""
    return [one.raw for one in frames if isinstance(one, Message)]


@settings(max_examples=examples(1000), deadline=None)
@given(pairs=PAIRS)
def test_written_as_simplefix_writes(pairs: list[tuple[int, str]]) -> None:
    """What we write is, byte for byte, what simplefix writes, and it reads the same fields."""
    other = simplefix.FixMessage()
    other.append_pair(8, "FIX.4.4")
    other.append_pair(35, "D")
    for tag, value in pairs:
        other.append_pair(tag, value.encode("latin-1"))
    ours = encode("FIX.4.4", [(35, "D"), *pairs])
    assert ours == other.encode()
    message = decode(ours)
    assert isinstance(message, Message)
    parser = simplefix.FixParser()
    parser.append_buffer(ours)
    assert [(int(tag), value) for tag, value in parser.get_message().pairs] == list(message.pairs)


@settings(max_examples=examples(1000), deadline=None)
@given(messages=st.lists(PAIRS, max_size=4), noise=st.lists(st.binary(max_size=8), max_size=4), cut=st.data())
def test_any_cut_gives_the_same(messages: list[list[tuple[int, str]]], noise: list[bytes], cut: st.DataObject) -> None:
    """However the stream is cut, the same messages come out; noise between them costs none."""
    written = [encode("FIX.4.4", [(35, "B"), *pairs]) for pairs in messages]
    data = b"".join(
        one
        for index, text in enumerate(written)
        for one in (*(n.replace(b"8", b"") for n in noise[index : index + 1]), text)
    )
    sizes = cut.draw(st.lists(st.integers(1, 30), max_size=20))
    assert good(framed(data, sizes)) == good(framed(data)) == written


@settings(max_examples=examples(5_000), deadline=None)
@given(at=st.integers(0, len(GOOD) - 1), byte=st.integers(0, 255), drop=st.booleans(), cut=st.integers(1, len(GOOD)))
def test_a_spoilt_byte_is_found(at: int, byte: int, drop: bool, cut: int) -> None:  # noqa: FBT001 - hypothesis draws it
    """One byte changed or lost leaves a garbled message or the very same one, and the next message is found."""
    spoilt = GOOD[:at] + (b"" if drop else bytes([byte])) + GOOD[at + 1 :]
    frames = framed(spoilt + GOOD + GOOD, [cut])
    assert good(frames)[-1:] == [GOOD]
    assert set(good(frames)) == {GOOD}


@settings(max_examples=examples(5_000), deadline=None)
@given(data=st.binary(max_size=200), head=st.sampled_from([b"", b"8=FIX.4.4\x01", b"8=FIX.4.4\x019=5\x01", GOOD[:40]]))
def test_anything_is_taken(data: bytes, head: bytes) -> None:
    """Any bytes are framed without an error, and what waits is bounded."""
    framer = Framer(message_bytes_max=100)
    framer.feed(head + data)
    assert len(framer) <= 100


@pytest.mark.parametrize("width", [3, 7, 10])
def test_zero_padded_length(width: int) -> None:
    """BodyLength may be padded with zeros, as Binance sends it."""
    head, body = GOOD[:10], GOOD[GOOD.index(b"35=") : -7]
    text = head + b"9=" + str(len(body)).zfill(width).encode() + b"\x01" + body
    assert good(framed(text + b"10=%03d\x01" % checksum(text)))


def test_data_holds_the_separator() -> None:
    """A data field ends where its length field says, not at the first separator."""
    message = decode(encode("FIX.4.4", [(35, "B"), (95, "7"), (96, "a\x0110=1\x01"), (58, "end")]))
    assert isinstance(message, Message)
    assert (message.text(96), message.text(58), message.flaw) == ("a\x0110=1\x01", "end", None)


@settings(max_examples=examples(2000), deadline=None)
@given(
    body=st.lists(
        st.sampled_from([b"1=a", b"x=1", b"7=", b"=", b"95=3", b"96=a\x01b", b"58=t", b"99999=v"]), max_size=9
    )
)
def test_plain_fields_read_alike(body: list[bytes]) -> None:
    """Fields read at once and fields read one by one are the same, flaws included."""
    text = b"\x01".join((b"35=B", *body, b"58=end")) + b"\x01"
    head = b"8=FIX.4.4\x019=%d\x01" % len(text)
    with_data = decode(_summed(head + text))

    assert isinstance(with_data, Message)

    by_hand = [one.partition(b"=") for one in (head + text)[:-1].split(b"\x01")]
    if not any(one in {b"x=1", b"7=", b"=", b"95=3", b"96=a\x01b", b"99999=v"} for one in body):
        assert list(with_data.pairs)[:-1] == [(int(tag), value) for tag, _, value in by_hand]
        assert with_data.flaw is None
    assert (with_data.flaw is None) == (not any(one in {b"x=1", b"7=", b"="} for one in body)) or b"96=a\x01b" in body


def _summed(text: bytes) -> bytes:
    return text + b"10=%03d\x01" % checksum(text)


@given(data=st.binary(max_size=2_000))
def test_checksum(data: bytes) -> None:
    """The CheckSum is the sum of all bytes modulo 256."""
    assert checksum(data) == sum(data) % 256


def test_too_long_is_garbled() -> None:
    """A BodyLength beyond the bound is garbled at once, and the next message is found."""
    framer = Framer(message_bytes_max=200)
    frames = framer.feed(b"8=FIX.4.4\x019=999999999\x0135=0\x01" + GOOD)
    assert [type(one) for one in frames] == [Garbled, Message]


@pytest.mark.parametrize("value", ["", "a\x01b", "\u20ac"])
def test_unwritable(value: str) -> None:
    """A value that FIX cannot carry is refused."""
    with pytest.raises(Malformed):
        encode("FIX.4.4", [(35, "0"), (58, value)])


def test_masked() -> None:
    """Secrets are masked whatever the separator; `repr` of a message shows no value."""
    raw = encode(
        "FIX.4.4", [(35, "A"), (34, "1"), (553, "me-7"), (554, "pw-7"), (95, "4"), (96, "sig7"), (925, "new-7")]
    )
    for text in (raw, raw.replace(b"\x01", b"|"), raw.replace(b"\x01", b";")):
        assert not any(secret in masked(text) for secret in (b"me-7", b"pw-7", b"sig7", b"new-7"))
    assert "pw-7" not in repr(decode(raw))


@pytest.mark.parametrize(
    ("text", "ns"),
    [
        ("19700101-00:00:00", 0),
        ("20241122-06:17:14.183428", 1_732_256_234_183_428_000),
        ("20161231-23:59:60.5", 1_483_228_800_500_000_000),
        ("20241122-06:17:14.183428123", 1_732_256_234_183_428_123),
    ],
)
def test_timestamps(text: str, ns: int) -> None:
    """UTC times are read to the nanosecond; a leap second is the one after it."""
    assert timestamp(text) == ns


@pytest.mark.parametrize(
    "text", ["", "20241122", "20240230-00:00:00", "20241122-24:00:00", "20241122-06:17:14.1234567891"]
)
def test_wrong_timestamps(text: str) -> None:
    """What is no UTC time, or finer than a nanosecond, is refused."""
    with pytest.raises(BadValue):
        timestamp(text)


@pytest.mark.parametrize("text", ["", "1e5", "1.2.3", "+1", "0x1", "\u0661", "."])
def test_wrong_decimals(text: str) -> None:
    """What is no plain decimal is refused."""
    with pytest.raises(BadValue):
        decimal(text)


def test_raw_text_of_tests() -> None:
    """The tests' own way to write bytes gives what `encode` gives."""
    assert raw_of("8=FIX.4.4|9={len}|35=0|49=THEM|56=US|34=2|52={now}|10={sum}|", BEGAN_NS) == GOOD
