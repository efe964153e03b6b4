"""New images come in under safe names, inside the folder, over nothing."""

from __future__ import annotations

import io
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from image_search.errors import InvalidQuery, SettingsError
from image_search.imaging.endings import with_matching_ending
from image_search.indexing.intake import LONGEST, safe_name, save_upload
from image_search.indexing.scanning import scan


@given(st.text(max_size=400))
def test_every_name_becomes_a_safe_one(name: str) -> None:
    safe = safe_name(name)
    assert safe
    assert len(safe) <= LONGEST + 6
    assert not set(safe) & set('/\\:*?"<>|\x00\n')
    assert not safe.startswith((".", " "))
    assert not safe.endswith((".", " "))
    assert safe_name(safe) == safe
    safe.encode("utf-8")


@pytest.mark.parametrize(
    ("name", "safe"),
    [
        ("ring.jpg", "ring.jpg"),
        ("Größe 7½.jpg", "Größe 7½.jpg"),
        ("../../etc/passwd", "passwd"),
        ("C:\\designs\\ring.png", "ring.png"),
        (".htaccess", "htaccess"),
        ("con.jpg", "image-con.jpg"),
        ("thumbs.db", "image-thumbs.db"),
        ("", "image"),
        ("...", "image"),
        ("a" * 300 + ".webp", "a" * (LONGEST - 5) + ".webp"),
    ],
)
def test_names(name: str, safe: str) -> None:
    assert safe_name(name) == safe


def test_nothing_is_written_over(tmp_path: Path) -> None:
    (tmp_path / "ring.jpg").write_bytes(b"old")
    assert save_upload(tmp_path, "", "ring.jpg", b"new") == "ring (2).jpg"
    assert save_upload(tmp_path, "a/b", "ring.jpg", b"newer") == "a/b/ring.jpg"
    assert save_upload(tmp_path, "", "ring.jpg", b"newest") == "ring (3).jpg"
    assert (tmp_path / "ring.jpg").read_bytes() == b"old"
    assert (tmp_path / "ring (2).jpg").read_bytes() == b"new"
    assert sorted(entry.path for entry in scan(tmp_path)) == [
        "a/b/ring.jpg", "ring (2).jpg", "ring (3).jpg", "ring.jpg",
    ]  # fmt: skip


def test_two_at_once_get_two_names(tmp_path: Path) -> None:
    contents = [str(number).encode() for number in range(20)]
    with ThreadPoolExecutor(8) as pool:
        paths = list(pool.map(lambda data: save_upload(tmp_path, "", "x.png", data), contents))
    assert len(set(paths)) == 20
    assert [(tmp_path / path).read_bytes() for path in paths] == contents


@pytest.mark.parametrize("folder", ["..", "a/../..", "../x", ".hidden", "a/.b", "a//../b", "x\n"])
def test_folders_outside_or_hidden_are_refused(tmp_path: Path, folder: str) -> None:
    with pytest.raises(InvalidQuery, match="inside the image folder"):
        save_upload(tmp_path / "images", folder, "ring.jpg", b"x")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(os.name == "nt", reason="links need rights on Windows")
def test_a_link_out_of_the_folder_is_not_followed(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    images = tmp_path / "images"
    images.mkdir()
    (images / "link").symlink_to(outside)
    for folder in ("link", "link/new", "link/new/deeper"):
        with pytest.raises(InvalidQuery, match="leads out"):
            save_upload(images, folder, "ring.jpg", b"x")
        assert list(outside.iterdir()) == []


@pytest.mark.skipif(os.name == "nt", reason="links need rights on Windows")
def test_links_in_a_circle_are_not_followed(tmp_path: Path) -> None:
    (tmp_path / "one").symlink_to(tmp_path / "other")
    (tmp_path / "other").symlink_to(tmp_path / "one")
    for folder in ("one", "one/new"):
        with pytest.raises(InvalidQuery, match="leads out"):
            save_upload(tmp_path, folder, "ring.jpg", b"x")


def test_an_image_folder_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="is not there"):
        save_upload(tmp_path / "disk" / "images", "rings", "ring.jpg", b"x")
    assert list(tmp_path.iterdir()) == []


def encoded(kind: str) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (8, 8), "teal").save(buffer, kind)
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("kind", "name", "stored"),
    [
        ("JPEG", "ring.jpg", "ring.jpg"),
        ("JPEG", "ring.JPEG", "ring.JPEG"),
        ("JPEG", "ring.png", "ring.jpg"),
        ("JPEG", "ring", "ring.jpg"),
        ("JPEG", "ring.v2", "ring.v2.jpg"),
        ("JPEG", "page.html", "page.html.jpg"),
        ("JPEG", "no. 7", "no. 7.jpg"),
        ("PNG", "ring.jpg", "ring.png"),
        ("GIF", "ring.png", "ring.gif"),
        ("WEBP", "ring.jpeg", "ring.webp"),
        ("AVIF", "ring.jpg", "ring.avif"),
        ("TIFF", "ring.tiff", "ring.tiff"),
        ("TIFF", "ring.nef", "ring.nef"),
        ("TIFF", "ring.jpg", "ring.tif"),
        ("BMP", "ring.png", "ring.bmp"),
        ("JPEG2000", "ring.jpg", "ring.jp2"),
        ("ICO", "ring.bmp", "ring.ico"),
        ("TGA", "ring.jpg", "ring.tga"),
        ("PPM", "ring.jpg", "ring.ppm"),
        ("SGI", "ring.jpg", "ring.sgi"),
        ("DDS", "ring.png", "ring.dds"),
        ("QOI", "ring.png", "ring.qoi"),
    ],
)
def test_the_ending_is_that_of_the_format(
    tmp_path: Path, kind: str, name: str, stored: str
) -> None:
    data = encoded(kind)
    assert save_upload(tmp_path, "", name, data) == stored
    assert (tmp_path / stored).read_bytes() == data


@given(st.binary(max_size=60), st.text(max_size=20))
def test_whatever_it_holds_a_name_stays_safe(data: bytes, name: str) -> None:
    safe = with_matching_ending(safe_name(name), data)
    assert safe_name(safe) == safe
    assert with_matching_ending(safe, data) == safe


def test_a_folder_that_cannot_be_written_to(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(SettingsError, match="cannot be written"):
        save_upload(tmp_path, "file", "ring.jpg", b"x")
