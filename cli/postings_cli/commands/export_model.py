"""``postings models export``."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

from postings_cli.console import out, printable


def export_model_command(
    model: Annotated[
        str, typer.Argument(help="A folder that sentence-transformers saved; or a bundled model.", show_default=False)
    ],
    precision: Annotated[
        Literal["float32", "int8"],
        typer.Option(help="Precision of the graphs; int8 is faster and changes the vectors a little."),
    ] = "float32",
) -> None:
    """Write a model's ONNX graphs into its folder.

    With its graphs, a SPLADE model encodes where PyTorch isn't installed.

    Example: postings models export ./my-splade && postings search "hunting lions" --model ./my-splade
    """
    from postings.encoder.toolkit import export_model

    for graphs in export_model(model, precision):
        out.print(printable(f"graphs written to {graphs}"))
