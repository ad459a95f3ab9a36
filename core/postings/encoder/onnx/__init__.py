"""SPLADE on ONNX Runtime: the light install's encoder, and the fastest on a processor.

A model's graphs hold no weights: they are read from the model's own safetensors file when the graphs are loaded.
``transformer.onnx`` takes token ids to the vectors that the head's last product takes; three small graphs do that
product and the maximum: ``dense.onnx`` for the whole vocabulary, ``screen.onnx`` in eight bits to find the entries
that can be active at all, ``selected.onnx`` exactly for those.
"""
