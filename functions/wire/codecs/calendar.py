"""Write the economic calendar as `tickloom.calendar.v1` messages and read it back; events are checked here."""

from decimal import Decimal
from types import MappingProxyType
from typing import Final

from tickloom.calendar.v1 import calendar_pb2
from tickloom.market.v1 import tick_pb2

from functions.domain.calendar import (
    CalendarBatch,
    CalendarEvent,
    Comparison,
    EventState,
    Figure,
    Form,
    Impact,
    Timing,
)
from functions.domain.money import plain_decimal
from functions.wire.codecs.market import rejection_messages, rejection_values
from functions.wire.codecs.messages import parse
from functions.wire.errors import Malformed

CALENDAR_BATCH: Final = "tickloom.calendar.v1.CalendarBatch"
CALENDAR_EVENT: Final = "tickloom.calendar.v1.CalendarEvent"
"""What names an event: its id is a function of this type, its source and the source's own id."""

_IMPACTS: Final = MappingProxyType(
    {
        Impact.UNKNOWN: calendar_pb2.IMPACT_UNSPECIFIED,
        Impact.LOW: calendar_pb2.IMPACT_LOW,
        Impact.MEDIUM: calendar_pb2.IMPACT_MEDIUM,
        Impact.HIGH: calendar_pb2.IMPACT_HIGH,
        Impact.NON_ECONOMIC: calendar_pb2.IMPACT_NON_ECONOMIC,
    }
)
_TIMINGS: Final = MappingProxyType(
    {
        Timing.EXACT: calendar_pb2.TIMING_EXACT,
        Timing.TENTATIVE: calendar_pb2.TIMING_TENTATIVE,
        Timing.ALL_DAY: calendar_pb2.TIMING_ALL_DAY,
    }
)
_STATES: Final = MappingProxyType(
    {
        EventState.SCHEDULED: calendar_pb2.STATE_SCHEDULED,
        EventState.RELEASED: calendar_pb2.STATE_RELEASED,
        EventState.REVISED: calendar_pb2.STATE_REVISED,
    }
)
_FORMS: Final = MappingProxyType(
    {
        Form.NONE: calendar_pb2.FORM_UNSPECIFIED,
        Form.NUMBER: calendar_pb2.FORM_NUMBER,
        Form.PERCENT: calendar_pb2.FORM_PERCENT,
        Form.YIELD_AND_COVER: calendar_pb2.FORM_YIELD_AND_COVER,
        Form.VOTES: calendar_pb2.FORM_VOTES,
        Form.WORDS: calendar_pb2.FORM_WORDS,
    }
)
_COMPARISONS: Final = MappingProxyType(
    {
        Comparison.EQUAL: calendar_pb2.COMPARISON_UNSPECIFIED,
        Comparison.LESS: calendar_pb2.COMPARISON_LESS,
        Comparison.MORE: calendar_pb2.COMPARISON_MORE,
    }
)
_IMPACT_OF: Final = MappingProxyType({number: one for one, number in _IMPACTS.items()})
_TIMING_OF: Final = MappingProxyType({number: one for one, number in _TIMINGS.items()})
_STATE_OF: Final = MappingProxyType({number: one for one, number in _STATES.items()})
_FORM_OF: Final = MappingProxyType({number: one for one, number in _FORMS.items()})
_COMPARISON_OF: Final = MappingProxyType({number: one for one, number in _COMPARISONS.items()})


def encode_calendar_batch(batch: CalendarBatch) -> bytes:
    """Write a batch of events; equal batches give equal bytes."""
    message = calendar_pb2.CalendarBatch(
        shard=batch.shard,
        stream=batch.stream,
        first_row=batch.first_row,
        row_count=batch.row_count,
        events=map(_event_message, batch.events),
        rejections=rejection_messages(batch.rejections),
        kinds=[tick_pb2.KindCount(kind=kind, count=count) for kind, count in batch.kinds],
        heartbeat=batch.heartbeat,
        end_of_tape=batch.end_of_tape,
        ts_cut_ns=batch.ts_cut_ns,
    )
    return message.SerializeToString(deterministic=True)


def decode_calendar_batch(data: bytes) -> CalendarBatch:
    """Read a batch of events.

    Raises:
        Malformed: The bytes are no CalendarBatch or say nothing; or an event has no id, an unknown word or no value.
    """
    message = parse(calendar_pb2.CalendarBatch, data)
    if not (message.row_count or message.heartbeat or message.end_of_tape):  # cut off, as protobuf allows
        detail = f"{CALENDAR_BATCH}: it has no rows, and is neither a heartbeat nor the end of a tape"
        raise Malformed(detail)
    return CalendarBatch(
        shard=message.shard,
        stream=message.stream,
        first_row=message.first_row,
        row_count=message.row_count,
        events=tuple(map(_event, message.events)),
        rejections=rejection_values(message.rejections),
        kinds=tuple((one.kind, one.count) for one in message.kinds),
        heartbeat=message.heartbeat,
        end_of_tape=message.end_of_tape,
        ts_cut_ns=message.ts_cut_ns,
    )


def _event_message(value: CalendarEvent) -> calendar_pb2.CalendarEvent:
    return calendar_pb2.CalendarEvent(
        event_id=value.event_id,
        source=value.source,
        native_id=value.native_id,
        currency=value.currency,
        country=value.country,
        impact=_IMPACTS[value.impact],
        name=value.name,
        ts_scheduled_ns=value.ts_scheduled,
        timing=_TIMINGS[value.timing],
        actual=_figure_message(value.actual),
        forecast=_figure_message(value.forecast),
        previous=_figure_message(value.previous),
        state=_STATES[value.state],
        ts_available_ns=value.ts_available,
        ts_receive_ns=value.ts_receive,
        revision=value.revision,
        content_key=value.content_key,
        row=value.row,
    )


def _event(message: calendar_pb2.CalendarEvent) -> CalendarEvent:
    _check(message)
    return CalendarEvent(
        event_id=message.event_id,
        source=message.source,
        native_id=message.native_id,
        currency=message.currency,
        country=message.country,
        impact=_IMPACT_OF[message.impact],
        name=message.name,
        ts_scheduled=message.ts_scheduled_ns,
        timing=_TIMING_OF[message.timing],
        actual=_figure(message.actual),
        forecast=_figure(message.forecast),
        previous=_figure(message.previous),
        state=_STATE_OF[message.state],
        ts_available=message.ts_available_ns,
        ts_receive=message.ts_receive_ns,
        revision=message.revision,
        content_key=message.content_key,
        row=message.row,
    )


def _figure_message(value: Figure) -> calendar_pb2.Figure | None:
    if value.form is Form.NONE:
        return None
    return calendar_pb2.Figure(
        text=value.text,
        form=_FORMS[value.form],
        values=[format(one, "f") for one in value.values],  # 0.0 says that tenths were measured, so zeros stay
        comparison=_COMPARISONS[value.comparison],
    )


def _figure(message: calendar_pb2.Figure) -> Figure:
    if message.form not in _FORM_OF or message.comparison not in _COMPARISON_OF:
        detail = f"figure {message.text!r:.80} has form {message.form} and comparison {message.comparison}, not known"
        raise Malformed(detail)
    values = tuple(map(_value, message.values))
    return Figure(message.text, _FORM_OF[message.form], values, _COMPARISON_OF[message.comparison])


def _value(text: str) -> Decimal:
    try:
        return plain_decimal(text)
    except ValueError as error:
        detail = f"a figure's value cannot be: {error}"
        raise Malformed(detail) from error


def _check(message: calendar_pb2.CalendarEvent) -> None:
    faults = {
        "it has no event_id": not message.event_id,
        "it has no content_key": not message.content_key,
        "it has no name": not message.name,
        f"impact {message.impact} is unknown": message.impact not in _IMPACT_OF,
        f"timing {message.timing} is unknown": message.timing not in _TIMING_OF,
        f"state {message.state} is unknown": message.state not in _STATE_OF,
    }
    found = [fault for fault, present in faults.items() if present]
    if found:
        detail = f"calendar event {message.event_id!r} cannot be: {'; '.join(found)}"
        raise Malformed(detail)
