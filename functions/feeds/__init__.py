"""Feeds: sockets, sessions and files held open, one deployable a folder."""
