"""What a training step minimizes, and what it measures on the way."""
