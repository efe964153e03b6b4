"""Kill indexing (SIGKILL) at random moments, and see that nothing but moments of work is lost.

After every kill the index must open, hold only records that are true, and answer; and the next run
must not embed again what was saved. At the end it must equal an index that was never disturbed.
What is killed makes images searchable; the fingerprints, which ``index`` makes after that and keeps
in a store of their own, are left to the searches.
"""

from __future__ import annotations

import argparse
import json
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from benchmarks.report import DATASETS, ROOT, table, timed, write_section
from image_search.library import Library
from image_search.settings import Settings
from image_search.storage import Snapshot, read_snapshot
from image_search.storage.snapshot import segment_folder

EXTRACTORS = "hsv,edges"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=Path, default=DATASETS / "pacs")
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--index", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.index:
        print(json.dumps(index(options.images, options.index)))
        return
    chance = random.Random(options.seed)
    with tempfile.TemporaryDirectory() as folder:
        calm, cache = Path(folder) / "calm.pkl", Path(folder) / "killed.pkl"
        whole, _ = timed_index(options.images, calm)
        rows, lost, kills = [], [], 0
        while kills < options.kills:
            before = images_in(cache)
            process = subprocess.Popen(
                indexing(options.images, cache),
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                cwd=ROOT,
            )
            # From the first moments of the process to well into its work; the passes that come to
            # their end start over, so that every phase is hit.
            delay = chance.uniform(0.2, 0.7 * whole)
            time.sleep(delay)
            if (
                process.poll() is not None
            ):  # finished: start over, so that the first phase is hit too
                shutil.rmtree(cache.with_suffix(".files"))
                cache.unlink()
                continue
            process.send_signal(signal.SIGKILL)
            process.wait()
            kills += 1
            after = images_in(cache)
            assert after >= before, f"{before - after} images lost by a kill"
            answers = answer(cache, options.images) if after else "empty"
            expected = delay * images_in(calm) / whole
            lost.append(max(0.0, (expected - (after - before)) / images_in(calm) * whole))
            rows.append([kills, f"{delay:.2f}", before, after, answers])
        last, report = timed_index(options.images, cache)
        same = equal(read(cache), read(calm))
    assert same, "the index differs from one that was never disturbed"
    intro = (
        f"`python -m benchmarks.kills`: an undisturbed run takes {whole:.0f} s. After each SIGKILL "
        "the index was opened, searched, and the next run went on from it. The last run embedded "
        f"{report['embedded']:,} images in {last:.1f} s; the index then equals the undisturbed "
        f"one: **{same}**. Work to be done again after a kill: median {np.median(lost):.1f} s, at "
        f"most {max(lost):.1f} s (start-up of the process included). Fingerprints, which are made "
        "afterwards and kept in other files, are not included."
    )
    images = report["unchanged"] + report["added"]
    title = f"### {options.kills} kills while indexing {images:,} images"
    head = ["kill", "after s", "images before", "images after", "search"]
    write_section("robustness.md", "kills", "\n\n".join([title, intro, table(head, rows)]))


def index(images: Path, cache: Path) -> dict[str, int]:
    """Bring ``cache`` up to date with ``images``: what was embedded, added and left as it was."""
    settings = Settings(images=images, cache=cache, extractors=EXTRACTORS)
    report = Library.open(settings).update(fingerprints=False)
    return {name: getattr(report, name) for name in ("embedded", "added", "unchanged")}


def indexing(images: Path, cache: Path) -> list[str]:
    """The command of a process that does so."""
    words = ("-m", "benchmarks.kills", "--images", images, "--index", cache)
    return [sys.executable, *map(str, words)]


def timed_index(images: Path, cache: Path) -> tuple[float, dict[str, int]]:
    """Seconds that such a process takes, and what it prints."""
    started = time.perf_counter()
    done = subprocess.run(
        indexing(images, cache), check=True, capture_output=True, text=True, cwd=ROOT
    )
    output: dict[str, int] = json.loads(done.stdout)
    return time.perf_counter() - started, output


def read(cache: Path) -> Snapshot:
    snapshot = read_snapshot(cache, segment_folder(cache))
    assert snapshot is not None
    for segment in snapshot.segments:
        segment.verify()
    return snapshot


def images_in(cache: Path) -> int:
    return read(cache).images if cache.exists() else 0


def answer(cache: Path, images: Path) -> str:
    """Search for an indexed image; it must find itself."""
    _, _, record = next(iter(read(cache).records()))
    _, printed = timed(
        "search", images / record.path, "-k", 1, "--json", "--cache", cache, "--images", images
    )
    hit = json.loads(printed)["results"][0]
    assert hit["score"] > 0.999, hit
    return "finds itself"


def equal(one: Snapshot, other: Snapshot) -> bool:
    return contents(one) == contents(other)


def contents(snapshot: Snapshot) -> dict[str, tuple[bytes, bytes]]:
    found = {}
    for number, row, record in snapshot.records():
        segment = snapshot.segments[number]
        vector = segment.vector_of[row]
        values = b"" if vector < 0 else np.round(segment.vectors[vector], 4).tobytes()
        found[record.path] = (record.digest, values)
    return found


if __name__ == "__main__":
    main()
