"""A colour beside a picture: of the first ten answers, how many have both, for each share of say.

Queries are pictures of a class with a colour that they lack but others of their class have, as in
*this, but red*. Whether a picture has a colour is told by its pixels: 15 % of them within 20 of it
in CIELAB; a picture lacks one that less than 5 % have.
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from benchmarks.report import DATASETS, table, write_section
from image_search.imaging.arrays import Pixels
from image_search.imaging.decoding import decode
from image_search.library import Library
from image_search.search import searching
from image_search.search.palettes import Colour
from image_search.search.queries import Query
from image_search.settings import Settings

SETS = ("corel1k", "jewellery", "clothing")
#: What the colour that was picked says of the whole; 0 where none was.
SHARES = (0.0, 1 / 3, 1 / 2, 3 / 5, 2 / 3)
#: Colours as people name them.
COLOURS = (
    (0, 0, 0), (128, 128, 128), (255, 255, 255), (200, 30, 40), (240, 130, 40), (230, 200, 60),
    (110, 70, 40), (200, 170, 130), (60, 140, 60), (110, 120, 60), (60, 160, 160), (60, 100, 190),
    (30, 40, 90), (120, 60, 150), (230, 150, 180),
)  # fmt: skip
NEAR, HAS, LITTLE = 20.0, 0.15, 0.05
FIRST = 10


@dataclass(frozen=True, eq=False)
class Pictures:
    """Pictures of a set, their classes, and the share (n, colours) of each that has a colour."""

    paths: Sequence[Path]
    labels: np.ndarray
    shares: np.ndarray

    def asked(self, most: int) -> list[tuple[int, int]]:
        """Pictures and colours to ask with, a part of all that there are."""
        has = self.shares >= HAS
        mates = np.array([has[self.labels == label].sum(axis=0) for label in self.labels])
        found = np.argwhere((self.shares < LITTLE) & (mates > 0))
        chosen = np.random.default_rng(0).permutation(len(found))[:most]
        return [(int(picture), int(colour)) for picture, colour in found[np.sort(chosen)]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sets", type=Path, nargs="*", default=[DATASETS / s for s in SETS])
    parser.add_argument("--images", type=int, default=400, help="pictures of each set, about")
    parser.add_argument("--queries", type=int, default=300, help="of each set, at most")
    options = parser.parse_args()
    rows: list[list[object]] = []
    for folder in options.sets:
        with tempfile.TemporaryDirectory() as temporary:
            pictures = gathered(folder, options.images)
            library = indexed(pictures, folder, Path(temporary))
            asked = pictures.asked(options.queries)
            cells = [" / ".join(of(library, pictures, asked, share)) for share in SHARES]
        rows.append([folder.name, len(asked), *cells])
        print(*rows[-1], sep=" | ", flush=True)
    head = ["set", "queries", "no colour", *(f"{share:.0%}" for share in SHARES[1:])]
    write_section("quality.md", "colours", INTRODUCTION + table(head, rows))


def gathered(folder: Path, count: int) -> Pictures:
    classes = sorted(path for path in folder.iterdir() if path.is_dir())
    most = max(1, count // len(classes))
    paths = []
    for place in classes:
        files = sorted(path for path in place.iterdir() if path.is_file())
        paths += files[:: max(1, len(files) // most)][:most]
    pixels = [decode(path.read_bytes(), max_megapixels=128).pixels for path in paths]
    labels = np.array([path.parent.name for path in paths])
    return Pictures(paths, labels, np.stack([shares(one) for one in pixels]))


def shares(pixels: Pixels) -> np.ndarray:
    """The share (colours,) of a picture that is near to each of the colours."""
    small = cv2.resize(np.ascontiguousarray(pixels), (64, 64), interpolation=cv2.INTER_AREA)
    lab = _lab(np.asarray(small, np.uint8)).reshape(-1, 1, 3)
    colours = _lab(np.array([COLOURS], np.uint8)).reshape(1, -1, 3)
    return np.asarray((np.linalg.norm(lab - colours, axis=2) < NEAR).mean(axis=0))


def _lab(rgb: Pixels) -> np.ndarray:
    return np.asarray(cv2.cvtColor(rgb.astype(np.float32) / 255, cv2.COLOR_RGB2LAB))


def indexed(pictures: Pictures, root: Path, temporary: Path) -> Library:
    for path in pictures.paths:
        target = temporary / "images" / path.relative_to(root)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, target)
    library = Library.open(
        Settings(images=temporary / "images", cache=temporary / "features.pkl", extractors="auto")
    )
    library.update()
    return library


def of(
    library: Library, pictures: Pictures, asked: Sequence[tuple[int, int]], share: float
) -> list[str]:
    """Of the first answers, the shares that have the colour, are of the class, and are both; and
    the share that can be both."""
    if share:
        setattr(searching, "COLOUR_SHARE", share)  # noqa: B010 - the constant that is in question
    number = {"/".join(path.parts[-2:]): row for row, path in enumerate(pictures.paths)}
    found = []
    for picture, colour in asked:
        picked = (Colour(*COLOURS[colour]),) if share else ()
        data = pictures.paths[picture].read_bytes()
        hits = library.search(Query(images=(data,), color=picked, k=FIRST + 1)).hits
        rows = [number[hit.path] for hit in hits if number[hit.path] != picture][:FIRST]
        has = pictures.shares[:, colour] >= HAS
        alike = pictures.labels == pictures.labels[picture]
        possible = min(1.0, (has & alike).sum() / FIRST)
        found.append([has[rows].mean(), alike[rows].mean(), (has & alike)[rows].mean(), possible])
    return [f"{value:.2f}" for value in np.mean(found, axis=0)]


INTRODUCTION = """### A colour beside a picture

`python -m benchmarks.colours`: queries are pictures with one of 15 colours that less than 5 % of
the picture has (within 20 of it in CIELAB) but 15 % of some others of its class. Of the first ten:
the share that has the colour / is of the class / is both / could be both at best. Columns are the
share of the score that the picked colour has; the default is half.

"""


if __name__ == "__main__":
    main()
