"""Segments that belong to somebody else, such as a Go program, from Python 3.10 on.

multiprocessing.shared_memory tells Python's resource tracker of every segment that a process
attaches, and the tracker unlinks them when the process ends, though others use them still
(https://github.com/python/cpython/issues/82300). Those of this module are not told of; nor are
those that it makes, so that they stay until somebody calls unlink().
"""

from multiprocessing import shared_memory as _shared_memory
import struct as _struct
import sys as _sys

__all__ = ["SharedMemory", "ShareableList"]

if _sys.version_info >= (3, 13):

    class SharedMemory(_shared_memory.SharedMemory):
        """multiprocessing.shared_memory.SharedMemory with track=False, pickled as such too."""

        def __init__(self, name=None, create=False, size=0):
            super().__init__(name, create, size, track=False)

else:
    import mmap as _mmap
    import os as _os
    import _posixshmem

    class SharedMemory(_shared_memory.SharedMemory):
        """multiprocessing.shared_memory.SharedMemory without the resource tracker.

        To unregister what the constructor has registered would not do: the processes of one
        program share a tracker, which keeps each name once.
        """

        def __init__(self, name=None, create=False, size=0):
            if create and size <= 0:
                raise ValueError("'size' must be a positive number different from zero")
            if name is None and not create:
                raise ValueError("'name' can only be None if create=True")
            self._open(name, _os.O_RDWR | (_os.O_CREAT | _os.O_EXCL if create else 0))
            try:
                if create:
                    _os.ftruncate(self._fd, size)
                self._size = _os.fstat(self._fd).st_size
                self._mmap = _mmap.mmap(self._fd, self._size)
            except BaseException:
                self.close()
                if create:
                    self.unlink()
                raise
            self._buf = memoryview(self._mmap)

        def _open(self, name, flags):
            while self._fd < 0:
                self._name = _shared_memory._make_filename() if name is None else "/" + name
                try:
                    # No keywords: the first call with some, if in a sub-interpreter, makes 3.12
                    # crash when the process ends.
                    self._fd = _posixshmem.shm_open(self._name, flags, self._mode)
                except FileExistsError:
                    if name is not None:
                        raise

        def unlink(self):
            """Remove the name; the memory goes when the last process has closed it."""
            _posixshmem.shm_unlink(self._name)


class ShareableList(_shared_memory.ShareableList):
    """A multiprocessing.shared_memory.ShareableList that is there already."""

    def __init__(self, *, name):
        self.shm = SharedMemory(name)
        self._list_len = len(self)
        offsets = "q" * (self._list_len + 1)
        self._allocated_offsets = list(_struct.unpack_from(offsets, self.shm.buf, 8))
