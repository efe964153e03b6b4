"""Merging of small segments, so that their number grows with the logarithm of the collection."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from image_search.storage.columns import Block, Blocks, row_of
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

    Only segments that have columns by the same ``extractors`` are merged. The files of the segments
    that were merged stay until a manifest without them is written.
    """
    kept = [
        # Fewer rows are written than were deleted before, so the cost stays that of the changes.
        (s, m) if 2 * np.count_nonzero(m) >= len(m) else _merged(folder, extractors, [(s, m)])
        for s, m in zip(segments, masks, strict=True)
        if m.any()
    ]
    while True:
        tiers: dict[_Tier, list[tuple[Segment, Mask]]] = {}
        for segment, mask in kept:
            tier = _size(mask), _held(extractors, segment)
            tiers.setdefault(tier, []).append((segment, mask))
        crowded = next(
            (
                group[:FANOUT]
                for tier, group in sorted(tiers.items(), key=lambda item: item[0][0])
                if len(group) >= FANOUT
                and sum(s.rows for s, _ in group[:FANOUT]) * _row_bytes(tier[1]) < LARGEST
            ),
            None,
        )
        if crowded is None:
            return tuple(s for s, _ in kept), tuple(m for _, m in kept)
        merged = {segment.name for segment, _ in crowded}
        kept = [pair for pair in kept if pair[0].name not in merged]
        kept.append(_merged(folder, extractors, crowded))


_Tier = tuple[int, tuple[ExtractorIdentity, ...]]


def _size(mask: Mask) -> int:
    return int(math.log(max(1, int(np.count_nonzero(mask))), FANOUT))


def _held(
    extractors: Iterable[ExtractorIdentity], segment: Segment
) -> tuple[ExtractorIdentity, ...]:
    """Those of ``extractors`` whose column ``segment`` has."""
    return tuple(one for one in extractors if segment.column(one) is not None)


def _row_bytes(extractors: Iterable[ExtractorIdentity]) -> int:
    return sum(row_of(one).itemsize for one in extractors)


def _merged(
    folder: Path,
    extractors: tuple[ExtractorIdentity, ...],
    group: Sequence[tuple[Segment, Mask]],
) -> tuple[Segment, Mask]:
    held = _held(extractors, group[0][0])
    records: list[FileRecord] = []
    rows = []
    for segment, mask in group:
        records.extend(segment.records.record(int(row)) for row in np.flatnonzero(mask))
        rows.append(np.flatnonzero(mask[segment.records.owners]))
    blocks: Blocks = {
        one.name: Block.joined(
            [
                segment.columns([one])[0].block(wanted)
                for (segment, _), wanted in zip(group, rows, strict=True)
            ],
            one.dim,
        )
        for one in held
    }
    decoding = min(segment.decoding for segment, _ in group)
    segment = write_segment(folder, held, records, blocks, decoding)
    return segment, np.ones(len(records), dtype=np.bool_)
