"""A recipe: all settings of a training run, checked."""

from __future__ import annotations

from typing import Self

from pydantic import Field, model_validator

from postings_training.recipes.objective import ImitationSettings, LossSettings, SparsitySettings, TeacherSettings
from postings_training.recipes.section import Section
from postings_training.recipes.sections import (
    DataSettings,
    EvaluationSettings,
    ModelSettings,
    PublishSettings,
    TrainingSettings,
)


class Recipe(Section):
    """A training run.

    Raises:
        ConfigurationError: :func:`.load_recipe` found an unknown, missing or impossible setting.

    Example:
        >>> from postings_training import load_recipe
        >>> load_recipe("splade-gooaq").training.batch_size
        32
    """

    base: str = Field(min_length=1, description="Model to start from: 'tiny', a folder or a hub id")
    model: ModelSettings = Field(default_factory=ModelSettings)
    data: DataSettings = Field(default_factory=DataSettings)
    loss: LossSettings = Field(default_factory=LossSettings)
    imitation: ImitationSettings = Field(default_factory=ImitationSettings)
    sparsity: SparsitySettings = Field(default_factory=SparsitySettings)
    teachers: tuple[TeacherSettings, ...] = ()
    training: TrainingSettings = Field(default_factory=TrainingSettings)
    evaluation: EvaluationSettings = Field(default_factory=EvaluationSettings)
    publish: PublishSettings = Field(default_factory=PublishSettings)

    @model_validator(mode="after")
    def _fit_together(self) -> Self:
        sections = (self.model, self.data, self.loss, *self.teachers, self.imitation, self.sparsity, self.evaluation)
        for section in sections:
            for contradiction in section.contradictions(self):
                raise ValueError(contradiction)
        return self
