"""Write events in the CloudEvents JSON format 1.0.2 and read them back, strictly.

Refused: two members of one name, NaN, infinities and numbers beyond float64, `data` beside `data_base64`, text that is
not UTF-8. JSON data is stored as the value it is, its bytes unchanged; everything else in `data_base64`.
"""

import base64
import binascii
import json
import math
from collections.abc import Iterable
from typing import Final, NoReturn

import msgspec

from functions.wire.attributes import core_texts, essence, event_of
from functions.wire.envelope import CORE_NAMES, Event, ExtensionValue
from functions.wire.errors import Malformed

_JSON: Final = "application/json"
_CORE_TEXTS: Final = CORE_NAMES - {"data", "data_base64"}
_RAW: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])
_ENCODER: Final = msgspec.json.Encoder()


def to_json(event: Event) -> bytes:
    """Write an event as one JSON object."""
    members: dict[str, object] = dict(core_texts(event))
    if event.datacontenttype is not None:
        members["datacontenttype"] = event.datacontenttype
    for name, value in event.extensions.items():
        members[name] = base64.b64encode(value).decode("ascii") if isinstance(value, bytes) else value
    if event.data is not None:
        if _is_value(event):
            members["data"] = msgspec.Raw(event.data)
        else:
            members["data_base64"] = base64.b64encode(event.data).decode("ascii")
    return _ENCODER.encode(members)


def from_json(body: bytes) -> Event:
    """Read an event from one JSON object.

    JSON data keeps its bytes; data without a media type is JSON, and the event says so.

    Raises:
        Malformed: The text is not strict JSON, or no CloudEvent 1.0.
    """
    members = _parse(body)
    if not isinstance(members, dict):
        msg = f"an event is a JSON object, found {type(members).__name__}"
        raise Malformed(msg)
    present = {name: value for name, value in members.items() if value is not None}  # null means unset
    data = _data(present, body)
    texts: dict[str, str] = {}
    extensions: dict[str, ExtensionValue] = {}
    for name, value in present.items():
        if isinstance(value, str):
            texts[name] = value
        elif name in _CORE_TEXTS:
            msg = f"attribute {name} must be a string, found {type(value).__name__}"
            raise Malformed(msg)
        elif isinstance(value, int):
            extensions[name] = value
        else:
            msg = f"attribute {name!r:.80} must be a string, a whole number or a boolean, found {type(value).__name__}"
            raise Malformed(msg)
    return event_of(texts, extensions, data)


def is_json(media_type: str) -> bool:
    """Say whether a media type declares JSON: `*/json` or `*/*+json`."""
    kind = essence(media_type)
    return kind.endswith(("/json", "+json"))


def _is_value(event: Event) -> bool:
    """Say whether the data can stand in the JSON as a value; a bare null would read as no data."""
    if event.data is None or event.datacontenttype is None or not is_json(event.datacontenttype):
        return False
    try:
        return _parse(event.data) is not None
    except Malformed:
        return False


def _data(present: dict[str, object], body: bytes) -> bytes | None:
    """Take the payload out of the members, whichever of the two it stands in."""
    encoded = present.pop("data_base64", None)
    if "data" not in present:
        return None if encoded is None else _base64(encoded)
    value = present.pop("data")
    if encoded is not None:
        msg = "an event has data or data_base64, found both"
        raise Malformed(msg)
    media_type = present.setdefault("datacontenttype", _JSON)
    if isinstance(media_type, str) and not is_json(media_type):
        return _text_data(value, media_type)
    try:
        return bytes(_RAW.decode(body)["data"])
    except (msgspec.DecodeError, KeyError) as error:
        msg = f"the event is not JSON: {error}"
        raise Malformed(msg) from None


def _text_data(value: object, media_type: str) -> bytes:
    if not isinstance(value, str):
        msg = f"data of {media_type!r:.80} must be a string or in data_base64, found {type(value).__name__}"
        raise Malformed(msg)
    try:
        return value.encode("utf-8")
    except UnicodeEncodeError:
        msg = "data holds half of a surrogate pair"
        raise Malformed(msg) from None


def _base64(encoded: object) -> bytes:
    try:
        if isinstance(encoded, str):
            return base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        pass
    msg = "data_base64 is not Base64"
    raise Malformed(msg)


def _parse(body: bytes) -> object:
    try:
        return json.loads(body.decode("utf-8"), object_pairs_hook=_object, parse_constant=_constant, parse_float=_float)
    except (ValueError, RecursionError) as error:  # ValueError: bad JSON, bad UTF-8, or an integer too long to read
        msg = f"the event is not JSON: {error!s:.200}"
        raise Malformed(msg) from None


def _object(pairs: Iterable[tuple[str, object]]) -> dict[str, object]:
    members: dict[str, object] = {}
    for name, value in pairs:
        if name in members:
            msg = f"JSON member {name!r:.80} appears twice"
            raise Malformed(msg)
        members[name] = value
    return members


def _constant(text: str) -> NoReturn:
    msg = f"JSON has no {text}"
    raise Malformed(msg)


def _float(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        msg = f"number {text!r:.80} is beyond float64"
        raise Malformed(msg)
    return value
