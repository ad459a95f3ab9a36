"""sentence-transformers' trainer, with what a run of Postings adds: it stops at a loss that isn't finite."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from sentence_transformers import SparseEncoderTrainer, SparseEncoderTrainingArguments
from sentence_transformers.base.sampler import BatchSamplers
from torch import Tensor, nn
from transformers import EarlyStoppingCallback, PreTrainedModel, PrinterCallback, ProgressCallback, TrainerCallback
from transformers.trainer import TRAINER_STATE_NAME
from transformers.trainer_callback import TrainerState
from typing_extensions import override

from postings.errors import ConfigurationError, TrainingFailure
from postings_training.losses.building import build_loss
from postings_training.losses.step_means import StepMeans
from postings_training.recipes.recipe import Recipe
from postings_training.recipes.sections import TrainingSettings
from postings_training.runs.collapse_guard import CollapseGuard
from postings_training.runs.evaluator import RetrievalEvaluator
from postings_training.runs.steering import Steering
from postings_training.teachers.in_batch import InBatchTeachers
from postings_training.teachers.neighbours import NeighbourBatches

if TYPE_CHECKING:
    from datasets import Dataset
    from sentence_transformers import SparseEncoder

_METRIC = "eval_ndcg@10"
_QUERIES = r"sub_modules\.query\."


class Trainer(SparseEncoderTrainer):
    """Checkpoints hold plain models; a loss that isn't finite ends the run before it reaches the weights."""

    batches: NeighbourBatches | None = None

    @override
    def compute_loss(
        self, model: Any, inputs: Any, return_outputs: bool = False, num_items_in_batch: Any = None
    ) -> Any:
        """The loss of a batch.

        Raises:
            TrainingFailure: it isn't finite.
        """
        loss = super().compute_loss(model, inputs, return_outputs, num_items_in_batch)
        value: Tensor = (loss[0] if isinstance(loss, tuple) else loss).detach()
        if not torch.isfinite(value):
            raise TrainingFailure(
                f"the loss is {float(value)} at step {self.state.global_step + 1}: the weights are left as they were; "
                "begin again with a lower training.learning_rate or loss.scale, a higher training.warmup, or "
                "training.precision=float32"
            )
        return loss

    def get_batch_sampler(self, dataset: Any, **settings: Any) -> Any:  # type: ignore[override]
        """The batches of an in-batch distillation, or those of the arguments."""
        return self.batches or super().get_batch_sampler(dataset, **settings)

    def add_model_card_callback(self, default_args_dict: dict[str, Any]) -> None:
        """None: the card is written when the model is published."""

    def _save(self, output_dir: str | None = None, state_dict: Any = None) -> None:  # noqa: ARG002
        self.model.save_pretrained(str(output_dir or self.args.output_dir), create_model_card=False)

    def load_last_state(self, checkpoint: Path) -> None:
        """Take the state and the weights that a run ended with: its best ones, where it keeps them."""
        self.state = TrainerState.load_from_json(str(checkpoint / TRAINER_STATE_NAME))
        best = self.state.best_model_checkpoint if self.args.load_best_model_at_end else None
        self._load_from_checkpoint(best or str(checkpoint))

    def _load_best_model(self) -> None:
        # The parent logs a failure and goes on with the last weights: those of another step than the report says.
        if self.state.best_model_checkpoint is not None:
            self._load_from_checkpoint(self.state.best_model_checkpoint)


def build_trainer(
    recipe: Recipe,
    model: SparseEncoder,
    data: Dataset,
    evaluator: RetrievalEvaluator | None,
    folder: Path,
    callbacks: list[TrainerCallback],
    teachers: InBatchTeachers | None = None,
) -> Trainer:
    """A trainer that is ready to run.

    Args:
        recipe: all settings.
        model: with the lean head, where it has one.
        data: with the labels that the loss wants.
        evaluator: called every ``training.save_every`` steps.
        folder: for checkpoints and TensorBoard.
        callbacks: called after the trainer's own.
        teachers: of an in-batch distillation.
    """
    if recipe.training.checkpointing:
        recompute_activations(model)
    means = StepMeans()
    loss = build_loss(model, recipe, means, teachers)
    splade = recipe.model.kind != "csr"
    steering = Steering(loss, recipe.sparsity, means) if splade else None  # type: ignore[arg-type]
    dims = model.get_embedding_dimension() or 1
    watch = CollapseGuard(means, recipe.sparsity, dims, steering)
    if recipe.evaluation.patience is not None:
        callbacks = [EarlyStoppingCallback(recipe.evaluation.patience), *callbacks]
    trainer = Trainer(
        model=model,
        args=arguments(recipe, model, data, folder, evaluated=evaluator is not None),
        train_dataset=data,
        loss=loss,
        evaluator=evaluator,
        callbacks=[*([steering] if steering else []), *callbacks],
    )
    trainer.batches = teachers.batches if teachers else None
    for shown in (PrinterCallback, ProgressCallback):
        trainer.remove_callback(shown)
    # Before whoever reads the log lines: TensorBoard, and the callbacks above.
    trainer.callback_handler.callbacks.insert(2 if steering else 1, watch)
    return trainer


def arguments(
    recipe: Recipe, model: SparseEncoder, data: Dataset, folder: Path, *, evaluated: bool
) -> SparseEncoderTrainingArguments:
    """The recipe in sentence-transformers' terms."""
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
        bf16=_bfloat16(settings),
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
        ddp_find_unused_parameters=False,  # each side's pass would take the other's own weights for unused
    )


def recompute_activations(model: nn.Module) -> None:
    """Keep the activations at the layers' borders only (gradient checkpointing: Chen et al. 2016).

    The trainer's setting of this name doesn't know sentence-transformers' models, only the transformers in them.
    https://arxiv.org/abs/1604.06174
    """
    for module in model.modules():
        if isinstance(module, PreTrainedModel) and module.supports_gradient_checkpointing:
            module.activation_checkpointing_enable({"use_reentrant": False})


def device_of(settings: TrainingSettings) -> str:
    """Where to train.

    Raises:
        ConfigurationError: a GPU is asked for, and there is none.
    """
    found = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if settings.device == "auto":
        return next((device for device, there in found.items() if there), "cpu")
    if not found.get(settings.device, True):
        raise ConfigurationError(
            f"training.device is {settings.device!r}, but PyTorch {torch.__version__} finds no such GPU here: set "
            "training.device=cpu, or install a PyTorch that knows it"
        )
    return settings.device


def _bfloat16(settings: TrainingSettings) -> bool:
    if settings.precision != "auto":
        return settings.precision == "bfloat16"
    return device_of(settings) == "cuda" and torch.cuda.is_bf16_supported(including_emulation=False)


def parameters(model: nn.Module) -> tuple[int, int]:
    """How many weights a model has, and how many of them are trained."""
    counts = [(each.numel(), each.requires_grad) for each in model.parameters()]
    return sum(count for count, _ in counts), sum(count for count, trained in counts if trained)
