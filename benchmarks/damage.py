"""One random byte of a random file of an index is changed: ``verify --read-data`` must find and
name it, and ``--repair`` bring back the index as it was, or state what is lost.

The collection is small and drawn here, and everything happens in this process, so that many runs
are quick. Codes, which only large collections have, are made here too. Each run begins with a whole
index, and is determined by its number.
"""

from __future__ import annotations

import argparse
import contextlib
import itertools
import random
import re
import shutil
import tempfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import astuple, replace
from pathlib import Path
from typing import Any, Final
from unittest import mock

import numpy as np

from benchmarks.report import table, write_section
from image_search.duplicates.checking import calibrating, thresholds
from image_search.duplicates.decisions import Decisions
from image_search.duplicates.fingerprints import FingerprintStore
from image_search.duplicates.pairs import Pairs
from image_search.library import Library
from image_search.maintenance.damage import Damage, Depth
from image_search.maintenance.repairing import repair
from image_search.maintenance.verifying import decisions_of, pairs_of, verify
from image_search.search.engines import segment_indexes
from image_search.search.queries import Query
from image_search.settings import Settings
from image_search.storage import read_snapshot
from image_search.storage.snapshot import segment_folder
from tests.drawing import draw_into, ornate, saved

# Each kind of file, by what its name ends with.
KINDS: Final = {
    "manifest": "index.pkl",
    "records": ".facts.pkl",
    "column": ".column",
    "description of a column": ".column.pkl",
    "codes": ".codes",
    "fingerprints": ".fingerprints",
    "lists of fingerprints": ".words",
    "duplicates": "duplicates.sqlite",
    "thresholds": "thresholds.pkl",
    "decisions": "decisions.sqlite",
}
EQUAL, LOSS, UNUSED = "repaired, equal", "repaired, loss stated", "not found, content unchanged"
MISSED, WRONG, ERROR = "not found, content changed", "repaired, not equal", "error"
OUTCOMES = (EQUAL, LOSS, UNUSED, MISSED, WRONG, ERROR)
READ = Depth(read=True)
# Made before the runs.
DECISIONS = 100


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=1000)
    parser.add_argument("--first", type=int, default=0, help="number of the first run")
    options = parser.parse_args()
    found: dict[str, Counter[str]] = {kind: Counter() for kind in KINDS}
    with tempfile.TemporaryDirectory() as folder, quickly():
        made = make(Path(folder))
        for number in range(options.first, options.first + options.runs):
            kind, outcome, explanation = damaged_run(made, number)
            found[kind][outcome] += 1
            if outcome in (MISSED, WRONG, ERROR):
                print(f"run {number}: {kind}: {outcome}: {explanation}", flush=True)
    rows: list[list[object]] = [
        [kind, sum(counts.values()), *(counts[outcome] for outcome in OUTCOMES)]
        for kind, counts in found.items()
    ]
    rows.append(["**all**", *(sum(row[i] for row in rows) for i in range(1, 2 + len(OUTCOMES)))])  # type: ignore[misc]
    title = f"### {options.runs:,} changed bytes"
    intro = (
        "`python -m benchmarks.damage`: in each run one byte of one file of an index of 24 images "
        "is changed, both at random. Whatever `image-search verify --read-data` finds, it names by "
        "its file, and `--repair` is run. Then everything is compared with the index before: "
        "records, vectors, fingerprints, pairs, thresholds and decisions. What is not found lies "
        "in parts of SQLite files that hold no content."
    )
    text = "\n\n".join([title, intro, table(["file", "runs", *OUTCOMES], rows)])
    write_section("robustness.md", "changed bytes", text)


@contextlib.contextmanager
def quickly() -> Iterator[None]:
    """Small segments get codes as large ones do, and thresholds are measured on few pictures."""
    with (
        mock.patch.object(segment_indexes, "EXACT_BYTES", 0),
        mock.patch.object(segment_indexes, "_SMALL", 0),
        mock.patch.object(calibrating, "PICTURES", {"photo": 1, "sketch": 0}),
        mock.patch.object(calibrating, "MORE", 0),
    ):
        yield


def make(folder: Path) -> Settings:
    """An index of several segments, with an extractor that was added later, with duplicates and
    decisions; in ``folder / "whole"``."""
    state = folder / "whole"
    settings = Settings(
        images=folder / "images", cache=state / "index.pkl", extractors="hsv", threads=1
    )
    draw_into(settings.images, 9)
    Library.open(settings).update()
    settings = replace(settings, extractors="hsv,edges")
    Library.open(settings).update()
    draw_into(settings.images, 8, first=9)
    Library.open(settings).update()
    for number in range(4):
        picture = ornate(number)
        (settings.images / f"ornate{number}.png").write_bytes(saved(picture))
        if number < 2:
            (settings.images / f"copy{number}.jpg").write_bytes(saved(picture, "JPEG", quality=80))
    (settings.images / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n, and no more")
    library = Library.open(settings)
    library.update()
    library.duplicates.update()
    library.warm_up()
    query = Query(((settings.images / "0000.png").read_bytes(),), k=24)
    ids = [hit.id for hit in library.search(query).hits]
    for one, other in itertools.islice(itertools.combinations(ids, 2), DECISIONS):
        library.duplicates.decide(one, other, "different" if one < other else "same")
    return settings


def damaged_run(made: Settings, number: int) -> tuple[str, str, str]:
    """One run: the kind of file, the outcome, and what explains it."""
    chance = random.Random(number)
    kind = [*KINDS][number % len(KINDS)]
    state = made.cache.parent.with_name("damaged")
    shutil.rmtree(state, ignore_errors=True)
    shutil.copytree(made.cache.parent, state)
    settings = replace(made, cache=state / made.cache.name)
    expected = contents(made)
    path = chance.choice(sorted(p for p in state.rglob("*") if p.name.endswith(KINDS[kind])))
    data = bytearray(path.read_bytes())
    place = chance.randrange(len(data))
    data[place] ^= chance.randrange(1, 256)
    path.write_bytes(data)
    where = f"byte {place} of {path.name}"
    try:
        outcome, explanation = outcome_of(settings, path, expected)
    except Exception as error:  # whatever it is, it is an outcome
        outcome, explanation = ERROR, repr(error)
    return kind, outcome, f"{where}: {explanation}"


def outcome_of(settings: Settings, path: Path, expected: dict[str, Any]) -> tuple[str, str]:
    damage = verify(settings, READ).damage
    if not damage:
        different = differences(contents(settings), expected)
        return (MISSED, different) if different else (UNUSED, "")
    if [one.path for one in damage] != [path]:
        return WRONG, f"{[one.path.name for one in damage]} named"
    warnings = repair(settings, damage).warnings
    left: list[Damage] = verify(settings, READ).damage
    if left:
        return WRONG, f"{left[0].problem} after the repair"
    different = differences(contents(settings), expected)
    if not different:
        return EQUAL, ""
    stated = " ".join(warnings)
    if different == "decisions" and re.search(r"\b(?:was|were) (?:lost|altered)", stated):
        return LOSS, stated
    return WRONG, f"{different} differ; {stated}"


def differences(one: dict[str, Any], other: dict[str, Any]) -> str:
    """The names of what differs."""
    return ", ".join(name for name in other if one[name] != other[name])


def contents(settings: Settings) -> dict[str, Any]:
    """Everything that is kept of the collection, in an order of its own."""
    snapshot = read_snapshot(settings.cache, segment_folder(settings.cache))
    assert snapshot is not None
    vectors: dict[str, Any] = {}
    records = {}
    for number, row, record in snapshot.records():
        segment = snapshot.segments[number]
        records[record.path] = record
        rows = np.flatnonzero(segment.records.owners == row)
        for column in segment.columns(snapshot.extractors):
            block = column.block(rows)
            vectors[f"{record.path} {column.extractor.name}"] = (
                block.units.tobytes(),
                block.norms.tobytes(),
            )
    state = settings.state_dir
    store = FingerprintStore(state / "fingerprints")
    prints = {}
    for digest in sorted(snapshot.contents()):
        known = store.get(digest)
        prints[digest] = known and [np.asarray(part).tobytes() for part in astuple(known)]
    pairs = Pairs(pairs_of(state))
    fitted = thresholds.load(state / "thresholds.pkl")
    return {
        "extractors": snapshot.extractors,
        "calibration": rounded(snapshot.calibration),
        "records": records,
        "vectors": vectors,
        "fingerprints": prints,
        "pairs": sorted(map(repr, pairs.all())),
        "compared": pairs.seen(),
        "thresholds": None if fitted is None else fitted.by_kind,
        "decisions": Decisions(decisions_of(state)).exported(),
    }


def rounded(value: Any) -> Any:
    """Plain values with arrays and numbers to some digits, for sums may run in another order."""
    if isinstance(value, dict):
        return {name: rounded(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [rounded(one) for one in value]
    if isinstance(value, bytes) and len(value) % 4 == 0:
        return np.round(np.frombuffer(value, "<f4"), 3).tolist()
    return round(value, 3) if isinstance(value, float) else value


if __name__ == "__main__":
    main()
