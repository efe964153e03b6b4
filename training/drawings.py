"""``python -m training.drawings``: what drawings have in common, as the extractors see them.

From sketches of the classes that are not held out, each also mirrored, and the photos that they
were drawn from.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import safetensors.numpy

from image_search.extractors import REGISTRY
from image_search.extractors.base import Extractor, unit_rows
from image_search.extractors.design_network import LAYOUT, MEANING
from image_search.extractors.drawings import FILE
from image_search.imaging.arrays import Floats, Pixels
from image_search.imaging.decoding import WORKING_SIDE
from training import views
from training.pictures import load
from training.sources import below, held_out

#: Directions kept of the covariance; 16 of each half find less, and 64 little more.
_RANK = 32
#: The shape of things is what drawings are compared by; see ``weighting``. For each extractor, the
#: parts of its embeddings as numbers and share in the cosine, and, of the standard deviation of a
#: photo's cosine with drawings, the power that the cosine is divided by: with none hubs stay, with
#: too much the order of the photos gets worse again. What a drawing means is harder to see than
#: what lies where, so the layout has the larger share.
EXTRACTORS: Mapping[str, tuple[tuple[tuple[int, float], ...], float]] = {
    "edges": (((REGISTRY["edges"].dim, 1.0),), 0.5),
    "design": (((MEANING, 0.35), (LAYOUT, 0.65)), 1.0),
    "imagenet": (((REGISTRY["imagenet"].dim, 1.0),), 1.0),
}


def main() -> int:
    """Measure, and write the file of constants."""
    parser = argparse.ArgumentParser(prog="python -m training.drawings", description=__doc__)
    parser.add_argument("sets", type=Path, help="folder that holds the labelled sets by name")
    parser.add_argument("--out", type=Path, default=FILE)
    parser.add_argument("--only", nargs="*", help="measure these extractors, and keep the others")
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
    constants: dict[str, Floats] = safetensors.numpy.load_file(FILE) if options.only else {}
    for name, (parts, power) in EXTRACTORS.items():
        if options.only and name not in options.only:
            continue
        extractor = REGISTRY[name].load()
        rows, gallery = (_embedded(extractor, of) for of in (both, list(shown.values())))
        start = 0
        for number, (width, share) in enumerate(parts):
            place = slice(start, start := start + width)
            measured = measure(rows[:, place], gallery[:, place], share, power)
            constants |= {f"{extractor.model}:{number}:{p}": v for p, v in measured.items()}
    # Half precision would do; the file is small enough without.
    safetensors.numpy.save_file(constants, options.out)
    print(f"written: {options.out}, from {len(drawn)} drawings and {len(shown)} photos")
    return 0


def measure(drawings: Floats, photos: Floats, share: float, power: float) -> dict[str, Floats]:
    """The constants of ``extractors.drawings.Part``, from rows (n, width) of each."""
    drawings = unit_rows(drawings)
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
        "numbers": np.array([share, power, np.mean(near ** (power / 2))], np.float32),
    }


def _embedded(extractor: Extractor, pictures: list[Pixels]) -> Floats:
    rows = [extractor.embed([extractor.prepare(pixels)]) for pixels in pictures]
    return np.concatenate(rows)


if __name__ == "__main__":
    sys.exit(main())
