"""Videos and a document of thirty pages: how long indexing takes, and whether stills and pages find
their places.

The films are made of real pictures that the camera pans over and zooms into, with a cut every few
seconds; the pages are other pictures. They lie among pictures that are neither.
"""

from __future__ import annotations

import argparse
import io
import os
import resource
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from benchmarks.report import DATASETS, table, timed, write_section
from image_search.imaging.arrays import Pixels
from image_search.library import Library
from image_search.search.queries import Query
from image_search.settings import Settings

SHIPPED = "imagenet,design,hsv,edges,texture"
RATE = 30
PAGES = 30
# Seconds that a hit may be away from the moment of the still.
NEAR = 3.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--shots", type=Path, default=DATASETS / "speed", help="for the films")
    parser.add_argument("--pages", type=Path, default=DATASETS / "clothing")
    parser.add_argument("--others", type=Path, default=DATASETS / "corel1k")
    parser.add_argument("--count", type=int, default=500, help="pictures that are neither")
    parser.add_argument("--stills", type=int, default=40, help="for each film")
    parser.add_argument("--film", type=Path, help="time this video, and write nothing")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        measure(options, Path(name))


def measure(options: argparse.Namespace, place: Path) -> None:
    images = place / "images"
    images.mkdir()
    for path in spread(options.others, options.count):
        (images / f"{path.parent.name}-{path.name}").write_bytes(path.read_bytes())
    index(place)
    if options.film:
        (images / options.film.name).write_bytes(options.film.read_bytes())
        print(table(["video", "seconds", "of work"], [[options.film.name, *index(place)]]))
        return
    shots = spread(options.shots, 30)
    films = {"catwalk.mp4": (1920, 1080, 60, shots[:20]), "room.avi": (1280, 720, 30, shots[20:])}
    rows: list[list[object]] = []
    library = None
    for film, (width, height, seconds, pictures) in films.items():
        stills = filmed(images / film, pictures, seconds, (width, height), options.stills)
        took = index(place)
        library = Library.open(settings(place))
        right, near = found(library, film, stills)
        what = f"{film}: {seconds} s of {width} x {height}"
        rows.append([what, *took, f"{right} of {len(stills)}", f"{near} of {len(stills)}"])
    pages = spread(options.pages, PAGES)
    first, *rest = (Image.open(path).convert("RGB") for path in pages)
    first.save(images / "book.pdf", save_all=True, append_images=rest, resolution=100)
    took = index(place)
    library = Library.open(settings(place))
    right = exact = 0
    for number, path in enumerate(pages, start=1):
        hit = library.search(Query((path.read_bytes(),), k=1)).hits[0]
        right += hit.path == "book.pdf"
        exact += hit.note.startswith(f"page {number} of")
    rows.append([f"book.pdf: {PAGES} pages", *took, f"{right} of {PAGES}", f"{exact} of {PAGES}"])
    write_section(
        "performance.md",
        "films",
        f"`python -m benchmarks.films`: two videos and a document are added to {options.count:,} "
        "pictures, one after the other, by `image-search index --only-search`, start of the "
        "process included. Seconds are those of a clock, and those that all cores together worked. "
        "Then stills of random moments, as JPEG of 640 pixels, and the pictures on the pages are "
        "searched with: how often the file is the first hit, and how often at most "
        f"{NEAR:g} seconds away, or at the very page. Without CLIP and ResNet50. "
        + busy()
        + "\n\n"
        + table(["file", "seconds", "of work", "first hit", "at its place"], rows),
    )


def busy() -> str:
    """A sentence about other work that the machine did, if it did."""
    load, cores = os.getloadavg()[0], os.cpu_count() or 1
    if load <= cores + 1:
        return ""
    return (
        f"The machine was busy with other work (load {load:.0f} on {cores} cores), which the "
        "seconds by the clock include."
    )


def spread(folder: Path, count: int) -> list[Path]:
    """So many pictures below ``folder``, evenly spread."""
    paths = sorted(path for path in folder.rglob("*") if path.suffix.lower() in (".jpg", ".jpeg"))
    return [paths[i * len(paths) // count] for i in range(min(count, len(paths)))]


def settings(place: Path) -> Settings:
    return Settings(images=place / "images", cache=place / "index.pkl", extractors=SHIPPED)


def index(place: Path) -> tuple[str, str]:
    """Bring the index up to date; the seconds by a clock, and those that cores worked."""

    def worked() -> float:
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        return used.ru_utime + used.ru_stime

    before = worked()
    folders = ["--images", place / "images", "--cache", place / "index.pkl"]
    seconds, _ = timed("index", *folders, "--extractors", SHIPPED, "--only-search")
    return f"{seconds:.0f}", f"{worked() - before:.0f}"


def filmed(
    path: Path, pictures: Sequence[Path], seconds: int, size: tuple[int, int], stills: int
) -> list[tuple[float, bytes]]:
    """Write a film; moments in seconds with stills as JPEG."""
    codec = "mp4v" if path.suffix == ".mp4" else "MJPG"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*codec), RATE, size)
    rng = np.random.default_rng(0)
    wanted = set(rng.choice(seconds * RATE, stills, replace=False).tolist())
    kept = []
    for number, frame in enumerate(frames(pictures, seconds * RATE, size)):
        writer.write(frame)
        if number in wanted:
            image = Image.fromarray(frame[..., ::-1])
            image.thumbnail((640, 640))
            buffer = io.BytesIO()
            image.save(buffer, "JPEG", quality=80)
            kept.append((number / RATE, buffer.getvalue()))
    writer.release()
    return kept


def frames(pictures: Sequence[Path], count: int, size: tuple[int, int]) -> Iterator[Pixels]:
    """Frames (height, width, 3) in BGR: over each picture the camera pans and zooms a little."""
    rng = np.random.default_rng(1)
    for path in pictures:
        picture = cv2.imread(str(path))
        assert picture is not None
        scale = 1.3 * max(size[0] / picture.shape[1], size[1] / picture.shape[0])
        picture = cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        room = np.array([picture.shape[1] - size[0], picture.shape[0] - size[1]])
        ends, zooms = rng.random((2, 2)), 1 + 0.2 * rng.random(2)
        for share in np.linspace(0, 1, count // len(pictures)):
            x, y = ((1 - share) * ends[0] + share * ends[1]) * room
            zoom = (1 - share) * zooms[0] + share * zooms[1]
            shift = np.array([[zoom, 0, -x * zoom], [0, zoom, -y * zoom]])
            frame = cv2.warpAffine(picture, shift, size, borderMode=cv2.BORDER_REFLECT)
            yield np.asarray(frame, np.uint8)


def found(library: Library, film: str, stills: Sequence[tuple[float, bytes]]) -> tuple[int, int]:
    """How many of the stills have the film as their first hit; and at about their moments."""
    right = near = 0
    for at, still in stills:
        hit = library.search(Query((still,), k=1)).hits[0]
        right += hit.path == film
        near += hit.path == film and abs(hit.time - at) <= NEAR
    return right, near


if __name__ == "__main__":
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    main()
