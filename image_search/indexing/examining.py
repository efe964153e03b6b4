"""One file of the image folder, from its bytes to what the extractors want: the work of one
thread."""

from __future__ import annotations

import collections
import contextlib
import hashlib
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Generic, TypeVar

import numpy as np
import numpy.typing as npt

from image_search.errors import FormatNotRead, ImageTooLarge, NotAnImage, UnreadableImage
from image_search.extractors.base import Extractor
from image_search.imaging.decoding import Picture, decode
from image_search.imaging.formats.kinds import is_no_image
from image_search.imaging.parts import decode_numbered, decode_parts
from image_search.imaging.reading import MAX_FILE_BYTES
from image_search.indexing.redecoding import shown_differently
from image_search.indexing.scanning import Entry, is_outside, times_of
from image_search.storage import FileRecord, Region
from image_search.storage.records import (
    KINDS,
    NOT_AN_IMAGE,
    NOT_READ,
    RETRY,
    UNREADABLE,
    WHOLE,
)

# Bytes by which a file is seen to be no image, where its name says so too.
_HEAD = 4096

# Regions of files that were loaded and wait to be embedded, for each thread: enough that the
# threads have work while the results are saved.
AHEAD = 16

# Said once, after the first update by a version that reads some files better.
REDONE = (
    "{:,} images are shown as they are meant for the first time (colour profiles, light artwork, "
    "pages and previews) and were embedded again."
)

Prepared = tuple[npt.NDArray[np.generic], ...]
Piece = TypeVar("Piece")
Looked = TypeVar("Looked")


@dataclass(frozen=True)
class LoadedImage:
    """A file's record, and either its extractors' inputs for each of its regions, or the record it
    shares its content with.

    ``untouched`` says that all is as it is known; ``redone`` that what is known of the very content
    is outdated, since an earlier version of the readers showed it in another way.
    """

    record: FileRecord
    inputs: tuple[Prepared, ...] | None = None
    same_as: FileRecord | None = None
    untouched: bool = False
    redone: bool = False


def examine(
    folder: Path,
    entry: Entry,
    by_digest: Callable[[bytes], FileRecord | None],
    extractors: Callable[[], Sequence[Extractor]],
    max_megapixels: float,
    *,
    again: bool = False,
    outdated: bool = False,
) -> LoadedImage | None:
    """Read, hash, and (unless ``by_digest`` knows the content) decode and prepare one file.

    ``again`` says that the file has not changed, but that an earlier version of the readers made it
    out; ``outdated`` that this may hold for what ``by_digest`` knows.

    Returns ``None`` where the file has vanished. A file that cannot be read is no error: its record
    says why.
    """
    path = folder / entry.path
    record = FileRecord(entry.path, entry.size, entry.mtime_ns, ctime_ns=entry.ctime_ns)
    if again and not shown_differently(path):
        return LoadedImage(record, untouched=True)
    try:
        with path.open("rb") as file:
            stat = os.fstat(file.fileno())
            # What is remembered is what was read, even where the file changed since the scan.
            changed, noted = times_of(stat)
            record = replace(record, size=stat.st_size, mtime_ns=changed, ctime_ns=noted)
            if is_outside(folder, path):
                return LoadedImage(
                    _failed(record, "It is a link that leads out of the image folder.")
                )
            data = file.read(_HEAD)
            if is_no_image(data, entry.path):
                return LoadedImage(_failed(record, "This is not an image.", NOT_AN_IMAGE))
            if stat.st_size > MAX_FILE_BYTES:
                return LoadedImage(
                    _failed(record, f"The file has more than {MAX_FILE_BYTES:,} bytes.")
                )
            data += file.read(MAX_FILE_BYTES)
    except FileNotFoundError:
        return None
    except OSError as error:
        why = f"The file cannot be read ({error.strerror}); check its permissions."
        return LoadedImage(_failed(record, why, RETRY))
    record = replace(record, digest=hashlib.sha256(data).digest())
    same = by_digest(record.digest)
    redone = same is not None and outdated and (again or shown_differently(path))
    if same is not None and not redone:
        return LoadedImage(
            replace(
                record,
                width=same.width,
                height=same.height,
                note=same.note,
                regions=same.regions,
            ),
            same_as=same,
        )
    try:
        if not data:
            raise UnreadableImage("The file is empty.")
        pictures = decode_parts(data, max_megapixels=max_megapixels, name=entry.path)
    except NotAnImage as error:
        return LoadedImage(_failed(record, str(error), NOT_AN_IMAGE))
    except FormatNotRead as error:
        return LoadedImage(_failed(record, str(error), NOT_READ))
    except ImageTooLarge as error:
        return LoadedImage(_failed(record, str(error), RETRY))  # the limit may be raised
    except UnreadableImage as error:
        return LoadedImage(_failed(record, str(error)))
    first = pictures[0]
    record = replace(
        record,
        width=first.width,
        height=first.height,
        note=first.note,
        regions=tuple(_regions_of(pictures)),
    )
    inputs = tuple(tuple(e.prepare(one.pixels) for e in extractors()) for one in pictures)
    return LoadedImage(record, inputs, redone=redone)


def _regions_of(pictures: Sequence[Picture]) -> Iterator[Region]:
    """The region that each of the pictures of a file shows; the first represents the file."""
    for place, picture in enumerate(pictures):
        part = picture.part
        if part is None:
            yield Region()
        else:
            yield Region(
                part.kind if place else KINDS[WHOLE], time=part.time, number=part.number + 1
            )


def inputs_of(
    data: bytes, record: FileRecord, max_megapixels: float, extractors: Sequence[Extractor]
) -> tuple[Prepared, ...]:
    """What ``extractors`` want of each region of a file with the content ``data``.

    Raises:
        UnreadableImage, ImageTooLarge: it cannot be decoded.
    """
    numbers = [region.number for region in record.regions]
    if any(numbers):
        shown = decode_numbered(data, numbers, max_megapixels=max_megapixels)
        wanted = [shown[number].pixels for number in numbers]
    else:
        wanted = [decode(data, max_megapixels=max_megapixels, name=record.path).pixels]
    return tuple(tuple(e.prepare(pixels) for e in extractors) for pixels in wanted)


def in_order(
    pool: ThreadPoolExecutor,
    look: Callable[[Piece, bool], Looked],
    work: Iterator[tuple[Piece, bool]],
    threads: int,
) -> Iterator[Looked]:
    """What ``look`` makes of each piece of ``work``, in order, by so many ``threads`` of ``pool``.

    They go on ahead while the results of at most ``AHEAD`` regions for each thread wait to be
    taken: one file may have many.
    """
    return iter(_ReadAhead(pool, look, work, threads))


class _ReadAhead(Generic[Piece, Looked]):
    """Pieces of work in the hands of a pool: each that is done hands out the next one, as long as
    there is room for its result."""

    def __init__(
        self,
        pool: ThreadPoolExecutor,
        look: Callable[[Piece, bool], Looked],
        work: Iterator[tuple[Piece, bool]],
        threads: int,
    ) -> None:
        self._pool, self._look, self._work = pool, look, work
        self._at_once, self._most = threads, AHEAD * threads
        self._lock = threading.Lock()
        self._window: collections.deque[Future[Looked]] = collections.deque()
        # Pieces that are not done, and regions of those that are done and not taken.
        self._running = self._held = 0

    def __iter__(self) -> Iterator[Looked]:
        while True:
            self._hand_out()
            with self._lock:
                if not self._window:
                    return
                first = self._window.popleft()
            looked = first.result()
            with self._lock:
                self._held -= _regions(looked)
            yield looked

    def _hand_out(self) -> None:
        with self._lock:
            while self._running < self._at_once and self._running + self._held < self._most:
                piece = next(self._work, None)
                if piece is None:
                    return
                self._window.append(self._pool.submit(self._looked, *piece))
                self._running += 1

    def _looked(self, piece: Piece, flag: bool) -> Looked:
        held = 1
        try:
            looked = self._look(piece, flag)
            held = _regions(looked)
            return looked
        finally:
            with self._lock:
                self._running -= 1
                self._held += held
            # Where the pool was shut down in between, the rest is not wanted.
            with contextlib.suppress(RuntimeError):
                self._hand_out()


def _regions(looked: object) -> int:
    """How many regions' inputs a file takes memory for; every file counts as one at least."""
    inputs = looked.inputs if isinstance(looked, LoadedImage) else None
    return max(1, len(inputs or ()))


def _failed(record: FileRecord, reason: str, verdict: int = UNREADABLE) -> FileRecord:
    return replace(record, verdict=verdict, reason=reason)
