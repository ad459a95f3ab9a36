"""``/qdrant/inference``: vectors for a Qdrant server, so that every Qdrant client may send text in place of vectors.

The server is configured with ``inference.address`` (and ``inference.token``). For a ``Document(text, model)`` of a
client it posts the text here (qdrant/qdrant, src/common/inference/service.rs), and stores or searches the vector.
"""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import Response

from postings import SparseVector
from postings.errors import InvalidInput, PostingsError
from postings_serve.guard import Caller, Shared, caller_of, check_scope
from postings_serve.http.answers import WITH_BODY, json_answer, problems
from postings_serve.http.cancellation import Check, answered_in_thread
from postings_serve.http.problems import Problem, problem_of
from postings_serve.schemas.embeddings import InferenceAnswer, InferenceBody, InferenceError
from postings_serve.search.encoders import Encoders

router = APIRouter(tags=["embeddings"])

_ERRORS = problems(*WITH_BODY, others=dict.fromkeys((400, 401, 403, 429, 500, 503, 504), InferenceError))


@router.post("/qdrant/inference", response_model=InferenceAnswer, responses=_ERRORS)
async def qdrant_inference(body: InferenceBody, request: Request, services: Shared) -> Response:
    """Encode texts for a Qdrant server."""
    try:
        known: Caller | None = getattr(request.state, "who", None)
        check_scope(known or await caller_of(services, request.scope, body.token), "read")
        seconds = services.settings.serve_timeout
        found = await answered_in_thread(request, lambda check: _encoded(services.encoders, body, check), seconds)
        return json_answer(found)
    except Problem as problem:
        return _error(problem)
    except PostingsError as error:
        return _error(problem_of(error, services.settings.secrets()))


def _encoded(encoders: Encoders, body: InferenceBody, check: Check) -> dict[str, Any]:
    texts: dict[str, list[tuple[int, str]]] = defaultdict(list)
    for position, each in enumerate(body.inputs):
        if each.data_type != "text" or not isinstance(each.data, str):
            raise InvalidInput(f"input {position} is {each.data_type!r:.50}: only texts are encoded here")
        texts[each.model].append((position, each.data))
    vectors: dict[int, SparseVector] = {}
    usage = {}
    for model, placed in texts.items():
        encoder = encoders.get(model)
        read = [text for _, text in placed]
        queries = body.inference == "search"
        encoded = encoder.encode_queries(read) if queries else encoder.encode_documents(read, check)
        vectors |= zip((position for position, _ in placed), encoded, strict=True)
        usage[model] = {"tokens": sum(encoder.token_counts(read))}
    embeddings = [
        {"indices": vectors[each].indices.tolist(), "values": vectors[each].values.tolist()} for each in sorted(vectors)
    ]
    return {"embeddings": embeddings, "usage": {"models": usage}}


def _error(problem: Problem) -> Response:
    # A server shows its client the text of a 400 alone.
    status = 400 if problem.status in (404, 422) else problem.status
    return json_answer({"error": problem.detail}, status, problem.headers)
