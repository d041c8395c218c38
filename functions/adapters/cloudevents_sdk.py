"""Convert events to and from the CloudEvents SDK 1.12, for outsiders who speak it; our own paths never use it."""

import json

from cloudevents.http import CloudEvent

from functions.wire.attributes import core_texts, event_of
from functions.wire.envelope import Event, ExtensionValue
from functions.wire.errors import Malformed


def to_sdk(event: Event) -> CloudEvent:
    """Make the SDK's event; its data are bytes."""
    attributes: dict[str, object] = dict(core_texts(event))
    if event.datacontenttype is not None:
        attributes["datacontenttype"] = event.datacontenttype
    attributes |= event.extensions
    if event.time_ns is None:
        attributes["time"] = None  # left out, the SDK would read its clock
    return CloudEvent(attributes, event.data)  # type: ignore[arg-type] # it takes any value, but says it takes text


def from_sdk(event: CloudEvent) -> Event:
    """Make our event; data that is neither bytes nor text is written as JSON.

    Raises:
        Malformed: The SDK took what the specification refuses.
    """
    texts: dict[str, str] = {}
    extensions: dict[str, ExtensionValue] = {}
    for name, value in event.get_attributes().items():
        if isinstance(value, str):
            texts[name] = value
        elif isinstance(value, (bool, int, bytes)):
            extensions[name] = value
        elif value is not None:
            msg = f"attribute {name!r:.80} must be text, integer, boolean or bytes, found {type(value).__name__}"
            raise Malformed(msg)
    return event_of(texts, extensions, _data(event.get_data()))


def _data(data: object) -> bytes | None:
    if data is None or isinstance(data, bytes):
        return data
    if isinstance(data, str):
        return data.encode()
    try:
        return json.dumps(data, separators=(",", ":"), allow_nan=False).encode()
    except (TypeError, ValueError) as error:
        msg = f"data cannot be written as JSON: {error}"
        raise Malformed(msg) from None
