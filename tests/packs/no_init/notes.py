"""A note, not a pack."""
