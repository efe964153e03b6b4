"""Metadata never costs the picture, design files show what they hold, and a file that cannot be
read is called what it is: damaged, of a format that is not read, or no image."""

from __future__ import annotations

import io
import json
import struct
import zipfile
import zlib

import numpy as np
import pytest
from PIL import Image

from image_search.errors import FormatNotRead, NotAnImage, UnreadableImage
from image_search.imaging.decoding import decode, pixel_digest
from image_search.library import Library
from image_search.search.queries import Query
from image_search.settings import Settings
from tests.conftest import Run
from tests.drawing import design, ornate, saved
from tests.imaging.profiles import PROPHOTO, stored_in


def chunk(name: bytes, body: bytes) -> bytes:
    checksum = struct.pack(">I", zlib.crc32(name + body))
    return struct.pack(">I", len(body)) + name + body + checksum


HISTORY = b"<x:xmpmeta>" + b"<rdf:li>a step of work</rdf:li>" * 50_000 + b"</x:xmpmeta>"
METADATA = {
    "XMP": chunk(b"iTXt", b"XML:com.adobe.xmp\0\1\0\0\0" + zlib.compress(HISTORY)),
    "text": chunk(b"zTXt", b"Raw profile type xmp\0\0" + zlib.compress(HISTORY)),
    "profile": chunk(b"iCCP", b"press\0\0" + zlib.compress(bytes(2_000_000))),
    "damaged profile": chunk(b"iCCP", b"press\0\0" + b"no zlib stream"),
    "damaged": chunk(b"zTXt", b"Comment\0\0" + b"no zlib stream"),
    "wrong checksum": chunk(b"tEXt", b"Comment\0text")[:-4] + b"\0\0\0\0",
    "short": chunk(b"pHYs", b"\0"),
}


@pytest.mark.parametrize("kind", METADATA)
@pytest.mark.parametrize("after", [False, True], ids=["before the pixels", "after them"])
def test_metadata_never_costs_a_png(kind: str, after: bool) -> None:
    plain = saved(design(1))
    place = len(plain) - 12 if after else 33
    data = plain[:place] + METADATA[kind] + plain[place:]

    assert pixel_digest(data, max_megapixels=1) == pixel_digest(plain, max_megapixels=1)


def test_a_profile_is_kept_where_other_metadata_is_too_much() -> None:
    image = design(1).point(lambda value: 60 + value // 2)
    plain = saved(stored_in(image, PROPHOTO), icc_profile=PROPHOTO)
    data = plain[:33] + METADATA["XMP"] + plain[33:]

    assert pixel_digest(data, max_megapixels=1) == pixel_digest(plain, max_megapixels=1)
    shown = decode(data, max_megapixels=1).pixels.astype(int)
    assert np.abs(shown - np.asarray(image, int)).mean() < 4


def test_an_avif_whose_alpha_tells_no_size_is_read() -> None:
    image = design(2).convert("RGBA")
    image.putalpha(250)
    data = saved(image, "AVIF", quality=95)
    # In the list of properties (ipma), that of the second item, the alpha plane, begins with 1:
    # the size.
    place = data.index(b"ipma") + 12
    (first,) = data[place + 2 : place + 3]
    second = place + 3 + first
    assert data[second + 2 : second + 4] == b"\x04\x01"
    refused = data[: second + 3] + b"\0" + data[second + 4 :]

    shown = decode(refused, max_megapixels=1).pixels.astype(int)

    assert np.abs(shown - np.asarray(design(2), int)).mean() < 12


def archive(**files: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as opened:
        opened.writestr("mimetype", "application/x-design")
        for name, data in files.items():
            opened.writestr(name.replace("__", "/").replace("_", "."), data)
    return buffer.getvalue()


def test_krita_and_openraster_hold_the_whole_picture(settings: Settings) -> None:
    whole, small = saved(ornate(1)), saved(ornate(1).resize((80, 60)))
    (settings.images / "a.kra").write_bytes(archive(mergedimage_png=whole, preview_png=small))
    (settings.images / "b.ora").write_bytes(
        archive(mergedimage_png=saved(ornate(2)), Thumbnails__thumbnail_png=small)
    )
    library = Library.open(settings)

    assert library.update().added == 2
    assert library.check(Query(images=(whole,))).verdict == "exact"


def test_a_preview_says_that_it_is_one() -> None:
    small = saved(ornate(1).resize((160, 120)))
    data = archive(document_json=b"{}", previews__preview_png=small)
    picture = decode(data, max_megapixels=1)

    assert picture.note.startswith("shown by the preview of 160 x 120 pixels")
    with pytest.raises(UnreadableImage):
        pixel_digest(data, max_megapixels=1)


@pytest.mark.parametrize(
    ("name", "inside"),
    [
        ("a.xd", "preview.png"), ("a.key", "Q/Thumbnail.jpg"), ("a.odg", "T/t/THUMBNAIL.PNG"),
        ("a.cdr", "metadata/thumbnails/thumbnail.bmp"), ("a.skp", "meta/thumbnail.png"),
        ("a.f3d", "Fusion/Previews/preview.webp"),
    ],
)  # fmt: skip
def test_previews_are_found_wherever_they_lie(name: str, inside: str) -> None:
    image, buffer = ornate(1).resize((160, 120)), io.BytesIO()
    kind = {"jpg": "JPEG", "bmp": "BMP", "webp": "WEBP"}.get(inside[-4:].strip("."), "PNG")
    with zipfile.ZipFile(buffer, "w") as opened:
        opened.writestr("document.xml", "<x/>")
        opened.writestr(inside, saved(image, kind))

    picture = decode(buffer.getvalue(), max_megapixels=1, name=name)

    assert "preview of 160 x 120" in picture.note
    assert np.abs(picture.pixels.astype(int) - np.asarray(image, int)).mean() < 12


def test_a_damaged_picture_in_an_archive_leaves_the_preview() -> None:
    data = archive(mergedimage_png=b"nothing", preview_png=saved(design(1)))

    assert "preview of 96 x 72" in decode(data, max_megapixels=1, name="a.kra").note


def test_the_cover_of_a_text_is_no_design() -> None:
    data = archive(docProps__thumbnail_jpeg=saved(design(1), "JPEG"))

    with pytest.raises(NotAnImage):
        decode(data, max_megapixels=1, name="letter.docx")


def test_an_archive_does_not_hide_a_slow_format() -> None:
    with pytest.raises(UnreadableImage, match="unusual"):
        decode(archive(mergedimage_png=saved(design(1), "QOI")), max_megapixels=1, name="a.kra")


def test_an_archive_that_claims_too_much_is_refused() -> None:
    data = archive(mergedimage_png=saved(Image.new("L", (9000, 9000))))

    with pytest.raises(UnreadableImage, match="9000 x 9000"):
        decode(data, max_megapixels=10)


@pytest.mark.parametrize(
    ("name", "data", "kind", "message"),
    [
        ("letter.xmp", b"<x:xmpmeta/>", NotAnImage, "not an image"),
        ("notes", b"Dear Sir", NotAnImage, "not an image"),
        ("backup.zip", archive(a_txt=b"x"), NotAnImage, "archive"),
        ("ring.jpg", b"Dear Sir", UnreadableImage, "named like one"),
        ("ring.png", b"\x89PNG\r\n\x1a\n" + b"x" * 50, UnreadableImage, "damaged"),
        ("ring.afdesign", b"\0\xffKA" + b"x" * 50, FormatNotRead, "Affinity"),
        ("ring.svg", b"Dear Sir", UnreadableImage, "named like one"),
        ("ring.stl", b"solid ring", FormatNotRead, "STL"),
        ("ring.3dm", b"3D Geometry File Format", FormatNotRead, "Rhino"),
        ("ring.fig", archive(canvas_fig=b"x"), FormatNotRead, "FIG"),
        ("ring", b"\xff\x0a" + b"x" * 50, FormatNotRead, "JPEG XL"),
        ("ring.exr", b"\x76\x2f\x31\x01" + b"x" * 50, FormatNotRead, "OpenEXR"),
    ],
)
def test_a_file_is_called_what_it_is(
    name: str, data: bytes, kind: type[UnreadableImage], message: str
) -> None:
    with pytest.raises(UnreadableImage, match=message) as raised:
        decode(data, max_megapixels=1, name=name)

    assert type(raised.value) is kind


def test_sidecars_do_not_bury_a_damaged_picture(run: Run, settings: Settings) -> None:
    for number in range(60):
        (settings.images / f"{number:03}.xmp").write_text("<x:xmpmeta/>")
    (settings.images / "000.afdesign").write_bytes(b"\0\xffKA" + bytes(50))
    (settings.images / "ring.jpg").write_bytes(saved(design(1), "JPEG")[:700])
    (settings.images / "whole.png").write_bytes(saved(design(2)))

    _, _, result = run("index")
    _, out, _ = run("index", "--json")
    report = json.loads(out)
    _, out, _ = run("status", "--json")
    status = json.loads(out)

    first = next(line for line in result.splitlines() if line.startswith("Unreadable"))
    assert first.startswith("Unreadable: ring.jpg: The image is damaged")
    assert "Left out, because they are not images: 60 .xmp." in result
    for answer in (report, status):
        assert answer["unreadable"] == 2
        assert [(row["path"], row["kind"]) for row in answer["failures"]] == [
            ("ring.jpg", "damaged"), ("000.afdesign", "not read"),
        ]  # fmt: skip
        assert answer["not_images"] == {".xmp": 60}
    checked = Library.open(settings).check(Query(images=(saved(design(2)),)))
    assert [file.path for file in checked.unreadable_files] == ["ring.jpg", "000.afdesign"]


def test_a_file_that_is_no_image_is_not_read_whole(settings: Settings) -> None:
    video = settings.images / "turntable.mpg"
    video.write_bytes(b"\0\0\1\xba")
    with video.open("ab") as file:
        file.truncate(4_000_000_000)

    report = Library.open(settings).update()

    assert (report.unreadable, report.not_images) == (0, {".mpg": 1})
