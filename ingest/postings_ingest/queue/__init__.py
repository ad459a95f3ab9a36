"""The queue: the producer, the ledger in Redis, and the messages between producers and workers."""
