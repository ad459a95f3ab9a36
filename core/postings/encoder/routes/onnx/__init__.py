"""What only the ONNX route uses: where graphs are, sessions, and the decoder in eight bits.

A model's graphs hold no weights; these are read from the model's safetensors file when the graphs are loaded.
``transformer.onnx`` turns token ids into the vectors that the head's last product takes. Three small graphs compute
this product and its maximum: ``dense.onnx`` for the whole vocabulary, ``screen.onnx`` in eight bits, to find the
entries that can be active, and ``selected.onnx`` in float32, for those entries.
"""
