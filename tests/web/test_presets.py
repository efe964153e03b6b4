"""Mixtures by name over HTTP, and the page that offers them."""

from __future__ import annotations

import html
import io
import json
import re

from image_search.search.queries import GROUPS, PRESETS, groups_of
from tests.web.clients import Client
from tests.web.pictures import ring


def test_a_mixture_by_name_and_groups_by_hand(client: Client) -> None:
    fields = [{"preset": "form"}, {"weights": json.dumps(dict(PRESETS["form"]))}]
    for field in (*fields, {"preset": "auto"}):
        image = (io.BytesIO(ring("red")), "query.jpg")
        response = client.post("/search", data={**field, "image": image})
        assert response.status_code == 200
        first = response.json["results"][0]
        if "auto" not in field.values():
            assert first["contributions"]["edges"] > 5 * first["contributions"]["hsv"]


def test_what_is_no_mixture_gets_a_400_that_says_why(client: Client) -> None:
    for fields, expected in (
        ({"preset": "shape"}, "auto, idea, form, colours, even"),
        ({"preset": "form", "weights": '{"hsv": 1}'}, "Both weights and a preset"),
        ({"weights": '{"shape": 1}'}, "Groups of them: meaning, structure, colour"),
    ):
        image = (io.BytesIO(ring("red")), "query.jpg")
        response = client.post("/search", data={**fields, "image": image})
        assert response.status_code == 400
        assert expected in response.json["error"]["message"]


def test_the_page_offers_the_mixtures_that_the_server_knows(client: Client) -> None:
    text = client.get("/").get_data(as_text=True)
    (mixtures,) = re.findall(r'<select id="balance-preset">(.*?)</select>', text, re.DOTALL)
    result = dict(re.findall(r'data-(groups|presets)="([^"]*)"', text))

    assert re.findall(r'value="(\w+)"', mixtures) == ["auto", *PRESETS, "own"]
    assert json.loads(html.unescape(result["presets"])) == PRESETS
    assert json.loads(html.unescape(result["groups"])) == groups_of()
    assert all(f'id="balance-{group}"' in text for group in GROUPS)
