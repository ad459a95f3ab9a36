"""How good a model or a collection is: measures, comparisons and reports."""

from postings_training.evaluation.comparison import Comparison, compare
from postings_training.evaluation.exact import ExactSearch
from postings_training.evaluation.measuring import Measured, measure_collection, measure_model
from postings_training.evaluation.quality import Quality, Run, evaluate, evaluate_each
from postings_training.evaluation.report import Evaluation, write_report
from postings_training.evaluation.run_quality import measure_run
from postings_training.evaluation.sparsity import Sparsity

__all__ = [
    "Comparison",
    "Evaluation",
    "ExactSearch",
    "Measured",
    "Quality",
    "Run",
    "Sparsity",
    "compare",
    "evaluate",
    "evaluate_each",
    "measure_collection",
    "measure_model",
    "measure_run",
    "write_report",
]
