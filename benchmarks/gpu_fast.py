"""How fast is encoding on the card, and where does the time go? A part of :mod:`benchmarks.gpu`.

Postings and then ``SparseEncoder`` encode the same texts with the same loaded model, repeatedly; figures are medians.
``SparseEncoder`` gets the batch size that a trial finds the fastest. What the goals need comes first.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import torch
from torch.autograd import DeviceType
from torch.profiler import ProfilerActivity, profile

from benchmarks.gpu_products import seconds_of
from benchmarks.gpu_run import Run, loaded, run_part, texts_of
from benchmarks.shapes import SHAPES, model_folder
from postings.encoder.passes.bulk import encode_all
from postings.encoder.passes.shared import SharedPasses
from postings.encoder.routes.torch_model import route_of

if TYPE_CHECKING:
    from sentence_transformers import SparseEncoder

MODELS = ("BERT-base", "MiniLM-L6", "tiny", "BERT-large")
LENGTHS = (256, 32, 512)
PRECISIONS = {"bfloat16": "bfloat16", "float32": "float32", "float16": "float16", "tf32": "float32"}
BATCH_SIZES = (32, 128, 512)
GOAL_MODEL, GOAL_LENGTH = "BERT-base", 256
FASTER, SHARE = 2.0, 0.5
SECONDS = 0.25  # of each measurement
DIFFERENT = 1024  # texts; more are repetitions of these
SHOWN = 15  # operations of a profile


@contextmanager
def tf32(allowed: bool) -> Iterator[None]:  # noqa: FBT001
    before = torch.backends.cuda.matmul.allow_tf32
    torch.backends.cuda.matmul.allow_tf32 = allowed
    try:
        yield
    finally:
        torch.backends.cuda.matmul.allow_tf32 = before


def encode(passes: SharedPasses, texts: list[str]) -> None:
    encode_all(passes, passes.route.prepare(texts), positions=False)


def fitting(run: Run, passes: SharedPasses, model: SparseEncoder, tokens: int) -> list[str]:
    """As many texts as encoding takes a measurement's time for, and no fewer than fill a pass."""
    least = 4 if run.dry else 32_768 // tokens
    texts = texts_of(model, min(least, DIFFERENT), tokens)
    if run.dry:
        return texts
    encode(passes, texts)
    run.wait()
    began = time.perf_counter()
    encode(passes, texts)
    count = int(SECONDS * len(texts) / (time.perf_counter() - began))
    different = texts_of(model, min(max(count, least), DIFFERENT), tokens)
    return (different * (count // len(different) + 1))[: max(count, least)]


def best_of(run: Run, model: SparseEncoder, texts: list[str]) -> tuple[int, float]:
    """The batch size that ``SparseEncoder`` is fastest with, and its texts a second."""
    seconds: dict[int, float] = {}
    for size in (2,) if run.dry else BATCH_SIZES:
        try:
            model.encode_document(texts[:size], batch_size=size)
            run.wait()
            began = time.perf_counter()
            model.encode_document(texts, batch_size=size)
            run.wait()
            seconds[size] = time.perf_counter() - began
        except torch.OutOfMemoryError:
            torch.cuda.empty_cache()
    size = min(seconds, key=seconds.__getitem__)
    return size, len(texts) / run.seconds(lambda: model.encode_document(texts, batch_size=size), 0)


def one(
    run: Run, name: str, model: SparseEncoder, passes: SharedPasses, tokens: int, precision: str
) -> tuple[float, ...]:
    """Measure one model, length and precision; returns the rates of both, and the share of the products."""
    with tf32(precision == "tf32"):
        texts = fitting(run, passes, model, tokens)
        ours = len(texts) / run.seconds(lambda: encode(passes, texts), SECONDS)
        memory = run.peak(lambda: encode(passes, texts))
        size, theirs = best_of(run, model, texts)
        their_memory = run.peak(lambda: model.encode_document(texts[: 4 * size], batch_size=size))
        share = ours * tokens * seconds_of(run, SHAPES[name], tokens, getattr(torch, PRECISIONS[precision]))
    run.results.row(
        "Encoding",
        model=name,
        tokens=tokens,
        precision=precision,
        documents_a_second=ours,
        tokens_a_second=ours * tokens,
        of_the_products=f"{share:.0%}",
        MiB=memory,
        SparseEncoder=theirs,
        its_batch=size,
        its_MiB=their_memory,
        faster=f"{ours / theirs:.1f}x",
    )
    return ours, theirs, share


def with_flash_attention(run: Run, folder: Path) -> float:
    """Texts a second of ``SparseEncoder`` with flash attention in bfloat16; 0 where there is none."""
    if run.dry or find_spec("flash_attn") is None:
        run.results.note("flash_attn isn't installed: attention is PyTorch's own (sdpa).")
        return 0.0
    model = loaded(folder, run.device, "bfloat16", attention="flash_attention_2")
    size, rate = best_of(run, model, texts_of(model, 4096, GOAL_LENGTH))
    run.results.note(f"`SparseEncoder` with flash attention in bfloat16: {rate:,.0f} documents/s, batches of {size}.")
    return rate


def profiled(run: Run, name: str, passes: SharedPasses, model: SparseEncoder, tokens: int, precision: str) -> None:
    """Where the time of encoding goes, how many kernels a pass launches, and what share copies have."""
    texts = texts_of(model, 4 if run.dry else 4 * 32_768 // tokens, tokens)
    encode(passes, texts)
    before = passes.work.passes
    with profile(activities=[ProfilerActivity.CPU, *([] if run.dry else [ProfilerActivity.CUDA])]) as found:
        encode(passes, texts)
        run.wait()
    events, count = found.key_averages(), passes.work.passes - before
    column = "self_cpu_time_total" if run.dry else "self_device_time_total"
    # A kernel's time also counts for the operation that launched it, which runs on the processor.
    total = sum(getattr(event, column) for event in events if run.dry or event.device_type == DeviceType.CUDA) or 1
    launches = sum(event.count for event in events if "LaunchKernel" in event.key)
    copies = sum(getattr(event, column) for event in events if event.key.startswith("Memcpy"))
    run.results.row(
        "Profile",
        model=name,
        tokens=tokens,
        precision=precision,
        passes=count,
        kernel_launches_a_pass=launches // count,
        share_of_copies=f"{copies / total:.1%}",
        device_ms_a_pass=total / 1000 / count,
    )
    table = events.table(sort_by=column, row_limit=SHOWN, max_name_column_width=60)
    run.results.note(f"{name}, {tokens} tokens, {precision}:\n\n```\n{table}\n```")


def measure(run: Run) -> None:
    rates: dict[str, tuple[float, ...]] = {}
    left_out = []
    with TemporaryDirectory() as temporary:
        for name in ("tiny",) if run.dry else MODELS:
            folder = model_folder(name, Path(temporary))
            for precision, dtype in PRECISIONS.items():
                if run.dry and precision != "bfloat16":
                    continue
                model = loaded(folder, run.device, dtype)
                passes = SharedPasses(route_of(model, "document"))
                for tokens in (32,) if run.dry else LENGTHS:
                    if run.left < 10:
                        left_out.append(f"{name} with {tokens} tokens in {precision}")
                        continue
                    found = one(run, name, model, passes, tokens, precision)
                    judge = (name, tokens) == (GOAL_MODEL, GOAL_LENGTH) or run.dry
                    if judge:
                        rates[precision] = found
                        profiled(run, name, passes, model, tokens, precision)
                del model, passes
            if rates and name == ("tiny" if run.dry else GOAL_MODEL):
                judged(run, rates, with_flash_attention(run, folder))
    if left_out:
        run.results.note(f"Left out for want of time: {', '.join(left_out)}.")


def judged(run: Run, rates: dict[str, tuple[float, ...]], flash: float) -> None:
    fastest = max(flash, *(theirs for _, theirs, _ in rates.values()))
    ratio = max(ours for ours, _, _ in rates.values()) / fastest
    run.results.goal("faster", f"{ratio:.1f}x", reached=ratio >= FASTER)
    share = rates["bfloat16"][2]
    run.results.goal("products", f"{share:.0%}", reached=share >= SHARE)


if __name__ == "__main__":
    run_part("fast", measure)
