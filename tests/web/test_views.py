"""The views of a design over HTTP and on the page."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from image_search.library import Library
from image_search.settings import Settings
from image_search.web import create_app
from tests.drawing import ornate, saved, updated
from tests.web.browsing import PHONE, file, fits, keep, opened, served
from tests.web.clients import Client, client_of
from tests.web.running import Running, running

if TYPE_CHECKING:
    from playwright.sync_api import Browser

VIEWS = ("front", "side", "top")


@pytest.fixture(scope="module")
def designs(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """The collection of the other tests, with a design in three views."""
    settings = replace(served(tmp_path_factory.mktemp("views")), views="{design}_{view}")
    for seed, view in enumerate(VIEWS):
        (settings.images / f"ring-0231_{view}.png").write_bytes(saved(ornate(seed)))
    updated(Library.open(settings))
    return settings


@pytest.fixture(scope="module")
def client(designs: Settings) -> Client:
    return client_of(create_app(Library.open(designs), designs), designs.password)


@pytest.fixture(scope="module")
def service_of_designs(designs: Settings) -> Iterator[Running]:
    with running(designs) as started:
        yield started


def test_views_come_with_their_addresses(client: Client) -> None:
    data = {"image": (io.BytesIO(saved(ornate(1))), "q.png"), "kind": "photo"}
    hit = client.post("/search", data=data).json["results"][0]

    assert (hit["path"], hit["design"]) == ("ring-0231_side.png", "ring-0231")
    assert [view["path"] for view in hit["views"]] == [f"ring-0231_{view}.png" for view in VIEWS]
    for view in hit["views"]:
        assert (
            client.get(view["url"]).status_code == client.get(view["thumbnail"]).status_code == 200
        )


def test_a_check_has_the_views_too(client: Client) -> None:
    data = {"image": (io.BytesIO(saved(ornate(1))), "q.png"), "kind": "photo"}
    answer = client.post("/check", data=data).json

    assert answer["verdict"] == "exact"
    assert [len(hit["views"]) for hit in answer["hits"]] == [3]
    assert client.get(answer["hits"][0]["views"][0]["thumbnail"]).status_code == 200


@pytest.mark.parametrize("how", [{"viewport": {"width": 1280, "height": 800}}, PHONE])
def test_the_large_view_has_the_views_in_a_row(
    browser: Browser, service_of_designs: Running, how: dict[str, Any]
) -> None:
    with opened(browser, service_of_designs, **how) as page:
        page.locator("#file").set_input_files(file(saved(ornate(1)), "q.png"))
        page.locator(".hit .variant", has_text="3 views").wait_for()
        page.locator(".hit .open").first.click()
        name, views = page.locator("#viewer-name"), page.locator("#viewer-views button")
        assert name.text_content() == "ring-0231_side.png"
        assert [view.get_attribute("aria-pressed") for view in views.all()] == [
            "false", "true", "false",
        ]  # fmt: skip

        page.get_by_role("button", name="View ring-0231_top.png").click()

        assert name.text_content() == "ring-0231_top.png"
        shown = views.nth(2).get_attribute("data-id") or "none"
        page.wait_for_function(
            "id => document.querySelector('#viewer-image').src.includes(id)", arg=shown
        )
        keep(page, f"views-{how['viewport']['width']}")
        picture = page.locator("#viewer-views img").first.bounding_box()
        assert picture
        assert picture["height"] > 50
        assert page.get_by_text("that of the view that matched best").is_visible()
        assert fits(page)
        page.locator("#viewer-like").click()
        page.wait_for_url(re.compile(f"like={shown}"))
