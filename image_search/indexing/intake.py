"""New images come into the image folder: under a safe name, beside what is there, never over it."""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import secrets
import unicodedata
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from image_search.errors import InvalidQuery, SettingsError
from image_search.imaging.decoding import decode
from image_search.imaging.endings import with_matching_ending
from image_search.imaging.formats.video import is_video
from image_search.imaging.parts import decode_part
from image_search.indexing.scanning import LITTER, is_outside
from image_search.storage import Snapshot

# File systems allow 255 bytes; a number may join the name, and names grow when they are decomposed.
LONGEST = 120
# How many files of one name may come before something must be wrong.
MOST_OF_A_NAME = 10_000
# Levels and characters of a folder that images can be put into: no studio sorts deeper, and systems
# take 4,096 bytes for a whole path.
MOST_FOLDERS = 32
LONGEST_FOLDER = 500
# What no common file system takes, and what acts on a terminal.
_UNSAFE = re.compile(r'[\x00-\x1f\x7f<>:"|?*\\/\u2028\u2029\u202a-\u202e\u2066-\u2069]')
# Devices of Windows, whatever the ending.
_DEVICE = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\.|$)", re.IGNORECASE)


def safe_name(name: str) -> str:
    """The last part of ``name`` as a file name that every system takes and a scan finds.

    Not empty, not hidden, no litter, at most ``LONGEST`` characters; the ending is kept.
    """
    last = re.split(r"[/\\]", unicodedata.normalize("NFC", name))[-1]
    printable = "".join(c for c in last if c.isprintable() and not 0xD800 <= ord(c) <= 0xDFFF)
    clean = _UNSAFE.sub("_", printable).strip(" .")
    stem, dot, suffix = clean.rpartition(".")
    if not dot or len(suffix) > 10:
        stem, dot, suffix = clean, "", ""
    clean = f"{stem[: LONGEST - len(suffix) - 1].strip(' .') or 'image'}{dot}{suffix}"
    return f"image-{clean}" if _DEVICE.match(clean) or clean.lower() in LITTER else clean


@dataclass(frozen=True)
class Added:
    """An image that was added: its ``path`` in the image folder, and ``same``, the paths of the
    images there that hold the very same bytes, as far as they are indexed."""

    path: str
    same: tuple[str, ...]


def check_decodable(data: bytes, name: str, max_megapixels: float) -> None:
    """See that the file ``data``, called ``name``, can be indexed.

    Raises:
        UnreadableImage, ImageTooLarge: it cannot be.
    """
    if is_video(data):  # of which one frame is enough to see that
        decode_part(data, 1, max_megapixels=max_megapixels, side=1)
    else:
        decode(data, max_megapixels=max_megapixels, name=name)


def add_image(images: Path, snapshot: Snapshot, folder: str, name: str, data: bytes) -> Added:
    """Save ``data`` as ``save_upload`` does and return where, with the files of the same content
    that ``snapshot`` knows. Raises what ``save_upload`` does."""
    known = snapshot.files_of(hashlib.sha256(data).digest())
    same = tuple(record.path for record in known if (images / record.path).is_file())
    return Added(save_upload(images, folder, name, data), same)


def save_upload(images: Path, folder: str, name: str, data: bytes) -> str:
    """Write ``data`` as a new file below the folder ``images``; returns its path relative to it.

    ``folder`` is relative to ``images`` and made where it is missing. The file's name gets the
    ending of the format that it has; where it is taken, a number joins it. The file appears whole
    or not at all.

    Raises:
        InvalidQuery: ``folder`` leads out of the image folder, or into what no scan looks at.
        SettingsError: the image folder is not there or cannot be written to.
    """
    place = _inside(images, folder)
    name = with_matching_ending(safe_name(name), data)
    aside = place / f".{secrets.token_hex(8)}.new"
    if not images.is_dir():  # or it would be made where a disk is to be mounted
        raise SettingsError(f"The image folder {images} is not there; create it, or mount it.")
    try:
        # Before any folder is made, and again, for links may have been made in between.
        _see_inside(images, place, folder)
        place.mkdir(parents=True, exist_ok=True)
        _see_inside(images, place, folder)
        try:
            with aside.open("xb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            taken = _reserve(place, name)
            try:
                aside.replace(taken)  # over nothing but the empty file that was made just now
            except OSError:
                taken.unlink(missing_ok=True)
                raise
        finally:
            aside.unlink(missing_ok=True)
    except OSError as error:
        raise SettingsError(
            f"The image folder cannot be written to ({error.strerror}). Make room, or let the "
            "service write there; in a container, mount the folder without :ro."
        ) from error
    return taken.relative_to(images.resolve()).as_posix()


def _inside(images: Path, folder: str) -> Path:
    parts = PurePosixPath(unicodedata.normalize("NFC", folder.replace("\\", "/"))).parts
    parts = tuple(part for part in parts if part != "/")
    if len(parts) > MOST_FOLDERS or sum(map(len, parts)) > LONGEST_FOLDER:
        raise InvalidQuery(
            f"A folder may be at most {MOST_FOLDERS} levels deep and {LONGEST_FOLDER} characters "
            "long; choose a shorter one, such as rings/2026."
        )
    for part in parts:
        if part != safe_name(part):
            raise InvalidQuery(
                f"Images cannot be added to the folder {folder[:80]!r}; name one inside the "
                "image folder, such as rings/2026."
            )
    return images.resolve().joinpath(*parts)


def _see_inside(images: Path, place: Path, folder: str) -> None:
    try:
        outside = is_outside(images, place)
    except (OSError, RuntimeError):  # links that lead to each other
        outside = True
    if outside:
        raise InvalidQuery(f"The folder {folder[:80]!r} leads out of the image folder.")


def _reserve(place: Path, name: str) -> Path:
    """An empty file that was not there before; two uploads at once get two of them."""
    stem, dot, suffix = name.rpartition(".")
    if not dot:
        stem, suffix = name, ""
    for number in range(1, MOST_OF_A_NAME):
        path = place / (name if number == 1 else f"{stem} ({number}){dot}{suffix}")
        with contextlib.suppress(FileExistsError):
            path.touch(exist_ok=False)
            return path
    raise FileExistsError(0, "too many files of one name")
