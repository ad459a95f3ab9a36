"""What one version stores or sends, another reads: these forms, once published, stay as they are."""

from __future__ import annotations

from postings import Document, Encoder, SparseVector
from postings.digests import Digest
from postings.documents import Passage
from postings.index.payload import passage_point, tombstone_point
from postings_ingest import Deletion
from postings_ingest.queue.messages import dump, pack, to_json, unpack

INTRO = Document("intro", "A man is eating food.", "Title", {"lang": "en"}, 7)


def test_the_bundled_model_keeps_its_fingerprint(encoder: Encoder) -> None:
    """Collections name its vectors by it: with another one, none of them could be searched any more."""
    assert encoder.fingerprint == "44583e1778bc44269a82b035984fd11a"


def test_a_stored_passage_keeps_its_form() -> None:
    text = "A man is eating food."
    passage = Passage("intro", 0, 0, len(text), text, "Title", {"lang": "en"}, 7, 1)
    point = passage_point(passage, {"f": SparseVector([1], [2.0])}, Digest("content", "metadata"), ["lang"])
    assert point.id == "3b3d47ff-d2ab-5a93-976d-b80ac7e303a1"
    assert point.payload == {
        "doc_id": "intro",
        "ordinal": 0,
        "version": 7,
        "passages": 1,
        "start": 0,
        "end": 21,
        "title": "Title",
        "text": text,
        "metadata": {"lang": "en"},
        "digest": "content",
        "metadata_digest": "metadata",
        "at_head": ["lang"],
    }


def test_a_tombstone_keeps_its_form() -> None:
    point = tombstone_point("intro", 8, 1_700_000_000_000)
    assert (point.id, point.vectors) == ("3b3d47ff-d2ab-5a93-976d-b80ac7e303a1", {})
    assert point.payload == {
        "doc_id": "intro",
        "ordinal": 0,
        "version": 8,
        "passages": 1,
        "deleted_at": 1_700_000_000_000,
    }


def test_a_document_keeps_its_digest() -> None:
    """With another one, every document that stands in an index would be encoded again."""
    assert Digest.of(INTRO, "model") == Digest("9d7b0bbc83fd16563a1d596e9bd99bc2", "915f85c4631f4582f7e8fea63997d6cb")


def test_what_waits_in_a_queue_keeps_its_form() -> None:
    payload = (
        '{"format":1,"operations":[{"upsert":{"id":"intro","text":"A man is eating food.","title":"Title",'
        '"metadata":{"lang":"en"},"version":7}},{"delete":{"id":"intro","version":8}}]}'
    )
    operations = [INTRO, Deletion("intro", version=8)]
    assert pack([dump(to_json(operation)) for operation in operations]) == payload
    assert unpack(payload) == operations
