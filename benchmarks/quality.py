"""How good the answers are, on labelled sets of real images: runs ``image-search evaluate``."""

from __future__ import annotations

import argparse
import json
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.report import DATASETS, table, timed, write_section
from image_search.extractors import REGISTRY
from training.sources import held_out


@dataclass(frozen=True)
class Case:
    """A row of the table: what is searched, with what, and what is right; ``unseen`` where only
    classes ask of which ``design`` has learnt nothing."""

    name: str
    gallery: str
    queries: str | None = None
    truth: str = "class"
    unseen: bool = False

    @property
    def cache(self) -> str:
        """What its indexes are named after."""
        return self.gallery.replace("/", "-") + "-unseen" * self.unseen


CASES = (
    Case("corel1k", "corel1k"),
    Case("jewellery", "jewellery"),
    Case("clothing", "clothing"),
    Case("caltech101", "caltech101"),
    Case("dtd10", "dtd10"),
    Case("sketchy, sketch to photo of its class", "sketchy/photo", "sketchy/sketch"),
    Case("sketchy, sketch to the photo it shows", "sketchy/photo", "sketchy/sketch", "instance"),
    Case("pacs, sketch to photo of its class", "pacs/photo", "pacs/sketch"),
    Case("unseen of sketchy, to its class", "sketchy/photo", "sketchy/sketch", unseen=True),
    Case("unseen of sketchy, to the photo", "sketchy/photo", "sketchy/sketch", "instance", True),
    Case("unseen of pacs, to its class", "pacs/photo", "pacs/sketch", unseen=True),
)
MEASURES = ("mAP", "P@10", "recall@10")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--extractors", default="auto")
    parser.add_argument("--only", nargs="*", help="cases whose name begins with one of these")
    parser.add_argument("--caches", type=Path, help="keep the indexes here, for quick reruns")
    parser.add_argument("--reports", type=Path, help="write each case's HTML report here")
    options = parser.parse_args()
    cases = [c for c in CASES if not options.only or c.name.startswith(tuple(options.only))]
    with tempfile.TemporaryDirectory() as temporary:
        caches = options.caches or Path(temporary)
        for folder in (caches, options.reports):
            if folder is not None:
                folder.mkdir(parents=True, exist_ok=True)
        found = [(case, *asked(case, caches, options)) for case in cases]
    seconds = sum(took for _, took, _ in found)
    done = (
        "Measuring it, of kept indexes," if options.caches else "Indexing and measuring all of it"
    )
    rows = [row(case, answer) for case, _, answer in found]
    names = [ranking["name"] for ranking in found[0][2]["rankings"]]
    models = found[0][2]["models"]
    missing_reason = [name for name in REGISTRY if name not in models]
    lacking = f"; not in use here: {', '.join(missing_reason)}" if missing_reason else ""
    used = ", ".join(f"{name} (`{models[name]}`)" for name in models)
    text = (
        "### Each extractor alone, and the fusion\n\n`python -m benchmarks.quality`: "
        f"{' / '.join(MEASURES)}, means over all queries; **bold** is the best mAP of the row. "
        "Every image is the query once, left out of its own answer; where a set has sketches, they "
        "are the queries and the photos are searched. A right answer is an image of the same class "
        "or, where the row says so, the one photo that the sketch was drawn from. `design` was "
        "trained on most classes of all sets but corel1k and jewellery, so its figures there "
        "flatter it; unseen are sketches of classes that it was not trained on, searching all "
        "photos. The last column "
        "is the fusion's mAP relative to the best single extractor, with the interval that holds "
        f"it in 95 % of bootstrap resamples of the queries. In use: {used}{lacking}. "
        f"{done} took {seconds:.0f} s.\n\n"
        + table(["set", "queries", "recognised as sketches", *names, "fusion against best"], rows)
    )
    if options.only:
        print(text)
    else:
        write_section("quality.md", "quality", text)


def asked(case: Case, caches: Path, options: argparse.Namespace) -> tuple[float, dict[str, Any]]:
    """Run the real command for one case: seconds, and its JSON."""
    arguments: list[object] = ["--gallery", DATASETS / case.gallery]
    arguments += ["--cache", caches / f"{case.cache}.pkl"]
    if case.queries:
        queries = DATASETS / case.queries
        arguments += ["--queries", unseen(queries, caches / case.cache) if case.unseen else queries]
    if options.reports:
        name = case.name.replace(", ", "-").replace(" ", "-")
        arguments += ["--report", options.reports / f"{name}.html"]
    arguments += ["--truth", case.truth, "--extractors", options.extractors, "--json"]
    seconds, printed = timed("evaluate", *arguments)
    answer: dict[str, Any] = json.loads(printed)
    return seconds, answer


def unseen(queries: Path, place: Path) -> Path:
    """Those of the folders in ``queries`` of which ``design`` has learnt nothing."""
    for folder in queries.iterdir():
        if held_out(folder.name):
            shutil.copytree(folder, place / folder.name, dirs_exist_ok=True)
    return place


def row(case: Case, answer: dict[str, Any]) -> list[object]:
    rankings = answer["rankings"]
    best = max(ranking["measures"]["mAP"]["mean"] for ranking in rankings)
    cells = []
    for ranking in rankings:
        figures = [ranking["measures"][name]["mean"] for name in MEASURES]
        texts = [f"{figure:.3f}".removeprefix("0") for figure in figures]
        if figures[0] == best:
            texts[0] = f"**{texts[0]}**"
        cells.append(" / ".join(texts))
    against = answer["fusion_against_best"]
    gain = "-"
    if against is not None:
        relative = against["relative"]
        gain = f"{relative['mean']:+.1%} ({relative['low']:+.1%} to {relative['high']:+.1%})"
    sketches = rankings[-1]["by"]["kind"].get("sketch", {"queries": 0})["queries"]
    share = f"{sketches / answer['asked']:.1%}"
    return [case.name, f"{answer['asked']:,}", share, *cells, gain]


if __name__ == "__main__":
    main()
