"""Vectors for clients of text-embeddings-inference and for Qdrant servers."""

from __future__ import annotations

from typing import Any

import httpx
import numpy as np
import pytest
from qdrant_client import models

from postings import Encoder
from tests.integration.serve.conftest import Keyed
from tests.support.sentences import SENTENCES


def tei(http: httpx.Client, **body: Any) -> httpx.Response:
    return http.post("/embed_sparse", json=body)


def qdrant(
    texts: list[str], inference: str | None, token: str | None = None, model: str = "postings/tiny"
) -> dict[str, Any]:
    """The request of a Qdrant server, with all the fields that it sends."""
    inputs = [{"data": text, "data_type": "text", "model": model, "options": None} for text in texts]
    return {"inputs": inputs, "inference": inference, "token": token}


def test_embed_sparse_answers_in_the_form_of_text_embeddings_inference(http: httpx.Client, encoder: Encoder) -> None:
    found = tei(http, inputs=SENTENCES).json()
    for entries, vector in zip(found, encoder.encode_documents(SENTENCES), strict=True):
        assert [each["index"] for each in entries] == vector.indices.tolist()
        assert np.allclose([each["value"] for each in entries], vector.values, atol=1e-5)
    assert tei(http, inputs=SENTENCES[0]).json() == found[:1]
    (query,) = tei(http, inputs="food", prompt_name="query", truncate=True, truncation_direction="Right").json()
    assert [each["index"] for each in query] == encoder.encode_queries(["food"])[0].indices.tolist()


@pytest.mark.parametrize(
    ("body", "status", "kind"),
    [
        ({"inputs": []}, 400, "Empty"),
        ({"inputs": ""}, 400, "Empty"),
        ({"inputs": ["a", ""]}, 400, "Empty"),
        ({"inputs": "lion " * 600, "truncate": False}, 413, "Validation"),
        ({"inputs": "lion", "truncation_direction": "left"}, 413, "Validation"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_its_errors_are_in_that_form_too(http: httpx.Client, body: dict[str, Any], status: int, kind: str) -> None:
    answer = tei(http, **body)
    assert answer.status_code == status
    assert answer.json()["error_type"] == kind
    assert answer.json()["error"]


@pytest.mark.parametrize("inference", ["update", "search", None])
def test_a_qdrant_server_gets_vectors_that_it_can_read(
    http: httpx.Client, encoder: Encoder, inference: str | None
) -> None:
    answer = http.post("/qdrant/inference", json=qdrant(SENTENCES, inference)).json()
    encode = encoder.encode_queries if inference == "search" else encoder.encode_documents
    for found, vector in zip(answer["embeddings"], encode(SENTENCES), strict=True):
        read = models.SparseVector(**found)
        assert read.indices == vector.indices.tolist()
        assert np.allclose(read.values, vector.values, atol=1e-5)
    usage = models.InferenceUsage(**answer["usage"])
    assert usage.models["postings/tiny"].tokens == sum(encoder.token_counts(SENTENCES))


def test_the_order_of_inputs_of_several_models_is_kept(http: httpx.Client) -> None:
    """A server collects the texts of a request in a set, so that they come in any order, and models mixed."""
    texts = [SENTENCES[n] for n in (3, 0, 3, 8)]
    body = qdrant(texts, "update")
    body["inputs"][1]["model"] = "tiny"
    mixed = http.post("/qdrant/inference", json=body).json()["embeddings"]
    alone = [http.post("/qdrant/inference", json=qdrant([text], "update")).json()["embeddings"][0] for text in texts]
    assert [each["indices"] for each in mixed] == [each["indices"] for each in alone]


def test_a_qdrant_server_can_show_what_is_wrong(http: httpx.Client) -> None:
    unknown = http.post("/qdrant/inference", json=qdrant(["x"], "update", model="postings/other"))
    assert unknown.status_code == 400
    assert "there is no model 'postings/other'" in unknown.json()["error"]
    image = qdrant(["x"], "update")
    image["inputs"][0] |= {"data_type": "image", "data": {"url": "x"}}
    assert http.post("/qdrant/inference", json=image).json()["error"].startswith("input 0 is 'image'")


def test_its_token_is_an_api_key(keyed: Keyed) -> None:
    for key, status in ((keyed.key("read"), 200), (keyed.key("write"), 403), ("wrong", 401), (None, 401)):
        answer = keyed.ask(None, "POST", "/qdrant/inference", qdrant(["x"], "search", key))
        assert answer.status_code == status
        assert "embeddings" in answer.json() or answer.json()["error"]
    assert keyed.ask(keyed.key("read"), "POST", "/qdrant/inference", qdrant(["x"], "search")).status_code == 200
