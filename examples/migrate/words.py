import collections


def count(text, most):
    """The commonest words of a text, at most so many, and how often each is in it."""
    words = text.lower().split()
    if not words:
        raise ValueError("a text without words")
    return collections.Counter(words).most_common(most)
