"""sentence-transformers' trainer, with plain checkpoints, and a stop at a loss that isn't finite."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from sentence_transformers import SparseEncoderTrainer
from torch import Tensor
from transformers import EarlyStoppingCallback, PrinterCallback, ProgressCallback, TrainerCallback
from transformers.trainer import TRAINER_STATE_NAME
from transformers.trainer_callback import TrainerState
from typing_extensions import override

from postings.errors import TrainingFailure
from postings_training.losses.recipe_loss import build_loss
from postings_training.losses.step_means import StepMeans
from postings_training.models.activations import recompute_activations
from postings_training.recipes.recipe import Recipe
from postings_training.runs.arguments import arguments
from postings_training.runs.collapse_guard import CollapseGuard
from postings_training.runs.evaluator import RetrievalEvaluator
from postings_training.runs.steering import Steering
from postings_training.teachers.in_batch import InBatchTeachers
from postings_training.teachers.neighbors import NeighborBatches

if TYPE_CHECKING:
    from datasets import Dataset
    from sentence_transformers import SparseEncoder


class Trainer(SparseEncoderTrainer):
    """Stops at a loss that isn't finite before it reaches the weights; checkpoints hold plain models."""

    batches: NeighborBatches | None = None

    @override
    def compute_loss(
        self, model: Any, inputs: Any, return_outputs: bool = False, num_items_in_batch: Any = None
    ) -> Any:
        """Compute the loss of a batch.

        Raises:
            TrainingFailure: it isn't finite.
        """
        loss = super().compute_loss(model, inputs, return_outputs, num_items_in_batch)
        value: Tensor = (loss[0] if isinstance(loss, tuple) else loss).detach()
        if not torch.isfinite(value):
            raise TrainingFailure(
                f"the loss is {float(value)} at step {self.state.global_step + 1}: the weights are left as they were; "
                "start again with a lower training.learning_rate or loss.scale, a higher training.warmup, or "
                "training.precision=float32"
            )
        return loss

    def get_batch_sampler(self, dataset: Any, **settings: Any) -> Any:  # type: ignore[override]
        """Return the batches of an in-batch distillation, or those that the arguments describe."""
        return self.batches or super().get_batch_sampler(dataset, **settings)

    def add_model_card_callback(self, default_args_dict: dict[str, Any]) -> None:
        """Add none: the card is written when the model is published."""

    def _save(self, output_dir: str | None = None, state_dict: Any = None) -> None:  # noqa: ARG002
        self.model.save_pretrained(str(output_dir or self.args.output_dir), create_model_card=False)

    def load_last_state(self, checkpoint: Path) -> None:
        """Load the state and the weights that a run ended with: the best weights, if it keeps them."""
        self.state = TrainerState.load_from_json(str(checkpoint / TRAINER_STATE_NAME))
        if self.args.load_best_model_at_end and self.state.best_model_checkpoint is not None:
            checkpoint = self._best_checkpoint(checkpoint.parent)
        self._load_from_checkpoint(str(checkpoint))

    def _load_best_model(self) -> None:
        # If this fails, the parent only logs it, and continues with the last weights, which aren't those reported.
        if self.state.best_model_checkpoint is not None:
            self._load_from_checkpoint(str(self._best_checkpoint(Path(str(self.args.output_dir)))))

    def _best_checkpoint(self, folder: Path) -> Path:
        """Where the best weights are in the run's folder, which may have been moved since they were saved."""
        best = folder / Path(str(self.state.best_model_checkpoint)).name
        if not best.is_dir():
            raise TrainingFailure(f"{best} is missing, which has the best weights of the run: start it again")
        return best


def build_trainer(
    recipe: Recipe,
    model: SparseEncoder,
    data: Dataset,
    evaluator: RetrievalEvaluator | None,
    folder: Path,
    callbacks: list[TrainerCallback],
    teachers: InBatchTeachers | None = None,
) -> Trainer:
    """Build a trainer that is ready to run.

    Args:
        recipe: all settings.
        model: with lean heads, if it can have them.
        data: with the labels that the loss needs.
        evaluator: called every ``training.save_every`` steps.
        folder: for checkpoints and TensorBoard's files.
        callbacks: called after the trainer's own.
        teachers: only for an in-batch distillation.
    """
    if recipe.training.checkpointing:
        recompute_activations(model)
    means = StepMeans()
    loss = build_loss(model, recipe, means, teachers)
    splade = recipe.model.kind != "csr"
    steering = Steering(loss, recipe.sparsity, means) if splade else None  # type: ignore[arg-type]
    dims = model.get_embedding_dimension() or 1
    guard = CollapseGuard(means, recipe.sparsity, dims, steering)
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
    # Before TensorBoard and the callbacks above, which read the log lines.
    trainer.callback_handler.callbacks.insert(2 if steering else 1, guard)
    return trainer
