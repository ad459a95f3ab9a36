"""Connections to the queue, and jobs that are followed."""
