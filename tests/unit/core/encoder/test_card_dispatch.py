"""What only a card takes in earnest, taken on the processor: the screen in bfloat16 before the exact products."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from postings import Encoder
from postings.encoder.routes.torch_splade import TorchSplade, _Screen
from tests.support.models import TEXTS, bert, modernbert, modernbert_without_bias, save
from tests.support.vectors import TOLERANCE


@pytest.fixture(scope="module", params=[bert, modernbert, modernbert_without_bias], ids=lambda build: build.__name__)
def route(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> TorchSplade:
    encoder = Encoder.load(save(request.param, tmp_path_factory.mktemp("model")), "cpu", "torch")
    route: Any = encoder._passes("document").route
    assert isinstance(route, TorchSplade)
    return route


@pytest.mark.parametrize("positions", [False, True])
def test_a_screened_pass_gives_the_vectors_and_positions_of_one_without(route: TorchSplade, *, positions: bool) -> None:
    prepared = route.prepare(TEXTS)
    route._screen = None
    expected = route.encode(prepared, positions=positions)
    route._screen = _Screen(route.decoder)
    for found, wanted in zip(route.encode(prepared, positions=positions), expected, strict=True):
        assert found.vector.largest_difference(wanted.vector) <= TOLERANCE
        assert (found.positions is not None) == positions
        if found.positions is not None and wanted.positions is not None:
            np.testing.assert_array_equal(found.positions, wanted.positions)


def test_the_screens_bound_allows_for_sums_that_are_cut_and_is_no_product_of_matrices() -> None:
    """A card may sum with fewer bits than a processor, and round matrices to TF32 where a process allows it."""
    torch.manual_seed(0)
    linear = torch.nn.Linear(1024, 300)
    linear.weight.data = linear.weight.data.bfloat16().float()  # nothing is lost by rounding: all slack is for sums
    linear.bias.data.zero_()
    hidden = torch.randn(2, 3, 1024).bfloat16().float()
    screen = _Screen(linear)
    lost, slack = screen._norms
    assert (lost > 0).all()
    assert torch.allclose(slack, 1024 * 2.0**-23 * linear.weight.norm(dim=1), rtol=1e-3)
    multiplied: list[torch.dtype] = []
    with _Products(multiplied):
        screen.possible(hidden)
    assert multiplied == [torch.bfloat16]


class _Products(torch.utils._python_dispatch.TorchDispatchMode):
    """Notes the type of each product of matrices."""

    def __init__(self, found: list[torch.dtype]) -> None:
        super().__init__()
        self._found = found

    def __torch_dispatch__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if function._schema.name in {"aten::mm", "aten::addmm", "aten::bmm", "aten::linear"}:
            self._found.append(args[-1].dtype)
        return function(*args, **(kwargs or {}))
