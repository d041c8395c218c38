"""Keep the quality of feeds in memory: the twin of `postgres_quality`, row for row."""

from functions.adapters.postgres_quality import Row, rows_of
from functions.domain.quality import FeedQuality


class MemoryQuality:
    """Keep rows in a dict by (instrument, shard, end of the window); they have the columns of the table."""

    def __init__(self) -> None:
        """Start empty."""
        self.rows: dict[tuple[str, str, int], Row] = {}

    async def put_quality(self, quality: FeedQuality) -> None:
        """Keep every entry by (instrument, shard, end of the window)."""
        for row in rows_of(quality):
            self.rows.setdefault((row["instrument_id"], row["shard"], row["window_end_ns"]), row)
