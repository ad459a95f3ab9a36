"""How fast is training, and in how much memory, against sentence-transformers' example script?

    python -m benchmarks.training [--base FOLDER] [--data PAIRS] [--steps 5] [--repeats 2] [--batch 32] [--length 256]

The example is train_splade_gooaq.py: the same model, rows, losses, weights, batch size and length, through the same
trainer. Contenders take turns, each in a process of its own; the first step isn't counted. Writes
``benchmarks/results/training.md``; exit status 1 if training isn't 1.5 times as fast in a quarter of the memory, or a
gradient differs by more than 1e-4.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import nullcontext
from importlib.metadata import version
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import torch
from sentence_transformers import SparseEncoder, SparseEncoderTrainer, SparseEncoderTrainingArguments
from sentence_transformers.base.sampler import BatchSamplers
from sentence_transformers.sparse_encoder import losses
from transformers import TrainerCallback

from benchmarks.data import PAIRS, ROOT, present
from postings.encoder.toolkit import model_folder
from postings_training.models.patching import lean_heads
from postings_training.recipes.loading import load_recipe
from postings_training.recipes.recipe import Recipe
from postings_training.runs.trainer import build_trainer
from postings_training.runs.training_data import load_data

RESULT = ROOT / "benchmarks" / "results" / "training.md"
PLAIN, OURS = "sentence-transformers", "postings"
FASTER, SMALLER, EQUAL = 1.5, 4.0, 1e-4


class Clock(TrainerCallback):
    """When each step ended, and the memory in use when the first began."""

    def __init__(self) -> None:
        self.ends: list[float] = []
        self.before = 0

    def on_train_begin(self, *args: Any, **kwargs: Any) -> None:  # noqa: ARG002
        self.before = resident()

    def on_step_end(self, *args: Any, **kwargs: Any) -> None:  # noqa: ARG002
        self.ends.append(time.perf_counter())


def resident() -> int:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def recipe_of(arguments: argparse.Namespace) -> Recipe:
    changes = [
        f"training.steps={arguments.steps}",
        f"training.batch_size={arguments.batch}",
        f"model.max_length={arguments.length}",
        "training.device=cpu",
        "data.held_out=0",
        "publish.half=false",
    ]
    return load_recipe("splade-gooaq", changes, base=str(arguments.base), data__sources=[str(present(arguments.data))])


def model_of(arguments: argparse.Namespace) -> SparseEncoder:
    model = SparseEncoder(str(model_folder(str(arguments.base))), device="cpu", model_kwargs={"dtype": torch.float32})
    model.max_seq_length = arguments.length
    return model


def plain_loss(model: SparseEncoder, recipe: Recipe) -> torch.nn.Module:
    return losses.SpladeLoss(
        model=model,
        loss=losses.SparseMultipleNegativesRankingLoss(model=model),
        query_regularizer_weight=recipe.loss.query_weight,
        document_regularizer_weight=recipe.loss.document_weight,
    )


def train(contender: str, arguments: argparse.Namespace) -> dict[str, float]:
    """Train for some steps; returns steps a second, and the peak above what was in use before, in MiB."""
    recipe, model, clock = recipe_of(arguments), model_of(arguments), Clock()
    rows = load_data(recipe.data).train
    with TemporaryDirectory() as folder, lean_heads(model) if contender == OURS else nullcontext():
        trainer: SparseEncoderTrainer
        if contender == OURS:
            trainer = build_trainer(recipe, model, rows, None, Path(folder), [clock])
        else:
            trainer = SparseEncoderTrainer(
                model=model,
                args=SparseEncoderTrainingArguments(
                    output_dir=folder,
                    max_steps=arguments.steps,
                    per_device_train_batch_size=arguments.batch,
                    learning_rate=recipe.training.learning_rate,
                    batch_sampler=BatchSamplers.NO_DUPLICATES,
                    use_cpu=True,
                    save_strategy="no",
                    logging_steps=recipe.training.log_every,
                    report_to="none",
                    disable_tqdm=True,
                    seed=recipe.training.seed,
                ),
                train_dataset=rows,
                loss=plain_loss(model, recipe),
                callbacks=[clock],
            )
        trainer.train()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 - clock.before
    return {"rate": (len(clock.ends) - 1) / (clock.ends[-1] - clock.ends[0]), "mebibytes": peak / 2**20}


def difference(arguments: argparse.Namespace) -> float:
    """The largest difference of a gradient on one batch, dropout and all."""
    recipe, model = recipe_of(arguments), model_of(arguments)
    rows = load_data(recipe.data).train.select(range(8))
    loss = plain_loss(model, recipe)
    loss.query_regularizer_weight, loss.document_regularizer_weight = (  # type: ignore[assignment]
        recipe.loss.query_weight,
        recipe.loss.document_weight,
    )
    model.train()

    def gradients() -> dict[str, torch.Tensor]:
        model.zero_grad()
        torch.manual_seed(0)
        found: Callable[..., dict[str, torch.Tensor]] = loss
        torch.stack(list(found([model.preprocess(rows[name]) for name in rows.column_names]).values())).sum().backward()  # type: ignore[no-untyped-call]
        return {name: part.grad.clone() for name, part in model.named_parameters() if part.grad is not None}

    expected = gradients()
    with lean_heads(model):
        lean = gradients()
    return max(float((lean[name] - gradient).abs().max()) for name, gradient in expected.items())


def page(found: dict[str, list[dict[str, float]]], differs: float, arguments: argparse.Namespace) -> str:
    rates = {name: median(each["rate"] for each in runs) for name, runs in found.items()}
    memory = {name: median(each["mebibytes"] for each in runs) for name, runs in found.items()}
    lines = [
        "# Training",
        "",
        f"`python -m benchmarks.training` on {os.cpu_count()} CPU cores ({platform.machine()}), "
        f"Python {platform.python_version()}, sentence-transformers {version('sentence-transformers')}, "
        f"torch {torch.__version__}.",
        "",
        f"{Path(arguments.base).name} on {Path(arguments.data).name}, batches of {arguments.batch} pairs, "
        f"up to {arguments.length} tokens, float32.",
        "",
        "| trainer | steps/s | against the example | peak MiB | of the example |",
        "|---|--:|--:|--:|--:|",
        *(
            f"| {name} | {rates[name]:.3f} | {rates[name] / rates[PLAIN]:.1f}x | {memory[name]:,.0f} "
            f"| {memory[name] / memory[PLAIN]:.0%} |"
            for name in found
        ),
        "",
        f"Largest difference of a gradient: {differs:.0e}.",
        "",
        "Peak: memory above what was in use when training began, model and libraries loaded.",
        "",
    ]
    return "\n".join(lines)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--base", default="tiny", help="a SPLADE folder")
    parser.add_argument("--data", type=Path, default=PAIRS / "squad_dev.jsonl", help="pairs to train on")
    parser.add_argument("--steps", type=int, default=5)
    parser.add_argument("--repeats", type=int, default=2)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--length", type=int, default=256)
    parser.add_argument("--contender", choices=[PLAIN, OURS], help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    torch.set_num_threads(os.cpu_count() or 1)
    if arguments.contender:
        print(json.dumps(train(arguments.contender, arguments)))
        return 0
    found: dict[str, list[dict[str, float]]] = {PLAIN: [], OURS: []}
    for _ in range(arguments.repeats):
        for contender, runs in found.items():
            command = [sys.executable, "-m", "benchmarks.training", *sys.argv[1:], "--contender", contender]
            done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
            runs.append(json.loads(done.stdout.splitlines()[-1]))
            print(contender, runs[-1], file=sys.stderr)
    differs = difference(arguments)
    text = page(found, differs, arguments)
    print(text)
    RESULT.write_text(text, encoding="utf-8")
    rates, memory = ([median(each[key] for each in runs) for runs in found.values()] for key in ("rate", "mebibytes"))
    return int(rates[1] < FASTER * rates[0] or memory[1] * SMALLER > memory[0] or differs > EQUAL)


if __name__ == "__main__":
    sys.exit(main())
