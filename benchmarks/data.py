"""The data that the benchmarks run on: where they look for it, and where public copies are.

By default it is in the folder ``shared`` beside the checkout; the options of a benchmark name other places.
"""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
SHARED = ROOT.parent / "shared"
BEIR = SHARED / "data" / "beir"
"""A BEIR folder for each set: ``corpus.jsonl``, ``queries.jsonl`` and ``qrels/test.tsv``."""
PAIRS = SHARED / "data" / "pairs"
"""Rows to train on: ``NAME.jsonl`` with ``query`` and ``positive``."""
SPLADE_TINY = SHARED / "models" / "splade-tiny"

_BEIR_ZIP = "https://public.ukp.informatik.tu-darmstadt.de/thakur/BEIR/datasets/{}.zip"
PUBLIC = {
    "cranfield": "http://ir.dcs.gla.ac.uk/resources/test_collections/cran/",
    "medline": "http://ir.dcs.gla.ac.uk/resources/test_collections/medl/",
    "medquad": "https://github.com/abachaa/MedQuAD",
    "nfcorpus": _BEIR_ZIP.format("nfcorpus"),
    "scifact": _BEIR_ZIP.format("scifact"),
    "scitldr": "https://github.com/allenai/scitldr",
    "splade-tiny": "https://huggingface.co/rasyosef/splade-tiny",
    "squad_dev": "https://rajpurkar.github.io/SQuAD-explorer/dataset/dev-v1.1.json",
    "title_body": "the titles and texts of scifact, scitldr and cranfield",
    "wikiqa": "https://huggingface.co/datasets/microsoft/wiki_qa",
}
"""Where each data set and model comes from; those of BEIR are in its format already."""


def present(path: Path) -> Path:
    """The path of some data, or the end of the program if it isn't there."""
    if path.exists():
        return path
    copies = {path.stem: PUBLIC[path.stem]} if path.stem in PUBLIC else PUBLIC
    lines = [f"{path} isn't there: name another place (see --help), or get a public copy:"]
    sys.exit("\n".join([*lines, *(f"  {name}: {source}" for name, source in copies.items())]))
