"""The demo collection: a few hundred designs of our own, and pencil sketches to look for them by.

Everything is drawn by this package, the same each time: no picture is shipped or fetched.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from image_search.demo.catalogue import NEAR_DUPLICATES, Design, catalogue
from image_search.demo.files import near_duplicate, save
from image_search.demo.palettes import colour
from image_search.demo.pencil import sketch
from image_search.demo.shading import View
from image_search.errors import SettingsError

__all__ = [
    "NEAR_DUPLICATES",
    "Design",
    "Drawn",
    "catalogue",
    "draw",
    "draw_collection",
    "holds_only_the_demo",
]


@dataclass(frozen=True)
class Drawn:
    """How many files were written; those that were there already are not counted."""

    images: int
    sketches: int


@dataclass(frozen=True)
class _Job:
    """The files of one design: colourway or (colourway, edit) to the file's place."""

    design: Design
    pictures: dict[Path, int]
    copies: dict[Path, tuple[int, str]]
    sketch: Path | None


def _job(design: Design, images: Path, sketches: Path) -> _Job:
    folder = images / design.kind
    count = len(design.colourways)
    pictures = {folder / f"{design.stem(i)}{design.ending(i)}": i for i in range(count)}
    copies = {}
    for k, edit in enumerate(design.near_duplicates):
        i = (design.seed + k) % count
        ending = ".webp" if edit == "small" else ".jpg"
        copies[folder / f"{design.stem(i)}-{edit}{ending}"] = (i, edit)
    page = sketches / f"sketch-of-{design.name}.png" if design.sketched else None
    return _Job(design, pictures, copies, page)


def draw_collection(
    images: Path, sketches: Path, on_progress: Callable[[int, int], None] | None = None
) -> Drawn:
    """Draw the whole collection into two folders, which are made where they are missing.

    Files that exist are left alone, whoever made them; so an interrupted run goes on where it was.
    It is for the caller to decide whether a folder that already holds images should get these too.
    ``on_progress(done, total)`` is called after each file. Raises SettingsError where a folder
    cannot be written.
    """
    return draw(catalogue(), images, sketches, on_progress)


def holds_only_the_demo(images: Path) -> bool:
    """Whether the folder ``images`` is missing, empty, or holds nothing but designs of the demo.

    In the last case an interrupted drawing can go on; anybody else's images mean that no demo is
    wanted there.
    """
    nowhere = images / "sketches"
    jobs = [_job(design, images, nowhere) for design in catalogue()]
    ours = {place for job in jobs for place in (*job.pictures, *job.copies)}
    found = (path for path in images.rglob("*") if path.is_file())
    return all(path in ours or path.name.startswith(".") for path in found)


def draw(
    designs: Sequence[Design],
    images: Path,
    sketches: Path,
    on_progress: Callable[[int, int], None] | None = None,
) -> Drawn:
    """Draw some designs; otherwise as draw_collection."""
    jobs = [_job(design, images, sketches) for design in designs]
    total = sum(len(j.pictures) + len(j.copies) + (j.sketch is not None) for j in jobs)
    done = drawn_images = drawn_sketches = 0
    try:
        images.mkdir(parents=True, exist_ok=True)
        sketches.mkdir(parents=True, exist_ok=True)
        for job in jobs:
            for is_sketch, written in _draw_files(job):
                done += 1
                drawn_images += written and not is_sketch
                drawn_sketches += written and is_sketch
                if on_progress is not None:
                    on_progress(done, total)
    except OSError as error:
        where = error.filename or images
        raise SettingsError(
            f"The demo collection cannot be written ({error.strerror}: {where}). "
            "Choose a folder that you may write to."
        ) from error
    return Drawn(drawn_images, drawn_sketches)


def _draw_files(job: _Job) -> Iterator[tuple[bool, bool]]:
    """Draw what is missing of one design; yield (is a sketch, was written) after each file."""
    places = [*job.pictures, *job.copies, *([job.sketch] if job.sketch else [])]
    missing = {place for place in places if not place.exists()}
    for place in places:
        if place not in missing:
            yield place == job.sketch, False
    if not missing:
        return
    design = job.design
    plate = design.plate()
    for place, index in job.pictures.items():
        edits = {p: e for p, (i, e) in job.copies.items() if i == index and p in missing}
        if place not in missing and not edits:
            continue
        pixels = colour(plate, design.colourways[index], design.studio)
        if place in missing:
            save(pixels, place)
            yield False, True
        for target, edit in edits.items():
            edited, encoding = near_duplicate(pixels, edit)
            save(edited, target, **encoding)
            yield False, True
    if job.sketch is not None and job.sketch in missing:
        view = View.of(design.size, plate.scale, design.stage.fill)
        save(sketch(plate, design.parts(), view, design.seed), job.sketch)
        yield True, True
