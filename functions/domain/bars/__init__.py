"""Fold trades, quotes and books of one shard into bars: layout, kernel loops, state and the fold that joins them."""
