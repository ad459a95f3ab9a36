"""``/embed_sparse``: sparse vectors of texts, as text-embeddings-inference gives them.

Requests, answers and errors are those of its route of this name (huggingface/text-embeddings-inference,
router/src/http), so that its clients work with any model that Postings encodes with.
"""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Request
from pydantic import BaseModel, Field
from starlette.responses import Response

from postings import Encoder, SparseVector
from postings.errors import InvalidInput, PostingsError
from postings_serve.guard import Reader, Shared
from postings_serve.http.answers import WITH_BODY, json_answer, problems
from postings_serve.http.cancellation import Check, answered_in_thread
from postings_serve.http.problems import problem_of
from postings_serve.schemas.common import Text
from postings_serve.schemas.embeddings import MAX_INPUTS, EmbedError, SparseValue

router = APIRouter(tags=["embeddings"])

_ERRORS = problems(*WITH_BODY, others=dict.fromkeys((400, 413, 424, 503), EmbedError))


class EmbedSparseBody(BaseModel):
    """Texts to encode."""

    inputs: Text | Annotated[list[Text], Field(max_length=MAX_INPUTS)] = Field(examples=["What is deep learning?"])
    truncate: bool | None = Field(default=None, description="Unless false, what exceeds the model's window isn't read")
    truncation_direction: Literal["left", "right", "Left", "Right"] = Field(
        default="right", description="`left` isn't supported"
    )
    prompt_name: Literal["query", "document"] | None = Field(
        default=None, description="Whether the texts are queries or documents, which is the default"
    )


@router.post("/embed_sparse", response_model=list[list[SparseValue]], responses=_ERRORS)
async def embed_sparse(body: EmbedSparseBody, request: Request, services: Shared, caller: Reader) -> Response:  # noqa: ARG001
    """Encode texts, as text-embeddings-inference does."""
    texts = [body.inputs] if isinstance(body.inputs, str) else body.inputs
    if not texts or not all(texts):
        return _error(400, "Empty", "`inputs` can't be empty")
    if len(texts) > MAX_INPUTS:
        return _error(413, "Validation", f"at most {MAX_INPUTS} inputs, got {len(texts)}")
    if body.truncation_direction.lower() == "left":
        return _error(413, "Validation", "truncation_direction 'left' isn't supported: expected 'right'")

    def encode(check: Check) -> list[SparseVector]:
        encoder = services.encoders.get()
        if body.truncate is False:
            _check_length(encoder, texts)
        if body.prompt_name == "query":
            return encoder.encode_queries(texts)
        return encoder.encode_documents(texts, check)

    try:
        found = await answered_in_thread(request, encode, services.settings.serve_timeout)
    except InvalidInput as error:
        return _error(413, "Validation", str(error))
    except PostingsError as error:
        problem = problem_of(error, services.settings.secrets())
        return _error(503 if error.retry else 424, "Unhealthy" if error.retry else "Backend", problem.detail)
    return json_answer(
        [
            [
                {"index": index, "value": value}
                for index, value in zip(vector.indices.tolist(), vector.values.tolist(), strict=True)
            ]
            for vector in found
        ]
    )


def _check_length(encoder: Encoder, texts: list[str]) -> None:
    for tokens in encoder.token_counts(texts):
        if tokens > encoder.window:
            raise InvalidInput(f"`inputs` must have at most {encoder.window} tokens, got {tokens}")


def _error(status: int, kind: str, message: str) -> Response:
    return json_answer({"error": message, "error_type": kind}, status)
