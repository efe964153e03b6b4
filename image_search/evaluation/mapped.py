"""The collection as a map in the report: what lies together, and how that goes with the classes."""

from __future__ import annotations

import base64
import io
from pathlib import PurePosixPath

import numpy as np
from PIL import Image

from image_search.errors import ImageSearchError
from image_search.evaluation.collection import Collection
from image_search.extractors.base import unit_rows
from image_search.mapping.colouring import largest
from image_search.mapping.layout import arranged
from image_search.mapping.still import still
from image_search.search.ranking.fusion import PHOTO, default_weights

# Images on the map at most, taken evenly: more take long, and cannot be seen on a page.
MOST = 1500
_SIDE = 1000


def map_of(collection: Collection) -> tuple[str, str, int]:
    """A picture of the map as a data URI, the extractor that it was made by, which is the one that
    counts most for photos, and the number of images on it."""
    calibration = collection.calibration
    names = calibration.layout.names
    weights = default_weights(PHOTO, names, calibration)
    name = max(names, key=lambda one: weights[one] * calibration.std[one])
    rows = np.linspace(0, len(collection) - 1, min(MOST, len(collection))).astype(np.int64)
    block = collection.vectors[rows][:, calibration.layout.slices()[name]]
    places, _ = arranged(unit_rows(block), lambda *_: None, lambda: False)
    folders = [str(PurePosixPath(collection.paths[row]).parent) for row in rows.tolist()]

    def look(number: int) -> Image.Image | None:
        try:
            return Image.open(collection.thumbnail(int(rows[number]), 320))
        except (ImageSearchError, OSError):
            return None

    content = io.BytesIO()
    still(places, largest(folders), look, _SIDE).save(content, "webp", quality=80)
    encoded = base64.b64encode(content.getvalue()).decode("ascii")
    return f"data:image/webp;base64,{encoded}", name, len(rows)
