"""Index a folder of files meant to break software: all accounted for, memory bounded, upright."""

from __future__ import annotations

import argparse
import collections
import json
import os
import subprocess
import tempfile
import time
from pathlib import Path

from benchmarks.report import DATASETS, command, table, timed, write_section


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=Path, default=DATASETS / "robust")
    options = parser.parse_args()
    files = sum(
        not name.startswith(".") for _, _, names in os.walk(options.images) for name in names
    )
    with tempfile.TemporaryDirectory() as folder:
        cache = Path(folder) / "cache.pkl"
        where = ("--images", options.images, "--cache", cache)
        started = time.perf_counter()
        process = subprocess.Popen(
            command("index", "--json", *where), stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        assert process.stdout is not None
        assert process.stderr is not None
        printed, errors = process.stdout.read(), process.stderr.read()
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - started
        assert status == 0, errors.decode()
        report = json.loads(printed)
        kinds = collections.Counter(kind_of(failure["reason"]) for failure in report["failures"])
        upright = orientation(options.images, where)
    missing = files - report["added"] - report["unreadable"]
    rows: list[list[object]] = [["indexed", report["added"]]]
    rows += [[f"listed: {kind}", count] for kind, count in kinds.most_common()]
    rows += [["**not accounted for**", missing], ["**all**", files]]
    write_section(
        "robustness.md",
        "broken files",
        f"### {files} files meant to break image software\n\n"
        f"`python -m benchmarks.broken_files`: {seconds:.1f} s, peak memory "
        f"{usage.ru_maxrss / 1024:,.0f} MB, no crash. {upright}\n\n" + table(["", "files"], rows),
    )


def kind_of(reason: str) -> str:
    if "not an image" in reason:
        return "not an image in a known format"
    if "megapixels" in reason or "far more pixels" in reason:
        return "too large"
    return "empty" if "empty" in reason else "damaged or incomplete"


def orientation(images: Path, where: tuple[object, ...]) -> str:
    """How many of the EXIF orientation files find all the others of their motif."""
    folder = images / "exif_orientation"
    right = asked = 0
    for motif in ("Landscape", "Portrait"):
        group = sorted(folder.glob(f"{motif}_*"))
        for path in group:
            _, printed = timed("search", path, "-k", len(group), "--json", *where)
            found = {Path(hit["path"]).name for hit in json.loads(printed)["results"]}
            asked += 1
            right += found == {other.name for other in group}
    summary = f"{right} find all the others of their motif first"
    return f"Of {asked} files with EXIF orientations, {summary}."


if __name__ == "__main__":
    main()
