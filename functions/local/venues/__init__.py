"""Simulate venues on this machine: each speaks its dialect as the venue documents it, and fails on demand."""
