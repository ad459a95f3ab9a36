"""Recipes: what a training run is, as a short TOML file with checked settings."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, PositiveInt, ValidationError, model_validator

from postings.errors import ConfigurationError

RECIPES = Path(__file__).parent / "recipes"
"""The recipes that the package carries, a TOML file each."""

Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
NotNegative = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Share = Annotated[float, Field(ge=0, le=1)]


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, protected_namespaces=())


class Model(_Section):
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
    k: PositiveInt | None = Field(default=None, description="csr: active dims; by default a quarter of the base's dims")
    width: PositiveInt | None = Field(
        default=None, description="csr: latents; by default four times the base's dims, as components twice"
    )
    k_aux: PositiveInt | None = Field(
        default=None, description="csr: dead latents revived; by default half the base's dims"
    )
    start: Literal["random", "components"] = Field(
        default="random", description="csr: latents start at random, or as principal components of the training texts"
    )
    normalize: bool = Field(default=False, description="csr: vectors of length 1, so that no document wins by its own")
    frozen: bool = Field(default=True, description="csr: leave the dense model as it is")
    dropout: Share | None = Field(default=None, description="Of the transformer; by default the base's own")


class Data(_Section):
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
    held_out: Annotated[int, Field(ge=0)] = Field(default=0, description="Rows kept out of training, to evaluate on")
    licence: str = Field(default="", description="Of the data, for the model card")


class Teacher(_Section):
    """Whose scores a distilled model learns; of several teachers, the sum."""

    model: str = Field(
        default="", description="A folder or a hub id; in-batch-kl: without one, the base itself. bm25 has none"
    )
    kind: Literal["cross-encoder", "dense", "sparse", "bm25"] = "cross-encoder"
    scale: Positive = Field(default=1.0, description="Scores are multiplied by it, to meet the student's range")
    batch_size: PositiveInt = 64


class Loss(_Section):
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


class Imitation(_Section):
    """Which vectors a model is drawn to, beside the scores that it learns."""

    weight: NotNegative = Field(
        default=0.0,
        description="in-batch-kl: of the squared distance from the vectors of the sparse teacher; 0 for none",
    )
    exact: NotNegative = Field(default=0.3, description="Of BM25 over the text's own tokens, added to the teacher's")
    related: NotNegative = Field(
        default=0.0, description="Of words of the vocabulary that the dense teacher finds near to the text, added too"
    )
    least: NotNegative = Field(default=0.2, description="Weights below it are left out of the vectors")


class Sparsity(_Section):
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


class Training(_Section):
    """How it is minimised."""

    epochs: Positive = 1
    steps: PositiveInt | None = Field(default=None, description="Stop after so many steps, whatever the epochs")
    batch_size: PositiveInt = Field(default=32, description="Rows a device and step")
    group: PositiveInt = Field(
        default=8, description="in-batch-kl: rows of a batch that are put together for being hard to tell apart"
    )
    max_length: PositiveInt | None = Field(
        default=None,
        description="Tokens that the model and dense teachers read of a text while training; by default their own",
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
    of_base: Share = Field(
        default=0.0, description="Weights of the result that are the base's: it keeps more of what the base knew"
    )
    checkpointing: bool = Field(default=False, description="Recompute activations instead of keeping them")
    log_every: PositiveInt = Field(default=100, description="Steps")
    save_every: PositiveInt = Field(default=500, description="Steps between checkpoints, and between evaluations")
    keep: PositiveInt = Field(default=2, description="Checkpoints kept")


class Evaluation(_Section):
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


class Publish(_Section):
    """What is written about it."""

    name: str = Field(default="", description="Heading of the model card")
    licence: str = Field(default="", description="Of the model: as the base's and the data's allow")
    base_licence: str = ""
    language: str = "en"
    half: bool = Field(default=False, description="Store weights in half precision")


class Recipe(_Section):
    """A training run.

    Raises:
        ConfigurationError: :func:`load_recipe` found an unknown, missing or impossible setting.

    Example:
        >>> load_recipe("splade-gooaq").training.batch_size
        32
    """

    base: str = Field(min_length=1, description="'tiny', a folder or a hub id")
    model: Model = Field(default_factory=Model)
    data: Data = Field(default_factory=Data)
    loss: Loss = Field(default_factory=Loss)
    imitation: Imitation = Field(default_factory=Imitation)
    sparsity: Sparsity = Field(default_factory=Sparsity)
    teachers: tuple[Teacher, ...] = ()
    training: Training = Field(default_factory=Training)
    evaluation: Evaluation = Field(default_factory=Evaluation)
    publish: Publish = Field(default_factory=Publish)

    @model_validator(mode="after")
    def _fit(self) -> Self:
        for wrong, message in self._contradictions():
            if wrong:
                raise ValueError(message)
        return self

    def _has_one(self, kind: str) -> bool:
        return sum(each.kind == kind for each in self.teachers) == 1

    def _contradictions(self) -> list[tuple[bool, str]]:
        csr, loss, sparsity = self.model.kind == "csr", self.loss, self.sparsity
        targets = sparsity.query_target or sparsity.document_target
        measured = bool(self.evaluation.sets or self.data.held_out)
        return [
            (
                csr and loss.kind not in ("contrastive", "in-batch-kl"),
                "loss.kind: a csr model is trained with 'contrastive' or 'in-batch-kl'",
            ),
            (not csr and self.model.normalize, "model.normalize: of csr models; SPLADE's lengths say something"),
            (not csr and self.model.start != "random", "model.start: of csr models"),
            (
                bool(self.data.sentences) and loss.kind != "in-batch-kl",
                "data.sentences: goes with loss.kind 'in-batch-kl'",
            ),
            (csr and bool(self.training.of_base), "training.of_base: a csr model's base has no latents to keep"),
            (
                loss.kind == "in-batch-kl" and not self.teachers,
                "teachers: 'in-batch-kl' learns the scores of one or more",
            ),
            (
                loss.kind == "in-batch-kl" and any(each.kind == "cross-encoder" for each in self.teachers),
                "teachers: 'in-batch-kl' scores each query for each document, which takes a cross-encoder too long",
            ),
            (
                bool(self.imitation.weight)
                and not (self.model.kind == "splade" and loss.kind == "in-batch-kl" and self._has_one("sparse")),
                "imitation.weight: needs model.kind 'splade', loss.kind 'in-batch-kl' and one teacher of kind 'sparse'",
            ),
            (
                bool(self.imitation.related) and not self.imitation.weight,
                "imitation.related: needs an imitation.weight",
            ),
            (
                bool(self.imitation.weight and self.imitation.related) and not self._has_one("dense"),
                "imitation.related: needs one teacher of kind 'dense', which tells what is near",
            ),
            (
                any(not each.model and each.kind != "bm25" for each in self.teachers) and loss.kind != "in-batch-kl",
                "teachers: a teacher needs a model",
            ),
            (csr and loss.mini_batch is not None, "loss.mini_batch: a csr model has none"),
            (csr and bool(targets), "sparsity: a csr model has model.k active dims and takes no target"),
            (
                bool(sparsity.query_target) and (self.model.kind == "inference-free" or not loss.query_weight),
                "sparsity.query_target: the queries' FLOPS loss must have a loss.query_weight to steer",
            ),
            (
                bool(sparsity.document_target) and not loss.document_weight,
                "sparsity.document_target: the documents' FLOPS loss must have a loss.document_weight to steer",
            ),
            (
                self.evaluation.patience is not None and not measured,
                "evaluation.patience: needs evaluation.sets or data.held_out to measure on",
            ),
            (
                self.evaluation.keep_best and not measured,
                "evaluation.keep_best: needs evaluation.sets or data.held_out to measure on",
            ),
        ]


def recipe_names() -> list[str]:
    """The names of the recipes that the package carries.

    Example:
        >>> recipe_names()
        ['csr-distill', 'csr-nq', 'distill', 'inference-free', 'splade-gooaq', 'splade-nq', 'tiny']
    """
    return sorted(path.stem for path in RECIPES.glob("*.toml"))


def load_recipe(name: str, changes: Sequence[str] = (), **replaced: Any) -> Recipe:
    """Read a recipe and change some of its settings.

    Args:
        name: a bundled name, or the path of a TOML file.
        changes: ``section.setting=value`` each, the value as in TOML; what isn't TOML is a string.
        replaced: whole values by dotted name with ``__`` for the dot; ``None`` changes nothing.

    Raises:
        ConfigurationError: there is no such recipe, it isn't TOML, or a setting is unknown, missing or impossible.

    Example:
        >>> load_recipe("tiny", ["training.epochs=3", "data.sources=['pairs.jsonl']"]).training.epochs
        3.0
    """
    path = RECIPES / f"{name}.toml"
    if not path.is_file():
        path = Path(name)
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        expected = f"expected one of {', '.join(recipe_names())}, or the path of a TOML file"
        raise ConfigurationError(f"there is no recipe {name!r} ({error.strerror or error}): {expected}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"the recipe {path} isn't TOML: {error}") from error
    for change in changes:
        key, equals, value = change.partition("=")
        if not equals:
            raise ConfigurationError(f"expected section.setting=value, got {change!r}")
        _put(content, key.strip(), _value(value.strip()))
    for key, value in replaced.items():
        if value is not None:
            _put(content, key.replace("__", "."), value)
    return checked(content, str(path))


def checked(content: Mapping[str, Any], origin: str) -> Recipe:
    """Make a recipe of what a TOML file holds.

    Raises:
        ConfigurationError: a setting is unknown, missing or impossible; the message names it.
    """
    try:
        return Recipe.model_validate(content)
    except ValidationError as error:
        reasons = "; ".join(
            f"{'.'.join(map(str, each['loc'])) or 'recipe'}: {each['msg'].removeprefix('Value error, ')}"
            + ("" if isinstance(each["input"], dict | Recipe) else f", got {each['input']!r}")
            for each in error.errors()
        )
        raise ConfigurationError(f"{origin}: {reasons}") from error


def _put(content: dict[str, Any], key: str, value: Any) -> None:
    *sections, setting = key.split(".")
    for section in sections:
        inner = content.setdefault(section, {})
        if not isinstance(inner, dict):
            raise ConfigurationError(f"{section!r} is a setting, not a section: expected section.setting, got {key!r}")
        content = inner
    content[setting] = value


def _value(text: str) -> Any:
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text
