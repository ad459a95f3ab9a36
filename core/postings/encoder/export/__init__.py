"""Exporting a SPLADE model to ONNX graphs, so that it can be encoded with without PyTorch."""
