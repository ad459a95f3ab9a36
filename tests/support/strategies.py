"""What hypothesis makes in more than one test."""

from __future__ import annotations

from hypothesis import strategies as st

from postings import Document

json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    # st.text makes no lone surrogates; they have tests of their own.
    | st.text(max_size=40),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
"""All that JSON can say and Qdrant can store."""

metadata = st.dictionaries(st.text(max_size=8), json_values, max_size=3)

versions = st.none() | st.integers(0, 2**53 - 1)

ids = st.text(min_size=1, max_size=8)

said = st.text(min_size=1).filter(str.strip)
"""Texts that say something."""

documents = st.builds(Document, ids, said, st.text(max_size=8), metadata, versions)
