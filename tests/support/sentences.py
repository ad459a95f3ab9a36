"""The nine sentences of the sentence-transformers documentation on sparse retrieval."""

SENTENCES = [
    "A man is eating food.",
    "A man is eating a piece of bread.",
    "The girl is carrying a baby.",
    "A man is riding a horse.",
    "A woman is playing violin.",
    "Two men pushed carts through the woods.",
    "A man is riding a white horse on an enclosed ground.",
    "A monkey is playing drums.",
    "A cheetah is running behind its prey.",
]

LONG = " ".join(f"Sentence {n} tells of horses and of number {n}." for n in range(200))
"""A text of many passages."""
