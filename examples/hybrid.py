"""Exact words beside meaning: how much weight names, numbers and codes get in the score.

python examples/hybrid.py
"""

from tempfile import TemporaryDirectory

from postings import Document, Encoder, Settings, open_index
from postings_ingest import Pipeline
from postings_query import SearchClient

NOTES = {
    "E-4012": "E-4012: the pump stopped because its filter is blocked. Clean the filter and start the pump again.",
    "E-4021": "E-4021: the pump runs dry. Fill the tank, open the valve and let the air out.",
    "W-0310": "W-0310: the water is warmer than allowed. Check the fan behind the cooler.",
    "manual": "Before you clean a blocked filter, switch the machine off and let it cool for ten minutes.",
}
QUERY = "stopped pump W-0310"


def main() -> None:
    encoder = Encoder.load("tiny")
    with TemporaryDirectory() as folder, open_index(Settings(index_url=folder)) as index:
        Pipeline(encoder, index).run(Document(name, text) for name, text in NOTES.items())
        client = SearchClient(index=index, encoder=encoder)

        # A score is the model's plus the weight times the BM25 of the exact words. Without a weight, the collection's.
        for weight in (0, 1, 3):
            print(f"\nwords={weight}")
            for hit in client.search(QUERY, words=weight, limit=3, explain=True):
                exact = sum(part.contribution for part in hit.contributions if part.exact_word)
                print(f"  {hit.score:6.2f} = {hit.score - exact:5.2f} meaning + {exact:5.2f} words  {hit.id}")

        # Reciprocal rank fusion joins the two rankings instead of the two scores.
        print("\nfusion='rrf'")
        for hit in client.search(QUERY, fusion="rrf", limit=3):
            print(f"  {hit.score:6.3f}  {hit.id}")


if __name__ == "__main__":
    main()
