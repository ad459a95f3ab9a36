"""Is everything right on the card? A part of :mod:`benchmarks.gpu`.

Vectors in float32 equal those of ``SparseEncoder`` on the card and on the processor to 1e-4. In bfloat16 and float16,
two computations differ, however right. What is exact is float32, and what is as good as can be had is ``SparseEncoder``
in the same type: so a vector may be twice as far from float32 as its own, and further by one rounding of each logit.
With the unit ``u`` (2^-8 and 2^-11), a product ``p`` and its logit ``l = p + b`` are off by ``u |p| + u |l|``; a weight
``log1p(l)`` therefore by ``u (2 l + |b|) / (1 + l) <= u (2 + |b|)``, on both sides.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch
from tests.support.models import MODELS, TEXTS, modernbert_without_bias, save

from benchmarks.gpu_run import Run, loaded, run_part, texts_of
from postings import Encoder, SparseVector
from postings.encoder.model_files.location import BUNDLED
from postings.encoder.toolkit import encode_with, modules_of

TOLERANCE = 1e-4
UNITS = {"float32": 0.0, "bfloat16": 2.0**-8, "float16": 2.0**-11}
OTHER_EVIDENCE = 1e-3  # of the entries: two positions of a text may tie to the last bit but one
DRY = ["distilbert", "modernbert_without_bias", "csr", "inference_free"]
CHECKED = ["modernbert_without_bias", "tiny"]
OTHER_HEADS = ("csr", "csr_with_two_sides", "csr_with_whole_queries", "sum_pooling")
CHOOSING = ("csr", "csr_with_two_sides", "bert_with_prompts_and_pruning")
"""They keep the highest of many values, and rounded values may order otherwise: so only float32 is judged."""
SIDES = ("document", "query")

Vectors = dict[str, list[SparseVector]]


def models(folder: Path, *, dry: bool) -> dict[str, Path]:
    builders = {**MODELS, "modernbert_without_bias": modernbert_without_bias}
    found = {}
    for name in DRY if dry else [*builders, "tiny"]:
        (folder / name).mkdir()
        found[name] = BUNDLED / name if name == "tiny" else save(builders[name], folder / name)
    return found


def reference(folder: Path, device: str, dtype: str) -> tuple[Vectors, float]:
    """The vectors of sentence-transformers, and the largest bias of its head."""
    model = loaded(folder, device, dtype)
    found = {}
    for side in SIDES:
        encode = model.encode_document if side == "document" else model.encode_query
        rows: Any = encode(TEXTS, convert_to_sparse_tensor=False)
        found[side] = [SparseVector.from_dense(row) for row in rows.float().cpu().numpy()]
    head = getattr(modules_of(model, "document")[0].model, "get_output_embeddings", lambda: None)()
    bias = getattr(head, "bias", None)
    return found, 0.0 if bias is None else float(bias.abs().max())


def ours(encoder: Encoder) -> Vectors:
    return {"document": encoder.encode_documents(TEXTS), "query": encoder.encode_queries(TEXTS)}


def difference(some: Vectors, others: Vectors) -> float:
    return max(
        one.largest_difference(other) for side in SIDES for one, other in zip(some[side], others[side], strict=True)
    )


def vectors(run: Run, folders: dict[str, Path]) -> None:
    """Compare vectors, model by model, in each type."""
    worst, too_far, fallen_back = 0.0, [], []
    for name, folder in folders.items():
        exact, _ = reference(folder, "cpu", "float32")
        for dtype, unit in UNITS.items():
            if run.dry and dtype == "float16":
                continue  # a processor has it for few operations
            theirs, bias = reference(folder, run.device, dtype)
            encoder = Encoder.load(folder, run.device, "torch", dtype)  # type: ignore[arg-type]
            found, route = ours(encoder), type(encoder._passes("document").route).__name__  # noqa: SLF001
            if name not in OTHER_HEADS and route != "TorchSplade":
                fallen_back.append(f"{name} in {dtype}")
            own, processor, same = difference(theirs, exact), difference(found, exact), difference(found, theirs)
            bound = TOLERANCE if dtype == "float32" else 2 * own + 2 * unit * (2 + bias)
            if dtype == "float32":
                # Sums over all positions are large numbers: of those, it is the share that counts.
                largest = max(float(each.values.max(initial=1)) for side in SIDES for each in exact[side])
                worst = max(worst, *(each / (largest if name == "sum_pooling" else 1) for each in (processor, same)))
            elif processor > bound and name not in CHOOSING:
                too_far.append(f"{name} in {dtype}")
            run.results.row(
                "Vectors: largest difference",
                model=name,
                precision=dtype,
                route=route,
                from_SparseEncoder=f"{same:.1e}",
                from_the_processor_in_float32=f"{processor:.1e}",
                may_be=f"{bound:.1e}" if dtype == "float32" or name not in CHOOSING else "—",
                SparseEncoder_from_the_processor=f"{own:.1e}",
            )
    run.results.goal("float32", f"{worst:.1e}", reached=worst <= TOLERANCE)
    run.results.goal("routes", ", ".join(fallen_back) or "0", reached=not fallen_back)
    run.results.goal("half", ", ".join(too_far) or "0", reached=not too_far)


def evidence(run: Run, folder: Path) -> str:
    """Entries whose characters differ from those on the processor."""
    texts = TEXTS[:3]
    found, expected = (
        Encoder.load(folder, device, "torch").encode_for_storage(texts) for device in (run.device, "cpu")
    )
    others = total = 0
    for (vector, spans), (wanted, wanted_spans) in zip(found, expected, strict=True):
        at = dict(zip(wanted.indices.tolist(), wanted_spans.lists(), strict=True))
        shown = zip(vector.indices.tolist(), spans.lists(), strict=True)
        common = [(at[index], span) for index, span in shown if index in at]
        others, total = others + sum(one != other for one, other in common), total + len(common)
    return "" if total and others <= OTHER_EVIDENCE * total else f"{others} of {total} entries"


def empty_and_longest(run: Run, folder: Path) -> str:
    encoder, processor = (Encoder.load(folder, device, "torch") for device in (run.device, "cpu"))
    longest = "hunting lions " * 10_000
    for texts in ([], [""], [" "], [longest], ["", longest, ""]):
        pairs = zip(encoder.encode_documents(texts), processor.encode_documents(texts), strict=True)
        if any(one.largest_difference(other) > TOLERANCE for one, other in pairs):
            return f"{len(texts)} texts differ"
    return ""


def out_of_memory(run: Run, folder: Path) -> str:
    """Take memory away, and see passes halved and vectors equal."""
    encoder = Encoder.load(folder, run.device, "torch")
    texts = texts_of(loaded(folder, "cpu", "float32"), 4 if run.dry else 128, 16 if run.dry else 256)
    expected = encoder.encode_documents(texts)
    if run.dry:
        model: Any = encoder._passes("document").route.model  # type: ignore[attr-defined]  # noqa: SLF001

        def fail(_: Any, arguments: tuple[torch.Tensor, ...]) -> None:
            if len(arguments[0]) > 1:
                raise torch.OutOfMemoryError("CUDA out of memory")

        handle = model.get_input_embeddings().register_forward_pre_hook(fail)
        undo: Callable[[], object] = handle.remove
    else:
        # Half of what a pass needs. The allocator takes 20 MiB at a time, so the model must be one that needs more.
        allowed = (run.peak(lambda: encoder.encode_documents(texts)) or 0) * 2**20 / 2
        torch.cuda.empty_cache()
        total = torch.cuda.get_device_properties(run.device).total_memory
        torch.cuda.set_per_process_memory_fraction((torch.cuda.memory_reserved() + allowed) / total)
        undo = lambda: torch.cuda.set_per_process_memory_fraction(1.0)  # noqa: E731
    try:
        found = encoder.encode_documents(texts)
    finally:
        undo()
    again = encoder.encode_documents(texts)
    if not encoder.work.halvings:
        return "no pass was halved"
    far = [one.largest_difference(wanted) > TOLERANCE for one, wanted in zip(found + again, expected * 2, strict=True)]
    return f"{sum(far)} vectors differ" if any(far) else ""


def two_threads(run: Run, folder: Path) -> str:
    encoder = Encoder.load(folder, run.device, "torch")
    texts = texts_of(loaded(folder, "cpu", "float32"), 4 if run.dry else 200, 16)
    expected, wrong = encoder.encode_documents(texts), []

    def work() -> None:
        for _ in range(2 if run.dry else 20):
            found = encoder.encode_documents(texts)
            if any(one.largest_difference(other) > TOLERANCE for one, other in zip(found, expected, strict=True)):
                wrong.append("vectors differ")

    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return wrong[0] if wrong else ""


def moved(run: Run, folder: Path) -> str:
    """Encode with one loaded model on the card, on the processor, and on the card again."""
    model = loaded(folder, run.device, "float32")
    found = []
    for device in (run.device, "cpu", run.device):
        model.to(device)
        found.append(encode_with(model, TEXTS, "document"))
    differ = [
        one.largest_difference(other) > TOLERANCE
        for each in found[1:]
        for one, other in zip(each, found[0], strict=True)
    ]
    return f"{sum(differ)} vectors differ" if any(differ) else ""


def repeated(run: Run, folder: Path) -> str:
    """The same texts give the same bits."""
    encoder = Encoder.load(folder, run.device, "torch")
    found = [encoder.encode_documents(TEXTS) for _ in range(3)]
    same = all(
        np.array_equal(one.indices, other.indices) and np.array_equal(one.values, other.values)
        for each in found[1:]
        for one, other in zip(each, found[0], strict=True)
    )
    return "" if same else "not the same bits"


def measure(run: Run) -> None:
    with TemporaryDirectory() as temporary:
        folders = models(Path(temporary), dry=run.dry)
        vectors(run, folders)
        failed = 0
        for check in (evidence, empty_and_longest, out_of_memory, two_threads, moved, repeated):
            for name in CHECKED[: 1 if run.dry else None]:
                if check is out_of_memory and not run.dry and name != "tiny":
                    continue
                try:
                    wrong = check(run, folders[name])
                except Exception as error:  # the other checks are still worth their time
                    wrong = f"{type(error).__name__}: {error}"
                failed += bool(wrong)
                run.results.row(
                    "Behavior", check=check.__name__.replace("_", " "), model=name, wrong=wrong or "nothing"
                )
    run.results.goal("behavior", str(failed), reached=not failed)


if __name__ == "__main__":
    run_part("right", measure)
