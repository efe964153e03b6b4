"""Add 10 images to an index of 5,000: the cost beside embedding 10, and embedding all."""

from __future__ import annotations

import argparse
import shutil
import statistics
import tempfile
from itertools import islice
from pathlib import Path

from benchmarks.report import DATASETS, table, timed, write_section

SETS = ("pacs", "caltech101", "clothing")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=Path, nargs="*", default=[DATASETS / s for s in SETS])
    parser.add_argument("--size", type=int, default=5000)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    found = (p for folder in options.images for p in sorted(folder.rglob("*")) if p.is_file())
    files = list(islice(found, options.size + 10 * options.rounds))
    assert len(files) == options.size + 10 * options.rounds, f"only {len(files)} images"
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        large, small = folder / "large", folder / "small"
        for place, some in ((large, files[: options.size]), (small, files[:1])):
            place.mkdir()
            for number, path in enumerate(some):
                shutil.copy(path, place / f"{number:05}{path.suffix}")
        whole, _ = timed("index", "--images", large, "--cache", folder / "large.pkl")
        timed("index", "--images", small, "--cache", folder / "small.pkl")
        seconds: dict[str, list[float]] = {"nothing new": [], "into large": [], "into small": []}
        for turn in range(options.rounds):
            ten = files[options.size + 10 * turn : options.size + 10 * turn + 10]
            index_large = ("index", "--images", large, "--cache", folder / "large.pkl")
            seconds["nothing new"].append(timed(*index_large)[0])
            for place, key in ((small, "into small"), (large, "into large")):
                for number, path in enumerate(ten):
                    shutil.copy(path, place / f"new{turn}-{number}{path.suffix}")
                cache = folder / f"{place.name}.pkl"
                seconds[key].append(timed("index", "--images", place, "--cache", cache)[0])
    middle = {key: statistics.median(values) for key, values in seconds.items()}
    rows: list[list[object]] = [
        [f"all {options.size:,} images, from nothing", f"{whole:.2f}"],
        [f"nothing new in {options.size:,}", f"{middle['nothing new']:.2f}"],
        ["10 more into an index of a few", f"{middle['into small']:.2f}"],
        [f"10 more into {options.size:,}", f"{middle['into large']:.2f}"],
    ]
    write_section(
        "performance.md",
        "increment",
        "### Adding 10 images\n\n`python -m benchmarks.increment`: whole commands, process start "
        f"included, medians of {options.rounds}. Adding 10 to {options.size:,} costs "
        f"**{middle['into large'] / middle['into small']:.2f} times** what adding them to a "
        f"handful costs, and {whole / middle['into large']:.0f} times less than indexing all.\n\n"
        + table(["what", "seconds"], rows),
    )


if __name__ == "__main__":
    main()
