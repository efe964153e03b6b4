"""Embeddings, rankings and verdicts of a part of the demo collection, as plain values."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from image_search.demo import Design, catalogue, draw
from image_search.extractors.embedding import embed
from image_search.imaging.arrays import Floats, Pixels
from image_search.library import Library
from image_search.search.palettes import parse_colour
from image_search.search.queries import Query, Region
from image_search.settings import Settings

FOLDER = Path(__file__).parent
#: The extractors that come with the package.
SHIPPED = "imagenet", "design", "hsv", "edges", "texture"
#: Designs whose images are searched; every sketched one of them is asked with.
EVERY = 4
#: Hits recorded for each query.
HITS = 10
RED, TEAL = (parse_colour("#c02020"),), (parse_colour("#208080"),)


@dataclass(frozen=True)
class Measured:
    """``vectors`` by picture and extractor, and ``answers`` by query."""

    vectors: dict[str, Floats]
    answers: dict[str, dict[str, Any]]


def designs() -> list[Design]:
    """Return a quarter of the demo's designs, and those that have a sketch."""
    return [design for i, design in enumerate(catalogue()) if design.sketched or i % EVERY == 0]


def measure(folder: Path) -> Measured:
    """Return what the library answers over a part of the demo collection, drawn into ``folder``."""
    images, sketches = folder / "images", folder / "sketches"
    draw(designs(), images, sketches)
    settings = Settings(
        images=images, cache=folder / "cache.pkl", extractors=",".join(SHIPPED), threads=2
    )
    library = Library.open(settings)
    library.update()
    library.prepare()
    return Measured(_vectors(library, images, sketches), _answers(library, images, sketches))


def _vectors(library: Library, images: Path, sketches: Path) -> dict[str, Floats]:
    found: dict[str, Floats] = {}
    for path in _some(images, 5) + _some(sketches, 2):
        blocks = embed(library.pool, [_pixels(path)], SHIPPED)
        found |= {f"{path.stem} {name}": blocks[name][0] for name in SHIPPED}
    return found


def _answers(library: Library, images: Path, sketches: Path) -> dict[str, dict[str, Any]]:
    found = {name: _ranking(library, query) for name, query in _queries(images, sketches)}
    for path in sorted(sketches.iterdir()):
        found[f"check {path.name}"] = _verdict(library, path.read_bytes())
    for path in _some(images, 6):
        found[f"check {path.name}"] = _verdict(library, path.read_bytes())
        found[f"check {path.name}, edited"] = _verdict(library, _edited(path))
    return found


def _queries(images: Path, sketches: Path) -> Iterator[tuple[str, Query]]:
    for path in sorted(sketches.iterdir()):
        yield f"search {path.name}", Query((path.read_bytes(),), k=HITS)
    for path in _some(images, 6):
        picture = path.read_bytes()
        yield f"search {path.name}", Query((picture,), k=HITS)
        yield (
            f"search part of {path.name}",
            Query((picture,), k=HITS, region=Region(0.25, 0.25, 0.5, 0.5)),
        )
        yield (
            f"search {path.name} in red",
            Query((picture,), k=HITS, color=(parse_colour("#c02020"),)),
        )
    for words in ("ring", "gold ring", "chair"):
        yield f"search {words}", Query(text=words, k=HITS)
    yield "search teal", Query(color=TEAL, k=HITS)


def _ranking(library: Library, query: Query) -> dict[str, Any]:
    result = library.search(query)
    hits = [[hit.path, round(hit.score, 4)] for hit in result.hits]
    return {"kind": result.kind, "matched_by": result.matched_by, "hits": hits}


def _verdict(library: Library, picture: bytes) -> dict[str, Any]:
    result = library.check(Query((picture,)))
    chance = result.certainty.chance if result.certainty else None
    return {
        "kind": result.kind,
        "verdict": result.verdict,
        "first": result.hits[0].hit.path if result.hits else None,
        "chance": chance,
        "nearest": [[hit.path, round(hit.score, 4)] for hit in result.nearest[:HITS]],
    }


def _some(folder: Path, count: int) -> list[Path]:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return files[:: max(1, len(files) // count)][:count]


def _pixels(path: Path) -> Pixels:
    found = cv2.imdecode(np.fromfile(path, np.uint8), cv2.IMREAD_COLOR)
    assert found is not None
    return np.ascontiguousarray(found[..., ::-1])


def _edited(path: Path) -> bytes:
    """Return the picture cropped, smaller, and compressed strongly, as a JPEG file."""
    pixels = _pixels(path)[..., ::-1]
    height, width = pixels.shape[:2]
    part = pixels[height // 12 :, : width - width // 12]
    small = cv2.resize(part, None, fx=0.7, fy=0.7, interpolation=cv2.INTER_AREA)
    coded, data = cv2.imencode(".jpg", small, [cv2.IMWRITE_JPEG_QUALITY, 55])
    assert coded
    return data.tobytes()
