"""The fields of POST /search that say what is asked, and of whom."""

from __future__ import annotations

import base64
import io
from datetime import datetime, timezone
from typing import Any

import numpy as np
import pytest
from PIL import Image

from image_search.web.search import FIELDS
from tests.web.clients import Client
from tests.web.pictures import HUES, ring, sketch

RED = ring("red")


def answer(client: Client, *pictures: bytes, **fields: Any) -> Any:
    """The answer to a search that goes well."""
    images = [(io.BytesIO(content), "query.jpg") for content in pictures]
    response = client.post("/search", data={**fields, **({"image": images} if images else {})})
    assert response.status_code == 200, response.json
    return response.json


def paths(found: Any) -> list[str]:
    return [hit["path"] for hit in found["results"]]


def test_more_like_this(client: Client) -> None:
    first = answer(client, ring("teal", (240, 120)))
    teal, gold = (
        next(hit["id"] for hit in first["results"] if name in hit["path"])
        for name in ("teal", "gold")
    )

    again = answer(client, like=teal)
    assert paths(again) == paths(first)
    assert again["kind"] == "photo"
    assert set(paths(answer(client, like=[teal, gold]))[:2]) == {"cold/teal.jpg", "warm/gold.jpg"}


def test_an_unknown_id_is_not_found(client: Client) -> None:
    for identity in ("0" * 16, "teal"):
        response = client.post("/search", data={"like": identity})
        assert (response.status_code, response.json["error"]["code"]) == (404, "unknown_image")


def test_colours(client: Client) -> None:
    found = answer(client, color="#000080")
    assert paths(found)[0] == "cold/navy.jpg"
    assert found["results"][0]["scores"].keys() == {"hsv"}
    mixed = answer(client, RED, color=["#008080:0.2", "#fffff0:0.8"])
    assert mixed["results"][0]["scores"].keys() == {"hsv", "edges"}


def test_a_region(client: Client) -> None:
    assert answer(client, RED, region="0,0,1,1")["results"] == answer(client, RED)["results"]
    assert paths(answer(client, RED, region="0,0.92,1,0.08", weights='{"hsv": 1}', k="1"))


def test_the_kind(client: Client) -> None:
    assert answer(client, RED)["kind"] == answer(client, RED, kind="auto")["kind"] == "photo"
    sketch = answer(client, RED, kind="sketch")
    assert sketch["kind"] == "sketch"
    assert {hit["contributions"]["hsv"] for hit in sketch["results"]} == {0}


def test_words_match_names_and_say_what_they_lack(client: Client) -> None:
    found = answer(client, text="teal", not_text="stones")
    assert paths(found) == ["cold/teal.jpg"]
    assert found["results"][0]["scores"] == {"name": 1}
    assert "models fetch" in found["warnings"][0]


@pytest.mark.parametrize(
    ("fields", "wanted"),
    [
        ({"folder": "warm"}, {"red", "orange", "gold"}),
        ({"folder": "/WARM/"}, {"red", "orange", "gold"}),
        ({"name": "re"}, {"red", "green"}),
        ({"name": "?e*.jpg"}, {"red", "teal"}),
        ({"min_side": "121"}, set()),
        ({"min_side": "120"}, set(HUES)),
        ({"after": "2020-01-01", "before": "2120-01-01T10:00:00Z"}, set(HUES)),
        ({"before": "2020-01-01"}, set()),
        ({"orientation": "landscape"}, set(HUES)),
        ({"orientation": "portrait"}, set()),
        ({"folder": "cold", "name": "p*"}, {"purple"}),
    ],
)
def test_filters(client: Client, fields: dict[str, str], wanted: set[str]) -> None:
    for asked in ({"color": "#ff0000"}, {"text": "jpg"}):
        found = answer(client, **asked, **fields)
        assert {path.split("/")[1].removesuffix(".jpg") for path in paths(found)} == wanted
        assert found["compared"] == len(wanted)


def test_dates_count_from_when_the_file_was_altered(client: Client) -> None:
    hits = answer(client, RED)["results"]
    seconds = int(min(hit["modified"] for hit in hits))
    now = datetime.fromtimestamp(seconds, timezone.utc).isoformat()
    assert answer(client, RED, after=now)["compared"] == len(HUES)
    assert answer(client, RED, before=now)["compared"] == 0


def test_everything_at_once(client: Client) -> None:
    identity = answer(client, RED)["results"][0]["id"]
    found = answer(
        client, RED, text="gold", not_text="stones", k="2", like=identity, kind="photo",
        color="#d4af37:2", region="0,0,1,1", weights='{"hsv": 1, "edges": 2}', folder="warm",
        name="*.jpg", after="2020-01-01", before="2120-01-01", min_side="10",
        orientation="landscape", csrf_token="ignored",
    )  # fmt: skip
    assert found["compared"] == 3
    for hit in found["results"]:
        assert sum(hit["contributions"].values()) == pytest.approx(hit["score"], abs=3e-4)


def test_fields_left_empty_are_not_asked_for(client: Client) -> None:
    empty = dict.fromkeys(FIELDS, " ")
    assert answer(client, RED, **empty)["results"] == answer(client, RED)["results"]


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"colour": "#ff0000"}, "no field 'colour'; the fields are image, text"),
        ({"text": ["red", "gold"]}, "'text' is given 2 times"),
        ({"kind": "painting"}, "auto, photo or sketch"),
        ({"color": "red"}, "write #rrggbb"),
        ({"color": "#ff0000:0"}, "share"),
        ({"color": ["#ff0000", "#00ff0"]}, "'#00ff0' is not a colour"),
        ({"color": "#ff0000", "weights": '{"edges": 1}'}, "hsv has weight 0"),
        ({"region": "0,0,2,2"}, "fractions"),
        ({"region": "0,0,0,1"}, "at least 0.001 of the picture"),
        ({"region": "0.5,0.5,0.2,1e-9"}, "at least 0.001 of the picture"),
        ({"after": "soon"}, "'soon' is not a date"),
        ({"after": "2026-02-01", "before": "2026-01-01"}, "earlier"),
        ({"min_side": "0"}, "min_side must be a whole number from 1"),
        ({"min_side": "1.5"}, "min_side must be a whole number from 1"),
        ({"orientation": "wide"}, "portrait, landscape, square"),
        ({"weights": '{"hsv": 1' + "0" * 400 + "}"}, "JSON object of numbers"),
        ({"weights": '{"clip": 1}'}, "clip. In use here: hsv, edges"),
        ({"weights": '{"hsv": 0}'}, "zero"),
        ({"name": "*" + "a*" * 40_000}, "name is too long; use at most 300"),
        ({"folder": "a/" * 40_000}, "folder is too long; use at most 4,096"),
    ],
    ids=lambda value: str(value)[:30],
)
def test_what_makes_no_sense_gets_a_clear_400(
    client: Client, fields: dict[str, Any], expected: str
) -> None:
    response = client.post("/search", data={"image": (io.BytesIO(RED), "query.jpg"), **fields})

    assert response.status_code == 400
    assert response.json["error"]["code"] == "invalid_query"
    assert expected in response.json["error"]["message"]


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"like": ["0123456789abcdef"] * 3500}, "3,500 ids in like; at most"),
        ({"color": ["d4af37"] * 7000}, "7,000 colours; at most"),
        ({"not_text": "stones"}, "besides what to avoid"),
        ({"region": "0,0,1,1", "text": "ring"}, "exactly one"),
        ({"folder": "warm"}, "empty"),
        ({"kind": "sketch"}, "empty"),
    ],
)
def test_what_asks_for_nothing_gets_a_clear_400(
    client: Client, fields: dict[str, str], expected: str
) -> None:
    response = client.post("/search", data=fields)

    assert response.status_code == 400
    assert expected in response.json["error"]["message"]


def test_a_drawing_is_compared_without_its_paper(client: Client) -> None:
    found = answer(client, on_brown_paper())
    assert found["kind"] == "sketch"
    drawing = found["drawing"]
    assert drawing["steps"] == ["light ink on dark paper inverted"]
    assert drawing["score"] > 0.5
    assert drawing["box"] == [0, 0, 1, 1]
    ((left, top, width, height),) = drawing["parts"]
    assert (left, top, width, height) == pytest.approx((0.25, 0.25, 0.5, 0.5), abs=0.03)
    scheme, content = drawing["preview"].split(",")
    assert scheme == "data:image/png;base64"
    preview = np.asarray(Image.open(io.BytesIO(base64.b64decode(content))))
    assert preview.min() < 60
    assert np.median(preview) == 255

    plain = answer(client, sketch())
    assert [hit["path"] for hit in plain["results"]] == paths(found)


def test_the_original_of_a_drawing_can_be_compared(client: Client) -> None:
    found = answer(client, on_brown_paper(), original="1")
    assert found["kind"] == "sketch"
    assert "drawing" not in found
    cleaned = answer(client, on_brown_paper(), original="0")
    assert found["results"][0]["score"] != cleaned["results"][0]["score"]
    assert "drawing" not in answer(client, RED)
    response = client.post("/search", data={"text": "ring", "original": "maybe"})
    assert response.json["error"]["message"] == "original must be 1 or 0, not 'maybe'."


def test_a_check_tells_what_was_compared(client: Client) -> None:
    image = (io.BytesIO(on_brown_paper()), "query.png")
    found = client.post("/check", data={"image": image}).json
    assert found["drawing"]["steps"] == ["light ink on dark paper inverted"]
    photo = client.post("/check", data={"image": (io.BytesIO(RED), "query.jpg")}).json
    assert photo["drawing"] is None


def on_brown_paper() -> bytes:
    """The sketch in white on brown paper, with its grain."""
    ink = 1 - np.asarray(Image.open(io.BytesIO(sketch())), np.float32) / 255
    grain = np.random.default_rng(0).normal(0, 4, ink.shape[:2])[..., None]
    paper = np.asarray((150, 112, 76), np.float32) + grain
    buffer = io.BytesIO()
    pixels = np.clip(paper * (1 - ink) + 245 * ink, 0, 255).astype(np.uint8)
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()


def test_a_metric(client: Client) -> None:
    found = answer(client, RED, weights='{"hsv": 1}', metric="euclidean")
    assert found["metric"] == "euclidean"
    assert paths(found)[0] == "warm/red.jpg"
    assert found["results"][0]["score"] == pytest.approx(0, abs=0.05)
    assert all(hit["score"] <= 0 for hit in found["results"])
    assert answer(client, RED)["metric"] == "auto"
    several = client.post("/search", data={"metric": "cosine", "like": found["results"][0]["id"]})
    assert (several.status_code, several.json["error"]["code"]) == (400, "invalid_query")
    assert "name one in weights" in several.json["error"]["message"]
