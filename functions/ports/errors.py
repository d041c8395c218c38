"""Say how the world can fail us, as one small tree; only exceptions live here.

PortError
├── Unavailable    what we need is down or too slow; the same call may work later
└── Overloaded     what we need asks us to slow down
"""


class PortError(Exception):
    """Root of every failure behind a port."""


class Unavailable(PortError):  # noqa: N818 - the design's word for this delivery decision
    """What we need is down or too slow; the same call may work later."""


class Overloaded(PortError):  # noqa: N818 - the design's word for this delivery decision
    """What we need asks us to slow down; the same call may work later."""
