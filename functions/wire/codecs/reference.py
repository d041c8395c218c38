"""Write and read instruments: protobuf bytes in stores, its JSON mapping and CSV in files.

A file is `{"instruments": [...], "notes": [...]}` of `Instrument` in the JSON mapping of protobuf, fields by their
proto names; a CSV has a column for each field that holds one value.
"""

import csv
import io
import json
from collections.abc import Iterable
from datetime import date
from decimal import Decimal
from typing import Any, Final

from google.protobuf import json_format
from tickloom.reference.v1 import corporate_action_pb2, instrument_pb2, status_pb2

from functions.domain.adjustments import ActionKind, CorporateAction
from functions.domain.loads import Told, Update
from functions.domain.market import InstrumentRef
from functions.domain.money import plain, plain_decimal
from functions.domain.reference import AssetClass, Instrument, Status, Steps, TradingStatus, exponent_of
from functions.domain.sessions import FOREVER
from functions.wire.codecs.messages import parse
from functions.wire.errors import Malformed

INSTRUMENT: Final = "tickloom.reference.v1.Instrument"
_BOOLEANS: Final = {"true": True, "false": False}

INSTRUMENTS_MAX: Final = 100_000
"""Instruments one file may hold."""


def encode_instrument(value: Instrument) -> bytes:
    """Write an instrument; equal ones give equal bytes."""
    return _message(value).SerializeToString(deterministic=True)


def decode_instrument(data: bytes) -> Instrument:
    """Read an instrument.

    Raises:
        Malformed: The bytes are no Instrument, or its fields cannot be.
    """
    return _value(parse(instrument_pb2.Instrument, data))


def read_instruments_json(data: bytes) -> tuple[Update, ...]:
    """Read a file of instruments.

    Raises:
        Malformed: It is no such file, an instrument has a field that is not known or cannot be, or is listed twice.
    """
    try:
        document = json.loads(data)
    except ValueError as error:
        reason = f"no file of instruments: {error}"
        raise Malformed(reason) from error
    records = document.get("instruments") if isinstance(document, dict) else None
    if not isinstance(records, list) or not document.keys() <= {"instruments", "notes"}:
        reason = 'no file of instruments: expected {"instruments": [...], "notes": [...]}'
        raise Malformed(reason)
    return _unique([_record(one) for one in _few(records)])


def write_instruments_json(values: Iterable[Instrument]) -> bytes:
    """Write a file that reads back equal."""
    records = [json_format.MessageToDict(_message(one), preserving_proto_field_name=True) for one in values]
    return json.dumps({"instruments": records}, indent=1).encode()


def read_instruments_csv(data: bytes) -> tuple[Update, ...]:
    """Read a CSV of instruments: a header of field names, then a line each; an empty cell is a field not told.

    Raises:
        Malformed: It is no such file, or an instrument in it cannot be.
    """
    try:
        rows = list(csv.DictReader(io.StringIO(data.decode("utf-8-sig")), strict=True))
    except (UnicodeDecodeError, csv.Error) as error:
        reason = f"no CSV of instruments: {error}"
        raise Malformed(reason) from error
    if any(None in row or None in row.values() for row in rows):
        reason = "no CSV of instruments: a line has more or fewer cells than the header"
        raise Malformed(reason)
    return _unique(
        [_record({name: _BOOLEANS.get(cell, cell) for name, cell in row.items() if cell}) for row in _few(rows)]
    )


def update_of(message: instrument_pb2.Instrument) -> Update:
    """Make a record to take in of a message; steps by validity tell the whole history, single ones that of now."""
    return Update(_value(message), Told.HISTORY if message.steps else Told.NOW)


def _few(records: list[Any]) -> list[Any]:
    if len(records) > INSTRUMENTS_MAX:
        reason = f"{len(records)} instruments; at most {INSTRUMENTS_MAX} are read"
        raise Malformed(reason)
    return records


def _record(record: dict[str, Any]) -> Update:
    try:
        message = json_format.ParseDict(record, instrument_pb2.Instrument())
    except (json_format.ParseError, TypeError, AttributeError) as error:
        reason = f"an instrument cannot be read: {error}"
        raise Malformed(reason) from error
    return update_of(message)


def _unique(updates: list[Update]) -> tuple[Update, ...]:
    seen: set[tuple[str, str]] = set()
    for one in updates:
        for key in ((one.instrument.venue, one.instrument.venue_symbol), ("", one.instrument.instrument_id)):
            if key in seen:
                reason = f"{' lists '.join(filter(None, key))} is there twice; keep one of the records"
                raise Malformed(reason)
            seen.add(key)
    return tuple(updates)


def _value(message: instrument_pb2.Instrument) -> Instrument:
    try:
        return Instrument(
            ref=_ref(message),
            venue_symbol=message.venue_symbol,
            venue=message.venue,
            steps=_steps(message),
            aliases=tuple(message.aliases),
            asset_class=AssetClass(message.asset_class),
            multiplier=plain_decimal(message.multiplier) if message.multiplier else None,
            quote_currency=message.quote_currency,
            base_currency=message.base_currency,
            sector=message.sector,
            market_cap=plain_decimal(message.market_cap) if message.market_cap else None,
            market_cap_as_of_ns=message.market_cap_as_of_ns,
            calendar=message.calendar,
            listed_from_ns=message.listed_from_ns,
            listed_to_ns=message.listed_to_ns or FOREVER,
            restricted=message.restricted if message.HasField("restricted") else None,
            actions=tuple(_action(one) for one in message.corporate_actions),
            statuses=tuple(Status(TradingStatus(one.status), one.from_ns, one.reason) for one in message.statuses),
        )
    except ValueError as error:
        reason = f"{INSTRUMENT} {message.instrument_id!r:.80}: {error}"
        raise Malformed(reason) from error


def _ref(message: instrument_pb2.Instrument) -> InstrumentRef:
    if message.units:
        return InstrumentRef(message.instrument_id, message.price_exponent, message.size_exponent)
    everything = _steps(message)
    ticks = [one.tick_size for one in everything] + [plain_decimal(message.finest_tick or "1")]
    lots = [one.lot_size for one in everything] + [plain_decimal(message.finest_lot or "1")]
    if not all(step.is_finite() and step > 0 for step in (*ticks, *lots)):
        detail = f"steps of {message.finest_tick} and {message.finest_lot}; a step is positive and finite"
        raise ValueError(detail)
    return InstrumentRef(message.instrument_id, min(map(exponent_of, ticks)), min(map(exponent_of, lots)))


def _steps(message: instrument_pb2.Instrument) -> tuple[Steps, ...]:
    told = [
        Steps(plain_decimal(o.tick_size), plain_decimal(o.lot_size), o.from_ns, o.to_ns or FOREVER)
        for o in message.steps
    ]
    return tuple(told) or (Steps(plain_decimal(message.tick_size), plain_decimal(message.lot_size)),)


def _action(message: corporate_action_pb2.CorporateAction) -> CorporateAction:
    return CorporateAction(
        kind=ActionKind(message.kind),
        ex_date=date.fromisoformat(message.ex_date),
        known_ns=message.known_ns,
        ratio=plain_decimal(message.ratio or "1"),
        amount=plain_decimal(message.amount or "0"),
        previous_close=plain_decimal(message.previous_close) if message.previous_close else None,
        old_symbol=message.old_symbol,
        new_symbol=message.new_symbol,
    )


def _message(value: Instrument) -> instrument_pb2.Instrument:
    last = value.steps[-1]
    return instrument_pb2.Instrument(
        instrument_id=value.instrument_id,
        venue_symbol=value.venue_symbol,
        venue=value.venue,
        tick_size=plain(last.tick_size),
        lot_size=plain(last.lot_size),
        asset_class=int(value.asset_class),  # type: ignore[arg-type]  # the stubs ask for their own enum of these numbers
        multiplier=_decimal(value.multiplier),
        quote_currency=value.quote_currency,
        base_currency=value.base_currency,
        sector=value.sector,
        market_cap=_decimal(value.market_cap),
        market_cap_as_of_ns=value.market_cap_as_of_ns,
        calendar=value.calendar,
        listed_from_ns=value.listed_from_ns,
        listed_to_ns=_end(value.listed_to_ns),
        restricted=value.restricted,
        steps=[
            instrument_pb2.Steps(
                tick_size=plain(one.tick_size),
                lot_size=plain(one.lot_size),
                from_ns=one.from_ns,
                to_ns=_end(one.to_ns),
            )
            for one in value.steps
        ],
        corporate_actions=[_action_message(one) for one in value.actions],
        statuses=[
            status_pb2.InstrumentStatus(
                instrument_id=value.instrument_id,
                status=int(one.status),  # type: ignore[arg-type]  # as above
                from_ns=one.from_ns,
                reason=one.reason,
            )
            for one in value.statuses
        ],
        aliases=value.aliases,
        price_exponent=value.ref.price_exponent,
        size_exponent=value.ref.size_exponent,
        units=True,
    )


def _action_message(value: CorporateAction) -> corporate_action_pb2.CorporateAction:
    return corporate_action_pb2.CorporateAction(
        kind=int(value.kind),  # type: ignore[arg-type]  # as above
        ex_date=value.ex_date.isoformat(),
        known_ns=value.known_ns,
        ratio=plain(value.ratio) if value.kind is ActionKind.SPLIT else "",
        amount=plain(value.amount) if value.kind is ActionKind.DIVIDEND else "",
        previous_close=_decimal(value.previous_close),
        old_symbol=value.old_symbol,
        new_symbol=value.new_symbol,
    )


def _decimal(value: Decimal | None) -> str:
    return "" if value is None else plain(value)


def _end(to_ns: int) -> int:
    return 0 if to_ns == FOREVER else to_ns
