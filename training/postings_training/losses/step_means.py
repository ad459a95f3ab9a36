"""Means of values that are measured inside a loss, by step."""

from __future__ import annotations

from collections import defaultdict

import torch
from torch import Tensor


class StepMeans:
    """Means of added values: over the last step, and over the steps since the last log line.

    Values stay on their device until the step ends. On several GPUs the mean is taken over all of them.

    Example:
        >>> means = StepMeans()
        >>> means.add("loss", torch.tensor(1.0)); means.add("loss", torch.tensor(3.0)); means.step()
        {'loss': 2.0}
        >>> means.add("loss", torch.tensor(8.0)); _ = means.step()
        >>> means.since_log()
        {'loss': 5.0}
    """

    def __init__(self) -> None:
        self._added: dict[str, list[Tensor]] = defaultdict(list)
        self._steps: dict[str, list[float]] = defaultdict(list)
        self._last: dict[str, float] = {}

    def add(self, name: str, value: Tensor) -> None:
        """Add a scalar to the current step; gradients don't pass through it."""
        self._added[name].append(value.detach().float())

    def step(self) -> dict[str, float]:
        """End the step and return its means; if nothing was added since, return the same again."""
        names = sorted(self._added)
        if not names:
            return self._last
        means = torch.stack([torch.stack(self._added[name]).mean() for name in names])
        if torch.distributed.is_available() and torch.distributed.is_initialized():
            torch.distributed.all_reduce(means)
            means /= torch.distributed.get_world_size()
        self._added.clear()
        found = dict(zip(names, means.tolist(), strict=True))
        for name, value in found.items():
            self._steps[name].append(value)
        self._last = found
        return found

    def since_log(self) -> dict[str, float]:
        """Return the means over the steps since the last call."""
        means = {name: sum(values) / len(values) for name, values in self._steps.items()}
        self._steps.clear()
        return means
