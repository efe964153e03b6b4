"""``image-search backup``: a copy of the index, also beside a running service."""

from __future__ import annotations

import argparse
import dataclasses
import json
from pathlib import Path

from image_search.cli.options import NEEDED, Commands, add_command, settings_from
from image_search.cli.terminal import print_line as print
from image_search.cli.verify import BytesBar


def add_to(commands: Commands) -> None:
    """Register the command."""
    parser = add_command(
        commands,
        "backup",
        "copy the index to a folder; only what is new since the last backup there",
        "image-search backup /backup/designs",
        [],
    )
    parser.add_argument("folder", type=Path, help="an empty folder, or that of the last backup")
    parser.add_argument(
        "--with-secrets", action="store_true",
        help="also the password and the key of sessions, for whoever can read the backup",
    )  # fmt: skip
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Back up; 0 when done."""
    from image_search.maintenance.saving import backup

    settings = settings_from(options, NEEDED)
    bar = BytesBar(quiet=options.json)
    try:
        report = backup(
            settings, options.folder, with_secrets=options.with_secrets, on_progress=bar.show
        )
    finally:
        bar.close()
    if options.json:
        print(json.dumps(dataclasses.asdict(report)))
    else:
        print(
            f"Backed up to {options.folder}: {report.files:,} files, {report.bytes / 1e6:,.1f} MB; "
            f"{report.copied:,} of them are new ({report.copied_bytes / 1e6:,.1f} MB)."
        )
    return 0
