"""Write events as HTTP messages and read them back (CloudEvents HTTP binding 1.0.2); pure, no sockets.

Binary mode puts attributes into `ce-` headers and data into the body; structured mode puts the whole event into the
body as JSON. Batches are refused: the binding forbids them where nobody asked, and no Knative broker takes them.
"""

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Final
from urllib.parse import quote, unquote_to_bytes

from functions.wire.attributes import CLOUDEVENTS, STRUCTURED, core_texts, event_of, is_structured, value_text
from functions.wire.envelope import Event
from functions.wire.errors import Malformed
from functions.wire.json_format import from_json, to_json

Headers = list[tuple[bytes, bytes]]

_PREFIX: Final = b"ce-"
_CONTENT_TYPE: Final = b"content-type"
_NAME_CACHE_MAX: Final = 512  # attribute names remembered; names are at most 20 characters
# Section 3.1.3.2: space, double quote, percent and all outside U+0021 to U+007E are percent-encoded.
_NEEDS_ENCODING: Final = re.compile(r"[^\x21\x23\x24\x26-\x7e]").search
_SAFE: Final = "".join(map(chr, [0x21, 0x23, 0x24, *range(0x26, 0x7F)]))
_STRAY_PERCENT: Final = re.compile(r"%(?![0-9A-Fa-f]{2})").search
_QUOTED: Final = re.compile(r'"((?:[^"\\]|\\.)*)"').fullmatch
_ESCAPE: Final = re.compile(r"\\(.)")


def to_http(event: Event) -> tuple[Headers, bytes]:
    """Write an event in binary mode: headers in lower case, and the body.

    An event whose data is itself an event in JSON is written in structured mode: in binary mode it would be taken for
    the event it carries.
    """
    if event.datacontenttype is not None and event.datacontenttype.lower().startswith(CLOUDEVENTS):
        return to_http_structured(event)
    headers = [(_header(name), _encode(text)) for name, text in core_texts(event)]
    headers += [(_header(name), _encode(value_text(value))) for name, value in event.extensions.items()]
    if event.datacontenttype is not None:
        headers.append((_CONTENT_TYPE, event.datacontenttype.encode("ascii")))
    return headers, event.data or b""


def to_http_structured(event: Event) -> tuple[Headers, bytes]:
    """Write an event in structured mode: one header, and the whole event as JSON."""
    return [(_CONTENT_TYPE, f"{STRUCTURED}; charset=utf-8".encode())], to_json(event)


def from_http(headers: Iterable[tuple[bytes, bytes]], body: bytes) -> Event:
    """Read the event of an HTTP message, in either mode.

    In binary mode an empty body with a media type is empty data, and without one no data; every extension is text.

    Args:
        headers: Names in any case, values as received.
        body: Whole body.

    Raises:
        Malformed: The message is no CloudEvent 1.0, or one in a batch.
    """
    texts: dict[str, str] = {}
    try:
        for name, value in headers:
            attribute = _attribute(name)
            if attribute is None:
                continue
            if attribute in texts:
                msg = f"header {name.decode()} appears twice"
                raise Malformed(msg)
            text = value.decode("ascii").strip(" \t")
            texts[attribute] = text if ("%" not in text and '"' not in text) else _decode(attribute, text)
    except UnicodeDecodeError:
        msg = f"header {name!r:.80} holds bytes that are not ASCII"
        raise Malformed(msg) from None
    media_type = texts.get("datacontenttype")
    if media_type is None:
        return event_of(texts, {}, body or None)
    if is_structured(media_type):
        return from_json(body)
    return event_of(texts, {}, body)


@lru_cache(maxsize=_NAME_CACHE_MAX)
def _header(name: str) -> bytes:
    return f"ce-{name}".encode("ascii")


@lru_cache(maxsize=_NAME_CACHE_MAX)
def _attribute(header: bytes) -> str | None:
    """Name the attribute that a header carries, None for a header of no concern."""
    lower = header.lower()
    if lower == _CONTENT_TYPE:
        return "datacontenttype"
    if not lower.startswith(_PREFIX):
        return None
    name = lower[len(_PREFIX) :].decode("ascii")
    if name == "datacontenttype":
        msg = "header ce-datacontenttype must not be present: content-type says it"
        raise Malformed(msg)
    return name


def _encode(text: str) -> bytes:
    if _NEEDS_ENCODING(text):
        text = quote(text, safe=_SAFE)
    return text.encode("ascii")


def _decode(name: str, text: str) -> str:
    if name == "datacontenttype":  # no attribute header: its quotes and percent signs are its own
        return text
    if text.startswith('"'):
        quoted = _QUOTED(text)
        if quoted is None:
            msg = f"header ce-{name} opens a quoted string that does not end"
            raise Malformed(msg)
        text = _ESCAPE.sub(r"\1", quoted[1])
    if _STRAY_PERCENT(text):
        msg = f"header ce-{name} holds a percent sign that encodes nothing"
        raise Malformed(msg)
    try:
        return unquote_to_bytes(text).decode("utf-8")
    except UnicodeDecodeError:
        msg = f"header ce-{name} encodes bytes that are not UTF-8"
        raise Malformed(msg) from None
