"""An index made before some files were shown as they are meant: only those are embedded again."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from image_search.imaging.decoding import decode
from image_search.indexing.redecoding import shown_differently
from image_search.library import Library
from image_search.search.queries import Query
from image_search.settings import Settings
from image_search.storage import safe_pickle
from image_search.storage.snapshot import segment_folder
from tests.counting import Counting
from tests.drawing import design, ornate, saved
from tests.imaging.photoshop import photoshop
from tests.imaging.profiles import PROPHOTO, SRGB
from tests.imaging.test_transparency import logo
from tests.imaging.tiffs import tiff


def made_earlier(settings: Settings) -> None:
    """Have the index of ``settings`` say, and hold, what the version before would: nothing of
    versions, and of times."""
    for path in segment_folder(settings.cache).glob("*.facts.pkl"):
        plain = safe_pickle.load(path)
        for name in ("decoding", "notes", "ctimes"):
            plain.pop(name, None)
        safe_pickle.dump(path, plain)
    plain = safe_pickle.load(settings.cache)
    plain.pop("decoding")
    safe_pickle.dump(settings.cache, plain)


@pytest.fixture
def earlier(settings: Settings) -> Settings:
    images = settings.images
    for number in range(4):
        (images / f"{number}.jpg").write_bytes(saved(ornate(number), "JPEG"))
    (images / "usual.png").write_bytes(saved(ornate(5), icc_profile=SRGB))
    (images / "profile.png").write_bytes(saved(ornate(6), icc_profile=PROPHOTO))
    (images / "copy of profile.png").write_bytes(saved(ornate(6), icc_profile=PROPHOTO))
    (images / "white.png").write_bytes(saved(logo(1)))
    (images / "black.png").write_bytes(saved(logo(1, 0)))
    (images / "notes.xmp").write_text("<x:xmpmeta/>")
    library = Library.open(settings)
    library.update()
    library.duplicates.update()
    made_earlier(settings)
    return settings


def test_only_what_looks_otherwise_is_embedded_again(earlier: Settings, counting: Counting) -> None:
    library = Library.open(earlier)
    counting.embedded = 0

    first = library.update()
    second = library.update()

    assert first.embedded == 3
    assert (first.added, first.changed, first.unchanged) == (0, 0, 9)
    assert any(warning.startswith("3 images are shown") for warning in first.warnings)
    assert (second.embedded, second.unchanged, second.warnings) == (0, 9, ())


def test_what_was_derived_from_it_is_made_again(earlier: Settings) -> None:
    library = Library.open(earlier)
    (hit,) = (
        hit
        for hit in library.search(Query(images=(saved(ornate(6)),))).hits
        if hit.path == "profile.png"
    )
    thumbnail = library.originals.thumbnail(hit.id)
    thumbnail.write_bytes(b"as it looked before")

    library.update()

    with Image.open(library.originals.thumbnail(hit.id)) as again:
        assert again.format == "WEBP"
    assert library.duplicates.pending == 2
    assert library.duplicates.update()
    assert library.check(Query(like=(hit.id,))).verdict == "exact"


def test_a_new_copy_of_what_looks_otherwise_is_made_out_again(earlier: Settings) -> None:
    (earlier.images / "a new copy.png").write_bytes(saved(ornate(6), icc_profile=PROPHOTO))

    report = Library.open(earlier).update()

    assert (report.added, report.embedded) == (1, 4)


@pytest.mark.parametrize(
    ("name", "data", "differs"),
    [
        ("a.jpg", saved(design(1), "JPEG"), False),
        ("a.png", saved(design(1)), False),
        ("a.tif", saved(design(1), "TIFF"), False),
        ("b.tif", saved(design(1), "TIFF", save_all=True, append_images=[design(2)]), True),
        (
            "c.tif",
            tiff(decode(saved(design(1)), max_megapixels=1).pixels[..., :1], 0, bits=12),
            True,
        ),
        ("a.gif", saved(design(1), "GIF"), False),
        ("b.gif", saved(design(1), "GIF", save_all=True, append_images=[design(2)]), True),
        ("a.psd", photoshop([decode(saved(design(1)), max_megapixels=1).pixels[..., 0]] * 3), True),
        ("b.jpg", saved(design(1), "JPEG", icc_profile=PROPHOTO), True),
        ("c.jpg", saved(design(1), "JPEG", icc_profile=SRGB), False),
        ("b.png", saved(logo(1)), True),
        ("c.png", saved(logo(1, 60)), False),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_the_head_of_a_file_tells(tmp_path: Path, name: str, data: bytes, differs: bool) -> None:
    path = tmp_path / name
    path.write_bytes(data)

    assert shown_differently(path) is differs
