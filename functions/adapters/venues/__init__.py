"""Connections to venues, one file a venue."""
