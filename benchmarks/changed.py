"""A picture and words that change it: "this, but a horse", without CLIP.

Of some images of pacs, every picture asked with shows one class in one style (photo, painting,
cartoon, sketch); the words name another class. What is wanted are images of that class in the style
of the picture. Of clothing and caltech101 nothing but the class is known, so instead of the style,
colours are compared: each hit counts by the place of its colour histogram among all images, from 0
(least like that of the picture) to 1. ``search.changing`` has constants that were chosen on pacs.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np

from benchmarks.report import DATASETS, table, write_section
from benchmarks.styles import EACH, copy_some
from image_search.extractors.class_names import named
from image_search.library import Library
from image_search.search import searching
from image_search.search.lookups import stored_blocks
from image_search.search.queries import Query
from image_search.search.search_index import SearchIndex
from image_search.settings import Settings
from image_search.storage import read_cache

FIRST = 10
PICTURES, WORDS = 60, 4
EXTRACTORS = "imagenet,design,hsv,edges,texture"
#: The part of the path that is the class.
SETS: Mapping[str, int] = {"pacs": 1, "clothing": 0, "caltech101": 0}
QUERIES: Mapping[str, Callable[[str, str], Query]] = {
    "picture alone": lambda like, _: Query(like=(like,), k=FIRST + 1),
    "words alone": lambda _, word: Query(text=word, k=FIRST + 1),
    "picture and words": lambda like, word: Query(like=(like,), text=word, k=FIRST + 1),
    "this, but ...": lambda like, word: Query(like=(like,), text=f"this, but {word}", k=FIRST + 1),
}

Alike = Callable[[str, Sequence[str]], Sequence[float]]


def by_style(asked: str, paths: Sequence[str]) -> list[float]:
    """Whether each of ``paths`` has the style of ``asked``."""
    return [float(path.split("/")[0] == asked.split("/")[0]) for path in paths]


def by_colour(cache: Path) -> Alike:
    """How much more alike in colour than others images are, from 0 to 1, by their paths."""
    snapshot, _ = read_cache(cache)
    index, rows = SearchIndex.of(snapshot), {}
    for segment in snapshot.segments:
        for path, number in zip(segment.records.paths, segment.records.ids.tolist(), strict=True):
            if (blocks := stored_blocks(index, number)) is not None:
                rows[path] = blocks["hsv"]
    names = list(rows)
    matrix, place = np.stack(list(rows.values())), {name: at for at, name in enumerate(names)}

    def alike(asked: str, paths: Sequence[str]) -> list[float]:
        ranks = (matrix @ rows[asked]).argsort().argsort() / (len(names) - 1)
        return [float(ranks[place[path]]) for path in paths]

    return alike


def measured(name: str, caches: Path) -> list[list[object]]:
    """A row for each kind of query: the share of the class asked for among the first hits, how
    alike these are in the other respect, and both at once."""
    level, cache = SETS[name], caches / f"{name}.pkl"
    known = ",".join(Library.open(Settings(cache=cache)).status().extractors) or EXTRACTORS
    images = DATASETS / name
    if name in EACH:
        copy_some(images, caches / name, EACH[name])
        images = caches / name
    library = Library.open(Settings(images=images, cache=cache, extractors=known))
    library.update(fingerprints=False)
    snapshot, _ = read_cache(cache)
    ids = {
        path: f"{number:016x}"
        for segment in snapshot.segments
        for path, number in zip(segment.records.paths, segment.records.ids.tolist(), strict=True)
    }
    alike = by_style if name == "pacs" else by_colour(cache)
    folders = sorted({path.split("/")[level] for path in ids})
    words = {folder: folder.replace("_", " ") for folder in folders}
    classes = [f for f in folders if named(words[f]).known and not named(words[f]).unknown]
    rng = np.random.default_rng(1)
    paths = sorted(ids)
    asked = [
        (path, str(folder))
        for path in (paths[at] for at in rng.permutation(len(paths))[:PICTURES])
        for folder in rng.permutation(classes)[:WORDS]
        if folder != path.split("/")[level]
    ]
    rows = list[list[object]]()
    for asks, query in QUERIES.items():
        shares, others, both = [], [], []
        for path, folder in asked:
            found = library.search(query(ids[path], words[folder])).hits
            hits = [hit.path for hit in found if hit.path != path][:FIRST]
            right = np.array([hit.split("/")[level] == folder for hit in hits] or [False])
            close = np.array(alike(path, hits) or [0.0])
            shares.append(right.sum() / FIRST)
            both.append((right * close).sum() / FIRST)
            others += close[right].tolist()
        other = f"{np.mean(others):.2f}" if others else "-"
        rows.append([name, asks, f"{np.mean(shares):.2f}", other, f"{np.mean(both):.2f}"])
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--caches", type=Path, help="keep the indexes here, for quick reruns")
    options = parser.parse_args()
    # The folders are named like the classes: here only pictures count.
    setattr(searching, "NAME_WEIGHT", 0.0)  # noqa: B010 - mypy knows no such name
    with tempfile.TemporaryDirectory() as temporary:
        caches = options.caches or Path(temporary)
        caches.mkdir(parents=True, exist_ok=True)
        rows = [row for name in SETS for row in measured(name, caches)]
    head = ["set", "query", "asked class, first ten", "alike otherwise", "both"]
    write_section(
        "quality.md",
        "changed",
        "### A picture, but changed by words\n\n`python -m benchmarks.changed`: a picture of one "
        "class, and words for another class, as `imagenet` knows them. *Alike otherwise* is, of "
        "the hits that show the asked class, for pacs the share in the style of the picture (of "
        "four), for the others how close they are to its colours (0.5 is what chance gives); "
        "*both* counts a hit of the asked class by that, and any other as 0. Names of "
        "files and folders take no part. The constants were chosen on "
        "pacs.\n\n" + table(head, rows),
    )


if __name__ == "__main__":
    main()
