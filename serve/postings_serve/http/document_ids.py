"""Ids of documents in paths: any text, with slashes and line breaks."""

from __future__ import annotations

from starlette.convertors import Convertor, register_url_convertor


class _DocumentId(Convertor[str]):
    # Starlette's own `path` stops at a line break, so that "a\n" would be taken for "a".
    regex = "(?s:.*)"

    def convert(self, value: str) -> str:
        return value

    def to_string(self, value: str) -> str:
        return value


# A path of a route names it: `{id:document}`.
register_url_convertor("document", _DocumentId())
