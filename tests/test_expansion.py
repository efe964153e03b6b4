"""What the first answers to a drawing say about the others, against the same mean taken plainly."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from image_search.calibration import Calibration, fit
from image_search.expansion import expansion, heard
from image_search.extractors.base import Floats, unit_rows
from image_search.fusion import Layout, stored_vectors
from image_search.weighting import PHOTO, SKETCH

LAYOUT = Layout(("design", "edges", "hsv"), (6, 10, 4))
SHARES = {"design": 0.4, "edges": 0.6}


def collection(count: int = 60, seed: int = 0) -> tuple[dict[str, Floats], Calibration]:
    """Centred unit blocks by extractor, and what they were centred by."""
    dice = np.random.default_rng(seed)
    blocks = {
        name: unit_rows(dice.normal(0.2, 1, (count, dim)).astype(np.float32))
        for name, dim in zip(LAYOUT.names, LAYOUT.dims, strict=True)
    }
    vectors = stored_vectors(LAYOUT, blocks)
    calibration = fit(LAYOUT, vectors, count)
    centred = calibration.centred(vectors) * np.float32(np.sqrt(3))
    return {name: centred[:, place] for name, place in LAYOUT.slices().items()}, calibration


BLOCKS, CALIBRATION = collection()


def test_photos_and_small_collections_are_ranked_by_the_plain_sum() -> None:
    assert not heard(CALIBRATION, PHOTO, SHARES)
    assert not heard(Calibration.none(LAYOUT), SKETCH, SHARES)
    assert list(heard(CALIBRATION, SKETCH, SHARES)) == ["design"]
    assert not heard(CALIBRATION, SKETCH, {"design": 0.0, "edges": 1.0})


@given(st.integers(0, 50), st.integers(1, 5))
def test_the_expansion_is_the_mean_of_what_the_first_answers_show(start: int, few: int) -> None:
    first = {"design": BLOCKS["design"][start : start + few]}
    scores = np.linspace(0.9, 0.3, few, dtype=np.float32)
    said = expansion(SHARES, first, scores)
    assert said is not None

    mean = scores @ first["design"] / scores.sum()
    cosines = BLOCKS["design"] @ mean / np.linalg.norm(mean)
    assert said.likeness(BLOCKS) == pytest.approx(cosines, abs=1e-4)
    # At most as much as the network itself, less where the answers do not agree.
    assert 0 < said.weight <= SHARES["design"]
    alone = expansion(SHARES, {"design": first["design"][:1]}, scores[:1])
    assert alone is not None
    assert said.weight == pytest.approx(alone.weight * np.linalg.norm(mean), rel=1e-4)
    assert 0 < said.share < 1


def test_answers_that_score_nothing_or_no_network_say_nothing() -> None:
    first = {"design": BLOCKS["design"][:3]}
    assert expansion(SHARES, first, np.array([-0.1, 0, -1], np.float32)) is None
    assert expansion(SHARES, {}, np.ones(3, np.float32)) is None
    opposite = {"design": np.concatenate([first["design"][:1], -first["design"][:1]])}
    assert expansion(SHARES, opposite, np.ones(2, np.float32)) is None
