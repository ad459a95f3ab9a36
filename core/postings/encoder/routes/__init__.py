"""The four routes from texts to vectors, and what they have in common.

* ``onnx_splade``: SPLADE on ONNX Runtime; the encoder of the light install, and the fastest on a CPU.
* ``torch_splade``: SPLADE on PyTorch, the fastest on a GPU.
* ``lookup``: inference-free models, whose tokens have fixed weights.
* ``sentence_transformers``: every other model, by sentence-transformers' own modules.
"""
