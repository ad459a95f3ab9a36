"""A training run, from its data to a published folder."""
