"""What the first answers to a query say about the others, against the plain sum."""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from benchmarks.quality import CASES, Case, unseen
from benchmarks.report import DATASETS, table, write_section
from image_search.evaluation import TRUTHS, Collection
from image_search.evaluation.asking import Way
from image_search.evaluation.measuring import measure
from image_search.evaluation.protocol import prepare
from image_search.expansion import KEPT
from image_search.settings import Settings

ROUNDS: tuple[tuple[int, ...], ...] = ((), (5,), (10,), (5, 10), (5, 10, 20))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", nargs="*", help="cases whose name begins with one of these")
    parser.add_argument("--caches", type=Path, help="keep the indexes here, for quick reruns")
    options = parser.parse_args()
    cases = [c for c in CASES if not options.only or c.name.startswith(tuple(options.only))]
    with tempfile.TemporaryDirectory() as temporary:
        caches = options.caches or Path(temporary)
        rows = [row(case, caches) for case in cases]
    text = INTRODUCTION + table(["set", "queries", *map(heading, ROUNDS)], rows)
    if options.only:
        print(text)
    else:
        write_section("quality.md", "first answers", text)


def row(case: Case, caches: Path) -> list[object]:
    """mAP, P@10 and recall@10 of a case in each way."""
    name = case.gallery.replace("/", "-") + "-unseen" * case.unseen
    gallery, queries = collected(DATASETS / case.gallery, caches / f"{name}.pkl"), None
    if case.queries:
        asking = DATASETS / case.queries
        if case.unseen:
            asking = unseen(asking, caches / name)
        queries = collected(asking, caches / f"{name}-queries.pkl")
    trial = prepare(gallery, queries, TRUTHS[case.truth])
    cells = []
    for kept in ROUNDS:
        values = measure(trial, Way(heading(kept), kept=kept), (10,), 10).values.mean(axis=0)
        cells.append(" / ".join(f"{value:.3f}".removeprefix("0") for value in values))
    return [case.name, f"{len(trial.asked):,}", *cells]


def collected(images: Path, cache: Path) -> Collection:
    """The pictures of a folder with what the package's own extractors see in them."""
    return Collection.of(Settings(images=images, cache=cache, extractors="auto"))


def heading(kept: tuple[int, ...]) -> str:
    if not kept:
        return "plain sum"
    return f"{', then '.join(map(str, kept))} kept" + " (as it is)" * (kept == KEPT)


INTRODUCTION = """### What the first answers say

`python -m benchmarks.first_answers`: mAP / P@10 / recall@10 where images are ranked by the plain
sum of the extractors, and where the first ten answers tell which of the others belong to them, in
one round or several; so many of the first are kept in each. The sets and queries are those of
`benchmarks.quality`.

"""


if __name__ == "__main__":
    main()
