"""Make a dense model sparse (CSR), and search with it.

    python examples/csr.py pairs.jsonl my-csr [BASE]

pairs.jsonl has a `query` and a `positive` in each line; BASE is a SentenceTransformer. Its vectors become 384 latents,
of which a document keeps 64. A latent has no word of its own; it is named after the tokens that it is strongest for.
"""

import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from postings import Document, Encoder, Settings, open_index
from postings_ingest import Pipeline
from postings_query import SearchClient
from postings_training import load_recipe, train

SENTENCES = [
    "A man is eating a piece of bread.",
    "A man is riding a white horse on an enclosed ground.",
    "A monkey is playing drums.",
    "A cheetah is running behind its prey.",
]


def main(pairs: str, out: str, base: str = "sentence-transformers/all-MiniLM-L6-v2", *changes: str) -> None:
    recipe = load_recipe("csr-distill", changes, base=base, data__sources=[pairs])
    train(recipe, Path(out), show=lambda progress: print(f"step {progress.step} of {progress.steps}", end="\r"))

    encoder = Encoder.load(out)
    with TemporaryDirectory() as folder, open_index(Settings(index_url=folder)) as index:
        Pipeline(encoder, index).run(Document(str(n), text) for n, text in enumerate(SENTENCES))
        for hit in SearchClient(index=index, encoder=encoder).search("a wild animal hunts", limit=2, explain=True):
            latents = ", ".join(f"{part.token} {part.contribution:.2f}" for part in hit.contributions[:5])
            print(f"\n{hit.score:.3f}  {hit.text}\n       {latents}")


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    main(*sys.argv[1:])
