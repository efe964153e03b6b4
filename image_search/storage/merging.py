"""Merging of small segments, so that their number grows with the logarithm of the collection."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from image_search.storage.records import ExtractorIdentity, FileRecord
from image_search.storage.segments import Segment, write_segment

# Segments of like size are merged when there are this many (size-tiered compaction as in
# log-structured merge trees, O'Neil et al. 1996): each vector is then rewritten at most log_8(n)
# times.
FANOUT = 8
# Segments above this many bytes of vectors are never merged, so that no update rewrites much.
LARGEST = 1 << 30

Mask = npt.NDArray[np.bool_]


def merge_small_segments(
    folder: Path,
    extractors: tuple[ExtractorIdentity, ...],
    segments: Sequence[Segment],
    masks: Sequence[Mask],
) -> tuple[tuple[Segment, ...], tuple[Mask, ...]]:
    """Segments and masks with small segments of like size merged, those of which less than half
    still counts rewritten, and empty ones dropped.

    The files of the segments that were merged stay until a manifest without them is written.
    """
    kept = [
        # Fewer rows are written than were deleted before, so the cost stays that of the changes.
        (s, m) if 2 * np.count_nonzero(m) >= len(m) else _merged(folder, extractors, [(s, m)])
        for s, m in zip(segments, masks, strict=True)
        if m.any()
    ]
    while True:
        tiers: dict[int, list[tuple[Segment, Mask]]] = {}
        for pair in kept:
            tiers.setdefault(_tier(pair[1]), []).append(pair)
        crowded = next(
            (
                group[:FANOUT]
                for _, group in sorted(tiers.items())
                if len(group) >= FANOUT
                and sum(s.vectors.nbytes for s, _ in group[:FANOUT]) < LARGEST
            ),
            None,
        )
        if crowded is None:
            return tuple(s for s, _ in kept), tuple(m for _, m in kept)
        merged = {segment.name for segment, _ in crowded}
        kept = [pair for pair in kept if pair[0].name not in merged]
        kept.append(_merged(folder, extractors, crowded))


def _tier(mask: Mask) -> int:
    return int(math.log(max(1, int(np.count_nonzero(mask))), FANOUT))


def _merged(
    folder: Path,
    extractors: tuple[ExtractorIdentity, ...],
    group: Sequence[tuple[Segment, Mask]],
) -> tuple[Segment, Mask]:
    records: list[FileRecord] = []
    vectors = []
    for segment, mask in group:
        rows = np.flatnonzero(mask)
        records.extend(segment.records.record(int(row)) for row in rows)
        wanted = segment.vector_of[rows]
        vectors.append(segment.vectors[wanted[wanted >= 0]])
    segment = write_segment(
        folder,
        extractors,
        records,
        np.concatenate(vectors),
        min(segment.decoding for segment, _ in group),
    )
    return segment, np.ones(len(records), dtype=np.bool_)
