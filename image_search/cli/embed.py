"""``image-search embed``: a share of the work of ``index``, to be done on another computer."""

from __future__ import annotations

import argparse
import dataclasses
import json

from image_search.cli.index import ProgressBar, print_report, stopping
from image_search.cli.options import Commands, add_command, settings_from
from image_search.cli.terminal import print_line as print


def add_to(commands: Commands) -> None:
    """Register the command."""
    parser = add_command(
        commands,
        "embed",
        "do a share of an index's work, for index --take",
        "image-search embed --shard 3/16 -o part3",
        ["models", "extractors", "threads", "image_megapixels", "hub_timeout", "ignore"],
        writes_part=True,
    )
    parser.add_argument(
        "--shard", metavar="K/N", default="1/1",
        help="which share of the files: 3/16 is the third of sixteen; default all",
    )  # fmt: skip
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Embed; 0 when done, 130 when interrupted (the work so far is kept)."""
    from image_search.indexing.parts import NAME, parse_shard
    from image_search.library import Library

    shard = parse_shard(options.shard)
    part = options.setting_cache
    options.setting_cache = part / NAME
    settings = settings_from(options)
    bar = ProgressBar(quiet=options.json)
    with stopping() as stop:
        try:
            report = Library.open(settings).update(
                bar.show, stop.is_set, fingerprints=False, shard=shard
            )
        finally:
            bar.close()
    if options.json:
        print(json.dumps(dataclasses.asdict(report)))
    else:
        print_report(report)
        if not report.cancelled:
            print(
                f"This is part {shard.number} of {shard.shares}. Where the index lies, "
                f"`image-search index --take {part}` takes it up."
            )
    return 130 if report.cancelled else 0
