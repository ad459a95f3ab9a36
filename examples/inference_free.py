"""Search on a small machine: a query is looked up, not encoded, by an inference-free model.

    python examples/inference_free.py [MODEL]

Only documents pass through the transformer. A query gets one stored weight for each of its tokens, so that a device
which searches needs no GPU and no time for a model. Index the documents on a large machine, copy the folder, and search
it anywhere.
"""

import shutil
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from postings import Document, Encoder, Settings, open_index
from postings_ingest import Pipeline
from postings_query import SearchClient

MANUAL = {
    "tire": "A flat tire: lift the car with the jack, undo the nuts, and put on the spare wheel.",
    "oil": "The oil lamp is lit: stop, wait for five minutes, and fill in oil up to the upper mark.",
    "battery": "An empty battery: connect the cables red to red and black to black, and start the other car.",
}
QUERIES = ["the engine lacks oil", "how do I change a wheel", "the car doesn't start"]


def main(model: str = "opensearch-project/opensearch-neural-sparse-encoding-doc-v2-distill") -> None:
    encoder = Encoder.load(model)
    with TemporaryDirectory() as folder:
        large, small = Path(folder, "large"), Path(folder, "small")
        with open_index(Settings(index_url=str(large))) as index:
            Pipeline(encoder, index).run(Document(name, text) for name, text in MANUAL.items())
        shutil.copytree(large, small)

        with open_index(Settings(index_url=str(small))) as index:
            client = SearchClient(index=index, encoder=encoder)
            for query in QUERIES:
                began = time.perf_counter()
                (vector,) = encoder.encode_queries([query])
                taken = 1000 * (time.perf_counter() - began)
                hits = client.search(query, limit=1)
                print(
                    f"{query:26} {len(vector.indices)} weights in {taken:.2f} ms: {', '.join(hit.id for hit in hits)}"
                )


if __name__ == "__main__":
    main(*sys.argv[1:])
