"""What parts cost: size of the index, time of indexing, and time of queries among 10,000 images.

The vectors of a collection are written as often as it takes, so the images exist once; photos of it
are searched for by whole images, by a region, and by the region inside of images.
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np

from benchmarks.fingerprinted import files, spaced
from benchmarks.parts import EXTRACTORS
from benchmarks.report import DATASETS, table, write_section
from image_search.library import Library
from image_search.search.queries import DIFFERENT, INSIDE, Query, Region
from image_search.settings import Settings
from image_search.storage import Blocks, CacheWriter
from image_search.storage.records import FileRecord

AREA = Region(0.3, 0.3, 0.3, 0.3)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, default=DATASETS / "jewellery")
    parser.add_argument("--images", type=int, default=10_000)
    parser.add_argument("--indexed", type=int, default=200, help="images that are timed")
    parser.add_argument("--queries", type=int, default=30)
    parser.add_argument("--cache", type=Path, help="an index of the folder, for quick reruns")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        work = Path(temporary)
        seconds = {
            parts: indexing(options.folder, options.indexed, work, parts) for parts in (0, 1)
        }
        settings = Settings(
            options.folder, options.cache or work / "some.pkl", extractors=EXTRACTORS
        )
        if options.cache is None:
            Library.open(settings).update(fingerprints=False)
        large = replace(settings, cache=work / "large.pkl")
        repeat(settings, large, options.images)
        library = Library.open(large)
        library.warm_up()
        photos = [path.read_bytes() for path in spaced(files(options.folder), options.queries)]
        started = time.perf_counter()
        library.search(Query((photos[0],), region=AREA, part=INSIDE))
        first = time.perf_counter() - started
        kinds: dict[str, Callable[[bytes], Query]] = {
            "whole": lambda photo: Query((photo,)),
            "region": lambda photo: Query((photo,), region=AREA),
            "part inside": lambda photo: Query((photo,), region=AREA, part=INSIDE),
            "part, different elsewhere": lambda photo: Query((photo,), region=AREA, part=DIFFERENT),
        }
        rows: list[list[object]] = [
            [name, *timed(library, make, photos)] for name, make in kinds.items()
        ]
        images, sizes = library.status().images, sizes_of(large)
    write_section(
        "quality.md",
        "parts at scale",
        "`python -m benchmarks.parts_at_scale`: what parts cost, with the extractors that come "
        f"with the package. Indexing {options.indexed} images took {seconds[0]:.1f} s without "
        f"parts and {seconds[1]:.1f} s with them (processor time). Of an index of {images:,} "
        f"images, vectors take {sizes[0] / 1e6:.0f} MB and parts {sizes[1] / 1e6:.0f} MB more. "
        "Queries there, in milliseconds; the first one for a part, which reads all of them, took "
        f"{first:.1f} s.\n\n" + table(["query", "median", "slowest"], rows) + "\n",
    )


def indexing(folder: Path, count: int, work: Path, parts: int) -> float:
    """Seconds of processor time that indexing so many images takes."""
    images = work / f"images-{parts}"
    images.mkdir()
    for number, path in enumerate(spaced(files(folder), count)):
        shutil.copy(path, images / f"{number}{path.suffix}")
    cache = work / f"timed-{parts}.pkl"
    library = Library.open(Settings(images, cache, extractors=EXTRACTORS, parts=parts))
    # The models are loaded before.
    library.pool.warm_up(EXTRACTORS.split(","), lambda: False)
    started = time.process_time()
    library.update(fingerprints=False)
    return time.process_time() - started


def repeat(settings: Settings, large: Settings, count: int) -> None:
    """Write the index of ``settings`` to that of ``large`` until it has ``count`` images."""
    snapshot = Library.open(settings).snapshot()
    written = 0
    with CacheWriter(large.cache, large.images) as writer:
        writer.begin(snapshot.extractors, beside=snapshot.beside)
        while written < count:
            for segment in snapshot.segments:
                records: list[FileRecord] = [
                    replace(segment.records.record(row), path=f"{written}/{row}")
                    for row in range(len(segment.records))
                ]
                blocks: Blocks = {
                    column.extractor.name: column.block(slice(None))
                    for column in segment.columns((*snapshot.extractors, *snapshot.beside))
                }
                writer.commit(records, blocks)
                written += len(records)
        writer.finish(snapshot.calibration)


def sizes_of(settings: Settings) -> tuple[int, int]:
    """Bytes of all columns of vectors, and of those of parts."""
    snapshot = Library.open(settings).snapshot()
    sizes = [
        sum(
            column.nbytes for segment in snapshot.segments for column in segment.columns(extractors)
        )
        for extractors in (snapshot.extractors, snapshot.beside)
    ]
    return sizes[0], sizes[1]


def timed(library: Library, make: Callable[[bytes], Query], photos: list[bytes]) -> tuple[str, str]:
    """Milliseconds of a query: the median, and the slowest."""
    took = []
    for photo in photos:
        started = time.perf_counter()
        library.search(make(photo))
        took.append(1000 * (time.perf_counter() - started))
    return f"{np.median(took):.0f}", f"{max(took):.0f}"


if __name__ == "__main__":
    main()
