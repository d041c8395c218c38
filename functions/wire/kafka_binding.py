"""Write events as Kafka records and read them back (CloudEvents Kafka binding 1.0.2); pure, no sockets.

Binary mode puts attributes into `ce_` headers as UTF-8, never percent-encoded. The record key is the event's
`partitionkey`, which stays an attribute too.
"""

from collections.abc import Iterable
from functools import lru_cache
from typing import Final

from functions.wire.attributes import CLOUDEVENTS, STRUCTURED, core_texts, event_of, is_structured, value_text
from functions.wire.envelope import Event
from functions.wire.errors import Malformed
from functions.wire.json_format import from_json, to_json

_PREFIX: Final = "ce_"
_CONTENT_TYPE: Final = "content-type"
_NAME_CACHE_MAX: Final = 512  # attribute names remembered; names are at most 20 characters


def to_kafka(event: Event) -> tuple[bytes | None, list[tuple[str, bytes]], bytes | None]:
    """Write an event in binary mode: record key, headers and value.

    An event whose data is itself an event in JSON is written in structured mode: in binary mode it would be taken for
    the event it carries.
    """
    key = event.extensions.get("partitionkey")
    record_key = None if key is None else str(key).encode()
    if event.datacontenttype is not None and event.datacontenttype.lower().startswith(CLOUDEVENTS):
        return record_key, [(_CONTENT_TYPE, STRUCTURED.encode())], to_json(event)
    headers = [(_header(name), text.encode()) for name, text in core_texts(event)]
    headers += [(_header(name), value_text(value).encode()) for name, value in event.extensions.items()]
    if event.datacontenttype is not None:
        headers.append((_CONTENT_TYPE, event.datacontenttype.encode()))
    return record_key, headers, event.data


def from_kafka(headers: Iterable[tuple[str, bytes | None]], value: bytes | None) -> Event:
    """Read the event of a record, in either mode; the record key plays no part.

    Args:
        headers: Names and values as received; a null value is refused where it matters.
        value: Record value, None for a null value.

    Raises:
        Malformed: The record is no CloudEvent 1.0.
    """
    texts: dict[str, str] = {}
    for name, raw in headers:
        lower = name.lower()
        if lower == _CONTENT_TYPE:
            attribute = "datacontenttype"
        elif name.startswith(_PREFIX):
            attribute = name[len(_PREFIX) :]
            if attribute == "datacontenttype":
                msg = "header ce_datacontenttype must not be present: content-type says it"
                raise Malformed(msg)
        else:
            continue
        if attribute in texts:
            msg = f"header {name!r:.80} appears twice"
            raise Malformed(msg)
        texts[attribute] = _text(name, raw)
    if is_structured(texts.get("datacontenttype", "")):
        return from_json(value or b"")
    return event_of(texts, {}, value)


@lru_cache(maxsize=_NAME_CACHE_MAX)
def _header(name: str) -> str:
    return _PREFIX + name


def _text(name: str, raw: bytes | None) -> str:
    if raw is None:
        msg = f"header {name!r:.80} has no value"
        raise Malformed(msg)
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        msg = f"header {name!r:.80} is not UTF-8"
        raise Malformed(msg) from None
