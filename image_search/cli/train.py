"""``image-search train``: what is learnt from the collection itself."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING

from image_search.cli.index import stopping
from image_search.cli.options import (
    NEEDED,
    Commands,
    add_command,
    check_picture,
    settings_from,
    write_picture,
)
from image_search.cli.terminal import Steps
from image_search.cli.terminal import print_line as print
from image_search.errors import SettingsError

if TYPE_CHECKING:
    from image_search.labels.head import LabelHead

_INTERRUPTED = 130
_SHOWN = 30
_MOST_MINUTES = 24 * 60


def add_to(commands: Commands) -> None:
    """Register the command."""
    parser = add_command(
        commands,
        "train",
        "learn labels from images that have them, so that others get them too; or an autoencoder "
        "(vae), which draws the designs of the collection",
        "image-search train labels --from folder\n"
        "  image-search train labels --from '{label}_*.jpg'\n"
        "  image-search train vae --minutes 10 --losses losses.png --sheet drawn.png",
        [],
    )
    parser.add_argument("what", choices=["labels", "vae"], help="what to learn")
    parser.add_argument(
        "--from",
        dest="source",
        metavar="SOURCE",
        default="folder",
        help="where labels come from, besides those that people gave: folder (the folder that a "
        "file lies in), folders (all folders above it), people (nothing else), or a pattern such "
        "as {label}_*.jpg; default folder",
    )
    of_vae = parser.add_argument_group("for vae")
    of_vae.add_argument(
        "--minutes", type=float, default=5.0, help="how long to learn this time; default 5"
    )
    of_vae.add_argument(
        "--again", action="store_true", help="begin from nothing; otherwise it goes on with what "
        "it learnt before, also after an interruption",
    )  # fmt: skip
    of_vae.add_argument("--losses", type=Path, metavar="FILE", help="write a plot (PNG) of losses")
    of_vae.add_argument(
        "--sheet", type=Path, metavar="FILE", help="write a picture (PNG) of some images above "
        "what it draws of them",
    )  # fmt: skip
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Train and print how good the result is; 130 if that was interrupted."""
    if options.what == "vae":
        return _train_vae(options)
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


def _train_vae(options: argparse.Namespace) -> int:
    from image_search.autoencoder.sheets import losses_plot, reconstructions
    from image_search.autoencoder.training import train
    from image_search.extractors import vae
    from image_search.extractors.weights.sources import AUTOENCODER
    from image_search.library import Library

    for path in (options.losses, options.sheet):
        if path is not None:
            check_picture(path)
    if not 0 < options.minutes <= _MOST_MINUTES:
        raise SettingsError(
            f"--minutes must be above 0 and at most {_MOST_MINUTES:,}, not {options.minutes:g}."
        )
    library = Library.open(settings_from(options, NEEDED))
    bar = Steps("Training", quiet=options.json)
    try:
        with stopping() as stop:
            found = train(
                library,
                options.minutes,
                again=options.again,
                on_progress=bar.show,
                cancelled=stop.is_set,
            )
    finally:
        bar.close()
    if found is None:
        print("Interrupted before anything was learnt.")
        return _INTERRUPTED
    learnt, _, squares = found
    if options.losses is not None:
        write_picture(options.losses, losses_plot(learnt.losses))
    if options.sheet is not None:
        write_picture(options.sheet, reconstructions(vae.trained(), squares))
    error, divergence = learnt.losses[-1] if learnt.losses else (None, None)
    if options.json:
        about = {
            "images": learnt.images,
            "epochs": len(learnt.losses),
            "seconds": round(learnt.seconds, 1),
            "error": error,
            "divergence": divergence,
            "stopped": learnt.stopped,
            "weights": str(AUTOENCODER.place),
        }
        print(json.dumps(about))
        return _INTERRUPTED if learnt.stopped else 0
    print(
        f"Learnt from {learnt.images:,} images in {len(learnt.losses):,} epochs, "
        f"{learnt.seconds / 60:.1f} minutes in all."
    )
    if any(one.name == vae.NAME for one in library.snapshot().extractors):
        print("Its vectors changed: run `image-search index --renew vae`.")
    else:
        print("To search by it, name vae in IMAGE_SEARCH_EXTRACTORS and run `image-search index`.")
    if learnt.stopped:
        print("Interrupted; the next run goes on from here.")
        return _INTERRUPTED
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
