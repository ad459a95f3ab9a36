"""The folder of a trained model, its card, and its upload."""
