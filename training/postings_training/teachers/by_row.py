"""Teachers that score each row's own texts."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import torch

from postings.errors import ConfigurationError, InvalidInput
from postings_training.recipes.objective import TeacherSettings
from postings_training.recipes.recipe import Recipe
from postings_training.teachers.teacher_models import load_teacher

if TYPE_CHECKING:
    from datasets import Dataset

log = logging.getLogger(__name__)


def labeled(data: Dataset, recipe: Recipe, device: str) -> Dataset:
    """Give the rows the labels that the recipe's loss needs, and no others.

    The teachers that the recipe names score the rows; scores in the data are used where it names none. A row from
    ``postings mine`` has scores of the model that found its negatives, which are no reason to leave a teacher out.

    Args:
        data: with the columns ``query``, ``positive``, ``negative_1`` …, and optionally ``label``.
        recipe: its loss needs no labels, margins (``margin-mse``: the positive's score less a negative's, one for each
            negative), scores (``kl``: of the positive and each negative), or the rows' numbers (``in-batch-kl``).
        device: where the teacher runs.

    Raises:
        ConfigurationError: a teacher is BM25, which scores whole batches only.
        InvalidInput: the rows have no negatives to score, or neither scores nor a teacher.
        ModelNotSupported: the teacher can't be loaded.
    """
    given = "label" in data.column_names
    if recipe.loss.kind == "contrastive":
        return data.remove_columns("label") if given else data
    if recipe.loss.kind == "in-batch-kl":
        rows = list(range(len(data)))
        return (data.remove_columns("label") if given else data).add_column("label", rows)
    texts = [name for name in data.column_names if name not in ("query", "label")]
    if len(texts) < 2:
        raise InvalidInput(
            f"loss.kind is {recipe.loss.kind!r}, but the rows have no negatives: mine some with `postings mine`"
        )
    if any(teacher.kind == "bm25" for teacher in recipe.teachers):
        raise ConfigurationError(f"loss.kind is {recipe.loss.kind!r}, but a bm25 teacher needs loss.kind 'in-batch-kl'")
    if recipe.teachers:
        if given:
            log.info("the teachers score the rows; their own scores are left aside (with teachers=[] they are used)")
        labels = torch.stack([_scores(data, texts, teacher, device) for teacher in recipe.teachers]).sum(0)
    elif given:
        log.info("no teacher is named: the rows' own scores are learned")
        labels = torch.tensor(data["label"]).reshape(len(data), -1)
    else:
        raise InvalidInput(f"loss.kind is {recipe.loss.kind!r}, but the rows have no scores, and no teacher is named")
    data = data.remove_columns("label") if given else data
    margins = labels.shape[1] == len(texts) - 1
    if not margins and labels.shape[1] != len(texts):
        raise InvalidInput(
            f"rows with {len(texts) - 1} negatives need as many margins, or {len(texts)} scores, got {labels.shape[1]}"
        )
    if recipe.loss.kind == "kl" and margins:
        raise InvalidInput("loss.kind is 'kl', which needs the positive's score too, but the rows have margins only")
    if recipe.loss.kind == "margin-mse" and not margins:
        labels = labels[:, :1] - labels[:, 1:]
    return data.add_column("label", labels.squeeze(1).tolist())


def _scores(data: Dataset, texts: list[str], teacher: TeacherSettings, device: str) -> torch.Tensor:
    model = load_teacher(teacher, device)
    log.info("%s scores %d rows", teacher.model, len(data))
    columns = []
    for name in texts:
        queries, documents = list(data["query"]), list(data[name])
        if teacher.kind == "cross-encoder":
            pairs = list(zip(queries, documents, strict=True))
            found = model.predict(
                pairs,
                batch_size=teacher.batch_size,
                activation_fn=torch.nn.Identity(),
                convert_to_tensor=True,
                show_progress_bar=False,
            )
        else:
            found = _similarities(model, queries, documents, teacher.batch_size)
        columns.append(found.float().cpu())
    return torch.stack(columns, 1) * teacher.scale


def _similarities(model: Any, queries: list[str], documents: list[str], size: int) -> torch.Tensor:
    """Score batch by batch: a sparse teacher's vectors of all rows wouldn't fit into memory."""
    found = []
    for start in range(0, len(queries), size):
        part = slice(start, start + size)
        ours = {"batch_size": size, "convert_to_tensor": True, "show_progress_bar": False}
        found.append(
            model.similarity_pairwise(
                model.encode_query(queries[part], **ours), model.encode_document(documents[part], **ours)
            )
        )
    return torch.cat(found)
