"""The sections of a recipe that decide what training minimizes: teachers, loss, imitation and sparsity."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field, PositiveInt

from postings_training.recipes.section import NotNegative, Positive, Section, Share

if TYPE_CHECKING:
    from postings_training.recipes.recipe import Recipe


class TeacherSettings(Section):
    """A model whose scores are learned; with several teachers, their sum is; with none, the scores in the data."""

    model: str = Field(
        default="", description="Folder or hub id; if empty, in-batch-kl takes the base itself. bm25 needs none"
    )
    kind: Literal["cross-encoder", "dense", "sparse", "bm25"] = Field(
        default="cross-encoder", description="How the teacher scores a query and a document"
    )
    scale: Positive = Field(
        default=1.0, description="Factor for the teacher's scores, which brings them into the student's range"
    )
    batch_size: PositiveInt = Field(default=64, description="Texts that the teacher encodes at once")

    def contradictions(self, recipe: Recipe) -> Iterator[str]:
        """Say what the loss can't use."""
        in_batch = recipe.loss.kind == "in-batch-kl"
        if recipe.loss.kind == "contrastive":
            yield "teachers: loss.kind 'contrastive' learns from no teacher: choose another, or set teachers=[]"
        if in_batch and self.kind == "cross-encoder":
            yield (
                "teachers: 'in-batch-kl' scores each query for each document, and a cross-encoder is too slow for that"
            )
        if not in_batch and not self.model and self.kind != "bm25":
            yield "teachers: a teacher needs a model"


class LossSettings(Section):
    """What is minimized."""

    kind: Literal["contrastive", "margin-mse", "kl", "in-batch-kl"] = Field(
        default="contrastive",
        description="contrastive: the other rows of the batch are negatives; margin-mse, kl: the teachers' margins or "
        "distribution over a row's own negatives; in-batch-kl: their distribution over the documents of the batch",
    )
    scale: Positive = Field(default=1.0, description="contrastive, in-batch-kl: factor for the model's similarities")
    similarity: Literal["dot", "cosine"] = Field(
        default="dot", description="Similarity of queries and documents in the loss"
    )
    temperature: Positive = Field(
        default=1.0, description="kl, in-batch-kl: temperature of the teachers' and the model's distributions"
    )
    positive: NotNegative = Field(
        default=0.0, description="in-batch-kl: added to the teachers' score of a row's own positive"
    )
    query_weight: NotNegative = Field(default=5e-5, description="Weight of the FLOPS loss of queries; 0 for none")
    document_weight: NotNegative = Field(default=3e-5, description="Weight of the FLOPS loss of documents; 0 for none")
    beta: NotNegative = Field(default=0.1, description="csr: weight of the loss that revives dead latents")
    gamma: NotNegative = Field(default=1.0, description="csr: weight of the loss that `kind` names")
    mini_batch: PositiveInt | None = Field(
        default=None,
        description="splade: texts embedded at once, so that the batch size isn't limited by memory; default: all",
    )

    def contradictions(self, recipe: Recipe) -> Iterator[str]:
        """Say what the kind of model, or the lack of teachers, rules out."""
        csr = recipe.model.kind == "csr"
        if csr and self.kind not in ("contrastive", "in-batch-kl"):
            yield "loss.kind: a csr model is trained with 'contrastive' or 'in-batch-kl'"
        if csr and self.mini_batch is not None:
            yield "loss.mini_batch doesn't apply to kind = 'csr'"
        if self.kind == "in-batch-kl" and not recipe.teachers:
            yield "teachers: 'in-batch-kl' needs at least one teacher"


class ImitationSettings(Section):
    """Target vectors that the model's vectors are drawn to, in addition to the scores that it learns."""

    weight: NotNegative = Field(
        default=0.0,
        description="in-batch-kl: weight of the squared distance between the vectors, times the root of loss.scale, "
        "and their targets; 0 for no targets",
    )
    teacher: Positive = Field(default=1.0, description="Factor for the sparse teacher's vectors in the targets")
    exact: NotNegative = Field(
        default=0.3, description="Factor for BM25 weights of the text's own tokens, which are added to the targets"
    )
    related: NotNegative = Field(
        default=0.0, description="Factor for words that the dense teacher finds near to the text, which are added too"
    )
    least: NotNegative = Field(default=0.2, description="Smallest weight that is kept in the targets")

    def contradictions(self, recipe: Recipe) -> Iterator[str]:
        """Say which teachers are missing, and where there is nothing to imitate."""
        if self.weight:
            kinds = [teacher.kind for teacher in recipe.teachers]
            fits = recipe.model.kind == "splade" and recipe.loss.kind == "in-batch-kl"
            if not fits or kinds.count("sparse") != 1:
                yield (
                    "imitation.weight: needs model.kind 'splade', loss.kind 'in-batch-kl' and one teacher of kind "
                    "'sparse'"
                )
            if recipe.loss.similarity == "cosine":
                yield "imitation.weight: cosines ignore how large weights are; set loss.similarity to 'dot'"
            if self.related and kinds.count("dense") != 1:
                yield "imitation.related: needs one teacher of kind 'dense', which finds related words"
        elif self.related:
            yield "imitation.related: needs an imitation.weight"


class SparsitySettings(Section):
    """How sparse the vectors become, and when a run is stopped because they collapsed."""

    query_target: Positive | None = Field(
        default=None, description="Target active dims for queries; default: loss.query_weight stays as it is"
    )
    document_target: Positive | None = Field(
        default=None, description="Target active dims for documents; default: loss.document_weight stays as it is"
    )
    schedule: Literal["quadratic", "linear"] = Field(
        default="quadratic", description="How the weights of the FLOPS losses rise from 0 at the start"
    )
    rise: Annotated[float, Field(gt=0, le=1)] = Field(
        default=1 / 3, description="Part of the steps, 0 to 1, in which these weights rise"
    )
    fewest: NotNegative = Field(default=1.0, description="Stop when texts have fewer active dims on average")
    most: Share = Field(
        default=0.5, description="Stop when a larger part of the dims, 0 to 1, is active after the weights rose"
    )

    def contradictions(self, recipe: Recipe) -> Iterator[str]:
        """Say which target has no weight to reach it by."""
        if recipe.model.kind == "csr" and (self.query_target or self.document_target):
            yield "sparsity: a csr model takes no target: model.k sets the active dims of its documents"
        if self.query_target and (recipe.model.kind == "inference-free" or not recipe.loss.query_weight):
            yield "sparsity.query_target: needs a loss.query_weight above 0 to steer"
        if self.document_target and not recipe.loss.document_weight:
            yield "sparsity.document_target: needs a loss.document_weight above 0 to steer"
