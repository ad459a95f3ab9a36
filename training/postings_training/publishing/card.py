"""The model card: what a model is, its results, its data, its licenses and its settings."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from postings_training.publishing.places import without_places

_KINDS = {
    "splade": "SPLADE: a weight for each entry of the vocabulary, for documents and queries",
    "inference-free": "inference-free SPLADE: documents by a language model, queries by one learned weight a token",
    "csr": "CSR: a dense model's vectors, made sparse by an autoencoder",
}


def card(record: Mapping[str, Any]) -> str:
    """Write the card in Markdown, with the front matter that the hub reads.

    Args:
        record: as :meth:`.Record.to_json` returns it.
    """
    record = without_places(record)
    recipe = record["recipe"]
    publish, base = recipe["publish"], recipe["base"]
    name = publish["name"] or f"{base}, trained with Postings"
    parts = [
        *_front_matter(recipe, base),
        f"# {name}",
        "",
        f"A sparse encoder, {_KINDS[recipe['model']['kind']]}. Trained with Postings; scores by dot product.",
        "",
        "```python",
        "from postings import Encoder",
        "",
        'encoder = Encoder.load("path/to/this/folder")',
        'encoder.encode_documents(["A cheetah is running behind its prey."])',
        "```",
        "",
        f"Fingerprint: `{record['fingerprint']}`. It loads in sentence-transformers as `SparseEncoder`, too: "
        "use `encode_query` and `encode_document`.",
        "",
        "## Results",
        "",
        *_table(("measure", "value"), ((each, f"{value:.4g}") for each, value in record["results"].items())),
        "",
        "## Data",
        "",
        *_table(
            ("source", "rows", "license", "digest"),
            (
                (each["path"], f"{each['rows']:,}", each["license"] or "not stated", f"`{each['digest']}`")
                for each in record["data"]
            ),
        ),
        "",
        f"License of the model: {publish['license'] or 'not stated'}; of its base {base}: "
        f"{publish['base_license'] or 'not stated'}.",
        "",
        "## Training",
        "",
        f"{record['steps']:,} steps in {record['seconds']:,.0f} s, seed {recipe['training']['seed']}.",
        "",
        *_table(("setting", "value"), _settings(recipe)),
        "",
        "With " + ", ".join(f"{library} {number}" for library, number in record["versions"].items()) + ".",
        "",
    ]
    return "\n".join(parts)


def _front_matter(recipe: Mapping[str, Any], base: str) -> list[str]:
    publish = recipe["publish"]
    kinds = ["sparse-encoder", "sparse", "csr" if recipe["model"]["kind"] == "csr" else "splade", "postings"]
    lines = [f"language: {json.dumps(publish['language'])}"]  # unquoted, Norwegian (no) is false
    if publish["license"]:
        lines.append(f"license: {json.dumps(publish['license'])}")
    lines += [f"base_model: {json.dumps(base)}"] if "/" in base else []
    lines += ["library_name: sentence-transformers", "pipeline_tag: feature-extraction", f"tags: {json.dumps(kinds)}"]
    return ["---", *lines, "---", ""]


def _settings(recipe: Mapping[str, Any]) -> Iterable[tuple[str, str]]:
    for section, settings in recipe.items():
        if section in ("data", "publish") or settings is None:
            continue
        if not isinstance(settings, Mapping):
            yield section, str(settings)
            continue
        for name, value in settings.items():
            if value not in (None, "", (), []):
                yield f"{section}.{name}", str(value)


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> list[str]:
    lines = [_row(row) for row in rows]
    return [_row(head), _row(tuple("---" for _ in head)), *lines] if lines else ["None."]


def _row(cells: tuple[str, ...]) -> str:
    return f"| {' | '.join(cell.replace('|', '/') for cell in cells)} |"
