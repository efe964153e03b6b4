"""Parts: how often the pictures that hold a part of another one are found by that part, and rooms
by a picture of what stands in them.

Parts of the pictures of a collection are put into other pictures of it, see
``benchmarks.exchanged``; rooms are those of ``benchmarks.composed``, turned round.
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import Image

from benchmarks.composed import Box, Stock, scenes
from benchmarks.exchanged import Exchange, exchanged
from benchmarks.objects import OTHERS, region
from benchmarks.report import DATASETS, table, write_section
from image_search.library import Library
from image_search.search.queries import DIFFERENT, INSIDE, WHOLE_IMAGE, Hit, Query
from image_search.settings import Settings

# The squares that are stored, and how many images are on the shortlist, were chosen on the first.
# The whitening was looked at on the first three, too; the last only reports.
FOLDERS = [
    DATASETS / name for name in ("jewellery", "copies/carlogos/optimized", "dtd10", "clothing")
]
EXTRACTORS = "imagenet,design,hsv,edges,texture"
# The first hits that count, without the picture itself.
FIRST = 10


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, nargs="*", default=FOLDERS)
    parser.add_argument("--rooms", type=Path, nargs="*", default=list(OTHERS))
    parser.add_argument("--parts", type=int, default=60, help="for each folder")
    parser.add_argument("--work", type=Path, help="keep collections and indexes here, for reruns")
    options = parser.parse_args()
    found: list[tuple[list[object], list[object]]] = []
    rooms: list[list[object]] = []
    with tempfile.TemporaryDirectory() as temporary:
        work = options.work or Path(temporary)
        for folder in options.folder:
            found.append(of_exchanges(folder, work, options.parts))
        for folder in options.rooms:
            rooms.append(of_rooms(folder, work, options.parts))
    text = (
        "### Parts inside other images\n\n`python -m benchmarks.parts`: a part of a picture is put "
        "into two others of its collection: cut out where the ground is plain, as an oval "
        "elsewhere; as 18 to 45 % of the other's longer side, turned by up to 10 degrees, lighter "
        "or darker by up to 8 %. The box of the part in its own picture asks. The share of the "
        f"pictures with the part that are among the first {FIRST}, besides the picture itself: by "
        "the whole picture; by a search with the region, which compares it with whole images; and "
        "inside of images (first hit in brackets), where the box that is shown touches the part in "
        "the share under *box*. The squares that are stored were chosen on jewellery, how features "
        "are whitened also on the logos and dtd10; clothing was not seen before.\n\n"
        + table(
            ["collection", "images", "parts", "whole", "region", "inside", "box", "ms"],
            [row for row, _ in found],
        )
        + "\n\nThe same for images that are to differ elsewhere, and the mean likeness of the "
        f"first {FIRST} to the whole picture (by `imagenet`, about the mean of the collection), "
        "for both orders.\n\n"
        + table(
            ["collection", "different", "likeness, inside", "likeness, different"],
            [row for _, row in found],
        )
        + "\n\nThe other way round: rooms with a thing in them are put among the pictures of "
        "a collection, and the picture of the thing asks. The share of rooms among the first "
        f"{FIRST}, besides the picture itself, and boxes that touch the thing.\n\n"
        + table(["collection", "images", "rooms", "whole", "inside", "box"], rooms)
    )
    write_section("quality.md", "parts", text + "\n")


def opened(images: Path, name: str, work: Path) -> Library:
    """The collection in ``images``, indexed."""
    library = Library.open(Settings(images, work / f"{name}.pkl", extractors=EXTRACTORS))
    library.update(fingerprints=False)
    return library


def of_exchanges(folder: Path, work: Path, count: int) -> tuple[list[object], list[object]]:
    """The rows of a collection."""
    name = str(folder.relative_to(DATASETS)).replace("/", "-")
    images = work / name
    shutil.rmtree(images, ignore_errors=True)
    exchanges = exchanged(folder, images, count, seed=3)
    library = opened(images, name, work)
    # The first search for parts reads all of them.
    hits(library, images, exchanges[0], part=INSIDE)
    found: dict[str, list[int]] = {kind: [] for kind in ("whole", "region", INSIDE, DIFFERENT)}
    right, took = list[bool](), list[float]()
    likeness: dict[str, list[float]] = {INSIDE: [], DIFFERENT: []}
    for one in exchanges:
        found["whole"] += ranks(hits(library, images, replace(one, box=(0, 0, 1, 1))), one)
        found["region"] += ranks(hits(library, images, one), one)
        started = time.perf_counter()
        inside = hits(library, images, one, part=INSIDE)
        took.append(1000 * (time.perf_counter() - started))
        found[INSIDE] += ranks(inside, one)
        right += boxes(inside, one.designs)
        different = hits(library, images, one, part=DIFFERENT)
        found[DIFFERENT] += ranks(different, one)
        likened = {hit.path: hit.score for hit in of_imagenet(library, images, one)}
        for kind, some in ((INSIDE, inside), (DIFFERENT, different)):
            some = [hit for hit in some if hit.path != one.source][:FIRST]
            likeness[kind].append(float(np.mean([likened[hit.path] for hit in some])))
    shares = {kind: np.mean(np.array(some) < FIRST) for kind, some in found.items()}
    row: list[object] = [
        *(folder.relative_to(DATASETS), library.status().images, len(exchanges)),
        *(f"{shares['whole']:.0%}", f"{shares['region']:.0%}"),
        f"**{shares[INSIDE]:.0%}** ({np.mean(np.array(found[INSIDE]) < 1):.0%})",
        *(f"{np.mean(right):.0%}", f"{np.median(took):.0f}"),
    ]
    print(*row)
    return row, [
        *(folder.relative_to(DATASETS), f"{shares[DIFFERENT]:.0%}"),
        *(f"{np.mean(likeness[kind]):.2f}" for kind in (INSIDE, DIFFERENT)),
    ]


def hits(library: Library, images: Path, one: Exchange, part: str = WHOLE_IMAGE) -> Sequence[Hit]:
    """The first hits for the part of ``one``, with its picture among them."""
    content = (images / one.source).read_bytes()
    marked = None if one.box == (0, 0, 1, 1) else region(one.box)
    return library.search(Query((content,), k=FIRST + 1, region=marked, part=part)).hits


def of_imagenet(library: Library, images: Path, one: Exchange) -> Sequence[Hit]:
    """All images by their likeness to the whole picture of ``one``."""
    content = (images / one.source).read_bytes()
    every = library.status().images
    return library.search(Query((content,), k=every, weights={"imagenet": 1.0})).hits


def ranks(found: Sequence[Hit], one: Exchange) -> list[int]:
    """For each design of ``one`` its rank from 0 without the source; ``FIRST`` if it is behind."""
    paths = [hit.path for hit in found if hit.path != one.source][:FIRST]
    return [paths.index(path) if path in paths else FIRST for path, _ in one.designs]


def boxes(found: Sequence[Hit], designs: Sequence[tuple[str, Box]]) -> list[bool]:
    """For each design that was found, whether its box covers the middle of the part."""
    shown = {hit.path: [float(side) for side in hit.region.split(",")] for hit in found}
    return [
        left <= x + w / 2 <= left + wide and top <= y + h / 2 <= top + high
        for path, (x, y, w, h) in designs
        if path in shown
        for left, top, wide, high in [shown[path]]
    ]


def of_rooms(folder: Path, work: Path, count: int) -> list[object]:
    """The row of a collection: rooms found by the things in them."""
    name = "rooms-" + str(folder.relative_to(DATASETS)).replace("/", "-")
    images = work / name
    shutil.rmtree(images, ignore_errors=True)
    shutil.copytree(folder, images)
    made = scenes(folder, Stock.of(OTHERS.get(folder, folder)), count, ["room"], seed=1)
    designs = []
    for number, (_, path, scene) in enumerate(made):
        Image.fromarray(scene.pixels).save(images / f"room-{number}.jpg", quality=92)
        source = path.relative_to(folder).as_posix()
        designs.append(Exchange(source, (0, 0, 1, 1), ((f"room-{number}.jpg", scene.box),)))
    library = opened(images, name, work)
    whole, inside, right = list[int](), list[int](), list[bool]()
    for one in designs:
        whole += ranks(hits(library, images, one), one)
        found = hits(library, images, one, part=INSIDE)
        inside += ranks(found, one)
        right += boxes(found, one.designs)
    shares = (f"{np.mean(np.array(some) < FIRST):.0%}" for some in (whole, inside))
    row: list[object] = [folder.relative_to(DATASETS), library.status().images]
    row += [len(designs), *shares]
    row.append(f"{np.mean(right):.0%}" if right else "")
    print(*row)
    return row


if __name__ == "__main__":
    main()
