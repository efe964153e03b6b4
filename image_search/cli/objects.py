"""``image-search objects``: what is in a picture, so that one thing of it can be asked for."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from image_search.cli.options import Commands, add_command, settings_from
from image_search.cli.search import read_picture
from image_search.cli.terminal import print_line as print


def add_to(commands: Commands) -> None:
    """Register the command."""
    parser = add_command(
        commands,
        "objects",
        "find the objects in a picture; search --region asks for one of them",
        "image-search objects room.jpg",
        ["detector", "upload_megapixels"],
    )
    parser.add_argument("picture", metavar="IMAGE", type=Path, help="picture to look at")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Print the objects; 0 also where there are none."""
    from image_search.library import Library
    from image_search.search.queries import Query

    library = Library.open(settings_from(options))
    found = library.objects(Query(images=(read_picture(options.picture),)))
    if options.json:
        print(json.dumps(found.to_json()))
        return 0
    for warning in found.warnings:
        print(f"Note: {warning}", file=sys.stderr)
    for one in found.objects:
        print(f"{one.score:.2f}  {one.region}  {one.name}".rstrip())
    if not found.objects:
        print("No object stands out from the rest of the picture.")
    return 0
