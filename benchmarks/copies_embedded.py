"""Edited copies looked for by one embedding alone: how often their original is the first.

A check looks for copies by fingerprints (benchmarks/copies.py); this shows what an extractor is
worth for them by itself, beside networks that the package does not carry.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from benchmarks.fingerprinted import BACKDROPS, FOLDERS, backdrops, copies, files, pixels_of, spaced
from benchmarks.networks import Network, extractor, mobilenet, squeezenet
from benchmarks.report import table, write_section
from image_search.errors import UnreadableImage
from image_search.extractors.base import unit_rows
from image_search.imaging.arrays import Floats, Pixels
from image_search.imaging.edits import KINDS, MILD

NETWORKS: dict[str, Network] = {
    **{name: extractor(name) for name in ("design", "hsv", "edges", "texture")},
    "SqueezeNet 1.1": squeezenet,
    "MobileNetV2": mobilenet,
}
# Of the edits that there are, every so many is asked for of each picture.
STEP = 4
_TOGETHER = 256


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pictures", type=int, default=1500, help="that are searched")
    parser.add_argument("--asked", type=int, default=100, help="of them that are edited")
    parser.add_argument("--folder", type=Path, nargs="*", default=FOLDERS)
    parser.add_argument("--backdrops", type=Path, default=BACKDROPS)
    options = parser.parse_args()
    paths = spaced([path for folder in options.folder for path in files(folder)], options.pictures)
    readable = {path: pixels for path in paths if (pixels := seen(path)) is not None}
    paths, pictures = list(readable), list(readable.values())
    number = {str(path).encode(): place for place, path in enumerate(paths)}
    asked = spaced(paths, options.asked)
    made = list(
        copies(
            {str(path).encode(): path for path in asked},
            [str(path).encode() for path in asked],
            backdrops(options.backdrops),
            STEP,
        )
    )
    right = np.array([number[copy.content] for copy in made])
    mild = np.array([copy.strength == MILD for copy in made])
    rows: list[list[object]] = []
    for name, see in NETWORKS.items():
        ranks = ranked(embedded(see, pictures), embedded(see, [one.pixels for one in made]), right)
        first, ten = ranks == 0, ranks < 10
        cells = (first.mean(), first[mild].mean(), ten.mean())
        rows.append([name, *(f"{share:.1%}" for share in cells)])
        print(*rows[-1], sep=" | ", flush=True)
    write_section(
        "quality.md",
        "copies-embedded",
        f"### By one embedding alone\n\n`python -m benchmarks.copies_embedded`: {len(made):,} "
        f"edited copies ({len(KINDS)} kinds of edits in three strengths) of {len(asked)} pictures, "
        f"looked for among {len(pictures):,} by the cosine of one extractor, about the mean of "
        "what is searched.\n\n"
        + table(["extractor", "original first", "mild edits", "in the first ten"], rows),
    )


def seen(path: Path) -> Pixels | None:
    try:
        return pixels_of(path)
    except UnreadableImage:
        return None


def embedded(see: Network, pictures: Sequence[Pixels]) -> Floats:
    some = [see(pictures[i : i + _TOGETHER]) for i in range(0, len(pictures), _TOGETHER)]
    return unit_rows(np.concatenate(some))


def ranked(gallery: Floats, queries: Floats, right: np.ndarray) -> np.ndarray:
    """The rank (queries,) of the ``right`` picture, 0 for the first."""
    mean = gallery.mean(axis=0)
    cosines = unit_rows(queries - mean) @ unit_rows(gallery - mean).T
    own = cosines[np.arange(len(right)), right]
    return np.asarray((cosines > own[:, None]).sum(axis=1))


if __name__ == "__main__":
    main()
