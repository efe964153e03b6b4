"""A part is looked for inside other images, by POST /search and on the page."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from image_search.library import Library
from image_search.web import create_app
from tests.web.browsing import opened, search, served, shown
from tests.web.clients import PASSWORD, Client, client_of
from tests.web.pictures import draw_collection, ring
from tests.web.running import Running, running

if TYPE_CHECKING:
    from playwright.sync_api import Browser

    from image_search.settings import Settings

AREA = "0.2,0.2,0.6,0.6"


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    made = served(tmp_path_factory.mktemp("parts"), index=False)
    settings = replace(made, extractors="imagenet,hsv", threads=1)
    draw_collection(settings.images)
    Library.open(settings).update(fingerprints=False)
    return settings


@pytest.fixture(scope="module")
def service(settings: Settings) -> Iterator[Running]:
    with running(settings) as started:
        yield started


@pytest.fixture
def client(settings: Settings) -> Client:
    settings = replace(settings, password=PASSWORD)
    return client_of(create_app(Library.open(settings), settings), PASSWORD)


def ask(client: Client, address: str = "/search", **fields: Any) -> Any:
    image = {"image": (io.BytesIO(ring("teal")), "ring.jpg")}
    return client.post(address, data={**image, **fields})


@pytest.mark.parametrize("order", ["inside", "different"])
def test_hits_say_where_the_part_lies(client: Client, order: str) -> None:
    response = ask(client, region=AREA, part=order, k=4)

    assert response.status_code == 200, response.json
    assert response.json["matched_by"] == "part"
    assert len(response.json["results"]) == 4
    for hit in response.json["results"]:
        left, top, width, height = map(float, hit["region"].split(","))
        assert 0 <= left < left + width <= 1.0001
        assert 0 <= top < top + height <= 1.0001
        assert hit["scores"].keys() == {"part"} | ({"imagenet"} if order == "different" else set())
        # What is outlined can be asked for in its turn.
        assert ask(client, region=hit["region"], part=order).status_code == 200
    whole = ask(client, region=AREA, part="whole").json["results"]
    assert {hit["region"] for hit in whole} == {""}


def test_what_does_not_go_with_a_part(client: Client) -> None:
    for fields in ({"part": "all"}, {"text": "ring", "part": "inside"}, {"part": "different"}):
        response = ask(client, **fields)
        assert (response.status_code, response.json["error"]["code"]) == (400, "invalid_query")
    response = ask(client, "/check", region=AREA, part="inside")
    assert response.status_code == 400


def test_the_box_of_the_part_is_drawn(browser: Browser, service: Running) -> None:
    with opened(browser, service, viewport={"width": 1440, "height": 900}) as page:
        search(page, ring("teal"))
        order = page.get_by_label("Look for the area")
        assert not order.is_visible()
        page.get_by_role("button", name="Select area").click()
        order.select_option("inside other images, in any size")
        page.wait_for_url(re.compile("part=inside"))
        shown(page, re.compile("Most like the area:"))

        box = page.locator(".hit .found").first
        box.wait_for()
        across = "(box) => box.getBoundingClientRect().width / box.parentElement.clientWidth"
        assert 0.2 < box.evaluate(across) < 0.45
        page.locator(".hit .picture").first.click()
        assert page.locator("#viewer .found").is_visible()
        page.keyboard.press("Escape")

        page.get_by_label("In words").fill("navy")
        page.keyboard.press("Enter")
        shown(page, re.compile("was compared with whole images"))
        page.get_by_label("In words").fill("")
        page.keyboard.press("Enter")
        page.locator(".hit .found").first.wait_for()

        page.reload()
        page.locator(".hit .found").first.wait_for()
        assert order.input_value() == "inside"
        page.get_by_role("button", name="The whole picture").click()
        page.locator(".hit .found").first.wait_for(state="detached")
        assert not order.is_visible()
