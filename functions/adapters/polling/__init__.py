"""Poll venues over REST: one file a venue says what to ask and how to go on; `_poller` does the asking."""
