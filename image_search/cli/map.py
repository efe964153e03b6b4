"""``image-search map``: the whole collection as one picture, what is alike side by side."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from image_search.cli.index import stopping
from image_search.cli.options import (
    NEEDED,
    Commands,
    add_command,
    check_picture,
    settings_from,
    write_picture,
)
from image_search.cli.terminal import Steps
from image_search.cli.terminal import print_line as print
from image_search.errors import ImageSearchError, SettingsError

_INTERRUPTED = 130


def add_to(commands: Commands) -> None:
    """Register the command."""
    parser = add_command(
        commands,
        "map",
        "write a picture (PNG) of the whole collection, in which images lie near those that they "
        "are like",
        "image-search map -o map.png --colour folder",
        [],
    )
    parser.add_argument(
        "-o", "--out", type=Path, metavar="FILE", required=True, help="the picture to write (PNG)"
    )
    parser.add_argument(
        "--extractor", default="", metavar="NAME", help="whose likeness counts; default: the one "
        "that counts most in a search with photos",
    )  # fmt: skip
    parser.add_argument(
        "--colour", default="folder", metavar="WHAT", help="what colours show: folder, label or "
        "style; default folder",
    )  # fmt: skip
    parser.add_argument("--side", type=int, default=2000, help="pixels of a side; default 2000")
    parser.add_argument(
        "--again", action="store_true", help="make the map again; otherwise images that came since "
        "it was made are placed among those that they are like",
    )  # fmt: skip
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Write the picture; 130 if that was interrupted."""
    from PIL import Image

    from image_search.library import Library
    from image_search.mapping.colouring import GROUPINGS, grouped
    from image_search.mapping.layout import PCA, installed
    from image_search.mapping.maps import Maps
    from image_search.mapping.still import SIDES, still

    check_picture(options.out)
    if not SIDES[0] <= options.side <= SIDES[1]:
        raise SettingsError(f"--side must be from {SIDES[0]} to {SIDES[1]}, not {options.side}.")
    if options.colour not in GROUPINGS:
        raise SettingsError(f"--colour must be {', '.join(GROUPINGS)}, not {options.colour!r}.")
    library = Library.open(settings_from(options, NEEDED))
    maps = Maps(library.settings, library.snapshot)
    placed = None if options.again else maps.placed(options.extractor)
    steps = Steps("Map", quiet=options.json)
    try:
        with stopping() as stop:
            if placed is None:
                placed = maps.make(options.extractor, steps.show, stop.is_set)
    finally:
        steps.close()
    if placed is None:
        print("Interrupted; no map was written.")
        return _INTERRUPTED
    ids = placed.ids.tolist()

    def look(number: int) -> Image.Image | None:
        try:
            return Image.open(library.originals.thumbnail(f"{ids[number]:016x}"))
        except (ImageSearchError, OSError):
            return None

    grouping = grouped(placed, options.colour, library.snapshot(), library.labels)
    write_picture(options.out, still(placed.places, grouping, look, options.side))
    made = placed.map
    if options.json:
        about = {
            "path": str(options.out),
            "extractor": made.extractor.name,
            "method": made.method,
            "images": len(ids),
            "new": placed.new,
            "groups": list(grouping.names),
        }
        print(json.dumps(about))
        return 0
    print(f"Wrote {options.out}: {len(ids):,} images by {made.extractor.name}, {made.method}.")
    if made.method == PCA and not installed():
        print(
            "For a map that shows groups, install scikit-learn: "
            '`pip install "image-search[analysis]"`; then add --again.'
        )
    if placed.new:
        print(f"{placed.new:,} of them came after the map was made; --again makes it again.")
    return 0
