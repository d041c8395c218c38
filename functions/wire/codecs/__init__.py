"""Codecs between protobuf messages and domain values, one file a noun."""
