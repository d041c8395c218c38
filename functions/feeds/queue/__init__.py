"""Read a Kafka topic whose records are raw rows.

Each partition is a shard and a stream of its own, and a row's index is its record's offset: (topic, partition, offset)
names a row for ever. A record's header `dialect` says which decoder reads it (else the settings do), its header
`symbol` what the decoder asks for beside the bytes. The receive time is the record's own time, so that a batch that is
made again is the same bytes. What a transaction wrote is read once it is committed, and never where it was aborted.

At least once, and no number twice: before a batch is published, the group's committed metadata says its number and
where it ends (`tickloom 1 <sequence> <end>`); once it is stored, the offset moves on. Whoever reads the partition next
makes the same batch again under the same number, which doubles nothing downstream.
"""

from typing import Final

from functions.ports.card import Card, Kind

CARD: Final = Card(
    name="queue",
    kind=Kind.FEED,
    version="1",
    summary="Reads a Kafka topic in a consumer group and gives each record's bytes on as a row named by its offset.",
    emits=("tickloom.market.v1.RawBatch",),
    key="shard",
    state="committed offset of each partition, with its batch's number and end",
)
