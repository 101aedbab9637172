"""What the program asks each runtime."""

import array
import os
import sys
import threading
import time

thing = ["made by Setup"]
kept = []


def work(n):
    """Computes. The seconds in which other programs had the core."""
    before = waited()
    total = 0
    for i in range(n):
        total += i * i
    return waited() - before


def waited():
    """The seconds that this thread has waited for a core, if the kernel tells."""
    try:
        with open("/proc/thread-self/schedstat") as f:
            return int(f.read().split()[1]) / 1e9
    except OSError:
        return 0


def switch(seconds):
    """Sets how long a thread may hold the GIL when others want it."""
    sys.setswitchinterval(seconds)


def spin(seconds):
    """Computes for a while. When it began and ended, by a clock that all processes share."""
    begin = time.monotonic()
    while time.monotonic() - begin < seconds:
        pass
    return begin, time.monotonic(), threading.get_native_id()


def change(text):
    thing.append(text)
    return id(thing)


def look():
    return id(thing), thing[-1]


def cell(value):
    """Puts a number into memory, and says where that is."""
    kept[:] = [array.array("Q", [value])]
    return kept[0].buffer_info()[0]


def read_at(address):
    """The number that is there in this process, if anything is."""
    with open("/proc/self/mem", "rb", 0) as memory:
        try:
            memory.seek(address)
            return int.from_bytes(memory.read(8), sys.byteorder)
        except OSError:
            return None


def fill(n):
    kept.append([bytes(80) for _ in range(n)])


def empty():
    kept.clear()


def relay(memory, at):
    """Reads a number of shared memory, and writes the next one behind it."""
    if isinstance(memory, str):
        from pyhost_shm import SharedMemory

        segment = SharedMemory(memory)
        with segment.buf.cast("q") as numbers:
            found = numbers[at]
            numbers[at + 1] = found + 1
        segment.close()
        return found
    with memoryview(memory) as numbers:
        found = numbers[at]
        numbers[at + 1] = found + 1
    return found


def crash():
    try:
        import ctypes
    except ImportError:  # not in sub-interpreters of 3.12
        os.abort()
    ctypes.string_at(0)


def threads(n):
    """The seconds that a thread takes, and the bytes of n that wait."""
    begin = time.perf_counter()
    for _ in range(n):
        t = threading.Thread(target=int)
        t.start()
        t.join()
    took = (time.perf_counter() - begin) / n
    before, gate = resident(), threading.Event()
    waiting = [threading.Thread(target=gate.wait) for _ in range(n)]
    for t in waiting:
        t.start()
    bytes_each = (resident() - before) // n
    gate.set()
    for t in waiting:
        t.join()
    return took, bytes_each


def resident():
    with open("/proc/self/statm") as f:
        return int(f.read().split()[1]) * os.sysconf("SC_PAGESIZE")
