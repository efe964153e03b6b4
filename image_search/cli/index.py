"""``image-search index``: bring the cache up to date with the image folder."""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import json
import signal
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from image_search.cli.options import MADE, add_command, settings_from
from image_search.cli.terminal import print_line as print
from image_search.errors import CacheLocked

if TYPE_CHECKING:
    from image_search.cli.options import Commands
    from image_search.indexing.reports import Progress, Report
    from image_search.library import Library

# Unreadable files shown; --json has them all.
SHOWN = 20
# Endings of files that are no images.
SHOWN_ENDINGS = 6


def add_to(commands: Commands) -> None:
    """Register the command."""
    parser = add_command(
        commands,
        "index",
        "bring the index up to date with the image folder",
        "image-search index --images ~/designs",
        ["models", "extractors", "threads", "image_megapixels", "hub_timeout", "ignore"],
    )
    parser.add_argument(
        "--only-search", action="store_true",
        help="index for search only; the service, or the next run, finds the duplicates",
    )  # fmt: skip
    parser.add_argument(
        "--renew", metavar="NAMES",
        help="compute the vectors by these extractors again, joined by commas; searches use the "
        "others until that is done",
    )  # fmt: skip
    parser.add_argument(
        "--take", metavar="PART", nargs="+", type=Path, default=[],
        help="folders that `image-search embed` made: their vectors are used for the same files",
    )  # fmt: skip
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Index; 0 when done, 130 when interrupted (the work so far is kept)."""
    from image_search.library import Library

    started = time.monotonic()
    library = Library.open(settings_from(options, MADE))
    bar = ProgressBar(quiet=options.json)
    with stopping() as stop:
        try:
            if options.renew:
                names = [name.strip() for name in options.renew.split(",")]
                library.update(bar.show, stop.is_set, fingerprints=False, without=names)
            report = library.update(
                bar.show, stop.is_set, fingerprints=not options.only_search, parts=options.take
            )
            if not (report.cancelled or options.only_search):
                report = dataclasses.replace(report, cancelled=not _compare(library, bar, stop))
        finally:
            bar.close()
    # With the duplicates, which take longer than the rest.
    report = dataclasses.replace(report, seconds=time.monotonic() - started)
    groups, images = (0, 0) if options.only_search else _duplicates(library)
    if options.json:
        found = {"duplicate_groups": groups, "duplicate_images": images}
        print(json.dumps(dataclasses.asdict(report) | found))
    else:
        print_report(report)
        if groups:
            count = "1 group" if groups == 1 else f"{groups:,} groups"
            print(
                f"{count} of duplicates with {images:,} images; `image-search duplicates` lists "
                "them."
            )
    return 130 if report.cancelled else 0


def _compare(library: Library, bar: ProgressBar, stop: threading.Event) -> bool:
    """Find the duplicates among what is new; whether that was not interrupted. The thresholds wait
    until something asks for them."""
    # Where a service is at it already, it does this too.
    with contextlib.suppress(CacheLocked):
        library.duplicates.update(bar.show, stop.is_set, fitting=False)
    return not stop.is_set()


def _duplicates(library: Library) -> tuple[int, int]:
    """How many groups of duplicates are known, and how many images are in them."""
    page = library.duplicates.page(limit=1)
    for warning in page.warnings:
        print(f"Note: {warning}", file=sys.stderr)
    return page.total, page.images


@contextlib.contextmanager
def stopping() -> Iterator[threading.Event]:
    """Set when the process is asked to stop, so that the work so far can be saved."""
    stop = threading.Event()

    def ask(*_: object) -> None:
        if stop.is_set():
            raise KeyboardInterrupt  # asked twice: not even the work at hand is waited for
        stop.set()

    restore = {number: signal.signal(number, ask) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    finally:
        for number, handler in restore.items():
            signal.signal(number, handler)


class ProgressBar:
    """A progress bar on standard error with rate and time left."""

    def __init__(self, quiet: bool) -> None:
        self._quiet = quiet
        self._bar: Any = None

    def show(self, progress: Progress) -> None:
        """Draw the bar as far as the update is."""
        # Looking through a small folder takes no time worth showing.
        if self._quiet or not (progress.total or progress.done):
            return
        total = progress.total or None
        if self._bar is None or self._bar.total != total or progress.done < self._bar.n:
            from tqdm import tqdm

            self.close()
            unit = " images" if total else " files"
            self._bar = tqdm(total=total, unit=unit, smoothing=0.1, dynamic_ncols=True)
        self._bar.set_description(progress.phase.capitalize(), refresh=False)
        self._bar.update(progress.done - self._bar.n)

    def close(self) -> None:
        """Leave the bar as it stands."""
        if self._bar is not None:
            self._bar.close()


def in_words(endings: dict[str, int]) -> str:
    """Files by their endings: "600 .xmp, 2 .txt"."""
    shown = [f"{count:,} {kind or 'without an ending'}" for kind, count in endings.items()]
    more = sum([*endings.values()][SHOWN_ENDINGS:])
    return ", ".join([*shown[:SHOWN_ENDINGS], *([f"{more:,} more"] if more else [])])


def print_report(report: Report) -> None:
    """Print what an update did."""
    for warning in report.warnings:
        print(f"Note: {warning}", file=sys.stderr)
    for failure in report.failures[:SHOWN]:
        print(f"Unreadable: {failure.path}: {failure.reason}", file=sys.stderr)
    if len(report.failures) > SHOWN:
        more = len(report.failures) - SHOWN
        print(f"... and {more} more; `image-search status --json` lists all.", file=sys.stderr)
    if report.not_images:
        print(
            f"Left out, because they are not images: {in_words(report.not_images)}.",
            file=sys.stderr,
        )
    if report.calibrated:
        print("The scores were adjusted to the collection as it is now.")
    if report.cancelled:
        print("Interrupted; what was done is saved, and the next run continues from there.")
    if report.taken:
        print(f"{report.taken:,} images were taken from parts, and not embedded here.")
    print(
        f"{report.added} added, {report.changed} changed, {report.moved} moved, "
        f"{report.removed} removed, {report.unchanged} unchanged, {report.unreadable} unreadable "
        f"({report.seconds:.1f} s)"
    )
