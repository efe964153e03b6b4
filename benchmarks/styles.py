"""Pictures of one style, whatever they show: how well each extractor finds them.

Of ``pacs``, seven subjects in four styles, ``EACH`` images of every folder are taken, evenly, and
each asks with its stored vectors. Four subjects (``--chosen-on``) served to choose the layers of
``style`` and what the preset ``other_subject`` takes off; the figures in the docs are of the three
others. Of ``dtd10`` a class is a texture. The images and their indexes are kept in ``--caches``.
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from benchmarks.report import DATASETS, table, write_section
from image_search.evaluation.collection import Collection
from image_search.imaging.arrays import Floats
from image_search.search.queries import PRESETS, by_extractor
from image_search.search.ranking.fusion import chosen_weights, shares_of
from image_search.settings import Settings

EXTRACTORS = ("imagenet", "design", "style", "hsv", "edges", "texture")
CHOSEN_ON = ("dog", "giraffe", "house", "person")
REPORTED_ON = ("elephant", "guitar", "horse")
K = 10
# Images of each folder.
EACH = {"pacs": 40, "dtd10": 20}
# What the preset may take off for the subject, beside 100 for style.
TAKEN_OFF = (0, 10, 20, 30, 40, 50, 60, 80)

Labels = npt.NDArray[np.str_]
Bools = npt.NDArray[np.bool_]


class Set:
    """Images with a vector by each extractor, and the folders they lie in."""

    def __init__(self, name: str, caches: Path, subjects: Sequence[str] = ()) -> None:
        """Index some of the data set ``name`` in ``caches``; only images of these ``subjects``
        count, if any."""
        folder = caches / name
        copy_some(DATASETS / name, folder, EACH[name])
        cache = caches / f"{name}.pkl"
        settings = Settings(images=folder, cache=cache, extractors=",".join(EXTRACTORS))
        self._collection = collection = Collection.of(settings)
        folders = [path.split("/")[:-1] for path in collection.paths]
        kept = [n for n, names in enumerate(folders) if not subjects or names[-1] in subjects]
        self.styles = np.array([folders[n][0] for n in kept])
        self.subjects = np.array([folders[n][-1] for n in kept])
        self._rows = collection.centred[kept] * np.float32(np.sqrt(len(EXTRACTORS)))

    def scores(self, weights: Mapping[str, float]) -> Floats:
        """The score of each image for each, (n, n), by these weights; its own is lowest."""
        calibration = self._collection.calibration
        chosen = by_extractor(weights, calibration.layout.names)
        used = [name for name, weight in chosen.items() if weight]
        shares = shares_of(used, chosen_weights(chosen, used, calibration))
        places = calibration.layout.slices()
        found = np.zeros((len(self._rows), len(self._rows)), np.float32)
        for name in used:
            block = self._rows[:, places[name]]
            found += np.float32(shares[name]) * (block @ block.T)
        np.fill_diagonal(found, -np.inf)
        return found


def copy_some(source: Path, target: Path, most: int) -> None:
    """Copy at most so many files of each folder, evenly."""
    for folder in sorted(path for path in source.rglob("*") if path.is_dir()):
        files = sorted(path for path in folder.iterdir() if path.is_file())
        count = min(most, len(files))
        for number in range(count):
            file = files[number * len(files) // count]
            copy = target / file.relative_to(source)
            if not copy.exists():
                copy.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(file, copy)


def precision(scores: Floats, right: Bools, among: Bools | None = None) -> Floats:
    """P@K of each query, (n,): the share of ``right`` (n, n) among the first K of those in
    ``among`` (n, n)."""
    if among is not None:
        scores = np.where(among, scores, -np.inf)
    first = np.argsort(-scores, axis=1, kind="stable")[:, :K]
    return np.asarray(np.take_along_axis(right, first, axis=1).mean(axis=1), np.float32)


def equal(labels: Labels) -> Bools:
    """(n, n): which pairs have the same label."""
    return np.asarray(labels[:, None] == labels[None])


def style_rows(pacs: Set, textures: Set) -> list[list[object]]:
    """A row for each extractor: P@10 by style among other subjects, by style of the query; then by
    class of texture."""
    rows: list[list[object]] = []
    same, others = equal(pacs.styles), ~equal(pacs.subjects)
    for name in EXTRACTORS:
        found = precision(pacs.scores({name: 1}), same, others)
        by_style = [found[pacs.styles == style].mean() for style in sorted(set(pacs.styles))]
        texture = precision(textures.scores({name: 1}), equal(textures.subjects)).mean()
        cells = [found.mean(), *by_style, texture]
        rows.append([f"`{name}`", *(f"{cell:.3f}" for cell in cells)])
    return rows


def mixture_rows(pacs: Set, mixtures: Mapping[str, Mapping[str, float]]) -> list[list[object]]:
    """A row for each mixture: the share of the first 10 of all images that are of the same style,
    of another subject, and both."""
    same, others = equal(pacs.styles), ~equal(pacs.subjects)
    rows: list[list[object]] = []
    for name, weights in mixtures.items():
        found = pacs.scores(weights)
        cells = [precision(found, right).mean() for right in (same, others, same & others)]
        rows.append([name, *(f"{cell:.3f}" for cell in cells)])
    return rows


def main() -> None:
    """Measure, and write the section."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--caches", type=Path, help="keep the indexes here")
    parser.add_argument(
        "--chosen-on", action="store_true", help="print the half that constants were chosen on"
    )
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        caches: Path = options.caches or Path(temporary)
        subjects = CHOSEN_ON if options.chosen_on else REPORTED_ON
        pacs = Set("pacs", caches, subjects)
        textures = Set("dtd10", caches)
        styles = style_rows(pacs, textures)
        head = ["extractor", "all", *(s.replace("_", " ") for s in sorted(set(pacs.styles)))]
        by_style = table([*head, "dtd10, by texture"], styles)
        mixtures: dict[str, Mapping[str, float]] = {}
        if options.chosen_on:
            for part in TAKEN_OFF:
                mixtures[f"{part} off"] = {"style": 100.0, "meaning": -float(part)}
        else:
            mixtures = {f"`{name}`": PRESETS[name] for name in ("style", "other_subject")}
            mixtures |= {"`imagenet` alone": {"imagenet": 1.0}}
        mixed = table(
            ["weights", "same style", "another subject", "both"], mixture_rows(pacs, mixtures)
        )
    if options.chosen_on:
        print(by_style, mixed, sep="\n\n")
        return
    text = f"""### By style

{len(pacs.styles):,} images of {", ".join(REPORTED_ON)} in four styles (`pacs`), each in turn the
query. P@{K} by style **among other subjects**: of the images of the other two subjects, the share
of the first {K} that are made like the query. Guessing would find a quarter or so. The layers of
`style` were chosen on {", ".join(CHOSEN_ON)} and on `dtd10`, so the last column, P@{K} by kind of
texture, is no independent figure.

{by_style}

*This style, but another subject*: the first {K} of all images, those of the query's own subject
among them.

{mixed}

`python -m benchmarks.styles` measures it."""
    write_section("quality.md", "styles", text)


if __name__ == "__main__":
    main()
