"""Sketches on all kinds of paper: is the photo still found, and what is recognised as a drawing?

Two questions. Of sketches whose photo is in a collection, laid on every paper that
``benchmarks.paper_kinds`` draws, or read from folders ``KIND/CLASS/NAME.png`` made by another tool:
how many are recognised, and how often is the photo among the first ten? And of photos: how many are
recognised as drawings? ``python -m benchmarks.papers``.
"""

from __future__ import annotations

import argparse
import random
import tempfile
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

import cv2
import numpy as np

from benchmarks.paper_kinds import KINDS, lay
from benchmarks.report import DATASETS, table, write_section
from image_search.errors import ImageSearchError
from image_search.imaging.decoding import decode
from image_search.imaging.sheets.drawing import prepare_drawing
from image_search.library import Library
from image_search.search.queries import Query
from image_search.settings import Settings

PHOTOS = DATASETS / "sketchy" / "photo"
SKETCHES = DATASETS / "sketchy" / "sketch"
#: Sets of pictures that are no drawings.
NONE_DRAWN = (
    "jewellery", "clothing", "corel1k", "caltech101", "pacs/photo", "sketchy/photo", "dtd10",
)  # fmt: skip
FIRST = 10
_MEGAPIXELS = 100.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--photos", type=Path, default=PHOTOS, help="the collection")
    parser.add_argument("--sketches", type=Path, default=SKETCHES, help="CLASS/PHOTO-n.png")
    parser.add_argument("--folders", type=Path, help="KIND/CLASS/PHOTO-n.png, made elsewhere")
    parser.add_argument("--cache", type=Path, help="keep the index here, for quick reruns")
    parser.add_argument("--each", type=int, default=100, help="sketches on each paper")
    parser.add_argument("--kinds", nargs="*", help="only these papers")
    parser.add_argument("--pictures", type=int, default=300, help="of each set without drawings")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--original", action="store_true", help="without the cleaning")
    parser.add_argument("--write", action="store_true", help="write the figures into docs/")
    options = parser.parse_args()
    parts = []
    if options.each:
        parts.append(FOUND + found(options))
    if options.pictures:
        parts.append(TAKEN + taken(options))
    text = INTRODUCTION + "\n".join(parts)
    if options.write:
        write_section("quality.md", "papers", text)
    else:
        print(text)


def found(options: argparse.Namespace) -> str:
    """A row for each paper."""
    with tempfile.TemporaryDirectory() as temporary:
        cache = options.cache or Path(temporary) / "photos.pkl"
        library = Library.open(Settings(images=options.photos, cache=cache))
        if not cache.exists():
            library.update(fingerprints=False)
        rows, plain = [], 0
        for kind, pictures in papers(options):
            asked = list(pictures)
            if not asked:
                continue
            results = [answer(library, photo, data, options) for photo, data in asked]
            hits = sum(hit for hit, _ in results)
            plain = plain or hits
            recognised = sum(drawn for _, drawn in results) / len(asked)
            rows.append([
                kind, len(asked), f"{100 * recognised:.0f} %", hits, f"{hits / max(plain, 1):.2f}",
            ])  # fmt: skip
    return table(["paper", "sketches", "recognised", "found", "against the first row"], rows)


def answer(
    library: Library, photo: str, data: bytes, options: argparse.Namespace
) -> tuple[bool, bool]:
    """Whether the drawn photo is among the first ten, and whether a drawing was recognised."""
    result = library.search(Query(images=(data,), k=FIRST, original=options.original))
    return any(hit.path == photo for hit in result.hits), result.kind == "sketch"


def papers(options: argparse.Namespace) -> Iterator[tuple[str, Iterable[tuple[str, bytes]]]]:
    """Each kind of paper with its sketches: the path of the photo, and the picture's bytes."""
    if options.folders:
        for folder in sorted(options.folders.iterdir(), key=lambda path: path.name != "plain"):
            if folder.is_dir() and (not options.kinds or folder.name in options.kinds):
                chosen = sample(folder, options.each, options.seed)
                yield folder.name, ((photo_of(path), path.read_bytes()) for path in chosen)
        return
    sketches = sample(options.sketches, options.each, options.seed)
    for kind in KINDS:
        if not options.kinds or kind in options.kinds:
            yield (
                kind,
                ((photo_of(path), on_paper(kind, path, n)) for n, path in enumerate(sketches)),
            )


def on_paper(kind: str, path: Path, seed: int) -> bytes:
    grey = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
    pixels = lay(kind, np.asarray(grey, np.uint8), seed)
    return bytes(cv2.imencode(".png", pixels[..., ::-1])[1])


def photo_of(sketch: Path) -> str:
    """The photo that a sketch ``CLASS/PHOTO-n.png`` was drawn from."""
    return f"{sketch.parent.name}/{sketch.stem.rpartition('-')[0]}.jpg"


def taken(options: argparse.Namespace) -> str:
    """A row for each set of pictures that are no drawings."""
    rows = []
    for name in NONE_DRAWN:
        if not (DATASETS / name).is_dir():
            continue
        seen, drawn, seconds = 0, 0, 0.0
        for path in sample(DATASETS / name, options.pictures, options.seed):
            try:
                pixels = decode(path.read_bytes(), max_megapixels=_MEGAPIXELS).pixels
            except ImageSearchError:
                continue
            started = time.thread_time()
            drawn += prepare_drawing(pixels) is not None
            seconds += time.thread_time() - started
            seen += 1
        rows.append(
            [
                name,
                seen,
                f"{100 * drawn / max(seen, 1):.1f} %",
                f"{1000 * seconds / max(seen, 1):.0f}",
            ]
        )
    return table(["set", "pictures", "recognised as drawings", "ms each"], rows)


def sample(folder: Path, count: int | None, seed: int) -> list[Path]:
    """So many of a folder's files, chosen by ``seed``; all of them for None."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    random.Random(seed).shuffle(files)
    return files[:count]


INTRODUCTION = """### Drawings on paper

`python -m benchmarks.papers`: sketches of Sketchy on papers that the benchmark draws. Each
searches the 1,600 photos that the sketches were drawn from. A second table has pictures that are
no drawings.

"""
FOUND = "*found*: the drawn photo is among the first ten.\n\n"
TAKEN = """
Pictures of sets that hold no drawings; the recogniser may have been fitted to some of them, but to
none of `pacs/photo`.

"""


if __name__ == "__main__":
    main()
