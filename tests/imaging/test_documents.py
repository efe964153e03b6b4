"""The first page of vector and page formats is drawn; nothing outside the file is looked at."""

from __future__ import annotations

import gzip
import struct
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from image_search.errors import FormatNotRead, UnreadableImage
from image_search.imaging.decoding import decode, pixel_digest
from image_search.library import Library
from image_search.search.queries import Query
from image_search.settings import Settings
from tests.drawing import design, ornate, saved

SVG = (
    '<svg xmlns="http://www.w3.org/2000/svg" width="200" height="100" '
    'xmlns:xlink="http://www.w3.org/1999/xlink">{}</svg>'
)
TRIANGLE = '<path d="M20 20h160v60z" fill="#c8102e"/>'


@pytest.mark.parametrize("packed", [False, True])
def test_an_svg_is_drawn_on_a_ground_that_shows_it(packed: bool) -> None:
    data = SVG.format(TRIANGLE).encode()
    picture = decode(gzip.compress(data) if packed else data, max_megapixels=10)

    assert (picture.width, picture.height) == (1536, 768)
    assert picture.pixels[10, 10].tolist() == [255] * 3
    assert picture.pixels[100, 500].tolist() == pytest.approx([200, 16, 46], abs=3)
    assert picture.note == "drawn from an SVG"


@pytest.mark.parametrize("name", ["href", "xlink:href"])
@pytest.mark.parametrize("form", ["{}", "file://{}", "../secret.png", "secret.png"])
def test_an_svg_looks_at_nothing_outside_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, form: str, name: str
) -> None:
    secret = tmp_path / "secret.png"
    secret.write_bytes(saved(Image.new("RGB", (9, 9), (0, 255, 0))))
    monkeypatch.chdir(tmp_path)
    image = f'<image {name}="{form.format(secret)}" width="200" height="100"/>'

    pixels = decode(SVG.format(TRIANGLE + image).encode(), max_megapixels=10).pixels

    assert not ((pixels[..., 1] > 200) & (pixels[..., 0] < 50)).any()


@pytest.mark.parametrize("form", ["utf-16", "utf-8-sig", "comment"])
def test_an_svg_is_recognised_however_it_begins(form: str) -> None:
    start = '<svg xmlns="http://www.w3.org/2000/svg" width="10" height="200">'
    text = start + '<path d="M0 0h9v150z"/></svg>'
    if form == "comment":
        data = f"<?xml version='1.0'?><!--{'x' * 9000}-->{text}".encode()
    else:
        data = f"<?xml version='1.0' encoding='{form[:6].rstrip(chr(45))}'?>{text}".encode(form)

    picture = decode(data, max_megapixels=10)

    assert picture.height == 1536
    assert picture.width == pytest.approx(77, abs=1)


def test_entities_do_not_blow_up() -> None:
    entities = '<!ENTITY a0 "lol">' + "".join(
        f'<!ENTITY a{n} "{f"&a{n - 1};" * 10}">' for n in range(1, 12)
    )
    data = f"<!DOCTYPE svg [{entities}]>" + SVG.format("<text>&a11;</text>")

    with pytest.raises(UnreadableImage):
        decode(data.encode(), max_megapixels=10)


def test_of_a_pdf_the_first_page_is_drawn(settings: Settings) -> None:
    pages = [ornate(number) for number in (1, 2, 3)]
    data = saved(pages[0], "PDF", save_all=True, append_images=pages[1:])
    for name in ("lookbook.pdf", "logo.ai"):
        (settings.images / name).write_bytes(data)
    for number in range(4, 9):
        (settings.images / f"{number}.png").write_bytes(saved(ornate(number)))
    library = Library.open(settings)
    library.update()
    library.prepare()

    result = library.check(Query(images=(saved(ornate(1)),)))

    assert result.verdict == "near"
    assert {hit.hit.path for hit in result.hits if hit.relation == "near"} == {
        "lookbook.pdf",
        "logo.ai",
    }
    assert result.hits[0].hit.note == "page 1 of 3"


def test_a_drawn_page_proves_no_equal_pixels() -> None:
    with pytest.raises(UnreadableImage):
        pixel_digest(SVG.format(TRIANGLE).encode(), max_megapixels=10)


def test_of_an_eps_the_preview_is_shown() -> None:
    preview = saved(design(1), "TIFF")
    text = b"%!PS-Adobe-3.0 EPSF-3.0\n"
    head = b"\xc5\xd0\xd3\xc6" + struct.pack(
        "<6IH", 30, len(text), 0, 0, 30 + len(text), len(preview), 65535
    )
    picture = decode(head + text + preview, max_megapixels=1)

    assert np.array_equal(picture.pixels, np.asarray(design(1)))
    assert "preview" in picture.note
    with pytest.raises(FormatNotRead, match="EPS"):
        decode(text + b"showpage", max_megapixels=1, name="logo.eps")


@pytest.mark.parametrize(
    "data",
    [b"%PDF-1.7 and nothing else", b"<svg", b"<svg></svg>", SVG.format("<g>").encode()],
    ids=["pdf", "cut", "empty", "open"],
)
def test_damaged_documents_say_so(data: bytes) -> None:
    with pytest.raises(UnreadableImage):
        decode(data, max_megapixels=1)
