from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from image_search.library import Library
from image_search.search.queries import Hit
from image_search.search.searching import SearchResult
from image_search.settings import Settings
from image_search.web import create_app
from tests.web.clients import PASSWORD, Client, client_of
from tests.web.pictures import HUES, ring


def upload(*contents: bytes, **fields: str) -> dict[str, Any]:
    return {"image": [(io.BytesIO(content), "query.jpg") for content in contents], **fields}


def test_the_indexed_picture_finds_itself(client: Client) -> None:
    answer = client.post("/search", data=upload(ring("teal", (240, 120))))
    assert answer.status_code == 200
    assert set(answer.json) == {
        *("results", "compared", "unreadable", "took_ms", "kind", "extractors", "warnings"),
        *("matched_by", "metric", "named", "labels"),
    }
    assert answer.json["compared"] == len(answer.json["results"]) == len(HUES)
    assert answer.json["unreadable"] == 1
    assert answer.json["extractors"] == ["hsv", "edges"]
    best = answer.json["results"][0]
    assert best["path"] == "cold/teal.jpg"
    assert best["rank"] == 1
    assert set(best["scores"]) == {"hsv", "edges"}
    assert (best["width"], best["height"]) == (240, 120)
    assert client.get(best["url"]).mimetype == "image/jpeg"
    assert client.get(best["thumbnail"]).mimetype == "image/webp"


def test_query_expansion_keeps_its_old_name_among_the_scores(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    scores, added = {"hsv": 0.5, "query_expansion": 0.25}, {"hsv": 0.5, "query_expansion": 0.125}
    hit = Hit(1, "0" * 16, "a.jpg", 0.625, scores, added, 240, 120, 1000, 0.0)
    result = SearchResult((hit,), 1, 0, 1.0, "photo", ("hsv",), ())
    monkeypatch.setattr(Library, "search", lambda *_: result)

    best = client.post("/search", data=upload(ring("teal"))).json["results"][0]

    assert best["scores"] == scores | {"neighbours": 0.25}
    assert best["contributions"] == added


def test_k_and_weights(client: Client) -> None:
    data = upload(ring("red"), k="3", weights='{"hsv": 1}')
    answer = client.post("/search", data=data)
    assert [hit["rank"] for hit in answer.json["results"]] == [1, 2, 3]
    assert client.post("/search", data=upload(ring("red"), k="999999")).status_code == 200


def test_several_pictures(client: Client) -> None:
    assert client.post("/search", data=upload(ring("red"), ring("gold"))).status_code == 200


@pytest.mark.parametrize(
    "fields",
    [
        {"k": "0"},
        {"k": "-1"},
        {"k": "many"},
        {"k": "1e3"},
        {"k": "9" * 5000},
        {"weights": "[]"},
        {"weights": "{"},
        {"weights": '{"hsv": "1"}'},
        {"weights": '{"hsv": NaN}'},
        {"weights": '{"hsv": 1e999}'},
        {"weights": '{"hsv": true}'},
        {"weights": "[" * 5000},
        {"weights": '{"nothing": 1}'},
        {"colour": "red"},
        {"image": "not a file"},
    ],
    ids=lambda fields: str(fields)[:30],
)
def test_fields_without_sense(client: Client, fields: dict[str, str]) -> None:
    answer = client.post(
        "/search",
        data={"picture" if "image" in fields else "text": "", **fields}
        if "image" in fields
        else upload(ring("red"), **fields),
    )
    assert answer.status_code == 400
    assert answer.json["error"]["code"] == "invalid_query"


def test_nothing_asked(client: Client) -> None:
    for request in (
        {},
        {"data": {"text": ""}},
        {"data": {"image": (io.BytesIO(b""), "")}},
        {"json": {"text": "ring"}},
        {"data": upload(ring("red")), "query_string": "k=3"},
    ):
        answer = client.post("/search", **request)
        assert answer.status_code == 400
        assert answer.json["error"]["code"] == "invalid_query"


@pytest.mark.parametrize("content", [b"", b"no image", b"<svg/>", ring("red")[:300]])
def test_not_an_image(client: Client, content: bytes) -> None:
    answer = client.post("/search", data=upload(content))
    assert answer.status_code == 422
    assert answer.json["error"]["code"] == "unreadable_image"


def test_words_without_a_text_model(client: Client) -> None:
    answer = client.post("/search", data={"text": "a gold ring"})
    assert answer.status_code == 200
    assert [hit["path"] for hit in answer.json["results"]] == ["warm/gold.jpg"]
    assert "models fetch" in answer.json["warnings"][0]


def test_too_many_bytes(client: Client) -> None:
    answer = client.post("/search", data=upload(bytes(300_000)))
    assert answer.status_code == 413
    assert answer.json["error"]["code"] == "too_large"
    assert "0.2 MB" in answer.json["error"]["message"]


def test_more_pictures_than_a_query_may_hold(client: Client) -> None:
    answer = client.post("/search", data=upload(*[b"x"] * 40))
    assert (answer.status_code, answer.json["error"]["code"]) == (400, "invalid_query")
    assert "40 images; at most 32" in answer.json["error"]["message"]


# The form parser leaves what it had begun to the garbage collector.
@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_too_much_text_or_too_many_parts(client: Client) -> None:
    text = "x" * 150_000
    for data in ({"text": text}, upload(ring("red"), text=text)):
        assert client.post("/search", data=data).status_code == 413
    assert client.post("/search", data=upload(*[b"x"] * 100)).status_code == 413


def test_too_many_pixels(library: Library, settings: Settings) -> None:
    small = replace(settings, upload_megapixels=0.01)
    client = client_of(create_app(Library.open(small), small), PASSWORD)
    answer = client.post("/search", data=upload(ring("red")))
    assert answer.status_code == 413
    assert answer.json["error"]["code"] == "image_too_large"


def test_an_empty_index(tmp_path: Path) -> None:
    (tmp_path / "images").mkdir()
    settings = Settings(
        images=tmp_path / "images", cache=tmp_path / "c.pkl", password="p", extractors="hsv"
    )
    client = client_of(create_app(Library.open(settings), settings), "p")
    answer = client.post("/search", data=upload(ring("red")))
    assert answer.status_code == 409
    assert answer.json["error"]["code"] == "index_empty"
