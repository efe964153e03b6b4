"""The one object behind the web and the command line: states, files, damage, many threads."""

from __future__ import annotations

import os
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

from image_search.errors import (
    CacheError,
    SettingsError,
    UnknownImage,
    UnreadableImage,
)
from image_search.extractors import REGISTRY
from image_search.imaging.arrays import Floats
from image_search.imaging.thumbnails import Thumbnails
from image_search.library import Library
from image_search.search.engines.base import VectorIndex
from image_search.search.engines.faiss import FlatIndex
from image_search.search.queries import Query
from image_search.settings import Settings
from image_search.storage.snapshot import segment_folder
from tests.counting import Counting, Gate, Wordy, count, stand_in_for_clip
from tests.drawing import MadeOnce, draw_into, picture


def indexed(settings: Settings) -> None:
    draw_into(settings.images, 10)
    (settings.images / "broken.png").write_bytes(b"no picture")
    Library.open(settings).update()


@pytest.fixture
def library(settings: Settings, made_once: MadeOnce) -> Library:
    return made_once(settings, indexed)


def id_of(library: Library, number: int) -> str:
    return library.search(Query((picture(number),), k=1)).hits[0].id


def test_before_the_first_update(settings: Settings) -> None:
    library = Library.open(settings)

    status = library.status()

    assert (status.ready, status.complete, status.images, status.updated) == (False, False, 0, None)
    assert library.outdated
    library.warm_up()
    assert not settings.cache.exists(), "looking must not write"


def test_the_status_tells_what_there_is(library: Library) -> None:
    status = library.status()

    assert (status.ready, status.complete) == (True, True)
    assert (status.images, status.unreadable) == (10, 1)
    assert [failure.path for failure in status.failures] == ["broken.png"]
    assert status.extractors == ("hsv",)
    assert status.models == {"hsv": REGISTRY["hsv"].model}
    assert status.warnings == ()
    assert status.updated is not None
    assert len(status.fingerprint) == 16
    assert not library.outdated


def test_an_original_is_the_file_itself(library: Library) -> None:
    path = library.originals.path(id_of(library, 3))

    assert path.is_absolute()
    assert path.read_bytes() == picture(3)


@pytest.mark.parametrize(
    "image_id",
    [
        "", "0", "0" * 16, "f" * 16, "-000000000000001", "+000000000000001", "0x00000000000001",
        "0000_0000_0000_1", "../../etc/passwd", "\u0660" * 16, "G" * 16, "1" * 17,
    ],
)  # fmt: skip
def test_an_id_nobody_has_is_unknown(library: Library, image_id: str) -> None:
    with pytest.raises(UnknownImage):
        library.originals.path(image_id)
    with pytest.raises(UnknownImage):
        library.originals.thumbnail(image_id)


def test_an_id_has_one_spelling(library: Library) -> None:
    letters = next(found for n in range(10) if not (found := id_of(library, n)).isdigit())

    with pytest.raises(UnknownImage):
        library.originals.path(letters.upper())


def test_a_file_that_is_gone_or_leads_out_is_unknown(library: Library, tmp_path: Path) -> None:
    gone, out = id_of(library, 1), id_of(library, 2)
    (library.settings.images / "0001.png").unlink()
    (tmp_path / "secret.png").write_bytes(b"secret")
    (library.settings.images / "0002.png").unlink()
    (library.settings.images / "0002.png").symlink_to(tmp_path / "secret.png")

    for image_id in (gone, out):
        with pytest.raises(UnknownImage, match="reindex"):
            library.originals.path(image_id)
        with pytest.raises(UnknownImage):
            library.originals.thumbnail(image_id)


def test_a_thumbnail_is_made_once(library: Library) -> None:
    path = library.originals.thumbnail(id_of(library, 3), side=40)
    made = path.stat().st_mtime_ns

    with Image.open(path) as image:
        assert (image.format, image.size) == ("WEBP", (40, 30))
    assert library.originals.thumbnail(id_of(library, 3), side=40) == path
    assert path.stat().st_mtime_ns == made
    assert not list(library.settings.state_dir.rglob("*.tmp"))


def test_a_thumbnail_that_is_being_written_is_not_removed(library: Library) -> None:
    folder = library.originals.thumbnail(id_of(library, 1)).parent
    young, old = (folder / f"{'0' * 64}.{name}.tmp" for name in ("young", "old"))
    for path in (young, old):
        path.write_bytes(b"half")
    os.utime(old, (0, 0))

    (library.settings.images / "0003.png").unlink()
    library.update()

    assert young.exists()
    assert not old.exists()


def test_thumbnails_made_while_updates_end_are_all_there(
    library: Library, settings: Settings
) -> None:
    sweeping, stop = Thumbnails(settings.state_dir / "thumbnails", 128), threading.Event()

    def sweep() -> None:
        while not stop.is_set():
            sweeping.sweep(set())

    other = threading.Thread(target=sweep)
    other.start()
    try:
        hits = library.search(Query((picture(1),), k=10)).hits
        # Where one is not there at the end, writing it raised nothing: it was made, then removed.
        for side in range(20, 60):
            for hit in hits:
                library.originals.thumbnail(hit.id, side=side)
    finally:
        stop.set()
        other.join()


def test_thumbnails_of_what_is_gone_are_removed(library: Library) -> None:
    gone = library.originals.thumbnail(id_of(library, 1))
    kept = library.originals.thumbnail(id_of(library, 2))
    (library.settings.images / "0001.png").unlink()

    library.update()

    assert not gone.exists()
    assert kept.exists()


def test_a_file_altered_since_it_was_indexed_does_not_spoil_its_twin(library: Library) -> None:
    images = library.settings.images
    (images / "twin.png").write_bytes(picture(1))
    library.update()
    hits = {hit.path: hit.id for hit in library.search(Query((picture(1),), k=2)).hits}
    (images / "0001.png").write_bytes(picture(50))

    altered, twin = (
        library.originals.thumbnail(hits["0001.png"]),
        library.originals.thumbnail(hits["twin.png"]),
    )

    assert altered.read_bytes() != twin.read_bytes()
    (images / "0002.png").write_bytes(b"rubbish")
    with pytest.raises(UnreadableImage):
        library.originals.thumbnail(id_of(library, 2))


def test_a_thumbnail_that_cannot_be_kept_is_an_error_in_words(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    image_id = id_of(library, 1)

    def full(path: Path, data: bytes) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)

    with pytest.raises(CacheError, match="No space left"):
        library.originals.thumbnail(image_id)


def vectors_file(library: Library) -> Path:
    return next(segment_folder(library.settings.cache).glob("*.column"))


def test_a_damaged_cache_is_reported_and_rebuilt(
    library: Library, counting: Counting, settings: Settings
) -> None:
    settings.cache.write_bytes(settings.cache.read_bytes()[:-20])
    for opened in (library, Library.open(settings)):
        status = opened.status()
        assert not status.ready
        assert "damaged" in " ".join(status.warnings)
        assert opened.outdated

    report = library.update()

    assert report.embedded == counting.embedded == 0
    assert "set aside" in " ".join(report.warnings)
    assert library.status().images == 10
    assert library.status().warnings == ()
    assert library.search(Query((picture(4),))).hits[0].path == "0004.png"


@pytest.mark.parametrize("mended_by", ["the same process", "another process"])
def test_altered_vectors_are_reported_and_embedded_again(
    library: Library, settings: Settings, counting: Counting, mended_by: str
) -> None:
    draw_into(settings.images, 3, first=20)
    library.update()
    counting.taken()
    file = vectors_file(library)
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 0x40
    file.write_bytes(data)
    altered = len(data) // (2 * 512 + 4)

    opened = Library.open(settings)
    if mended_by == "the same process":
        hits = opened.search(Query((picture(4),), k=100)).hits
        assert len(hits) == 13 - altered
        assert "damaged" in " ".join(opened.status().warnings)
        counting.taken()
    report = opened.update()

    assert report.embedded == counting.embedded == altered
    assert "altered" in " ".join(report.warnings)
    assert opened.status().warnings == ()
    for number in (*range(10), 20, 21, 22):
        best = opened.search(Query((picture(number),), k=1)).hits[0]
        assert best.path == f"{number:04}.png"
        assert best.score == pytest.approx(1, abs=1e-3)


def test_searches_go_on_during_an_update(library: Library) -> None:
    draw_into(library.settings.images, 60, first=100)
    stop = threading.Event()

    def ask(number: int) -> int:
        asked = 0
        while not stop.is_set():
            hits = library.search(Query((picture(number),), k=5)).hits
            assert hits[0].path == f"{number:04}.png"
            asked += 1
        return asked

    with ThreadPoolExecutor(3) as pool:
        asking = [pool.submit(ask, number) for number in range(3)]
        try:
            report = library.update()
        finally:
            stop.set()
        assert all(future.result() > 0 for future in asking)

    assert report.added == 60
    assert library.search(Query((picture(130),))).hits[0].path == "0130.png"


def test_the_old_index_answers_while_the_new_one_is_built(
    library: Library, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    image_id = id_of(library, 1)
    draw_into(settings.images, 1, first=50)
    Library.open(settings).update()
    gate = Gate()

    def build(vectors: Floats) -> VectorIndex:
        gate()
        return FlatIndex(vectors)

    monkeypatch.setattr("image_search.search.engines.segment_indexes.FlatIndex", build)
    with ThreadPoolExecutor(1) as pool:
        builder = pool.submit(library.search, Query((picture(50),), k=1))
        assert gate.reached.wait(20)
        try:
            assert library.search(Query((picture(1),), k=1)).hits[0].path == "0001.png"
            assert library.search(Query((picture(50),))).compared == 10
            assert library.originals.path(image_id).exists()
            assert library.status().images == 11
        finally:
            gate.go_on.set()
        assert builder.result(20).hits[0].path == "0050.png"

    assert library.search(Query((picture(50),))).compared == 11


@pytest.mark.parametrize("choice", ["auto", " AUTO "])
def test_vectors_of_a_model_are_not_thrown_away_for_want_of_its_weights(
    settings: Settings, folder: Path, choice: str
) -> None:
    draw_into(folder, 2)
    with pytest.MonkeyPatch.context() as patch:
        stand_in_for_clip(patch)
        Library.open(replace(settings, extractors="clip,hsv")).update()
    with pytest.MonkeyPatch.context() as patch:
        for name in ("clip", "resnet50"):
            weights = type(REGISTRY[name].weights)
            patch.setattr(weights, "missing_reason", lambda _: "its weights are missing")
            patch.setattr(weights, "blocked_reason", lambda _: "there is no network")
        patch.setitem(vars(REGISTRY["clip"]), "dim", Wordy.dim)
        library = Library.open(replace(settings, extractors=choice, hub_timeout=0.1))

        report = library.update()

        assert "clip is no longer used. Its vectors are kept" in " ".join(report.warnings)
        assert "clip" not in library.status().extractors
        assert library.search(Query((picture(0),))).hits[0].path == "0000.png"
    with pytest.MonkeyPatch.context() as patch:
        stand_in_for_clip(patch)
        counting = count(patch, "clip")
        library = Library.open(replace(settings, extractors="clip,hsv"))
        library.update()

        assert library.status().extractors == ("clip", "hsv")
        assert counting.embedded == 0


def test_an_unknown_extractor_is_refused(settings: Settings) -> None:
    with pytest.raises(SettingsError, match="colours"):
        Library.open(replace(settings, extractors="colours")).update()
