"""Open indexes, models, and searches that are answered together."""
