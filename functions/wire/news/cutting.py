"""Cut documents into raw batches, each document one row; a story in fragments is not cut apart."""

import contextlib
from collections.abc import Callable
from dataclasses import replace
from typing import Final

from functions.wire.batcher import Batcher, Cut, Follow
from functions.wire.news.mrn import Fragments
from functions.wire.tape import Keep
from functions.wire.venues.digits import BadText

STORY_BATCH_BYTES_MAX: Final = 512 * 1024
"""Payload of a batch that waits for the end of a story; then it is cut, and the story is refused as incomplete."""
FRAGMENTED: Final = "news.lseg"


def document_batcher(cut: Cut, keep: Keep, clock: Callable[[], int], *, first_row: int = 0) -> Batcher:
    """Make a batcher of documents.

    Args:
        cut: How much a batch holds.
        keep: Keeps rows that are too long to travel.
        clock: Gives UTC nanoseconds.
        first_row: Index of the first row on the stream.
    """
    follow = _story if cut.dialect == FRAGMENTED else None
    return Batcher(
        replace(cut, joined_bytes_max=STORY_BATCH_BYTES_MAX), keep, clock, first_row=first_row, follow=follow
    )


def _story() -> Follow:
    """Follow the stories that rows begin or end; what is wrong with a row is said where it is read."""
    fragments = Fragments()

    def follow(row: bytes) -> bool:
        with contextlib.suppress(BadText):
            fragments.read(0, row)
        return fragments.under_way

    return follow
