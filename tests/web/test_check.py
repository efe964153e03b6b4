"""POST /check and the routes of the duplicates, asked as a program and a page do."""

from __future__ import annotations

import io
import json
import time
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from PIL import Image, ImageOps

from image_search.duplicates.checking import calibrating
from image_search.library import Library
from image_search.settings import Settings
from image_search.web import check
from tests.drawing import copy_of, ornate, saved, updated
from tests.web.clients import Client, client_of


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """Four designs, one of them twice and another mirrored too, and a broken file; indexed."""
    place = tmp_path_factory.mktemp("check")
    images = place / "images"
    images.mkdir()
    for number in range(4):
        (images / f"{number}.png").write_bytes(saved(ornate(number)))
    (images / "copy.png").write_bytes(saved(ornate(1)))
    (images / "mirrored.png").write_bytes(saved(ImageOps.mirror(ornate(2))))
    (images / "broken.png").write_bytes(b"no picture")
    settings = Settings(
        images, place / "state" / "f.pkl", password="secret", extractors="hsv", threads=1
    )
    updated(Library.open(settings))
    return settings


@pytest.fixture
def library(made: Settings, tmp_path: Path) -> Library:
    return copy_of(made, tmp_path)


@pytest.fixture
def settings(library: Library) -> Settings:
    return library.settings


@pytest.fixture
def client(app: Flask) -> Client:
    return client_of(app, "secret")


def picture(number: int, mirrored: bool = False) -> tuple[io.BytesIO, str]:
    image = ornate(number)
    return io.BytesIO(saved(ImageOps.mirror(image) if mirrored else image, "JPEG")), "ring.jpg"


def test_a_verdict_has_its_evidence(client: Client) -> None:
    answer = client.post("/check", data={"image": picture(3, mirrored=True), "k": "2"})

    assert answer.status_code == 200
    result = answer.json
    assert result.keys() >= {
        "verdict", "words", "certainty", "hits", "compared", "unreadable", "unreadable_files",
        "took_ms", "kind", "extractors", "fingerprint", "checked", "warnings",
    }  # fmt: skip
    assert (result["verdict"], result["compared"], result["unreadable"]) == ("near", 6, 1)
    assert result["unreadable_files"][0]["path"] == "broken.png"
    hit = result["hits"][0]
    assert (hit["path"], hit["relation"]) == ("3.png", "near")
    assert hit["evidence"].keys() == {
        "words", "inliers", "score", "mirrored", "rotation", "scale", "of_query", "of_other",
        "outline_query", "outline_hit", "part_query", "part_hit",
    }  # fmt: skip
    assert client.get(hit["url"]).status_code == client.get(hit["thumbnail"]).status_code == 200
    assert result["certainty"].keys() == {
        *("false_alarms", "misses", "measured_on", "kind", "chance", "words")
    }


def test_of_a_drawing_the_possible_images_are_named(client: Client) -> None:
    image = io.BytesIO(saved(ornate(90))), "idea.png"
    result = client.post("/check", data={"image": image, "kind": "sketch"}).json

    assert (result["verdict"], result["kind"]) == ("possible", "sketch")
    assert {hit["relation"] for hit in result["hits"]} == {"possible"}
    assert 0 < result["certainty"]["chance"] <= 1
    assert result["words"].startswith("Possible: if this design is here, it is ")
    assert client.get(result["hits"][0]["thumbnail"]).status_code == 200


def test_a_marked_part_and_filters_limit_the_verdict(client: Client) -> None:
    sheet = Image.new("RGB", (640, 480), "white")
    sheet.paste(ornate(3), (320, 240))

    def result(**fields: str) -> Any:
        picture = io.BytesIO(saved(sheet)), "sheet.png"
        return client.post("/check", data={"image": picture, **fields}).json

    part = result(region="0.5,0.5,0.5,0.5")
    assert part["verdict"] == "near"
    assert part["limit"] == "only the marked part was looked for"
    assert min(x for x, _ in part["hits"][0]["evidence"]["outline_query"]) > 0.4
    other = result(region="0,0,0.4,0.4", name="2*")
    assert other["verdict"] != "near"
    assert "the one image that passes the filters" in other["words"]
    whole = result()
    assert (whole["verdict"], whole["limit"]) == ("near", "")
    assert all(found.keys() == {"x", "y", "width", "height"} for found in whole["parts"])


def test_an_indexed_image_is_checked_by_its_id(client: Client) -> None:
    found = client.post("/check", data={"image": (io.BytesIO(saved(ornate(1))), "x.png")}).json
    assert [h["path"] for h in found["hits"] if h["relation"] == "exact"] == ["1.png", "copy.png"]

    result = client.post("/check", data={"like": found["hits"][0]["id"]}).json

    assert [h["path"] for h in result["hits"] if h["relation"] == "exact"] == ["copy.png"]


def test_the_report_is_a_page_of_its_own(client: Client) -> None:
    answer = client.post("/check", data={"image": picture(3, mirrored=True), "format": "html"})
    assert (answer.status_code, answer.mimetype) == (200, "text/html")
    assert "Near-duplicate" in answer.text
    assert "ring.jpg" in answer.text
    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy


@pytest.mark.parametrize(
    ("data", "status"),
    [
        ({}, 400),
        ({"image": "IMAGE", "text": "ring"}, 400),
        ({"image": "IMAGE", "format": "pdf"}, 400),
        ({"image": "IMAGE", "nonsense": "1"}, 400),
        ({"like": "0" * 16}, 404),
        ({"image": "BAD"}, 422),
    ],
)
def test_a_check_that_makes_no_sense_is_refused(
    client: Client, data: dict[str, Any], status: int
) -> None:
    given = {"IMAGE": picture(1), "BAD": (io.BytesIO(b"no picture"), "x.png")}
    sent = {name: given.get(value, value) for name, value in data.items()}
    answer = client.post("/check", data=sent, content_type="multipart/form-data")
    assert answer.status_code == status
    assert answer.json["error"]["message"]


def test_groups_are_reported_with_addresses(client: Client) -> None:
    result = client.get("/duplicates").json

    assert (result["total"], result["undecided"], result["state"]) == (2, 2, "ready")
    assert {group["kind"] for group in result["groups"]} == {"exact", "near"}
    for group in result["groups"]:
        known = {member["id"] for member in group["members"]}
        for member in group["members"]:
            assert member.keys() >= {"id", "path", "width", "height", "size", "modified"}
            assert client.get(member["thumbnail"]).status_code == 200
        for pair in group["pairs"]:
            assert {pair["a"], pair["b"]} <= known
            assert pair.keys() >= {"relation", "words", "outline_a", "outline_b", "decision"}
    page = client.get("/duplicates?offset=1&limit=1").json
    assert page["groups"] == result["groups"][1:]
    for query in ("offset=x", "limit=0", "decided=maybe", "offset=-1"):
        assert client.get(f"/duplicates?{query}").status_code == 400


@pytest.mark.parametrize("way", ["json", "data"])
def test_a_decision_is_kept_and_taken_back(client: Client, way: str) -> None:
    group = next(g for g in client.get("/duplicates").json["groups"] if g["kind"] == "near")
    pair = {"a": group["pairs"][0]["a"], "b": group["pairs"][0]["b"]}

    made = client.post("/duplicates/decisions", **{way: {**pair, "decision": "different"}})
    assert made.json.keys() == {"decision", "undo"}
    assert client.get("/duplicates").json["total"] == 1
    assert client.get("/duplicates?decided=1").json["total"] == 1

    exported = client.get("/duplicates/decisions")
    assert exported.json["decisions"][0]["decision"] == "different"
    assert client.delete("/duplicates/decisions", **{way: pair}).json == {"decision": None}
    assert client.get("/duplicates").json["total"] == 2
    later = json.loads(exported.text)
    later["decisions"][0]["decided"] = time.time()
    taken = client.post("/duplicates/decisions/import", json=later)
    assert taken.json == {"taken": 1, "kept": 0}
    file = io.BytesIO(exported.data), "decisions.json"
    again = client.post("/duplicates/decisions/import", data={"decisions": file})
    assert again.json == {"taken": 0, "kept": 1}
    undone = client.delete("/duplicates/decisions", **{way: {"undo": made.json["undo"]}})
    assert undone.status_code == 200
    assert client.get("/duplicates?decided=0").json["total"] == 2


def test_a_group_is_decided_at_once_and_what_to_keep_is_listed(client: Client) -> None:
    group = next(g for g in client.get("/duplicates").json["groups"] if g["kind"] == "near")
    made = client.post("/duplicates/decisions", data={"group": group["id"], "decision": "same"})
    assert made.json["decision"] == "same"
    kept = client.get("/duplicates/keep").json
    assert kept["rule"] == "largest"
    found = {one["keep"]["path"]: one["others"] for one in kept["groups"]}
    assert len(found) == 2
    table = client.get("/duplicates/keep?rule=oldest&format=csv")
    assert table.mimetype == "text/csv"
    assert table.data.decode("utf-8-sig").splitlines()[0].startswith("group,keep,path,same_as,id")
    assert table.data.count(b"yes") == 2
    undone = client.delete("/duplicates/decisions", data={"undo": made.json["undo"]})
    assert undone.json == {"pairs": len(group["pairs"])}
    assert len(client.get("/duplicates/keep").json["groups"]) == 1
    ids = " ".join(member["id"] for member in group["members"])
    grouped = client.post("/duplicates/groups", data={"ids": ids}).json["groups"]
    assert len(grouped) == len(group["members"])
    assert len(set(grouped.values())) == 1
    for sent in ({}, {"ids": "x " * 501}):
        assert client.post("/duplicates/groups", data=sent).status_code == 400
    for address in ("?rule=best", "?format=xml"):
        assert client.get(f"/duplicates/keep{address}").status_code == 400
    for sent in ({"group": "x", "decision": "same"}, {"group": group["id"]}):
        assert client.post("/duplicates/decisions", data=sent).status_code == 400


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        ({"json": {"a": "x"}}, 400),
        ({"json": [1]}, 400),
        ({"data": "{", "content_type": "application/json"}, 400),
        ({"data": {"a": "0" * 16, "b": "1" * 16, "decision": "same"}}, 404),
    ],
)
def test_a_decision_that_makes_no_sense_is_refused(
    client: Client, sent: dict[str, Any], status: int
) -> None:
    answer = client.post("/duplicates/decisions", **sent)
    assert answer.status_code == status
    assert set(answer.json) == {"error"}
    assert client.post("/duplicates/decisions/import", data=b"{").status_code == 400


def test_what_was_not_compared_is_compared_in_the_background(
    client: Client, library: Library
) -> None:
    for path in library.settings.state_dir.glob("duplicates.sqlite*"):
        path.unlink()

    first = client.get("/duplicates").json

    assert first["state"] == "building"
    assert first["progress"].keys() == {"phase", "done", "total"}
    until = time.monotonic() + 20
    while client.get("/duplicates").json["state"] != "ready":
        assert time.monotonic() < until
        time.sleep(0.05)
    library.duplicates.stop(5)
    assert client.get("/duplicates").json["total"] == 2


def test_a_check_waits_for_the_thresholds(
    client: Client, library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(calibrating, "PICTURES", {"photo": 2, "sketch": 1})
    (library.settings.state_dir / "thresholds.pkl").unlink()

    first = client.post("/check", data={"image": picture(3, mirrored=True)}).json

    library.duplicates.stop(5)
    later = client.post("/check", data={"image": picture(3, mirrored=True)}).json
    assert (first["verdict"], first["certainty"]) == (later["verdict"], later["certainty"])
    assert first["certainty"]["measured_on"] > 0
    assert first["warnings"] == later["warnings"] == []


def test_a_check_that_would_wait_too_long_has_no_verdict(
    client: Client, library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(check, "WAIT_SECONDS", 0.05)
    monkeypatch.setattr(library.duplicates, "update_soon", lambda **_: None)
    (library.settings.state_dir / "thresholds.pkl").unlink()

    refused = client.post("/check", data={"image": picture(3, mirrored=True)})
    assert refused.status_code == 503
    assert int(refused.headers["Retry-After"]) > 0
    assert refused.json["error"]["code"] == "not_ready"
    assert "verdict" not in refused.json
    # The very file is the same whatever the thresholds are.
    same = client.post("/check", data={"image": (io.BytesIO(saved(ornate(3))), "x.png")})
    assert same.json["verdict"] == "exact"


def test_a_reindex_is_followed_by_the_comparing(
    client: Client, library: Library, settings: Settings
) -> None:
    (settings.images / "turned.png").write_bytes(
        saved(ornate(0).transpose(Image.Transpose.ROTATE_90))
    )
    assert client.post("/reindex").status_code == 202
    until = time.monotonic() + 30
    while client.get("/reindex").json["state"] == "running" or library.duplicates.pending:
        assert time.monotonic() < until
        time.sleep(0.05)
    library.duplicates.stop(5)
    result = client.get("/duplicates").json
    assert {"0.png", "turned.png"} in [{m["path"] for m in g["members"]} for g in result["groups"]]


def test_nobody_decides_without_the_password(app: Flask) -> None:
    for method, path in (
        ("POST", "/check"), ("GET", "/duplicates"), ("POST", "/duplicates/decisions"),
        ("DELETE", "/duplicates/decisions"), ("POST", "/duplicates/decisions/import"),
    ):  # fmt: skip
        assert client_of(app).open(path, method=method).status_code == 401
