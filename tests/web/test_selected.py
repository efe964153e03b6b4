"""POST /archive and POST /contact-sheet."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path

import pytest
from flask import Flask

from image_search.settings import Settings
from image_search.web import selected
from image_search.web.selected import zipped
from tests.web.clients import Client
from tests.web.pictures import HUES


@pytest.fixture
def images(client: Client) -> dict[str, str]:
    """The paths of all images by id."""
    return {image["id"]: image["path"] for image in client.get("/browse").json["images"]}


def test_a_zip_holds_the_originals_in_their_folders(
    client: Client, images: dict[str, str], settings: Settings
) -> None:
    answer = client.post("/archive", data={"ids": " ".join(images)})
    assert answer.status_code == 200
    assert answer.mimetype == "application/zip"
    assert answer.headers["Content-Disposition"] == 'attachment; filename="images.zip"'
    with zipfile.ZipFile(io.BytesIO(answer.data)) as archive:
        assert archive.testzip() is None
        assert sorted(archive.namelist()) == sorted(images.values())
        for path in images.values():
            assert archive.read(path) == (settings.images / path).read_bytes()


def test_what_is_gone_is_listed_in_the_zip(
    client: Client, images: dict[str, str], settings: Settings
) -> None:
    gone = images[next(iter(images))]
    (settings.images / gone).unlink()
    answer = client.post("/archive", data={"ids": ",".join(images)})
    with zipfile.ZipFile(io.BytesIO(answer.data)) as archive:
        assert len(archive.namelist()) == len(HUES)
        assert gone not in archive.namelist()
        assert gone in archive.read("not included.txt").decode()
    alone = client.post("/archive", data={"ids": next(iter(images))})
    assert (alone.status_code, alone.json["error"]["code"]) == (404, "unknown_image")


def test_names_that_differ_in_case_alone_are_kept_apart(tmp_path: Path) -> None:
    one, other = tmp_path / "1", tmp_path / "2"
    one.write_bytes(b"one")
    other.write_bytes(b"other" * 200_000)
    names = [("a/Ring.png", one), ("a/ring.png", other), ("not included.txt", one)]
    parts = list(zipped([*names, ("gone", tmp_path / "3")]))
    assert len(parts) > 3  # sent as it is made
    with zipfile.ZipFile(io.BytesIO(b"".join(parts))) as archive:
        found = {name: len(archive.read(name)) for name in archive.namelist()}
    assert found["a/Ring.png"] == 3
    assert found["a/ring-2.png"] == 1_000_000
    assert "not included-2.txt" in found


def test_zips_are_bounded(
    app: Flask, client: Client, images: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    turns = app.extensions["image_search"].archiving
    assert turns.acquire(blocking=False)
    assert turns.acquire(blocking=False)
    busy = client.post("/archive", data={"ids": " ".join(images)})
    assert (busy.status_code, busy.json["error"]["code"]) == (503, "busy")
    turns.release()
    for _ in range(3):  # each gives its turn back
        assert client.post("/archive", data={"ids": " ".join(images)}).status_code == 200
    turns.release()
    monkeypatch.setattr(selected, "MOST_BYTES", 1000)
    large = client.post("/archive", data={"ids": " ".join(images)})
    assert (large.status_code, large.json["error"]["code"]) == (413, "too_large")


def test_a_contact_sheet_shows_names_and_notes(client: Client, images: dict[str, str]) -> None:
    notes = json.dumps([f"<b>{number} %</b>" for number in range(len(images))])
    form = {"ids": " ".join(images), "notes": notes, "title": "Rings & co", "columns": "5"}
    answer = client.post("/contact-sheet", data=form)
    page = answer.data.decode()
    assert answer.status_code == 200
    assert "columns-5" in page
    assert "Rings &amp; co" in page
    assert "&lt;b&gt;3 %&lt;/b&gt;" in page
    for known, path in images.items():
        assert path.rpartition("/")[2] in page
        assert f"thumbnails/{known}?side=640" in page


@pytest.mark.parametrize(
    ("form", "status"),
    [
        ({}, 400),
        ({"ids": " , "}, 400),
        ({"ids": "0123456789abcdef"}, 404),
        ({"ids": "x"}, 404),
        ({"ids": " ".join(f"{n:016x}" for n in range(501))}, 400),
        ({"ids": "ok", "k": "1"}, 400),
        ({"ids": "ok", "columns": "1"}, 400),
        ({"ids": "ok", "notes": "["}, 400),
        ({"ids": "ok", "notes": "[1]"}, 400),
        ({"ids": "ok", "notes": '["a", "b"]'}, 400),
    ],
)
def test_what_makes_no_sense_is_refused(
    client: Client, images: dict[str, str], form: dict[str, str], status: int
) -> None:
    if form.get("ids") == "ok":
        form = {**form, "ids": next(iter(images))}
    assert client.post("/contact-sheet", data=form).status_code == status
    if "columns" not in form and "notes" not in form:
        assert client.post("/archive", data=form).status_code == status
