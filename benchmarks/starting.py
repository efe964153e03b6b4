"""Cold starts of the command line: ``--help``, ``status`` and ``search``, each as a new process.

Over the images of ``--folder`` (several, if need be), filled up as benchmarks/serving.py does, with
random weights. The files are in the page cache, as they are on a machine in use.
"""

from __future__ import annotations

import argparse
import os
import statistics
from pathlib import Path

from benchmarks import random_weights
from benchmarks.report import DATASETS, table, timed, write_section
from benchmarks.serving import AUTOMATIC, FOLDERS, filled, images_in, pictures

# What each command may take, in seconds, at 10,000 images.
GOALS = {"--help": 0.3, "status": 0.3, "search IMAGE": 2.5, "search --text": 2.5}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--folder", type=Path, nargs="*", default=[DATASETS / name for name in FOLDERS]
    )
    parser.add_argument("--images", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--kept", type=Path, default=Path("test-output/serving"))
    parser.add_argument("--extractors", default=AUTOMATIC[0])
    options = parser.parse_args()
    kept = options.kept.absolute()
    sources = images_in(options.folder)
    filled(kept / "images", sources, options.images)
    (picture,) = pictures(kept / "queries", sources, 1)
    random_weights.use(kept / "weights")
    cache = kept / f"{options.extractors.replace(',', '-')}.pkl"
    where = ("--images", kept / "images", "--cache", cache, "--extractors", options.extractors)
    timed("index", *where)
    commands = {
        "--help": ("--help",),
        "status": ("status", *where),
        "search IMAGE": ("search", picture, *where),
        "search --text": ("search", "--text", "leaf ring", *where),
    }
    # The first search makes what later starts find: codes, models converted and compiled.
    timed(*commands["search IMAGE"])
    took: dict[str, list[float]] = {name: [] for name in commands}
    used: dict[str, list[float]] = {name: [] for name in commands}
    for _ in range(options.rounds):
        for name, arguments in commands.items():
            seconds, processor = watched(arguments)
            took[name].append(seconds)
            used[name].append(processor)
    rows: list[list[object]] = [
        [
            f"`{name}`",
            f"{statistics.median(took[name]):.2f}",
            f"{min(took[name]):.2f} to {max(took[name]):.2f}",
            f"{statistics.median(used[name]):.2f}",
            f"{GOALS[name]:g}",
        ]
        for name in commands
    ]
    write_section(
        "performance.md",
        "starting",
        f"### Cold starts\n\n`python -m benchmarks.starting`: whole processes over an index of "
        f"{options.images:,} images with {options.extractors}, medians of {options.rounds}, in "
        "seconds.\n\n" + table(["command", "seconds", "range", "processor time", "goal"], rows),
    )


def watched(arguments: tuple[object, ...]) -> tuple[float, float]:
    """Seconds that a command took, and those of the processor."""
    before = os.times()
    seconds, _ = timed(*arguments)
    after = os.times()
    used = after.children_user + after.children_system
    return seconds, used - before.children_user - before.children_system


if __name__ == "__main__":
    main()
