"""``python -m training.drawings``: what drawings have in common, as the extractors see them.

From sketches of the classes that are not held out, each also mirrored, and the photos that they
were drawn from.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np
import safetensors.numpy

from image_search.extractors import REGISTRY
from image_search.extractors.base import Extractor, Floats, Pixels, unit_rows
from image_search.extractors.drawings import FILE
from image_search.images import WORKING_SIDE
from training import views
from training.pictures import load
from training.sources import below, held_out

#: Directions kept of the covariance: more change nothing.
_RANK = 16
#: The shape of things is what drawings are compared by; see ``weighting``.
EXTRACTORS = ("edges", "design")


def main() -> int:
    """Measure, and write the file of constants."""
    parser = argparse.ArgumentParser(prog="python -m training.drawings", description=__doc__)
    parser.add_argument("sets", type=Path, help="folder that holds the labelled sets by name")
    parser.add_argument("--out", type=Path, default=FILE)
    options = parser.parse_args()
    drawn, shown = (
        load(
            [p for p in below(options.sets / "sketchy" / style) if not held_out(p.parent.name)],
            side=WORKING_SIDE,
        )
        for style in ("sketch", "photo")
    )
    if not drawn or not shown:
        print(f"There are no sketches in {options.sets}.", file=sys.stderr)
        return 2
    both = [way for pixels in drawn.values() for way in (pixels, views.mirrored(pixels))]
    constants: dict[str, Floats] = {}
    for name in EXTRACTORS:
        extractor = REGISTRY[name].load()
        measured = measure(_embedded(extractor, both), _embedded(extractor, list(shown.values())))
        constants |= {f"{extractor.model}:{part}": value for part, value in measured.items()}
    # Half precision would do; the file is small enough without.
    safetensors.numpy.save_file(constants, options.out)
    print(f"written: {options.out}, from {len(drawn)} drawings and {len(shown)} photos")
    return 0


def measure(drawings: Floats, photos: Floats) -> dict[str, Floats]:
    """The constants of ``extractors.drawings.Drawings``, from unit rows (n, dim) of each."""
    mean = drawings.mean(axis=0)
    rows = unit_rows(drawings - mean)
    covariance = rows.T @ rows / len(rows)
    variances, vectors = np.linalg.eigh(covariance)
    directions = vectors[:, -_RANK:] * np.sqrt(np.maximum(variances[-_RANK:], 0))
    rest = np.maximum(np.diag(covariance) - np.square(directions).sum(axis=1), 0)
    gallery = unit_rows(photos - photos.mean(axis=0))
    near = np.square(gallery @ directions).sum(axis=1) + np.square(gallery) @ rest
    return {
        "mean": mean.astype(np.float32),
        "directions": np.ascontiguousarray(directions, np.float32),
        "rest": rest.astype(np.float32),
        # The fourth root: the power that ``Drawings.nearness`` takes.
        "typically": np.array([np.mean(near**0.25)], np.float32),
    }


def _embedded(extractor: Extractor, pictures: list[Pixels]) -> Floats:
    rows = [extractor.embed([extractor.prepare(pixels)]) for pixels in pictures]
    return np.concatenate(rows)


if __name__ == "__main__":
    sys.exit(main())
