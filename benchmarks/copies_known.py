"""Pictures of which it is known whether they show the same: held out ones, and groups of copies."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from benchmarks.fingerprinted import Collection, files, pixels_of
from benchmarks.report import table

# Groups of files, below the folder of copies, that show one picture.
GROUPS = {
    "pdq, one photo after 11 edits": "pdq/bridge-mods/*",
    "pdq, 8 turns and mirrors": "pdq/reg-test-input/dih/*",
    "pdq, colour modes": "pdq/misc-images/modes/*",
    "imagededup, grey, turned, mirrored, resized": "imagededup/**/ukbench00120*",
    "imagededup, one picture under 5 suffixes": "imagededup/formats_images/ukbench09380*",
    "not edits: pdq, 4 photographs of one scene": "pdq/reg-test-input/exif-rotn/*",
}
Mistaken = tuple[float, bytes, bytes]


def held_out(collection: Collection, folder: Path, threshold: float) -> tuple[str, list[Mistaken]]:
    """Every third picture of ``folder`` asks a collection that lacks them; and what is called a
    near-duplicate of what."""
    inside = [content for content, path in collection.paths.items() if folder in path.parents]
    asking = sorted(inside, key=lambda content: collection.paths[content])[::3]
    if not asking:
        return "", []
    collection.only(set(collection.paths) - set(asking))
    best, parts = {}, 0
    for content in asking:
        pixels = pixels_of(collection.paths[content])
        found = collection.judged(collection.fingerprint(content), pixels)
        best[content] = max(((one.near, one.content) for one in found), default=(0.0, b""))
        parts += best[content][0] < threshold and any(
            one.replaced and one.score >= threshold for one in found
        )
    collection.only(collection.paths)
    mistaken = [(*found, content) for content, found in best.items() if found[0] >= threshold]
    certain = sum(score >= 2 * threshold for score, _, _ in mistaken)
    text = (
        f"\nOf {len(asking)} pictures of {folder.name} that were left out of the collection, "
        f"{len(mistaken)} ({len(mistaken) / len(asking):.1%}) are called near-duplicates of "
        f"another that is in it; {certain} of them reach twice the threshold. "
        f"{parts} more are called similar, being the same picture with another part.\n"
    )
    return text, [(score, content, other) for score, other, content in mistaken]


def groups(store: Path, folder: Path, threshold: float) -> str:
    """Files that are known to show one picture, among each other."""
    everything = Collection(files(folder), store)
    by_path = everything.contents
    rows: list[list[object]] = []
    for name, pattern in GROUPS.items():
        members = sorted({by_path[path] for path in folder.glob(pattern) if path in by_path})
        found = 0
        for content in members:
            pixels = pixels_of(everything.paths[content])
            near = everything.judged(everything.fingerprint(content), pixels)
            same = {one.content for one in near if one.near >= threshold}
            found += len(same & set(members) - {content})
        pairs = len(members) * (len(members) - 1)
        if pairs:
            rows.append([name, len(members), f"{found} of {pairs}"])
    head = ["pictures known to be one", "different files", "called near-duplicates, ordered pairs"]
    return "\n" + table(head, rows) + "\n" + _logos(everything, folder / "carlogos", by_path)


def _logos(everything: Collection, folder: Path, by_path: Mapping[Path, bytes]) -> str:
    large = {path.name: by_path[path] for path in folder.glob("optimized/*") if path in by_path}
    small = {path.name: by_path[path] for path in folder.glob("thumb/*") if path in by_path}
    both = sorted(large.keys() & small.keys())
    if not both:
        return ""
    everything.only(large.values())
    first = 0
    for name in both:
        found = everything.scores(everything.fingerprint(small[name]))
        first += bool(found) and found[0][1] == large[name]
    return (
        f"\ncarlogos: the small logo finds its large one first for {first} of {len(both)} "
        f"({first / len(both):.1%}).\n"
    )
