"""Sparse encoders: loading, encoding, token names and evidence."""

from postings.encoder.encoder import Encoder

__all__ = ["Encoder"]
