"""Documents: how they come, and how they are shown and deleted."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from postings.documents import MAX_ID_LENGTH, MAX_TEXT_LENGTH, MAX_VERSION
from postings_serve.schemas.common import Body, Collection, DocumentId, Rejected, one_of
from postings_serve.schemas.filters import SmallFilter

MAX_DOCUMENTS = 1000
MAX_IDS = 1000
MAX_WEIGHTS = 100_000

Version = Annotated[int, Field(ge=0, le=MAX_VERSION)]


class Record(BaseModel):
    """A document, as any of the readers takes it. Fields beyond these become metadata."""

    model_config = ConfigDict(extra="allow")

    id: str | int | float | bool = Field(
        description=f"The document's name, of 1 to {MAX_ID_LENGTH} characters; `_id` does as well",
        examples=["cheetah"],
    )
    text: str = Field(
        default="",
        max_length=MAX_TEXT_LENGTH,
        description="What is searched and shown; it may be missing if there is a title",
        examples=["A cheetah is running behind its prey."],
    )
    title: str | int | float | bool = Field(default="", examples=["Cheetahs"])
    metadata: dict[str, Any] = Field(default={}, description="Filter on it as `metadata.<key>`")
    version: int | None = Field(
        default=None,
        ge=0,
        le=MAX_VERSION,
        description="A number that grows with each revision: an older one never replaces a newer one. By default, the "
        "time of arrival in milliseconds",
    )


class DocumentsBody(Body):
    """Documents to index."""

    collection: Collection = None
    documents: list[dict[str, Any]] = Field(min_length=1, max_length=MAX_DOCUMENTS)


class DocumentsForm(Body):
    """Documents to index, up to 1,000; if one is wrong, none is accepted."""

    collection: Collection = None
    documents: list[Record] = Field(min_length=1, max_length=MAX_DOCUMENTS)


class UploadFields(Body):
    """What a form says about its file."""

    collection: Collection = None
    format: Literal["csv", "html", "json", "jsonl", "markdown", "parquet", "text", "tsv"] | None = Field(
        default=None, description="By default from the file's name, which may end with .gz or .zst, too"
    )
    id_field: str | None = Field(default=None, description="The field with the id, instead of `id` or `_id`")
    text_field: str | None = Field(default=None, description="The field with the text, instead of `text`")
    title_field: str | None = Field(default=None, description="The field with the title, instead of `title`")
    types: str | None = Field(
        default=None,
        description="Types of CSV and TSV columns: text, integer, float or boolean; by default from the cells",
        examples=["zip=text,price=float"],
    )


class UploadForm(UploadFields):
    """A file with documents."""

    file: Annotated[str, Field(json_schema_extra={"format": "binary"})]


class PreviewFields(UploadFields):
    """What a form says about its file, or about the beginning of it."""

    partial: Literal["true", "false"] = Field(
        default="false", description="`true` if this is the beginning of a file, whose last record may be cut"
    )


class PreviewForm(PreviewFields):
    """A file with documents, or the beginning of one."""

    file: Annotated[str, Field(json_schema_extra={"format": "binary"})]


class PreviewedDocument(Body):
    """A document, as it would be queued."""

    id: str
    title: str
    text: str
    metadata: dict[str, Any]


class Preview(Body):
    """How a file is read: its first documents, and what can't be used before the last of them."""

    format: Literal["csv", "html", "json", "jsonl", "markdown", "parquet", "text", "tsv"]
    fields: list[str] = Field(description="The columns, or the fields of the first records, in their order")
    documents: list[PreviewedDocument]
    rejected: list[Rejected] = Field(description="Line 0 stands for the whole file")
    rejected_count: int


class Submitted(Body):
    """Documents that were queued. What becomes of them is told by the job."""

    job: str = Field(examples=["5f0c1c9b3d2e4f6a8b7c9d0e1f2a3b4c"])
    submitted: int = Field(description="Documents that were accepted: each ends indexed, superseded, or a dead letter")
    rejected: list[Rejected] = Field(description="The first records that can't be used")
    rejected_count: int


class Weight(Body):
    """An entry of a passage's vector."""

    token: str
    weight: float


class ShownPassage(Body):
    """A passage of a document."""

    ordinal: int
    start: int
    end: int
    text: str
    weights: list[Weight] = Field(default=[], description="With `weights`, the largest first")


class ShownDocument(Body):
    """A document of the index."""

    id: str
    title: str
    text: str
    metadata: dict[str, Any]
    version: int
    fingerprint: str = Field(description="Of the model whose weights are shown: the one that the collection searches")
    passages: list[ShownPassage]


class DeleteBody(Body):
    """Documents to delete: named, or all that match a filter."""

    model_config = one_of("ids", "filter")

    collection: Collection = None
    ids: list[DocumentId] | None = Field(default=None, min_length=1, max_length=MAX_IDS)
    filter: SmallFilter | None = Field(
        default=None, description="A Qdrant filter, on `doc_id`, `title`, `version`, `passages` or `metadata.<key>`"
    )
    version: Version | None = Field(
        default=None, description="Of the delete, by default the time in ms: documents with a newer version stay"
    )
    dry_run: bool = Field(default=False, description="With `filter`: only count the documents, and name the first")

    @model_validator(mode="after")
    def _one_of_both(self) -> DeleteBody:
        if (self.ids is None) == (self.filter is None):
            raise ValueError("give either ids or a filter")
        if self.dry_run and self.filter is None:
            raise ValueError("dry_run needs a filter")
        return self


class Superseded(Body):
    """A document of which the index holds a newer version."""

    id: str
    stored: int = Field(description="The version in the index")
    deleted: bool = Field(default=False, description="Whether that version is a delete")


class Deleted(Body):
    """What became of documents that were named."""

    version: int = Field(description="The version of this delete: what is ingested with a larger one comes back")
    deleted: list[str]
    not_found: list[str] = Field(description="Their deletes are remembered anyway")
    superseded: list[Superseded]


class DeletedMatching(Body):
    """What became of the documents that match a filter."""

    version: int
    matching: int
    deleted_documents: int
    superseded: list[Superseded]


class Matching(Body):
    """The documents that match a filter, which `dry_run` leaves alone."""

    matching: int
    first: list[str]
