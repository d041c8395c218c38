"""Handlers: one event in, at most one event out, one deployable a folder."""
