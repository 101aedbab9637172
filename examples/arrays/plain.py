"""The filters of filters.py for a Python without numpy: the same results, over a memoryview."""

import ctypes
import itertools
import time

TOOL = "without numpy, which is slower"


def blur(pixels, height, width, radius=6):
    size = 2 * radius + 1
    columns = [slice(i, None, 4 * width) for i in range(4 * width) if i % 4 < 3]
    for line in columns + [row(y, width, c) for y in range(height) for c in range(3)]:
        values = bytes(pixels[line])
        padded = values[:1] * (radius + 1) + values + values[-1:] * radius
        sums = list(itertools.accumulate(padded))
        pixels[line] = bytes((b - a + radius) // size for a, b in zip(sums, sums[size:]))


def edges(pixels, height, width):
    grey = []
    for y in range(height):
        red, green, blue = (bytes(pixels[row(y, width, c)]) for c in range(3))
        line = bytes((77 * r + 151 * g + 28 * b) >> 8 for r, g, b in zip(red, green, blue))
        grey.append(line[:1] + line + line[-1:])
    for y, here in enumerate(grey):
        above, below = grey[max(y - 1, 0)], grey[min(y + 1, height - 1)]
        sums = [a + 2 * h + b for a, h, b in zip(above, here, below)]
        across = [right - left for left, right in zip(sums, sums[2:])]
        steps = [b - a for a, b in zip(above, below)]
        down = [a + 2 * h + b for a, h, b in zip(steps, steps[1:], steps[2:])]
        line = bytes(min((abs(a) + abs(d)) >> 2, 255) for a, d in zip(across, down))
        for c in range(3):
            pixels[row(y, width, c)] = line


def invert(pixels, height, width):
    translate(pixels, bytes(255 - i for i in range(256)))


def posterize(pixels, height, width):
    translate(pixels, bytes((i >> 6) * 85 for i in range(256)))


def row(y, width, colour):
    """Where one colour of a row is."""
    return slice(4 * width * y + colour, 4 * width * (y + 1), 4)


def translate(pixels, table):
    for colour in range(3):
        pixels[colour::4] = bytes(pixels[colour::4]).translate(table)


FILTERS = {f.__name__: f for f in (blur, edges, invert, posterize)}


def apply(name, picture):
    with memoryview(picture) as view, view.cast("B") as pixels:
        address = ctypes.addressof(ctypes.c_char.from_buffer(pixels))
        start = time.perf_counter()
        FILTERS[name](pixels, *view.shape[:2])
        return address, time.perf_counter() - start
