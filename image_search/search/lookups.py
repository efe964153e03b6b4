"""Images of a search index looked up by their ids or contents; most queries need none of it."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from image_search.imaging.arrays import Floats
from image_search.search.queries import Filter, Hit
from image_search.search.search_index import ScoringQuery, SearchIndex
from image_search.storage.records import KINDS, WHOLE


def stored_blocks(index: SearchIndex, image_id: int, number: int = 0) -> dict[str, Floats] | None:
    """The unit blocks (dim,) by extractor of an image, or of its page or frame of this ``number``;
    ``None`` if there is none."""
    for part in index.parts:
        segment = part.of.segment
        records = segment.records
        for row in np.flatnonzero(records.ids[records.owners] == np.uint64(image_id)):
            region = records.regions[int(row)]
            is_it = not number or (region.number == number and region.kind != KINDS[WHOLE])
            if part.keep[row] and is_it:
                columns = segment.columns(segment.extractors)
                return {one.extractor.name: one.units(int(row)) for one in columns}
    return None


def hits_of(index: SearchIndex, question: ScoringQuery, contents: Iterable[bytes]) -> list[Hit]:
    """The images of these contents (SHA-256) that the filter admits, as hits without a rank,
    however far they are from the question; without query expansion."""
    wanted = set(contents)
    scoring = index.scoring(question)
    hits: list[Hit] = []
    for part in index.parts:
        segment, allowed = part.of.segment, index.allowed(part, question.filter)
        owners = segment.holding_any(wanted)
        rows = segment.rows_of(np.array(owners, np.intp))
        rows = rows[allowed[rows]]
        hits.extend(one.hit() for one in scoring.scored(part.of, rows, allowed).found())
    return hits


def contents_of(index: SearchIndex, condition: Filter) -> set[bytes]:
    """The contents (SHA-256) of the images that the filter admits."""
    found = set()
    for part in index.parts:
        records, allowed = part.of.segment.records, index.allowed(part, condition)
        found |= {records.digests[owner] for owner in records.owners[allowed].tolist()}
    return found


def folders_of(index: SearchIndex) -> set[str]:
    """Every folder that holds an image, below the image folder, as it is written there."""
    return {
        part.of.segment.records.paths[owner].rpartition("/")[0]
        for part in index.parts
        for owner in part.of.segment.records.owners[part.keep]
    }
