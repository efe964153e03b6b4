"""POST /spread."""

from __future__ import annotations

import io

import pytest

from tests.web.clients import Client
from tests.web.pictures import ring


def test_hits_that_differ_are_chosen(client: Client) -> None:
    picture = io.BytesIO(ring("teal"))
    hits = client.post("/search", data={"image": (picture, "teal.jpg")}).json["results"]
    ids = [hit["id"] for hit in hits]
    found = client.post("/spread", data={"ids": " ".join([*ids, "0" * 16]), "count": "3"}).json
    assert found["ids"][0] == ids[0]
    assert len(found["ids"]) == len(set(found["ids"])) == 3
    assert set(found["ids"]) <= set(ids)
    everything = client.post("/spread", data={"ids": " ".join(ids)}).json["ids"]
    assert sorted(everything) == sorted(ids)
    assert client.post("/spread", data={"ids": "0" * 16}).json == {"ids": []}


@pytest.mark.parametrize(
    "form",
    [{}, {"ids": "a " + " ".join(map(str, range(500)))}, {"ids": "a", "count": "0"},
     {"ids": "a", "count": "x"}, {"ids": "a", "k": "1"}],
)  # fmt: skip
def test_what_makes_no_sense_is_refused(client: Client, form: dict[str, str]) -> None:
    assert client.post("/spread", data=form).status_code == 400
