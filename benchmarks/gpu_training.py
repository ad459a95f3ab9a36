"""How fast is training on the card, and in how much memory? A part of :mod:`benchmarks.gpu`.

The lean head against the head of sentence-transformers: the same model, texts, losses and optimizer, in bfloat16 by
autocast, as its example script trains. The loop is plain PyTorch, so that no ``datasets`` or ``accelerate`` is needed.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import torch
from sentence_transformers.sparse_encoder import losses

from benchmarks.gpu_run import Run, loaded, run_part, texts_of
from benchmarks.shapes import model_folder
from postings_training.models.patching import lean_heads

if TYPE_CHECKING:
    from sentence_transformers import SparseEncoder

PLAIN, OURS = "sentence-transformers", "postings"
EQUAL = 1e-4
QUERY, DOCUMENT = 16, 256  # tokens
BATCHES = {128: None, 512: 128}  # pairs, and how many at a time where the loss is cached
DRY_BATCHES = {4: None, 8: 4}
WEIGHTS = {"query_regularizer_weight": 5e-5, "document_regularizer_weight": 3e-5}

Features = list[dict[str, torch.Tensor]]


def features(model: SparseEncoder, run: Run, pairs: int) -> Features:
    lengths = (8, 16) if run.dry else (QUERY, DOCUMENT)
    texts = [texts_of(model, pairs, tokens, seed=tokens) for tokens in lengths]
    return [
        {name: part.to(run.device) for name, part in model.preprocess(each).items() if torch.is_tensor(part)}
        for each in texts
    ]


def step_of(model: SparseEncoder, given: Features, mini_batch: int | None) -> Callable[[], None]:
    """One step of training, on the same batch each time."""
    base = losses.SparseMultipleNegativesRankingLoss(model)
    loss: Any = (
        losses.SpladeLoss(model, base, **WEIGHTS)
        if mini_batch is None
        else losses.CachedSpladeLoss(model, base, **WEIGHTS, mini_batch_size=mini_batch)
    )
    device = given[0]["input_ids"].device.type
    optimizer = torch.optim.AdamW(model.parameters(), lr=2e-5, fused=device == "cuda")

    def step() -> None:
        optimizer.zero_grad()
        with torch.autocast(device, torch.bfloat16):
            total = torch.stack(list(loss([dict(each) for each in given], None).values())).sum()
        total.backward()
        optimizer.step()

    return step


def speed(run: Run, folder: Path, contender: str, pairs: int, mini_batch: int | None, *, compiled: bool) -> None:
    model = loaded(folder, run.device, "float32").train()
    shown = {"trainer": contender, "pairs": pairs, "cached": "no" if mini_batch is None else f"by {mini_batch}"}
    shown["torch.compile"] = "on" if compiled else "off"
    try:
        with lean_heads(model) if contender == OURS else nullcontext():
            if compiled:
                # On a processor, code would be made by a compiler of C++, which may not be there.
                model[0].model.compile(backend="eager" if run.dry else "inductor", dynamic=False)
            step = step_of(model, features(model, run, pairs), mini_batch)
            step()
            rate = 1 / run.seconds(step, 1.0)
            memory = run.peak(step)
    except Exception as error:  # out of memory, or what can't be compiled: the others are still worth their time
        run.results.row("Training", **shown, steps_a_second=f"{type(error).__name__}: {str(error)[:100]}", MiB=None)
    else:
        run.results.row("Training", **shown, steps_a_second=rate, MiB=memory)


def gradients(run: Run, folder: Path) -> float:
    """The largest difference of a gradient in float32, dropout and all."""
    model = loaded(folder, run.device, "float32").train()
    given = features(model, run, 4 if run.dry else 8)
    loss: Any = losses.SpladeLoss(model, losses.SparseMultipleNegativesRankingLoss(model), **WEIGHTS)

    def found() -> dict[str, torch.Tensor]:
        model.zero_grad()
        torch.manual_seed(0)
        torch.stack(list(loss([dict(each) for each in given], None).values())).sum().backward()
        return {name: part.grad.clone() for name, part in model.named_parameters() if part.grad is not None}

    expected = found()
    with lean_heads(model) as sides:
        if not sides:
            raise RuntimeError("the lean head doesn't give this model's weights")
        lean = found()
    return max(float((lean[name] - wanted).abs().max()) for name, wanted in expected.items())


def measure(run: Run) -> None:
    with TemporaryDirectory() as temporary:
        folder = model_folder("tiny" if run.dry else "BERT-base", Path(temporary))
        differs = gradients(run, folder)
        run.results.goal("gradients", f"{differs:.1e}", reached=differs <= EQUAL)
        for pairs, mini_batch in (DRY_BATCHES if run.dry else BATCHES).items():
            for contender in (OURS, PLAIN):
                speed(run, folder, contender, pairs, mini_batch, compiled=False)
        pairs = next(iter(DRY_BATCHES if run.dry else BATCHES))
        for contender in (OURS,) if run.dry else (OURS, PLAIN):
            if run.left > 20:
                speed(run, folder, contender, pairs, None, compiled=True)


if __name__ == "__main__":
    run_part("training", measure)
