"""``image-search status``: what the index holds; loads no model."""

from __future__ import annotations

import argparse
import dataclasses
import json
import time

from image_search import __version__
from image_search.cli.index import in_words
from image_search.cli.options import NEEDED, Commands, add_command, settings_from
from image_search.cli.terminal import print_line as print


def add_to(commands: Commands) -> None:
    """Register the command."""
    parser = add_command(
        commands,
        "status",
        "show what the index holds and what is missing",
        "image-search status --json",
        ["models", "extractors"],
    )
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Print the status; 0 also when the index is empty."""
    # Not through the library, which imports all that a search needs.
    from image_search.indexing.availability import status_of
    from image_search.storage import read_cache
    from image_search.storage.migrations import upgrade

    settings = settings_from(options, NEEDED)
    upgrade(settings.cache)
    status = status_of(settings, *read_cache(settings.cache))
    if options.json:
        print(json.dumps({**dataclasses.asdict(status), "version": __version__}))
        return 0
    when = (
        time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(status.updated))
        if status.updated
        else "never"
    )
    print(f"Version        {__version__}")
    print(f"Image folder   {status.images_folder}")
    print(f"Cache          {status.cache}")
    print(f"Last update    {when}")
    print(f"Images         {status.images:,}")
    print(f"Extractors     {', '.join(status.extractors) or 'none yet'}")
    print(f"Unreadable     {status.unreadable:,}")
    for failure in status.failures:
        print(f"  {failure.path}: {failure.reason}")
    if status.not_images:
        print(f"Not images     {in_words(status.not_images)}")
    if not status.updated:
        print(
            "Note: Nothing is indexed yet; put images into the folder and run image-search index."
        )
    for warning in status.warnings:
        print(f"Note: {warning}")
    return 0
