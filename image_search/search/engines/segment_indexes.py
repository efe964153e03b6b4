"""The index over one segment: exact where the collection is small, codes kept on disk where not."""

from __future__ import annotations

from collections.abc import Iterator

from image_search.imaging.arrays import Floats
from image_search.search.engines.base import Rows, VectorIndex
from image_search.search.engines.faiss import Coder, CompressedIndex, FlatIndex
from image_search.search.ranking.fusion import (
    Calibration,
)
from image_search.storage import Segment, Snapshot
from image_search.storage.derived import codes_path, keep_codes, read_codes

# Exact search reads every vector: up to so many bytes of them that takes some 10 ms of one core,
# and above they are compressed. At 10,000 images of all extractors (300 MB) the codes took less
# than half of the time for a query, and a start need not read and check all vectors.
EXACT_BYTES = 1 << 27
# Segments with fewer bytes of vectors are searched exactly in every collection; there are few.
_SMALL = 1 << 23
# So much of what was read lately stays in the memory of any machine that this runs on.
_KEPT_BYTES = 1 << 29
# Vectors read at a time while a segment is encoded.
_ROWS = 2048


def is_large(snapshot: Snapshot) -> bool:
    """Whether a collection has too many vectors to keep in memory and compare exactly."""
    return sum(segment.vectors.nbytes for segment in snapshot.segments) > EXACT_BYTES


def fits_memory(snapshot: Snapshot) -> bool:
    """Whether the vectors are few enough to stay in memory once they were read."""
    return sum(segment.vectors.nbytes for segment in snapshot.segments) <= _KEPT_BYTES


def verified_segments(snapshot: Snapshot) -> set[str]:
    """The segments whose vectors were verified when their codes were made, and not touched since;
    empty for small collections, which are verified at every start."""
    if not is_large(snapshot):
        return set()
    coding = _coding(snapshot)
    return {
        segment.name
        for segment in snapshot.segments
        if _is_coded(segment) and codes_path(segment, snapshot.calibration, coding).exists()
    }


def index_of(
    segment: Segment, snapshot: Snapshot, calibration: Calibration, *, large: bool, verified: bool
) -> VectorIndex:
    """The index over ``segment``; its codes are read from disk, or made and written there.

    Raises:
        CacheDamaged: the vectors, not ``verified`` yet, were altered on disk.
    """
    if not (large and _is_coded(segment)):
        if not verified:
            segment.verify()
        return FlatIndex(calibration.centred(segment.vectors[:]))
    coder = Coder(calibration.layout.dims)
    path = codes_path(segment, snapshot.calibration, _coding(snapshot))
    codes = read_codes(path, len(segment.vectors), coder.length)
    if codes is None:
        if not verified:
            segment.verify()
        codes = coder.encode(_batches(segment, calibration))
        keep_codes(path, codes)

    def exact(rows: Rows) -> Floats:
        return calibration.centred(segment.vectors[rows])

    return CompressedIndex(codes, calibration.layout.dims, exact)


def _is_coded(segment: Segment) -> bool:
    return segment.vectors.nbytes >= _SMALL


def _coding(snapshot: Snapshot) -> str:
    return (
        f"{Coder.version} {[(extractor.name, extractor.dim) for extractor in snapshot.extractors]}"
    )


def _batches(segment: Segment, calibration: Calibration) -> Iterator[Floats]:
    for start in range(0, len(segment.vectors), _ROWS):
        yield calibration.centred(segment.vectors[start : start + _ROWS])
