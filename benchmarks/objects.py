"""Objects in the query: how often those that were put into a scene are proposed, and how often the
picture they come from is found by their box, or by the box that was proposed for it.

The scenes are those of ``benchmarks.composed``. Also: how often a picture
is found that lies beside another one, when that is to be ignored.
"""

from __future__ import annotations

import argparse
import io
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from benchmarks.composed import SCENES, Box, Scene, Stock, scenes
from benchmarks.fingerprinted import files, pixels_of
from benchmarks.report import DATASETS, table, write_section
from benchmarks.screenshots import fitted
from image_search.imaging.arrays import Pixels
from image_search.imaging.objects.proposals import MOST, overlaps, proposals_in
from image_search.library import Library
from image_search.search.queries import Query, Region
from image_search.settings import Settings

# Of each collection, where the other things in its scenes come from. Boxes are judged as was fitted
# on jewellery and clothing; the other collections only report.
OTHERS = {
    DATASETS / "jewellery": DATASETS / "clothing",
    DATASETS / "caltech101": DATASETS / "sketchy/photo",
    DATASETS / "sketchy/photo": DATASETS / "caltech101",
}
EXTRACTORS = "imagenet,design,hsv,edges,texture"
# The overlap from which a box is that of an object.
RIGHT = 0.5
# The longer side of pictures beside each other, in pixels.
_SIDE = 440


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, nargs="*", default=list(OTHERS))
    parser.add_argument("--scenes", type=int, default=60, help="for each folder")
    parser.add_argument("--caches", type=Path, help="keep the indexes here, for quick reruns")
    options = parser.parse_args()
    proposed, found, ignored = [], [], []
    with tempfile.TemporaryDirectory() as temporary:
        for folder in options.folder:
            stock = Stock.of(OTHERS.get(folder, folder))
            library = opened(folder, options.caches or Path(temporary))
            made = scenes(folder, stock, options.scenes, seed=1)
            shares, first = of_scenes(folder, library, made)
            proposed.append(shares)
            found.append(first)
            ignored.append(of_ignoring(folder, library, stock, options.scenes // 2))
    text = (
        "### Objects in the query\n\n`python -m benchmarks.objects`: scenes are composed of the "
        "pictures of a collection: rooms, with what else stands and hangs in them; sheets with "
        "several things; pages of shops, apps, talks and boards; products alone on a ground; and "
        "views, where a thing lies before a photo of something else. The share of scenes where "
        f"one of at most {MOST} boxes overlaps with the thing by {RIGHT:.0%} or more, and how many "
        "boxes there are (median). How boxes are judged was fitted on scenes of "
        "jewellery and clothing; the other collections were not seen.\n\n"
        + table(["collection", "scenes", *SCENES, "all", "boxes"], proposed)
        + "\n\nHow often the picture that the thing comes from is first among all of the "
        "collection: asked by the whole scene, by the box of the thing, and by the box that was "
        "proposed for it (none counts as not found).\n\n"
        + table(["collection", "images", "whole scene", "true box", "proposed box"], found)
        + "\n\nHow often a picture is first that lies on a sheet beside another one: asked by the "
        "sheet as it is, and with the other picture to be ignored.\n\n"
        + table(["collection", "pictures", "as it is", "ignored"], ignored)
    )
    write_section("quality.md", "objects", text + "\n")


def opened(folder: Path, caches: Path) -> Library:
    """The collection in ``folder``, indexed."""
    cache = caches / f"{folder.parent.name}-{folder.name}.pkl"
    library = Library.open(Settings(folder, cache, extractors=EXTRACTORS))
    library.update(fingerprints=False)
    return library


def of_scenes(
    folder: Path, library: Library, made: Sequence[tuple[str, Path, Scene]]
) -> tuple[list[object], list[object]]:
    """The rows of a collection: what is proposed, and what is found by that."""
    right: dict[str, list[bool]] = {name: [] for name in SCENES}
    whole, by_box, by_proposal, counts = [], [], [], []
    for name, path, scene in made:
        boxes = np.array([one.box for one in proposals_in(scene.pixels)]).reshape(-1, 4)
        counts.append(len(boxes))
        shared = overlaps(boxes, np.array([scene.box]))[:, 0]
        good = len(boxes) > 0 and bool(shared.max() >= RIGHT)
        right[name].append(good)
        own, content = path.relative_to(folder).as_posix(), png(scene.pixels)
        whole.append(is_first(library, own, content))
        by_box.append(is_first(library, own, content, scene.box))
        best = tuple(boxes[shared.argmax()].tolist()) if good else None
        by_proposal.append(good and is_first(library, own, content, best))
    every = [found for some in right.values() for found in some]
    shares = [
        *(
            folder.relative_to(DATASETS),
            len(made),
            *(f"{np.mean(some):.0%}" for some in right.values()),
        ),
        *(f"**{np.mean(every):.0%}**", f"{np.median(counts):.0f}"),
    ]
    images = library.status().images
    first = (f"{np.mean(some):.0%}" for some in (whole, by_box, by_proposal))
    return shares, [folder.relative_to(DATASETS), images, *first]


def of_ignoring(folder: Path, library: Library, stock: Stock, count: int) -> list[object]:
    """The row of a collection: how often pictures beside another one are found."""
    rng = np.random.default_rng(2)
    paths = files(folder)
    as_it_is, ignored = [], []
    for path in (paths[number] for number in rng.permutation(len(paths))[:count]):
        sheet = np.full((_SIDE + 40, 2 * _SIDE + 60, 3), 255, np.uint8)
        boxes = []
        other = stock.pictures[int(rng.integers(len(stock.pictures)))]
        for number, picture in enumerate((pixels_of(path), other)):
            shown = fitted(picture, _SIDE, _SIDE)
            height, width = shown.shape[:2]
            left = 20 + number * (_SIDE + 20)
            sheet[20 : 20 + height, left : left + width] = shown
            sides = np.array([left, 20, width, height]) / ([*sheet.shape[1::-1]] * 2)
            boxes.append(tuple(sides.tolist()))
        own, content = path.relative_to(folder).as_posix(), png(sheet)
        as_it_is.append(is_first(library, own, content))
        ignored.append(is_first(library, own, content, ignore=boxes[1]))
    return [
        *(folder.relative_to(DATASETS), len(ignored)),
        *(f"{np.mean(as_it_is):.0%}", f"{np.mean(ignored):.0%}"),
    ]


def is_first(
    library: Library, own: str, content: bytes, box: Box | None = None, ignore: Box | None = None
) -> bool:
    """Whether the picture at the path ``own`` is the first hit."""
    query = Query(
        (content,),
        k=1,
        region=None if box is None else region(box),
        ignore=() if ignore is None else (region(ignore),),
    )
    return [hit.path for hit in library.search(query).hits] == [own]


def region(box: Box) -> Region:
    x, y, width, height = box
    return Region(x, y, min(width, 1 - x), min(height, 1 - y))


def png(pixels: Pixels) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG", compress_level=1)
    return buffer.getvalue()


if __name__ == "__main__":
    main()
