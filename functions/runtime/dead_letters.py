"""Say on an event that could not be delivered where it was going and why, as the Kafka Broker does (knative.md 2.3)."""

import base64
from typing import Final

ERROR_DATA_BYTES_MAX: Final = 1024
_SUCCESS: Final = 2  # the class of 2xx


def error_extensions(*, destination: str, status: int, body: bytes) -> dict[str, str]:
    """Give the extension attributes of a dead letter.

    Args:
        destination: Address that should have taken the event.
        status: HTTP status that says what was wrong; a foreign body on 2xx carries no code.
        body: What was said; its first ERROR_DATA_BYTES_MAX bytes are kept.

    >>> error_extensions(destination="/tables/bars", status=400, body=b"no")["knativeerrorcode"]
    '400'
    """
    extensions = {"knativeerrordest": destination}
    if status // 100 != _SUCCESS:
        extensions["knativeerrorcode"] = str(status)
    if body:
        extensions["knativeerrordata"] = base64.b64encode(body[:ERROR_DATA_BYTES_MAX]).decode()
    return extensions
