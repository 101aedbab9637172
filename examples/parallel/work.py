"""Reads Python source as Python does: tokens, then a syntax tree, of which it counts the nodes."""

import ast
import collections
import io
import tokenize


def count(path):
    with tokenize.open(path) as f:
        text = f.read()
    kinds = collections.Counter()
    try:
        kinds["token"] = sum(1 for _ in tokenize.generate_tokens(io.StringIO(text).readline))
        kinds.update(type(node).__name__ for node in ast.walk(ast.parse(text)))
    except (SyntaxError, tokenize.TokenError):  # of tests for parsers
        kinds["broken"] += 1
    return dict(kinds)


def count_all(paths):
    total = collections.Counter()
    for path in paths:
        total.update(count(path))
    return dict(total)
