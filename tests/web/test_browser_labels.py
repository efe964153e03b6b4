"""Labels on the page: learnt in the panel, corrected in the large view, searched by."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.web.browsing import shown

if TYPE_CHECKING:
    from playwright.sync_api import Page


def test_labels_are_learnt_corrected_and_searched_by(page: Page) -> None:
    page.locator("#collection-open").click()
    panel = page.locator("#labels-panel")
    panel.get_by_text("Labels", exact=True).click()
    learn = panel.get_by_role("button", name="Learn labels")
    panel.get_by_label("Learn from").select_option("a pattern of file names")
    pattern = panel.get_by_role("textbox", name="Pattern")
    for text in ("", "gold_*.jpg"):
        pattern.fill(text)
        learn.click()
        assert pattern.evaluate("field => !field.validity.valid && field.matches(':focus')")
    panel.get_by_label("Learn from").select_option("the folder of each image")
    learn.click()
    panel.get_by_text("Learnt 2 labels from 8 images").wait_for()
    panel.get_by_role("link", name="warm").click()
    shown(page, "images")
    assert "label" in page.get_by_label("In words").input_value()

    page.locator(".hit .picture").first.click()
    viewer = page.locator("#viewer-labels")
    viewer.get_by_text("Labels", exact=True).click()
    viewer.get_by_label("Add a label").fill("Cmsignet")  # C and M are keys of the large view
    viewer.get_by_role("button", name="Add").click()
    viewer.get_by_text("Saved: this is Cmsignet.").wait_for()
    assert page.locator("#viewer").is_visible()
    assert not page.locator("#viewer-pick").is_checked()
    viewer.get_by_role("button", name="No, this is not warm").click()
    viewer.get_by_text("not this").wait_for()
    viewer.get_by_role("button", name="Undo: warm, not this").click()
    viewer.get_by_role("button", name="No, this is not warm").wait_for()
    page.keyboard.press("Escape")

    page.get_by_label("In words").fill("")
    page.locator("#filters summary").click()
    page.get_by_label("Label", exact=True).fill("Cmsignet")
    page.keyboard.press("Enter")
    shown(page, "1 image")  # a label asks by itself
    page.wait_for_url("**label=Cmsignet*")
    page.get_by_label("In words").fill("jpg")
    page.keyboard.press("Enter")
    shown(page, "1 image")
