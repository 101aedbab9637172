"""Rules that a user of the program writes: they see the program's own data through the module host."""

import logging

import host

log = logging.getLogger("rules")


def longest(index, n):
    """The names of the n longest files. index is a struct of Go; len, iteration and [] are its methods."""
    files = sorted(index, key=lambda file: file.lines, reverse=True)
    return [file.path for file in files[:n]]


def check(index):
    """What the rules have to say of the files."""
    for file in index:
        if file.lines > host.LIMIT:
            yield file.path, f"{file.lines} lines, of at most {host.LIMIT}"
        if file.todos:
            yield file.path, "1 to-do" if file.todos == 1 else f"{file.todos} to-dos"
    try:
        index["no/such/file.go"]
    except KeyError as e:
        log.info("as it should be, there is no %s", e)


def first_line(path):
    """Reads through Go; its error is FileNotFoundError here, and fs.ErrNotExist in the program again."""
    try:
        return host.read(path).decode().partition("\n")[0]
    except FileNotFoundError:
        log.exception("cannot read")
        raise


def many(n):
    """n calls of Go."""
    total = 0
    for i in range(n):
        total = host.add(total, i)
    return total
