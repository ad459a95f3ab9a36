"""Settings, from arguments, the environment (``POSTINGS_*``), ``.env`` and ``postings.toml``, in this order."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, ValidationError, ValidationInfo, field_validator
from pydantic_settings import (
    BaseSettings,
    EnvSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    SettingsError,
    TomlConfigSettingsSource,
)

from postings.addresses import check_broker_url, check_redis_url, checked_index_url, server_addresses
from postings.collection_names import checked_collection_name
from postings.encoding_options import Backend, Precision
from postings.environment import PREFIX, check_lines, warn_of_unknown
from postings.errors import ConfigurationError
from postings.queue_settings import QueueSettings
from postings.secrets import check_address, check_sendable, redacted, secrets_of
from postings.serve_settings import ServeSettings
from postings.settings_errors import raise_invalid, raise_not_json
from postings.tenant_names import NEEDS_FIELD, checked_tenant, checked_tenant_field
from postings.words.config import MAX_WEIGHT

_DOTENV = ".env"
_SECRET = frozenset({"index_api_key", "index_url", "redis_url", "broker_url"})
_PathOrName = Annotated[str, BeforeValidator(lambda value: str(value) if isinstance(value, Path) else value)]


class Settings(ServeSettings, QueueSettings):
    """All settings; each is a field of this class, whose description says what it is for and in which unit.

    A field is read from the environment and from ``.env`` in the working folder as ``POSTINGS_<FIELD>``, and from
    ``postings.toml`` under its own name. An argument overrides all of them.

    Raises:
        ConfigurationError: a value is invalid, or a name in ``postings.toml`` isn't a setting; the message says where
            the value was read. A variable that isn't a setting only causes a warning.

    Example:
        >>> Settings(index_url="http://localhost:6333").model
        'tiny'
    """

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_file=_DOTENV,
        env_file_encoding="utf-8-sig",  # some editors put a byte order mark at the start
        toml_file="postings.toml",
        extra="ignore",
        frozen=True,
        hide_input_in_errors=True,
    )

    model: _PathOrName = Field(
        "tiny",
        min_length=1,
        description="The bundled model 'tiny', a folder, or a Hugging Face hub id; where none is named, that of the "
        "collection, and for a new collection 'tiny'",
    )
    device: str = Field("auto", description="Where to encode: 'auto' (a GPU if there is one), 'cpu', 'cuda', 'cuda:1'…")
    backend: Backend = Field(
        "auto",
        description="Library that encodes: 'torch', 'onnx' (on a CPU), or 'auto': ONNX Runtime for SPLADE on a CPU, "
        "PyTorch for everything else",
    )
    precision: Precision = Field(
        "float32", description="Precision of encoding: all but 'float32' are faster, and change the vectors"
    )
    index_url: Annotated[_PathOrName, AfterValidator(checked_index_url)] = Field(
        "postings-data",
        min_length=1,
        description="A folder (or 'edge:FOLDER') for the embedded engine, or the http(s) URL of a Qdrant server; for a "
        "cluster, several URLs separated by commas: the next one is used when one can't be reached or can't answer",
    )
    index_api_key: SecretStr | None = Field(None, description="The Qdrant server's API key")
    index_ca: Path | None = Field(
        None, description="File of the Qdrant server's CA certificates; by default the public ones of httpx and gRPC"
    )
    index_grpc_port: int | None = Field(
        None,
        ge=0,
        le=65535,
        description="The Qdrant server's gRPC port, or 0 to use REST alone; by default gRPC is used if the port after "
        "REST's (6334 after 6333) answers for the same server",
    )
    index_timeout: int = Field(
        30, ge=1, description="Seconds that a request to the Qdrant server may take, retries included"
    )
    index_streams: int = Field(
        3, ge=1, le=32, description="Requests, of 64 points each, that are sent to the server at once"
    )
    index_datatype: Literal["float32", "float16", "uint8"] = Field(
        "float32",
        description="Data type of the weights in a new collection's index; all but 'float32' round the scores, which "
        "then differ a little from the sum of their contributions",
    )
    index_on_disk: bool = Field(default=False, description="Whether a new collection keeps its index on disk")
    index_payload_on_disk: bool = Field(
        default=True, description="Whether a new collection on a server keeps texts and metadata on disk"
    )
    index_fields: dict[str, Literal["keyword", "integer", "float", "bool", "datetime", "uuid", "text"]] = Field(
        default_factory=dict,
        description="Metadata fields to index on a Qdrant server, with the type of each, for example "
        '{"lang": "keyword"}: filters on them are fast, and allowed in strict mode',
    )
    index_shards: int | None = Field(None, ge=1, description="Shards of a new collection on a cluster")
    index_replicas: int | None = Field(
        None,
        ge=1,
        description="Replicas of each shard of a new collection on a cluster; a majority confirms each write",
    )
    collection: Annotated[str, AfterValidator(checked_collection_name)] = Field(
        "documents", description="The collection to write to and search in: letters, digits, '_', '-' and '.'"
    )
    tenant_field: Annotated[str | None, AfterValidator(checked_tenant_field)] = Field(
        None, description="The metadata field that names the tenant of a document, where tenants share a collection"
    )
    tenant: Annotated[str | None, AfterValidator(checked_tenant)] = Field(
        None, description="The tenant whose documents alone this process may read, write and delete"
    )
    words: float | None = Field(
        None,
        ge=0,
        le=MAX_WEIGHT,
        description="Weight of exact words in a score, which is the model's score + weight x the words' BM25 score; by "
        "default the collection's, and for a new collection 0.4; 0 searches without words, and creates a collection "
        "without them",
    )
    words_language: str = Field(
        "english",
        min_length=1,
        description="Language of the stop words and the stemmer of a new collection's words, or 'none' for neither",
    )
    words_stemmer: str | None = Field(
        None, description="Language of the stemmer of a new collection's words, or 'none'; by default words_language"
    )
    words_stopwords: list[str] | None = Field(
        None, description='Stop words of a new collection, such as ["the", "a"]; by default those of words_language'
    )
    words_average_length: float | None = Field(
        None,
        gt=0,
        description="Words of a passage on average, without stop words; by default measured on the first passages",
    )
    passage_tokens: int | None = Field(
        None,
        ge=8,
        description="Tokens of a passage, title included, at most the model's window; by default the window, but at "
        "most 512",
    )
    passage_overlap: int = Field(32, ge=0, description="Tokens that neighboring passages share, at most")
    store_evidence: bool = Field(
        default=True,
        description="Whether new passages are stored with what activated each entry of their vectors, so that searches "
        "explain hits without the model",
    )
    tombstone_retention: int = Field(
        7 * 24 * 3600,
        ge=0,
        description="Seconds that a deleted document's version is kept; longer than any message may wait",
    )

    def __init__(self, **values: Any) -> None:
        try:
            check_lines(_DOTENV)
            super().__init__(**values)
        except ValidationError as error:
            raise_invalid(error, values, _DOTENV, _SECRET)
        except SettingsError as error:
            raise_not_json(error, _DOTENV)
        except (OSError, ValueError) as error:
            raise ConfigurationError(f"{_DOTENV} can't be read: {error}") from error

    @classmethod
    def given(cls, settings: object) -> Self:
        """Return the settings that were passed to a function, or for ``None`` those of the environment.

        Raises:
            ConfigurationError: the argument isn't settings.
        """
        if settings is None:
            return cls()
        if not isinstance(settings, cls):
            raise ConfigurationError(f"expected Settings, such as Settings(index_url=…), got {type(settings).__name__}")
        return settings

    def of_collection(self, collection: str) -> Self:
        """A copy of the settings with another collection.

        Raises:
            ConfigurationError: no collection can have this name.
        """
        try:
            return self.model_copy(update={"collection": checked_collection_name(collection)})
        except ValueError as error:
            raise ConfigurationError(f"{error}, got {collection!r:.100}") from error

    @property
    def index_urls(self) -> tuple[str, ...]:
        """The addresses of the Qdrant server or cluster; none if the index is a folder."""
        return tuple(server_addresses(self.index_url))

    @property
    def index_folder(self) -> Path | None:
        """The folder of the embedded engine; ``None`` if the index is a server.

        Example:
            >>> Settings(index_url="edge:data").index_folder
            PosixPath('data')
        """
        return None if "://" in self.index_url else Path(self.index_url.removeprefix("edge:")).expanduser()

    def to_environment(self) -> dict[str, str]:
        """The environment variables from which another process reads the same settings.

        They hold every setting that was given by an argument, a variable or a file, so that the process needs no
        ``.env`` or ``postings.toml``. Keys and passwords are among them, as they are: pass them to a process of your
        own only, and never log them. Relative paths stay relative, so start it in the same folder. A setting that was
        given as ``None`` is left out.

        Example:
            >>> Settings(index_url="http://localhost:6333", index_fields={"lang": "keyword"}).to_environment()
            {'POSTINGS_INDEX_URL': 'http://localhost:6333', 'POSTINGS_INDEX_FIELDS': '{"lang": "keyword"}'}
        """
        given = {name: getattr(self, name) for name in type(self).model_fields if name in self.model_fields_set}
        return {f"{PREFIX}{name.upper()}": _as_text(value) for name, value in given.items() if value is not None}

    def secrets(self) -> set[str]:
        """The API key and the passwords in addresses; no error and no log may show them."""
        key, broker = self.index_api_key, self.broker_url
        urls = (self.index_url, self.redis_url.get_secret_value(), broker.get_secret_value() if broker else "")
        return {secret for url in urls for secret in secrets_of(url)} | ({key.get_secret_value()} if key else set())

    def __repr_args__(self) -> Iterator[tuple[str | None, Any]]:
        for name, value in super().__repr_args__():
            yield name, redacted(value) if name == "index_url" and "://" in value else value

    @field_validator("*", mode="before")
    @classmethod
    def _without_stray_space(cls, value: object) -> object:
        """Strip white space, because secrets in files often end with a newline."""
        if isinstance(value, SecretStr):
            return SecretStr(value.get_secret_value().strip())
        return value.strip() if isinstance(value, str) else value

    @field_validator("tenant")
    @classmethod
    def _with_field(cls, value: str | None, info: ValidationInfo) -> str | None:
        if value is not None and info.data.get("tenant_field", "") is None:
            raise ValueError(NEEDS_FIELD)
        return value

    @field_validator("index_api_key", "redis_url", "broker_url")
    @classmethod
    def _usable(cls, value: SecretStr | None, info: ValidationInfo) -> SecretStr | None:
        if value is not None:
            text = value.get_secret_value()
            if info.field_name == "index_api_key":
                check_sendable(text)
            else:
                check_address(text)
                (check_redis_url if info.field_name == "redis_url" else check_broker_url)(text)
        return value

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Put ``postings.toml`` after the environment, and raise an error for names in it that aren't settings."""
        try:
            toml = TomlConfigSettingsSource(settings_cls)
        except (OSError, ValueError) as error:
            raise ConfigurationError(f"postings.toml can't be read: {error}") from error
        for source, names in (("postings.toml", toml()), ("the arguments", init_settings())):
            if unknown := names.keys() - cls.model_fields.keys():
                raise ConfigurationError(
                    f"{source}: unknown {sorted(unknown)}: the settings are {', '.join(sorted(cls.model_fields))}"
                )
        variables = [each.env_vars for each in (env_settings, dotenv_settings) if isinstance(each, EnvSettingsSource)]
        warn_of_unknown(cls.model_fields, *variables)
        return init_settings, env_settings, dotenv_settings, toml


def _as_text(value: object) -> str:
    if isinstance(value, SecretStr):
        return value.get_secret_value()
    return json.dumps(value) if isinstance(value, dict | list) else str(value)
