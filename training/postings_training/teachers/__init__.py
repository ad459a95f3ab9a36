"""What a distilled model learns from: scores by row or by batch, and target vectors."""
