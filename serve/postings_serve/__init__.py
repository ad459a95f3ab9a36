"""Everything that Postings does, over HTTP: ``postings serve``."""

from postings_serve.app import create_app
from postings_serve.services import Services

__all__ = ["Services", "create_app"]
