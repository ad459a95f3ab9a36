"""The sections of a recipe: model, data, training, evaluation and publishing; the loss is in ``objective.py``."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field, PositiveInt

from postings_training.recipes.section import NotNegative, Positive, Section, Share

if TYPE_CHECKING:
    from postings_training.recipes.recipe import Recipe


class ModelSettings(Section):
    """What is built from the base."""

    kind: Literal["splade", "inference-free", "csr"] = Field(
        default="splade",
        description="SPLADE; SPLADE for documents and one weight a token for queries; or CSR on a dense model",
    )
    max_length: PositiveInt | None = Field(
        default=None, description="Tokens read of a text; default: as many as the base reads"
    )
    query_prompt: str = Field(default="", description="Text put before each query")
    document_prompt: str = Field(default="", description="Text put before each document")
    k: PositiveInt | None = Field(
        default=None,
        description="csr: active dims of a text (with whole_queries, of a document); default: a quarter of the base's "
        "dims",
    )
    width: PositiveInt | None = Field(
        default=None,
        description="csr: number of latents; default: four times the base's dims, twice with start = 'components'",
    )
    k_aux: PositiveInt | None = Field(
        default=None, description="csr: dead latents that are revived; default: half the base's dims"
    )
    start: Literal["random", "components"] = Field(
        default="random", description="csr: latents start at random, or as principal components of the training texts"
    )
    whole_queries: bool = Field(
        default=False,
        description="csr with start = 'components': queries keep all latents, and only documents are cut to k. A "
        "search then reads most of the postings; the index doesn't grow",
    )
    normalize: bool = Field(
        default=False, description="csr: vectors have length 1, so that no document ranks higher for its length"
    )
    frozen: bool | None = Field(
        default=None, description="csr: train the latents only, not the dense model; default: true"
    )
    dropout: Share | None = Field(default=None, description="Dropout of the transformer, 0 to 1; default: the base's")

    def contradictions(self, recipe: Recipe) -> Iterator[str]:  # noqa: ARG002
        """Say which settings are for csr models only."""
        for name in ("k", "width", "k_aux", "frozen"):
            if self.kind != "csr" and getattr(self, name) is not None:
                yield f"model.{name} applies only to kind = 'csr'"
        if self.kind != "csr" and self.normalize:
            yield "model.normalize applies only to kind = 'csr': SPLADE relies on vector length"
        if self.kind != "csr" and self.start != "random":
            yield "model.start applies only to kind = 'csr'"
        if self.whole_queries and self.start != "components":
            yield "model.whole_queries applies only to kind = 'csr' with start = 'components'"


class DataSettings(Section):
    """What the model is trained on."""

    sources: tuple[str, ...] = Field(
        default=(), description="JSON Lines files, BEIR folders or hub data sets, all with the same columns"
    )
    split: str = Field(default="train", description="Split of BEIR folders and hub data sets")
    rows: PositiveInt | None = Field(default=None, description="Rows read from the start of each source; default: all")
    sample: PositiveInt | None = Field(
        default=None, description="Rows drawn at random from those read of each source; default: all"
    )
    negatives: PositiveInt | None = Field(
        default=None,
        description="Negatives taken from each row; rows with fewer are left out. Default: all, as many in each",
    )
    leave_out: tuple[str, ...] = Field(
        default=(), description="BEIR folders; rows that hold one of their test queries are left out"
    )
    sentences: Share = Field(
        default=0.0,
        description="in-batch-kl: part of the rows, 0 to 1, that are added again with one sentence of their positive",
    )
    held_out: Annotated[int, Field(ge=0)] = Field(
        default=0,
        description="Rows not trained on, for evaluation when evaluation.sets is empty; if it isn't, nothing is "
        "measured on them",
    )
    license: str = Field(default="", description="License of the data, for the model card")

    def contradictions(self, recipe: Recipe) -> Iterator[str]:
        """Say what needs a teacher."""
        if self.sentences and recipe.loss.kind != "in-batch-kl":
            yield "data.sentences: needs loss.kind 'in-batch-kl'"


class TrainingSettings(Section):
    """How the loss is minimized."""

    epochs: Positive = Field(default=1, description="Passes over the data")
    steps: PositiveInt | None = Field(default=None, description="Optimizer steps, instead of epochs")
    batch_size: PositiveInt = Field(default=32, description="Rows per device and batch")
    group: PositiveInt = Field(
        default=8, description="in-batch-kl: rows that are hard to tell apart, put into a batch together"
    )
    max_length: PositiveInt | None = Field(
        default=None,
        description="Tokens that the model and the teachers except bm25 read of a text during training; default: "
        "model.max_length, else as many as each model reads",
    )
    accumulate: PositiveInt = Field(default=1, description="Batches per optimizer step")
    learning_rate: Positive = Field(default=2e-5, description="Highest learning rate")
    static_learning_rate: Positive = Field(
        default=1e-3, description="inference-free: learning rate of the queries' token weights"
    )
    warmup: Annotated[float, Field(ge=0, lt=1)] = Field(
        default=0.0, description="Part of the steps, 0 to 1, in which the learning rate rises"
    )
    decay: Literal["linear", "cosine", "constant"] = Field(
        default="linear", description="How the learning rate falls after that"
    )
    weight_decay: NotNegative = Field(default=0.0, description="Weight decay of AdamW")
    seed: Annotated[int, Field(ge=0, lt=2**32)] = Field(default=42, description="Seed of all random choices")
    device: Literal["auto", "cpu", "cuda", "mps"] = Field(
        default="auto", description="Where to train; auto: on a GPU if there is one"
    )
    precision: Literal["auto", "float32", "bfloat16"] = Field(
        default="auto", description="Precision of the matrix products; auto: bfloat16 on GPUs that have it"
    )
    checkpointing: bool = Field(
        default=False, description="Recompute activations instead of keeping them: less memory, more time"
    )
    log_every: PositiveInt = Field(default=100, description="Steps between log lines")
    save_every: PositiveInt = Field(default=500, description="Steps between checkpoints, and between evaluations")
    keep: PositiveInt = Field(default=2, description="Checkpoints kept")


class EvaluationSettings(Section):
    """What is measured during training."""

    sets: tuple[str, ...] = Field(
        default=(), description="BEIR folders, or nano-msmarco and the like for NanoBEIR sets on the hub"
    )
    split: str = Field(default="test", description="Split of BEIR folders")
    queries: PositiveInt | None = Field(default=None, description="Queries taken from each set; default: all")
    leaks: Literal["refuse", "drop"] = Field(
        default="refuse",
        description="When queries are in the training data: refuse to start, or drop these queries from the sets",
    )
    active_dims: tuple[PositiveInt, ...] = Field(
        default=(), description="Active dims that vectors are pruned to in additional measurements"
    )
    patience: PositiveInt | None = Field(
        default=None, description="Stop after this many evaluations without a better nDCG@10; default: never"
    )
    keep_best: bool = Field(
        default=False, description="Publish the checkpoint with the best nDCG@10 instead of the last"
    )

    def contradictions(self, recipe: Recipe) -> Iterator[str]:
        """Say what needs something to measure on."""
        if not self.sets and not recipe.data.held_out:
            if self.patience is not None:
                yield "evaluation.patience: needs evaluation.sets or data.held_out to measure on"
            if self.keep_best:
                yield "evaluation.keep_best: needs evaluation.sets or data.held_out to measure on"


class PublishSettings(Section):
    """What is written with the model."""

    name: str = Field(default="", description="Heading of the model card; default: named after the base")
    license: str = Field(default="", description="License of the model, as the base's and the data's allow")
    base_license: str = Field(default="", description="License of the base")
    language: str = Field(default="en", description="Language code for the model card")
    half: bool = Field(default=False, description="Store weights in half precision (float16)")
