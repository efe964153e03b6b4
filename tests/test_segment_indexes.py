"""Large collections: codes beside the segments are made once, and made again when they are lost."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from image_search.errors import IndexEmpty
from image_search.library import Library, Serving
from image_search.search.engines import segment_indexes
from image_search.search.engines.faiss import Coder, CompressedIndex, FlatIndex
from image_search.search.queries import Query
from image_search.settings import Settings
from image_search.storage.segments import CODES, Segment
from tests.drawing import MadeOnce, draw_into, picture

IMAGES = 60


@pytest.fixture(autouse=True)
def _everything_is_large(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(segment_indexes, "EXACT_BYTES", 0)
    monkeypatch.setattr(segment_indexes, "_SMALL", 0)


def indexed(settings: Settings) -> None:
    draw_into(settings.images, IMAGES)
    Library.open(settings).update()


@pytest.fixture
def library(settings: Settings, made_once: MadeOnce) -> Library:
    return made_once(settings, indexed)


class Counted:
    def __init__(self, real: Callable[..., object]) -> None:
        self.real, self.calls = real, 0

    def __call__(self, *arguments: object) -> object:
        self.calls += 1
        return self.real(*arguments)


@pytest.fixture
def encoded(monkeypatch: pytest.MonkeyPatch, library: Library) -> Counted:
    """How often a segment is encoded, from after the first update on."""
    assert library is not None
    counted = Counted(Coder.encode)
    monkeypatch.setattr(Coder, "encode", lambda *arguments: counted(*arguments))
    return counted


@pytest.fixture
def verified(monkeypatch: pytest.MonkeyPatch, library: Library) -> Counted:
    """How often all vectors of a segment are read to verify them."""
    assert library is not None
    counted = Counted(Segment.verify)
    monkeypatch.setattr(Segment, "verify", lambda *arguments: counted(*arguments))
    return counted


def codes(settings: Settings) -> list[Path]:
    return sorted(settings.state_dir.rglob(f"*{CODES}"))


def first(library: Library, number: int) -> str:
    return library.search(Query((picture(number),), k=1)).hits[0].path


def test_a_large_collection_is_compressed_and_answers_alike(
    library: Library, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    queries = [Query((picture(number),), k=5) for number in range(20)]
    compressed = [library.search(query).hits for query in queries]
    large = Serving(settings.cache).index()
    monkeypatch.setattr(segment_indexes, "EXACT_BYTES", 1 << 30)
    small = Serving(settings.cache).index()

    assert all(isinstance(part.of.index, CompressedIndex) for part in large.parts)
    assert all(isinstance(part.of.index, FlatIndex) for part in small.parts)
    assert [Library.open(settings).search(query).hits for query in queries] == compressed


def test_an_update_leaves_the_codes_on_disk(library: Library, settings: Settings) -> None:
    assert library.status().images == IMAGES
    assert len(codes(settings)) == 1


def test_a_start_takes_the_codes_as_they_are(
    library: Library, settings: Settings, encoded: Counted, verified: Counted
) -> None:
    assert first(Library.open(settings), 7) == "0007.png"
    assert encoded.calls == verified.calls == 0


def test_new_images_leave_what_is_there_untouched(
    settings: Settings, folder: Path, encoded: Counted, verified: Counted
) -> None:
    before = {path: path.stat().st_mtime_ns for path in settings.state_dir.rglob("*.*s")}
    draw_into(folder, 3, first=IMAGES)

    library = Library.open(settings)
    library.update()

    assert first(library, IMAGES + 1) == f"{IMAGES + 1:04d}.png"
    assert encoded.calls == 1
    assert verified.calls == 1
    assert {path: path.stat().st_mtime_ns for path in before} == before
    assert len(codes(settings)) == 2


@pytest.mark.parametrize(
    "damage",
    [
        lambda data: data[:0],
        lambda data: data[:-1],
        lambda data: data[:500] + bytes([data[500] ^ 1]) + data[501:],
        lambda data: data + b"x",
        lambda data: b"\x80\x05cos\nsystem\n." + data,
    ],
)
def test_damaged_codes_are_made_again(
    settings: Settings, encoded: Counted, damage: Callable[[bytes], bytes]
) -> None:
    [path] = codes(settings)
    whole = path.read_bytes()
    path.write_bytes(damage(whole))

    assert first(Library.open(settings), 7) == "0007.png"
    assert encoded.calls == 1
    assert path.read_bytes() == whole


def test_missing_codes_are_made_again(settings: Settings, encoded: Counted) -> None:
    [path] = codes(settings)
    whole = path.read_bytes()
    path.unlink()

    assert first(Library.open(settings), 7) == "0007.png"
    assert encoded.calls == 1
    assert path.read_bytes() == whole


def test_vectors_whose_file_was_touched_are_verified_again(
    settings: Settings, verified: Counted
) -> None:
    vectors = next(settings.state_dir.rglob("*.column"))
    data = bytearray(vectors.read_bytes())
    data[40] ^= 255
    vectors.write_bytes(data)
    os.utime(vectors, ns=(0, 0))

    library = Library.open(settings)
    with pytest.raises(IndexEmpty):
        library.search(Query((picture(7),)))
    assert "do not match their checksum" in library.status().warnings[0]
    report = library.update()

    assert verified.calls > 0
    assert report.embedded == IMAGES
    assert first(library, 7) == "0007.png"


def test_another_calibration_has_other_codes_and_the_old_ones_go(
    library: Library, settings: Settings
) -> None:
    [old] = codes(settings)
    snapshot = Serving(settings.cache).snapshot()
    refitted = {**(snapshot.calibration or {}), "fitted_on": 9}
    index = segment_indexes.index_of(
        snapshot.segments[0],
        replace(snapshot, calibration=refitted),
        Serving(settings.cache).index().calibration,
        large=True,
        verified=False,
    )

    assert isinstance(index, CompressedIndex)
    [new] = codes(settings)
    assert new != old


def test_the_codes_of_a_segment_go_with_it(library: Library, settings: Settings) -> None:
    for image in sorted(settings.images.iterdir())[5:]:
        image.unlink()
    library.update()  # less than half is left, so the rest is written anew
    library.update()

    names = {path.name.split(".")[0] for path in settings.state_dir.rglob("*.column")}
    assert {path.name.split(".")[0] for path in codes(settings)} == names
    assert len(names) == 1


def test_a_disk_that_takes_no_codes_is_no_hindrance(
    settings: Settings, encoded: Counted, monkeypatch: pytest.MonkeyPatch
) -> None:
    for path in codes(settings):
        path.unlink()

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("image_search.storage.derived.safe_pickle.dump", full)

    assert first(Library.open(settings), 7) == "0007.png"
    assert codes(settings) == []


@pytest.mark.skipif(os.name != "posix", reason="needs a kill that cannot be caught")
def test_a_kill_while_codes_are_written_leaves_none_or_all(
    settings: Settings, encoded: Counted
) -> None:
    [path] = codes(settings)
    whole = path.read_bytes()
    path.unlink()
    script = f"""
import os, signal
from pathlib import Path
from image_search.search.engines import segment_indexes
from image_search.storage import safe_pickle
from image_search.library import Serving
segment_indexes.EXACT_BYTES = segment_indexes._SMALL = 0
safe_pickle.os.fsync = lambda _: os.kill(os.getpid(), signal.SIGKILL)
Serving(Path({str(settings.cache)!r})).index()
"""
    done = subprocess.run([sys.executable, "-c", script], check=False)

    assert done.returncode == -signal.SIGKILL
    assert codes(settings) == []
    library = Library.open(settings)
    assert first(library, 7) == "0007.png"
    library.update()
    assert [found.read_bytes() for found in codes(settings)] == [whole]
    assert list(settings.state_dir.rglob("*.tmp")) == []


def test_vectors_that_a_disk_altered_are_found_in_the_background(
    settings: Settings, library: Library
) -> None:
    assert library.verify()
    draw_into(settings.images, 3, first=80)
    library.update()
    # The time of the file stays, as where a disk loses bits.
    vectors = max(settings.state_dir.rglob("*.column"), key=lambda path: path.stat().st_size)
    status, data = vectors.stat(), bytearray(vectors.read_bytes())
    data[40] ^= 255
    vectors.write_bytes(data)
    os.utime(vectors, ns=(status.st_atime_ns, status.st_mtime_ns))

    opened = Library.open(settings)
    assert first(opened, 7) == "0007.png", "codes are taken as they are at a start"
    before = opened.outdated
    assert not opened.verify()

    assert "do not match their checksum" in opened.status().warnings[0]
    assert opened.status().images == 3
    assert (before, opened.outdated) == (False, True)
    assert opened.update().embedded == IMAGES
    assert opened.verify()
    assert opened.status().warnings == ()
    assert first(opened, 7) == "0007.png"


def test_verifying_can_be_stopped(settings: Settings, library: Library) -> None:
    opened = Library.open(settings)
    assert opened.verify(lambda: True)
    assert opened.status().images == IMAGES
