"""A recipe in the terms of sentence-transformers' trainer."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from sentence_transformers import SparseEncoderTrainingArguments
from sentence_transformers.base.sampler import BatchSamplers

from postings_training.recipes.recipe import Recipe
from postings_training.runs.device import device_of, is_bfloat16

if TYPE_CHECKING:
    from datasets import Dataset
    from sentence_transformers import SparseEncoder

_METRIC = "eval_ndcg@10"
_QUERIES = r"sub_modules\.query\."


def arguments(
    recipe: Recipe, model: SparseEncoder, data: Dataset, folder: Path, *, evaluated: bool
) -> SparseEncoderTrainingArguments:
    """The arguments of the trainer for a recipe, a model and its data; ``evaluated`` if there is an evaluator."""
    settings, stop = recipe.training, recipe.evaluation
    columns = [name for name in data.column_names if name != "label"]
    tasks = {name: "query" if name == "query" else "document" for name in columns}
    static = recipe.model.kind == "inference-free"
    routed = any(type(module).__name__ == "Router" for module in model)
    best = evaluated and (stop.keep_best or stop.patience is not None)
    return SparseEncoderTrainingArguments(
        output_dir=str(folder),
        num_train_epochs=settings.epochs,
        max_steps=settings.steps or -1,
        per_device_train_batch_size=settings.batch_size,
        gradient_accumulation_steps=settings.accumulate,
        learning_rate=settings.learning_rate,
        learning_rate_mapping={_QUERIES: settings.static_learning_rate} if static else {},
        warmup_steps=settings.warmup,
        lr_scheduler_type=settings.decay if settings.decay != "constant" else "constant_with_warmup",
        weight_decay=settings.weight_decay,
        batch_sampler=BatchSamplers.NO_DUPLICATES,
        router_mapping=tasks if routed else {},
        prompts={name: model.prompts.get(task) or "" for name, task in tasks.items() if model.prompts.get(task)},
        bf16=is_bfloat16(settings),
        use_cpu=device_of(settings) == "cpu",
        dataloader_pin_memory=device_of(settings) == "cuda",
        seed=settings.seed,
        logging_steps=settings.log_every,
        save_strategy="steps",
        save_steps=settings.save_every,
        save_total_limit=settings.keep,
        eval_strategy="steps" if evaluated else "no",
        eval_steps=settings.save_every if evaluated else None,
        load_best_model_at_end=best,
        metric_for_best_model=_METRIC if best else None,
        greater_is_better=True if best else None,
        report_to=["tensorboard"],
        disable_tqdm=True,
        ddp_find_unused_parameters=False,  # a pass of one side would mark the other side's weights as unused
    )
