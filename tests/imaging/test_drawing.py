"""Sketches drawn here, laid on every kind of paper, against the clean sketch."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from benchmarks.paper_kinds import KINDS, Grey, lay
from image_search.imaging.arrays import Floats, Pixels
from image_search.imaging.sheets.drawing import PreparedDrawing, prepare_drawing
from image_search.imaging.sheets.paper import find_sheet

SIDE = 256


def sketch(seed: int = 0) -> Grey:
    """A vessel with a handle and some leaves, in uneven strokes, (256, 256) dark on white."""
    rng = np.random.default_rng(seed)
    page = np.full((SIDE, SIDE), 255, np.uint8)
    x, y = rng.integers(110, 145, 2)
    wide, tall = rng.integers(45, 75, 2)
    for centre, axes, start, end in (
        ((x, y), (wide, tall), 20, 340),
        ((x, y - tall // 2), (wide // 2, tall // 5), 0, 360),
        ((x + wide, y), (wide // 3, tall // 2), -110, 110),
    ):
        place = tuple(map(int, centre))
        cv2.ellipse(page, place, tuple(map(int, axes)), 0, start, end, 30, 2, cv2.LINE_AA)
    for _ in range(4):
        ends = np.array([x, y], np.float32) * 0.6 + rng.normal(0, 14, (4, 2)).cumsum(axis=0)
        cv2.polylines(page, [ends.astype(np.int32)], False, 40, 2, cv2.LINE_AA)
    return page


def strokes(pixels: Pixels | Grey) -> Floats:
    """Ink cut out and made (64, 64), blurred, so that shift by a pixel does not matter."""
    grey = pixels if pixels.ndim == 2 else pixels[..., 0]
    ys, xs = np.nonzero(grey < 150)
    cut = grey[ys.min() : ys.max() + 1, xs.min() : xs.max() + 1]
    small = cv2.resize(255 - cut, (64, 64), interpolation=cv2.INTER_AREA).astype(np.float32)
    return np.asarray(cv2.GaussianBlur(small, (0, 0), 1.5), np.float32)


def likeness(one: Pixels | Grey, other: Pixels | Grey) -> float:
    return float(np.corrcoef(strokes(one).ravel(), strokes(other).ravel())[0, 1])


def prepared(pixels: Pixels) -> PreparedDrawing:
    found = prepare_drawing(pixels)
    assert found is not None
    assert found.score > 0.5
    return found


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("kind", KINDS)
def test_what_is_drawn_on_any_paper_comes_out_as_drawn(kind: str, seed: int) -> None:
    found = prepared(lay(kind, sketch(seed), seed))
    assert np.median(found.pixels) == 255  # white paper
    assert found.pixels.min() < 60  # dark ink
    assert (found.pixels[..., 0] == found.pixels[..., 2]).all()
    assert likeness(found.pixels, sketch(seed)) > 0.75


@pytest.mark.parametrize(
    ("kind", "step"),
    [
        ("squared", "ruled lines removed"),
        ("dotted", "dots removed"),
        ("blackboard", "light ink on dark paper inverted"),
        ("on a desk", "the sheet cut out and laid flat"),
    ],
)
def test_what_was_done_is_stated(kind: str, step: str) -> None:
    assert step in prepared(lay(kind, sketch(), 0)).steps
    assert step not in prepared(lay("white", sketch(), 0)).steps


@pytest.mark.parametrize("gap", [10, 16])
def test_a_stroke_along_a_ruling_stays(gap: int) -> None:
    page = np.full((SIDE, SIDE), 255, np.uint8)
    outline = np.array([(61, 81), (61, 221), (191, 222), (190, 80), (125, 30), (61, 81)], np.int32)
    cv2.polylines(page, [outline], False, 40, 2, cv2.LINE_AA)
    paper = np.full((SIDE, SIDE, 3), 251, np.uint8)
    paper[6::gap] = paper[:, 6::gap] = (165, 195, 215)
    found = prepared(np.minimum(paper, page[..., None]))
    assert found.steps == ("ruled lines removed",)
    assert likeness(found.pixels, page) > 0.9


def test_lines_that_are_drawn_stay() -> None:
    """Joints between tiles, which end with the drawing, well before the edges of the sheet."""
    page = np.full((SIDE, SIDE), 255, np.uint8)
    for at in range(28, 230, 40):
        cv2.line(page, (20, at), (236, at + 1), 30, 2, cv2.LINE_AA)
        cv2.line(page, (at, 20), (at + 1, 236), 30, 2, cv2.LINE_AA)
    for x in range(48, 220, 40):
        for y in range(48, 220, 40):
            cv2.ellipse(page, (x, y), (13, 9), x + y, 0, 340, 60, 1, cv2.LINE_AA)

    found = prepared(lay("white", page, 0))

    assert "ruled lines removed" not in found.steps
    assert likeness(found.pixels, page) > 0.95


def test_a_pattern_that_is_cut_is_no_binding() -> None:
    """Where a repeat is cut off, small marks follow each other along an edge, as holes do."""
    page = np.full((SIDE, SIDE), 255, np.uint8)
    for number, y in enumerate(range(30, 230, 24)):
        cv2.ellipse(page, (110, y), (70, 9), 0, 0, 360, 40, 2, cv2.LINE_AA)
        for shift in (0, 7 + number % 3):
            cv2.line(page, (232, y + shift), (234, y + shift + 4), 30, 2, cv2.LINE_AA)

    found = prepared(lay("white", page, 0))

    assert "the strip with holes cut off" not in found.steps
    assert likeness(found.pixels, page) > 0.9


def test_a_clean_drawing_stays_as_it_was_framed() -> None:
    page = np.dstack([sketch()] * 3)
    found = prepared(page)
    assert found.steps == ()
    assert found.box == (0.0, 0.0, 1.0, 1.0)
    assert found.pixels.shape == page.shape
    assert float(np.abs(found.pixels.astype(int) - page).mean()) < 3


def test_a_scanners_border_is_dropped() -> None:
    scan = np.full((420, 400, 3), 14, np.uint8)
    scan[90 : 90 + SIDE, 70 : 70 + SIDE] = sketch()[..., None]
    found = prepared(scan)
    assert found.steps[0] == "the sheet cut out and laid flat"
    assert found.box == pytest.approx((70 / 400, 90 / 420, 256 / 400, 256 / 420), abs=0.03)
    assert likeness(found.pixels, sketch()) > 0.8


def test_a_small_drawing_is_cut_out_and_centred() -> None:
    page = np.full((700, 700, 3), 255, np.uint8)
    small = cv2.resize(sketch(), (180, 180), interpolation=cv2.INTER_AREA)
    page[500:680, 10:190] = small[..., None]
    found = prepared(page)
    assert found.steps == ("cropped to the drawing",)
    left, top, width, height = found.box
    assert left < 0.27
    assert top > 0.6
    assert max(width, height) < 0.4
    ys, xs = np.nonzero(found.pixels[..., 0] < 150)
    middle = (np.array([ys.min() + ys.max(), xs.min() + xs.max()]) / 2) / found.pixels.shape[:2]
    assert middle == pytest.approx((0.5, 0.5), abs=0.03)


def test_a_small_drawing_is_taken_from_all_the_pixels_there_are() -> None:
    page = np.full((2000, 1500, 3), 250, np.uint8)
    page[1500 : 1500 + SIDE, 200 : 200 + SIDE] = sketch()[..., None]
    found = prepared(page)
    assert found.steps == ("cropped to the drawing",)
    # A sheet is worked on at 480 pixels, where this drawing would have some 40.
    ys, xs = np.nonzero(found.pixels[..., 0] < 150)
    assert max(np.ptp(ys), np.ptp(xs)) > 120
    assert likeness(found.pixels, sketch()) > 0.9


def test_what_is_filled_in_stays_filled() -> None:
    page = np.dstack([sketch()] * 3)
    cv2.ellipse(page, (64, 200), (34, 24), 20, 0, 360, (30, 30, 30), -1, cv2.LINE_AA)
    found = prepared(page)
    assert found.pixels[190:210, 54:74].max() < 60
    assert np.median(found.pixels) == 255


@pytest.mark.parametrize("kind", ["ruled", "squared"])
def test_what_is_filled_in_stays_filled_on_ruled_paper_without_the_rulings(kind: str) -> None:
    page = sketch()
    cv2.ellipse(page, (64, 200), (34, 24), 20, 0, 360, 30, -1, cv2.LINE_AA)
    found = prepared(lay(kind, page, 0))
    assert found.steps == ("ruled lines removed",)
    scale = found.pixels.shape[0] / SIDE
    top, bottom, left, right = (round(scale * end) for end in (194, 206, 58, 70))
    assert np.median(found.pixels[top:bottom, left:right]) < 60
    assert likeness(found.pixels, page) > 0.75


def test_the_shadow_of_a_hand_is_not_filled_in() -> None:
    page = np.dstack([sketch()] * 3).astype(np.float32)
    hand = np.zeros((SIDE, SIDE), np.float32)
    cv2.ellipse(hand, (64, 200), (34, 24), 20, 0, 360, 1.0, -1)
    page *= (1 - 0.4 * cv2.GaussianBlur(hand, (0, 0), 8))[..., None]
    found = prepared(page.astype(np.uint8))
    assert found.pixels[195:205, 60:68].min() > 200


def test_dense_and_broad_strokes_are_the_ink_not_what_lies_between() -> None:
    # A door under an arch, of planks, with a marker.
    page = np.full((SIDE, SIDE), 245, np.uint8)
    cv2.ellipse(page, (128, 110), (42, 50), 0, 180, 360, 40, 9, cv2.LINE_AA)
    for n, x in enumerate(range(86, 176, 14)):
        top = 110 - round(50 * np.sqrt(max(0, 1 - ((x - 128) / 42) ** 2)))
        cv2.line(page, (x, top), (x + n % 3, 200 + n % 4), 40, 9, cv2.LINE_AA)
    cv2.line(page, (80, 196), (176, 198), 40, 9, cv2.LINE_AA)
    found = prepare_drawing(np.dstack([page] * 3), declared=True)
    assert found is not None
    assert found.steps == ()
    assert likeness(found.pixels, page) > 0.9


def test_the_strip_of_a_binding_is_cut_off() -> None:
    found = prepared(lay("spiral bound", sketch(), 0))
    assert found.steps == ("the strip with holes cut off",)
    assert 0.05 < found.box[0] < 0.12
    assert found.box[0] + found.box[2] == pytest.approx(1)


@pytest.mark.parametrize("proportions", [0.707, 1.0, 1.414])
def test_a_sheet_keeps_its_proportions_whatever_the_angle(proportions: float) -> None:
    # A camera that looks down at an angle of 35 degrees, and is turned by 10 about its axis.
    width, height, focal = 960, 720, 0.75 * 960
    flat = np.array([(-1, -1), (1, -1), (1, 1), (-1, 1)], np.float64)
    flat *= np.array([np.sqrt(proportions), 1 / np.sqrt(proportions)])
    tilt, turn = np.radians(35), np.radians(10)
    x, y, far = flat[:, 0], flat[:, 1] * np.cos(tilt), 3.0 - flat[:, 1] * np.sin(tilt)
    seen = np.stack([x * np.cos(turn) - y * np.sin(turn), x * np.sin(turn) + y * np.cos(turn)])
    corners = (focal * seen / far).T + np.array([width / 2, height / 2])
    picture = np.full((height, width, 3), (90, 60, 40), np.uint8)
    cv2.fillConvexPoly(picture, np.round(corners).astype(np.int32), (240, 238, 230))
    sheet = find_sheet(picture)
    assert sheet is not None
    down, across = sheet.flat(picture).shape[:2]
    assert across / down == pytest.approx(proportions, rel=0.05)


def test_notes_and_dimensions_are_set_apart() -> None:
    page = np.full((400, 460), 255, np.uint8)
    page[40 : 40 + SIDE, 40 : 40 + SIDE] = sketch()
    for row, text in enumerate(("14k white", "band 2.1", "no. 77")):
        place = (335, 80 + 30 * row)
        cv2.putText(page, text, place, cv2.FONT_HERSHEY_SIMPLEX, 0.6, 40, 1, cv2.LINE_AA)
    for ends in (((60, 340), (270, 340)), ((270, 340), (60, 340))):
        cv2.arrowedLine(page, *ends, 40, 1, cv2.LINE_AA, tipLength=0.06)
    cv2.putText(page, "38 mm", (130, 375), cv2.FONT_HERSHEY_SIMPLEX, 0.6, 40, 1, cv2.LINE_AA)
    found = prepared(np.dstack([page] * 3))
    assert "notes set apart" in found.steps
    assert len(found.parts) == 1
    assert likeness(found.pixels, sketch()) > 0.8


def test_several_drawings_are_parts_the_largest_first() -> None:
    page = np.full((SIDE, 2 * SIDE + 60), 255, np.uint8)
    page[:, :SIDE] = sketch(1)
    small = cv2.resize(sketch(2), (200, 200), interpolation=cv2.INTER_AREA)
    page[30:230, SIDE + 80 : SIDE + 280] = small
    found = prepared(np.dstack([page] * 3))
    assert len(found.parts) == 2
    one, other = found.parts
    assert one[0] + one[2] < 0.5 < other[0]
    assert one[2] * one[3] > other[2] * other[3]


def test_a_declared_drawing_needs_ink_and_paper() -> None:
    bare = np.full((120, 160, 3), 250, np.uint8)
    assert prepare_drawing(bare, declared=True) is None
    busy = np.random.default_rng(0).integers(0, 256, (30, 40, 3), dtype=np.uint8)
    busy = np.asarray(cv2.resize(busy, (320, 240), interpolation=cv2.INTER_NEAREST), np.uint8)
    assert prepare_drawing(busy, declared=True) is None


def rendering(seed: int) -> Pixels:
    """A few shaded solids before a backdrop that gets darker downwards."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:240, :320].astype(np.float32)
    picture = rng.integers(120, 250, 3).astype(np.float32) * (1.1 - y / 600)[..., None]
    for _ in range(4):
        across, down, radius = rng.integers(60, 260), rng.integers(60, 180), rng.integers(25, 70)
        inside = (x - across) ** 2 + (y - down) ** 2 < radius**2
        light = 0.5 + 0.5 * np.clip(1 - np.hypot(x - across + 15, y - down + 15) / radius, 0, 1)
        picture = np.where(
            inside[..., None],
            rng.integers(30, 255, 3).astype(np.float32) * light[..., None],
            picture,
        )
    return np.asarray(np.clip(picture, 0, 255), np.uint8)


@pytest.mark.parametrize("seed", range(20))
def test_a_rendering_is_no_drawing(seed: int) -> None:
    assert prepare_drawing(rendering(seed)) is None


def test_a_filled_logo_is_no_drawing() -> None:
    logo = np.full((240, 240, 3), 255, np.uint8)
    cv2.circle(logo, (120, 120), 90, (20, 60, 140), -1, cv2.LINE_AA)
    cv2.rectangle(logo, (90, 60), (150, 180), (240, 180, 40), -1)
    assert prepare_drawing(logo) is None
