"""Files of unknown size and kind, read whole only where that is safe."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from image_search.errors import ImageTooLarge, UnreadableImage

# A file larger than this is not read into memory (bytes).
MAX_FILE_BYTES = 500_000_000


def read_image_file(path: Path) -> bytes:
    """The bytes of the image file ``path``, which may have been replaced since it was seen.

    Its kind and size are looked at after it was opened: a pipe is not waited for, and a file that
    is larger than any image is not read.

    Raises:
        UnreadableImage: it is not a regular file.
        ImageTooLarge: it has more than ``MAX_FILE_BYTES`` bytes.
        OSError: it cannot be opened or read.
    """
    # Where the system has the flag, opening a pipe does not wait for its other end.
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    with os.fdopen(os.open(path, flags), "rb") as file:
        info = os.fstat(file.fileno())
        if not stat.S_ISREG(info.st_mode):
            raise UnreadableImage(f"{path.name} is not a file that can be read.")
        data = b"" if info.st_size > MAX_FILE_BYTES else file.read(MAX_FILE_BYTES + 1)
    if max(info.st_size, len(data)) > MAX_FILE_BYTES:  # it may grow while it is read
        raise ImageTooLarge(f"{path.name} has more than {MAX_FILE_BYTES / 1e6:,.0f} MB.")
    return data
