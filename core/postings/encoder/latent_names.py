"""Names for the latents of a CSR model. A latent stands for no word, so it is named by the words that activate it most.

CSR: Wen et al. 2025, https://arxiv.org/abs/2503.01776
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping, Sequence

from postings.batching import batched
from postings.encoder.cache import cache_folder, write_json
from postings.vectors import SparseVector

log = logging.getLogger(__name__)

_WORDS_EACH = 3
_BATCH = 1024


def latent_names(
    fingerprint: str, vocabulary: Mapping[str, int], encode: Callable[[Sequence[str]], list[SparseVector]]
) -> dict[int, str]:
    """Name every latent that a word of the vocabulary activates, such as ``"latent 17 (cat, kitten, feline)"``.

    Each word is encoded by itself, and a latent gets the words with the highest weights on it. This takes half a minute
    for a small model, so the names are cached under the model's fingerprint.
    """
    cache = cache_folder() / f"latents-{fingerprint}.json"
    try:
        return {int(index): name for index, name in json.loads(cache.read_bytes()).items()}
    except (OSError, ValueError):
        pass
    words = sorted((word for word in vocabulary if word.isalpha()), key=vocabulary.__getitem__)
    log.info("naming the model's latents by encoding %d words; the names are cached", len(words))
    strongest: dict[int, list[tuple[float, str]]] = {}
    for batch in batched(words, _BATCH):
        for word, vector in zip(batch, encode(batch), strict=True):
            for index, weight in zip(vector.indices.tolist(), vector.values.tolist(), strict=True):
                strongest[index] = sorted([*strongest.get(index, []), (-weight, word)])[:_WORDS_EACH]
    names = {index: f"latent {index} ({', '.join(word for _, word in top)})" for index, top in strongest.items()}
    try:
        write_json(cache, names)
    except OSError as error:
        log.warning("the names of the model's latents can't be cached in %s: %s", cache, error)
    return names
