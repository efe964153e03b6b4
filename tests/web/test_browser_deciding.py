"""Comparing and deciding: side by side, the verdict with its evidence, the queue of duplicates."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest

from image_search.settings import Settings
from tests.web.browsing import (
    DESKTOP,
    PHONE,
    Seen,
    answer_with,
    file,
    fits,
    keep,
    opened,
    search,
    shown,
)
from tests.web.pictures import ring
from tests.web.running import Running

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

WHOLE = [[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0]]
# The right half, mirrored: corners in the order of WHOLE.
HALF = [[1.0, 0.0], [0.5, 0.0], [0.5, 1.0], [1.0, 1.0]]


def verdict(kind: str, page: Page) -> dict[str, Any]:
    """What a check answers, about real images of the collection."""
    hits = page.evaluate("[...document.querySelectorAll('.hit')].map((made) => made.hit)")
    evidence = {
        "words": "same picture, mirrored, cropped to 50 %",
        "inliers": 80,
        "score": 9.0,
        "mirrored": True,
        "rotation": 0.0,
        "scale": 1.0,
        "of_query": 1.0,
        "of_other": 0.5,
        "outline_query": WHOLE,
        "outline_hit": HALF,
    }
    return {
        "verdict": kind,
        "words": "Near-duplicate: same picture, mirrored, cropped to 50 %",
        "certainty": {
            "false_alarms": 0.003,
            "misses": 0.04,
            "measured_on": 400,
            "kind": "photo",
            "chance": None,
            "words": "Of 100 edited copies, 4 would be missed.",
        },
        "hits": [{**hits[0], "relation": kind, "evidence": evidence}] if kind != "new" else [],
        "nearest": hits[:4],
        "compared": 8,
        "unreadable": 1,
        "unreadable_files": [],
        "took_ms": 5.0,
        "kind": "photo",
        "extractors": ["hsv", "edges"],
        "fingerprint": "f00",
        "checked": 1795271584,
        "warnings": [],
        "headline": f"The headline of {kind}.",
        "clear": kind == "new",
    }


def test_an_exact_duplicate_and_its_report(page: Page, seen: Seen) -> None:
    search(page, ring("teal", (240, 120)))
    page.get_by_role("button", name="Has this been drawn before?").press("Enter")
    shown(page, "Yes, this very picture is in the collection.")
    assert page.evaluate("document.activeElement.id") == "verdict-title"
    page.locator(".hit:first-child .relation").get_by_text("Same file").wait_for()
    assert "check=1" in page.url
    with page.context.expect_page() as opened:
        page.get_by_role("button", name="Printable report").press("Enter")
    opened.value.get_by_text("Has this been drawn before?").first.wait_for()
    opened.value.get_by_text("Exact duplicate").first.wait_for()
    opened.value.close()
    page.get_by_role("button", name="Back to the results").press("Enter")
    page.locator("#verdict").wait_for(state="hidden")
    page.go_back()
    shown(page, "Yes, this very picture is in the collection.")
    page.locator("#file").set_input_files(file(ring("gold")))
    page.locator("#verdict").wait_for(state="hidden")  # another picture, another question
    assert seen.errors == []


@pytest.mark.parametrize("size", [(1440, 900), (390, 844)], ids=["desktop", "phone"])
def test_the_evidence_is_shown(browser: Browser, service: Running, size: tuple[int, int]) -> None:
    with opened(browser, service, viewport={"width": size[0], "height": size[1]}) as page:
        search(page, ring("teal", (240, 120)))
        found = verdict("near", page)
        page.route("**/check", lambda route: route.fulfill(json=found))
        page.get_by_role("button", name="Has this been drawn before?").click()
        shown(page, "The headline of near.")
        shown(page, "Of 100 edited copies, 4 would be missed.")
        assert page.locator(".hit").count() == 4  # the proven one, and the nearest beside it
        assert page.get_by_label("match strength 90 of 100").count() == 1
        assert fits(page)
        keep(page, f"decide-{'desktop' if size[0] > 900 else 'phone'}")
        page.get_by_role("button", name="Show the evidence").click()
        dialog = page.get_by_role("dialog", name="Compare")
        shown(page, "same picture, mirrored, cropped to 50 %")
        outline = dialog.locator("polygon").nth(1)
        picture, box = dialog.locator("img").nth(1).bounding_box(), outline.bounding_box()
        assert picture
        assert box
        assert box["x"] == pytest.approx(picture["x"] + picture["width"] / 2, abs=8)
        dialog.get_by_role("radio", name="Swipe").check()
        # Laid on each other, the half that matches covers the whole of the query.
        wide = "shape => shape.getBoundingClientRect().width"
        laid = dialog.locator("polygon").nth(1).evaluate(wide)
        assert laid == pytest.approx(dialog.locator("img").first.evaluate(wide), rel=0.1)
        keep(page, f"compare-{'desktop' if size[0] > 900 else 'phone'}")


def test_new(page: Page) -> None:
    search(page, ring("teal"))
    found = verdict("new", page)
    page.route("**/check", lambda route: route.fulfill(json=found))
    page.get_by_role("button", name="Has this been drawn before?").click()
    shown(page, "The headline of new.")
    assert page.locator("#verdict-words").is_hidden(), "the sentence that is read first is one"
    assert is_green(page)
    found |= {"headline": "Look at the results.", "clear": False}
    page.get_by_role("button", name="Has this been drawn before?").click()
    shown(page, "Look at the results.")
    assert not is_green(page)
    assert not page.get_by_role("button", name="Show the evidence").count()


def is_green(page: Page) -> bool:
    """Whether the verdict has the colour of a clear no."""
    edge = page.evaluate("getComputedStyle(document.getElementById('verdict')).borderLeftColor")
    red, green, blue = (int(part) for part in re.findall(r"\d+", edge)[:3])
    return green > 1.3 * red and green > 1.3 * blue


def test_a_drawing_is_possibly_one_of_those_that_are_shown(page: Page) -> None:
    search(page, ring("teal"))
    found = {**verdict("possible", page), "kind": "sketch"}
    hits = page.evaluate("[...document.querySelectorAll('.hit')].map((made) => made.hit)")
    found["hits"] = [{**hit, "relation": "possible", "evidence": None} for hit in hits[:3]]
    found["certainty"] |= {"chance": 0.87, "words": "Of 100 drawings, 87 would find theirs."}
    page.route("**/check", lambda route: route.fulfill(json=found))
    page.get_by_role("button", name="Has this been drawn before?").click()
    shown(page, "The headline of possible.")
    shown(page, "Of 100 drawings, 87 would find theirs.")
    assert page.locator("#verdict-words").is_hidden(), "the sentence that is read first is one"
    assert not is_green(page)


def test_what_cannot_be_judged_yet_has_no_verdict(page: Page) -> None:
    search(page, ring("teal"))
    answers = [
        {"status": 503, "json": {"error": {"code": "not_ready", "message": "Ask again."}}},
        {"status": 200, "json": verdict("near", page)},
    ]
    page.route("**/check", lambda route: route.fulfill(**answers.pop(0)))
    page.get_by_role("button", name="Has this been drawn before?").click()
    shown(page, "The check is not ready yet.")
    assert page.locator("#verdict").is_hidden()
    page.get_by_role("button", name="Check again").click()
    shown(page, "The headline of near.")


def place(page: Page, at: int) -> tuple[float, float]:
    """How the picture of a pane is moved and zoomed, as shares of its own size."""
    look = """(at) => {
        const { style } = document.querySelectorAll("#compare .inner")[at];
        return ["--x", "--scale"].map((name) => parseFloat(style.getPropertyValue(name)));
    }"""
    x, scale = page.evaluate(look, at)
    return x, scale


def test_two_to_four_side_by_side(page: Page) -> None:
    search(page, ring("teal", (240, 120)))
    page.locator(".hit .open").first.focus()
    for _ in range(5):
        page.keyboard.press("ArrowRight")
        page.keyboard.press("c")
    shown(page, "5 selected")
    assert page.get_by_role("button", name="Compare", exact=True).is_disabled()  # four at most
    for left in (4, 3):
        page.get_by_role("button", name="Deselect").first.press("Enter")
        shown(page, f"{left} selected")
    page.get_by_role("button", name="Compare", exact=True).press("Enter")
    dialog = page.get_by_role("dialog", name="Compare")
    dialog.get_by_text("Your query").wait_for()
    assert dialog.locator("figure").count() == 4
    page.keyboard.press("+")
    page.keyboard.press("Shift+ArrowRight")
    moved = place(page, 0)
    assert moved[0] < 0
    assert moved[1] == pytest.approx(1.4)
    assert [place(page, at) for at in (1, 2, 3)] == [moved] * 3  # the same part of each
    stage = dialog.locator(".stage").nth(2).bounding_box()
    assert stage
    page.mouse.move(stage["x"] + 60, stage["y"] + stage["height"] / 2)
    page.mouse.wheel(0, -400)
    page.wait_for_function(
        "document.querySelectorAll('#compare .inner')[0].style.getPropertyValue('--scale') > 2"
    )
    assert place(page, 0) == place(page, 3)
    page.keyboard.press("Escape")
    dialog.wait_for(state="hidden")
    assert page.evaluate("document.activeElement.id") == "tray-compare"
    page.locator("#tray-clear").press("Enter")
    page.locator("#tray").wait_for(state="hidden")


def test_difference_of_two(page: Page) -> None:
    search(page, ring("teal", (240, 120)))
    for number in (0, 1):
        page.locator(".hit").nth(number).hover()
        page.locator(".hit .pick input").nth(number).check()
    page.locator(".previews .round").click()  # without the query: two of the collection
    page.get_by_role("button", name="Compare", exact=True).click()
    dialog = page.get_by_role("dialog", name="Compare")
    dialog.locator("figure").nth(1).wait_for()
    assert dialog.locator("figure").count() == 2
    dialog.get_by_role("radio", name="Difference").check()
    blend = "layer => getComputedStyle(layer).mixBlendMode"
    assert dialog.locator(".layer").nth(1).evaluate(blend) == "difference"
    assert dialog.locator("figcaption").inner_text().startswith("Black where both are the same")
    dialog.get_by_role("radio", name="Swipe").check()
    dialog.get_by_role("slider", name="Swipe").press("Home")
    part = "layer => getComputedStyle(layer).clipPath"
    assert dialog.locator(".layer").nth(1).evaluate(part) == "inset(0px 0px 0px 0%)"
    inner = dialog.locator(".inner").bounding_box()  # the line follows the hand, too
    assert inner
    page.mouse.move(inner["x"] + 5, inner["y"] + 5)
    page.mouse.down()
    page.mouse.move(inner["x"] + 0.7 * inner["width"], inner["y"] + 5, steps=2)
    page.mouse.up()
    swiped = re.match(r"inset\(0px 0px 0px (\d+)", dialog.locator(".layer").nth(1).evaluate(part))
    assert swiped
    assert int(swiped[1]) == pytest.approx(70, abs=1)
    # Both are of the collection, so what they are to each other can be kept.
    asked: list[str] = []

    def answer(route: Any) -> None:
        asked.append(route.request.post_data)
        route.fulfill(json={"decision": "colourway", "undo": "x"})

    page.route("**/duplicates/decisions", answer)
    dialog.get_by_role("button", name="Colourway").click()
    shown(page, "Saved: colourway.")
    assert len(asked) == 1
    for field in ('name="a"', 'name="b"', "colourway"):
        assert field in asked[0]


def test_decisions_are_made_in_the_large_view_too(
    browser: Browser, open_service: tuple[Running, Settings]
) -> None:
    with opened(browser, open_service[0], **DESKTOP) as page:
        asked: list[str] = []

        def answer(route: Any) -> None:
            asked.append(route.request.post_data)
            route.fulfill(json={"decision": "variant", "undo": "x"})

        page.route("**/duplicates/decisions", answer)
        search(page, ring("teal", (240, 120)))
        page.locator(".hit .open").first.click()
        group = page.get_by_role("group", name="Your decision on it")
        assert group.is_hidden()  # a search says nothing that could be decided on
        page.keyboard.press("Escape")
        page.get_by_role("button", name="Has this been drawn before?").click()
        page.locator("#verdict").wait_for()
        page.locator(".hit:has(.relation) .open").first.click()
        group.get_by_role("button", name="Variant").click()
        group.get_by_text("Saved: variant.").wait_for()
        assert group.locator("[aria-pressed=true]").inner_text() == "Variant"
        a, b = re.findall(r'name="[ab]"\s+(\w+)', asked[0])
        assert (len(a), len(b)) == (64, 16)  # the content that was checked, and an image
        page.keyboard.press("ArrowRight")
        page.keyboard.press("ArrowLeft")
        group.locator("[aria-pressed=true]").wait_for()


def queue_of(number: int) -> dict[str, Any]:
    """So many groups of two, as the service tells them."""
    hits = answer_with(2)["results"]
    groups = [
        {
            "id": str(n),
            "kind": "near",
            "members": [
                {**hit, "id": f"{n:015x}{at}", "path": f"group-{n}/{at}.jpg"}
                for at, hit in enumerate(hits)
            ],
            "pairs": [
                {
                    "a": f"{n:015x}0",
                    "b": f"{n:015x}1",
                    "relation": "near",
                    "words": f"same picture, pair {n}",
                    "outline_a": WHOLE,
                    "outline_b": HALF,
                    "decision": None,
                }
            ],
        }
        for n in range(number)
    ]
    return {"groups": groups, "total": number, "undecided": number, "state": "ready"}


def test_the_queue_by_keyboard(page: Page, service: Running) -> None:
    decided: list[tuple[str, str]] = []

    def decide(route: Any) -> None:
        result = route.request.post_data
        pair = re.search(r'name="a"\s+(\w+)', result)
        decision = re.search(r'name="decision"\s+(\w+)', result)
        assert pair
        decided.append((pair[1][-2], decision[1] if decision else route.request.method))
        route.fulfill(json={"decision": None, "undo": "x"})

    page.route("**/duplicates?**", lambda route: route.fulfill(json=queue_of(4)))
    page.route("**/duplicates/decisions", decide)
    page.route("**/thumbnails/**", lambda route: route.fulfill(body=b""))
    page.get_by_role("link", name="Duplicates").press("Enter")
    shown(page, "same picture, pair 0")
    shown(page, "4 groups undecided of 4")
    keep(page, "decide-queue-desktop")
    assert page.locator("#pair polygon").count() == 2
    for key, pair in (("1", 1), ("2", 2), ("u", 1), ("3", 2), ("ArrowRight", 3), ("ArrowLeft", 2)):
        page.keyboard.press(key)
        shown(page, f"same picture, pair {pair}")
    assert decided == [("0", "same"), ("1", "colourway"), ("1", "DELETE"), ("1", "different")]
    page.keyboard.press("Enter")
    page.get_by_role("dialog", name="Compare").get_by_text("same picture, pair 2").wait_for()
    page.keyboard.press("Escape")
    page.keyboard.press("1")
    page.get_by_role("button", name="Same picture").first.click()
    shown(page, "All of them are decided.")
    page.get_by_role("button", name="Sign out").click()
    page.get_by_role("button", name="Sign in").wait_for()


def group_of_three() -> dict[str, Any]:
    """One group of three, and one of two."""
    queue = queue_of(2)
    first = queue["groups"][0]
    third = {**first["members"][0], "id": "f" * 16, "path": "group-0/2.jpg", "width": 4000}
    first["members"].append(third)
    first["pairs"].append({**first["pairs"][0], "b": "f" * 16, "words": "same picture, cropped"})
    return queue


def test_a_group_is_one_decision(page: Page, service: Running) -> None:
    sent: list[str] = []

    def decide(route: Any) -> None:
        form = dict(re.findall(r'name="(\w+)"\s+([\w.-]+)', route.request.post_data))
        sent.append(" ".join([route.request.method, *form.values()]))
        route.fulfill(json={"decision": None, "undo": "12.5"})

    page.route("**/duplicates?**", lambda route: route.fulfill(json=group_of_three()))
    page.route("**/duplicates/decisions", decide)
    page.route("**/thumbnails/**", lambda route: route.fulfill(body=b""))
    page.goto(f"{service.address}duplicates-page")
    shown(page, "3 images: versions of one picture")
    shown(page, "Group 1 of 2 · 2 groups undecided of 2")
    assert page.locator("#pair-panes figure").count() == 3
    best = page.locator(".best")
    assert best.count() == 1
    assert "2.jpg" in best.locator("xpath=..").inner_text()
    page.locator("#keep summary").click()
    page.locator("#keep-rule").select_option("shortest")
    assert "0.jpg" in best.locator("xpath=..").inner_text()
    page.locator("#queue").focus()
    page.keyboard.press("4")
    shown(page, "Pair 2 of 2 · 1 group undecided of 2")
    assert page.locator("#queue-progress").evaluate("bar => [bar.value, bar.max]") == [1, 2]
    page.keyboard.press("u")
    shown(page, "Group 1 of 2 · 2 groups undecided of 2")
    page.keyboard.press("p")
    shown(page, "Pair 1 of 3 · 2 groups undecided of 2")
    for key, words in (("1", "same picture, cropped"), ("5", "same picture, pair 1")):
        page.keyboard.press(key)
        shown(page, words)
    shown(page, "Pair 3 of 3 · 1 group undecided of 2")
    page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog", name="Compare")
    dialog.get_by_role("button", name="Not a duplicate").click()
    dialog.wait_for(state="hidden")
    shown(page, "All of them are decided.")
    assert sent == [
        "POST 0 variant",
        "DELETE 12.5",
        f"POST {0:015x}0 {0:015x}1 same",
        f"POST {0:015x}0 {'f' * 16} contains",
        f"POST {1:015x}0 {1:015x}1 different",
    ]


def test_what_to_keep_is_listed_and_exported(
    browser: Browser, open_service: tuple[Running, Settings]
) -> None:
    with opened(browser, open_service[0], **DESKTOP) as page:
        page.goto(f"{open_service[0].address}duplicates-page")
        page.get_by_text("Which files to keep").click()
        page.locator("#keep-rule").select_option("the file with the shortest path")
        page.get_by_text("further file").wait_for()
        with page.expect_download() as table:
            page.get_by_role("link", name="Export the list (CSV)").click()
        assert table.value.suggested_filename == "keep-shortest.csv"
        lines = table.value.path().read_text("utf-8-sig").splitlines()
        found = {line.split(",")[2]: line.split(",")[1] for line in lines[1:]}
        assert (found["cold/teal.jpg"], found["copies/teal.jpg"]) == ("yes", "no")


def test_the_queue_on_a_phone(browser: Browser, service: Running) -> None:
    with opened(browser, service, **PHONE) as page:
        page.route("**/duplicates?**", lambda route: route.fulfill(json=queue_of(2)))
        page.goto(f"{service.address}duplicates-page")
        shown(page, "same picture, pair 0")
        assert fits(page)
        button = page.get_by_role("button", name="Not a duplicate").first.bounding_box()
        assert button
        assert button["y"] + button["height"] < 844  # in reach without scrolling
        keep(page, "decide-queue-phone")
