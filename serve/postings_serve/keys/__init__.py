"""API keys: who may do what."""

from postings_serve.keys.key import SCOPES, Key, Scope
from postings_serve.keys.key_file import KeyFile

__all__ = ["SCOPES", "Key", "KeyFile", "Scope"]
