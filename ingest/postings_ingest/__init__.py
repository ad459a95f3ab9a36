"""Ingestion: readers of documents, chunking, the pipeline that encodes and writes them, and the queue for workers."""

from postings_ingest.counts import Counts
from postings_ingest.deletion import delete_documents, delete_matching
from postings_ingest.indexing_words import WordsReport, index_words
from postings_ingest.operations import Deletion
from postings_ingest.pipeline import Pipeline
from postings_ingest.queue.aio import AsyncProducer
from postings_ingest.queue.dead_letters import DeadLetter, DeadLetters
from postings_ingest.queue.job import Job
from postings_ingest.queue.ledger import Ledger
from postings_ingest.queue.producer import Producer
from postings_ingest.readers import Rejection, estimate_documents, read_documents
from postings_ingest.reindexing import ReindexReport, reindex
from postings_ingest.report import Report

__all__ = [
    "AsyncProducer",
    "Counts",
    "DeadLetter",
    "DeadLetters",
    "Deletion",
    "Job",
    "Ledger",
    "Pipeline",
    "Producer",
    "ReindexReport",
    "Rejection",
    "Report",
    "WordsReport",
    "delete_documents",
    "delete_matching",
    "estimate_documents",
    "index_words",
    "read_documents",
    "reindex",
]
