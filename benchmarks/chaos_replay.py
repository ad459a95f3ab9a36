"""What a chaos run queues, and what must stand in the index after it."""

from __future__ import annotations

import random
import uuid
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

from postings import Document
from postings_ingest import Deletion
from postings_ingest.operations import Operation

WORDS = (
    "lions",
    "hunt",
    "deer",
    "small",
    "birds",
    "sing",
    "above",
    "green",
    "hills",
    "slow",
    "rivers",
    "carry",
    "boats",
)


@dataclass(frozen=True, slots=True)
class Plan:
    """What to do to the queue."""

    documents: int = 20_000
    kills: int = 20
    redis_kills: int = 3
    outages: int = 3
    workers: int = 1
    seed: int = 0
    index_url: str | None = None

    def faults(self) -> list[tuple[int, str]]:
        """How many documents are done when each fault strikes."""
        chance = random.Random(self.seed + 1)
        kinds = ["worker"] * self.kills + ["redis"] * self.redis_kills + ["index"] * self.outages
        chance.shuffle(kinds)
        return list(zip(sorted(chance.sample(range(self.documents * 9 // 10), len(kinds))), kinds, strict=True))


def operations(plan: Plan) -> Iterator[Operation]:
    """Updates and deletes. Half of the documents bring versions, which come in any order."""
    chance = random.Random(plan.seed)
    for number in range(plan.documents):
        # A few documents get many revisions, in flight at once; most get one or two.
        id = f"hot-{chance.randrange(20)}" if chance.random() < 0.1 else f"document-{chance.randrange(plan.documents)}"
        version = chance.randrange(1000) if hash_of(id) % 2 else None
        if chance.random() < 0.15:
            yield Deletion(id, version)
        else:
            words = " ".join(chance.choices(WORDS, k=chance.choice([4, 8, 60])))
            yield Document(id, f"Operation {number}: {words}.", version=version)


def replayed(plan: Plan) -> dict[str, set[str]]:
    """What may stand of each document after an in-order replay: one text, or of equal versions any; none if deleted."""
    newest: dict[str, int] = defaultdict(lambda: -1)
    texts: dict[str, set[str]] = {}
    for operation in operations(plan):
        version = newest[operation.id] + 1 if operation.version is None else operation.version
        text = operation.text if isinstance(operation, Document) else ""
        if version > newest[operation.id]:
            newest[operation.id], texts[operation.id] = version, {text}
        elif version == newest[operation.id]:
            texts[operation.id].add(text)
    return texts


def hash_of(id: str) -> int:
    return uuid.uuid5(uuid.NAMESPACE_OID, id).int
