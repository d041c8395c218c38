"""Pure decoders of venue dialects, one file a venue."""
