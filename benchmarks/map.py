"""The map: whether neighbours stay neighbours, how long it takes, and how smoothly it moves.

``COUNT`` images of several sets together are laid out by ``imagenet``; the rest is placed among
them, as new images are. Trustworthiness (Venna and Kaski, ICANN 2001, as scikit-learn has it) is 1
where the nearest on the map were near before. Frames are counted in Chromium while the map is
dragged and zoomed, with made-up places of ``POINTS`` images. Indexes are kept in ``--caches``.
"""

from __future__ import annotations

import argparse
import io
import json
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from benchmarks.report import DATASETS, table, write_section
from image_search.imaging.arrays import Floats
from image_search.labels.labels import embeddings_of
from image_search.library import Library
from image_search.mapping.layout import arranged, between, components, nearest, squared
from image_search.mapping.maps import rows_of
from image_search.settings import Settings
from image_search.storage import read_cache

if TYPE_CHECKING:
    from playwright.sync_api import Page, Route

NAME = "imagenet"
SETS: Mapping[str, str] = {
    "clothing": "clothing",
    "caltech101": "caltech101",
    "datasets-jewellery": "jewellery",
    "sketchy-photo": "sketchy/photo",
}
COUNT = 5000
POINTS = 50_000
NEIGHBOURS = 12
# Seconds that the map is moved for, in each way.
SECONDS = 5
MOVED = """async (seconds) => {
    const stage = document.getElementById("stage");
    const box = stage.getBoundingClientRect();
    const at = (x, y) => ({ clientX: box.left + x * box.width, clientY: box.top + y * box.height });
    const send = (type, where) => stage.dispatchEvent(
        new PointerEvent(type, { ...where, pointerId: 1, button: 0, bubbles: true }));
    stage.setPointerCapture = () => {};
    const counted = async (step) => {
        const times = [];
        await new Promise((resolve) => {
            const began = performance.now();
            const frame = (now) => {
                times.push(now);
                step((now - began) / 1000);
                if (now - began > 1000 * seconds) resolve();
                else requestAnimationFrame(frame);
            };
            requestAnimationFrame(frame);
        });
        const gaps = times.slice(1).map((time, i) => time - times[i]).sort((a, b) => a - b);
        const most = gaps[Math.floor(0.95 * gaps.length)];
        return { rate: 1000 * gaps.length / (times.at(-1) - times[0]), slow: most };
    };
    send("pointerdown", at(0.5, 0.5));
    const drag = await counted((t) => send("pointermove", at(0.5 + 0.2 * Math.sin(3 * t), 0.5)));
    send("pointerup", at(0.5, 0.5));
    const turn = (t) => ({ ...at(0.5, 0.5), deltaY: -40 * Math.cos(2 * t), cancelable: true });
    const zoom = await counted((t) => stage.dispatchEvent(new WheelEvent("wheel", turn(t))));
    return { drag, zoom };
}"""


def vectors_of(caches: Path) -> Floats:
    """The embeddings (n, dim) of all sets, in random order."""
    found = []
    for name, folder in SETS.items():
        cache = caches / f"{name}.pkl"
        known = ",".join(Library.open(Settings(cache=cache)).status().extractors) or NAME
        settings = Settings(images=DATASETS / folder, cache=cache, extractors=known)
        Library.open(settings).update(fingerprints=False)
        snapshot, _ = read_cache(cache)
        found.append(embeddings_of(snapshot, rows_of(snapshot), (NAME,))[NAME])
    rows = np.concatenate(found)
    return np.asarray(rows[np.random.default_rng(0).permutation(len(rows))])


def trusted(vectors: Floats, places: Floats) -> str:
    from sklearn.manifold import trustworthiness

    return f"{trustworthiness(vectors, places, n_neighbors=NEIGHBOURS, metric='cosine'):.3f}"


def layout_rows(vectors: Floats) -> list[list[object]]:
    known, others = vectors[:COUNT], vectors[COUNT:]
    started = time.perf_counter()
    places, method = arranged(known, lambda *_: None, lambda: False)
    arranging = time.perf_counter() - started
    started = time.perf_counter()
    found = between(*nearest(others, known), places)
    placed = time.perf_counter() - started
    both = np.concatenate([places, found])
    plain = squared(components(known, 2))
    return [
        [f"{method}, {len(known):,} images", trusted(known, places), f"{arranging:.0f}"],
        [f"{len(others):,} others placed", trusted(vectors, both), f"{placed:.1f}"],
        ["PCA (without scikit-learn)", trusted(known, plain), ""],
    ]


def frames() -> list[list[object]]:
    """Frames per second, and the length of the slower ones, on the page of the map."""
    from tests.web.browsing import chromium, opened, served
    from tests.web.running import running

    rng = np.random.default_rng(0)
    middles = rng.random((40, 2))
    places = middles[rng.integers(40, size=POINTS)] + 0.04 * rng.standard_normal((POINTS, 2))
    x, y = np.rint(np.clip(places, 0, 1) * 65535).astype(int).T.tolist()
    group = rng.integers(-1, 8, POINTS).tolist()
    ids = [f"{number:016x}" for number in range(POINTS)]
    paths = [f"ring-{number}.jpg" for number in range(POINTS)]
    images = {"id": ids, "path": paths, "x": x, "y": y, "group": group, "alone": []}
    colours = (
        "#0072b2",
        "#e69f00",
        "#009e73",
        "#d55e00",
        "#cc79a7",
        "#56b4e9",
        "#7a5195",
        "#8c6d31",
    )
    groups = [{"name": colour, "colour": colour, "images": 1} for colour in colours]
    about = {"extractor": "hsv", "made": 1.0, "method": "t-SNE", "new": 0}
    answer = json.dumps({**about, "groups": groups, "images": images})
    picture = io.BytesIO()
    Image.fromarray(rng.integers(0, 256, (240, 320, 3), np.uint8)).save(picture, "webp")

    def show(route: Route) -> None:
        route.fulfill(body=answer, content_type="application/json")

    def thumbnail(route: Route) -> None:
        route.fulfill(body=picture.getvalue(), content_type="image/webp")

    size: dict[str, Any] = {"viewport": {"width": 1440, "height": 900}}
    with (
        tempfile.TemporaryDirectory() as folder,
        running(served(Path(folder))) as service,
        chromium() as browser,
        opened(browser, service, **size) as page,
    ):
        return moved(page, service.address, show, thumbnail)


def moved(page: Page, address: str, show: Any, thumbnail: Any) -> list[list[object]]:
    page.route("**/map/places*", show)
    page.route("**/thumbnails/*", thumbnail)
    page.goto(f"{address}map")
    page.locator(f"#stage[data-images='{POINTS}']").wait_for()
    page.wait_for_timeout(3000)  # thumbnails come
    found = page.evaluate(MOVED, SECONDS)
    return [
        [f"{what} {POINTS:,} images", f"{found[name]['rate']:.0f}", f"{found[name]['slow']:.0f}"]
        for name, what in (("drag", "dragging"), ("zoom", "zooming"))
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--caches", type=Path, help="keep the indexes here, for quick reruns")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        caches = options.caches or Path(temporary)
        caches.mkdir(parents=True, exist_ok=True)
        rows = layout_rows(vectors_of(caches))
    write_section(
        "quality.md",
        "map",
        "### The map\n\n`python -m benchmarks.map`: images of clothing, caltech101, jewellery and "
        "Sketchy's photos together, by `imagenet`. Trustworthiness is that of scikit-learn, by "
        f"cosine and the {NEIGHBOURS} nearest; the second row is about all images, those that were "
        "placed among the others included.\n\n"
        + table(["", "trustworthiness", "seconds"], rows)
        + "\n\nThe page in Chromium without a graphics card, 1440 by 900 pixels, with made-up "
        "places:\n\n"
        + table(["", "frames per second", "ms of a frame, 95 of 100 are shorter"], frames()),
    )


if __name__ == "__main__":
    main()
