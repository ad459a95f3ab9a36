"""From documents to points in the index: chunk, encode, write."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from itertools import chain
from typing import TypeVar

from postings import Document, Encoder, Index, Settings
from postings.arguments import no_check
from postings.clock import arrival_version
from postings.digests import Digest
from postings.encoder import Work
from postings.errors import CollectionNotFound, ConfigurationError, ModelError, ModelMismatch
from postings.index.models import CollectionModels
from postings.index.payload import DocumentKey
from postings.index.tenant_index import bound
from postings.words import WORDS, WordsConfig
from postings.write_protocol import Outcome, Written, write
from postings_ingest.completing import complete_models, complete_words
from postings_ingest.counts import Counts
from postings_ingest.cutting import Cutting
from postings_ingest.encoders import Encoders
from postings_ingest.encoding import add_vectors
from postings_ingest.operations import Deletion, Operation
from postings_ingest.planned_writes import Incoming, Indexed, PlannedWrite
from postings_ingest.probe import probe
from postings_ingest.repeated import repeated
from postings_ingest.stored import EncodedPassage, StoredDocument, stored_documents, stored_passages
from postings_ingest.tenants import Tenants, by_tenant
from postings_ingest.tracing import span
from postings_ingest.words import Words

_T = TypeVar("_T")


class Indexer:
    """Brings documents and deletes into an index by the write protocol.

    It is safe to repeat a call, and to use several threads: one encodes while another writes.

    Args:
        encoder: the collection's model.
        index: where to write.
        settings: passage length and overlap.

    Raises:
        ConfigurationError: ``passage_tokens`` exceeds the encoder's window, or the index is bound to another tenant
            than the settings.
    """

    def __init__(self, encoder: Encoder, index: Index, settings: Settings) -> None:
        self.encoder = encoder
        self.index = bound(index, settings)
        self._tenants = Tenants.of_index(self.index, settings)
        self._encoders = Encoders(encoder, settings)
        self._words = Words(self.index)
        self._models: CollectionModels | None = None
        self._tokens = settings.passage_tokens
        if self._tokens and self._tokens > encoder.window:
            raise ConfigurationError(
                f"setting 'passage_tokens': the model {encoder.name!r} reads {encoder.window} tokens of a text, "
                f"got {self._tokens}"
            )
        self._overlap = settings.passage_overlap
        self._evidence = settings.store_evidence

    def encode(
        self,
        operations: Sequence[Operation],
        version: Callable[[], int] | None = None,
        check: Callable[[], object] = no_check,
    ) -> list[PlannedWrite]:
        """Encode documents, and plan what to write.

        Only what the index doesn't hold is encoded. If only a document's metadata or version has changed, it is
        written with its stored vectors. If the index holds the document unchanged, or a newer version, nothing is
        written.

        Args:
            operations: documents and deletes, few enough that their vectors fit in memory.
            version: gives the version of operations that have none; by default the time of arrival. If nobody else
                writes to the index, an unchanged document then keeps its stored version, and nothing is written.
            check: called before each pass over the model; what it raises ends the work.

        Returns:
            A planned write for each operation, in order.

        Raises:
            InvalidDocument: where tenants share a collection, an operation names none.
            IndexFailure: the engine can't be read.
        """
        operations = [self._tenants.assigned(operation) for operation in operations]
        keys = [self._tenants.key(operation) for operation in operations]
        places, different = repeated(keys, operations)
        once = {at: (keys[at], operations[at]) for at in sorted(set(places))}
        planned = self._by_models(
            self._models or self._read_models(), lambda models: self._planned(models, once, different, version, check)
        )
        return [planned[at] for at in places]

    def _planned(
        self,
        models: CollectionModels,
        operations: Mapping[int, tuple[DocumentKey, Operation]],
        different: Collection[DocumentKey],
        version: Callable[[], int] | None,
        check: Callable[[], object],
    ) -> dict[int, PlannedWrite]:
        encoders = self._encoders.of(models)
        cutting = Cutting.by(next(iter(encoders.values())), self._tokens, self._overlap)
        # Different operations on one document are all written: each may change what the next one finds.
        stored = self._stored([key for key, _ in operations.values() if key not in different])
        planned: dict[int, PlannedWrite] = {}
        incoming: dict[int, Incoming] = {}
        for at, (key, operation) in operations.items():
            number = version() if operation.version is None and version else operation.version
            if isinstance(operation, Deletion):
                number = arrival_version() if number is None else number
                planned[at] = PlannedWrite.deletion(operation.id, number, arrival_version(), operation.tenant)
                continue
            document = self._incoming(operation, number, stored.get(key), cutting)
            if plan := document.plan_if_stored():
                planned[at] = plan
            else:
                incoming[at] = document
        copied = self._copy(incoming, encoders, check)
        rest = {at: document for at, document in incoming.items() if at not in copied}
        encoded = {**copied, **self._encode(rest, encoders, cutting, check)}
        new = {each.document.id for each in rest.values() if each.stored is None}
        words = self._add_words(models, [part for parts in encoded.values() for part in parts], new)
        for at, parts in encoded.items():
            planned[at] = incoming[at].plan(parts, words, unchanged=at in copied and incoming[at].unchanged)
        return planned

    def _by_models(self, models: CollectionModels, act: Callable[[CollectionModels], _T]) -> _T:
        """Act by the models that the collection had; if that fails because one was dropped, by those that it has."""
        try:
            return act(models)
        except ModelError:
            if (now := self._read_models()) == models:
                raise
            return act(now)

    def _read_models(self) -> CollectionModels:
        try:
            self._models = self.index.models()
        except CollectionNotFound:
            return CollectionModels.of(self.encoder.fingerprint, self.encoder.name)
        return self._models

    def _stored(self, keys: Sequence[DocumentKey]) -> dict[DocumentKey, StoredDocument]:
        """Look documents up in the index."""
        return {
            (tenant, id): found
            for tenant, some in by_tenant(keys, lambda key: key[0])
            for id, found in stored_documents(self._tenants.index(self.index, tenant), [id for _, id in some]).items()
        }

    def _incoming(
        self, document: Document, version: int | None, stored: StoredDocument | None, cutting: Cutting
    ) -> Incoming:
        digest, tenant = Digest.of(document, cutting.method), self._tenants.of(document)
        incoming = Incoming(document, version or 0, digest, stored, tenant)
        if version is not None:
            return incoming
        keeps = stored is not None and incoming.unchanged and self.index.exclusive
        return replace(incoming, version=stored.version if stored and keeps else arrival_version())

    def _copy(
        self, incoming: Mapping[int, Incoming], encoders: Mapping[str, Encoder], check: Callable[[], object]
    ) -> dict[int, list[EncodedPassage]]:
        """The passages of the documents that the index holds; vectors that it lacks are encoded."""
        check()
        copied: dict[int, list[EncodedPassage]] = {}
        encoded = [(at, each) for at, each in incoming.items() if each.encoded]
        for tenant, some in by_tenant(encoded, lambda pair: pair[1].tenant):
            stored = {each.document.id: each.stored for _, each in some if each.stored}
            found = stored_passages(self._tenants.index(self.index, tenant), stored, list(encoders))
            copied |= {at: found[each.document.id] for at, each in some if each.document.id in found}
        add_vectors(chain.from_iterable(copied.values()), encoders, check, evidence=self._evidence)
        return copied

    def _encode(
        self,
        incoming: Mapping[int, Incoming],
        encoders: Mapping[str, Encoder],
        cutting: Cutting,
        check: Callable[[], object],
    ) -> dict[int, list[EncodedPassage]]:
        """The passages of the documents that have to be encoded."""
        documents = [cutting.passages(each.document, each.version) for each in incoming.values()]
        parts = {
            at: [EncodedPassage(passage, {}) for passage in passages]
            for at, passages in zip(incoming, documents, strict=True)
        }
        with span("postings.encode", passages=sum(map(len, documents))):
            add_vectors(chain.from_iterable(parts.values()), encoders, check, evidence=self._evidence)
        return parts

    def _add_words(
        self, models: CollectionModels, parts: Sequence[EncodedPassage], new: Collection[str]
    ) -> WordsConfig | None:
        """Add the words' vectors to passages; returns how they were weighted."""
        vectors, now = self._words.of(models, [part.passage for part in parts], new)
        for part, vector in zip(parts, vectors, strict=bool(vectors)):
            part.vectors[WORDS] = vector
        if now is not models:
            self._models = now
        return now.words

    def write(self, planned: Sequence[PlannedWrite], check: Callable[[], object] = no_check) -> Indexed:
        """Write what was planned. If a document has several revisions, the newest is kept.

        Args:
            planned: what :meth:`encode` returned.
            check: called before each few hundred points; what it raises ends the work.

        Raises:
            IndexFailure: the engine failed. What was written before stays, and it is safe to call again.
        """
        began = time.perf_counter()
        # Alike operations have one plan.
        revisions = list({id(each): each for each in planned if each.stored is None}.values())
        fresh: dict[int, Written] = {}
        with span("postings.upsert", documents=len(revisions)):
            for tenant, some in by_tenant(revisions, lambda each: each.tenant):
                fresh |= zip(
                    map(id, some), self._written(self._tenants.index(self.index, tenant), some, check), strict=True
                )
        # After all writes: a model that was added before is seen now, and whoever fills one that is added later finds
        # what was written.
        self._by_models(self._read_models(), lambda models: self._complete(models, planned, check))
        written = [each.without_write or fresh[id(each)] for each in planned]
        outcomes = [each.outcome for each in written]
        unchanged = sum(
            each.unchanged and outcome is Outcome.INDEXED for each, outcome in zip(planned, outcomes, strict=True)
        )
        return Indexed(
            written,
            passages=sum(each.passages for each in revisions),
            write_seconds=time.perf_counter() - began,
            counts=Counts.of(outcomes, unchanged=unchanged),
        )

    def _complete(self, models: CollectionModels, planned: Sequence[PlannedWrite], check: Callable[[], object]) -> None:
        for tenant, some in by_tenant(planned, lambda each: each.tenant):
            part = self._tenants.index(self.index, tenant)
            complete_models(part, models, some, self._encoders, check)
            complete_words(part, models, some, self._words, self._read_models)

    def _written(
        self, index: Index, revisions: Sequence[PlannedWrite], check: Callable[[], object]
    ) -> Sequence[Written]:
        try:
            return write(index, revisions, check)
        except ModelMismatch:
            models = self._read_models()
            if all(each.vectors <= set(models.vectors) for each in revisions):
                raise
            # A model was dropped since these were encoded.
            return write(index, [each.without_other_vectors(models) for each in revisions], check)

    @property
    def work(self) -> Work:
        """Passes, tokens and seconds of all models that are loaded."""
        return sum((encoder.work for encoder in self._encoders.loaded()), Work())

    def encoder_of(self, fingerprint: str) -> Encoder | None:
        """The encoder of a model of the collection; ``None`` if the collection doesn't have it.

        Raises:
            ModelNotFound: the model isn't on this machine.
        """
        models = self._read_models()
        return self._encoders.of(models)[fingerprint] if fingerprint in models.names else None

    def check_models(self) -> None:
        """Raise what a model raises on a text that says nothing."""
        for encoder in self._encoders.loaded():
            encoder.encode_documents(["a"])

    def probe(self) -> None:
        """Check that the index takes writes; see :func:`postings_ingest.probe.probe`."""
        probe(self.index, self._read_models().active)
