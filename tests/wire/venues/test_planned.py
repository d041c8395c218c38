"""The kernel that reads rows by a venue's plan gives what reading row by row gives, for whatever bytes it is shown."""

import pathlib
import random
from typing import Final

import numpy as np
import pytest
from counts import FULL, count, examples
from crypto_rows import EXAMPLES as CRYPTO
from damage import damaged
from decoding import batch_of
from equity_rows import EXAMPLES as EQUITY
from hypothesis import given, settings
from hypothesis import strategies as st
from venue_rows import row_by_row

from functions.adapters.kernels import CompiledDecoders
from functions.adapters.tapes import Spool, batches
from functions.domain.market import InstrumentRef, OversizedRow
from functions.local.venue_samples import SAMPLES, Sample
from functions.wire.codecs.market import encode_tick_batch
from functions.wire.tape import TapeOptions
from functions.wire.venues import plan_kernel
from functions.wire.venues.columns import Decoder
from functions.wire.venues.planned import Planned
from functions.wire.venues.plans import Plan, Shape
from functions.wire.venues.registry import decoder_of, dialects
from functions.wire.venues.work import Work

COMPILED: Final = CompiledDecoders()
PLANS: Final = {name: plans for name in dialects() if (plans := decoder_of(name).venue.plans)}
"""Plans of venues that have one."""
PLANNED: Final = tuple(PLANS)
ROWS: Final = {
    name: (
        (
            *({**CRYPTO, **EQUITY}).get(name, ()),
            *((sample.write(n), sample.symbol) for sample in SAMPLES if sample.dialect == name for n in (3, 4)),
        )
    )
    for name in PLANNED
}
"""Rows of each dialect, with the symbol of their batch."""
KNOWN: Final = {"XMR/USD": InstrumentRef("XMR-USD.KRAKEN", -3, -5), "BTC-USD": InstrumentRef("BTC-USD.COINBASE", 0, -2)}
DAMAGE: Final = (
    *(
        b"",
        b"0",
        b"9",
        b".",
        b'"',
        b"-",
        b",",
        b"]",
        b"}",
        b"[",
        b"{",
        b":",
        b"e1",
        b" ",
        b"\n",
        b"\xff",
        b"\\",
        b"null",
    ),
    *(
        b"\x7f",
        b"true",
        b"00",
        b"1.",
        b".5",
        b"+00:00",
        b"Z",
        b"T",
        b"@",
        b"x",
        b'"a":1,',
        b"9" * 19,
        b"[[[[[[[[[[[[[[",
    ),
)
"""What is put into a row."""


def told_alike(name: str, rows: list[bytes], symbol: str, channel: str = "") -> None:
    """Hold what the kernel gives for rows equal to what reading them one by one gives."""
    batch = batch_of(rows, name, symbol=symbol, bar_channel=channel)
    decode = COMPILED[name]
    found, wanted = decode(batch, KNOWN), row_by_row(decode)(batch, KNOWN)
    assert encode_tick_batch(found) == encode_tick_batch(wanted)


def taken(name: str, rows: list[bytes], symbol: str) -> list[bool]:
    """Say which rows a dialect's plans take, their kernel run plain."""
    batch = batch_of(rows, name, symbol=symbol)
    work = Work(batch, decoder_of(name).venue, {}, 10_000, np.ones(len(rows), np.bool_))
    for plan in PLANS[name]:
        Planned(plan, plan_kernel)(work)
    return [not slow for slow in work.slow.tolist()]


@pytest.mark.parametrize("sample", [one for one in SAMPLES if one.dialect in PLANS], ids=lambda one: one.kind)
def test_trades_and_quotes_are_taken(sample: Sample) -> None:
    """The plans take each trade and quote that is timed, and no book, so the equalities below compare two ways."""
    rows = [sample.write(n) for n in range(5)]
    assert taken(sample.dialect, rows, sample.symbol) == [not sample.levels] * 5


@pytest.mark.parametrize("name", PLANNED)
def test_examples_are_equal(name: str) -> None:
    """Each example, by itself and among the others of its batch's symbol, is the same both ways."""
    for row, symbol in ROWS[name]:
        told_alike(name, [row], symbol)
        told_alike(name, [one for one, whose in ROWS[name] if whose == symbol], symbol)


@pytest.mark.parametrize("name", PLANNED)
def test_damaged_rows_are_equal(name: str) -> None:
    """However rows are damaged, value by value, both ways give the same ticks, rejections and counts."""
    chance = random.Random(f"{name} 2")  # noqa: S311 - the same damage in every run
    for _ in range(count(20_000) // 50):
        row, symbol = chance.choice(ROWS[name])
        rows = [damaged(row, chance) if chance.random() < 0.8 else row for _ in range(50)]
        told_alike(name, rows, symbol, chance.choice(["", "trade", "quote"]))


@pytest.mark.parametrize("name", PLANNED)
@given(data=st.data())
@settings(max_examples=examples(600), deadline=None)
def test_bytes_put_in_anywhere_are_equal(name: str, data: st.DataObject) -> None:
    """Whatever bytes stand anywhere in a row, both ways give the same ticks, rejections and counts."""
    row, symbol = data.draw(st.sampled_from(ROWS[name]))
    damage = st.tuples(st.integers(0, len(row)), st.sampled_from(DAMAGE), st.integers(0, 3))
    rows = []
    for places in data.draw(st.lists(st.lists(damage, max_size=3), max_size=6)):
        other = row
        for at, put, drop in places:
            other = other[:at] + put + other[at + drop :]
        rows.append(other)
    told_alike(name, rows, symbol)


@pytest.mark.parametrize("name", ["coinbase.exchange", "kraken.v1", "polygon.stocks", "lean.equity"])
def test_kernels_are_equal_plain_and_compiled(name: str) -> None:
    """The loops give the same bytes whether they are compiled or not."""
    chance = random.Random(name)  # noqa: S311 - the same damage in every run
    plain = Decoder(decoder_of(name).venue, None, plan_kernel)  # type: ignore[arg-type] # the module is the kernel
    for row, symbol in ROWS[name]:
        batch = batch_of([row, *(damaged(row, chance) for _ in range(count(200)))], name, symbol=symbol)
        assert encode_tick_batch(plain(batch, KNOWN)) == encode_tick_batch(COMPILED[name](batch, KNOWN))


FOLDERS: Final = (
    ("kraken.v1", "kraken_ws_20210417", "*"),
    ("coinbase.exchange", "coinbase_ws_20210417_a", "*"),
)


@pytest.mark.parametrize(("name", "folder", "pattern"), FOLDERS)
def test_captures_are_equal(
    name: str, folder: str, pattern: str, captures: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    """Batches of the real captures decode to the same bytes both ways, with trades and quotes among them."""
    options = TapeOptions(shard="S", stream="S.t", dialect=name)
    decode, ticks = COMPILED[name], 0
    slowly = row_by_row(decode)
    for path in sorted((captures / folder).glob(pattern)):
        for number, batch in enumerate(batches(path, options=options, spool=Spool(tmp_path))):
            if FULL or number % 20 == 0:
                found = decode(batch, KNOWN)
                ticks += len(found.trades.row) + len(found.quotes.row)
                assert encode_tick_batch(found) == encode_tick_batch(slowly(batch, KNOWN))
    assert ticks


def test_what_breaks_a_rule_is_left() -> None:
    """A row whose second print is refused leaves its first out too, as reading it by itself does."""
    good = b'{"s":"IBM","p":1.5,"v":1,"t":1}'
    for bad in (
        b'{"s":"IBM","p":0,"v":1}',
        b'{"s":"I M","p":1,"v":1}',
        b'{"s":"IBM","p":1.1234567,"v":1}',
        b"{}",
        b"7",
    ):
        rows = [b"[%s,%s]" % (good, bad), good, b"[%s,%s]" % (bad, good)]
        assert taken("nyse.json", rows, "") == [False, True, False]
        told_alike("nyse.json", rows, "")


def test_prints_come_before_quotes() -> None:
    """A message with both is counted by its print, and names instruments in that order, however it is read."""
    trade, quote = b'{"ev":"T","sym":"B","p":2,"s":1,"t":1,"q":1}', b'{"ev":"Q","sym":"A","bp":2,"ap":1,"t":1}'
    rows = [b"[%s,%s,%s]" % (quote, trade, quote), b"[%s]" % quote]
    assert taken("polygon.stocks", rows, "") == [True, True]
    told_alike("polygon.stocks", rows, "")


def test_oversized_rows_are_left() -> None:
    """A row that was too long to be kept is no row to be read, whatever stands in its place."""
    row = b'{"s":"IBM","p":1.5,"v":1,"t":1}'
    batch = batch_of([row, row], "nyse.json", oversized=(OversizedRow(1, 9, bytes(32), "s"),))
    found = COMPILED["nyse.json"](batch, KNOWN)
    assert (found.kinds, found.rejections[0].reason) == ((("rejected", 1), ("trade", 1)), "oversized")


def test_more_entries_than_room_are_left() -> None:
    """A row with more prints than the kernel holds goes the usual way, whole."""
    one = b'{"s":"IBM","p":1.5,"v":1,"t":1}'
    rows = [b"[%s]" % b",".join([one] * 300), b"[%s]" % b",".join([one] * 200)]
    assert taken("nyse.json", rows, "") == [False, True]
    told_alike("nyse.json", rows, "")


def test_many_symbols_are_kept_apart() -> None:
    """A batch may name more symbols than the kernel numbers; the rows of the last go the usual way."""
    rows = [b'{"s":"S%d","p":1.5,"v":1}' % number for number in range(1_100)]
    assert sum(taken("nyse.json", rows, "")) == 1_023
    told_alike("nyse.json", rows, "")


def test_long_numbers_are_refused() -> None:
    """A number longer than Python reads is refused even in a field that no one uses."""
    row = b'{"type":"match","trade_id":1,"side":"sell","size":"1","price":"2","product_id":"B-U","x":%s,"time":"%s"}'
    for digits in (4_300, 4_301, 9_000):
        told_alike("coinbase.exchange", [row % (b"9" * digits, b"2021-04-17T16:43:30Z")], "")


def test_plans_that_contradict_themselves_are_refused() -> None:
    """Two shapes may not want the same place for values of different entries."""
    shapes = (
        Shape(plan_kernel.TRADE, "a", ("",), ("p", "s")),
        Shape(plan_kernel.TRADE, "b", ("", "*"), ("p", "s")),
    )
    with pytest.raises(ValueError, match="same entries"):
        _ = Plan(shapes).tables
