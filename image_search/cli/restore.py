"""``image-search restore``: the index from a backup, also under a running service."""

from __future__ import annotations

import argparse
import dataclasses
import json
import time
from pathlib import Path

from image_search.cli.options import Commands, add_command, settings_from
from image_search.cli.terminal import print_line as print
from image_search.cli.verify import BytesBar


def add_to(commands: Commands) -> None:
    """Register the command."""
    parser = add_command(
        commands,
        "restore",
        "bring back the index from a backup, which is verified first",
        "image-search restore /backup/designs",
        [],
    )
    parser.add_argument("folder", type=Path, help="the folder that image-search backup wrote to")
    parser.add_argument(
        "--force", action="store_true",
        help="replace the index that is there, which is kept under another name",
    )  # fmt: skip
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Restore; 0 when done."""
    from image_search.maintenance.restoring import restore

    settings = settings_from(options)
    bar = BytesBar(quiet=options.json)
    try:
        report = restore(settings, options.folder, force=options.force, on_progress=bar.show)
    finally:
        bar.close()
    if options.json:
        print(json.dumps(dataclasses.asdict(report)))
        return 0
    made = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(report.made))
    print(f"Restored {settings.cache} from the backup of {made}.")
    if report.before:
        print(f"The index that was there is kept as {report.before}.")
    print("The next update takes up what changed in the image folder since.")
    return 0
