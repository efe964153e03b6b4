"""Six pictures of the demo collection in the style of others, for ``docs/guide.md``.

Of each pair the picture, the style, and what ``image-search stylize`` makes of them.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image

from benchmarks.fingerprinted import pixels_of
from benchmarks.report import ROOT
from image_search.demo import draw_collection
from image_search.imaging.arrays import Pixels
from image_search.imaging.decoding import within
from image_search.styling.transfer import PATCHES, stylized

SIDE = 256
#: Patterns of names: the first file that fits is the picture, or the style.
PAIRS = (
    ("rings/*", "prints/*"),
    ("chairs/*", "tiles/*"),
    ("earrings/*", "prints/*"),
    ("logos/*", "tiles/*"),
    ("pendants/*", "prints/*"),
    ("chairs/*", "prints/*"),
)
_GAP = 8


def framed(pixels: Pixels) -> Pixels:
    """``pixels`` in the middle of a white square."""
    inner = within(pixels, SIDE)
    height, width = inner.shape[:2]
    made = np.full((SIDE, SIDE, 3), 255, np.uint8)
    top, left = (SIDE - height) // 2, (SIDE - width) // 2
    made[top : top + height, left : left + width] = inner
    return made


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--demo", type=Path, help="the demo collection, if it is drawn already")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        demo = options.demo or Path(temporary, "images")
        if not options.demo:
            draw_collection(demo, Path(temporary, "sketches"))
        cells = []
        for number, pair in enumerate(PAIRS):
            files = [sorted(demo.glob(pattern)) for pattern in pair]
            content, style = (pixels_of(some[(37 * number + 11) % len(some)]) for some in files)
            found = stylized(content, style, method=PATCHES, side=SIDE)
            assert found is not None
            print(f"{number + 1} of {len(PAIRS)}", flush=True)
            cells.append(np.concatenate([framed(one) for one in (content, style, found[0])], 1))
    gap = np.full((SIDE, 3 * _GAP, 3), 255, np.uint8)
    rows = [np.concatenate([a, gap, b], 1) for a, b in zip(cells[::2], cells[1::2], strict=True)]
    path = ROOT / "docs" / "pictures" / "styles.webp"
    Image.fromarray(np.concatenate(rows)).save(path, "webp", quality=82)
    print(path)


if __name__ == "__main__":
    main()
