"""The low-precision screens may keep too much, never too little."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from postings import Encoder
from postings.encoder.export.head import screen_graph
from postings.encoder.routes.activations import activations
from postings.encoder.routes.onnx.screening_decoder import quantized_decoder
from postings.encoder.routes.onnx.session import Session
from postings.encoder.routes.screening import ScreenYield
from postings.encoder.routes.torch_splade import _Screen
from postings.errors import InvalidVector

Floats = npt.NDArray[np.float32]


@st.composite
def heads(draw: st.DrawFn) -> tuple[Floats, Floats, Floats]:
    """Vectors, decoder and bias on very different scales, with outliers and rows of zeros; logits near to zero."""
    random = np.random.default_rng(draw(st.integers(0, 2**32)))
    texts, length, size, width = (draw(st.integers(1, most)) for most in (4, 9, 60, 33))
    hidden = random.standard_normal((texts, length, width)) * 10.0 ** draw(st.integers(-6, 4))
    decoder = random.standard_normal((size, width)) * 10.0 ** random.integers(-6, 4, (size, 1))
    hidden[random.random(hidden.shape) < 0.02] *= 100
    decoder[random.random(size) < 0.1] = 0
    hidden, decoder = hidden.astype(np.float32), decoder.astype(np.float32)
    # The bias brings each entry's highest logit over all texts to within a hair of zero.
    highest = (hidden.reshape(-1, width).astype(np.float64) @ decoder.T).max(0)
    bias = -highest * (1 + random.choice([0.0, 1e-3, -1e-3], size))
    return hidden, decoder, bias.astype(np.float32)


def active(hidden: Floats, decoder: Floats, bias: Floats) -> npt.NDArray[np.bool_]:
    """Which entries are active beyond doubt, in exact arithmetic."""
    logits = (hidden.astype(np.float64) @ decoder.T.astype(np.float64)).max(1) + bias
    float_error = 1e-6 * np.abs(hidden).max((1, 2))[:, None] * np.abs(decoder).sum(1)
    found: npt.NDArray[np.bool_] = logits > float_error + 1e-6 * np.abs(bias)
    return found


@given(heads())
def test_the_screen_in_eight_bits_keeps_every_active_entry(head: tuple[Floats, Floats, Floats]) -> None:
    hidden, decoder, bias = head
    integers, slack = quantized_decoder(decoder, bias)
    graph = screen_graph(*decoder.shape).SerializeToString()
    possible = Session(graph, {"slack": slack, "decoder_0": integers}).run(hidden=hidden)[0]
    assert not (active(*head) & ~possible).any()


def possible_in_bfloat16(*head: Floats) -> npt.NDArray[np.bool_]:
    hidden, decoder, bias = (torch.from_numpy(part) for part in head)
    linear = torch.nn.Linear(decoder.shape[1], decoder.shape[0])
    linear.weight.data, linear.bias.data = decoder, bias
    with torch.inference_mode():
        return _Screen(linear).possible(hidden).numpy()


@given(heads())
def test_the_screen_in_bfloat16_keeps_every_active_entry(head: tuple[Floats, Floats, Floats]) -> None:
    assert not (active(*head) & ~possible_in_bfloat16(*head)).any()


def test_the_screen_in_bfloat16_allows_for_the_worst_rounding() -> None:
    """Both vectors lose all that rounding can take, in the same direction, and their product does too."""
    half_way = np.full((1, 1, 257), 1 + 2**-8, np.float32)  # each is rounded to 1, and 257 to 256
    logit = (half_way.astype(np.float64) ** 2).sum()
    head = half_way, half_way[0], np.array([-logit * (1 - 1e-5)], np.float32)
    assert active(*head).all()
    assert possible_in_bfloat16(*head).all()


def test_the_screens_leave_little_of_what_cannot_be_active() -> None:
    random = np.random.default_rng(0)
    hidden = random.standard_normal((4, 30, 64), np.float32)
    decoder = random.standard_normal((2000, 64), np.float32)
    bias = np.full(2000, -32, np.float32)
    integers, slack = quantized_decoder(decoder, bias)
    tiles = {f"decoder_{start}": integers[start : start + 1024] for start in (0, 1024)}
    graph = screen_graph(2000, 64).SerializeToString()
    possible = Session(graph, {"slack": slack, **tiles}).run(hidden=hidden)[0]
    exact = active(hidden, decoder, bias)
    assert 0 < exact.mean() < possible.mean() < 4 * exact.mean()


@pytest.mark.parametrize(("left", "pays"), [([10, 10], True), ([16, 0], False), ([0, 31, 0], False)])
def test_a_screen_that_leaves_too_much_is_given_up(left: list[int], pays: bool) -> None:
    counts = ScreenYield()
    for count in left:
        counts.note(count, 100)
        if not counts.pays:
            break
    assert counts.pays is pays


@pytest.mark.parametrize("wrong", [np.nan, np.inf])
def test_what_is_not_finite_passes_the_screen_in_bfloat16(wrong: float) -> None:
    hidden = torch.ones(2, 3, 4)
    hidden[1, 2] = wrong
    with torch.inference_mode():
        possible = _Screen(torch.nn.Linear(4, 9)).possible(hidden)
    assert possible[1].all()


@pytest.mark.parametrize("max_active_dims", [None, 1])
@pytest.mark.parametrize("wrong", [np.nan, np.inf])
def test_a_weight_that_is_not_finite_is_an_error_and_no_empty_vector(wrong: float, max_active_dims: int | None) -> None:
    entries, values = np.array([[1, 2], [3, 4]]), np.array([[1, 2], [wrong, 0]], np.float32)
    with pytest.raises(InvalidVector, match="aren't finite"):
        activations(entries, values, None, max_active_dims)


def test_a_pass_of_many_short_texts_is_screened_a_few_at_a_time(encoder: Encoder) -> None:
    texts = [f"{word} {n}" for n, word in enumerate(["lion", "guitar", "river"] * 30)]
    for vector, text in zip(encoder.encode_documents(texts), texts, strict=True):
        assert vector.largest_difference(encoder.encode_documents([text])[0]) <= 1e-4
