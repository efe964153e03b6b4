"""``image-search search``: the images closest to a picture, several pictures, or words."""

from __future__ import annotations

import argparse
import dataclasses
import json
import math
import sys
from pathlib import Path

from image_search.cli.options import (
    NEEDED,
    Commands,
    add_command,
    add_filters,
    filter_from,
    settings_from,
)
from image_search.cli.terminal import print_line as print
from image_search.errors import InvalidQuery, UnreadableImage


def add_to(commands: Commands) -> None:
    """Register the command."""
    parser = add_command(
        commands,
        "search",
        "find the images most similar to a picture or to words",
        "image-search search sketch.png -k 10",
        ["models", "extractors", "upload_megapixels", "views"],
    )
    parser.add_argument(
        "pictures", metavar="IMAGE", nargs="*", type=Path, help="picture to search with"
    )
    parser.add_argument("--text", help="words that describe what to find")
    parser.add_argument("--not-text", metavar="TEXT", help="words that describe what to leave out")
    parser.add_argument(
        "--like", metavar="ID", action="append", default=[], help="id of an indexed image"
    )
    parser.add_argument("--kind", default="auto", help="auto, photo or sketch; default auto")
    parser.add_argument(
        "--color",
        metavar="#RRGGBB[:SHARE]",
        action="append",
        default=[],
        help="a colour, with its share if you like; may be repeated",
    )
    parser.add_argument(
        "--region",
        metavar="X,Y,WIDTH,HEIGHT",
        action="append",
        default=[],
        help="the part of the picture to search with, in fractions of its sides; may be repeated",
    )
    parser.add_argument(
        "--ignore",
        metavar="X,Y,WIDTH,HEIGHT",
        action="append",
        default=[],
        help="a part of the picture to leave out; may be repeated",
    )
    parser.add_argument(
        "--part",
        default="whole",
        help="how the part is looked for: as a whole image, inside other images, or inside "
        "different ones, which are not like the rest of the picture; default whole",
    )
    parser.add_argument(
        "--original",
        action="store_true",
        help="compare a drawing as it is; do not remove the paper first",
    )
    parser.add_argument("-k", type=int, default=30, help="how many results; default 30")
    parser.add_argument(
        "--preset",
        default="auto",
        help="what counts most: auto, idea, form, colours, even, style or "
        "other_subject (the same style, but another subject)",
    )
    parser.add_argument(
        "--weights",
        metavar="NAME=NUMBER,...",
        help="weight of each extractor, or of meaning, structure and colour; colour=1 uses "
        "colour alone",
    )
    parser.add_argument(
        "--metric",
        default="auto",
        help="compare the raw features of one extractor, which --weights names: cosine, euclidean "
        "or dotproduct; default auto, scores fitted to the collection",
    )
    add_filters(parser, "only find images that match")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Search and print the hits; 0 also when there are none."""
    # Imported here, as is whatever else needs numpy, so that --help answers at once.
    from image_search.library import Library
    from image_search.search.inside import PART
    from image_search.search.palettes import parse_colour
    from image_search.search.parsing import parse_region
    from image_search.search.queries import EUCLIDEAN, Query
    from image_search.search.ranking.fusion import TEXT
    from image_search.search.searching import LABELS, NAMES, NO_NAME, NOTHING_SHOWN, SURE

    query = Query(
        images=tuple(read_picture(path) for path in options.pictures),
        text=options.text,
        not_text=options.not_text,
        like=tuple(options.like),
        kind=options.kind,
        color=tuple(parse_colour(colour) for colour in options.color),
        regions=tuple(map(parse_region, options.region)),
        ignore=tuple(map(parse_region, options.ignore)),
        original=options.original,
        part=options.part,
        k=options.k,
        weights=_weights(options.weights),
        preset=options.preset,
        metric=options.metric,
        filter=filter_from(options),
    )
    library = Library.open(settings_from(options, NEEDED))
    result = library.search(query)
    if options.json:
        answer = dataclasses.asdict(dataclasses.replace(result, drawing=None))
        answer["drawing"] = None if result.drawing is None else result.drawing.to_json()
        for found, hit in zip(answer["hits"], result.hits, strict=True):
            found["scores"] = hit.public_scores
        print(json.dumps({"results": answer.pop("hits"), **answer}))
        return 0
    for warning in result.warnings:
        if warning in (NO_NAME, NOTHING_SHOWN):
            continue  # shown in the place of the hits
        # The first sentence; the rest would push the hits off the screen.
        print(f"Note: {warning.split('. ')[0].rstrip('.')}.", file=sys.stderr)
    if result.warnings:
        print("Run `image-search status` for more.", file=sys.stderr)
    if result.drawing is not None and result.drawing.steps:
        print(f"Detected as a drawing: {', '.join(result.drawing.steps)}.", file=sys.stderr)
    if shown := [label for label, probable in result.labels.items() if probable >= SURE]:
        print(f"The picture shows: {', '.join(shown)}.", file=sys.stderr)
    if result.matched_by == NAMES and result.hits:
        print("Matches in file names:")
    elif result.matched_by == LABELS and result.hits:
        print("Images with the label, the most typical first:")
    elif result.matched_by == PART and result.hits:
        print("Images that hold the part:")
    elif result.named and result.kind == TEXT and result.hits:
        print(f"Matched by what the picture shows: {', '.join(result.named)}")
    if result.metric == EUCLIDEAN:
        print("Scores are Euclidean distances below 0: the nearest comes first.")
    for hit in result.hits:
        parts = "  ".join(f"{name} {score:.2f}" for name, score in hit.scores.items())
        views = f"  [{len(hit.views)} views]" if hit.views else ""
        place = f"  [{hit.note}]" if hit.kind != "whole" or hit.time else ""
        variant = f"  [{hit.variant}]" if hit.variant else ""
        variant += f"  [at {hit.region}]" if hit.region else ""
        top = f"{top_of(hit.closer_than):>10}  " if hit.closer_than is not None else ""
        print(f"{hit.rank:4}  {hit.score:.3f}  {top}{hit.path}{views}{place}{variant}  ({parts})")
    unreadable = f", {result.unreadable} could not be read" if result.unreadable else ""
    if not result.compared:
        print("No image matches the filters.")
    elif not result.hits:
        print(NOTHING_SHOWN if result.named else NO_NAME)
    print(f"Compared with {result.compared:,} images{unreadable}; {result.took_ms:.0f} ms.")
    return 0


def top_of(closer_than: float) -> str:
    """Where a hit stands among all images: "top 0.5%", which is never less than its share."""
    # Two digits that count. Without the small part, 0.1 % would be rounded up to 0.11 %.
    share = 100 * (1 - closer_than)
    step = 10.0 ** (math.floor(math.log10(share)) - 1)
    return f"top {round(math.ceil(share / step - 1e-6) * step, 9):g}%"


def read_picture(path: Path) -> bytes:
    """The bytes of a picture that is named on the command line.

    Raises:
        UnreadableImage: the file cannot be read.
    """
    from image_search.imaging.reading import read_image_file

    try:
        return read_image_file(path)
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
                f"--weights must be NAME=NUMBER, several joined by commas, not {part!r}."
            ) from None
    return weights
