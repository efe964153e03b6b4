"""Words that name a class, and labels: how well ``imagenet`` knows what pictures show.

The words are the names of folders. Those of files and folders take no part in the search, because
the extractor has its weight by hand. Of each set the index has ``imagenet`` alone unless ready ones
lie in ``--caches``, as ``benchmarks.quality`` makes them.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.report import DATASETS, table, write_section
from image_search.extractors import REGISTRY
from image_search.extractors.base import Labeller
from image_search.extractors.class_names import class_names, named
from image_search.library import Library
from image_search.search.lookups import stored_blocks
from image_search.search.queries import Query
from image_search.search.search_index import SearchIndex
from image_search.search.searching import SURE
from image_search.settings import Settings
from image_search.storage import read_cache

NAME = "imagenet"
#: What the folders of a set are called, where their names are no words.
CALLED: Mapping[str, Sequence[str]] = {
    "corel1k": (
        *("people", "beach", "monument", "bus", "dinosaur"),
        *("elephant", "flower", "horse", "mountain", "food"),
    ),
}
SETS = ("caltech101", "corel1k", "clothing", "jewellery")
#: Thresholds of labels that are compared.
THRESHOLDS = (0.5, 0.6, 0.7, SURE, 0.9)


@dataclass(frozen=True)
class Case:
    """A set: its images by folder, the word for each folder, and a library that searches it."""

    name: str
    library: Library
    settings: Settings
    folders: Mapping[str, str]

    @property
    def known(self) -> dict[str, str]:
        """The words by folder of which every part names classes."""
        naming = {folder: named(word) for folder, word in self.folders.items()}
        return {
            f: self.folders[f] for f, found in naming.items() if found.known and not found.unknown
        }

    def found(self, word: str) -> list[str]:
        """The folders of the hits for a word, best first."""
        query = Query(text=word, weights={NAME: 1.0}, k=self.library.status().images)
        return [hit.path.split("/")[0] for hit in self.library.search(query).hits]


def opened(name: str, caches: Path) -> Case:
    """The set ``name`` with an index in ``caches``, which is made if it is not there."""
    cache = caches / f"{name}.pkl"
    extractors = ",".join(Library.open(Settings(cache=cache)).status().extractors) or NAME
    settings = Settings(images=DATASETS / name, cache=cache, extractors=extractors)
    library = Library.open(settings)
    library.update(fingerprints=False)
    folders = sorted(path.name for path in (DATASETS / name).iterdir())
    words = CALLED.get(name) or [folder.replace("_", " ") for folder in folders]
    return Case(name, library, settings, dict(zip(folders, words, strict=True)))


def words_row(case: Case, absent: Sequence[str]) -> list[object]:
    """Means over the known words of a set; ``absent`` are words for what it does not hold."""
    first, as_many, all_found, shown = [], [], [], []
    for folder, word in case.known.items():
        size = sum(1 for _ in (case.settings.images / folder).iterdir())
        right = np.array([found == folder for found in case.found(word)])
        first.append(right[:10].sum() / 10)
        as_many.append(right[:size].sum() / size)
        all_found.append(right.sum() / size)
        shown.append(len(right) / size)
    nothing = [len(case.found(word)) / case.library.status().images for word in absent]
    means = [f"{np.mean(values):.2f}" for values in (first, as_many, all_found, shown)]
    return [
        case.name,
        f"{len(case.known)} of {len(case.folders)}",
        *means,
        f"{np.mean(nothing):.1%}",
    ]


def labels_row(case: Case, labeller: Labeller) -> list[object]:
    """Of images in folders with a known word, how many have a label of each probability, and how
    many of these labels are right; then how many images of other folders have one."""
    snapshot, _ = read_cache(case.settings.cache)
    index = SearchIndex.of(snapshot)
    rows, folders = [], []
    for segment in snapshot.segments:
        for path, number in zip(segment.records.paths, segment.records.ids.tolist(), strict=True):
            if (blocks := stored_blocks(index, number)) is not None:
                rows.append(blocks[NAME])
                folders.append(path.split("/")[0])
    numbers = {name: number for number, name in enumerate(class_names())}
    right_of = {f: {n for of in named(word).classes for n in of} for f, word in case.known.items()}
    labelled = [next(iter(found.items()), ("", 0.0)) for found in labeller.labels(np.stack(rows))]
    cells: list[object] = [case.name]
    for least in THRESHOLDS:
        sure = [
            numbers[label] in right_of[folder]
            for folder, (label, probable) in zip(folders, labelled, strict=True)
            if folder in right_of and probable >= least
        ]
        of_all = sum(folder in right_of for folder in folders)
        others = [
            p >= least for f, (_, p) in zip(folders, labelled, strict=True) if f not in right_of
        ]
        right = f"{np.mean(sure):.2f}" if sure else "-"
        cells.append(f"{right} / {len(sure) / of_all:.0%} / {np.mean(others):.0%}")
    return cells


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--caches", type=Path, help="keep the indexes here, for quick reruns")
    options = parser.parse_args()
    labeller = REGISTRY[NAME].load()
    assert isinstance(labeller, Labeller)
    with tempfile.TemporaryDirectory() as temporary:
        caches = options.caches or Path(temporary)
        caches.mkdir(parents=True, exist_ok=True)
        cases = [opened(name, caches) for name in SETS]
        known = {case.name: {named(word).classes for word in case.known.values()} for case in cases}
        rows, labels = [], []
        for case in cases:
            absent = [
                word
                for other in cases
                if other is not case
                for word in other.known.values()
                if named(word).classes not in known[case.name]
            ]
            rows.append(words_row(case, absent))
            labels.append(labels_row(case, labeller))
    head = [
        "set",
        "known folders",
        "P@10",
        "recall, as many",
        "recall, all",
        "hits",
        "hits without",
    ]
    write_section(
        "quality.md",
        "class words",
        "### Words and labels without CLIP\n\n`python -m benchmarks.class_words`: the names of "
        "folders as words, for those of which every word is known to `imagenet`; names of files "
        "and folders take no part. Means over these words: right images among the first ten; share "
        "of the folder's images among as many first hits, and among all hits; hits for each image "
        "of the folder. The last column is how much of the set is a hit for a word that is known, "
        "but for a folder of another set.\n\n"
        + table(head, rows)
        + "\n\nLabels of stored images, by the least probability of the first label: how many of "
        "these labels are right / how many images of known folders have one / how many images of "
        f"other folders do. The page shows labels from {SURE} on; this was chosen on clothing and "
        "jewellery.\n\n" + table(["set", *(f"from {least}" for least in THRESHOLDS)], labels),
    )


if __name__ == "__main__":
    main()
