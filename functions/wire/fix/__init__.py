"""FIX 4.4 without I/O: framing, typed messages and the session layer, pure and fed with bytes and times."""
