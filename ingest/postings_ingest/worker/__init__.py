"""The worker: takes batches from the queue, indexes them, and says how it fares."""
