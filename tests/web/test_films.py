"""Videos and documents open at what matched."""

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
from image_search.web.files import opens_at
from tests.drawing import design, saved, updated
from tests.videos import film, scene
from tests.web.browsing import PHONE, file, fits, keep, opened, served
from tests.web.clients import Client, client_of
from tests.web.running import Running, running

if TYPE_CHECKING:
    from playwright.sync_api import Browser

PAGES = range(500, 504)


@pytest.fixture(scope="module")
def filmed(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """The collection of the other tests, with a video and a PDF."""
    settings = served(tmp_path_factory.mktemp("films"))
    film(settings.images / "turntable.webm", [1, 2, 3])
    first, *others = (design(seed, (320, 240)) for seed in PAGES)
    first.save(settings.images / "book.pdf", save_all=True, append_images=others)
    updated(Library.open(settings))
    return replace(settings, threads=1)


@pytest.fixture(scope="module")
def client(filmed: Settings) -> Client:
    return client_of(create_app(Library.open(filmed), filmed), filmed.password)


@pytest.fixture(scope="module")
def films(filmed: Settings) -> Iterator[Running]:
    with running(filmed) as started:
        yield started


def first(client: Client, image: bytes) -> Any:
    data = {"image": (io.BytesIO(image), "still.png"), "kind": "photo"}
    return client.post("/search", data=data).json["results"][0]


def test_hits_open_at_their_time_and_page(client: Client) -> None:
    opens = []
    for seed in (1, 2, 3):
        hit = first(client, saved(scene(seed)))
        assert hit["path"] == "turntable.webm"
        opens.append(hit["url"].removeprefix(f"/images/{hit['id']}"))
    assert [round(float(place.removeprefix("#t=") or 0)) for place in opens] == [0, 2, 4]
    hit = first(client, saved(design(502, (320, 240))))
    assert hit["url"] == f"/images/{hit['id']}#page=3"
    assert (hit["page"], hit["note"]) == (3, "page 3 of 4")


@pytest.mark.parametrize(
    ("path", "page", "time", "opens"),
    [
        ("a/b.PDF", 7, 0.0, "#page=7"), ("b.pdf", 0, 0.0, ""), ("b.tif", 7, 0.0, ""),
        ("b.mp4", 0, 12.34, "#t=12.34"), ("b.gif", 0, 1.5, ""), ("b.mkv", 0, 0.0, ""),
    ],
)  # fmt: skip
def test_only_what_browsers_open_gets_a_place(
    path: str, page: int, time: float, opens: str
) -> None:
    assert opens_at(path, page, time) == opens


def test_a_browser_can_seek_in_a_video(client: Client, filmed: Settings) -> None:
    hit = first(client, saved(scene(3)))
    whole = (filmed.images / "turntable.webm").read_bytes()

    some = client.get(hit["url"], headers={"Range": "bytes=1000-1999"})
    assert some.status_code == 206
    assert some.data == whole[1000:2000]
    assert some.headers["Content-Range"] == f"bytes 1000-1999/{len(whole)}"
    assert some.mimetype == "video/webm"
    answer = client.get(hit["url"])
    assert (answer.status_code, answer.data) == (200, whole)
    assert answer.headers["Accept-Ranges"] == "bytes"
    assert answer.headers["Content-Disposition"].startswith("inline")
    policy = answer.headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'; media-src 'self';")
    assert "script" not in policy


def test_a_check_shows_what_matched(client: Client) -> None:
    data = {"image": (io.BytesIO(saved(design(502, (320, 240)))), "page.png"), "kind": "photo"}
    hit = client.post("/check", data=data).json["nearest"][0]

    assert (hit["path"], hit["page"]) == ("book.pdf", 3)
    assert hit["url"].endswith(f"/images/{hit['id']}#page=3")
    assert client.get(hit["thumbnail"]).data == client.get(f"/thumbnails/{hit['id']}:3").data


def test_a_video_is_no_query(client: Client, filmed: Settings) -> None:
    data = {"image": (io.BytesIO((filmed.images / "turntable.webm").read_bytes()), "film.webm")}
    answer = client.post("/search", data=data)
    assert answer.status_code == 422
    assert "send a still of it" in answer.json["error"]["message"]


PLAYING = """() => {
    const film = document.querySelector(".film");
    return film && !film.error && !film.paused && film.currentTime > 4.1;
}"""


@pytest.mark.parametrize("how", [{"viewport": {"width": 1280, "height": 800}}, PHONE])
def test_the_large_view_plays_from_what_matched(
    browser: Browser, films: Running, how: dict[str, Any]
) -> None:
    with opened(browser, films, **how) as page:
        page.locator("#file").set_input_files(file(saved(scene(3)), "still.png"))
        page.locator(".hit .variant", has_text="at 0:04").wait_for()
        page.locator(".hit .open").first.click()
        link = page.get_by_role("link", name="Open at 0:04")
        assert re.search(r"/images/\w{16}#t=4", link.get_attribute("href") or "")
        keep(page, f"film-{how['viewport']['width']}")
        page.get_by_role("button", name="Play from 0:04").click()
        page.wait_for_function(PLAYING)
        keep(page, f"film-playing-{how['viewport']['width']}")
        assert fits(page)
        page.keyboard.press("Escape")
        page.locator("#viewer").wait_for(state="hidden")
        assert page.locator(".film").count() == 0
        with page.context.expect_page() as tab:
            page.locator(".hit .open").first.click()
            link.click()
        tab.value.wait_for_function("() => document.querySelector('video')?.currentTime >= 4")


def test_the_large_view_opens_a_document_at_the_page(browser: Browser, films: Running) -> None:
    with opened(browser, films, viewport={"width": 1280, "height": 800}) as page:
        page.locator("#file").set_input_files(file(saved(design(503, (320, 240))), "page.png"))
        page.locator(".hit .variant", has_text="page 4 of 4").wait_for()
        page.locator(".hit .open").first.click()
        link = page.get_by_role("link", name="Open page 4")
        assert (link.get_attribute("href") or "").endswith("#page=4")
        assert page.get_by_role("button", name=re.compile("Play")).count() == 0
        shown = page.locator("#viewer-image")
        assert "%3A4" in (shown.get_attribute("src") or "") or ":4" in (
            shown.get_attribute("src") or ""
        )
        keep(page, "document-1280")
