"""What models are trained and measured on: training rows, BEIR, TREC and NanoBEIR sets, and how alike two texts are."""

from postings_training.data.beir import load_beir, load_corpus, load_judgements, load_queries, load_set
from postings_training.data.judgements import BeirSet, CorpusText, JudgedQueries, Judgements
from postings_training.data.trec import read_qrels, read_run, run_lines

__all__ = [
    "BeirSet",
    "CorpusText",
    "JudgedQueries",
    "Judgements",
    "load_beir",
    "load_corpus",
    "load_judgements",
    "load_queries",
    "load_set",
    "read_qrels",
    "read_run",
    "run_lines",
]
