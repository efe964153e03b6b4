"""Groups of the images on a map, each shown in a colour of its own: folders, labels or styles."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

import faiss
import numpy as np
import numpy.typing as npt

from image_search.errors import InvalidQuery
from image_search.imaging.arrays import Floats
from image_search.labels.labels import Labels, embeddings_of
from image_search.mapping.maps import PlacedImages
from image_search.search.queries import Filter
from image_search.storage import Snapshot

FOLDER, LABEL, STYLE = "folder", "label", "style"
GROUPINGS = (FOLDER, LABEL, STYLE)
#: The colours of groups, in their order (Okabe and Ito, "Color Universal Design", 2008, and more of
#: the same kind); images of no group are grey.
COLOURS = (
    *("#0072b2", "#e69f00", "#009e73", "#d55e00", "#cc79a7", "#56b4e9"),
    *("#7a5195", "#8c6d31", "#4d9221", "#c51b7d"),
)
REST = "#8a8a85"
# Styles are as many clusters of embeddings by the extractor of this name.
_STYLES, _SAMPLE = 8, 5000


@dataclass(frozen=True, eq=False)
class Grouping:
    """The ``names`` of groups, and for each image the number of its group (n,), -1 for none."""

    names: tuple[str, ...]
    of: npt.NDArray[np.int64]

    def colours(self) -> tuple[str, ...]:
        """The colour of each group as ``#rrggbb``, and at the end that of images of no group."""
        return (*COLOURS[: len(self.names)], REST)


def grouped(placed: PlacedImages, by: str, snapshot: Snapshot, labels: Labels) -> Grouping:
    """The largest groups of the ``placed`` images of a ``snapshot``, as many as there are colours.

    Raises:
        InvalidQuery: ``by`` is no way to group, or needs what is not there.
    """
    if by == FOLDER:
        return largest([str(PurePosixPath(path).parent) for path in placed.paths])
    if by == LABEL:
        return _by_label(placed, labels)
    if by == STYLE:
        return _by_style(placed, snapshot)
    raise InvalidQuery(f"Colours are by {', '.join(GROUPINGS)}, not {by[:40]!r}.")


def largest(names: Sequence[str]) -> Grouping:
    """The groups of equal ``names`` of images, as many of the largest as there are colours."""
    counted = Counter(names)
    kept = [name for name, _ in counted.most_common(len(COLOURS))]
    number = {name: at for at, name in enumerate(kept)}
    shown = tuple("the image folder" if name == "." else name for name in kept)
    return Grouping(shown, np.array([number.get(name, -1) for name in names], np.int64))


def _by_label(placed: PlacedImages, labels: Labels) -> Grouping:
    counted = sorted(labels.counts(), key=lambda one: (-one.images, one.name))[: len(COLOURS)]
    of = np.full(len(placed.ids), -1, np.int64)
    # The rarest last: of several labels that an image has, it says most.
    for number, one in enumerate(counted):
        ids = labels.admitting(Filter(label=(one.name,))).ids
        if ids is not None:
            of[np.isin(placed.ids, ids)] = number
    if not counted:
        raise InvalidQuery(
            "There are no labels yet; give images labels, or run `image-search train labels`."
        )
    return Grouping(tuple(one.name for one in counted), of)


def _by_style(placed: PlacedImages, snapshot: Snapshot) -> Grouping:
    if STYLE not in [one.name for one in snapshot.extractors]:
        raise InvalidQuery(
            "Colours by style need the extractor style, which the index was made without; name it "
            "in IMAGE_SEARCH_EXTRACTORS and reindex."
        )
    vectors: Floats = embeddings_of(snapshot, placed.rows, (STYLE,))[STYLE]
    count = min(_STYLES, len(vectors))
    # Few images are no reason to warn.
    how = {"niter": 20, "seed": 1, "spherical": True, "min_points_per_centroid": 1}
    clusters = faiss.Kmeans(vectors.shape[1], count, **how)
    order = np.random.default_rng(0).permutation(len(vectors))[:_SAMPLE]
    clusters.train(np.ascontiguousarray(vectors[np.sort(order)]))
    nearest = clusters.index.search(vectors, 1)[1][:, 0]
    return largest([f"style {number + 1}" for number in nearest.tolist()])
