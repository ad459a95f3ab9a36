"""What passes through a loss, measured where it is, step by step."""

from __future__ import annotations

from collections import defaultdict

import torch
from torch import Tensor


class StepMeans:
    """Means of what was added: of the last step, for whoever steers, and since the last log line.

    Values stay on their device until they are asked for. On several GPUs the mean is over all of them.

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
        """Note a scalar; it carries no gradient further."""
        self._added[name].append(value.detach().float())

    def step(self) -> dict[str, float]:
        """End a step: the means of what it added; asked for again, the same."""
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
        """The means over the steps since this was last asked for."""
        means = {name: sum(values) / len(values) for name, values in self._steps.items()}
        self._steps.clear()
        return means
