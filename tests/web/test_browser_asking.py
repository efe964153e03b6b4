"""What can be asked on the page, and what it tells about the answer, in a real browser."""

from __future__ import annotations

import re
from datetime import date
from typing import TYPE_CHECKING, Any

import pytest

from tests.web.browsing import PHONE, Seen, answer_with, file, fits, opened, search, shown
from tests.web.pictures import HUES, blueprint, ring, sketch
from tests.web.running import Running

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Locator, Page, Route

# The red of the pixel in the middle of the cleaned drawing.
MIDDLE = """() => {
  const image = document.getElementById("cleaned-picture");
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [image.naturalWidth, image.naturalHeight];
  const context = canvas.getContext("2d");
  context.drawImage(image, 0, 0);
  return context.getImageData(canvas.width / 2, canvas.height / 2, 1, 1).data[0];
}"""


def first(page: Page, path: str) -> None:
    """Waits until the best hit is this one."""
    page.locator(f".hit:first-child img[alt='{path}']").wait_for()


def hit(page: Page, path: str) -> Locator:
    return page.locator(".hit", has=page.locator(f"img[alt='{path}']"))


def focused(page: Page) -> str:
    return str(page.evaluate("document.activeElement.closest('.hit')?.querySelector('img').alt"))


def test_words_are_looked_for_in_names(page: Page) -> None:
    shown(page, "Words are only matched with the names of files and folders")
    words = page.get_by_label("In words")
    words.fill("navy")
    words.press("Enter")
    first(page, "cold/navy.jpg")
    page.get_by_label("Why each one matches").check()
    shown(page, "name")
    assert not page.locator("#kind").is_visible()
    warning = page.get_by_text("Words were only looked for in the names")
    warning.wait_for()
    page.get_by_role("button", name="Dismiss").click()
    words.fill("warm")
    words.press("Enter")
    first(page, "warm/gold.jpg")
    assert not warning.is_visible()  # told once
    page.get_by_role("button", name="Install CLIP to search by description").click()
    page.get_by_role("dialog", name="Collection").wait_for()


def test_words_that_no_name_holds(page: Page) -> None:
    words = page.get_by_label("In words")
    words.fill("armadillo")
    words.press("Enter")
    page.get_by_role("heading", name="No file or folder is named like that.").wait_for()
    assert page.locator(".hit").count() == 0


def test_nothing_asked_shows_the_collection(page: Page) -> None:
    words = page.get_by_label("In words")
    page.get_by_role("button", name="Search", exact=True).click()
    result = page.get_by_role("heading", name="8 images in the collection")
    result.wait_for()
    words.fill("navy")
    words.press("Enter")
    first(page, "cold/navy.jpg")
    assert not result.is_visible()


def test_a_hit_dropped_on_the_page_asks_for_more_like_it(page: Page) -> None:
    search(page, ring("teal"))
    dropped = page.locator(".hit img").nth(1)
    path = dropped.get_attribute("alt") or ""

    dropped.drag_to(page.locator("#query"))

    first(page, path)
    assert page.locator("#notices").inner_text() == ""


def test_what_the_query_was_taken_for(page: Page) -> None:
    search(page, sketch())
    shown(page, "Detected as: sketch. Matched on shape, not on colour or meaning.")
    page.get_by_role("radio", name="Auto").focus()
    page.keyboard.press("ArrowRight")
    shown(page, "Searched as: photo. ")
    page.keyboard.press("ArrowRight")
    shown(page, "Searched as: sketch. Matched on shape, not on colour or meaning.")
    search(page, ring("teal"))  # another picture is looked at anew
    shown(page, "Detected as: photo. ")
    assert page.get_by_role("radio", name="Auto").is_checked()


def test_a_blueprint_is_cleaned_unless_the_original_is_asked_for(page: Page) -> None:
    search(page, blueprint())
    shown(page, "Detected as: sketch")
    shown(page, "Your drawing as it was compared, with light ink on dark paper inverted.")
    cleaned = page.get_by_alt_text("The drawing as it was compared")
    assert cleaned.is_visible()
    assert page.evaluate(MIDDLE) > 200  # white paper, where the blueprint is blue
    page.get_by_role("button", name="Use the original instead").click()
    shown(page, "The original picture was compared.")
    assert not cleaned.is_visible()
    page.get_by_role("button", name="Clean the drawing").click()
    shown(page, "Your drawing as it was compared, with light ink on dark paper inverted.")


def whole(text: str) -> int:
    """The number of a whole percentage as the page shows it."""
    return int(text.removesuffix(" %").replace("\u2212", "-"))


def test_why_each_one_matches(page: Page) -> None:
    search(page, ring("teal", (240, 120)))
    best = hit(page, "cold/teal.jpg")
    assert not best.get_by_text("shape").is_visible()
    page.get_by_label("Why each one matches").check()
    assert best.get_by_text("shape").is_visible()
    assert best.get_by_text("colour").is_visible()
    parts = [whole(text) for text in best.locator(".part b").all_inner_texts()]
    similarity = best.locator(".score")
    assert sum(parts) == pytest.approx(whole(similarity.inner_text()), abs=len(parts))
    assert similarity.get_attribute("aria-label") == f"{similarity.inner_text()} similar"
    assert "not a probability" in str(similarity.get_attribute("title"))
    assert "adds" in str(best.locator(".part").first.get_attribute("title"))


def test_more_like_a_hit(page: Page, seen: Seen, service: Running) -> None:
    search(page, ring("teal"))
    more = page.get_by_role("button", name="More like navy.jpg")
    assert more.evaluate("button => getComputedStyle(button).opacity") == "0"
    hit(page, "cold/navy.jpg").hover()
    more.click()
    first(page, "cold/navy.jpg")
    asked = page.locator(".previews img")
    assert [image.get_attribute("alt") for image in asked.all()] == ["More like navy.jpg"]

    assert focused(page) == "cold/navy.jpg"  # the keyboard goes on from the best hit
    hit(page, "warm/red.jpg").locator("button").first.focus()
    page.keyboard.press("Shift+M")  # beside the other
    asked.nth(1).wait_for()
    page.get_by_role("button", name="Remove navy.jpg").click()
    first(page, "warm/red.jpg")

    hit(page, "warm/gold.jpg").locator("button").first.click()
    view = page.get_by_role("dialog")
    view.get_by_role("button", name="More like this").wait_for()
    page.keyboard.press("m")
    view.wait_for(state="hidden")
    first(page, "warm/gold.jpg")
    assert asked.count() == 1
    page.locator("#file").set_input_files(file(ring("hotpink")))
    first(page, "cold/hotpink.jpg")
    assert asked.count() == 1
    assert seen.errors == []
    assert all(
        address.startswith((service.address, f"blob:{service.address}"))
        for address in seen.addresses
    )


def test_one_design_from_several_sides(page: Page) -> None:
    assert not page.locator("label[for=file-beside]").is_visible()
    search(page, ring("teal", (240, 120)))
    page.locator("#file-beside").set_input_files(file(ring("gold", (200, 120)), "side.jpg"))
    page.locator(".previews li").nth(1).wait_for()
    page.wait_for_url(re.compile("image=.*image="))
    page.wait_for_function(
        """() => new Set([...document.querySelectorAll(".hit img")].slice(0, 2).map((i) => i.alt))
            .isSupersetOf(new Set(["cold/teal.jpg", "warm/gold.jpg"]))"""
    )
    page.get_by_role("button", name="Remove side.jpg").click()
    page.locator(".previews li").nth(1).wait_for(state="detached")


def test_by_colour(page: Page) -> None:
    page.locator("#colours-more summary").press("Enter")
    page.get_by_role("button", name="navy", exact=True).wait_for()
    assert page.locator(".hit").count() == 0  # nothing is asked before one is picked
    page.get_by_label("Another colour").evaluate(
        "field => { field.value = '#ff69b4'; field.dispatchEvent(new Event('change')); }"
    )
    first(page, "cold/hotpink.jpg")
    shown(page, "#ff69b4")
    assert not page.locator("#kind").is_visible()
    page.get_by_role("button", name="Remove #ff69b4").press("Enter")
    page.locator(".hit").first.wait_for(state="detached")


def test_colours_have_shares(page: Page) -> None:
    page.locator("#colours-more summary").press("Enter")
    for name in ("navy", "red"):
        page.get_by_role("button", name=name, exact=True).press("Enter")
    page.get_by_label("Share of navy").focus()
    for _ in range(3):
        page.keyboard.press("ArrowRight")
    shown(page, "62 %")
    shown(page, "38 %")
    page.wait_for_url(re.compile("3A8"))
    assert "color=%231c2c54%3A8&color=%23c62828%3A5" in page.url
    # The colours of two of the pictures, as a link or a picker may give them.
    page.goto(page.url.split("?")[0] + "?color=%23000080:5&color=%23ff0000:5")
    before = """(paths) => {
        const shown = [...document.querySelectorAll(".hit img")].map((image) => image.alt);
        return shown.indexOf(paths[0]) < shown.indexOf(paths[1]);
    }"""
    paths = {"#000080": "cold/navy.jpg", "#ff0000": "warm/red.jpg"}
    for most, least in (("#000080", "#ff0000"), ("#ff0000", "#000080")):
        page.get_by_label(f"Share of {most}").press("End")
        page.get_by_label(f"Share of {least}").press("Home")
        page.wait_for_function(before, arg=[paths[most], paths[least]])


def test_what_counts(page: Page) -> None:
    search(page, ring("teal", (240, 120)))
    page.locator("#balance summary").press("Enter")
    assert page.get_by_role("slider", name="Meaning").is_disabled()
    shown(page, "Matching by meaning needs a model")
    page.get_by_label("Preset").select_option(label="The same colours")
    page.get_by_label("Why each one matches").check()
    best = hit(page, "cold/teal.jpg").locator(".part span").first
    best.get_by_text("colour").wait_for()
    assert "balance=colours" in page.url
    page.get_by_role("slider", name="Colour").press("Home")
    shown(page, "· custom")
    hit(page, "cold/teal.jpg").locator(".part").get_by_text("colour").wait_for(state="detached")
    assert page.get_by_label("Preset").input_value() == "own"
    # A colour asked for has a say again.
    page.locator("#colours-more summary").press("Enter")
    page.get_by_role("button", name="navy", exact=True).press("Enter")
    hit(page, "cold/navy.jpg").locator(".part").get_by_text("colour").wait_for()


def test_one_extractor_and_a_metric(page: Page) -> None:
    search(page, ring("teal", (240, 120)))
    page.locator("#balance summary").press("Enter")
    assert page.get_by_label("How it is measured").is_hidden()
    page.get_by_label("Look at one thing alone").select_option("hsv")
    page.wait_for_url(re.compile("balance=hsv%3Aauto"))
    assert page.get_by_label("Preset").is_disabled()
    assert page.get_by_role("slider", name="Colour").is_disabled()
    page.get_by_label("How it is measured").select_option(label="By distance (Euclidean)")
    shown(page, "· colour, by distance (Euclidean)")
    hit(page, "cold/teal.jpg").get_by_text(re.compile(r"distance 0")).wait_for()
    page.reload()
    hit(page, "cold/teal.jpg").get_by_text(re.compile(r"distance 0")).wait_for()
    assert page.get_by_label("How it is measured").input_value() == "euclidean"
    page.get_by_label("Look at one thing alone").select_option("")
    hit(page, "cold/teal.jpg").get_by_text("100 %").wait_for()
    assert page.get_by_label("How it is measured").is_hidden()
    assert page.get_by_role("slider", name="Colour").is_enabled()


def test_filters(page: Page) -> None:
    search(page, ring("teal"))
    page.locator("#filters summary").press("Enter")
    page.get_by_label("Folder").fill("warm")
    page.get_by_label("Folder").press("Enter")
    shown(page, "The 3 most similar of 3 images")
    page.get_by_label("File name").fill("*o*")
    page.get_by_label("Shorter side, at least (pixels)").fill("120")
    page.get_by_label("Shorter side, at least (pixels)").press("Enter")
    shown(page, "The 2 most similar of 2 images")
    shown(page, "· 3")
    page.get_by_label("From day").fill("2020-01-01")
    page.get_by_label("To day").fill(date.today().isoformat())
    shown(page, "· 5")
    shown(page, "The 2 most similar of 2 images")  # the last day counts too
    page.get_by_label("Orientation").select_option("portrait")
    shown(page, "No image matches the filters.")
    page.locator("#message").get_by_role("button", name="Clear the filters").click()
    shown(page, f"The {len(HUES)} most similar of {len(HUES)} images")
    assert page.get_by_label("Folder").input_value() == ""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_asking_on_a_phone(browser: Browser, service: Running, scheme: Any) -> None:
    small = {**PHONE, "viewport": {"width": 360, "height": 640}}
    with opened(browser, service, **small, color_scheme=scheme) as page:
        search(page, sketch())
        shown(page, "Detected as: sketch")
        page.get_by_role("button", name="More like gold.jpg").tap()
        page.locator(".previews figure").wait_for()
        page.get_by_role("button", name="Refine").tap()
        page.locator("#colours-more summary").tap()
        page.get_by_role("button", name="gold", exact=True).tap()
        page.locator("#filters summary").tap()
        page.get_by_label("Orientation").select_option("landscape")
        page.get_by_label("Why each one matches").check()
        page.locator(".hit").first.wait_for()
        assert fits(page)


def test_words_without_clip_are_headed_as_what_they_are(page: Page) -> None:
    words = page.get_by_label("In words")
    words.fill("gold")
    words.press("Enter")
    shown(page, "Matches in file names: 1 of")
    words.fill("armadillo")
    words.press("Enter")
    page.get_by_text("Try other words, or another spelling").wait_for()


def test_what_adds_next_to_nothing_decides_nothing(page: Page) -> None:
    answer = answer_with(4)
    for hit in answer["results"]:
        hit["contributions"] = {"hsv": 0.01, "edges": 0.3, "texture": 0.2, "query_expansion": 0.1}
    page.route("**/search", lambda route: route.fulfill(json=answer))

    search(page, ring("teal"))

    shown(
        page,
        "Detected as: photo. Matched on shape and surface, a little on colour, not on meaning.",
    )


def test_one_network_is_not_called_what_all_of_them_are(page: Page) -> None:
    answer = answer_with(4)
    for hit in answer["results"]:
        hit["contributions"] = {"clip": 0.4, "design": 0.3, "hsv": 0.2}
    page.route("**/search", lambda route: route.fulfill(json=answer))

    search(page, ring("teal"))

    shown(page, "Detected as: photo. Matched on subject, design and colour.")


def test_words_that_a_classifier_knows_are_headed_as_what_they_are(page: Page) -> None:
    answer = {**answer_with(4), "kind": "text", "named": ["necklace", "crocodile (Nile crocodile)"]}
    page.route("**/search", lambda route: route.fulfill(json=answer))
    words = page.get_by_label("In words")
    words.fill("necklace crocodile")
    words.press("Enter")

    shown(
        page, "Matched by what the picture shows: necklace, crocodile (Nile crocodile); 4 of 2,000"
    )
    assert "similar" not in page.locator("#results-title").inner_text()

    why = "No picture seems to show that, and no file or folder is named like that. Try others."
    answer |= {"results": [], "warnings": [why]}
    words.fill("vase")
    words.press("Enter")
    heading = "No picture seems to show that, and no file or folder is named like that."
    page.get_by_role("heading", name=heading).wait_for()
    shown(page, "Try others.")


def test_only_sure_labels_are_shown(page: Page) -> None:
    answer = answer_with(4)
    answer["labels"] = {"necklace": 0.85, "chain": 0.12}
    answer["results"][0]["labels"] = {"vase": 0.9, "teapot": 0.1}
    answer["results"][1]["labels"] = {"vase": 0.6}
    page.route("**/search", lambda route: route.fulfill(json=answer))

    search(page, ring("teal"))

    shown(page, "Detected as: photo. Shows: necklace. Matched on")
    page.locator(".hit img").first.click()
    page.locator("#viewer-facts").get_by_text("vase", exact=True).wait_for()
    page.keyboard.press("ArrowRight")
    page.get_by_text("2 of 4").wait_for()
    assert "Shows" not in page.locator("#viewer-facts").inner_text()


def test_the_page_says_which_words_it_knows(page: Page) -> None:
    def with_names(route: Route) -> None:
        answer = route.fetch().json()
        route.fulfill(json={**answer, "reads_words": False, "reads_names": True})

    page.route("**/status", with_names)
    page.reload()

    shown(page, "and common things in pictures")
    shown(page, "Install CLIP to search by description")
    page.get_by_label("But not").wait_for()
