"""What reading and indexing ordinary JPEGs costs, against another checkout of this program.

Both take turns in one run, each in a process of its own; processor time counts, so that what else
the machine does matters little, and each round gives a ratio.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.report import DATASETS, ROOT

# Runs in either checkout: prints processor seconds for decoding all files, and for indexing them.
SCRIPT = """
import json, sys, time
from pathlib import Path
import image_search
try:
    from image_search.imaging.decoding import decode
except ImportError:  # its place before version 0.2
    from image_search.images import decode
from image_search.library import Library
from image_search.settings import Settings
folder, cache, extractors = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]
assert Path(image_search.__file__).is_relative_to(sys.argv[4])
data = [path.read_bytes() for path in sorted(folder.iterdir())]
for one in data[:10]:
    decode(one, max_megapixels=128)
began = time.process_time()
for one in data:
    decode(one, max_megapixels=128)
decoded = time.process_time() - began
library = Library.open(Settings(images=folder, cache=cache, extractors=extractors, threads=1))
began = time.process_time()
report = library.update(fingerprints=False)
assert report.added == len(data), report
print(json.dumps([decoded, time.process_time() - began]))
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("against", type=Path, help="another checkout, such as of the last release")
    parser.add_argument("--images", type=Path, nargs="*", default=[DATASETS / "speed"])
    parser.add_argument("--most", type=int, default=300, help="files of each folder")
    parser.add_argument("--extractors", default="design,hsv,edges,texture")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--profiles", action="store_true", help="files with colour profiles too")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place) / "images"
        folder.mkdir()
        for source in options.images:
            found = [path for path in sorted(source.rglob("*.jp*g")) if path.is_file()]
            plain = [p for p in found if options.profiles or b"ICC_PROFILE" not in p.read_bytes()]
            for number, path in enumerate(plain[: options.most]):
                (folder / f"{source.name}-{number:04}.jpg").write_bytes(path.read_bytes())
        ratios = []
        for number in range(options.rounds):
            pair: list[list[float]] = []
            for checkout in (options.against.resolve(), ROOT):
                cache = Path(place) / f"{number}-{len(pair)}" / "f.pkl"
                cache.parent.mkdir()
                pair.append(_measured(checkout, folder, cache, options.extractors))
            ratios.append([new / old for old, new in zip(*pair, strict=True)])
            print(f"round {number + 1}: decoding {ratios[-1][0]:.3f}, indexing {ratios[-1][1]:.3f}")
        count = len(list(folder.iterdir()))
        decoding, indexing = (statistics.median(column) for column in zip(*ratios, strict=True))
        print(
            f"{count} JPEGs, medians of {options.rounds} rounds, processor time against "
            f"{options.against}: decoding {decoding:.3f}, indexing {indexing:.3f}"
        )


def _measured(checkout: Path, folder: Path, cache: Path, extractors: str) -> list[float]:
    arguments = [str(folder), str(cache), extractors, str(checkout)]
    environment = {**os.environ, "PYTHONPATH": str(checkout), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, *arguments],
        cwd=cache.parent, env=environment, check=True, capture_output=True, text=True,
    )  # fmt: skip
    figures: list[float] = json.loads(done.stdout.splitlines()[-1])
    return figures


if __name__ == "__main__":
    main()
