"""Join bars of two instruments on buckets of venue time: what is paired, batch, kernel loops, state, and the fold."""
