"""What all sections of a recipe share."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

from pydantic import BaseModel, ConfigDict, Field

if TYPE_CHECKING:
    from postings_training.recipes.recipe import Recipe

Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
NotNegative = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Share = Annotated[float, Field(ge=0, le=1)]


class Section(BaseModel):
    """A section of a recipe: it can't be changed, and refuses settings that it doesn't know."""

    model_config = ConfigDict(extra="forbid", frozen=True, protected_namespaces=())

    def contradictions(self, recipe: Recipe) -> Iterator[str]:  # noqa: ARG002
        """Say which settings of this section don't fit the rest of the recipe, and what would."""
        yield from ()
