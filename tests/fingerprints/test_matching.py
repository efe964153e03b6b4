"""An edited copy is known for what it is, with what was done to it; another picture is not."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from image_search.duplicates.fingerprints import Fingerprint, Match, fingerprint, match
from image_search.duplicates.fingerprints.descriptors import mirrored
from image_search.duplicates.fingerprints.geometry import area, frame, overlap
from image_search.imaging.arrays import Pixels
from image_search.imaging.edits import INVERTED, KINDS, MEDIUM, MILD, STRONG, edited
from tests.fingerprints.pictures import busy, flat

# What two different pictures of these tests never reach.
SURE = 5.0

# A negative is compared as such; see test_inverted.
POSITIVE = [kind for kind in KINDS if kind != INVERTED]


def score(query: Pixels, other: Pixels) -> float:
    found = match(fingerprint(query), fingerprint(other))
    return 0.0 if found is None else found.score


def found(query: Pixels, other: Pixels) -> Match:
    result = match(fingerprint(query), fingerprint(other))
    assert result is not None
    return result


@pytest.mark.parametrize("kind", POSITIVE)
def test_an_edited_copy_is_surer_than_any_other_picture(kind: str) -> None:
    # Turning the hue of so garish pictures leaves little of their greys.
    strength = MILD if kind in {"recoloured", "grey"} else MEDIUM
    own = edited(busy(1), kind, strength, np.random.default_rng(0), backdrop=busy(99))
    copy, others = fingerprint(own), [fingerprint(busy(seed)) for seed in range(2, 8)]
    least = match(copy, fingerprint(busy(1)))
    assert least is not None
    for other in others:
        wrong = match(copy, other)
        assert wrong is None or wrong.score < least.score
        assert wrong is None or wrong.score < SURE
    if kind != "rephotographed":
        assert least.score > SURE


@pytest.mark.parametrize("turns", range(4))
@pytest.mark.parametrize("flip", [False, True])
def test_turns_and_mirrors_are_reported(turns: int, flip: bool) -> None:
    picture = busy(3)
    changed = picture[:, ::-1] if flip else picture
    changed = np.ascontiguousarray(np.rot90(changed, -turns))
    answer = found(changed, picture)
    assert answer.mirrored == flip
    assert abs((answer.rotation - 90 * turns + 180) % 360 - 180) < 1
    assert answer.of_query == pytest.approx(1, abs=0.02)
    assert answer.of_other == pytest.approx(1, abs=0.02)
    assert ("mirrored" in answer.words()) == flip
    assert ("turned" in answer.words()) == (turns != 0)


def test_a_crop_is_reported_with_its_place() -> None:
    picture = busy(4)
    answer = found(np.ascontiguousarray(picture[60:240, 80:320]), picture)
    assert answer.of_other == pytest.approx(0.5625, abs=0.03)
    assert answer.of_query == pytest.approx(1, abs=0.03)
    left = min(x for x, _ in answer.outline_other)
    top = min(y for _, y in answer.outline_other)
    assert (left, top) == pytest.approx((0.25, 0.25), abs=0.02)
    assert "cropped to 5" in answer.words()


def test_a_pasted_picture_is_reported_with_its_place() -> None:
    picture, page = busy(5), busy(6).repeat(2, axis=0).repeat(2, axis=1).copy()
    page[200:440, 300:620] = picture
    answer = found(page, picture)
    assert answer.of_query == pytest.approx(0.25, abs=0.03)
    assert answer.of_other == pytest.approx(1, abs=0.03)
    x, y = np.mean(answer.outline_query, axis=0)
    assert (x, y) == pytest.approx((460 / 640, 320 / 480), abs=0.03)


def test_a_mirrored_crop_is_outlined_where_it_lies() -> None:
    picture = busy(4)
    answer = found(np.ascontiguousarray(picture[:, :200][:, ::-1]), picture)
    assert answer.mirrored
    assert max(x for x, _ in answer.outline_other) == pytest.approx(200 / 320, abs=0.03)
    assert max(x for x, _ in answer.outline_query) == pytest.approx(1, abs=0.03)


def test_pictures_with_nothing_to_recognise_are_compared_by_eye() -> None:
    copy = edited(flat(1), "recompressed", STRONG, np.random.default_rng(0))
    others = [score(flat(seed), flat(1)) for seed in range(2, 12)]
    assert score(copy, flat(1)) > max(others)
    assert score(np.ascontiguousarray(np.rot90(copy)), flat(1)) > max(others)


@pytest.mark.parametrize("size", [(1, 1), (1, 400), (3, 2), (40, 40), (900, 20)])
def test_any_size_has_a_fingerprint(size: tuple[int, int]) -> None:
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (*size, 3)).astype(np.uint8)
    made = fingerprint(pixels)
    assert made.aspect == size[1] / size[0]
    assert made.points.shape == (len(made.descriptors), 4)
    assert np.isfinite(made.points).all()
    match(made, fingerprint(busy(1)))
    match(fingerprint(busy(1)), made)


def test_one_colour_is_like_nothing() -> None:
    for level in (0, 200):
        plain = np.full((100, 100, 3), level, np.uint8)
        assert score(plain, busy(1)) < SURE


def test_the_same_pixels_give_the_same_fingerprint() -> None:
    one, two = fingerprint(busy(7)), fingerprint(busy(7).copy())
    assert np.array_equal(one.points, two.points)
    assert np.array_equal(one.descriptors, two.descriptors)


def test_mirroring_a_fingerprint_is_mirroring_the_picture() -> None:
    of_pixels = fingerprint(np.ascontiguousarray(busy(8)[:, ::-1]))
    made = fingerprint(busy(8)).mirrored
    assert np.bitwise_count(made.hashes ^ of_pixels.hashes).max() <= 2
    assert np.abs(made.preview.astype(int) - of_pixels.preview).max() <= 1
    answer = match(of_pixels, made)
    assert answer is not None
    assert not answer.mirrored
    assert answer.inliers > 0.8 * len(of_pixels.points)


@given(st.binary(min_size=16, max_size=16))
def test_mirroring_descriptors_twice_is_nothing(bits: bytes) -> None:
    one = np.frombuffer(bits, np.uint8).reshape(1, 16)
    assert np.array_equal(mirrored(mirrored(one)), one)
    assert np.unpackbits(mirrored(one)).sum() == np.unpackbits(one).sum()


sides = st.floats(0.1, 1.0)


@given(sides, sides, st.floats(-0.9, 0.9), st.floats(-0.9, 0.9))
def test_shared_rectangles_are_exact(width: float, height: float, x: float, y: float) -> None:
    shared = area(overlap(frame((width, height)) + np.array([x, y]), frame((1.0, 1.0))))
    wide = max(0.0, min(1.0, x + width) - max(0.0, x))
    high = max(0.0, min(1.0, y + height) - max(0.0, y))
    assert shared == pytest.approx(wide * high, abs=1e-9)


def test_a_picture_seen_at_an_angle_is_outlined_in_perspective() -> None:
    picture = busy(9)
    corners = np.array([[0, 0], [320, 0], [320, 240], [0, 240]], np.float32)
    seen = np.array([[20, 10], [300, 30], [310, 220], [10, 235]], np.float32)
    way = cv2.getPerspectiveTransform(corners, seen)
    answer = found(np.asarray(cv2.warpPerspective(picture, way, (320, 240)), np.uint8), picture)
    assert np.array(answer.outline_query) * [320, 240] == pytest.approx(seen, abs=4)


def test_words_say_nothing_of_what_was_not_done() -> None:
    same = found(busy(2), busy(2))
    assert same.words() == "same picture"
    assert isinstance(fingerprint(busy(2)), Fingerprint)
