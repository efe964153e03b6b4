from __future__ import annotations

import io
import os
import re
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from PIL import Image

from image_search import assets
from image_search.library import Library
from image_search.settings import Settings
from tests.web.clients import Client
from tests.web.pictures import ring


def hit_named(client: Client, path: str) -> Any:
    data = {"image": (io.BytesIO(ring("teal")), "q.jpg")}
    results = client.post("/search", data=data).json["results"]
    return next(hit for hit in results if hit["path"] == path)


def test_an_original(client: Client, settings: Settings) -> None:
    answer = client.get(hit_named(client, "warm/red.jpg")["url"])
    assert answer.data == (settings.images / "warm" / "red.jpg").read_bytes()
    assert answer.mimetype == "image/jpeg"
    assert answer.headers["Content-Disposition"] == "inline; filename=red.jpg"
    assert "sandbox" in answer.headers["Content-Security-Policy"]
    assert answer.headers["Cache-Control"] == "private, no-cache"
    again = client.get(answer.request.path, headers={"If-None-Match": answer.headers["ETag"]})
    assert again.status_code == 304


@pytest.mark.parametrize(
    "path",
    [
        "/images/../../etc/passwd",
        "/images/..%2f..%2fetc%2fpasswd",
        "/images/%2fetc%2fpasswd",
        "/images/....//passwd",
        "/images/warm/red.jpg",
        "/images/broken.png",
        "/images/0123456789abcdef",
        "/images/0123456789ABCDEG",
        "/images/",
        "/thumbnails/0123456789abcdef",
        "/thumbnails/..",
        "/examples/../app.css",
        "/examples/..%2fcss%2fbase.css",
    ],
)
def test_nothing_outside_the_index(client: Client, path: str) -> None:
    answer = client.get(path)
    assert answer.status_code == 404
    assert answer.json["error"]["code"] in ("not_found", "unknown_image")


def test_an_original_that_became_a_way_out(client: Client, settings: Settings) -> None:
    hit = hit_named(client, "warm/red.jpg")
    outside = settings.images.parent / "outside.jpg"
    outside.write_bytes(b"private")
    (settings.images / "warm" / "red.jpg").unlink()
    assert client.get(hit["url"]).status_code == 404
    (settings.images / "warm" / "red.jpg").symlink_to(outside)
    assert client.get(hit["url"]).status_code == 404


@pytest.mark.parametrize(
    ("name", "mimetype", "disposition"),
    [
        ("scan.TIF", "image/tiff", "inline"),
        ("picture.svg", "application/octet-stream", "attachment"),
        ("picture.html", "application/octet-stream", "attachment"),
        ("picture", "application/octet-stream", "attachment"),
    ],
)
def test_nothing_scriptable_is_shown(
    client: Client,
    library: Library,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    name: str,
    mimetype: str,
    disposition: str,
) -> None:
    (tmp_path / name).write_bytes(b"<svg xmlns='http://www.w3.org/2000/svg'/>")
    monkeypatch.setattr(library.originals, "path", lambda _: tmp_path / name)
    answer = client.get("/images/0123456789abcdef")
    assert answer.mimetype == mimetype
    assert answer.headers["Content-Disposition"].startswith(disposition)
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such names")
@pytest.mark.parametrize("name", [b"a\nb.jpg", b"\xff\xfe.jpg", 'größe "1".jpg'.encode()])
def test_names_that_break_headers(
    client: Client,
    library: Library,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    name: bytes,
) -> None:
    path = Path(os.fsdecode(os.fsencode(tmp_path) + b"/" + name))
    path.write_bytes(ring("red"))
    monkeypatch.setattr(library.originals, "path", lambda _: path)
    answer = client.get("/images/0123456789abcdef")
    assert answer.status_code == 200
    assert answer.data == ring("red")


def test_a_thumbnail(client: Client) -> None:
    hit = hit_named(client, "cold/hotpink.jpg")
    small = client.get(f"/thumbnails/{hit['id']}?side=320")
    assert small.mimetype == "image/webp"
    assert small.headers["Cache-Control"] == "private, no-cache"
    with Image.open(io.BytesIO(small.data)) as image:
        assert image.size == (300, 120)
    versioned = client.get(hit["thumbnail"])
    assert versioned.headers["Cache-Control"] == "private, max-age=86400"
    etag = {"If-None-Match": versioned.headers["ETag"]}
    assert client.get(hit["thumbnail"], headers=etag).status_code == 304


@pytest.mark.parametrize("side", ["321", "0", "-1", "1e9", "", "٣٢٠"])
def test_only_some_sides(client: Client, side: str) -> None:
    hit = hit_named(client, "cold/teal.jpg")
    assert client.get(f"/thumbnails/{hit['id']}?side={side}").status_code == 400


def test_static_files_are_css_js_and_icons(anyone: Client, client: Client) -> None:
    for path, mimetype in (
        ("css/base.css", "text/css"),
        ("js/main.js", "text/javascript"),
        ("icons/icon.svg", "image/svg+xml"),
    ):
        answer = anyone.get(f"/static/{path}")
        assert (answer.status_code, answer.mimetype) == (200, mimetype)
        assert answer.headers["Cache-Control"] == "no-cache"
    for path in (
        "images/red.jpg",
        "examples/one.png",
        "css/../images/red.jpg",
        "css/..%2fimages%2fred.jpg",
        "css/../../image_search/errors.py",
        "red.jpg",
        "css/",
    ):
        assert anyone.get(f"/static/{path}").status_code in (401, 404)
        assert client.get(f"/static/{path}").status_code == 404


def test_a_browser_keeps_the_files_of_the_page_until_they_change(client: Client) -> None:
    named = re.search(r"/static/(\w+)/js/main\.js", client.get("/").text)
    assert named
    for version, kept in ((named[1], True), ("other", False)):
        answer = client.get(f"/static/{version}/js/main.js")
        assert answer.status_code == 200
        assert ("immutable" in answer.headers["Cache-Control"]) is kept


def test_the_static_folder_holds_private_designs_and_still_gives_none_away(
    client: Client, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in ("images", "css"):
        (tmp_path / "static" / name).mkdir(parents=True)
        (tmp_path / "static" / name / "a.css").write_text("x")
    monkeypatch.setattr(assets, "folder", lambda name: tmp_path / name)
    assert client.get("/static/css/a.css").status_code == 200
    assert client.get("/static/images/a.css").status_code == 404
    assert client.get("/static/css/../images/a.css").status_code == 404


def test_examples_are_offered_of_the_demo_only(
    app: Flask, client: Client, library: Library, settings: Settings, tmp_path: Path
) -> None:
    before = app.extensions["image_search"]
    app.extensions["image_search"] = replace(before, examples=tmp_path / "none")
    assert "Try one of these sketches" not in client.get("/").text
    folder = tmp_path / "examples"
    folder.mkdir()
    (folder / "one.png").write_bytes(ring("black", kind="PNG"))
    (folder / "notes.txt").write_text("private")
    app.extensions["image_search"] = replace(before, examples=folder)
    assert "Try one of these sketches" not in client.get("/").text  # the collection is one's own
    assert client.get("/examples/one.png").status_code == 404
    shutil.rmtree(settings.images)
    path = settings.images / "rings" / "solitaire-gold-01.jpg"  # as the demo names it
    path.parent.mkdir(parents=True)
    path.write_bytes(ring("gold"))
    library.update()
    page = client.get("/").text
    assert "Try one of these sketches" in page
    assert "notes" not in page
    assert client.get("/examples/one.png").mimetype == "image/png"
    assert client.get("/examples/notes.txt").status_code == 404
