"""Query expansion, against the same computed plainly."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from image_search.extractors.base import unit_rows
from image_search.imaging.arrays import Floats
from image_search.search.ranking.fitting import fit
from image_search.search.ranking.fusion import (
    PHOTO,
    SKETCH,
    TEXT,
    Calibration,
    Layout,
    QueryExpansion,
    active_extractors,
    stored_vectors,
)

LAYOUT = Layout(("design", "edges", "hsv"), (6, 10, 4))
EXPANSION = QueryExpansion()
FIRST = EXPANSION.kept
SHARES = {"design": 0.4, "edges": 0.6, "hsv": 0.0}


def collection(count: int = 60, seed: int = 0) -> tuple[dict[str, Floats], Calibration]:
    """Centred unit blocks by extractor, and what they were centred by."""
    rng = np.random.default_rng(seed)
    blocks = {
        name: unit_rows(rng.normal(0.2, 1, (count, dim)).astype(np.float32))
        for name, dim in zip(LAYOUT.names, LAYOUT.dims, strict=True)
    }
    vectors = stored_vectors(LAYOUT, blocks)
    calibration = fit(LAYOUT, vectors, count)
    centred = calibration.centred(vectors) * np.float32(np.sqrt(3))
    return {name: centred[:, place] for name, place in LAYOUT.slices().items()}, calibration


BLOCKS, CALIBRATION = collection()
ACTIVE = {name: BLOCKS[name] for name in ("design", "edges")}


def scored(seed: int) -> Floats:
    """The cosines of the images with one of them, moved a little."""
    asked = seed % len(BLOCKS["design"])
    noise = np.random.default_rng(seed).normal(0, 0.05, len(BLOCKS["design"]))
    cosines = sum(SHARES[name] * (rows @ rows[asked]) for name, rows in ACTIVE.items())
    return np.asarray(cosines + noise, np.float32)


def expanded_plainly(scores: Floats) -> npt.NDArray[np.float64]:
    """The scores after query expansion, an image and a number at a time."""
    joined = np.concatenate([np.sqrt(SHARES[n]) * rows for n, rows in ACTIVE.items()], axis=1)
    now = [float(score) for score in scores]
    places = sorted(range(len(now)), key=lambda image: -now[image])
    first = places[: EXPANSION.size]
    counts = {image: max(now[image], 0) ** 3 for image in first}
    mean = sum(counts[image] * joined[image] for image in first) / sum(counts.values())
    length = float(np.linalg.norm(mean))
    weight, last = EXPANSION.weight * length, now[places[FIRST - 1]]
    for image in places[FIRST:]:
        likeness = float(joined[image] @ mean) / length
        now[image] = (now[image] + weight * last * likeness) / (1 + weight)
    return np.array(now)


def test_which_extractors_are_active() -> None:
    assert list(active_extractors(CALIBRATION, PHOTO, SHARES)) == ["design", "edges"]
    assert list(active_extractors(CALIBRATION, SKETCH, SHARES)) == ["design"]
    assert not active_extractors(CALIBRATION, SKETCH, {"design": 0.0, "edges": 1.0})
    assert not active_extractors(CALIBRATION, TEXT, SHARES)
    for kind in (PHOTO, SKETCH):
        assert not active_extractors(Calibration.none(LAYOUT), kind, SHARES)


@given(st.integers(0, 1000))
def test_it_is_the_mean_of_the_first_results(seed: int) -> None:
    scores = scored(seed)
    found = EXPANSION.rerank(SHARES, ACTIVE, scores)

    assert found is not None
    assert found.of(scores) == pytest.approx(expanded_plainly(scores), abs=1e-5)
    assert found.of(scores) == pytest.approx(scores * found.stays + found.added)
    assert np.abs(found.likeness).max() <= 1 + 1e-5


@given(st.integers(0, 1000))
def test_the_very_first_keep_their_places_and_scores(seed: int) -> None:
    scores = scored(seed)
    found = EXPANSION.rerank(SHARES, ACTIVE, scores)
    assert found is not None
    after, first = found.of(scores), np.argsort(-scores)[:FIRST]

    assert np.array_equal(after[first], scores[first])
    others = np.delete(after, first)
    assert others.max() <= scores[first].min()
    # The others are put in another order.
    assert not np.array_equal(np.argsort(-after), np.argsort(-scores))


def test_few_or_poor_results_or_no_active_extractor_are_not_expanded() -> None:
    scores = scored(1)
    few = {name: rows[:FIRST] for name, rows in ACTIVE.items()}
    assert EXPANSION.rerank(SHARES, few, scores[:FIRST]) is None
    assert EXPANSION.rerank(SHARES, ACTIVE, scores - scores.max()) is None
    assert EXPANSION.rerank(SHARES, {}, scores) is None
    pairs = np.tile(BLOCKS["design"][:1], (60, 1)) * np.resize([1, -1], 60)[:, None]
    assert EXPANSION.rerank({"design": 1.0}, {"design": pairs}, np.ones(60, np.float32)) is None
