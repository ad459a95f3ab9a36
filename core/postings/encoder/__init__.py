"""The encoder, from texts to sparse vectors. Other packages may use :class:`Encoder` and :mod:`.toolkit`, nothing else.

Its rooms: ``model_files/`` (a model's folder), ``routes/`` (the four routes from texts to vectors), ``passes/`` (how
texts go through a route), ``export/`` (ONNX graphs).
"""

from postings.encoder.encoder import Encoder
from postings.encoder.passes.work import Work

__all__ = ["Encoder", "Work"]
