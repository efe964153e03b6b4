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
from image_search.search.ranking.fusion import ROUNDS, Round
from image_search.settings import Settings

SETTINGS: tuple[tuple[Round, ...], ...] = (
    (),
    ROUNDS[:1],
    ROUNDS[1:],
    ROUNDS,
    (Round(5, 3.0), Round(10, 3.0)),
    (*ROUNDS, Round(20, 5.0)),
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
    for rounds in SETTINGS:
        config = RankingConfig(heading(rounds), rounds=rounds)
        values = measure(trial, config, (10,), 10).values.mean(axis=0)
        cells.append(" / ".join(f"{value:.3f}".removeprefix("0") for value in values))
    return [case.name, f"{len(trial.asked):,}", *cells]


def collected(images: Path, cache: Path) -> Collection:
    """The pictures of a folder with what the package's own extractors see in them."""
    return Collection.of(Settings(images=images, cache=cache, extractors="auto"))


def heading(rounds: tuple[Round, ...]) -> str:
    if not rounds:
        return "plain sum"
    answer = ", then ".join(f"{kept} at {say:g}" for kept, say in rounds)
    return answer + " (as it is)" * (rounds == ROUNDS)


INTRODUCTION = """### Query expansion

`python -m benchmarks.first_answers`: mAP / P@10 / recall@10 by the plain sum of the extractors, and
with query expansion by the first ten hits, in one round or several: in *5 at 2* the first five hits
keep their places, and the mean of the ten counts 2 for every 1 of the query. The sets and queries
are those of `benchmarks.quality`.

"""


if __name__ == "__main__":
    main()
