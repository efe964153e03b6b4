"""``image-search export``: what an extractor saw of every image, for other programs."""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys
from pathlib import Path

from image_search.cli.index import ProgressBar, stopping
from image_search.cli.options import NEEDED, Commands, add_command, settings_from
from image_search.cli.terminal import print_line as print
from image_search.errors import InvalidQuery

FORMATS = ("csv", "npy", "parquet")


def add_to(commands: Commands) -> None:
    """Register the command."""
    parser = add_command(
        commands,
        "export",
        "write what an extractor saw of every image to a file, for other programs",
        "image-search export --extractor imagenet --out features.parquet\n"
        "  image-search export --extractor hsv --format npy --out features/",
        [],
    )
    parser.add_argument("--extractor", required=True, metavar="NAME", help="one of the index")
    parser.add_argument(
        "--format",
        choices=FORMATS,
        help="csv: a table, the path first; npy: a NumPy array for each image, called like it, in "
        "a folder; parquet: path, folder, size, labels and vector, for pandas and Embedding Atlas. "
        "Default: by the ending of --out",
    )
    parser.add_argument(
        "--out", required=True, type=Path, metavar="PATH", help="the file, or the folder for npy"
    )
    parser.add_argument(
        "--unit",
        action="store_true",
        help="scale features to length 1; default: as long as the network made them",
    )
    parser.add_argument(
        "--force", action="store_true", help="overwrite files that are not of an earlier export"
    )
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Write the features; 0 when done, 130 when interrupted."""
    from image_search.exchange.exporting import export
    from image_search.library import Library

    kind = options.format or options.out.suffix.lower().removeprefix(".")
    if kind not in ("csv", "parquet", "npy"):
        raise InvalidQuery(
            "Name the format with --format, or give --out an ending: .csv or .parquet."
        )
    library = Library.open(settings_from(options, NEEDED))
    bar = ProgressBar(quiet=options.json)
    with stopping() as stop:
        try:
            done = export(
                library.snapshot(),
                options.extractor,
                kind,
                options.out,
                unit=options.unit,
                force=options.force,
                on_progress=bar.show,
                cancelled=stop.is_set,
            )
        finally:
            bar.close()
    if options.json:
        print(json.dumps(dataclasses.asdict(done)))
    else:
        for warning in done.warnings:
            print(f"Note: {warning}", file=sys.stderr)
        if done.cancelled:
            print(f"Interrupted; {done.images:,} images were exported.", file=sys.stderr)
        else:
            print(
                f"{done.images:,} images with {done.dim:,} numbers each by {done.extractor} are in "
                f"{done.path}."
            )
    return 130 if done.cancelled else 0
