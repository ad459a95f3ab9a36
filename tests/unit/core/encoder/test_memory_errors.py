"""Whatever PyTorch says when memory runs out, a pass is halved and nothing of it stays in memory."""

from __future__ import annotations

import gc
import weakref
from pathlib import Path
from typing import Any

import pytest
import torch

from postings import Encoder
from postings.encoder.routes.memory_errors import memory_errors
from tests.support.models import TEXTS, save
from tests.support.vectors import TOLERANCE

SAID = [
    torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 has a total capacity of …"),
    RuntimeError("[enforce fail at alloc_cpu.cpp:121] DefaultCPUAllocator: can't allocate memory: you tried …"),
    RuntimeError("could not create a primitive"),
    RuntimeError("CUDA error: out of memory\nCompile with `TORCH_USE_CUDA_DSA` to enable device-side assertions."),
    RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"),
]


@pytest.fixture(scope="module", params=["bert", "csr"])
def model(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One for each route on PyTorch."""
    return save(request.param, tmp_path_factory.mktemp("model"))


@pytest.mark.parametrize("error", SAID, ids=lambda error: str(error)[:30])
def test_a_pass_that_runs_out_of_memory_is_halved(model: Path, error: RuntimeError) -> None:
    encoder = Encoder.load(model, "cpu", "torch")
    texts = [text for text in TEXTS if len(text) < 100]
    expected = encoder.encode_documents(texts)
    held: list[weakref.ref[torch.Tensor]] = []

    def fail(_: Any, arguments: Any, result: Any) -> None:
        # What the last pass held must be gone before the next begins.
        assert all(tensor() is None for tensor in held)
        held.append(weakref.ref(result))
        if len(result) > 1:
            raise type(error)(*error.args)

    modules = encoder._loader._model
    assert modules is not None
    embeddings = modules[0].model.get_input_embeddings()
    gc.disable()
    handle = embeddings.register_forward_hook(fail)
    try:
        found = encoder.encode_documents(texts)
    finally:
        handle.remove()
        gc.enable()
    assert encoder.work.halvings > 0
    for vector, wanted in zip(found, expected, strict=True):
        assert vector.largest_difference(wanted) <= TOLERANCE


def test_what_a_failed_call_computed_is_freed_before_the_error_is_seen() -> None:
    held: list[weakref.ref[torch.Tensor]] = []

    def call() -> None:
        tensor = torch.ones(3)
        held.append(weakref.ref(tensor))
        raise torch.OutOfMemoryError("CUDA out of memory")

    with pytest.raises(MemoryError, match="CUDA out of memory") as caught, memory_errors():
        call()
    assert caught.value.__cause__ is not None
    assert held[0]() is None


def test_another_error_stays_as_it_is() -> None:
    with pytest.raises(RuntimeError, match="size mismatch"), memory_errors():
        raise RuntimeError("size mismatch")
