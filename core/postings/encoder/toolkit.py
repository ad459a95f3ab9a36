"""What other packages may use of the encoder besides :class:`postings.Encoder`; all else in it is private.

* :func:`model_folder`, :func:`fingerprint`, :func:`modules_in`, :func:`sparse_module`: a model's folder.
* :class:`Tokenizer`, :data:`Word`: token ids and words of texts.
* :func:`modules_of`, :func:`encode_with`: a model that sentence-transformers has loaded.
* :func:`batches`: texts of similar length.
* :func:`export_model`: ONNX graphs.
* :data:`Task`: documents or queries.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from postings.encoder.export.model import export_model
from postings.encoder.model_files.fingerprint import fingerprint
from postings.encoder.model_files.location import model_folder
from postings.encoder.model_files.modules import Task, modules_in, sparse_module
from postings.encoder.model_files.tokenizer import Tokenizer, Word
from postings.encoder.passes.batches import batches
from postings.encoder.passes.bulk import encode_all
from postings.encoder.passes.shared import SharedPasses
from postings.encoder.routes.torch_model import modules_of, route_of
from postings.vectors import SparseVector

if TYPE_CHECKING:
    from sentence_transformers import SparseEncoder

__all__ = [
    "Task",
    "Tokenizer",
    "Word",
    "batches",
    "encode_with",
    "export_model",
    "fingerprint",
    "model_folder",
    "modules_in",
    "modules_of",
    "sparse_module",
]


def encode_with(model: SparseEncoder, texts: Sequence[str], task: Task) -> list[SparseVector]:
    """Encode documents, or queries, with a loaded model as :class:`postings.Encoder` does with a saved one.

    Args:
        model: in evaluation mode.
        texts: any number.
        task: which side of the model to use.
    """
    passes = SharedPasses(route_of(model, task))
    prompt = model.prompts.get(task) or ""
    prepared = passes.route.prepare([prompt + text for text in texts])
    return [each.vector for each in encode_all(passes, prepared, positions=False)]
