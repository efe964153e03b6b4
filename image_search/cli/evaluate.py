"""``image-search evaluate``: how good the answers are, over a labelled folder."""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import json
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from image_search.cli.index import SHOWN, ProgressBar
from image_search.cli.options import Commands, add_command, settings_from
from image_search.cli.terminal import print_line as print
from image_search.errors import SettingsError
from image_search.settings import Settings

if TYPE_CHECKING:
    from image_search.evaluation import Collection, Evaluation

TRUTHS = ("class", "instance", "same-name")
METRICS = ("cosine", "euclidean", "dotproduct")
KINDS = ("auto", "photo", "sketch")


def add_to(commands: Commands) -> None:
    """Register the command."""
    parser = add_command(
        commands,
        "evaluate",
        "measure how good the results are, with a labelled folder",
        "image-search evaluate --gallery photos --queries sketches --report quality.html\n"
        "  image-search evaluate --cifar10 cifar-10-batches-py --metric cosine",
        ["models", "extractors", "threads", "image_megapixels", "hub_timeout"],
    )
    parser.add_argument(
        "--gallery",
        type=Path,
        metavar="DIR",
        help="the images to search; default: the image folder. Its index is temporary; give "
        "--cache a file to keep it, which makes the next run quick",
    )
    parser.add_argument(
        "--queries",
        type=Path,
        metavar="DIR",
        help="the pictures to search with; default: every image of the gallery in turn, "
        "without itself in the results",
    )
    parser.add_argument(
        "--cifar10",
        type=Path,
        metavar="DIR",
        help="in place of --gallery and --queries: the folder of CIFAR-10's python version, of "
        "which 50,000 images are indexed and 10,000 asked; they are unpacked beside the index",
    )
    parser.add_argument(
        "--truth",
        choices=TRUTHS,
        default="class",
        help="which results are right: images in a folder of the same name (class); the image "
        "X that the query X-n was drawn from, in a folder of the same name (instance); images "
        "of the same file name (same-name). Default: class",
    )
    parser.add_argument(
        "--kind",
        choices=KINDS,
        default=KINDS[0],
        help="the kind of the queries; default auto, detected for each picture",
    )
    parser.add_argument(
        "--metric",
        choices=METRICS,
        action="append",
        default=[],
        help="measure every extractor on its raw features by this metric too; may be repeated",
    )
    parser.add_argument("-k", type=int, default=10, help="cut-off of the table; default 10")
    parser.add_argument(
        "--report", type=Path, metavar="FILE", help="write a report with plots and pictures (HTML)"
    )
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Index what is needed, measure, and print the figures; 0 when done."""
    from image_search.evaluation import TRUTHS, evaluate

    settings = settings_from(options)
    report: Path | None = options.report
    if report is not None and not report.resolve().parent.is_dir():
        raise SettingsError(f"The folder {report.parent} for the report does not exist; create it.")
    if options.cifar10 is not None and (options.gallery or options.queries):
        raise SettingsError("--cifar10 brings its own images; leave out --gallery and --queries.")
    with _cache(options.setting_cache) as cache:
        gallery_folder, queries_folder = options.gallery or settings.images, options.queries
        if options.cifar10 is not None:
            gallery_folder, queries_folder = _unpacked(options.cifar10, cache, options.json)
        gallery = _collected(settings, gallery_folder, cache, options.json)
        queries: Collection | None = None
        if queries_folder is not None:
            aside = cache.with_name(f"{cache.stem}-queries{cache.suffix}")
            queries = _collected(settings, queries_folder, aside, options.json)
        evaluation = evaluate(
            gallery,
            queries,
            TRUTHS[options.truth],
            k=options.k,
            kind=options.kind,
            metrics=tuple(dict.fromkeys(options.metric)),
            on_ranking=lambda name: _tell(f"Ranking by {name}", options.json),
        )
        if report is not None:
            from image_search.evaluation.report import write_report

            write_report(report, evaluation, gallery, queries)
    if options.json:
        print(json.dumps(evaluation.to_plain()))
    else:
        _print(evaluation)
        if report is not None:
            print(f"The report is {report}.")
    return 0


@contextlib.contextmanager
def _cache(named: Path | None) -> Iterator[Path]:
    """The cache named on the command line, or one that lasts as long as the command."""
    if named is not None:
        yield named
        return
    with tempfile.TemporaryDirectory(prefix="image-search-") as folder:
        yield Path(folder) / "gallery.pkl"


def _unpacked(folder: Path, cache: Path, quiet: bool) -> tuple[Path, Path]:
    """The folders with the images of CIFAR-10, to be indexed and to ask with, beside the index."""
    from image_search.evaluation.cifar10 import unpack

    bar = ProgressBar(quiet=quiet)
    try:
        found = unpack(folder, cache.with_name(f"{cache.stem}-cifar10"), bar.show)
    finally:
        bar.close()
    return found.gallery, found.queries


def _collected(settings: Settings, folder: Path, cache: Path, quiet: bool) -> Collection:
    from image_search.evaluation import Collection

    bar = ProgressBar(quiet=quiet)
    try:
        here = dataclasses.replace(settings, images=folder, cache=cache)
        return Collection.of(here, bar.show)
    finally:
        bar.close()


def _tell(text: str, quiet: bool) -> None:
    if not quiet:
        print(text, file=sys.stderr)


def _print(evaluation: Evaluation) -> None:
    for warning in evaluation.warnings:
        print(f"Note: {warning}", file=sys.stderr)
    for side in (evaluation.gallery, evaluation.queries):
        failures = side.unreadable if side else ()
        for failure in failures[:SHOWN]:
            print(f"Unreadable: {failure.path}: {failure.reason}", file=sys.stderr)
        if len(failures) > SHOWN:
            print(f"... and {len(failures) - SHOWN} more; --json lists all.", file=sys.stderr)
    images = f"{evaluation.gallery.images:,} images of {evaluation.gallery.classes} classes"
    print(f"{evaluation.asked:,} queries, {images}; right: {evaluation.rule}.")
    if evaluation.without_answer:
        print(f"{evaluation.without_answer:,} queries have no right result and were left out.")
    names = ("mAP", f"P@{evaluation.k}", f"recall@{evaluation.k}")
    print()
    wide = max(10, *(len(ranking.name) + 1 for ranking in evaluation.rankings))
    print(f"{'':{wide}}" + "".join(f"{name + ' (95 %)':>22}" for name in names) + f"{'AUC':>8}")
    for ranking in evaluation.rankings:
        figures = [ranking.measures[name] for name in names]
        cells = [f"{f.mean:.3f} ({f.low:.3f}-{f.high:.3f})" for f in figures]
        auc = f"{ranking.pairs.auc:.3f}" if ranking.pairs else "-"
        print(f"{ranking.name:{wide}}" + "".join(f"{cell:>22}" for cell in cells) + f"{auc:>8}")
    confusion = evaluation.main.confusion
    if confusion is not None:
        print()
        print(
            f"The first {evaluation.k} results by {evaluation.main.name} vote for the class of "
            f"{confusion.right:.1%} of the queries."
        )
    against = evaluation.fusion_against_best
    if against is not None:
        relative = against.relative
        print()
        print(
            f"Fusion against {against.best_single} alone: {relative.mean:+.1%} mAP "
            f"({relative.low:+.1%} to {relative.high:+.1%})"
        )
