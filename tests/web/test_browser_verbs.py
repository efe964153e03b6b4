"""A designer's day on the real service: ask, look, compare, decide, keep. On a desktop and on a
phone, by mouse or finger, and by keyboard alone; pictures of each step stay in test-output/page."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from image_search.settings import Settings
from tests.web.browsing import DESKTOP, PHONE, file, fits, keep, opened, shown
from tests.web.pictures import ring
from tests.web.running import Running

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Locator, Page

# More stops than any way through the page has.
STOPS = 120
# Whether it lies before where the keyboard is.
GOAL = """(element) => {
    window.goal = element;
    const place = document.activeElement.compareDocumentPosition(element);
    return document.activeElement !== document.body && Boolean(place & 2);
}"""
COLOURS = {
    "desktop-pointer": "lime",
    "desktop-keyboard": "tan",
    "phone-pointer": "plum",
    "phone-keyboard": "aqua",
}


@dataclass
class Hands:
    """How somebody acts on ``page``: with a pointer, or with keys and nothing else."""

    page: Page
    keys: bool
    touch: bool
    name: str

    def press(self, target: Locator, key: str = "Enter") -> None:
        """Acts on a button, a link, a choice."""
        target.wait_for()
        if self.keys:
            self.reach(target)
            self.page.keyboard.press(key)
        elif self.touch:
            target.tap()
        else:
            target.click()

    def reach(self, target: Locator) -> None:
        """Goes to ``target`` from stop to stop, forwards or backwards."""
        back = target.evaluate(GOAL)
        for _ in range(STOPS):
            if self.page.evaluate("window.goal === document.activeElement"):
                return
            self.page.keyboard.press("Shift+Tab" if back else "Tab")
        raise AssertionError(f"The keyboard does not reach {target}.")

    def choose(self, target: Locator, label: Locator, content: Any) -> None:
        """Chooses a file."""
        with self.page.expect_file_chooser() as chooser:
            self.press(target if self.keys else label)
        chooser.value.set_files(content)

    def leave(self, dialog: Locator) -> None:
        """Closes a dialog."""
        if self.keys:
            self.page.keyboard.press("Escape")
        else:
            self.press(dialog.get_by_role("button", name="Close"))
        dialog.wait_for(state="hidden")

    def kept(self, verb: str) -> None:
        """The page as it is now, as evidence; nothing of it sticks out of the window."""
        assert fits(self.page)
        keep(self.page, f"{verb}-{self.name}")


@pytest.mark.parametrize("keys", [False, True], ids=["pointer", "keyboard"])
@pytest.mark.parametrize("size", ["desktop", "phone"])
def test_the_five_verbs(
    browser: Browser, open_service: tuple[Running, Settings], size: str, keys: bool
) -> None:
    service, settings = open_service
    name = f"{size}-{'keyboard' if keys else 'pointer'}"
    with opened(browser, service, **(PHONE if size == "phone" else DESKTOP)) as page:
        errors: list[str] = []
        page.on("pageerror", lambda error: errors.append(str(error)))
        hands = Hands(page, keys, size == "phone", name)
        ask(hands)
        look(hands)
        compare(hands)
        decide(hands)
        keep_up(hands, settings)
        queue(hands)
        assert errors == []


def ask(hands: Hands) -> None:
    """With a picture and a colour."""
    page = hands.page
    picture = file(ring("teal", (240, 120)))
    hands.choose(page.locator("#file"), page.locator("label[for=file]"), picture)
    page.locator(".hit:first-child img[alt$='teal.jpg']").wait_for()
    shown(page, "Detected as: photo")
    if hands.touch:
        hands.press(page.get_by_role("button", name="Refine"))
    hands.press(page.locator("#colours-more summary"))
    hands.press(page.get_by_role("button", name="navy", exact=True))
    page.locator(".hit:first-child img[alt='cold/navy.jpg']").wait_for()
    hands.kept("ask")
    hands.press(page.get_by_role("button", name="Remove navy"))
    page.locator(".hit:first-child img[alt$='teal.jpg']").wait_for()
    if hands.touch:
        hands.press(page.get_by_role("button", name="Show the results"))


def look(hands: Hands) -> None:
    """At the second hit, closely, and on to the third."""
    page, view = hands.page, hands.page.locator("#viewer")
    hands.press(page.get_by_label("Why each one matches"), " ")
    page.locator(".hit:first-child .part").first.wait_for()
    hits = page.locator(".hit").count()
    hands.press(page.locator(".hit .open").nth(1))
    shown(page, f"2 of {hits}")
    if hands.keys:
        page.keyboard.press("+")
        shown(page, "140 %")
        page.keyboard.press("ArrowRight")
    else:
        hands.press(view.get_by_role("button", name="Next picture"))
    shown(page, f"3 of {hits}")
    hands.kept("look")
    hands.leave(view)
    page.locator(".hit:nth-child(3):focus-within").wait_for()


def compare(hands: Hands) -> None:
    """Two hits and the query side by side, under one look; then without the query, by swiping."""
    page, dialog = hands.page, hands.page.locator("#compare")
    for at in (2, 3):
        if hands.keys:
            page.keyboard.press("c")
            page.keyboard.press("ArrowRight")
        else:
            if not hands.touch:
                page.locator(".hit").nth(at).hover()
            hands.press(page.locator(".hit .pick").nth(at))
    page.locator("#tray-list li").nth(1).wait_for()
    hands.press(page.locator("#tray-compare"))
    dialog.locator("figure").nth(2).wait_for()
    if hands.keys:
        page.keyboard.press("+")
    else:
        hands.press(dialog.get_by_role("button", name="Zoom in"))
    scales = "[...document.querySelectorAll('#compare .inner')].map((one) => one.style.cssText)"
    looks = page.evaluate(scales)
    assert all("--scale: 1.4" in look for look in looks)
    hands.kept("compare")
    hands.leave(dialog)
    hands.press(page.locator("#tray-clear"))


def decide(hands: Hands) -> None:
    """Whether it has been drawn before, and what proves it."""
    page, dialog = hands.page, hands.page.locator("#compare")
    hands.press(page.locator("#check"))
    shown(page, "Yes, this very picture is in the collection.")
    page.locator(".hit:first-child .relation").wait_for()
    hands.kept("decide")
    hands.press(page.get_by_role("button", name="Show the evidence"))
    dialog.locator("figure").nth(1).wait_for()
    swipe = dialog.get_by_role("radio", name="Swipe")
    if hands.keys:
        hands.reach(dialog.get_by_role("radio", name="Side by side"))
        page.keyboard.press("ArrowRight")
    else:
        hands.press(swipe)
    assert swipe.is_checked()
    dialog.locator("#compare-swipe").wait_for()
    hands.kept("decide-evidence")
    hands.leave(dialog)


def keep_up(hands: Hands, settings: Settings) -> None:
    """A new image into the collection; the index follows."""
    page, drawer = hands.page, hands.page.locator("#collection")
    brief = page.locator("#collection-brief", has_text="images")
    before = int(brief.inner_text().split()[0])
    hands.press(page.locator("#collection-open"))
    folder = drawer.get_by_label("Into the folder")
    if hands.keys:
        hands.reach(folder)
        page.keyboard.type("2026")
    else:
        folder.fill("2026")
    picture = file(ring(COLOURS[hands.name]), f"{hands.name}.jpg")
    label = page.locator("label[for=upload-files]")
    hands.choose(page.locator("#upload-files"), label, picture)
    shown(page, "1 image added.")
    page.locator("#collection-brief", has_text=f"{before + 1} images").wait_for()
    assert (settings.images / "2026" / f"{hands.name}.jpg").is_file()
    hands.press(drawer.get_by_role("button", name="Update the index"))
    page.get_by_text(re.compile("Index updated: ")).first.wait_for()
    hands.kept("keep")
    hands.leave(drawer)


def queue(hands: Hands) -> None:
    """The duplicates that the collection holds already, and a decision taken back."""
    page = hands.page
    hands.press(page.get_by_role("link", name="Duplicates"))
    page.locator("#pair").wait_for()
    first = re.compile("(Pair|Group) 1 of ")
    page.locator("#queue-text", has_text=first).wait_for()
    before = page.locator("#pair-panes").inner_text()
    hands.kept("decide-queue")
    if hands.keys:
        page.keyboard.press("2")
    else:
        hands.press(page.locator("#pair-decide").get_by_role("button", name="Colourway"))
    page.locator("#queue-text", has_not_text=first).wait_for()
    if hands.keys:
        page.keyboard.press("u")
    else:
        hands.press(page.get_by_role("button", name="Undo"))
    page.locator("#queue-text", has_text=first).wait_for()
    assert page.locator("#pair-panes").inner_text() == before
