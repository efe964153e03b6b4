"""``image-search search``: the images closest to a picture, several pictures, or words."""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys
from pathlib import Path

from image_search.cli.options import Commands, add_command, settings_from
from image_search.errors import InvalidQuery, UnreadableImage


def add_to(commands: Commands) -> None:
    """Register the command."""
    parser = add_command(
        commands,
        "search",
        "find the images closest to a picture or to words",
        "image-search search sketch.png -k 10",
        ["extractors", "upload_megapixels"],
    )
    parser.add_argument(
        "pictures", metavar="IMAGE", nargs="*", type=Path, help="picture to search with"
    )
    parser.add_argument("--text", help="words to search with (needs CLIP)")
    parser.add_argument("-k", type=int, default=30, help="how many hits; default 30")
    parser.add_argument(
        "--weights",
        metavar="NAME=NUMBER,...",
        help='say of each extractor, for example "hsv=1" to go by colour alone',
    )
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Search and print the hits; 0 also when there are none."""
    from image_search.library import Library
    from image_search.searching import Query

    query = Query(
        images=tuple(_read(path) for path in options.pictures),
        text=options.text,
        k=options.k,
        weights=_weights(options.weights),
    )
    library = Library.open(settings_from(options))
    result = library.search(query)
    if options.json:
        answer = dataclasses.asdict(result)
        print(json.dumps({"results": answer.pop("hits"), **answer}))
        return 0
    for warning in result.warnings:
        print(f"Note: {warning}", file=sys.stderr)
    for hit in result.hits:
        parts = "  ".join(f"{name} {score:.2f}" for name, score in hit.scores.items())
        print(f"{hit.rank:4}  {hit.score:.3f}  {hit.path}  ({parts})")
    unreadable = f", {result.unreadable} could not be read" if result.unreadable else ""
    print(f"Compared with {result.compared:,} images{unreadable}; {result.took_ms:.0f} ms.")
    return 0


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise UnreadableImage(f"{path} cannot be read ({error.strerror}).") from error


def _weights(text: str | None) -> dict[str, float] | None:
    if text is None:
        return None
    weights = {}
    for part in text.split(","):
        name, _, number = part.partition("=")
        try:
            weights[name.strip()] = float(number)
        except ValueError:
            raise InvalidQuery(
                f"--weights wants NAME=NUMBER joined by commas, not {part!r}."
            ) from None
    return weights
