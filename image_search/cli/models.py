"""``image-search models``: which models there are, where from, and whether they are here."""

from __future__ import annotations

import argparse
import json
import sys
from typing import Any

from image_search.cli.options import Commands, add_command, settings_from
from image_search.cli.terminal import print_line as print
from image_search.errors import ModelUnavailable


def add_to(commands: Commands) -> None:
    """Register the command."""
    parser = add_command(
        commands,
        "models",
        "list the models, or download those that are missing",
        "image-search models fetch clip-laion2b",
        ["models", "extractors", "hub_timeout"],
    )
    parser.add_argument(
        "action", nargs="?", choices=["list", "fetch"], default="list", help="default: list"
    )
    parser.add_argument(
        "names",
        metavar="NAME",
        nargs="*",
        help="the models to download, or sets of them; default: those that the settings name",
    )
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """List the models, after fetching what is missing where that is asked; 2 if a fetch failed."""
    from image_search.extractors import REGISTRY
    from image_search.extractors.listing import extractor_row, set_rows
    from image_search.extractors.resolve import check_choice, chosen

    settings = settings_from(options)
    check_choice(settings)
    failed: dict[str, str] = {}
    if options.action == "fetch":
        choices = options.names or [settings.models, settings.chosen_models]
        for name in dict.fromkeys(spec.name for choice in choices for spec in chosen(choice)):
            weights = REGISTRY[name].weights
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
    if options.json:
        print(json.dumps({"models": rows, "sets": sets, "failed": failed}))
    else:
        _print_sets(sets)
        _print(rows)
        for message in failed.values():
            print(f"image-search: {message}", file=sys.stderr)
    return 2 if failed else 0


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
