"""The sections of a recipe, and the settings of each with their checks."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, PositiveInt

Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
NotNegative = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Share = Annotated[float, Field(ge=0, le=1)]


class Section(BaseModel):
    """Settings that can't be changed, and no others than these."""

    model_config = ConfigDict(extra="forbid", frozen=True, protected_namespaces=())


class Model(Section):
    """What is built from the base."""

    kind: Literal["splade", "inference-free", "csr"] = Field(
        default="splade",
        description="SPLADE; SPLADE for documents and a weight a token for queries; or CSR on a dense model",
    )
    max_length: PositiveInt | None = Field(
        default=None, description="Tokens read of a text; by default what the base reads"
    )
    query_prompt: str = Field(default="", description="Put before each query")
    document_prompt: str = Field(default="", description="Put before each document")
    k: PositiveInt | None = Field(
        default=None,
        description="csr: active dims of a text, whole queries aside; by default a quarter of the base's dims",
    )
    width: PositiveInt | None = Field(
        default=None, description="csr: latents; by default four times the base's dims, as components twice"
    )
    k_aux: PositiveInt | None = Field(
        default=None, description="csr: dead latents revived; by default half the base's dims"
    )
    start: Literal["random", "components"] = Field(
        default="random", description="csr: latents start at random, or as principal components of the training texts"
    )
    whole_queries: bool = Field(
        default=False,
        description="csr that starts from components: queries keep all latents, documents alone k. A search then reads "
        "most of the postings; an index is no larger",
    )
    normalize: bool = Field(default=False, description="csr: vectors of length 1, so that no document wins by its own")
    frozen: bool = Field(default=True, description="csr: leave the dense model as it is")
    dropout: Share | None = Field(default=None, description="Of the transformer; by default the base's own")


class Data(Section):
    """What it is trained on."""

    sources: tuple[str, ...] = Field(
        default=(), description="JSONL files, BEIR folders or hub data sets, all of one shape"
    )
    split: str = Field(default="train", description="Of BEIR folders and hub data sets")
    rows: PositiveInt | None = Field(default=None, description="Read the first rows of each source only")
    sample: PositiveInt | None = Field(default=None, description="Of what is read of each source, take so many rows")
    negatives: PositiveInt | None = Field(
        default=None,
        description="Negatives taken of each row, leaving out rows with fewer; by default all, alike in number",
    )
    leave_out: tuple[str, ...] = Field(
        default=(), description="BEIR folders whose test queries aren't trained on: rows that hold one are left out"
    )
    sentences: Share = Field(
        default=0.0, description="in-batch-kl: of the rows, those that come again with a sentence of their positive"
    )
    held_out: Annotated[int, Field(ge=0)] = Field(
        default=0, description="Rows kept out of training, to evaluate on where evaluation.sets is empty"
    )
    licence: str = Field(default="", description="Of the data, for the model card")


class Teacher(Section):
    """Whose scores a distilled model learns; of several teachers, the sum."""

    model: str = Field(
        default="", description="A folder or a hub id; in-batch-kl: without one, the base itself. bm25 has none"
    )
    kind: Literal["cross-encoder", "dense", "sparse", "bm25"] = "cross-encoder"
    scale: Positive = Field(default=1.0, description="Scores are multiplied by it, to meet the student's range")
    batch_size: PositiveInt = 64


class Loss(Section):
    """What is minimised."""

    kind: Literal["contrastive", "margin-mse", "kl", "in-batch-kl"] = Field(
        default="contrastive",
        description="In-batch negatives; the teachers' margins or distribution over a row's negatives; or their "
        "distribution over the documents of the batch",
    )
    scale: Positive = Field(
        default=1.0, description="contrastive, in-batch-kl: the model's similarities are multiplied by it"
    )
    similarity: Literal["dot", "cosine"] = Field(default="dot", description="Of queries and documents in the loss")
    temperature: Positive = Field(default=1.0, description="kl, in-batch-kl: of both distributions")
    positive: NotNegative = Field(
        default=0.0, description="in-batch-kl: added to the teachers' score of a row's own positive"
    )
    query_weight: NotNegative = Field(default=5e-5, description="Of the FLOPS loss of queries; 0 for none")
    document_weight: NotNegative = Field(default=3e-5, description="Of the FLOPS loss of documents")
    beta: NotNegative = Field(default=0.1, description="csr: weight of the dead latents' loss")
    gamma: NotNegative = Field(default=1.0, description="csr: weight of the contrastive loss")
    mini_batch: PositiveInt | None = Field(
        default=None, description="splade: embed so many texts at once; the batch may then be as large as it likes"
    )


class Imitation(Section):
    """Which vectors a model is drawn to, beside the scores that it learns."""

    weight: NotNegative = Field(
        default=0.0,
        description="in-batch-kl: of the squared distance of the vectors, times the root of loss.scale, from those "
        "that the settings below put together; 0 for none",
    )
    teacher: Positive = Field(default=1.0, description="Of the sparse teacher's vectors")
    exact: NotNegative = Field(default=0.3, description="Of BM25 over the text's own tokens, added to them")
    related: NotNegative = Field(
        default=0.0, description="Of words of the vocabulary that the dense teacher finds near to the text, added too"
    )
    least: NotNegative = Field(default=0.2, description="Weights below it are left out of the vectors")


class Sparsity(Section):
    """How sparse the vectors shall be, and when a run is given up."""

    query_target: Positive | None = Field(
        default=None, description="Active dims of queries that the weights are steered to"
    )
    document_target: Positive | None = Field(default=None, description="Likewise of documents")
    schedule: Literal["quadratic", "linear"] = Field(
        default="quadratic", description="How the weights rise at the start"
    )
    rise: Annotated[float, Field(gt=0, le=1)] = Field(default=1 / 3, description="Part of the steps in which they rise")
    fewest: NotNegative = Field(default=1.0, description="Stop when texts have fewer active dims on average")
    most: Share = Field(default=0.5, description="Stop when a larger part of the dims is active after the weights rose")


class Training(Section):
    """How it is minimised."""

    epochs: Positive = 1
    steps: PositiveInt | None = Field(default=None, description="Stop after so many steps, whatever the epochs")
    batch_size: PositiveInt = Field(default=32, description="Rows a device and step")
    group: PositiveInt = Field(
        default=8, description="in-batch-kl: rows of a batch that are put together for being hard to tell apart"
    )
    max_length: PositiveInt | None = Field(
        default=None,
        description="Tokens that the model and teachers (but bm25) read of a text while training; by default "
        "model.max_length, or their own",
    )
    accumulate: PositiveInt = Field(default=1, description="Batches a step")
    learning_rate: Positive = 2e-5
    static_learning_rate: Positive = Field(default=1e-3, description="inference-free: of the queries' token weights")
    warmup: Annotated[float, Field(ge=0, lt=1)] = Field(
        default=0.0, description="Part of the steps in which the learning rate rises"
    )
    decay: Literal["linear", "cosine", "constant"] = Field(default="linear", description="Of the learning rate")
    weight_decay: NotNegative = 0.0
    seed: Annotated[int, Field(ge=0, lt=2**32)] = 42
    device: Literal["auto", "cpu", "cuda", "mps"] = Field(default="auto", description="auto: a GPU if there is one")
    precision: Literal["auto", "float32", "bfloat16"] = Field(
        default="auto", description="auto: bfloat16 on GPUs that have it"
    )
    checkpointing: bool = Field(default=False, description="Recompute activations instead of keeping them")
    log_every: PositiveInt = Field(default=100, description="Steps")
    save_every: PositiveInt = Field(default=500, description="Steps between checkpoints, and between evaluations")
    keep: PositiveInt = Field(default=2, description="Checkpoints kept")


class Evaluation(Section):
    """What is measured while it is trained."""

    sets: tuple[str, ...] = Field(default=(), description="BEIR folders, or nano-… for NanoBEIR's sets on the hub")
    split: str = Field(default="test", description="Of BEIR folders")
    queries: PositiveInt | None = Field(default=None, description="Take the first queries of each set only")
    leaks: Literal["refuse", "drop"] = Field(
        default="refuse", description="When queries are in the training data: don't start, or leave them out"
    )
    active_dims: tuple[PositiveInt, ...] = Field(default=(), description="Measure with vectors pruned to these, too")
    patience: PositiveInt | None = Field(
        default=None, description="Stop after so many evaluations without a better nDCG@10"
    )
    keep_best: bool = Field(default=False, description="Publish the checkpoint with the best nDCG@10")


class Publish(Section):
    """What is written about it."""

    name: str = Field(default="", description="Heading of the model card")
    licence: str = Field(default="", description="Of the model: as the base's and the data's allow")
    base_licence: str = ""
    language: str = "en"
    half: bool = Field(default=False, description="Store weights in half precision")
