"""Names for the latents of a CSR model: they stand for no word, so the words that most activate each stand for it.

CSR: Wen et al. 2025, https://arxiv.org/abs/2503.01776
"""

from __future__ import annotations

import json
import logging
import uuid
from collections.abc import Callable, Mapping, Sequence

from postings.encoder.sources import cache_folder
from postings.vectors import SparseVector

log = logging.getLogger(__name__)

_WORDS_EACH = 3
_BATCH = 1024


def latent_names(
    fingerprint: str, vocabulary: Mapping[str, int], encode: Callable[[Sequence[str]], list[SparseVector]]
) -> dict[int, str]:
    """Name every latent that some word of the vocabulary activates, as ``"latent 17 (cat, kitten, feline)"``.

    Each word is encoded by itself, and a latent takes the words with the highest weight on it. That takes a while
    (half a minute for a small model), so the names are kept in the user's cache folder under the fingerprint.
    """
    cache = cache_folder() / f"latents-{fingerprint}.json"
    try:
        return {int(index): name for index, name in json.loads(cache.read_bytes()).items()}
    except (OSError, ValueError):
        pass
    words = sorted((word for word in vocabulary if word.isalpha()), key=vocabulary.__getitem__)
    log.info("naming the model's latents by %d words, once", len(words))
    strongest: dict[int, list[tuple[float, str]]] = {}
    for start in range(0, len(words), _BATCH):
        batch = words[start : start + _BATCH]
        for word, vector in zip(batch, encode(batch), strict=True):
            for index, weight in zip(vector.indices.tolist(), vector.values.tolist(), strict=True):
                strongest[index] = sorted([*strongest.get(index, []), (-weight, word)])[:_WORDS_EACH]
    names = {index: f"latent {index} ({', '.join(word for _, word in top)})" for index, top in strongest.items()}
    try:
        cache.parent.mkdir(parents=True, exist_ok=True)
        partial = cache.with_suffix(f".{uuid.uuid4().hex}")
        partial.write_text(json.dumps(names), encoding="utf-8")
        partial.replace(cache)
    except OSError as error:
        log.warning("can't keep the latents' names in %s: %s", cache, error)
    return names
