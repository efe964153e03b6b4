"""``image-search between``: the designs that lie between two, as an autoencoder draws them."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from image_search.cli.options import (
    Commands,
    add_command,
    check_picture,
    settings_from,
    write_picture,
)
from image_search.cli.search import read_picture
from image_search.cli.terminal import print_line as print
from image_search.errors import SettingsError


def add_to(commands: Commands) -> None:
    """Register the command."""
    parser = add_command(
        commands,
        "between",
        "draw a row of designs between two pictures, with the autoencoder of your collection",
        "image-search between ring-a.jpg ring-b.jpg -o row.png",
        ["upload_megapixels"],
    )
    parser.add_argument("one", metavar="A", type=Path, help="the picture at the left")
    parser.add_argument("other", metavar="B", type=Path, help="the picture at the right")
    parser.add_argument(
        "-o", "--out", type=Path, metavar="FILE", required=True, help="the picture to write (PNG)"
    )
    parser.add_argument("--steps", type=int, default=8, help="how many between them; default 8")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Write the row."""
    from image_search.autoencoder.sheets import STEPS, between
    from image_search.extractors import vae
    from image_search.imaging.decoding import resized
    from image_search.search.searching import pixels_of

    check_picture(options.out)
    if not STEPS[0] <= options.steps <= STEPS[1]:
        raise SettingsError(f"--steps must be from {STEPS[0]} to {STEPS[1]}, not {options.steps}.")
    most = settings_from(options).upload_megapixels
    made = vae.trained()
    one, other = (
        resized(pixels_of(read_picture(path), None, max_megapixels=most), vae.SIDE, vae.SIDE)
        for path in (options.one, options.other)
    )
    write_picture(options.out, between(made, one, other, options.steps))
    if options.json:
        print(json.dumps({"path": str(options.out), "steps": options.steps}))
    else:
        print(f"Wrote {options.out}: {options.steps} designs between the two.")
    return 0
