"""Another part in the same picture is told from what edits do to it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from image_search.duplicates.fingerprints import ReplacedRegion, fingerprint, match, replaced_region
from image_search.duplicates.fingerprints.geometry import stretches
from image_search.imaging.arrays import Pixels
from image_search.imaging.edits import INVERTED, KINDS, MEDIUM, MILD, STRONG, edited
from tests.fingerprints.pictures import busy, flat
from tests.fingerprints.renderings import CHARM, SHAPES, SIDE, necklace

# A negative is compared as such; see test_inverted.
POSITIVE = [kind for kind in KINDS if kind != INVERTED]


def result(query: Pixels, other: Pixels) -> ReplacedRegion | None:
    found = match(fingerprint(query), fingerprint(other))
    assert found is not None
    return replaced_region(query, other, found)


@pytest.mark.parametrize("charm", [name for name in SHAPES if name != "drop"])
def test_another_charm_is_told_and_outlined(charm: str) -> None:
    part = result(necklace(charm), necklace("drop"))

    assert part is not None
    assert 0.005 < part.share < 0.06
    assert "another part: " in part.words()
    left, top, right, bottom = (value / SIDE for value in CHARM)
    for outline in (part.outline_query, part.outline_other):
        xs, ys = zip(*outline, strict=True)
        assert (min(xs), min(ys)) == pytest.approx((left, top), abs=0.08)
        assert (max(xs), max(ys)) == pytest.approx((right, bottom), abs=0.08)


@pytest.mark.parametrize("kind", ["mirrored", "turned", "resized", "lighter", "framed"])
def test_another_charm_is_told_in_an_edited_copy(kind: str) -> None:
    copy = edited(necklace("cross"), kind, MILD, np.random.default_rng(0))

    part = result(copy, necklace("drop"))

    assert part is not None
    x, y = np.mean(part.outline_other, axis=0)
    assert (x, y) == pytest.approx((0.5, (CHARM[1] + CHARM[3]) / 2 / SIDE), abs=0.06)


@pytest.mark.parametrize("shift", range(-2, 3))
def test_what_two_charms_share_is_not_what_surrounds_them(shift: int) -> None:
    """Where a cross overlaps a drop both show metal; whether that is a hole or a bay hangs on
    single pixels, and the result must not."""
    moved = np.roll(necklace("cross"), shift, axis=(0, 1))

    part = result(moved, necklace("drop"))

    assert part is not None
    assert 0.005 < part.share < 0.06


@pytest.mark.parametrize("kind", POSITIVE)
@pytest.mark.parametrize("picture", ["necklace", "busy"])
def test_an_edit_is_no_other_part(kind: str, picture: str) -> None:
    pixels = necklace("bow") if picture == "necklace" else busy(1)
    strength = MILD if kind in {"recoloured", "grey"} else MEDIUM
    copy = edited(pixels, kind, strength, np.random.default_rng(0), backdrop=busy(99))

    assert result(copy, pixels) is None


@pytest.mark.parametrize("seed", range(4))
def test_a_badge_is_no_other_part_wherever_it_lies(seed: int) -> None:
    pixels = necklace("drop")
    for strength in (MILD, STRONG):
        assert (
            result(edited(pixels, "stamped", strength, np.random.default_rng(seed)), pixels) is None
        )


def test_what_is_only_added_or_taken_away_is_an_edit() -> None:
    with_charm = necklace("drop")
    without = with_charm.copy()
    without[CHARM[1] : CHARM[3], CHARM[0] : CHARM[2]] = (246, 244, 240)

    assert result(without, with_charm) is None
    assert result(with_charm, without) is None


@pytest.mark.parametrize("size", [(8, 8), (30, 4), (60, 60)])
def test_pictures_too_small_to_compare_have_no_other_part(size: tuple[int, int]) -> None:
    found = match(fingerprint(flat(1)), fingerprint(flat(1)))
    assert found is not None
    pixels = np.full((*size, 3), 90, np.uint8)
    assert replaced_region(pixels, pixels, found) is None


def test_small_shares_are_not_told_as_nothing() -> None:
    assert ReplacedRegion(0.001, (), ()).words() == "another part: less than 1 % of it differs"
    assert ReplacedRegion(0.063, (), ()).words() == "another part: 6 % of it differs"


numbers = st.floats(-5, 5)


@given(numbers, numbers, numbers, numbers)
def test_stretches_are_the_singular_values(a: float, b: float, c: float, d: float) -> None:
    linear = np.array([[a, b], [c, d]])
    large, small = stretches(linear)
    assert (large, abs(small)) == pytest.approx(np.linalg.svd(linear, compute_uv=False), abs=1e-6)
    assert small * np.linalg.det(linear) >= -1e-9
