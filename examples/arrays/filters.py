"""Filters that change a picture of the program's where it is. A picture is memory of Go: rows of
pixels of four bytes, red, green, blue and opacity, which stays as it is.
"""

import time

import numpy as np

TOOL = f"numpy {np.__version__}"


def blur(rgb, radius=6):
    """The mean of a square: of a column, then of a row, by differences of running sums."""
    size = 2 * radius + 1
    for lines in rgb, rgb.swapaxes(0, 1):
        padded = np.pad(lines, ((radius + 1, radius), (0, 0), (0, 0)), "edge")
        sums = padded.cumsum(axis=0, dtype=np.uint32)
        lines[...] = (sums[size:] - sums[:-size] + radius) // size


def edges(rgb):
    """Sobel's operator, of the brightness."""
    red, green, blue = np.moveaxis(rgb.astype(np.int32), 2, 0)
    grey = np.pad((77 * red + 151 * green + 28 * blue) >> 8, 1, "edge")
    across = grey[:, 2:] - grey[:, :-2]
    down = grey[2:] - grey[:-2]
    across = across[:-2] + 2 * across[1:-1] + across[2:]
    down = down[:, :-2] + 2 * down[:, 1:-1] + down[:, 2:]
    rgb[...] = np.minimum((abs(across) + abs(down)) >> 2, 255)[..., np.newaxis]


def invert(rgb):
    np.subtract(255, rgb, out=rgb)


def posterize(rgb):
    """Four levels of each colour."""
    rgb >>= 6
    rgb *= 85


FILTERS = {f.__name__: f for f in (blur, edges, invert, posterize)}


def apply(name, picture):
    """Filters a picture. Returns where numpy saw its pixels, and how many seconds it took."""
    pixels = np.asarray(picture)
    start = time.perf_counter()
    FILTERS[name](pixels[..., :3])
    return pixels.ctypes.data, time.perf_counter() - start
