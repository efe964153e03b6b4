"""How a query of one kind meets what is stored: what is taken away on either side first."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from image_search.extractors.drawings import Drawings, drawings_of
from image_search.imaging.arrays import Floats
from image_search.search.ranking.calibration import Calibration
from image_search.search.ranking.weighting import MEAN_SHARE, SKETCH

# Hits wanted for a drawing are looked for among so many times as many of the nearest, and among at
# least so many: what is near to all drawings is only then put behind.
_TIMES, _LEAST = 20, 1000


@dataclass(frozen=True, eq=False)
class Comparison:
    """Of queries of one ``kind`` with the stored vectors that ``calibration`` was fitted to;
    ``models`` by extractor are those that made them."""

    calibration: Calibration
    models: Mapping[str, str]
    kind: str

    @cached_property
    def drawings(self) -> dict[str, Drawings]:
        """By extractor, what is known of drawings, where that matters for this kind."""
        if self.kind != SKETCH or not self.calibration.fitted_on:
            return {}
        found = {name: drawings_of(self.models[name]) for name in self.calibration.layout.names}
        return {name: one for name, one in found.items() if one is not None}

    def query_block(self, name: str, block: Floats) -> Floats:
        """A unit ``block`` (dim,) of a query as it is compared, again of length 1."""
        if name in self.drawings:
            return self.drawings[name].asked(block)
        return self.calibration.centred_block(name, block, MEAN_SHARE.get(self.kind, 1.0))

    def stored(self, vectors: Floats, names: Collection[str] | None = None) -> Floats:
        """Stored ``vectors`` (n, layout.dim) as they are compared: inner products with a
        ``query_block`` are the scores, cosines where nothing is known of drawings.

        Where only some blocks are needed, ``names`` may tell them; the others are then undefined.
        """
        return self.hubness_corrected(self.calibration.centred(vectors, names), names)

    def hubness_corrected(self, centred: Floats, names: Collection[str] | None = None) -> Floats:
        """As ``stored``, of vectors that are centred already."""
        concerned = [name for name in self.drawings if names is None or name in names]
        if not concerned:
            return centred
        rows = centred.copy()
        places = self.calibration.layout.slices()
        scale = np.float32(np.sqrt(len(places)))
        for name in concerned:
            place = places[name]
            rows[:, place] = self.hubness_corrected_rows(name, rows[:, place] * scale) / scale
        return rows

    def hubness_corrected_rows(self, name: str, centred: Floats) -> Floats:
        """As ``hubness_corrected``, of the unit rows (n, dim) of one block."""
        if name not in self.drawings:
            return centred
        return self.drawings[name].hubness_corrected(centred)

    def reach(self, k: int) -> int:
        """Among how many of the nearest by cosine the ``k`` best are."""
        return max(_TIMES * k, _LEAST) if self.drawings else k
