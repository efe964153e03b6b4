"""GET /browse and GET /folders."""

from __future__ import annotations

import pytest

from tests.web.clients import Client
from tests.web.pictures import HUES


def test_the_collection_is_browsed_page_by_page(client: Client) -> None:
    first = client.get("/browse?limit=5").json
    assert (first["total"], len(first["images"]), first["order"]) == (len(HUES), 5, "newest")
    rest = client.get("/browse?limit=5&offset=5").json
    paths = [image["path"] for image in first["images"] + rest["images"]]
    assert sorted(paths) == sorted({*paths})
    assert len(paths) == len(HUES)
    image = first["images"][0]
    assert client.get(image["thumbnail"]).status_code == 200
    assert client.get(image["url"]).data


def test_filters_and_orders_are_those_of_the_address(client: Client) -> None:
    found = client.get("/browse?folder=warm&order=largest").json
    assert [image["path"] for image in found["images"]] == [
        f"warm/{hue}.jpg" for hue in ("gold", "orange", "red")
    ]
    assert "colour" in found["orders"]
    assert client.get("/browse?name=*o*&orientation=landscape").json["total"] > 1
    label = {"label": "round", "holds": "1", "id": found["images"][0]["id"]}
    assert client.post("/labels", data=label).status_code == 200
    assert client.get("/browse?label=round").json["total"] == 1


def test_folders_are_listed_with_counts_and_found_by_name(client: Client) -> None:
    found = client.get("/folders").json
    assert found == {
        "folders": [
            {"path": "cold", "images": 5, "folders": 0},
            {"path": "warm", "images": 3, "folders": 0},
        ],
        "total": 2,
        "images": 8,
    }
    assert client.get("/folders?below=warm").json == {"folders": [], "total": 0, "images": 3}
    assert [one["path"] for one in client.get("/folders?like=WA").json["folders"]] == ["warm"]


@pytest.mark.parametrize(
    "address",
    [
        "/browse?order=best",
        "/browse?limit=501",
        "/browse?limit=x",
        "/browse?offset=-1",
        "/browse?k=3",
        "/browse?folder=a&folder=b",
        "/browse?label=nope",
        "/browse?min_side=0",
        "/folders?below=nowhere",
        "/folders?below=warm&like=warm",
        "/folders?folder=warm",
    ],
)
def test_what_makes_no_sense_is_refused(client: Client, address: str) -> None:
    answer = client.get(address)
    assert (answer.status_code, answer.json["error"]["code"]) == (400, "invalid_query")


def test_nothing_is_shown_without_the_password(anyone: Client) -> None:
    for address in ("/browse", "/folders"):
        assert anyone.get(address).status_code == 401
