"""What the service runs for its requests: work, and three ways to go wrong."""

import ctypes
import os
import threading

kept = []


def answer(n):
    """The work."""
    return {"sum": sum(i * i for i in range(n)), "pid": os.getpid()}


def segfault():
    """Reads address 0, as a bug in C code may."""
    return ctypes.string_at(0)


def leak(megabytes):
    """Keeps more memory with each call."""
    kept.append(b"x" * (megabytes << 20))
    return {"kept_mb": sum(map(len, kept)) >> 20, "pid": os.getpid()}


def hang():
    """Waits for ever, in C, where no exception reaches it."""
    lock = threading.Lock()
    lock.acquire()
    lock.acquire()
