"""Labels learnt from a few images of each kind: how often they are right, and how sure they are.

The folders of a set are its labels. Some images of each are learnt from, the others are predicted.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

import numpy as np

from benchmarks.report import DATASETS, table, write_section
from image_search.extractors import REGISTRY
from image_search.labels.fitting import calibration_error, fit_head
from image_search.labels.labels import embeddings_of, shares_of
from image_search.library import Library
from image_search.settings import Settings
from image_search.storage import Snapshot, read_cache

#: Constants were chosen on the last two.
SETS = ("jewellery", "corel1k", "caltech101")
LEARNT = (5, 10, 20)
SEEDS = 3


def opened(name: str, caches: Path) -> Snapshot:
    """The index of the set ``name`` in ``caches``, made if it is not there, by the extractors that
    need no download."""
    shipped = [one.name for one in REGISTRY.values() if one.weights is None or one.weights.path()]
    settings = Settings(
        images=DATASETS / name, cache=caches / f"{name}.pkl", extractors=",".join(shipped)
    )
    Library.open(settings).update(fingerprints=False)
    return read_cache(settings.cache)[0]


def measured(snapshot: Snapshot, count: int) -> tuple[float, float, float, int]:
    """Accuracy, expected calibration error, seconds of a fit, and how many labels there are, of a
    classifier that learns from ``count`` images of each label; means over some choices of them."""
    rows, labels = [], []
    for number, (segment, live) in enumerate(zip(snapshot.segments, snapshot.live, strict=True)):
        for row in np.flatnonzero(live & (segment.vector_of >= 0)).tolist():
            rows.append((number, row))
            labels.append(segment.records.paths[row].split("/")[-2])
    names = [one.name for one in snapshot.extractors]
    blocks, shares = embeddings_of(snapshot, rows, names), shares_of(snapshot)
    kinds, found = np.array(labels), []
    for seed in range(SEEDS):
        order = np.random.default_rng(seed).permutation(len(rows))
        learnt = np.concatenate([order[kinds[order] == kind][:count] for kind in np.unique(kinds)])
        others = np.setdiff1d(order, learnt)
        started = time.perf_counter()
        head = fit_head(
            {name: block[learnt] for name, block in blocks.items()},
            [frozenset({kinds[row]}) for row in learnt],
            snapshot.extractors,
            shares,
            "folder",
        )
        seconds = time.perf_counter() - started
        predicted = head.probabilities({name: block[others] for name, block in blocks.items()})
        right = np.array(head.labels)[predicted.argmax(axis=1)] == kinds[others]
        error = calibration_error(predicted.max(axis=1), right)
        found.append((float(right.mean()), error, seconds))
    accuracy, error, seconds = np.mean(found, axis=0).tolist()
    return accuracy, error, seconds, len(np.unique(kinds))


def row_of(name: str, snapshot: Snapshot) -> list[object]:
    """A row of the table."""
    cells: list[object] = [name]
    for count in LEARNT:
        accuracy, error, seconds, labels = measured(snapshot, count)
        cells.append(f"{accuracy:.3f} / {error:.3f} / {seconds:.1f} s")
    return [name, labels, *cells[1:]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--caches", type=Path, help="keep the indexes here, for quick reruns")
    parser.add_argument("--sets", nargs="*", default=SETS)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        caches = options.caches or Path(temporary)
        caches.mkdir(parents=True, exist_ok=True)
        rows = [row_of(name, opened(name, caches)) for name in options.sets]
    heads = [f"from {count} images each" for count in LEARNT]
    write_section(
        "quality.md",
        "labels",
        "## Labels\n\n`python -m benchmarks.labels`: the folders of a set are its labels; a "
        "classifier learns from some images of each and labels the others. Accuracy / expected "
        f"calibration error (15 bins) / seconds to learn; means over {SEEDS} choices of images, "
        "with the extractors that need no download.\n\n" + table(["set", "labels", *heads], rows),
    )


if __name__ == "__main__":
    main()
