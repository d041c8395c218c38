"""Read news, posts and the economic calendar; pure parsers of what their sources send, one file a source or format."""
