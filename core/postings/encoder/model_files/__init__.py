"""What is read from a model's folder, without PyTorch: modules, tokenizer, weights, fingerprint."""
