"""Sketches as they were drawn, mirrored and turned: is the photo found, and at what cost?

The sketches of ``sketchy`` ask a library for the photo that each was drawn from, through the same
doors as any search. The cost is that of a search with a drawing against one in which no variants
are compared, in turn, over 10,000 vectors made of those of the photos.
"""

from __future__ import annotations

import argparse
import time
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from pathlib import Path
from unittest.mock import patch

import numpy as np
from PIL import Image

from benchmarks.fingerprinted import spaced
from benchmarks.report import DATASETS, table, write_section
from benchmarks.searching import records
from image_search.extractors.base import unit_rows
from image_search.imaging.arrays import Floats
from image_search.imaging.decoding import decode
from image_search.library import Library, Serving
from image_search.search.queries import Query
from image_search.search.ranking.fusion import (
    SKETCH,
)
from image_search.search.ranking.variants import MIRRORED_BEHIND, View
from image_search.settings import Settings
from image_search.storage import CacheWriter
from image_search.storage.columns import split_vectors
from tests.drawing import saved
from training.sources import held_out

AS_DRAWN = "as drawn"
VIEWS = {
    view.name or AS_DRAWN: view
    for view in (View(), View(0, True), View(1), View(2), View(3), View(1, True))
}
_NOISE, _COUNT = 0.5, 10_000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, default=Path("test-output/drawings"))
    parser.add_argument("--most", type=int, default=4, help="sketches of each class; default 4")
    parser.add_argument("--only", choices=("found", "cost"))
    parser.add_argument("--views", nargs="*", choices=VIEWS, default=list(VIEWS))
    parser.add_argument(
        "--behind", type=float, default=MIRRORED_BEHIND, help="the margin of mirrored views"
    )
    options = parser.parse_args()
    settings = Settings(
        images=DATASETS / "sketchy" / "photo", cache=options.folder / "photos" / "features.pkl"
    )
    settings.cache.parent.mkdir(parents=True, exist_ok=True)
    library = Library.open(settings)
    library.update(fingerprints=False)
    sketches = [
        path
        for place in sorted((DATASETS / "sketchy" / "sketch").iterdir())
        for path in spaced(sorted(place.iterdir()), options.most)
    ]
    parts = []
    if options.only != "cost":
        with patch("image_search.search.ranking.variants.MIRRORED_BEHIND", options.behind):
            parts.append(found(library, sketches, options.views))
    if options.only != "found":
        parts.append(cost(options.folder / "many", settings, sketches))
    text = INTRODUCTION + "\n\n".join(parts)
    if options.only:
        print(text)
    else:
        write_section("quality.md", "drawings", text)


def found(library: Library, sketches: list[Path], views: list[str]) -> str:
    """The table of what is found, by view of the sketches, of all classes and of unseen ones."""
    unseen = np.array([held_out(path.parent.name) for path in sketches])
    rows: list[list[object]] = []
    for variants in (False, True):
        for view in views:
            with compared(variants):
                figures = np.array([figures_of(library, path, VIEWS[view]) for path in sketches])
            cells = [
                " / ".join(f"{value:.3f}" for value in figures[chosen].mean(axis=0))
                for chosen in (np.ones(len(sketches), bool), unseen)
            ]
            how = "with variants" if variants else "as drawn alone"
            rows.append([view, how, *cells])
            print(*rows[-1], sep=" | ", flush=True)
    head = ["sketches", "compared", f"all {len(sketches)}", f"{unseen.sum()} of unseen classes"]
    return table(head, rows)


def figures_of(library: Library, path: Path, view: View) -> tuple[float, float, float]:
    """Whether the very photo is among the first 10 and the first 30, and the share of its class
    among the first 10."""
    hits = library.search(Query((seen(path, view),), kind=SKETCH, k=30)).hits
    very = f"{path.parent.name}/{path.stem.rsplit('-', 1)[0]}"
    places = [hit.path.rsplit(".", 1)[0] == very for hit in hits]
    own = [hit.path.startswith(f"{path.parent.name}/") for hit in hits[:10]]
    return float(any(places[:10])), float(any(places)), float(np.mean(own))


def seen(path: Path, view: View) -> bytes:
    pixels = decode(path.read_bytes(), max_megapixels=32).pixels
    return saved(Image.fromarray(view.of(pixels)))


def compared(variants: bool) -> AbstractContextManager[object]:
    """With the variants of drawings, or as before there were any."""
    if variants:
        return nullcontext()
    return patch("image_search.search.searching.variants_of", lambda *_: ())


def cost(folder: Path, settings: Settings, sketches: list[Path], rounds: int = 3) -> str:
    """What a search with a drawing costs, as a sentence."""
    many = replace(settings, cache=folder / "features.pkl")
    fill(many.cache, settings)
    library = Library.open(many)
    library.warm_up()
    took: dict[bool, list[tuple[float, float]]] = {False: [], True: []}
    for number in range(rounds):
        for path in sketches:
            for variants in (False, True):
                # Every time a little elsewhere, for embeddings are remembered.
                pixels = decode(path.read_bytes(), max_megapixels=32).pixels
                fresh = saved(Image.fromarray(np.roll(pixels, 3 * number + variants, axis=1)))
                with compared(variants):
                    wall, work = time.perf_counter(), time.process_time()
                    library.search(Query((fresh,), kind=SKETCH, k=30))
                    took[variants].append((time.perf_counter() - wall, time.process_time() - work))
    (wall, work), (wall_with, work_with) = (np.median(took[of], axis=0) * 1e3 for of in took)
    return (
        f"A search with a drawing over {_COUNT:,} images takes {wall_with:.0f} ms instead of "
        f"{wall:.0f} ms ({wall_with / wall:.2f} times), and {work_with:.0f} ms instead of "
        f"{work:.0f} ms of the processor ({work_with / work:.2f} times)."
    )


def fill(cache: Path, settings: Settings) -> None:
    """A cache of 10,000 vectors near those of the photos."""
    if cache.exists():
        return
    cache.parent.mkdir(parents=True, exist_ok=True)
    snapshot = Serving(settings.cache).snapshot()
    rows = np.concatenate([segment.vectors[:] for segment in snapshot.segments])
    rng = np.random.default_rng(0)
    made: list[Floats] = []
    for start in range(0, _COUNT, len(rows)):
        some = rows[: _COUNT - start]
        noise = rng.standard_normal(some.shape, np.float32) / np.float32(some.shape[1] ** 0.5)
        made.append(unit_rows(some + np.float32(_NOISE) * noise))
    with CacheWriter(cache, settings.images) as writer:
        writer.begin(snapshot.extractors)
        writer.commit(records(0, _COUNT), split_vectors(snapshot.extractors, np.concatenate(made)))
        writer.finish(snapshot.calibration)


INTRODUCTION = """### Drawings mirrored and turned

`python -m benchmarks.drawings`: the very photo among the first 10 / among the first 30 of 1,600 /
share of its class among the first 10. Sketches as they were drawn, and mirrored and turned by the
benchmark; a search with variants, and one that compares drawings only as they are. Neither
`design` nor the classifier of a drawing's upright position was trained on unseen classes.

"""


if __name__ == "__main__":
    main()
