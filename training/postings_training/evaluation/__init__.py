"""How good a model or a collection is: BEIR sets in, measures, comparisons and reports out."""

from postings_training.data.beir import (
    BeirSet,
    CorpusText,
    JudgedQueries,
    load_beir,
    load_corpus,
    load_judgements,
    load_queries,
    load_set,
)
from postings_training.evaluation.comparison import Comparison, compare
from postings_training.evaluation.exact import ExactSearch
from postings_training.evaluation.measuring import Measured, measure_collection, measure_model
from postings_training.evaluation.quality import Judgements, Quality, Run, evaluate, evaluate_each
from postings_training.evaluation.report import Evaluation, write_report
from postings_training.evaluation.sparsity import Sparsity

__all__ = [
    "BeirSet",
    "Comparison",
    "CorpusText",
    "Evaluation",
    "ExactSearch",
    "JudgedQueries",
    "Judgements",
    "Measured",
    "Quality",
    "Run",
    "Sparsity",
    "compare",
    "evaluate",
    "evaluate_each",
    "load_beir",
    "load_corpus",
    "load_judgements",
    "load_queries",
    "load_set",
    "measure_collection",
    "measure_model",
    "write_report",
]
