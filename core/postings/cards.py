"""Graphics cards: whether there is the one that was asked for, what it is, how full and how busy."""

from __future__ import annotations

import sys
from dataclasses import dataclass

from postings.errors import ConfigurationError

_GIB = 2**30


def check_device(device: str) -> None:
    """Raise unless PyTorch finds this device here; loads PyTorch.

    Args:
        device: ``auto``, ``cpu``, ``cuda``, ``cuda:1``, ``mps`` and others by PyTorch's names.

    Raises:
        ConfigurationError: there is no such device.

    Example:
        >>> check_device("cpu")
        >>> check_device("cuda:99")
        Traceback (most recent call last):
        postings.errors.ConfigurationError: expected one of the devices auto, cpu..., got 'cuda:99': ...
    """
    if device == "auto":
        return
    import torch

    accelerator = torch.accelerator.current_accelerator() if torch.accelerator.is_available() else None
    found = ["auto", "cpu"]
    if accelerator is not None:
        numbers = range(torch.accelerator.device_count())
        found += [accelerator.type, *(f"{accelerator.type}:{number}" for number in numbers)]
    if device not in found:
        reason = f"PyTorch {torch.__version__} finds no other here"
        raise ConfigurationError(f"expected one of the devices {', '.join(found)}, got {device!r}: {reason}")


@dataclass(frozen=True, slots=True)
class Card:
    """An NVIDIA or AMD card that PyTorch uses.

    Attributes:
        device: PyTorch's name of it, such as ``cuda:0``.
        name: of the product.
        bytes: its memory.
    """

    device: str
    name: str
    bytes: int

    @classmethod
    def of(cls, device: str) -> Card | None:
        """The card that a loaded encoder's device names; ``None`` if it isn't a card.

        Example:
            >>> Card.of("cpu") is None
            True
        """
        if not device.startswith("cuda") or "torch" not in sys.modules:
            return None
        import torch

        properties = torch.cuda.get_device_properties(device)
        return cls(device, properties.name, properties.total_memory)

    def used_bytes(self) -> int:
        """Bytes in use on the card, by all processes."""
        import torch

        free, total = torch.cuda.mem_get_info(self.device)
        return total - free

    def utilization(self) -> float | None:
        """The share of the last second in which the card computed, ``0..1``; ``None`` if nothing can tell.

        The driver tells it to ``nvidia-ml-py``, which the worker's extra brings; not for a part of a card (MIG).
        """
        import torch

        try:
            return torch.cuda.utilization(self.device) / 100
        except Exception:  # each driver has errors of its own; encoding goes on without the figure
            return None

    def __str__(self) -> str:
        return f"{self.device} ({self.name}, {self.bytes / _GIB:.1f} GiB)"
