"""Vectors of texts, in the forms that other services speak."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, Field

from postings_serve.schemas.common import Text

MAX_INPUTS = 1000


class SparseValue(BaseModel):
    """An entry of a sparse vector."""

    index: int
    value: float


class EmbedError(BaseModel):
    """An error of text-embeddings-inference."""

    error: str
    error_type: Literal["Unhealthy", "Backend", "Overloaded", "Validation", "Tokenizer", "Empty"]


class InferenceInput(BaseModel):
    """A text that a Qdrant server was given in place of a vector."""

    data: Any = Field(examples=["chasing prey"])
    data_type: str = Field(default="text", description="Only `text` is encoded here")
    model: Text = Field(examples=["postings/tiny"])
    options: dict[str, Any] | None = None


class InferenceBody(BaseModel):
    """What a Qdrant server sends to its inference service."""

    inputs: list[InferenceInput] = Field(max_length=MAX_INPUTS)
    inference: Literal["update", "search"] | None = Field(
        default=None, description="Whether the texts are to be stored, or are queries; by default stored"
    )
    token: str | None = Field(default=None, description="An API key; it may come in the header Authorization instead")


class SparseIndices(BaseModel):
    """A sparse vector."""

    indices: list[int]
    values: list[float]


class ModelUsage(BaseModel):
    """What a model has read."""

    tokens: int


class Usage(BaseModel):
    """What the models have read, by their names."""

    models: dict[str, ModelUsage]


class InferenceAnswer(BaseModel):
    """The vectors of the texts, in the order of the inputs."""

    embeddings: list[SparseIndices]
    usage: Usage


class InferenceError(BaseModel):
    """An error, as a Qdrant server reads it."""

    error: str
