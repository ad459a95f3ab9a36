"""Sparse retrieval, and why each sentence was found.

The nine sentences and three queries of the sentence-transformers documentation, through an index:
https://sbert.net/examples/sparse_encoder/applications/semantic_search

    python examples/sparse_retrieval.py
"""

from tempfile import TemporaryDirectory

from postings import Document, Encoder, Settings, open_index
from postings_ingest import Pipeline
from postings_query import SearchClient

SENTENCES = [
    "A man is eating food.",
    "A man is eating a piece of bread.",
    "The girl is carrying a baby.",
    "A man is riding a horse.",
    "A woman is playing violin.",
    "Two men pushed carts through the woods.",
    "A man is riding a white horse on an enclosed ground.",
    "A monkey is playing drums.",
    "A cheetah is running behind its prey.",
]
QUERIES = [
    "A man is eating pasta.",
    "Someone in a gorilla costume is playing a set of drums.",
    "A cheetah chases prey on across a field.",
]


def main() -> None:
    encoder = Encoder.load("tiny")  # or a folder, or a model of the Hugging Face hub
    with TemporaryDirectory() as folder, open_index(Settings(index_url=folder)) as index:
        Pipeline(encoder, index).run(Document(str(n), text) for n, text in enumerate(SENTENCES, 1))

        client = SearchClient(index=index, encoder=encoder)
        for query in QUERIES:
            print(f"\nQuery: {query}")
            for hit in client.search(query, limit=5, explain=True):
                tokens = ", ".join(f"{part.token} {part.contribution:.2f}" for part in hit.contributions[:5])
                print(f"  {hit.score:7.4f}  {hit.text:<54}{tokens}")


if __name__ == "__main__":
    main()
