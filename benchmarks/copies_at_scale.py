"""Edited copies asked of very many fingerprints: time, memory, and whether the original is first.

No collection of that many pictures is at hand. So each fingerprint beyond those of the real
pictures is put together of two: the left half of one picture's points and preview, the right half
of another's, drawn at random. Points and descriptors are real, and as frequent as in real pictures.
Nothing of a picture that is asked for goes into another.
"""

from __future__ import annotations

import argparse
import collections
import hashlib
import itertools
import multiprocessing
import os
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.fingerprinted import (
    BACKDROPS,
    FOLDERS,
    Copy,
    backdrops,
    copies,
    files,
    sample,
)
from benchmarks.report import DATASETS, table, write_section
from image_search.duplicates.building import CANDIDATES, TOGETHER, GroupingContext, look_at
from image_search.duplicates.checking.checks import BY_LIKENESS
from image_search.duplicates.checking.verifying import BY_FINGERPRINT, THREADS
from image_search.duplicates.fingerprinting import update_fingerprints
from image_search.duplicates.fingerprints import (
    Fingerprint,
    FingerprintIndex,
    FingerprintStore,
    fingerprint,
    match,
)
from image_search.duplicates.fingerprints.hashing import orientation_hashes
from image_search.duplicates.fingerprints.visual_words import SUFFIX
from image_search.imaging.edits import MILD
from image_search.storage import Snapshot

# A check verifies so many at most; here all of them come from the fingerprints.
VERIFIED = BY_FINGERPRINT + BY_LIKENESS
MORE = [DATASETS / name for name in ("pacs", "sketchy", "corel1k", "dtd10")]
# Fingerprints given to the store at once, as when images are indexed.
BATCH = 2000
# Of the 57 edits, every so many is asked for of each picture.
STEP = 4
# Contents that are looked at as when duplicates are looked for, and a score that is high enough.
LOOKED_AT, FLOOR = 500, 5.0


@dataclass(frozen=True)
class Answer:
    """The rank of the original (-1: not found), and the milliseconds of processor time that
    candidates took, and their verification; and the milliseconds until both were done where two
    threads verify, as in a check."""

    copy: Copy
    rank: int
    candidates: float
    verifying: float
    waited: float


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pictures", type=int, nargs="*", default=[10_000, 100_000])
    parser.add_argument("--queries", type=int, default=40, help="pictures that are edited")
    parser.add_argument("--folder", type=Path, nargs="*", default=FOLDERS)
    parser.add_argument("--more", type=Path, nargs="*", default=MORE)
    parser.add_argument("--backdrops", type=Path, default=BACKDROPS)
    parser.add_argument("--kept", type=Path, default=Path("test-output/copies"))
    options = parser.parse_args()
    rows: list[list[object]] = []
    for pictures in options.pictures:
        # In processes of their own, so that memory is that of asking alone.
        real = apart(fill, options, pictures)
        rows.append([f"{pictures:,}", f"{real:,}", *apart(measure, options, pictures)])
        print(*rows[-1], sep=" | ", flush=True)
    write_section("performance.md", "copies-at-scale", INTRODUCTION + table(HEAD, rows))


def apart(work: Callable[[argparse.Namespace, int], Any], *arguments: object) -> Any:
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(work, arguments)


def asked_for(options: argparse.Namespace) -> dict[bytes, Path]:
    """The pictures that are asked for, by the digest of their files."""
    everything = by_content(options.folder)
    return {content: everything[content] for content in sample(everything, options.queries)}


def by_content(folders: Sequence[Path]) -> dict[bytes, Path]:
    paths = [path for folder in folders for path in files(folder)]
    return {hashlib.sha256(path.read_bytes()).digest(): path for path in paths}


def fill(options: argparse.Namespace, pictures: int) -> int:
    """Keep so many fingerprints, unless they are there already; how many of them are of real
    pictures."""
    paths = by_content([*options.folder, *options.more])
    real = FingerprintStore(options.kept / "real")
    contents = list(paths)[:pictures]
    update_fingerprints(
        real,
        contents,
        lambda content: paths[content].read_bytes(),
        threads=os.cpu_count() or 1,
        max_megapixels=500,
    )
    asked = asked_for(options)
    made = {content: found for content in contents if (found := real.get(content)) is not None}
    halves = [found for content, found in made.items() if content not in asked]
    everything = itertools.chain(made.items(), put_together(halves, pictures - len(made)))
    store = FingerprintStore(options.kept / str(pictures))
    while len(store) < pictures and (batch := list(itertools.islice(everything, BATCH))):
        store.add(batch)
    return len(made)


def put_together(halves: Sequence[Fingerprint], count: int) -> Iterator[tuple[bytes, Fingerprint]]:
    rng = np.random.default_rng(2)
    for number in range(count):
        left, right = (halves[int(rng.integers(len(halves)))] for _ in range(2))
        yield hashlib.sha256(b"put together %d" % number).digest(), side_by_side(left, right)


def side_by_side(left: Fingerprint, right: Fingerprint) -> Fingerprint:
    """The left half of one picture, and the right half of another squeezed beside it."""
    at_left, at_right = left.points[:, 0] < 0.5, right.points[:, 0] >= 0.5
    half = left.preview.shape[1] // 2
    preview = np.concatenate([left.preview[:, :half], right.preview[:, half:]], axis=1)
    return Fingerprint(
        orientation_hashes(preview.astype(np.float32)),
        np.concatenate([left.points[at_left], right.points[at_right]]),
        np.concatenate([left.descriptors[at_left], right.descriptors[at_right]]),
        left.aspect,
        preview,
    )


def measure(options: argparse.Namespace, pictures: int) -> list[object]:
    """The cells of a row of the table."""
    asked = asked_for(options)
    folder = options.kept / str(pictures)
    for lists in folder.glob("*" + SUFFIX):
        lists.unlink()
    live = [
        digest.tobytes()
        for segment in FingerprintStore(folder).segments
        for digest in segment.columns.digests
    ]
    before = megabytes()
    starts = []
    for _ in range(2):
        started = time.thread_time()
        store = FingerprintStore(folder)
        index = FingerprintIndex(store, live)
        starts.append(time.thread_time() - started)
    memory = megabytes() - before
    size = sum(path.stat().st_size for path in folder.iterdir()) / 1e6
    copy_of = copies(asked, list(asked), backdrops(options.backdrops), STEP)
    answers = [ask(store, index, copy) for copy in copy_of]
    mild = [one.rank == 0 for one in answers if one.copy.strength == MILD]
    each = looked_at(store, index, list(by_content([*options.folder, *options.more])))
    return [
        f"{size:,.0f}",
        " / ".join(f"{seconds:.1f}" for seconds in starts),
        f"{memory:,}",
        spread([one.candidates for one in answers]),
        spread([one.candidates + one.verifying for one in answers]),
        spread([one.waited for one in answers]),
        f"{len(answers):,}",
        f"{np.mean([one.rank == 0 for one in answers]):.1%}",
        f"{np.mean(mild):.1%}",
        " / ".join(each),
    ]


def looked_at(store: FingerprintStore, index: FingerprintIndex, real: Sequence[bytes]) -> list[str]:
    """What holding one content against all the others takes when the duplicates of the collection
    are looked for, in milliseconds on the clock: until candidates are known, and in all."""
    # The pixels of a pair are not looked at: there are no files of what was put together.
    means = GroupingContext(_Only(store), None, Snapshot(()), FLOOR, THREADS, 1.0)  # type: ignore[arg-type]
    absent = set(store.missing(real))
    kept = [content for content in real if content not in absent]
    some = [kept[row] for row in np.random.default_rng(3).permutation(len(kept))[:LOOKED_AT]]
    batches = [some[start : start + TOGETHER] for start in range(0, len(some), TOGETHER)]

    def suggested(contents: list[bytes]) -> None:
        known = [found for content in contents if (found := store.get(content)) is not None]
        collections.deque(index.candidates_of(known, CANDIDATES + 1), maxlen=0)

    each = []
    for work in (suggested, lambda contents: look_at(contents, index, means)):
        began = time.perf_counter()
        with ThreadPoolExecutor(THREADS) as pool:
            collections.deque(pool.map(work, batches), maxlen=0)
        each.append(f"{(time.perf_counter() - began) / len(some) * 1000:.1f}")
    return each


@dataclass(frozen=True)
class _Only:
    store: FingerprintStore


def ask(store: FingerprintStore, index: FingerprintIndex, copy: Copy) -> Answer:
    query = fingerprint(copy.pixels)
    started = time.thread_time()
    likely = [content for content, _ in index.candidates(query, VERIFIED)]
    asked = time.thread_time()

    def verified(content: bytes) -> float:
        other = store.get(content)
        found = None if other is None else match(query, other)
        return -1.0 if found is None else found.score

    scores = [(score, content) for content in likely if (score := verified(content)) >= 0]
    ended = time.thread_time()
    began = time.perf_counter()
    likely = [content for content, _ in index.candidates(query, VERIFIED)]
    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(verified, likely))
    waited = time.perf_counter() - began
    ranked = [content for _, content in sorted(scores, reverse=True)]
    rank = ranked.index(copy.content) if copy.content in ranked else -1
    took = asked - started, ended - asked, waited
    return Answer(copy, rank, *(seconds * 1000 for seconds in took))


def spread(milliseconds: Sequence[float]) -> str:
    """The median, the 95th percentile and the longest."""
    return " / ".join(f"{np.percentile(milliseconds, share):,.0f}" for share in (50, 95, 100))


def megabytes() -> int:
    """Memory of this process without the page cache."""
    status = Path("/proc/self/status").read_text().splitlines()
    return int(next(line for line in status if line.startswith("RssAnon")).split()[1]) // 1000


HEAD = [
    "pictures", "real ones", "on disk, MB", "start, s: first / later", "memory, MB",
    "candidates, ms", "with verification, ms", "by two threads, ms", "queries", "first",
    "first, mild", "duplicates, ms each",
]  # fmt: skip
INTRODUCTION = f"""### Very many pictures

`python -m benchmarks.copies_at_scale`: edited copies are looked for among very many fingerprints.
Beyond those of the real pictures, each fingerprint is made of two: the left half of one picture's
points and preview and the right half of another's. Originals of the queries are not used for this.
So the descriptors are real, and as frequent as in real pictures. Up to {VERIFIED} candidates are
verified, as many as in a check. Times are those of one processor core: the median, the 95th
percentile and the longest of all queries; *by two threads* is the elapsed time when two threads
verify, as in a check. Making the fingerprint and the embeddings of the query takes extra time.
Memory is that of the index without the page cache; the fingerprints and the lists are mapped from
the disk. The first start makes the lists. The last column is the elapsed time of a search for
duplicates with two threads, for each content: until its candidates are known / with their
verification. The second figure means something for real pictures only, because most of the others
share a half with each other. The files of a pair are not read here.

"""


if __name__ == "__main__":
    main()
