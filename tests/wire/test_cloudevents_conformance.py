"""The rows of the CloudEvents conformance features: one event, in each mode of the HTTP and the Kafka binding."""

import json
from collections.abc import Callable

import pytest

from functions.wire.envelope import Event
from functions.wire.http_binding import from_http
from functions.wire.kafka_binding import from_kafka

# The event of the suite (cloudevents/conformance, features/): five scenarios with seven rows, HTTP 4 and Kafka 3.
ATTRIBUTES = {
    "specversion": "1.0",
    "type": "com.example.someevent",
    "time": "2018-04-05T03:56:24Z",
    "id": "1234-1234-1234",
    "source": "/mycontext/subcontext",
}
TIME_NS = 1_522_900_584_000_000_000
DATA = {"message": "Hello World!"}
STRUCTURED = json.dumps({**ATTRIBUTES, "datacontenttype": "application/json", "data": DATA}, indent=4).encode()


def over_http(media_type: str, body: bytes, attributes: dict[str, str]) -> Event:
    """Read a request."""
    headers = {"Host": "example.com", "Content-Type": media_type, "Content-Length": str(len(body))}
    named = {**headers, **{f"ce-{name}": value for name, value in attributes.items()}}
    return from_http([(name.encode(), value.encode()) for name, value in named.items()], body)


def over_kafka(media_type: str, body: bytes, attributes: dict[str, str]) -> Event:
    """Read a record."""
    named = {"content-type": media_type, **{f"ce_{name}": value for name, value in attributes.items()}}
    return from_kafka([(name, value.encode()) for name, value in named.items()], body)


@pytest.mark.parametrize(
    ("read", "media_type", "binary"),
    [
        (over_http, "application/json", True),
        (over_http, "application/json; charset=utf-8", True),
        (over_http, "application/cloudevents+json", False),
        (over_http, "application/cloudevents+json; charset=utf-8", False),
        (over_kafka, "application/json", True),
        (over_kafka, "application/cloudevents+json", False),
        (over_kafka, "application/cloudevents+json; charset=utf-8", False),
    ],
)
def test_rows(read: Callable[..., Event], media_type: str, *, binary: bool) -> None:
    """Each row gives the same attributes and the same data; in binary mode the media type is the message's own."""
    event = read(media_type, json.dumps(DATA).encode(), ATTRIBUTES) if binary else read(media_type, STRUCTURED, {})
    assert (event.id, event.type, event.source) == (ATTRIBUTES["id"], ATTRIBUTES["type"], ATTRIBUTES["source"])
    assert (event.time_ns, event.subject, dict(event.extensions)) == (TIME_NS, None, {})
    assert event.datacontenttype == (media_type if binary else "application/json")
    assert json.loads(event.data or b"") == DATA
