"""How facts are written: envelope, names, codecs between messages and domain values, venue dialects."""
