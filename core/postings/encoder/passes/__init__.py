"""How texts go through a route: batches of similar length, passes that callers share, memory that is given back."""
