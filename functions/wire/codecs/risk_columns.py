"""Write pre-trade questions and answers in columns and read them back: what a message of many is made of.

It says what `functions.wire.codecs.risk` says question by question. Columns are written from lists and packed at once,
for what costs is each step in Python, not each number.
"""

from collections.abc import Sequence, Sized
from functools import lru_cache
from operator import attrgetter
from struct import Struct
from struct import error as StructError  # noqa: N812 - its module's name says nothing here
from typing import Final, NoReturn

import numpy as np
from tickloom.risk.v1 import service_pb2

from functions.domain.decisions import Side, Verdict, Violation
from functions.domain.money import EXPONENT_MAX
from functions.domain.reference import TradingStatus
from functions.domain.risk.sieve import FIGURES, Checks, Instruments
from functions.wire.codecs.columns import I8
from functions.wire.codecs.risk import (
    MONEY,
    MONEY_NAMES,
    STATUSES_READ,
    STATUSES_WRITTEN,
    VERSIONS_KEPT_MAX,
    Question,
    accepted_value,
    check_name,
    decimal_text,
    money_value,
)
from functions.wire.errors import Malformed

ROWS_MAX: Final = 64
"""Most questions of one message: a millisecond of work where all have to go through the rules, and others wait."""

DICTIONARIES_KEPT_MAX: Final = 256
"""Lists of instruments that are read once: who asks of many at a bar's close asks of the same at the next."""

_BUY: Final = Side.BUY  # a member is looked up slowly
_UNKNOWN: Final = TradingStatus.UNKNOWN
_BUYS, _SELLS = service_pb2.SIDE_BUY, service_pb2.SIDE_SELL
_SIDES: Final = bytes((_BUYS, _SELLS))
_STATUSES_READ: Final = {int(number): status for number, status in STATUSES_READ.items()}
_STATUSES: Final = bytes(_STATUSES_READ)
_ACCEPTED, _REJECTED = service_pb2.DECISION_ACCEPTED, service_pb2.DECISION_REJECTED
_DECISIONS: Final = bytes((_ACCEPTED, _REJECTED))
_COUNTED: Final = bytes(range(ROWS_MAX))
_NUMBERS: Final = tuple(Struct(f"<{count}q") for count in range(ROWS_MAX + 1))
_EXPONENTS: Final = tuple(Struct(f"<{count}b") for count in range(ROWS_MAX + 1))
_ONES: Final = _NUMBERS[ROWS_MAX].pack(*[1] * ROWS_MAX)
_INSTRUMENT: Final = attrgetter("instrument_id", "price_exponent", "size_exponent")
_FIGURES: Final = attrgetter(*FIGURES)


# --- questions --------------------------------------------------------------------------------------------------------


def columns_message(tag: int, values: Sequence[Question]) -> service_pb2.CheckStreamRequest:
    """Write what is asked at once in a conversation, 1 to `ROWS_MAX` questions.

    Raises:
        Malformed: A figure does not fit into 64 bits, or an exponent into 8.
    """
    orders, quotes, accounts, times, statuses = zip(*values, strict=True)
    message = service_pb2.CheckStreamRequest(tag=tag)
    columns = message.columns
    named = [*map(_INSTRUMENT, orders)]
    different = dict.fromkeys(named)
    names, prices, sizes = zip(*different, strict=True)
    columns.instruments.extend(names)
    columns.side = bytes([_BUYS if one.side is _BUY else _SELLS for one in orders])
    if statuses.count(_UNKNOWN) != len(statuses):
        columns.status = bytes([STATUSES_WRITTEN[one] for one in statuses])
    if len(different) == len(named):
        columns.instrument = _COUNTED[: len(named)]
    else:
        columns.instrument = bytes(map([*different].index, named))
    _write_accounts(columns, [one.account for one in orders], [*map(MONEY, accounts)])
    figures = (
        [one.quantity for one in orders],
        [one.limit_price for one in orders],
        [one.bid_price for one in quotes],
        [one.ask_price for one in quotes],
        [one.position for one in accounts],
        [one.position_price for one in accounts],
        [one.working_buys for one in accounts],
        [one.working_sells for one in accounts],
        [one.resting_buy_price for one in accounts],
        [one.resting_sell_price for one in accounts],
        [one.ts_event for one in quotes],
        times,
    )
    try:
        columns.price_exponent = _EXPONENTS[len(names)].pack(*prices)
        columns.size_exponent = _EXPONENTS[len(names)].pack(*sizes)
        pack = _NUMBERS[len(named)].pack
        for name, column in zip(FIGURES, figures, strict=True):
            if any(column):
                setattr(columns, name, pack(*column))
    except StructError as error:
        detail = f"a question cannot be written: {error}"
        raise Malformed(detail) from error
    return message


def _write_accounts(columns: service_pb2.CheckColumns, names: list[str], moneys: list[tuple[object, ...]]) -> None:
    """Write each account once for each form of its money, and which of them each question concerns."""
    if names.count(names[0]) == len(names) and moneys.count(moneys[0]) == len(moneys):
        told = {(names[0], moneys[0]): 0}
    else:
        told = {}
        columns.account = bytes([told.setdefault(one, len(told)) for one in zip(names, moneys, strict=True)])
    for name, money in told:
        texts = ["" if one is None else decimal_text(one) for one in money]
        columns.accounts.add(account=name, **dict(zip(MONEY_NAMES, texts, strict=True)))


def columns_value(message: service_pb2.CheckColumns) -> Checks:
    """Read questions, counted as risk counts.

    Raises:
        Malformed: There are none or too many, a column has another length or an index that nothing stands at, or an
            order, an account's money or a status cannot be read.
    """
    sides, statuses = message.side, message.status
    size = len(sides)
    if not 0 < size <= ROWS_MAX:
        _refuse(f"a message holds {size} questions; ask 1 to {ROWS_MAX}")
    if unknown := sides.translate(None, _SIDES):
        _refuse(f"an order's side {unknown[0]} is unknown")
    if unknown := statuses.translate(None, _STATUSES):
        _refuse(f"trading status {unknown[0]} is unknown")
    if len(message.accounts) > size:
        _refuse(f"{size} questions name {len(message.accounts)} accounts")
    accounts = [(one.account, money_value(*MONEY(one))) for one in message.accounts]
    for name, _ in accounts:
        check_name("account", name)
    instruments = _instruments(tuple(message.instruments), message.price_exponent, message.size_exponent)
    zeros = bytes(8 * size)
    figures = [column or zeros for column in _FIGURES(message)]
    if {*map(len, figures)} != {8 * size}:
        wrong = {name: len(column) for name, column in zip(FIGURES, figures, strict=True) if len(column) != 8 * size}
        _refuse(f"columns of {size} questions have other lengths than {8 * size} bytes: {wrong}")
    if statuses and len(statuses) != size:
        _refuse(f"column status of {size} questions has {len(statuses)} entries")
    return Checks(
        accounts=accounts,
        instruments=instruments,
        account=_indices("account", message.account, size, accounts),
        instrument=_indices("instrument", message.instrument, size, instruments),
        buys=np.frombuffer(sides, np.uint8) == _BUYS,
        statuses=[_STATUSES_READ[one] for one in statuses],
        figures=np.frombuffer(b"".join((*figures, _ONES[: 8 * size])), I8).reshape(len(figures) + 1, size),
    )


def _indices(name: str, column: bytes, size: int, dictionary: Sized) -> bytes:
    column = column or bytes(size)
    if len(column) != size or len(dictionary) > size:
        _refuse(f"column {name} of {size} questions has {len(column)} entries, of {len(dictionary)} that are named")
    if max(column) >= len(dictionary):
        _refuse(f"column {name} points at entry {max(column)} of {len(dictionary)}")
    return column


@lru_cache(maxsize=DICTIONARIES_KEPT_MAX)
def _instruments(names: tuple[str, ...], prices: bytes, sizes: bytes) -> Instruments:
    """Read a dictionary of instruments."""
    count = len(names)
    if count > ROWS_MAX or {len(prices or bytes(count)), len(sizes or bytes(count))} != {count}:
        _refuse(f"{count} instruments have {len(prices)} exponents of prices and {len(sizes)} of sizes")
    exponents = [_EXPONENTS[count].unpack(column or bytes(count)) for column in (prices, sizes)]
    for name in names:
        check_name("instrument_id", name)
    for what, column in zip(("price", "size"), exponents, strict=True):
        for exponent in column:
            if abs(exponent) > EXPONENT_MAX:
                _refuse(f"{what} exponent {exponent} is beyond {EXPONENT_MAX}")
    return Instruments(tuple(zip(names, *exponents, strict=True)))


# --- answers ----------------------------------------------------------------------------------------------------------


def decisions_message(tag: int, values: list[Verdict]) -> service_pb2.CheckStreamResponse:
    """Write what is answered at once in a conversation: decisions by one version of the limits."""
    message = service_pb2.CheckStreamResponse(tag=tag)
    version = values[0].limits_version
    if not values[0].violations and values.count(values[0]) == len(values):
        message.MergeFromString(_accepted_part(version, len(values)))
        return message
    columns = message.columns
    columns.decision = bytes([_REJECTED if one.violations else _ACCEPTED for one in values])
    columns.limits_version = version
    for one in values:
        if one.violations:
            broken = [service_pb2.Violation(rule=rule.rule, text=rule.text) for rule in one.violations]
            columns.rejected.add(violations=broken)
    return message


@lru_cache(maxsize=VERSIONS_KEPT_MAX)
def _accepted_part(limits_version: str, count: int) -> bytes:
    """Write that all are accepted; protobuf takes parts put end to end for the whole."""
    columns = service_pb2.DecisionColumns(decision=bytes([_ACCEPTED] * count), limits_version=limits_version)
    return service_pb2.CheckStreamResponse(columns=columns).SerializeToString()


def decisions_value(message: service_pb2.DecisionColumns) -> list[Verdict]:
    """Read what was answered.

    Raises:
        Malformed: A decision is not set, or decisions disagree with what was broken.
    """
    decisions = message.decision
    accepted = accepted_value(message.limits_version)
    verdicts = [accepted] * len(decisions)
    refused = decisions.count(_REJECTED)
    if decisions.translate(None, _DECISIONS) or refused != len(message.rejected):
        _refuse(f"decisions {decisions.hex()} disagree with {len(message.rejected)} that broke a rule")
    if refused:
        broken = iter(message.rejected)
        for row, decision in enumerate(decisions):
            if decision == _REJECTED:
                verdicts[row] = _rejected(next(broken), message.limits_version)
    return verdicts


def _rejected(message: service_pb2.Rejected, limits_version: str) -> Verdict:
    if not message.violations:
        _refuse("a rejected question broke no rule")
    return Verdict(tuple([Violation(one.rule, one.text) for one in message.violations]), limits_version)


def _refuse(detail: str) -> NoReturn:
    raise Malformed(detail)
