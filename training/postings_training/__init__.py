"""Fine-tuning and evaluation of sparse encoders."""
