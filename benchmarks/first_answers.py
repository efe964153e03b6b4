"""What the first answers to a query say about the others, against the plain sum."""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from benchmarks.quality import CASES, Case, unseen
from benchmarks.report import DATASETS, table, write_section
from image_search.evaluation import TRUTHS, Collection
from image_search.evaluation.asking import RankingConfig
from image_search.evaluation.measuring import measure
from image_search.evaluation.protocol import prepare
from image_search.search.ranking.fusion import (
    QueryExpansion,
)
from image_search.settings import Settings

SETTINGS: tuple[QueryExpansion | None, ...] = (
    None,
    QueryExpansion(),
    QueryExpansion(kept=1),
    QueryExpansion(kept=5),
    QueryExpansion(weight=3.0),
    QueryExpansion(power=1.0),
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", nargs="*", help="cases whose name begins with one of these")
    parser.add_argument("--caches", type=Path, help="keep the indexes here, for quick reruns")
    options = parser.parse_args()
    cases = [c for c in CASES if not options.only or c.name.startswith(tuple(options.only))]
    with tempfile.TemporaryDirectory() as temporary:
        caches = options.caches or Path(temporary)
        rows = [row(case, caches) for case in cases]
    text = INTRODUCTION + table(["set", "queries", *map(heading, SETTINGS)], rows)
    if options.only:
        print(text)
    else:
        write_section("quality.md", "first answers", text)


def row(case: Case, caches: Path) -> list[object]:
    """mAP, P@10 and recall@10 of a case in each way."""
    gallery, queries = collected(DATASETS / case.gallery, caches / f"{case.cache}.pkl"), None
    if case.queries:
        asking = DATASETS / case.queries
        if case.unseen:
            asking = unseen(asking, caches / case.cache)
        queries = collected(asking, caches / f"{case.cache}-queries.pkl")
    trial = prepare(gallery, queries, TRUTHS[case.truth])
    cells = []
    for reranker in SETTINGS:
        config = RankingConfig(heading(reranker), reranker=reranker)
        values = measure(trial, config, (10,), 10).values.mean(axis=0)
        cells.append(" / ".join(f"{value:.3f}".removeprefix("0") for value in values))
    return [case.name, f"{len(trial.asked):,}", *cells]


def collected(images: Path, cache: Path) -> Collection:
    """The pictures of a folder with what the package's own extractors see in them."""
    return Collection.of(Settings(images=images, cache=cache, extractors="auto"))


def heading(reranker: QueryExpansion | None) -> str:
    if reranker is None:
        return "without"
    usual = QueryExpansion()
    differs = [
        f"{name} {getattr(reranker, name):g}"
        for name in ("kept", "weight", "power")
        if getattr(reranker, name) != getattr(usual, name)
    ]
    return ", ".join(differs) or "as it is"


INTRODUCTION = """### Query expansion

`python -m benchmarks.first_answers`: mAP / P@10 / recall@10 by the weighted mean of the extractors
alone, with query expansion as it is (the first 3 hits keep their places; the mean of the first 10,
each counting as the power 3 of its score, counts up to 6 for every 1 of the query), and with one of
these numbers changed. The sets and queries are those of `benchmarks.quality`.

"""


if __name__ == "__main__":
    main()
