"""The names of the libraries that encode, and of the precisions, for settings and encoder alike."""

from __future__ import annotations

from typing import Literal, TypeAlias

Backend: TypeAlias = Literal["auto", "torch", "onnx"]
Precision: TypeAlias = Literal["float32", "bfloat16", "float16", "int8"]
