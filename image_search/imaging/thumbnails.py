"""Thumbnails, made when first requested and kept beside the cache under their content's hash."""

from __future__ import annotations

import contextlib
import hashlib
import io
import os
import secrets
import shutil
import tempfile
import time
import weakref
from collections.abc import Collection
from functools import cached_property
from pathlib import Path

from PIL import Image

from image_search.errors import CacheError, UnreadableImage
from image_search.imaging.decoding import FairSemaphore, Picture, within
from image_search.imaging.parts import decode_part
from image_search.imaging.reading import read_image_file

# How the names of thumbnails end, and of those that are being written.
_MADE, _ASIDE = ".webp", ".tmp"
# What is being written for so long belongs to a process that was killed.
ORPHAN_SECONDS = 3600.0


def thumbnail(picture: Picture, side: int) -> bytes:
    """The picture as a WebP file whose longest side is at most ``side`` pixels."""
    buffer = io.BytesIO()
    image = Image.fromarray(within(picture.pixels, side))
    image.save(buffer, "WEBP", quality=80, method=2)
    return buffer.getvalue()


class Thumbnails:
    """WebP files in ``folder``/SIDE/; the name is the SHA-256 of the original's content."""

    def __init__(self, folder: Path, max_megapixels: float, at_once: int = 1) -> None:
        """At most ``at_once`` are made at a time, which bounds the memory that it takes; what is
        there already is not waited for."""
        self._folder, self._max_megapixels = folder, max_megapixels
        self._turns = FairSemaphore(at_once)

    def get(
        self, original: Path, digest: bytes, side: int, number: int = 0, shown: int = 0
    ) -> Path:
        """The thumbnail of ``original``, or of its page or frame of this ``number``, with at most
        ``side`` pixels on its longest side.

        ``shown`` is the number of the page or frame that represents the file, where that is known;
        it need not be looked for then. ``digest`` is that of the content it had when it was
        indexed. Where it holds something else by now, that is shown, and kept under its own hash.

        Raises:
            UnreadableImage, ImageTooLarge: the original cannot be read, or was damaged or replaced
                since it was indexed.
            CacheError: the thumbnail cannot be written.
        """
        path = self._path(digest, side, number)
        if path.exists():
            return path
        with self._turns.taken():
            # Another request may have made it while this one waited.
            return path if path.exists() else self._made(original, digest, side, number, shown)

    def _made(self, original: Path, known: bytes, side: int, number: int, shown: int) -> Path:
        try:
            data = read_image_file(original)
        except OSError as error:
            raise UnreadableImage(
                f"{original.name} cannot be read ({error.strerror}); reindex."
            ) from error
        digest = hashlib.sha256(data).digest()
        path = self._path(digest, side, number)
        if not path.exists():
            wanted = number or (shown if digest == known else 0)
            picture = decode_part(data, wanted, max_megapixels=self._max_megapixels, side=side)
            path = self._stored(path, thumbnail(picture, side))
        return path

    def _stored(self, path: Path, data: bytes) -> Path:
        """Where ``data`` was put: ``path``, or a folder for temporary files where the disk of the
        cache is full or not writable, for what can be read there is to be seen."""
        try:
            self._keep(path, data)
        except CacheError as error:
            with contextlib.suppress(CacheError, OSError):
                aside = self._spare / path.relative_to(self._folder)
                self._keep(aside, data)
                return aside
            raise error
        return path

    @cached_property
    def _spare(self) -> Path:
        folder = tempfile.mkdtemp(prefix="image-search-")
        weakref.finalize(self, shutil.rmtree, folder, ignore_errors=True)
        return Path(folder)

    def _path(self, digest: bytes, side: int, number: int) -> Path:
        name = digest.hex()
        part = f"-{number}" if number else ""
        return self._folder / str(side) / name[:2] / f"{name}{part}{_MADE}"

    def _keep(self, path: Path, data: bytes) -> None:
        aside = path.with_name(f"{path.stem}.{secrets.token_hex(4)}{_ASIDE}")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            try:
                aside.write_bytes(data)
                aside.replace(path)
            finally:
                aside.unlink(missing_ok=True)
        except OSError as error:
            raise CacheError(
                f"A thumbnail cannot be written to {path.parent} ({error.strerror}); make room on "
                "the disk."
            ) from error

    def forget(self, contents: Collection[bytes]) -> None:
        """Remove the thumbnails of these contents (SHA-256 digests), which would look otherwise."""
        for digest in contents:
            for path in self._folder.glob(
                f"*{os.sep}{digest.hex()[:2]}{os.sep}{digest.hex()}*{_MADE}"
            ):
                with contextlib.suppress(OSError):
                    path.unlink()

    def sweep(self, keep: Collection[bytes]) -> None:
        """Remove the thumbnails of every content that is not in ``keep`` (SHA-256 digests), and
        what was left behind where a process was killed while it wrote one."""
        names = {digest.hex() for digest in keep}
        for path in self._folder.glob(f"*{os.sep}*{os.sep}*"):
            # One that is being written is young; it gets its final name in a moment.
            left = path.suffix == _ASIDE and _age(path) > ORPHAN_SECONDS
            if left or (path.suffix == _MADE and path.stem.partition("-")[0] not in names):
                with contextlib.suppress(OSError):
                    path.unlink()


def _age(path: Path) -> float:
    """Seconds since ``path`` was written; 0 where it has gone."""
    try:
        return time.time() - path.stat().st_mtime
    except OSError:
        return 0.0
