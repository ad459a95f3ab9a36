"""Fine-tuning and evaluation of sparse encoders."""

from postings_training.evaluation import (
    JudgedQueries,
    Judgements,
    Quality,
    Run,
    evaluate,
    load_beir,
    load_judgements,
    load_queries,
)

__all__ = ["JudgedQueries", "Judgements", "Quality", "Run", "evaluate", "load_beir", "load_judgements", "load_queries"]
