"""``image-search classify``: the labels of pictures, with probabilities."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from image_search.cli.options import NEEDED, Commands, add_command, settings_from, write_picture
from image_search.cli.terminal import print_line as print
from image_search.errors import SettingsError, UnreadableImage

# Pictures that are embedded together, so that memory is bounded.
_AT_ONCE = 32
_SHOWN = 3
_MOST_IN_GRID = 1000


def add_to(commands: Commands) -> None:
    """Register the command."""
    parser = add_command(
        commands,
        "classify",
        "print the labels of pictures with their probabilities",
        "image-search classify new/*.jpg --grid labels.png",
        ["models", "extractors", "upload_megapixels"],
    )
    parser.add_argument("pictures", metavar="IMAGE", nargs="+", type=Path, help="a picture")
    parser.add_argument(
        "--grid", type=Path, metavar="FILE", help="write a picture (PNG) of all with their labels"
    )
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Print the labels of each picture; 2 if one could not be read."""
    from image_search.imaging.reading import read_image_file
    from image_search.labels.grid import SURE, grid
    from image_search.library import Library
    from image_search.search.searching import pixels_of

    settings = settings_from(options, NEEDED)
    if options.grid is not None and options.grid.suffix.lower() != ".png":
        raise SettingsError(f"--grid writes a PNG; name it {options.grid.stem}.png, for example.")
    if options.grid is not None and len(options.pictures) > _MOST_IN_GRID:
        raise SettingsError(f"--grid shows at most {_MOST_IN_GRID:,} pictures.")
    library = Library.open(settings)
    rows: list[tuple[Path, dict[str, float]]] = []
    failed: list[dict[str, str]] = []
    cells = []
    for start in range(0, len(options.pictures), _AT_ONCE):
        good = []
        for path in options.pictures[start : start + _AT_ONCE]:
            try:
                data = read_image_file(path)
                pixels = pixels_of(data, None, max_megapixels=settings.upload_megapixels)
            except UnreadableImage as error:
                failed.append({"path": str(path), "reason": str(error)})
            except OSError as error:
                failed.append({"path": str(path), "reason": error.strerror or str(error)})
            else:
                good.append((path, data, pixels))
        if good:
            found = library.labels.classify([data for _, data, _ in good])
            for (path, _, pixels), labels in zip(good, found, strict=True):
                rows.append((path, labels.labels))
                if options.grid is not None:
                    cells.append((path.name, pixels, labels))
    if options.grid is not None and cells:
        write_picture(options.grid, grid(cells))
    if options.json:
        images = [{"path": str(path), "labels": named} for path, named in rows]
        print(json.dumps({"images": images, "failed": failed}))
    else:
        for path, named in rows:
            some = list(named.items())[:_SHOWN]
            words = [f"{name}{'' if p >= SURE else '?'} {100 * p:.0f} %" for name, p in some]
            print(f"{path}: {', '.join(words)}")
        for one in failed:
            print(f"Unreadable: {one['path']}: {one['reason']}")
    return 2 if failed else 0
