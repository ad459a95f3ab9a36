"""Encoding any number of texts, pass by pass; the results are kept in a few blocks of memory."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from postings.arguments import no_check
from postings.encoder.arrays import rows_of
from postings.encoder.passes.batches import batches
from postings.encoder.passes.shared import SharedPasses
from postings.encoder.routes.activations import Activations, Integers
from postings.encoder.routes.protocol import Prepared
from postings.vectors import SparseVector

_BLOCK = 2**16  # entries; a pass gives some thousands, which would lie between what later passes free


def encode_all(
    passes: SharedPasses, texts: Sequence[Prepared], *, positions: bool, check: Callable[[], object] = no_check
) -> list[Activations]:
    """Encode texts, those of similar length together; return their activations in the order of the texts.

    Args:
        passes: over the model.
        texts: as the route prepared them.
        positions: whether to return the position of each entry's maximum.
        check: called before each pass; an exception in it ends the work.
    """
    found: dict[int, Activations] = {}
    scattered: list[int] = []
    entries = 0
    for batch in batches([len(text) for text in texts], passes.route.pass_size):
        check()
        encoded = passes.encode([texts[at] for at in batch], positions=positions)
        found |= zip(batch, encoded, strict=True)
        scattered += batch
        entries += sum(len(each.vector) for each in encoded)
        if entries >= _BLOCK:
            found |= zip(scattered, in_one_block([found[at] for at in scattered]), strict=True)
            scattered, entries = [], 0
    return [found[at] for at in range(len(texts))]


def positions_in_all(
    passes: SharedPasses, texts: Sequence[Prepared], entries: Sequence[Integers]
) -> list[Integers | None]:
    """Call :meth:`SharedPasses.positions` for any number of texts; return the results in their order."""
    found: dict[int, Integers | None] = {}
    for batch in batches([len(text) for text in texts], passes.route.pass_size):
        positions = passes.positions([texts[at] for at in batch], [entries[at] for at in batch])
        found |= zip(batch, positions, strict=True)
    return [found[at] for at in range(len(texts))]


def in_one_block(activations: Sequence[Activations]) -> list[Activations]:
    """Copy activations into one block of memory each for indices, values and positions.

    Example:
        >>> one = Activations(SparseVector([3], [0.5]))
        >>> [found.vector for found in in_one_block([one, one])]
        [SparseVector({3: 0.5}), SparseVector({3: 0.5})]
    """
    lengths = [len(one.vector) for one in activations]
    indices = rows_of(np.concatenate([one.vector.indices for one in activations]), lengths)
    values = rows_of(np.concatenate([one.vector.values for one in activations]), lengths)
    vectors = [SparseVector.unchecked(*row) for row in zip(indices, values, strict=True)]
    known = [one.positions for one in activations if one.positions is not None]
    if len(known) < len(activations):
        return [Activations(vector) for vector in vectors]
    return [Activations(*row) for row in zip(vectors, rows_of(np.concatenate(known), lengths), strict=True)]
