"""Any number of texts, pass by pass, and what is kept of them in a few blocks of memory."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from postings.encoder.activations import Activations, Integers
from postings.encoder.batches import batches
from postings.encoder.blocks import rows_of
from postings.encoder.route import Prepared
from postings.encoder.sharing import SharedPasses
from postings.vectors import SparseVector

_GATHERED = 2**16  # entries: a pass gives some thousands, which would be between what the next passes free


def encode_all(
    passes: SharedPasses, texts: Sequence[Prepared], *, positions: bool, check: Callable[[], object]
) -> list[Activations]:
    """Encode texts, those of similar length together; returns what became of each, in their order.

    Args:
        passes: of the model.
        texts: as the route prepared them.
        positions: whether to say where each entry comes from.
        check: called before each pass; what it raises ends the work.
    """
    found: dict[int, Activations] = {}
    loose: list[int] = []
    entries = 0
    for batch in batches([len(text) for text in texts], passes.route.pass_size):
        check()
        encoded = passes.encode([texts[at] for at in batch], positions=positions)
        found |= zip(batch, encoded, strict=True)
        loose += batch
        entries += sum(len(each.vector) for each in encoded)
        if entries >= _GATHERED:
            found |= zip(loose, gathered([found[at] for at in loose]), strict=True)
            loose, entries = [], 0
    return [found[at] for at in range(len(texts))]


def positions_in_all(
    passes: SharedPasses, texts: Sequence[Prepared], entries: Sequence[Integers]
) -> list[Integers | None]:
    """What :meth:`SharedPasses.positions` gives, for any number of texts, in their order."""
    found: dict[int, Integers | None] = {}
    for batch in batches([len(text) for text in texts], passes.route.pass_size):
        positions = passes.positions([texts[at] for at in batch], [entries[at] for at in batch])
        found |= zip(batch, positions, strict=True)
    return [found[at] for at in range(len(texts))]


def gathered(each: Sequence[Activations]) -> list[Activations]:
    """The same, copied to one block for each kind of number.

    Example:
        >>> one = Activations(SparseVector([3], [0.5]))
        >>> [found.vector for found in gathered([one, one])]
        [SparseVector({3: 0.5}), SparseVector({3: 0.5})]
    """
    lengths = [len(one.vector) for one in each]
    indices = rows_of(np.concatenate([one.vector.indices for one in each]), lengths)
    values = rows_of(np.concatenate([one.vector.values for one in each]), lengths)
    vectors = [SparseVector.unchecked(*row) for row in zip(indices, values, strict=True)]
    known = [one.positions for one in each if one.positions is not None]
    if len(known) < len(each):
        return [Activations(vector) for vector in vectors]
    return [Activations(*row) for row in zip(vectors, rows_of(np.concatenate(known), lengths), strict=True)]
