"""Evaluation queries that a model was trained on, and the record of what it was trained on."""
