"""Say what can be wrong with bytes, as one small tree; only exceptions live here.

WireError
└── Malformed    bytes that are not what they claim to be
"""


class WireError(Exception):
    """Root of everything that cannot be read or written."""


class Malformed(WireError):  # noqa: N818 - the design's word for this delivery decision
    """The bytes are not what they claim to be; sending them again will not help."""
