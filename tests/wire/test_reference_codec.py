"""Instruments are written and read back equal, as bytes, JSON and CSV; what cannot be is refused by name."""

import contextlib
import json
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from counts import examples
from hypothesis import given, settings
from hypothesis import strategies as st
from referred import instrument

from functions.domain.adjustments import ActionKind, CorporateAction
from functions.domain.loads import Told
from functions.domain.reference import AssetClass, Instrument, Status, Steps, TradingStatus
from functions.wire.codecs.reference import (
    decode_instrument,
    encode_instrument,
    read_instruments_csv,
    read_instruments_json,
    write_instruments_json,
)
from functions.wire.errors import Malformed

DECIMALS = st.decimals(Decimal("1e-8"), Decimal("1e8"), places=8).filter(lambda one: one > 0)
TIMES = st.integers(1, 2**62)
ACTIONS = st.one_of(
    st.builds(CorporateAction, kind=st.just(ActionKind.SPLIT), ex_date=st.dates(), known_ns=TIMES, ratio=DECIMALS),
    st.builds(
        CorporateAction,
        kind=st.just(ActionKind.DIVIDEND),
        ex_date=st.dates(),
        known_ns=TIMES,
        amount=DECIMALS,
        previous_close=st.none() | DECIMALS.map(lambda one: one + Decimal(10) ** 9),
    ),
    st.builds(
        CorporateAction,
        kind=st.just(ActionKind.RENAME),
        ex_date=st.dates(),
        known_ns=TIMES,
        old_symbol=st.text(max_size=5),
    ),
)
INSTRUMENTS = st.builds(
    instrument,
    symbol=st.text(min_size=1, max_size=8),
    asset_class=st.sampled_from(AssetClass),
    multiplier=st.none() | DECIMALS,
    sector=st.text(max_size=20),
    market_cap=st.none() | DECIMALS,
    market_cap_as_of_ns=st.integers(0, 2**62),
    calendar=st.sampled_from(["", "XNYS"]),
    aliases=st.lists(st.text(max_size=5), max_size=3).map(tuple),
    restricted=st.none() | st.booleans(),
    actions=st.lists(ACTIONS, max_size=3).map(tuple),
    statuses=st.lists(st.builds(Status, st.sampled_from(TradingStatus), TIMES, st.text(max_size=5)), max_size=3).map(
        tuple
    ),
    steps=st.builds(
        lambda tick, lot, edge: (Steps(tick, lot, 0, edge), Steps(lot, tick, edge)), DECIMALS, DECIMALS, TIMES
    ),
)


@settings(max_examples=examples(1000), deadline=None)
@given(one=INSTRUMENTS)
def test_round_trip(one: Instrument) -> None:
    """Bytes and JSON read back equal; equal instruments give equal bytes."""
    data = encode_instrument(one)
    assert decode_instrument(data) == one
    assert encode_instrument(decode_instrument(data)) == data
    (update,) = read_instruments_json(write_instruments_json([one]))
    assert (update.instrument, update.told) == (one, Told.HISTORY)


@settings(max_examples=examples(2000), deadline=None)
@given(data=st.binary(max_size=200), cut=st.integers(0, 300))
def test_any_bytes(data: bytes, cut: int) -> None:
    """Bytes that are no instrument are Malformed, never anything else."""
    whole = encode_instrument(instrument(sector="Technology", aliases=("A", "B")))
    for candidate in (data, whole[:cut] + data):
        with contextlib.suppress(Malformed):
            assert decode_instrument(candidate).instrument_id


RECORD = {"instrument_id": "X-Y.V", "venue_symbol": "XY", "venue": "V", "tick_size": "0.01", "lot_size": "0.001"}


def read(*records: dict[str, Any]) -> Instrument:
    """Read a file of records and give the first."""
    return read_instruments_json(json.dumps({"instruments": records}).encode())[0].instrument


def test_units_from_steps() -> None:
    """A record without units has those of its finest steps, declared or in force."""
    assert read(RECORD).ref == instrument().ref
    assert read({**RECORD, "finest_lot": "0.00001"}).ref.size_exponent == -5
    assert read({**RECORD, "units": True, "price_exponent": -8}).ref.price_exponent == -8


@pytest.mark.parametrize(
    "changes",
    [
        {"tick_size": "0"},
        {"tick_size": "1e-2"},
        {"lot_size": "NaN"},
        {"finest_tick": "-1"},
        {"finest_lot": "Infinity"},
        {"tick_size": 0.01},
        {"colour": "red"},
        {"asset_class": "ASSET_CLASS_UNHEARD_OF"},
        {"corporate_actions": [{"kind": "CORPORATE_ACTION_KIND_SPLIT", "ex_date": "2024-02-30", "ratio": "2"}]},
        {"corporate_actions": [{"kind": "CORPORATE_ACTION_KIND_SPLIT", "ex_date": "2024-02-03", "ratio": "0"}]},
        {"corporate_actions": [{"ex_date": "2024-02-03"}]},
        {"instrument_id": ""},
        {"listed_from_ns": "5", "listed_to_ns": "4"},
    ],
)
def test_records_that_cannot_be(changes: dict[str, Any]) -> None:
    """A step, date, kind or field that cannot be is Malformed."""
    with pytest.raises(Malformed):
        read({**RECORD, **changes})


@pytest.mark.parametrize(
    "data",
    [b"", b"[]", b"{}", b'{"instruments": {}}', b'{"instruments": [], "x": 1}', b"\xff", b'{"instruments": [1]}'],
)
def test_files_that_are_none(data: bytes) -> None:
    """A file of anything else is Malformed."""
    with pytest.raises(Malformed):
        read_instruments_json(data)


def test_twice() -> None:
    """A file that lists a symbol of a venue or an id twice is refused by name."""
    with pytest.raises(Malformed, match="V lists XY is there twice"):
        read(RECORD, {**RECORD, "instrument_id": "Z.V"})
    with pytest.raises(Malformed, match=r"X-Y\.V is there twice"):
        read(RECORD, {**RECORD, "venue_symbol": "Z"})


def test_csv() -> None:
    """A CSV says what JSON says, a column a field; empty cells are not told."""
    header = b"instrument_id,venue_symbol,venue,tick_size,lot_size,sector,restricted"
    data = b"\n".join((header, b"X-Y.V,XY,V,0.01,0.001,Software,", b"A.V,A,V,1,1,,true", b""))
    one, two = (update.instrument for update in read_instruments_csv(data))
    assert (one.sector, one.restricted, one.ref) == ("Software", None, instrument().ref)
    assert (two.sector, two.restricted) == ("", True)


@pytest.mark.parametrize(
    "data", [b"instrument_id\nX,Y\n", b"a,b\nX\n", b"\xff\xfe", b"instrument_id,colour\nX.V,red\n"]
)
def test_csv_that_is_none(data: bytes) -> None:
    """Lines that do not fit the header, and columns that are no field, are Malformed."""
    with pytest.raises(Malformed):
        read_instruments_csv(data)


def test_dates() -> None:
    """An ex date is a calendar date, written as one."""
    action = CorporateAction(ActionKind.SPLIT, date(2020, 8, 31), 5, ratio=Decimal(4))
    document = json.loads(write_instruments_json([instrument(actions=(action,))]))
    assert document["instruments"][0]["corporate_actions"][0]["ex_date"] == "2020-08-31"
