"""Name consumer groups and the topics that keep tables' states, say how a broker keeps those, and how they are read."""

from typing import Final

GATHERED_BYTES: Final = 1024 * 1024
"""A fetch that brings so much is followed by the next one at once: enough had gathered, and more waits."""

HELD_S: Final = 1.0
"""How long aiokafka leaves a broker alone while something it brought is not taken yet; its own 0.1 s.

Then it asks for the other partitions alone, with a wait for something to come, in which the first cannot be asked for:
who takes what came every tenth of a second gets something every half second.
"""

OFFSET_BYTES: Final = 8
"""At the start of a value in a changelog: the offset its state was reached at."""

CHANGELOG: Final = {
    "cleanup.policy": "compact",
    "segment.bytes": str(16 * 1024 * 1024),  # what is being written is never compacted, and recovery reads it all
    "segment.ms": "60000",
    "min.cleanable.dirty.ratio": "0.1",
    "min.compaction.lag.ms": "60000",  # a late write of a worker taken for dead must not be all that is left
}


def group_of(name: str) -> str:
    """Name the consumer group of a Trigger or a table; a table's is its Faust app too.

    >>> group_of("bars")
    'tickloom-bars'
    """
    return f"tickloom-{name}"


def changelog_of(group: str) -> str:
    """Name the changelog topic of a group's table, as Faust does.

    >>> changelog_of("tickloom-bars")
    'tickloom-bars-states-changelog'
    """
    return f"{group}-states-changelog"
