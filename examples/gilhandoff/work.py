"""What the goroutines do in Python: one function a group, each called with real files."""

import hashlib
import time
import zlib

KEYWORDS = frozenset(
    "break case chan const continue default defer else fallthrough for func go goto if import "
    "interface map package range return select struct switch type var".split()
)
SPACE = " \t\r\n"
CHUNK = 16 * 1024


# Group 1 never lets the GIL go of its own accord: a scanner of Go source, in plain Python. It is
# handed the text, for to open and to read a file is to let the GIL go.


def tokenise(source):
    """Counts the tokens of Go source by kind."""
    counts = {"keyword": 0, "identifier": 0, "number": 0, "string": 0, "comment": 0, "operator": 0}
    at, end = 0, len(source)
    while at < end:
        if source[at] in SPACE:
            at += 1
            continue
        kind, at = token(source, at)
        counts[kind] += 1
    return counts


def token(source, at):
    """The kind of the token that begins at `at`, and where it ends."""
    first = source[at]
    if first == "_" or first.isalpha():
        end = word_end(source, at)
        return ("keyword" if source[at:end] in KEYWORDS else "identifier"), end
    if first.isdigit():
        return "number", number_end(source, at)
    if first in "\"'":
        return "string", quoted_end(source, at + 1, first)
    if first == "`":
        return "string", after(source, "`", at + 1)
    if source.startswith("//", at):
        return "comment", after(source, "\n", at)
    if source.startswith("/*", at):
        return "comment", after(source, "*/", at + 2)
    return "operator", at + 1


def word_end(source, at):
    while at < len(source) and (source[at] == "_" or source[at].isalnum()):
        at += 1
    return at


def number_end(source, at):
    while at < len(source) and (source[at] in "._" or source[at].isalnum()):
        at += 1
    return at


def quoted_end(source, at, quote):
    while at < len(source) and source[at] != quote:
        at += 2 if source[at] == "\\" else 1
    return at + 1


def after(source, mark, at):
    found = source.find(mark, at)
    return len(source) if found < 0 else found + len(mark)


# Group 2 lets the GIL go while it computes: zlib and hashlib work on bytes, not on objects.


def compress(paths):
    """Packs the files into one stream and hashes it."""
    data = b"".join(map(read_bytes, paths))
    packed = zlib.compress(data, 9)
    digest = hashlib.sha256(data).hexdigest()
    return {"bytes": len(data), "packed": len(packed), "sha256": digest}


def read_bytes(path):
    with open(path, "rb") as f:
        return f.read()


# Group 3 lets the GIL go while it waits. The files are most likely in the page cache, which takes
# no time at all, so a sleep before each chunk stands in for a slow disk.


def read(path, latency):
    """Reads the file in chunks of 16 KiB from a disk that takes `latency` seconds for each."""
    size = 0
    with open(path, "rb", buffering=0) as f:
        while True:
            time.sleep(latency)
            chunk = f.read(CHUNK)
            if not chunk:
                return size
            size += len(chunk)
