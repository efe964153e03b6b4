"""The autoencoder of a collection: whether its places say more than the pixels that it learns from.

It is trained on each set for ``--minutes``, and every image asks with its place: the share of its
class among the ten nearest, against raw pixels (of the same 64 x 64, centred, by cosine) and
``imagenet``. It writes ``docs/pictures/autoencoder.webp``, some images above what it draws of them,
from the demo collection, if ``--demo`` names that.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from pathlib import Path

import numpy as np
import numpy.typing as npt

from benchmarks.report import DATASETS, ROOT, table, write_section
from image_search.autoencoder.sheets import reconstructions
from image_search.autoencoder.training import Learnt, train
from image_search.extractors import vae
from image_search.imaging.arrays import Floats, Pixels
from image_search.labels.labels import embeddings_of
from image_search.library import Library
from image_search.mapping.maps import rows_of
from image_search.settings import Settings

SETS = ("jewellery", "clothing")
FIRST = 10


def precision(rows: Floats, classes: npt.NDArray[np.str_]) -> float:
    """The mean share of the own class among the first of each image."""
    centred = rows - rows.mean(axis=0)
    centred /= np.maximum(np.linalg.norm(centred, axis=1, keepdims=True), 1e-9)
    cosines = centred @ centred.T
    np.fill_diagonal(cosines, -np.inf)
    first = np.argpartition(-cosines, FIRST, axis=1)[:, :FIRST]
    return float((classes[first] == classes[:, None]).mean())


def learnt_from(
    images: Path, cache: Path, minutes: float
) -> tuple[Learnt, Library, list[str], Pixels]:
    known = ",".join(Library.open(Settings(cache=cache)).status().extractors) or "imagenet"
    library = Library.open(Settings(images=images, cache=cache, extractors=known))
    library.update(fingerprints=False)
    found = train(library, minutes, again=True)
    assert found is not None
    learnt, paths, squares = found
    return learnt, library, list(paths), squares


def row_of(name: str, caches: Path, minutes: float) -> list[object]:
    learnt, library, paths, squares = learnt_from(DATASETS / name, caches / f"{name}.pkl", minutes)
    classes = np.array([path.split("/")[0] for path in paths])
    made = vae.trained()
    places = vae.encoded(made, squares)
    raw = squares.reshape(len(squares), -1).astype(np.float32)
    snapshot = library.snapshot()
    rows = rows_of(snapshot)
    where = {snapshot.segments[n].records.paths[row]: (n, row) for n, row in rows}
    known = embeddings_of(snapshot, [where[path] for path in paths], ("imagenet",))["imagenet"]
    figures = [f"{precision(one, classes):.3f}" for one in (raw, places, known)]
    return [name, len(paths), len(learnt.losses), f"{learnt.losses[-1][0]:.3f}", *figures]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--caches", type=Path, help="keep the indexes here, for quick reruns")
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--demo", type=Path, help="the demo collection, for the picture")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        os.environ["XDG_CACHE_HOME"] = temporary  # the autoencoder in use stays what it is
        caches = options.caches or Path(temporary)
        rows = [row_of(name, caches, options.minutes) for name in SETS]
        if options.demo:
            *_, squares = learnt_from(options.demo, Path(temporary, "demo.pkl"), options.minutes)
            sheet = reconstructions(vae.trained(), squares)
            sheet.save(ROOT / "docs" / "pictures" / "autoencoder.webp", "webp", quality=85)
    head = ["set", "images", "epochs", "error", "raw pixels", "`vae`", "`imagenet`"]
    write_section(
        "quality.md",
        "autoencoder",
        "### An autoencoder of the collection\n\n`python -m benchmarks.autoencoder`: trained on "
        f"each set for {options.minutes:g} minutes; P@10 by class with raw pixels, its places, and "
        "`imagenet`, centred, by cosine. *Error* is the mean squared one of pixels from -1 to "
        "1.\n\n" + table(head, rows),
    )


if __name__ == "__main__":
    main()
