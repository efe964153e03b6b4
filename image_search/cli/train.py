"""``image-search train``: what is learnt from the collection itself."""

from __future__ import annotations

import argparse
import json
from typing import TYPE_CHECKING

from image_search.cli.index import stopping
from image_search.cli.options import NEEDED, Commands, add_command, settings_from
from image_search.cli.terminal import Steps
from image_search.cli.terminal import print_line as print

if TYPE_CHECKING:
    from image_search.labels.head import LabelHead

_INTERRUPTED = 130
_SHOWN = 30


def add_to(commands: Commands) -> None:
    """Register the command."""
    parser = add_command(
        commands,
        "train",
        "learn labels from images that have them, so that others get them too",
        "image-search train labels --from folder\n"
        "  image-search train labels --from '{label}_*.jpg'",
        [],
    )
    parser.add_argument("what", choices=["labels"], help="what to learn")
    parser.add_argument(
        "--from",
        dest="source",
        metavar="SOURCE",
        default="folder",
        help="where labels come from, besides those that people gave: folder (the folder that a "
        "file lies in), folders (all folders above it), people (nothing else), or a pattern such "
        "as {label}_*.jpg; default folder",
    )
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Train and print how good the result is; 130 if that was interrupted."""
    from image_search.library import Library

    library = Library.open(settings_from(options, NEEDED))
    bar = Steps("Training", quiet=options.json)
    try:
        with stopping() as stop:
            head = library.labels.train(options.source, bar.show, stop.is_set)
    finally:
        bar.close()
    if head is None:
        print("Interrupted; the labels that were trained before stay.")
        return _INTERRUPTED
    if options.json:
        print(json.dumps(head.to_json()))
    else:
        _print(head)
    return 0


def _print(head: LabelHead) -> None:
    about = head.assessment
    print(
        f"Learnt {len(head.labels):,} labels from {about.images:,} images in {about.seconds:.1f} s."
    )
    if about.accuracy is not None and about.error is not None:
        print(
            f"Of images that it did not see, it labels {100 * about.accuracy:.0f} of 100 right; "
            f"probabilities are off by {100 * about.error:.0f} in 100 on average."
        )
    else:
        print("There are too few images to say how often it is right.")
    few = sorted(about.labels.items(), key=lambda one: (one[1], one[0]))
    for label, count in few[:_SHOWN]:
        print(f"{count:8,}  {label}")
    if len(few) > _SHOWN:
        print(f"... and {len(few) - _SHOWN:,} with more images.")
