"""Keeps libtiff, which Pillow decodes TIFF files with, from writing to the terminal by itself.

One damaged file makes it print a hundred lines that name no file. What matters of them reaches us
as an error of Pillow's, which gives the file its reason.
"""

from __future__ import annotations

import ctypes

from PIL import _imaging


def hush() -> None:
    """Take away libtiff's handlers of errors and warnings, where Pillow's build lets us."""
    try:
        library = ctypes.CDLL(_imaging.__file__)
        for name in ("TIFFSetErrorHandler", "TIFFSetWarningHandler"):
            replace = getattr(library, name)
            replace.restype, replace.argtypes = ctypes.c_void_p, [ctypes.c_void_p]
            replace(None)
    except (AttributeError, OSError):
        return  # built into Pillow, as on Windows: it goes on talking
