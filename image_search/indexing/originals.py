"""The files of the indexed images, and their thumbnails, by id."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from image_search.errors import UnknownImage, UnreadableImage
from image_search.imaging.arrays import Pixels
from image_search.imaging.decoding import WORKING_SIDE, Picture
from image_search.imaging.parts import decode_part
from image_search.imaging.reading import read_image_file
from image_search.imaging.thumbnails import Thumbnails
from image_search.indexing.scanning import is_outside
from image_search.storage import FileRecord, Snapshot
from image_search.storage.records import image_id, parse_id


def id_of(record: FileRecord) -> str:
    """The id of an image as the interfaces show it."""
    return f"{image_id(record.path):016x}"


class Originals:
    """Finds the file of an image; what lies outside the image folder is never given."""

    def __init__(
        self, images: Path, snapshot: Callable[[], Snapshot], thumbnails: Thumbnails
    ) -> None:
        """The files below the folder ``images`` that ``snapshot``, asked each time, knows."""
        self._images, self._snapshot, self._thumbnails = images, snapshot, thumbnails

    def record(self, image_id: str) -> FileRecord:
        """What is known of an image, by its id or that of a region of it.

        Raises:
            UnknownImage: no image that could be read has this id.
        """
        known = parse_id(image_id)
        record = self._snapshot().find(known[0]) if known else None
        if record is None or record.reason:
            raise UnknownImage(f"No indexed image has the id {image_id[:40]!r}.")
        return record

    def file(self, record: FileRecord) -> Path:
        """The file of an image.

        Raises:
            UnknownImage: it is gone or no longer inside the image folder.
        """
        path = self._images.resolve() / record.path
        if not path.is_file() or is_outside(self._images, path):
            raise UnknownImage(
                f"The file {record.path} is no longer in the image folder; reindex to forget it."
            )
        return path

    def path(self, image_id: str) -> Path:
        """The file of the image of this id; raises what ``record`` and ``file`` do."""
        return self.file(self.record(image_id))

    def read(self, record: FileRecord) -> bytes:
        """The bytes of an image's file as it is now.

        Raises:
            UnknownImage: as for ``file``.
            UnreadableImage, ImageTooLarge: it cannot be read, or is larger than any image.
        """
        try:
            return read_image_file(self.file(record))
        except OSError as error:
            raise UnreadableImage(f"{record.path} cannot be read ({error.strerror}).") from error

    def picture(
        self,
        record: FileRecord,
        max_megapixels: float,
        *,
        number: int = 0,
        side: int = WORKING_SIDE,
    ) -> Picture:
        """An image, or its page or frame of this ``number``, reduced to this shortest ``side``.

        Raises:
            UnknownImage, UnreadableImage, ImageTooLarge: as for ``read``, and for decoding.
        """
        shown = number or record.regions[0].number
        return decode_part(self.read(record), shown, max_megapixels=max_megapixels, side=side)

    def pixels(
        self, image_id: str, max_megapixels: float, side: int = WORKING_SIDE
    ) -> Pixels | None:
        """The image of this id, or a page or frame of it, as RGB pixels (height, width, 3) uint8;
        None where its file is gone or no longer what was indexed.

        Raises:
            UnknownImage: as for ``record``.
        """
        record, number = self.record(image_id), (parse_id(image_id) or (0, 0))[1]
        try:
            return self.picture(record, max_megapixels, number=number, side=side).pixels
        except (UnknownImage, UnreadableImage):
            return None

    def thumbnail(self, image_id: str, side: int = 320) -> Path:
        """A WebP file of an image, or of a page or frame of it, at most ``side`` pixels on its
        longest side.

        Raises:
            UnknownImage: as for ``record`` and ``file``.
            UnreadableImage: the original was damaged since it was indexed.
            CacheError: the thumbnail cannot be written.
        """
        record, number = self.record(image_id), (parse_id(image_id) or (0, 0))[1]
        shown = record.regions[0].number
        return self._thumbnails.get(self.file(record), record.digest, side, number, shown)
