"""Models: data, card, manifest, training script and golden scores, one folder each."""
