"""The queue: producers on one side, the ledger in Redis, and the messages that travel between."""
