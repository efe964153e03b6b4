"""Pictures that only share a template are told from edited copies."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image, ImageDraw

from image_search.duplicates.fingerprints import (
    SharedPart,
    difference,
    fingerprint,
    match,
    replaced_region,
)
from image_search.duplicates.fingerprints.agreement import shared_part
from image_search.imaging.arrays import Pixels
from image_search.imaging.edits import INVERTED, KINDS, MEDIUM, MILD, edited
from tests.drawing import ornate
from tests.fingerprints.pictures import busy, sheet


def framed(number: int) -> Pixels:
    """A picture in a frame with ornaments."""
    page = Image.fromarray(np.array(busy(50)))
    page.paste(Image.fromarray(busy(number)).resize((220, 150)), (50, 45))
    return np.asarray(page)


def with_a_chain(number: int) -> Pixels:
    """A sheet in black on white, with a thin golden line of its own in the middle."""
    page = Image.new("RGB", (640, 480), "white")
    draw = ImageDraw.Draw(page)
    rng = np.random.default_rng(7)
    for row in range(12):
        for left in range(10, 620, 28):
            if not (90 < left < 540 and 2 <= row < 10):
                wide, high = rng.integers(6, 24, 2).tolist()
                draw.rectangle((left, 8 + row * 40, left + wide, 8 + row * 40 + high), fill="black")
    corners = np.random.default_rng(number).integers((130, 110), (500, 370), (7, 2))
    draw.line([(x, y) for x, y in corners.tolist()], (226, 190, 110), 7)
    return np.asarray(page)


def result(query: Pixels, other: Pixels) -> SharedPart | None:
    found = match(fingerprint(query), fingerprint(other))
    return None if found is None else shared_part(query, other, found)


def test_two_sheets_share_their_layout() -> None:
    part = result(sheet(1), sheet(2))

    assert part is not None
    assert part.words() == "shares the page layout, with other content"
    for outline in (part.outline_query, part.outline_other):
        x, y = np.mean(outline, axis=0)
        assert (x, y) == pytest.approx((0.31, 0.49), abs=0.12)
    assert result(sheet(1), sheet(1)) is None


def test_two_pictures_in_one_frame_share_a_part() -> None:
    part = result(framed(1), framed(2))

    assert part is not None
    assert result(framed(1), framed(1)) is None


def test_a_colour_that_nothing_shared_has_counts_as_well() -> None:
    """No fit of the colours to what is shared may take it for paper."""
    for one, other in ((1, 2), (2, 3), (3, 1)):
        assert result(with_a_chain(one), with_a_chain(other)) is not None
    assert result(with_a_chain(1), with_a_chain(1)) is None


def test_what_is_shared_is_reported_with_its_share() -> None:
    assert SharedPart(0.123, False, (), ()).words() == "shares a part: 12 % of the picture"
    assert SharedPart(0.004, False, (), ()).words() == "shares a part: less than 1 % of the picture"


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != INVERTED])
@pytest.mark.parametrize("seed", range(2))
def test_an_edited_copy_shares_no_mere_part(kind: str, seed: int) -> None:
    strength = MILD if kind in {"recoloured", "grey", "captioned"} else MEDIUM
    for pixels in (busy(1), np.asarray(ornate(1)), sheet(1)):
        copy = edited(pixels, kind, strength, np.random.default_rng(seed), backdrop=busy(99))
        found = match(fingerprint(copy), fingerprint(pixels))
        if found is not None and found.score > 5:
            assert shared_part(copy, pixels, found) is None
            assert difference(copy, pixels, found) is None


def test_what_is_laid_once_is_judged_as_if_laid_twice() -> None:
    for one, other in ((sheet(1), sheet(2)), (framed(1), framed(2)), (busy(1), busy(1)[:180, 40:])):
        found = match(fingerprint(one), fingerprint(other))
        assert found is not None
        part = replaced_region(one, other, found)
        whole = part is not None and min(found.of_query, found.of_other) > 0.8
        expected = part if whole else shared_part(one, other, found) or part
        assert difference(one, other, found) == expected


def test_what_hardly_overlaps_is_not_judged() -> None:
    found = match(fingerprint(busy(1)), fingerprint(busy(1)))
    assert found is not None
    tiny = np.full((12, 12, 3), 90, np.uint8)
    assert shared_part(tiny, tiny, found) is None
