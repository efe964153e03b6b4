"""Several images at once: their files as a ZIP, and a sheet of them to print."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from flask import Blueprint, Response, render_template, request
from flask.typing import ResponseReturnValue

from image_search.errors import InvalidQuery, UnknownImage
from image_search.indexing.originals import id_of
from image_search.storage import FileRecord
from image_search.web.errors import RETRY_AFTER, Refusal
from image_search.web.files import addresses
from image_search.web.service import service

blueprint = Blueprint("selected", __name__)

#: Images of one request: a contact sheet of ten pages.
MOST_IMAGES = 500

#: Bytes of one ZIP: what a fast line takes in a minute or two.
MOST_BYTES = 4_000_000_000

MOST_NOTE, MOST_TITLE = 100, 200
LEAST_COLUMNS, COLUMNS, MOST_COLUMNS = 2, 4, 8

#: Read and sent at a time.
_CHUNK = 1 << 18

_MISSING = "not included.txt"


@blueprint.post("/archive")
def archive() -> ResponseReturnValue:
    """The files of the images in ``ids`` as a ZIP, in their folders, sent as it is made."""
    form = _form("ids")
    files: list[tuple[str, Path]] = []
    missing: list[str] = []
    originals = service().library.originals
    for record in _records(form["ids"]):
        try:
            files.append((record.path, originals.file(record)))
        except UnknownImage:
            missing.append(record.path)
    if not files:
        raise UnknownImage("None of these files is there any more; update the index.")
    size = sum(path.stat().st_size for _, path in files)
    if size > MOST_BYTES:
        raise Refusal(
            413,
            "too_large",
            f"These files have {size / 1e9:.1f} GB; a ZIP holds at most {MOST_BYTES / 1e9:g} GB. "
            "Select fewer.",
        )
    # Each holds a thread of the server as long as its receiver is slow.
    turn = service().archiving
    if not turn.acquire(blocking=False):
        later = {"Retry-After": str(RETRY_AFTER)}
        raise Refusal(503, "busy", "Other ZIPs are being sent; try again in a minute.", later)
    response = Response(zipped(files, missing), mimetype="application/zip")
    response.call_on_close(turn.release)
    response.headers["Content-Disposition"] = 'attachment; filename="images.zip"'
    return response


@blueprint.post("/contact-sheet")
def contact_sheet() -> ResponseReturnValue:
    """A page to print with the images in ``ids``, and under each what ``notes`` says."""
    form = _form("ids", "notes", "title", "columns")
    records = _records(form["ids"])
    notes = _notes(form["notes"], len(records))
    columns = form["columns"] or str(COLUMNS)
    if columns not in map(str, range(LEAST_COLUMNS, MOST_COLUMNS + 1)):
        raise InvalidQuery(f"columns must be {LEAST_COLUMNS} to {MOST_COLUMNS}.")
    return render_template(
        "contact.html",
        title=form["title"][:MOST_TITLE] or "Contact sheet",
        columns=int(columns),
        images=[_shown(record, note) for record, note in zip(records, notes, strict=True)],
    )


def zipped(files: Sequence[tuple[str, Path]], missing: Sequence[str] = ()) -> Iterator[bytes]:
    """The bytes of a ZIP of ``files``, given as names and paths, as they are read. Images are
    packed already, so they are stored as they are. Names in ``missing``, and those of files that
    cannot be read when their turn comes, are listed in a file of its own."""
    buffer = _Buffer()
    left_out = list(missing)
    taken: set[str] = set()
    with zipfile.ZipFile(buffer, "w", allowZip64=True) as archive:
        for path, place in files:
            name = _unused(path.encode("utf-8", "replace").decode(), taken)
            try:
                source = place.open("rb")
            except OSError:
                left_out.append(name)
                continue
            with source:
                info = zipfile.ZipInfo.from_file(place, name, strict_timestamps=False)
                with archive.open(info, "w") as target:
                    while chunk := source.read(_CHUNK):
                        target.write(chunk)
                        yield buffer.taken()
        if left_out:
            text = "These files are no longer there:\n" + "\n".join(left_out) + "\n"
            archive.writestr(_unused(_MISSING, taken), text.encode("utf-8", "replace"))
    yield buffer.taken()


class _Buffer(io.RawIOBase):
    """What was written since it was last taken."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []

    def writable(self) -> bool:
        """It is."""
        return True

    def write(self, data: Any) -> int:
        """Keep ``data``; how many bytes it has."""
        self._parts.append(bytes(data))
        return len(data)

    def taken(self) -> bytes:
        """All of it, and nothing is left."""
        found = b"".join(self._parts)
        self._parts.clear()
        return found


def _unused(name: str, taken: set[str]) -> str:
    """``name``, numbered where it is ``taken`` already, whatever its case: many file systems take
    both for one."""
    stem, dot, ending = name.rpartition(".")
    number, found = 1, name
    while found.casefold() in taken:
        number += 1
        found = f"{stem}-{number}.{ending}" if dot else f"{name}-{number}"
    taken.add(found.casefold())
    return found


def _records(text: str) -> list[FileRecord]:
    ids = list(dict.fromkeys(text.replace(",", " ").split()))
    if not ids:
        raise InvalidQuery("ids must name images, separated by spaces.")
    if len(ids) > MOST_IMAGES:
        raise InvalidQuery(f"ids names {len(ids):,} images; at most {MOST_IMAGES} are allowed.")
    return [service().library.originals.record(one) for one in ids]


def _notes(text: str, count: int) -> list[str]:
    if not text:
        return [""] * count
    try:
        notes = json.loads(text)
    except (ValueError, RecursionError):
        notes = None
    if not isinstance(notes, list) or not all(isinstance(note, str) for note in notes):
        raise InvalidQuery('notes must be a JSON list of texts, one for each image: ["98 %", ""].')
    if len(notes) != count:
        raise InvalidQuery(f"There are {len(notes):,} notes for {count:,} images.")
    return [note[:MOST_NOTE] for note in notes]


def _shown(record: FileRecord, note: str) -> dict[str, object]:
    folder, _, name = record.path.rpartition("/")
    thumbnail = addresses(id_of(record), record.mtime_ns / 1e9)["thumbnail"]
    return {
        "name": name,
        "folder": folder,
        "note": note,
        "size": f"{record.width} × {record.height}",  # noqa: RUF001 - the sign of multiplication
        "thumbnail": thumbnail.replace("side=320", "side=640"),
    }


def _form(*known: str) -> dict[str, str]:
    """The fields of the form, empty where they are not given.

    Raises:
        InvalidQuery: one is unknown or given twice.
    """
    for name, values in request.form.lists():
        if name not in (*known, "csrf_token"):
            raise InvalidQuery(
                f"There is no field {name[:40]!r}; the fields are {', '.join(known)}."
            )
        if len(values) > 1:
            raise InvalidQuery(f"The field {name!r} is given {len(values)} times; give it once.")
    return {name: request.form.get(name, "").strip() for name in known}
