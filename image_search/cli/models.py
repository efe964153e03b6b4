"""``image-search models``: which there are, whether they are here, and which are better."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from image_search.cli.index import ProgressBar
from image_search.cli.options import Commands, add_command, settings_from
from image_search.cli.terminal import print_line as print
from image_search.errors import ModelUnavailable, SettingsError
from image_search.settings import PROPOSALS

if TYPE_CHECKING:
    from image_search.evaluation.comparing import ModelComparison
    from image_search.evaluation.figures import Figure
    from image_search.extractors.weights.files import Weights
    from image_search.settings import Settings


def add_to(commands: Commands) -> None:
    """Register the command."""
    parser = add_command(
        commands,
        "models",
        "list the models, download those that are missing, or compare two sets of them",
        "image-search models fetch sharp\n"
        "  image-search models compare classic sharp --gallery labelled",
        [
            "models",
            "extractors",
            "detector",
            "threads",
            "image_megapixels",
            "hub_timeout",
            "ignore",
        ],
    )
    parser.add_argument(
        "action", nargs="?", choices=["list", "fetch", "compare"], default="list",
        help="default: list",
    )  # fmt: skip
    parser.add_argument(
        "names",
        metavar="NAME",
        nargs="*",
        help="what to download: extractors, sets or detectors; default: those that the settings "
        "name. Or the two to compare: sets, or extractors joined by commas",
    )
    only = parser.add_argument_group("only for compare")
    only.add_argument(
        "--gallery",
        type=Path,
        metavar="DIR",
        help="the images to search, in a folder for each class; default: the image folder",
    )
    only.add_argument(
        "--queries",
        type=Path,
        metavar="DIR",
        help="the pictures to search with, in folders of the same names; default: every image of "
        "the gallery in turn",
    )
    only.add_argument(
        "--sample", type=int, metavar="IMAGES",
        help="embed at most so many images of each folder; default 1000",
    )  # fmt: skip
    only.add_argument("--seed", type=int, help="of the choice of images; default 0")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """List the models, after fetching what is missing where that is asked, or compare two sets;
    2 if a fetch failed."""
    from image_search.extractors import REGISTRY
    from image_search.extractors.detectors import DETECTORS
    from image_search.extractors.listing import detector_row, extractor_row, set_rows
    from image_search.extractors.resolve import check_choice, chosen

    settings = settings_from(options)
    check_choice(settings)
    if options.action == "compare":
        return _compare(options, settings)
    for name in ("gallery", "queries", "sample", "seed"):
        if getattr(options, name) is not None:
            raise SettingsError(f"--{name} is only for `image-search models compare`.")
    failed: dict[str, str] = {}
    if options.action == "fetch":
        named = [settings.models, settings.chosen_models, settings.detector]
        choices = options.names or [name for name in named if name != PROPOSALS]
        wanted: dict[str, Weights | None] = {
            choice: DETECTORS[choice].weights for choice in choices if choice in DETECTORS
        }
        for choice in choices:
            if choice not in DETECTORS:
                wanted |= {spec.name: spec.weights for spec in chosen(choice)}
        for name, weights in wanted.items():
            if weights is not None:
                try:
                    weights.fetch(timeout=settings.hub_timeout)
                except ModelUnavailable as error:
                    failed[name] = str(error)
    rows = []
    for spec in REGISTRY.values():
        path = None if spec.weights is None else spec.weights.path()
        rows.append(extractor_row(spec) | ({"path": str(path)} if path else {"path": None}))
    sets = set_rows(settings)
    found = [detector_row(spec, settings) for spec in DETECTORS.values()]
    if options.json:
        print(json.dumps({"models": rows, "sets": sets, "detectors": found, "failed": failed}))
    else:
        _print_sets(sets)
        _print(rows)
        _print_detectors(found)
        for message in failed.values():
            print(f"image-search: {message}", file=sys.stderr)
    return 2 if failed else 0


def _compare(options: argparse.Namespace, settings: Settings) -> int:
    from image_search.evaluation.comparing import SAMPLE, compare
    from image_search.evaluation.protocol import SEED

    if len(options.names) != 2:
        raise SettingsError(
            "Name the two to compare, such as `image-search models compare classic sharp`."
        )
    bar = ProgressBar(quiet=options.json)
    try:
        found = compare(
            settings,
            (options.names[0], options.names[1]),
            options.gallery or settings.images,
            options.queries,
            sample=SAMPLE if options.sample is None else options.sample,
            seed=SEED if options.seed is None else options.seed,
            on_progress=bar.show,
        )
    finally:
        bar.close()
    if options.json:
        print(json.dumps(found.to_plain()))
    else:
        _print_comparison(found)
    return 0


def _print_comparison(found: ModelComparison) -> None:
    for warning in found.warnings:
        print(f"Note: {warning}", file=sys.stderr)
    print(
        f"{found.asked:,} queries; {found.images:,} of {found.of_images:,} images, of "
        f"{found.classes} classes."
    )
    measures = list(found.differences)
    width = max(len("difference"), *(len(one.name) for one in found.contenders))
    print()
    print(" " * width + "".join(f"{name + ' (95 %)':>27}" for name in measures)
          + f"{'ms/image':>10}{'bytes/image':>13}")  # fmt: skip
    for one in found.contenders:
        cells = [_cell(one.measures[name], "") for name in measures]
        ms = "-" if one.seconds_per_image is None else f"{1000 * one.seconds_per_image:.1f}"
        print(
            f"{one.name:{width}}" + "".join(f"{cell:>27}" for cell in cells)
            + f"{ms:>10}{one.bytes_per_image:>13,.0f}"
        )  # fmt: skip
    cells = [_cell(found.differences[name], "+") for name in measures]
    print(f"{'difference':{width}}" + "".join(f"{cell:>27}" for cell in cells))
    print()
    print(found.verdict)


def _cell(figure: Figure, sign: str) -> str:
    low, high = f"{figure.low:{sign}.3f}", f"{figure.high:{sign}.3f}"
    return f"{figure.mean:{sign}.3f} ({low} to {high})"


def _print_sets(sets: list[dict[str, Any]]) -> None:
    print("Sets of models (IMAGE_SEARCH_MODELS, or --models):")
    for row in sets:
        print(f"{row['name']}: {row['summary']}{' (in use)' if row['chosen'] else ''}")
        print(f"    made of  {', '.join(row['extractors'])}")
        here = f"no: {row['missing_bytes'] / 1e6:.0f} MB of {', '.join(row['missing'])} are missing"
        print(f"    weights  {row['bytes'] / 1e6:.0f} MB to download")
        print(f"    here     {here if row['missing'] else 'yes'}")
    print()
    print("Extractors:")


def _print_detectors(rows: list[dict[str, Any]]) -> None:
    print()
    print("Detectors of objects (IMAGE_SEARCH_DETECTOR, or --detector):")
    for row in rows:
        print(f"{row['name']}: {row['summary']}{' (in use)' if row['chosen'] else ''}")
        print(f"    weights  {row['bytes'] / 1e6:.0f} MB, {row['licence']}, from {row['source']}")
        print(f"    here     {'yes' if row['present'] else 'no: ' + row['missing_reason']}")


def _print(rows: list[dict[str, Any]]) -> None:
    for row in rows:
        print(f"{row['name']}: {row['summary']}")
        print(f"    model    {row['model']}, {row['dim']} numbers per image")
        print(f"    sets     {', '.join(row['sets']) or 'none; used if it is named'}")
        if "source" not in row:
            print("    weights  none needed")
            continue
        print(f"    weights  {row['bytes'] / 1e6:.0f} MB, {row['licence']}, from {row['source']}")
        print(f"    here     {row['path'] if row['present'] else 'no: ' + row['missing_reason']}")
