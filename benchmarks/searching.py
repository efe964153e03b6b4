"""Searching 10 thousand, 100 thousand and 1 million vectors: memory, disk, latency, recall.

The vectors have the spread of real ones (benchmarks/spread.py) and are written as a real cache.
Every measurement is made in a process of its own. FAISS's flat and HNSW indexes stand beside, where
they fit into ``--gigabytes`` of memory. A million vectors take 21 GB on disk.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import faiss
import numpy as np

from benchmarks.report import ROOT, table, write_section
from benchmarks.spread import LAYOUT, Spread, real_features
from image_search.extractors import REGISTRY
from image_search.imaging.arrays import Floats
from image_search.indexing.planning import IndexedFiles, make_plan
from image_search.indexing.scanning import Entries, Entry
from image_search.library import Serving
from image_search.search.engines.segment_indexes import verified_segments
from image_search.search.ranking.fitting import fit
from image_search.search.ranking.fusion import (
    PHOTO,
    Calibration,
    chosen_weights,
    default_weights,
    query_vector,
    shares_of,
)
from image_search.search.search_index import ScoringQuery
from image_search.storage import CacheWriter, ExtractorIdentity, FileRecord
from image_search.storage.columns import split_vectors
from image_search.storage.segments import CODES

IDENTITIES = tuple(
    ExtractorIdentity(name, REGISTRY[name].model, dim)
    for name, dim in zip(LAYOUT.names, LAYOUT.dims, strict=True)
)
# Vectors in one segment: a gigabyte, beyond which segments are not merged.
_SEGMENT = 50_000
QUERIES, NEIGHBOURS = 50, 10
# What a query may hold, and the weights it is asked with.
KINDS: dict[str, dict[str, float] | None] = {
    "image": None,
    "text (clip alone)": {"clip": 1},
    "colour (hsv alone)": {"hsv": 1},
    "other weights (clip 3, hsv 1)": {"clip": 3, "hsv": 1},
}


def blocks_of(row: Floats, kind: str) -> dict[str, Floats]:
    weights = KINDS[kind] or dict.fromkeys(LAYOUT.names, 1.0)
    scale = np.float32(len(LAYOUT.names) ** 0.5)
    return {n: row[place] * scale for n, place in LAYOUT.slices().items() if n in weights}


def weights_of(kind: str, calibration: Calibration) -> dict[str, float]:
    chosen = KINDS[kind]
    if chosen is None:
        return default_weights(PHOTO, LAYOUT.names, calibration)
    return chosen_weights(chosen, tuple(chosen), calibration)


def vector_of(row: Floats, kind: str, calibration: Calibration) -> Floats:
    blocks = blocks_of(row, kind)
    shares = shares_of(blocks, weights_of(kind, calibration))
    return query_vector(LAYOUT, blocks, shares)


def records(first: int, count: int) -> list[FileRecord]:
    return [
        FileRecord(
            f"{i // 1000:04d}/design-{i:07d}.jpg",
            20_000 + i,
            1_700_000_000_000_000_000 + i,
            hashlib.sha256(str(i).encode()).digest(),
            800,
            600,
        )
        for i in range(first, first + count)
    ]


def make(folder: Path, count: int) -> None:
    """A cache of ``count`` vectors in ``folder``, its queries, and their true neighbours."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "images").mkdir(exist_ok=True)
    spread = Spread(real_features(folder.parent / "features.npz"))
    calibration = fit(LAYOUT, np.concatenate([*spread.batches(2000, 1)]), count)
    rows = calibration.centred(np.concatenate([*spread.batches(QUERIES, 2)]))
    queries = np.stack([vector_of(row, kind, calibration) for kind in KINDS for row in rows])
    best = np.full((len(queries), NEIGHBOURS), -np.inf, np.float32)
    with CacheWriter(folder / "image_features.pkl", folder / "images") as writer:
        writer.begin(IDENTITIES)
        for first in range(0, count, _SEGMENT):
            vectors = np.empty((min(_SEGMENT, count - first), LAYOUT.dim), np.float32)
            begin = 0
            for batch in spread.batches(len(vectors), 1000 + first):
                vectors[begin : begin + len(batch)] = batch
                begin += len(batch)
                scores = queries @ calibration.centred(batch).T
                best = -np.sort(-np.concatenate([best, scores], axis=1), axis=1)[:, :NEIGHBOURS]
            writer.commit(records(first, len(vectors)), split_vectors(IDENTITIES, vectors))
            print(f"{first + len(vectors):,} of {count:,} vectors", flush=True)
        writer.finish(calibration.to_plain())
    # Last, because it marks that all is there.
    np.savez(folder / "queries.npz", rows=rows, best=best)


def spread(took: list[float]) -> list[float]:
    """The median and the 99th percentile."""
    return [round(float(part), 1) for part in np.quantile(took, [0.5, 0.99])]


Found = dict[str, Any]
# Scores of hits are rounded to four digits.
_ROUNDED = 6e-5


def megabytes() -> int:
    """Memory of this process without the page cache."""
    status = Path("/proc/self/status").read_text().splitlines()
    return int(next(line for line in status if line.startswith("RssAnon")).split()[1]) // 1000


def asked(folder: Path, ask: Callable[[str, Floats], list[float]]) -> Found:
    """Recall, and milliseconds of the second of two rounds, by kind of query."""
    with np.load(folder / "queries.npz") as content:
        rows, best = content["rows"], content["best"]
    found: Found = {}
    for number, kind in enumerate(KINDS):
        hits = 0
        for again in (False, True):
            took = []
            for i, row in enumerate(rows):
                started = time.perf_counter()
                scores = ask(kind, row)
                took.append(1000 * (time.perf_counter() - started))
                last = best[number * QUERIES + i, -1]
                hits += 0 if again else sum(score >= last - _ROUNDED for score in scores)
            found.setdefault(kind, {})["later" if again else "first"] = spread(took)
        found[kind]["recall"] = hits / (NEIGHBOURS * len(rows))
    return found


def ours(folder: Path) -> Found:
    started = time.perf_counter()
    serving = Serving(folder / "image_features.pkl")
    index = serving.index(wait=True)
    ready = time.perf_counter() - started

    def ask(kind: str, row: Floats) -> list[float]:
        question = ScoringQuery(blocks_of(row, kind), weights_of(kind, index.calibration))
        return [hit.score for hit in index.search(question, NEIGHBOURS)[0]]

    kinds = asked(folder, ask)
    with_expansion = []
    for row in np.load(folder / "queries.npz")["rows"]:
        blocks, weights = blocks_of(row, "image"), weights_of("image", index.calibration)
        started = time.perf_counter()
        index.search(ScoringQuery(blocks, weights, expanded=True), NEIGHBOURS)
        with_expansion.append(1000 * (time.perf_counter() - started))
    codes = sum(path.stat().st_size for path in folder.rglob(f"*{CODES}"))
    disk = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    return {
        "build": ready,
        "megabytes": megabytes(),
        "kinds": kinds,
        "expanded": spread(with_expansion),
        "codes": codes / 1e6,
        "disk": disk / 1e9,
    }


def adding(folder: Path) -> Found:
    """Seconds that a running service takes for 100 new images, without reading and embedding."""
    serving = Serving(folder / "image_features.pkl")
    index = serving.index(wait=True)
    count = index.snapshot.images
    vectors = next(Spread(real_features(folder.parent / "features.npz")).batches(100, 7))
    entries = Entries.of(Entry(f.path, f.size, f.mtime_ns) for f in records(0, count + 100))
    started = time.perf_counter()
    with CacheWriter(folder / "image_features.pkl", folder / "images") as writer:
        snapshot = serving.snapshot()
        known_good = verified_segments(snapshot) | set(serving.verified or ())
        opened = {segment.name: segment for segment in snapshot.segments}
        plan = make_plan(entries, IndexedFiles(writer.begin(IDENTITIES, known_good, opened)))
        assert len(plan.work) == 100
        writer.commit(records(count, 100), split_vectors(IDENTITIES, vectors))
        writer.finish()
        serving.index(wait=True)
        took = time.perf_counter() - started
        writer.commit([], {}, [entry.path for entry in plan.work])
        writer.finish()
    return {"adding": took}


def plain(folder: Path, kind: str) -> Found:
    """FAISS's own index of this kind over the same vectors."""
    snapshot = Serving(folder / "image_features.pkl").snapshot()
    calibration = Calibration.from_plain(LAYOUT, snapshot.calibration)
    started = time.perf_counter()
    index: Any = faiss.IndexFlatIP(LAYOUT.dim)
    if kind == "hnsw":
        index = faiss.IndexHNSWFlat(LAYOUT.dim, 16, faiss.METRIC_INNER_PRODUCT)
        index.hnsw.efConstruction, index.hnsw.efSearch = 40, 64
    for segment in snapshot.segments:
        for start in range(0, len(segment.vectors), 8192):
            index.add(calibration.centred(segment.vectors[start : start + 8192]))
    built = time.perf_counter() - started

    def ask(kind: str, row: Floats) -> list[float]:
        query = vector_of(row, kind, calibration)
        scores, _ = index.search(query[None], NEIGHBOURS)
        return [float(score) for score in scores[0]]

    return {"build": built, "megabytes": megabytes(), "kinds": asked(folder, ask)}


def apart(what: str, folder: Path) -> Found:
    """One measurement in a process of its own."""
    run = [sys.executable, "-m", "benchmarks.searching", "--measure", what, str(folder)]
    done = subprocess.run(run, check=True, stdout=subprocess.PIPE, text=True, cwd=ROOT)
    found: Found = json.loads(done.stdout.splitlines()[-1])
    return found


def measured(folder: Path, count: int, gigabytes: float) -> list[list[object]]:
    for path in folder.rglob(f"*{CODES}"):
        path.unlink()
    first, second = apart("ours", folder), apart("ours", folder)
    second |= apart("adding", folder)
    print(count, first["build"], second, flush=True)
    rows = [
        _row(count, "this program", second | {"build": first["build"], "start": second["build"]})
    ]
    for kind, name in (("flat", "FAISS flat"), ("hnsw", "FAISS HNSW")):
        needed = count * LAYOUT.dim * 4 / 1e9
        if needed > gigabytes:
            rows.append([f"{count:,}", name, f"not run: {needed:.0f} GB of memory", *[""] * 10])
            continue
        rows.append(_row(count, name, apart(kind, folder)))
        print(rows[-1], flush=True)
    return rows


def _row(count: int, name: str, found: Found) -> list[object]:
    kinds = list(found["kinds"].values())
    half, most = kinds[0]["later"]
    others = [kind["later"] for kind in kinds[1:]]
    return [
        f"{count:,}",
        name,
        f"{found['build']:.0f}",
        f"{found['start']:.1f}" if "start" in found else "",
        f"{found['megabytes']:,}",
        f"{found['codes']:,.0f}" if "codes" in found else "",
        f"{half:.0f} / {most:.0f}",
        f"{kinds[0]['first'][0]:.0f} / {kinds[0]['first'][1]:.0f}",
        " / ".join(f"{part:.0f}" for part in found.get("expanded", [])),
        f"{max(h for h, _ in others):.0f} / {max(m for _, m in others):.0f}",
        f"{kinds[0]['recall']:.3f}",
        ", ".join(f"{kind['recall']:.3f}" for kind in kinds[1:]),
        f"{found['adding']:.1f}" if "adding" in found else "",
    ]


HEAD = [
    "vectors", "index", "build, s", "start, s", "memory, MB", "codes on disk, MB",
    "image query, ms", "the same, first round", "the same, with query expansion",
    "other queries, ms",
    "recall@10, image", "recall@10, others", "100 added, s",
]  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, default=Path("test-output/searching"))
    parser.add_argument("--sizes", type=int, nargs="+", default=[10_000, 100_000, 1_000_000])
    parser.add_argument("--gigabytes", type=float, default=4.0)
    parser.add_argument("--measure", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        what, folder = options.measure[0], Path(options.measure[1])
        modes = {"ours": ours, "adding": adding}
        print(json.dumps(modes[what](folder) if what in modes else plain(folder, what)))
        return
    rows = []
    for count in options.sizes:
        folder = options.folder / str(count)
        if not (folder / "queries.npz").exists():
            make(folder, count)
        rows += measured(folder, count, options.gigabytes)
    write_section(
        "performance.md",
        "searching",
        f"""### Searching

`python -m benchmarks.searching`: vectors of {LAYOUT.dim:,} dimensions with the spread of real ones
({QUERIES} queries of each kind, the {NEIGHBOURS} nearest; milliseconds are median / 99th
percentile, of the index alone), by the plain sum; and image queries as a search ranks them, with
query expansion. Memory is that of the whole process without the page
cache. The index is built once; later starts read it from the disk. Other queries are, in this
order:
{", ".join(list(KINDS)[1:])}. HNSW with M 16, efConstruction 40, efSearch 64. The vectors
themselves are 20 kB each on disk for every row of this program.

{table(HEAD, rows)}""",
    )


if __name__ == "__main__":
    main()
