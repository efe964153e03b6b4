"""Priors chosen by leaving one collection out at a time, and the fusion against its best part.

The fusion is held against the best single extractor in every set of extractors below, over every
collection. Each number of ``image_search/search/ranking/priors.py`` is also changed alone; what is
best on the other collections is then tried on the one that was left out.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from unittest.mock import patch

import numpy as np

from benchmarks.report import DATASETS, table, write_section
from image_search.evaluation import Collection
from image_search.evaluation.asking import FUSION, EvaluationQuery, ranking_configs, scores
from image_search.evaluation.metrics import average_precision, precision_at, ranked
from image_search.evaluation.truth import class_of
from image_search.imaging.arrays import Floats
from image_search.search.ranking import fusion
from image_search.search.ranking.fitting import fit
from image_search.search.ranking.fusion import (
    PHOTO,
    Layout,
    stored_vectors,
)
from image_search.search.ranking.priors import OTHER, POWER, PRIORS
from image_search.settings import Settings

COLLECTIONS = ("corel1k", "jewellery", "clothing", "caltech101", "dtd10")
DESCRIPTORS = ("hsv", "edges", "texture")
#: The extractors that are in use together; ``noise`` is a network that knows nothing.
SETS = {
    "all": ("imagenet", "design", *DESCRIPTORS),
    "without imagenet": ("design", *DESCRIPTORS),
    "without design": ("imagenet", *DESCRIPTORS),
    "networks": ("imagenet", "design"),
    "descriptors": DESCRIPTORS,
    "all and noise": ("noise", "imagenet", "design", *DESCRIPTORS),
}
#: One number changed at a time: the extractor, or the power of the contrast, and its value.
CHANGES: tuple[tuple[str, float], ...] = (
    ("edges", 0.3), ("edges", 0.7), ("texture", 0.05), ("texture", 0.25), ("hsv", 0.1),
    ("hsv", 0.25), ("design", 0.5), ("imagenet", 0.5), ("power", 2.0), ("power", 4.0),
)  # fmt: skip
# Images of a collection that are searched, and of these that ask.
_SEARCHED, _ASKING = 500, 150

Figures = dict[str, tuple[float, float]]
"""By set of extractors: mAP relative to the best single one, and the difference in P@10."""


class Pictures:
    """Some images of a collection: unit blocks (n, dim) by extractor, and the class of each."""

    def __init__(self, name: str, caches: Path) -> None:
        settings = Settings(
            images=DATASETS / name, cache=caches / f"{name}.pkl", extractors=",".join(SETS["all"])
        )
        found = Collection.of(settings)
        rng = np.random.default_rng(0)
        chosen = np.sort(rng.permutation(len(found))[:_SEARCHED])
        rows = [found.blocks(number) for number in chosen.tolist()]
        self.blocks: dict[str, Floats] = {n: np.stack([row[n] for row in rows]) for n in rows[0]}
        self.blocks["noise"] = rng.normal(size=(len(chosen), 64)).astype(np.float32)
        self.labels = np.array([class_of(found.files[number]) for number in chosen.tolist()])
        _, kinds, counts = np.unique(self.labels, return_inverse=True, return_counts=True)
        answered = np.flatnonzero(counts[kinds] > 1)
        self.asking = np.sort(rng.permutation(answered)[:_ASKING])
        self.single: dict[str, tuple[float, float]] = {}

    def figures(self) -> Figures:
        """How the fusion does with the present priors."""
        found: Figures = {}
        for title, names in SETS.items():
            blocks = {name: self.blocks[name] for name in names}
            layout = Layout(names, tuple(rows.shape[1] for rows in blocks.values()))
            vectors = stored_vectors(layout, blocks)
            calibration = fit(layout, vectors, len(vectors))
            centred = calibration.centred(vectors)
            asked = [
                EvaluationQuery({name: rows[i] for name, rows in blocks.items()}, PHOTO)
                for i in self.asking.tolist()
            ]
            for config in ranking_configs(names):
                if config.name in self.single:
                    continue
                all_scores = scores(config, asked, calibration, {}, centred, self.asking)
                self.single[config.name] = self._measured(all_scores)
            fused = self.single.pop(FUSION)
            best = [max(self.single[name][i] for name in names) for i in (0, 1)]
            found[title] = fused[0] / best[0] - 1, fused[1] - best[1]
        return found

    def _measured(self, found: Floats) -> tuple[float, float]:
        right = self.labels[self.asking, None] == self.labels
        ranking = ranked(found, right, self.asking)
        return float(average_precision(ranking).mean()), float(precision_at(ranking, 10).mean())


@contextmanager
def changed(name: str, value: float) -> Iterator[None]:
    """One number of the table changed, for photos."""
    priors, power = dict(PRIORS), dict(POWER)
    if name == "power":
        power[PHOTO] = value
    else:
        priors[name] = replace(PRIORS.get(name, OTHER), photo=value)
    with patch.object(fusion, "PRIORS", priors), patch.object(fusion, "POWER", power):
        yield


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--caches", type=Path, help="keep the indexes here, for quick reruns")
    parser.add_argument("--only", nargs="*", help="collections by name; writes nothing")
    options = parser.parse_args()
    names = [name for name in COLLECTIONS if not options.only or name in options.only]
    with tempfile.TemporaryDirectory() as temporary:
        pictures = {name: Pictures(name, options.caches or Path(temporary)) for name in names}
    as_it_is = {name: of.figures() for name, of in pictures.items()}
    others: dict[str, dict[str, Figures]] = {}
    for name, value in CHANGES:
        with changed(name, value):
            others[f"{name} {value:g}"] = {n: of.figures() for n, of in pictures.items()}
        print(name, value, f"{mean(others[f'{name} {value:g}']):+.2%}", flush=True)
    text = INTRODUCTION + left_out(as_it_is, others) + "\n\n" + one_changed(as_it_is, others)
    if options.only:
        print(text)
    else:
        write_section("quality.md", "ranking", text)


def mean(found: Mapping[str, Figures]) -> float:
    """The mean gain in mAP, over collections and sets of extractors."""
    return float(np.mean([gain for one in found.values() for gain, _ in one.values()]))


def left_out(as_it_is: Mapping[str, Figures], others: Mapping[str, Mapping[str, Figures]]) -> str:
    """A row for each collection: the fusion in each set, and what the others would choose."""
    candidates = {"as it is": as_it_is, **others}
    rows: list[list[object]] = []
    for name, of in as_it_is.items():
        elsewhere = {
            choice: mean({other: one for other, one in found.items() if other != name})
            for choice, found in candidates.items()
        }
        choice = max(elsewhere, key=elsewhere.__getitem__)
        gains = [f"{gain:+.1%} / {precision:+.3f}" for gain, precision in of.values()]
        rows.append([name, *gains, choice, f"{mean({name: candidates[choice][name]}):+.1%}"])
    return table(["left out", *SETS, "chosen by the others", "mean with that"], rows)


def one_changed(
    as_it_is: Mapping[str, Figures], others: Mapping[str, Mapping[str, Figures]]
) -> str:
    """A row for each change: mean and worst over all collections and sets."""
    rows: list[list[object]] = []
    for choice, found in {"as it is": as_it_is, **others}.items():
        gains = np.array([pair for one in found.values() for pair in one.values()])
        worst = gains.min(axis=0)
        rows.append([choice, f"{gains[:, 0].mean():+.1%}", f"{worst[0]:+.1%}", f"{worst[1]:+.3f}"])
    return table(["changed", "mean mAP", "worst mAP", "worst P@10"], rows)


INTRODUCTION = f"""### The rule, one collection left out at a time

`python -m benchmarks.ranking`: the fusion's mAP relative to that of the best single extractor, and
the difference in P@10, for sets of extractors in use together; `noise` is a network that knows
nothing. Of each collection {_SEARCHED} images are searched, and {_ASKING} of them ask. Then the
table of priors with one number changed: which change is best over the *other* collections, and
what the mean over the sets is with that; and each change over all collections.

"""


if __name__ == "__main__":
    main()
