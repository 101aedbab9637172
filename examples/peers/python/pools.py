"""A pool of Python's own: pools.py <kind> <task> <rounds> <workers> prints the seconds it took."""
import concurrent.futures
import multiprocessing
import sys
import time

from work import back, compute, nothing


class MultiprocessingPool:
    """multiprocessing.Pool with the methods of an executor."""

    def __init__(self, workers):
        self.pool = multiprocessing.Pool(workers)
        self.map = self.pool.map

    def submit(self, fn, *args):
        result = self.pool.apply_async(fn, args)
        result.result = result.get
        return result

    def shutdown(self):
        self.pool.close()
        self.pool.join()


class PythonItself:
    """No pool: each call is made at once."""

    def __init__(self, workers):
        pass

    def submit(self, fn, *args):
        value = fn(*args)
        done = concurrent.futures.Future()
        done.set_result(value)
        return done

    def shutdown(self):
        pass


def each(pool, fn, rounds):
    for done in [pool.submit(fn) for _ in range(rounds)]:
        done.result()


def one_at_a_time(pool, rounds):
    for _ in range(rounds):
        pool.submit(nothing).result()


def echo(pool, rounds):
    data = bytes(8 << 20)
    for _ in range(rounds):
        if len(pool.submit(back, data).result()) != len(data):
            raise ValueError("a wrong result")


def mapped(pool, rounds):
    """Chunks of a hundred: what a user would find who looks for the fastest way."""
    for _ in pool.map(abs, range(rounds), chunksize=100):
        pass


TASKS = {
    "one call": one_at_a_time,
    "calls": lambda pool, rounds: each(pool, nothing, rounds),
    "map": mapped,
    "echo": echo,
    "compute": lambda pool, rounds: each(pool, compute, rounds),
}


def main():
    kind, task, rounds, workers = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
    make = globals().get(kind) or getattr(concurrent.futures, kind)
    start = time.perf_counter()
    pool = make(workers) if workers else PythonItself(0)
    if task == "memory":
        # Long enough that no worker is idle when another is asked for: else it is not started.
        for done in [pool.submit(time.sleep, 0.04 * workers) for _ in range(workers)]:
            done.result()
        print("ready", flush=True)
        sys.stdin.read()
    else:
        each(pool, nothing, workers)
        if task != "start":
            run = TASKS[task]
            run(pool, workers)
            start = time.perf_counter()
            run(pool, rounds)
        print(time.perf_counter() - start)
    pool.shutdown()


if __name__ == "__main__":
    main()
