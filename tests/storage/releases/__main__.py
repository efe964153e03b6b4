"""Write a cache in the form that this version writes, and what searches in it find.

Run once for every released form, ``python -m tests.storage.releases``, with the version that has
it; the files are kept for good and never written again.
"""

from __future__ import annotations

import json
import tempfile
import zipfile
from pathlib import Path

from image_search.demo import draw_collection
from image_search.library import Library
from image_search.search.queries import Query
from image_search.settings import Settings
from image_search.storage.records import image_id
from image_search.storage.snapshot import SCHEMA, segment_folder

FOLDER = Path(__file__).parent
IMAGES, QUERIES, FIRST = 60, 5, 30


def scores_of(library: Library, image_id: str, names: list[str]) -> dict[str, float]:
    """The sum of the cosines with an indexed image, by id of the others, the highest first."""
    hits = library.search(Query(like=(image_id,), kind="photo", k=IMAGES)).hits
    found = {hit.id: sum(hit.scores[name] for name in names) for hit in hits}
    return dict(sorted(found.items(), key=lambda item: -item[1]))


def main() -> None:
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        draw_collection(folder / "images", folder / "sketches")
        files = sorted(path for path in (folder / "images").rglob("*") if path.is_file())
        for path in set(files) - set(files[::4][:IMAGES]):
            path.unlink()
        settings = Settings(
            images=folder / "images", cache=folder / "image_features.pkl", extractors="hsv,edges"
        )
        library = Library.open(settings)
        library.update(fingerprints=False)
        paths = [path.relative_to(settings.images).as_posix() for path in files if path.exists()]
        ids = [f"{image_id(path):016x}" for path in paths[:: IMAGES // QUERIES]]
        found = {
            one: dict(list(scores_of(library, one, ["hsv", "edges"]).items())[:FIRST])
            for one in ids
        }
        name = FOLDER / f"schema-{SCHEMA}"
        with zipfile.ZipFile(name.with_suffix(".zip"), "w", zipfile.ZIP_LZMA) as archive:
            archive.write(settings.cache, settings.cache.name)
            for path in sorted(segment_folder(settings.cache).iterdir()):
                archive.write(path, path.relative_to(folder).as_posix())
        name.with_suffix(".json").write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
