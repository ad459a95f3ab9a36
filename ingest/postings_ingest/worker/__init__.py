"""The worker: it takes batches from the queue, indexes them, and reports its health."""
