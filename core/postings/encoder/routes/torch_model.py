"""Loading a model with sentence-transformers, and choosing the route for each side of it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from postings.cards import check_device
from postings.encoder.model_files.modules import SPARSE_MODULES, Task, not_sparse, sparse_module
from postings.encoder.model_files.tokenizer import UNLIMITED, Tokenizer, no_fast_tokenizer
from postings.encoder.routes.lookup import Lookup
from postings.encoder.routes.probes import probes
from postings.encoder.routes.protocol import Route
from postings.errors import MissingExtra, ModelNotSupported, WrongProcess

if TYPE_CHECKING:
    from sentence_transformers import SparseEncoder

_LONGEST_PROBE = 16_384


class _Threads:
    """Whether PyTorch has started threads. They and a GPU are lost in a forked process, where PyTorch may then hang."""

    started = False
    lost = False


def _after_fork() -> None:
    _Threads.lost = _Threads.started


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


def load_model(folder: Path, device: str, precision: str, name: str) -> SparseEncoder:
    """Load a model without running code from its folder.

    Raises:
        MissingExtra: PyTorch and sentence-transformers aren't installed.
        ConfigurationError: there is no such device.
        ModelNotSupported: the folder isn't a sparse encoder that scores by dot product.
        WrongProcess: this process was forked after PyTorch had been used.
    """
    if _Threads.lost:
        raise WrongProcess(
            f"the model {name!r} can't be loaded in a process that was forked after PyTorch was used: start processes "
            "with multiprocessing's 'spawn', or load models only after the fork"
        )
    # OpenMP's threads spin at each barrier, of which encoding has thousands. On a CPU that other processes use too,
    # this made encoding ten times slower. Waiting asleep costs nothing on an idle CPU. torch reads this on import.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    try:
        import torch
        from sentence_transformers import SparseEncoder
        from transformers.utils import logging as transformers_logging
    except ImportError as error:
        raise MissingExtra("torch", f"encoding with the model {name!r}") from error
    check_device(device)
    _Threads.started = True
    bars_shown = transformers_logging.is_progress_bar_enabled()
    transformers_logging.disable_progress_bar()
    try:
        model = SparseEncoder(
            str(folder),
            device=None if device == "auto" else device,
            trust_remote_code=False,
            local_files_only=True,
            model_kwargs={"use_safetensors": True, "dtype": getattr(torch, precision)},
        )
    except Exception as error:  # transformers raises OSError, ValueError, KeyError and others for a broken folder
        raise ModelNotSupported(f"{folder} can't be loaded as a sparse encoder: {error}") from error
    finally:
        if bars_shown:
            transformers_logging.enable_progress_bar()
    last = sparse_module([type(module).__name__ for module in modules_of(model, "document")])
    if last not in SPARSE_MODULES:
        raise not_sparse(repr(name), last)
    return model.eval()


def modules_of(model: SparseEncoder, task: Task) -> list[Any]:
    """The modules of a loaded model that encode documents, or queries."""
    found: list[Any] = []
    for module in model:
        sides: Any = getattr(module, "sub_modules", None) if type(module).__name__ == "Router" else None
        found.extend([module] if sides is None else sides[task if task in sides else module.default_route])
    return found


def route_of(model: SparseEncoder, task: Task) -> Route:
    """The fastest route that gives the vectors of sentence-transformers."""
    from postings.encoder.routes.sentence_transformers import SentenceTransformers
    from postings.encoder.routes.torch_splade import TorchSplade

    modules = modules_of(model, task)
    names = [type(module).__name__ for module in modules]
    tokenizer = _tokenizer(modules[0], task, special_tokens=names != ["SparseStaticEmbedding"])
    if _same_ids(model, task, tokenizer):
        if names == ["SparseStaticEmbedding"]:
            return Lookup(modules[0].weight.detach().float().cpu().numpy(), tokenizer, model.max_active_dims)
        if len(modules) == 2 and names[1] == "SpladePooling":
            route = TorchSplade.if_equal(modules[0], modules[1], tokenizer, model.max_active_dims)
            if route is not None:
                return route
    return SentenceTransformers(model, task, tokenizer)


def _same_ids(model: SparseEncoder, task: Task, tokenizer: Tokenizer) -> bool:
    """Whether a tokenizer gives the ids of sentence-transformers, on texts of many kinds."""
    prompt = model.prompts.get(task) or ""
    texts = probes(tokenizer, min(tokenizer.length, _LONGEST_PROBE))
    features = model.preprocess(texts, prompt=prompt or None, task=task)
    ids, mask = features.get("input_ids"), features.get("attention_mask")
    if ids is None or mask is None or ids.shape != mask.shape or len(ids) != len(texts):
        return False
    expected = [row[read].tolist() for row, read in zip(ids, mask.bool(), strict=True)]
    return expected == [each.tolist() for each in tokenizer.ids([prompt + text for text in texts])]


def _tokenizer(module: Any, task: Task, *, special_tokens: bool) -> Tokenizer:
    tokenizer = module.tokenizer
    if not getattr(tokenizer, "is_fast", False):
        raise no_fast_tokenizer("the model")
    length = int(min(tokenizer.model_max_length, _positions(getattr(module, "model", None))))
    if length < tokenizer.model_max_length:
        # sentence-transformers would fail on longer texts.
        tokenizer.model_max_length = length
    # Queries may have another limit than documents; expanded queries have a length of their own.
    expansion = getattr(module, "query_expansion", None) if task == "query" else None
    stated = expansion["length"] if expansion else getattr(module, f"{task}_length", None)
    length = min(length, stated or length)
    return Tokenizer(tokenizer.backend_tokenizer.to_str(), length, special_tokens=special_tokens)


def _positions(model: Any) -> int:
    """The number of tokens that a model has positions for."""
    config = getattr(model, "config", None)
    stated = getattr(config, "max_position_embeddings", None) or 0
    for name, table in model.named_modules() if stated > 0 else ():
        # RoBERTa and similar models count positions from the one after that of padding.
        if name.endswith("position_embeddings") and getattr(table, "padding_idx", None) is not None:
            return int(min(stated, len(table.weight)) - table.padding_idx - 1)
    return stated if stated > 0 else UNLIMITED
