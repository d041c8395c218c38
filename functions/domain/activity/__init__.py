"""Fold trades of one shard into bars of equal activity: batch, layout, kernel loops, state and the fold over them."""
