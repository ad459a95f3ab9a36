"""Ingestion: readers for documents, chunking, and the pipeline that encodes and writes them."""

from postings_ingest.deletion import delete_documents
from postings_ingest.pipeline import Pipeline, Report
from postings_ingest.readers import Rejection, estimate_documents, read_documents

__all__ = ["Pipeline", "Rejection", "Report", "delete_documents", "estimate_documents", "read_documents"]
