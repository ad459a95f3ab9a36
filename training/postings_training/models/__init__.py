"""The model that is trained: how it is built, where CSR starts, and a SPLADE head that trains in less memory."""
