"""A collection of 100,000 images from end to end: indexing, starting, duplicates, verdicts.

All is done by the real commands over real files. No collection of that size is at hand, so beyond
the real pictures of ``--folder`` there are collages: each of a dozen pieces of real pictures, every
piece turned, stretched, mirrored and lightened at random. Pieces of one picture so lie in some
hundred collages, which is more likeness than unrelated pictures have; nothing of a picture that is
asked for goes into any.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import statistics
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import cv2
import numpy as np

from benchmarks.fingerprinted import BACKDROPS, FOLDERS, backdrops, copies, spaced
from benchmarks.report import DATASETS, table, timed, write_section
from benchmarks.serving import images_in
from image_search.duplicates.checking import CheckResult
from image_search.errors import UnreadableImage
from image_search.imaging.arrays import Pixels
from image_search.imaging.decoding import decode
from image_search.library import Library
from image_search.search.queries import Query
from image_search.settings import load_settings

MORE = [DATASETS / name for name in ("corel1k", "pacs", "sketchy", "dtd10")]
PIECES, SIDE = 12, 320
# Of the edits that there are, every so many is asked for of each picture.
STEP = 4
# Collages that one process makes in a row, after it has read so many pictures to cut up.
TOGETHER, CUT_UP = 1000, 1500


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, default=100_000)
    parser.add_argument("--asked", type=int, default=20, help="pictures that are edited")
    parser.add_argument("--folder", type=Path, nargs="*", default=FOLDERS)
    parser.add_argument("--more", type=Path, nargs="*", default=MORE)
    parser.add_argument("--backdrops", type=Path, default=BACKDROPS)
    parser.add_argument("--kept", type=Path, default=Path("test-output/large"))
    options = parser.parse_args()
    kept = options.kept.absolute()
    asked = spaced(images_in(options.folder), options.asked)
    fill(kept / "images", asked, images_in([*options.folder, *options.more]), options.images)
    where = ("--images", kept / "images", "--cache", kept / "index.pkl")
    rows = [*commands(kept, where, options.images)]
    rows += verdicts(kept, asked, backdrops(options.backdrops))
    real = len(images_in([*options.folder, *options.more]))
    write_section(
        "performance.md",
        "large-collection",
        f"### {options.images:,} images from end to end\n\n"
        f"`python -m benchmarks.large_collection`: the real commands over {real:,} real pictures "
        f"and {options.images - real:,} collages of {PIECES} pieces each, with the extractors "
        "that need no download. Verdicts are timed in the library, as the service calls it, "
        "including the embedding and the evidence: the median, the 95th percentile and the "
        "longest.\n\n" + table(["what", "took", ""], rows),
    )


def fill(folder: Path, asked: Sequence[Path], real: Sequence[Path], count: int) -> None:
    """``folder`` with the ``real`` pictures and as many collages as make ``count`` images."""
    folder.mkdir(parents=True, exist_ok=True)
    for number, path in enumerate(real):
        target = folder / "real" / f"{number // 1000:03}" / f"{number:06}{path.suffix.lower()}"
        if not target.exists():
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(path.read_bytes())
    sources = sorted(set(real) - set(asked))
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        starts = range(0, count - len(real), TOGETHER)
        some = [min(TOGETHER, count - len(real) - start) for start in starts]
        folders = [folder / "collages" / f"{start // TOGETHER:03}" for start in starts]
        list(pool.map(collages, folders, [sources] * len(some), some))


def collages(folder: Path, sources: Sequence[Path], count: int) -> None:
    """``count`` collages in ``folder``, unless they are there."""
    if folder.exists() and len(list(folder.iterdir())) == count:
        return
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(int(folder.name))
    chosen = rng.permutation(len(sources))[:CUT_UP]
    cut_up = [pixels for i in chosen if (pixels := small(sources[i])) is not None]
    for number in range(count):
        quality = [cv2.IMWRITE_JPEG_QUALITY, 88]
        cv2.imwrite(str(folder / f"{number:04}.jpg"), collage(cut_up, rng)[..., ::-1], quality)


def small(path: Path) -> Pixels | None:
    try:
        pixels = decode(path.read_bytes(), max_megapixels=500).pixels
    except UnreadableImage:
        return None
    scale = SIDE / max(pixels.shape[:2])
    return np.asarray(cv2.resize(pixels, None, fx=scale, fy=scale), np.uint8)


def collage(cut_up: Sequence[Pixels], rng: np.random.Generator) -> Pixels:
    """Pieces of pictures that lie over each other on a plain ground, (height, width, 3)."""
    height, width = (int(side) for side in rng.integers(SIDE * 2 // 3, SIDE + 1, 2))
    page = np.empty((height, width, 3), np.uint8)
    page[:] = rng.integers(0, 256, 3)
    for _ in range(PIECES):
        source = cut_up[int(rng.integers(len(cut_up)))]
        h, w = (max(24, int(n * rng.uniform(0.2, 0.45))) for n in source.shape[:2])
        top = int(rng.integers(max(1, source.shape[0] - h)))
        left = int(rng.integers(max(1, source.shape[1] - w)))
        piece = source[top : top + h, left : left + w]
        gain, lift = rng.uniform(0.6, 1.5), rng.uniform(-30, 30)
        piece = np.asarray(cv2.convertScaleAbs(piece, alpha=gain, beta=lift), np.uint8)
        angle, sizes = rng.uniform(0, 2 * np.pi), np.exp(rng.normal(0.1, 0.3, 2))
        turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        turn = turn @ np.diag(sizes * (rng.choice([-1, 1]), 1))
        middle = rng.uniform(0, 1, 2) * (width, height)
        affine = np.column_stack([turn, middle - turn @ (w / 2, h / 2)])
        cv2.warpAffine(piece, affine, (width, height), dst=page, borderMode=cv2.BORDER_TRANSPARENT)
    return page


def commands(kept: Path, where: tuple[object, ...], images: int) -> Iterator[list[object]]:
    """Rows on whole commands: each from the start of its process to its end."""
    # What is there already of an earlier run is gone on with, but then no figure for all of it.
    missing = not (kept / "index.pkl").exists()
    with contextlib.suppress(FileNotFoundError):
        (kept / "index.files" / "duplicates.sqlite").unlink()
    seconds, _ = timed("index", *where, "--json")
    if missing:
        yield row(
            "`index`, from nothing to the duplicates", seconds, f"{images / seconds:.0f} images/s"
        )
    else:
        yield row("`index`, where only the duplicates are not known", seconds)
    yield row("`index`, nothing new", timed("index", *where, "--json")[0])
    yield row("`status`", statistics.median(timed("status", *where)[0] for _ in range(5)))
    # Once, for the thresholds.
    timed("duplicates", *where, "--json", "--limit", 1)
    seconds, answer = timed("duplicates", *where, "--json", "--limit", 1)
    groups = json.loads(answer)["total"]
    yield row("`duplicates`, the first groups of them", seconds, f"{groups:,} groups")
    extra = kept / "images" / "extra"
    collages(kept / "extra" / "990", images_in(FOLDERS), 100)
    (kept / "extra" / "990").rename(extra)
    seconds, _ = timed("index", *where, "--json")
    yield row("`index`, 100 more, to the duplicates", seconds)


def verdicts(kept: Path, asked: Sequence[Path], into: Sequence[Pixels]) -> Iterator[list[object]]:
    """Rows on checks of edited copies, and of collages that are not in the collection."""
    settings = load_settings({}, {"images": kept / "images", "cache": kept / "index.pkl"})
    library = Library.open(settings)
    began = time.perf_counter()
    library.warm_up()
    yield row("ready to answer", time.perf_counter() - began)
    paths = {str(path).encode(): path for path in asked}
    edits = [one.pixels for one in copies(paths, list(paths), into, STEP)]
    collages(kept / "unseen" / "991", images_in(FOLDERS), len(edits))
    new = [path.read_bytes() for path in sorted((kept / "unseen" / "991").iterdir())]
    for what, pictures in (("edited copies", [*map(encoded, edits)]), ("new collages", new)):
        found = [library.check(Query(images=(data,))) for data in pictures]
        yield [f"verdict on {len(found)} {what}", spread(found), answer(found)]


def encoded(pixels: Pixels) -> bytes:
    return bytes(cv2.imencode(".png", pixels[..., ::-1])[1])


def spread(found: Sequence[CheckResult]) -> str:
    took = [one.took_ms / 1000 for one in found]
    return " / ".join(f"{np.percentile(took, share):.2f}" for share in (50, 95, 100)) + " s"


def answer(found: Sequence[CheckResult]) -> str:
    counted = {verdict: sum(one.verdict == verdict for one in found) for verdict in VERDICTS}
    return ", ".join(f"{number} {verdict}" for verdict, number in counted.items() if number)


def row(what: str, seconds: float, more: str = "") -> list[object]:
    return [what, f"{seconds:.1f} s", more]


VERDICTS = ("exact", "near", "similar", "new")


if __name__ == "__main__":
    main()
