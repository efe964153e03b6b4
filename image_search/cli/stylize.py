"""``image-search stylize``: a picture in the style of another."""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

from image_search.cli.index import stopping
from image_search.cli.options import (
    Commands,
    add_command,
    check_picture,
    settings_from,
    write_picture,
)
from image_search.cli.search import read_picture
from image_search.cli.terminal import Steps
from image_search.cli.terminal import print_line as print

_INTERRUPTED = 130


def add_to(commands: Commands) -> None:
    """Register the command."""
    parser = add_command(
        commands,
        "stylize",
        "draw a picture in the style of another",
        "image-search stylize ring.jpg --style engraving.jpg -o ring-engraved.png",
        ["upload_megapixels"],
    )
    parser.add_argument("content", metavar="CONTENT", type=Path, help="the picture to draw")
    parser.add_argument(
        "--style", type=Path, metavar="STYLE", required=True, help="the picture that shows how"
    )
    parser.add_argument(
        "-o", "--out", type=Path, metavar="OUT", required=True, help="the picture to write (PNG)"
    )
    parser.add_argument(
        "--strength", type=float, default=0.5, help="from 0, close to the picture, to 1, close to "
        "the style; default 0.5",
    )  # fmt: skip
    parser.add_argument("--side", type=int, default=512, help="longest side in pixels; default 512")
    parser.add_argument(
        "--method", default="auto", help="patches (needs nothing more), or vgg19 (needs its "
        "weights: image-search models fetch style-vgg19); default auto, vgg19 where it is there",
    )  # fmt: skip
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Write the picture; 130 if that was interrupted."""
    from PIL import Image

    from image_search.search.searching import pixels_of
    from image_search.styling.transfer import stylized

    check_picture(options.out)
    settings = settings_from(options)
    content, style = (
        pixels_of(
            read_picture(path), None, max_megapixels=settings.upload_megapixels, side=options.side
        )
        for path in (options.content, options.style)
    )
    steps, began = Steps("Drawing", quiet=options.json), time.monotonic()
    try:
        with stopping() as stop:
            found = stylized(
                content,
                style,
                method=options.method,
                strength=options.strength,
                side=options.side,
                on_progress=steps.show,
                cancelled=stop.is_set,
            )
    finally:
        steps.close()
    if found is None:
        print("Interrupted; nothing was written.")
        return _INTERRUPTED
    pixels, method = found
    write_picture(options.out, Image.fromarray(pixels))
    seconds = time.monotonic() - began
    if options.json:
        height, width = pixels.shape[:2]
        about = {"path": str(options.out), "method": method, "width": width, "height": height}
        print(json.dumps({**about, "seconds": round(seconds, 1)}))
    else:
        print(f"Wrote {options.out} by {method} in {seconds:.0f} s.")
    return 0
