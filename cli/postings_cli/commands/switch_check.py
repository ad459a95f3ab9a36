"""``postings models switch --evaluate``: whether a model is good enough to be searched."""

from __future__ import annotations

from pathlib import Path

from postings import Index, Settings
from postings.collection_models import load_model
from postings.errors import ConfigurationError
from postings.index.models import CollectionModels


def check_quality(
    index: Index, models: CollectionModels, chosen: str, settings: Settings, folder: Path, least: float | None
) -> dict[str, float]:
    """Measure a model and the active one on a collection's judged queries.

    Args:
        index: the open collection.
        models: its models.
        chosen: the fingerprint of the model.
        settings: where to encode.
        folder: a BEIR folder; its corpus isn't read.
        least: the least nDCG@10; by default that of the active model.

    Returns:
        nDCG@10 of both, by what to call them.

    Raises:
        ConfigurationError: the model is worse.
    """
    from postings_training.data import load_beir
    from postings_training.evaluation.collection_quality import collection_quality

    judged = load_beir(folder).answered()
    new, active = (
        collection_quality(index, load_model(models, each, settings), judged).ndcg_at_10
        for each in (chosen, models.active)
    )
    asked = active if least is None else least
    if new < asked:
        than = f"the active model's {active:.4f}" if least is None else f"--min-ndcg {least:g}"
        raise ConfigurationError(
            f"not switched: nDCG@10 of {models.names[chosen]!r} is {new:.4f}, less than {than} "
            f"({len(judged.queries):,} queries)"
        )
    return {"ndcg_at_10": new, "ndcg_at_10_before": active}
