"""Draw the demo collection: ``python -m image_search.demo IMAGES SKETCHES``."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from image_search.demo import draw_collection, holds_only_the_demo
from image_search.errors import ImageSearchError


def main() -> int:
    """Draw and show the progress; return the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m image_search.demo",
        description="Draw the demo collection: designs, and pencil sketches to find them with. "
        "Existing files are not changed.",
        epilog="example: python -m image_search.demo static/images sketches",
    )
    parser.add_argument("images", type=Path, help="folder for the designs")
    parser.add_argument("sketches", type=Path, help="folder for the sketches, outside IMAGES")
    parser.add_argument(
        "--if-empty", action="store_true", help="do nothing if IMAGES holds other files already"
    )
    chosen = parser.parse_args()
    if chosen.if_empty and not holds_only_the_demo(chosen.images):
        return 0
    live = sys.stderr.isatty()

    def show(done: int, total: int) -> None:
        if live:
            print(f"\rdrawing {done} of {total}", end="", file=sys.stderr, flush=True)

    try:
        drawn = draw_collection(chosen.images, chosen.sketches, show)
    except ImageSearchError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    if live:
        print(file=sys.stderr)
    if not (drawn.images or drawn.sketches):
        return 0  # all was there already
    where = f"{chosen.images}, {drawn.sketches} sketches in {chosen.sketches}"
    print(f"drew {drawn.images} images in {where}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
