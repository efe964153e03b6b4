"""A negative is the same picture, and its fingerprint follows from that of the picture."""

from __future__ import annotations

import numpy as np
import pytest

from image_search.duplicates.fingerprints import difference, fingerprint, match, match_inverted
from image_search.duplicates.fingerprints.hashing import hash_distances
from image_search.imaging.edits import INVERTED, MILD, STRENGTHS, edited
from tests.fingerprints.pictures import busy, flat

SURE = 5.0


@pytest.mark.parametrize("strength", range(len(STRENGTHS)))
def test_a_negative_is_reported_as_one(strength: int) -> None:
    copy = edited(busy(1), INVERTED, strength, np.random.default_rng(0))

    found = match_inverted(fingerprint(copy), fingerprint(busy(1)))

    assert found is not None
    assert found.score > SURE
    assert found.inverted
    assert found.words().startswith("same picture, inverted")
    assert difference(copy, busy(1), found) is None


def test_a_mirrored_negative_is_reported_as_both() -> None:
    copy = np.ascontiguousarray(255 - busy(1)[:, ::-1])

    found = match_inverted(fingerprint(copy), fingerprint(busy(1)))

    assert found is not None
    assert found.words() == "same picture, inverted, mirrored"


def test_other_pictures_and_the_picture_itself_are_no_negatives() -> None:
    own = fingerprint(busy(1))
    for other in (own, *(fingerprint(busy(seed)) for seed in range(2, 8))):
        found = match_inverted(own, other)
        assert found is None or found.score < SURE
    plain = match(own, own)
    assert plain is not None
    assert not plain.inverted


@pytest.mark.parametrize("picture", [busy(3), flat(3)], ids=["busy", "flat"])
def test_the_fingerprint_of_the_negative_needs_no_pixels(picture: np.ndarray) -> None:
    made = fingerprint(edited(picture, INVERTED, MILD, np.random.default_rng(0)))
    turned = fingerprint(picture).inverted

    assert hash_distances(made.hashes, turned.hashes).max() <= 2
    assert np.abs(made.preview.astype(int) - turned.preview).max() <= 1
    found = match(made, turned)
    assert found is not None
    assert found.rotation == pytest.approx(0, abs=1) or found.rotation == pytest.approx(360, abs=1)
    again = fingerprint(picture).inverted.inverted
    assert (again.descriptors == fingerprint(picture).descriptors).all()
    assert (again.preview == fingerprint(picture).preview).all()
