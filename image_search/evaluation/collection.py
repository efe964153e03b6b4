"""A labelled folder with its embeddings, made by the ordinary index and read from its cache."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from image_search.errors import IndexEmpty, UnreadableImage
from image_search.evaluation.asking import prepared
from image_search.evaluation.metrics import Integers
from image_search.extractors.base import unit_rows
from image_search.extractors.embedding import embed as embed_pictures
from image_search.extractors.embedding import features
from image_search.imaging.arrays import Floats, Pixels
from image_search.imaging.decoding import decode
from image_search.indexing.reports import Progress, Unreadable
from image_search.library import Library
from image_search.search.distances import check_norms
from image_search.search.queries import AUTO
from image_search.search.ranking.fusion import (
    SKETCH,
    Calibration,
    Layout,
)
from image_search.search.ranking.variants import Variant, variants_of
from image_search.settings import Settings
from image_search.storage import Snapshot, read_snapshot
from image_search.storage.records import image_id
from image_search.storage.snapshot import segment_folder


@dataclass(frozen=True, eq=False)
class Collection:
    """The ``n`` readable images of a folder, in the order of their paths.

    ``paths`` are relative to ``folder``, with ``/``; ``vectors`` (n, layout.dim) are the stored
    ones, not centred. ``contents`` is 16 hex characters that change with the files' names or bytes,
    and ``fingerprint`` is that of the index, of which this is the ``snapshot``; ``order`` (n,) are
    the places of the images among its rows.
    """

    library: Library
    folder: Path
    paths: tuple[str, ...]
    vectors: Floats
    calibration: Calibration
    models: dict[str, str]
    contents: str
    fingerprint: str
    failures: tuple[Unreadable, ...]
    warnings: tuple[str, ...]
    snapshot: Snapshot
    order: Integers

    @staticmethod
    def of(
        settings: Settings, on_progress: Callable[[Progress], None] = lambda _: None
    ) -> Collection:
        """Bring the index of ``settings.images`` up to date and take it up.

        Raises:
            IndexEmpty: the folder holds no readable image.
            ImageSearchError: as ``Library.update``.
        """
        library = Library.open(settings)
        report = library.update(on_progress, fingerprints=False)
        snapshot = read_snapshot(settings.cache, segment_folder(settings.cache))
        if snapshot is None or not snapshot.images:
            raise IndexEmpty(f"{settings.images} holds no readable image.")
        paths, vectors, contents, order = _read(snapshot)
        extractors = snapshot.extractors
        layout = Layout(tuple(e.name for e in extractors), tuple(e.dim for e in extractors))
        return Collection(
            library=library,
            folder=settings.images.resolve(),
            paths=paths,
            vectors=vectors,
            calibration=Calibration.from_plain(layout, snapshot.calibration),
            models={e.name: e.model for e in extractors},
            contents=contents,
            fingerprint=snapshot.fingerprint,
            failures=report.failures,
            warnings=report.warnings,
            snapshot=snapshot,
            order=order,
        )

    def __len__(self) -> int:
        return len(self.paths)

    @cached_property
    def files(self) -> list[Path]:
        """The absolute path of every image."""
        return [self.folder / path for path in self.paths]

    def blocks(self, number: int) -> dict[str, Floats]:
        """An image's embeddings, as the unit blocks (dim of the extractor,) of a query."""
        layout, row = self.calibration.layout, self.vectors[number]
        scale = np.float32(math.sqrt(len(layout.names)))
        return {name: row[place] * scale for name, place in layout.slices().items()}

    def features(self, name: str) -> Floats:
        """The raw features (n, dim) by the extractor ``name``. Those of the last one are kept.

        Raises:
            InvalidQuery: their lengths are not known.
        """
        if name not in self._features:
            self._features.clear()
            self._features[name] = self._read_features(name)
        return self._features[name]

    @cached_property
    def _features(self) -> dict[str, Floats]:
        return {}

    def _read_features(self, name: str) -> Floats:
        [identity] = [one for one in self.snapshot.extractors if one.name == name]
        found = np.empty((len(self), identity.dim), np.float32)
        count = 0
        for segment, live in zip(self.snapshot.segments, self.snapshot.live, strict=True):
            rows = np.flatnonzero(live[segment.records.owners])
            [column] = segment.columns([identity])
            block = column.block(rows)
            check_norms(block.norms, name)
            some = found[count : count + len(rows)]
            some[:] = block.units
            unit_rows(some, in_place=True)
            some *= block.norms[:, None]
            count += len(rows)
        return np.asarray(np.take(found, self.order, axis=0), np.float32)

    def drawn_feature(self, number: int, name: str, kind: str = AUTO) -> Floats:
        """The raw feature (dim,) by the extractor ``name`` of a drawing as a search compares it,
        cleaned; see ``drawn``.

        Raises:
            UnreadableImage: the picture is no longer what it was when it was indexed.
        """
        pixels = self._prepared(number, kind)[1]
        return np.asarray(features(self.library.pool, [pixels], name)[0], np.float32)

    @cached_property
    def centred(self) -> Floats:
        """The vectors as a search compares them, (n, layout.dim)."""
        return self.calibration.centred(self.vectors)

    @cached_property
    def kinds(self) -> tuple[str, ...]:
        """What a search takes each picture for.

        Raises:
            UnreadableImage: a picture is no longer what it was when it was indexed.
        """
        with ThreadPoolExecutor(self.library.settings.workers) as pool:
            return tuple(pool.map(lambda number: self._prepared(number, AUTO)[0], range(len(self))))

    def drawn(
        self, number: int, names: Sequence[str], kind: str = AUTO
    ) -> tuple[Mapping[str, Floats], tuple[Variant, ...]]:
        """A drawing as a search compares it that declares it to be of this ``kind``: cleaned, as
        unit blocks (dim of the extractor,) by extractor in ``names``, and the same mirrored and
        turned; embedded when first asked for.

        Raises:
            UnreadableImage: the picture is no longer what it was when it was indexed.
        """
        key = number, tuple(names), kind
        if key not in self._drawn:
            _, pixels, cut_out = self._prepared(number, kind)
            embed = partial(embed_pictures, self.library.pool)
            blocks = {name: rows[0] for name, rows in embed([pixels], names).items()}
            self._drawn[key] = (
                blocks,
                variants_of(pixels, blocks, self.models, embed, cut_out=cut_out),
            )
        return self._drawn[key]

    @cached_property
    def _drawn(
        self,
    ) -> dict[tuple[int, tuple[str, ...], str], tuple[Mapping[str, Floats], tuple[Variant, ...]]]:
        return {}

    def _prepared(self, number: int, kind: str) -> tuple[str, Pixels, bool]:
        """Return the kind of query that a search detects, what it compares, and whether that is a
        drawing that was cut out. Cleaned drawings are kept, because several rankings use them."""
        kept = self._cleaned.get((number, kind))
        if kept is not None:
            png, cut_out = kept
            # ``imdecode`` gives three equal channels, whose order does not matter.
            return SKETCH, np.asarray(cv2.imdecode(png, cv2.IMREAD_COLOR), np.uint8), cut_out
        pixels = self._pixels(self.files[number])
        found, drawing = prepared(pixels, kind)
        if drawing is None:
            return found, pixels, False
        png = cv2.imencode(".png", drawing.pixels[..., 0])[1]
        self._cleaned[number, kind] = png, drawing.cut_out
        return found, drawing.pixels, drawing.cut_out

    @cached_property
    def _cleaned(self) -> dict[tuple[int, str], tuple[npt.NDArray[np.uint8], bool]]:
        return {}

    def _pixels(self, file: Path) -> Pixels:
        try:
            data = file.read_bytes()
        except OSError as error:
            raise UnreadableImage(f"{file} cannot be read ({error.strerror}).") from error
        return decode(data, max_megapixels=self.library.settings.image_megapixels).pixels

    def thumbnail(self, number: int, side: int) -> Path:
        """A WebP file of an image; see ``Library.thumbnail``."""
        return self.library.originals.thumbnail(f"{image_id(self.paths[number]):016x}", side)


def _read(snapshot: Snapshot) -> tuple[tuple[str, ...], Floats, str, Integers]:
    """Paths, vectors and digest of contents, in the order of the paths; and that order."""
    found: list[tuple[str, int, bytes]] = []
    kept, count = [], 0
    for segment, live in zip(snapshot.segments, snapshot.live, strict=True):
        segment.verify()
        records = segment.records
        rows = np.flatnonzero(live[records.owners])
        kept.append(segment.vectors[rows])
        owners = records.owners[rows].tolist()
        found += [(records.paths[o], count + i, records.digests[o]) for i, o in enumerate(owners)]
        count += len(rows)
    found.sort()
    digest = hashlib.sha256()
    for path, _, content in found:
        digest.update(path.encode("utf-8", "surrogatepass") + b"\0" + content)
    order = np.array([row for _, row, _ in found], np.int64)
    paths = tuple(path for path, _, _ in found)
    return paths, np.concatenate(kept)[order], digest.hexdigest()[:16], order
