"""What ``design`` has never seen, whole sets and held-out classes, found by it and by others.

Each extractor is compared as a search would, by itself: with the package's own, and with networks
of others, of ImageNet, of which MobileNetV2 and EfficientNet-Lite2 are the teachers of ``design``.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from benchmarks.networks import PARTS, Pictures, efficientnet, mobilenet, scored, squeezenet
from benchmarks.report import DATASETS, table, write_section
from image_search.evaluation.asking import FUSION
from image_search.evaluation.metrics import average_precision, precision_at, ranked, recall_at
from image_search.extractors.base import unit_rows
from image_search.imaging.arrays import Floats
from image_search.search.ranking.fusion import (
    PHOTO,
    SKETCH,
)
from training.judging import UNSEEN
from training.sources import held_out

NETWORKS = (squeezenet, mobilenet, efficientnet)
OTHERS = tuple(network.__name__ for network in NETWORKS)
COLUMNS = (*PARTS, *OTHERS, FUSION)


@dataclass(frozen=True)
class Case:
    """A set whose pictures ask for others of their class, or whose sketches ask for photos: for
    those of their class, and for the one that they were drawn from where that is known."""

    name: str
    photos: str = ""
    sketches: str = ""

    def rows(self) -> list[list[object]]:
        """The rows of the table for this set."""
        gallery = Pictures.of(DATASETS / self.name / self.photos)
        if self.sketches:
            return self._drawn(gallery)
        own = gallery.labels
        asking = np.array([self.name in UNSEEN or held_out(label) for label in own])
        blocks = gallery.blocks(NETWORKS)
        asked, itself = {name: of[asking] for name, of in blocks.items()}, np.flatnonzero(asking)
        found = figures(blocks, asked, PHOTO, itself)
        same = own[asking, None] == own
        cells = {name: of_class(found[name], same, itself) for name in COLUMNS}
        return [[self.name, asking.sum(), *cells.values()]]

    def _drawn(self, gallery: Pictures) -> list[list[object]]:
        drawn = Pictures.of(DATASETS / self.name / self.sketches, unseen=True)
        found = figures(gallery.blocks(NETWORKS), drawn.blocks(NETWORKS), SKETCH)
        same = drawn.labels[:, None] == gallery.labels
        cells = {name: of_class(found[name], same) for name in COLUMNS}
        rows: list[list[object]] = [[f"{self.name}, sketches", len(drawn.labels), *cells.values()]]
        # Some sketches are named by their photo and a number.
        stems = np.array([file.stem for file in gallery.files])
        asked = np.array([file.stem.rsplit("-", 1)[0] for file in drawn.files])
        very = same & (asked[:, None] == stems)
        if very.any(axis=1).all():
            recalls = [
                f"{np.mean(recall_at(ranked(found[name], very), 10)):.3f}" for name in COLUMNS
            ]
            rows.append([f"{self.name}, the very photo", len(drawn.labels), *recalls])
        return rows


CASES = (
    Case("corel1k"),
    Case("jewellery"),
    Case("clothing"),
    Case("caltech101"),
    Case("dtd10"),
    Case("sketchy", "photo", "sketch"),
    Case("pacs", "photo", "sketch"),
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", nargs="*", help="sets by name")
    options = parser.parse_args()
    rows = [
        row
        for case in CASES
        if not options.only or case.name in options.only
        for row in case.rows()
    ]
    text = INTRODUCTION + table(["set", "queries", *COLUMNS], rows)
    if options.only:
        print(text)
    else:
        write_section("quality.md", "unseen", text)


def figures(
    gallery: Mapping[str, Floats],
    asking: Mapping[str, Floats],
    kind: str,
    itself: np.ndarray | None = None,
) -> dict[str, Floats]:
    """Scores (queries, n) by each extractor alone, and by the fusion of the package's own."""
    stored, asked = ({name: of[name] for name in PARTS} for of in (gallery, asking))
    found = scored(stored, asked, kind, itself)
    for name in OTHERS:
        # Of drawings, about what they have in common; a search knows that of its own alone.
        mean = asking[name].mean(axis=0) if kind == SKETCH else gallery[name].mean(axis=0)
        rows = unit_rows(gallery[name] - gallery[name].mean(axis=0))
        found[name] = unit_rows(asking[name] - mean) @ rows.T
    return found


def of_class(found: Floats, same: np.ndarray, itself: np.ndarray | None = None) -> str:
    """mAP / P@10 of scores (queries, n), of which ``same`` are right."""
    order = ranked(found, same, itself)
    return f"{np.mean(average_precision(order)):.3f} / {np.mean(precision_at(order, 10)):.3f}"


INTRODUCTION = """### What `design` was not trained on

`python -m benchmarks.unseen`: each extractor alone, compared as in a search; mAP / P@10 for the
same class, and for the very photo the share of sketches that find it among the first 10. `design`
was not trained on corel1k and jewellery; of the other sets only pictures of held-out classes are
queries, and all are searched. SqueezeNet 1.1 and the teachers of `design`, MobileNetV2 and
EfficientNet-Lite2, were trained on ImageNet, whose 1,000 classes include most of these; their
sketches are centred on their own mean, which a search could not do. The fusion is that of
`design`, `hsv`, `edges` and `texture`.

"""


if __name__ == "__main__":
    main()
