"""Compute indicators over closed bars: registry and kernel loops, state, and the fold that joins them."""
