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
    from image_search.extractors.resolve import chosen

    settings = settings_from(options)
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
        row: dict[str, Any] = {
            "name": spec.name,
            "model": spec.model,
            "dim": spec.dim,
            "summary": spec.summary,
            "variant_of": spec.variant_of,
            "present": True,
        }
        if spec.weights is not None:
            path = spec.weights.path()
            row |= {
                "present": spec.weights.missing_reason() is None,
                "missing_reason": spec.weights.missing_reason(),
                "lack": spec.weights.missing_reason(),  # the name of release 0.1
                "path": str(path) if path else None,
                "bytes": spec.weights.size,
                "licence": spec.weights.licence,
                "source": spec.weights.source,
            }
        rows.append(row)
    if options.json:
        print(json.dumps({"models": rows, "failed": failed}))
    else:
        _print(rows)
        for message in failed.values():
            print(f"image-search: {message}", file=sys.stderr)
    return 2 if failed else 0


def _print(rows: list[dict[str, Any]]) -> None:
    for row in rows:
        print(f"{row['name']}: {row['summary']}")
        print(f"    model    {row['model']}, {row['dim']} numbers per image")
        if row["variant_of"]:
            print(f"    used     in place of {row['variant_of']}")
        if "source" not in row:
            print("    weights  none needed")
            continue
        print(f"    weights  {row['bytes'] / 1e6:.0f} MB, {row['licence']}, from {row['source']}")
        print(f"    here     {row['path'] if row['present'] else 'no: ' + row['lack']}")
