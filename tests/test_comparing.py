"""How drawings are compared with photos: about the mean of drawings, and none of them a hub."""

from __future__ import annotations

import numpy as np
import pytest

from image_search.extractors import REGISTRY
from image_search.extractors.base import unit_rows
from image_search.extractors.drawings import Drawings, Part, drawings_of
from image_search.imaging.arrays import Floats
from image_search.search.ranking.fitting import fit
from image_search.search.ranking.fusion import (
    FEWEST,
    PHOTO,
    SKETCH,
    Calibration,
    Comparison,
    Layout,
    stored_vectors,
)

EDGES = REGISTRY["edges"]
LAYOUT = Layout(("hsv", "edges"), (8, EDGES.dim))
SHARES = ((0, 0.3), (3, 0.7))
MODELS = {"hsv": "some/hsv", "edges": EDGES.model}


def rows_of(count: int, seed: int = 0) -> tuple[Floats, Floats]:
    """Rows of one block each, (count, 8) and (count, edges), with some common part."""
    rng = np.random.default_rng(seed)
    found = [unit_rows(rng.normal(0.3, 1, (count, dim))) for dim in LAYOUT.dims]
    return found[0], found[1]


def collection(count: int = 80) -> tuple[Floats, Calibration]:
    blocks = dict(zip(LAYOUT.names, rows_of(count), strict=True))
    vectors = stored_vectors(LAYOUT, blocks)
    return vectors, fit(LAYOUT, vectors, count)


def centred_rows(vectors: Floats, calibration: Calibration) -> dict[str, Floats]:
    """The centred unit rows of each block."""
    places = calibration.layout.slices().items()
    return {name: calibration.centred_rows(name, vectors[:, place]) for name, place in places}


@pytest.mark.parametrize("name", ["edges", "design", "imagenet"])
def test_the_shipped_constants_fit_the_extractor_in_use(name: str) -> None:
    spec = REGISTRY[name]
    found = drawings_of(spec.model)

    assert found is not None
    for part in found.parts:
        assert 0.1 < np.linalg.norm(part.mean) < 1
        assert part.typically > 0
    assert found.parts[0].place.start == 0
    assert found.parts[-1].place.stop == spec.dim
    assert sum(part.share for part in found.parts) == pytest.approx(1)


def test_nothing_is_known_of_an_unknown_model() -> None:
    assert drawings_of("someone/else") is None


def test_photos_are_compared_as_ever() -> None:
    vectors, calibration = collection()
    comparison = Comparison(calibration, MODELS, PHOTO)
    block = rows_of(1, seed=9)[1][0]

    for name, rows in centred_rows(vectors, calibration).items():
        assert comparison.stored_rows(name, rows) is rows
    assert np.array_equal(
        comparison.query_block("edges", block), calibration.centred_block("edges", block)
    )
    assert comparison.reach(10) == 10


def test_a_drawing_is_seen_about_the_mean_of_drawings() -> None:
    calibration = collection()[1]
    known = drawings_of(EDGES.model)
    assert known is not None
    block = rows_of(1, seed=9)[1][0]

    found = Comparison(calibration, MODELS, SKETCH).query_block("edges", block)

    (part,) = known.parts
    assert np.allclose(found, unit_rows((block - part.mean)[None])[0], atol=1e-6)


def test_what_is_near_to_all_drawings_is_put_behind() -> None:
    vectors, calibration = collection()
    comparison = Comparison(calibration, MODELS, SKETCH)
    known = comparison.drawings["edges"]
    plain = centred_rows(vectors, calibration)
    found = {name: comparison.stored_rows(name, rows) for name, rows in plain.items()}
    near = known.parts[0].nearness(plain["edges"])

    # The other block stays as it is; of this one every row is shorter or longer by its nearness.
    assert np.array_equal(found["hsv"], plain["hsv"])
    assert np.allclose(found["edges"] * near[:, None], plain["edges"], atol=1e-6)
    assert near.std() > 0


def test_nearness_is_that_of_the_whole_covariance() -> None:
    rng = np.random.default_rng(3)
    directions = rng.normal(size=(6, 2)).astype(np.float32)
    rest = rng.uniform(0.1, 1, 6).astype(np.float32)
    rows = unit_rows(rng.normal(size=(5, 6)))
    covariance = directions @ directions.T + np.diag(rest)
    expected = np.einsum("ij,jk,ik->i", rows, covariance, rows) ** 0.25 / 0.8

    part = Part(slice(0, 6), 1.0, np.zeros(6, np.float32), directions, rest, 0.5, 0.8)
    found = part.nearness(rows)

    assert np.allclose(found, expected, rtol=1e-5)


def test_each_part_of_an_embedding_has_its_share() -> None:
    rng = np.random.default_rng(4)
    flat = np.zeros((3, 1), np.float32), np.ones(3, np.float32)
    means = {i: rng.normal(size=3).astype(np.float32) for i, _ in SHARES}
    parts = [Part(slice(i, i + 3), s, means[i], *flat, 1.0, 2.0) for i, s in SHARES]
    known = Drawings(tuple(parts))
    block, rows = unit_rows(rng.normal(size=(1, 6)))[0], unit_rows(rng.normal(size=(5, 6)))

    asked, hubness_corrected = known.asked(block), known.hubness_corrected(rows)

    assert np.linalg.norm(asked) == pytest.approx(1)
    for part in parts:
        assert np.linalg.norm(asked[part.place]) == pytest.approx(part.share**0.5)
        # All are as near as one unit vector is to noise without a direction.
        lengths = np.linalg.norm(hubness_corrected[:, part.place], axis=1)
        assert np.allclose(lengths, part.share**0.5 * 2)


def test_what_share_a_part_has_elsewhere_does_not_matter() -> None:
    known = drawings_of(REGISTRY["design"].model)
    assert known is not None
    rows = np.random.default_rng(5).normal(size=(2, REGISTRY["design"].dim)).astype(np.float32)
    first = known.parts[0].place
    other = rows.copy()
    other[:, first] *= 3

    assert np.allclose(known.asked(rows[0]), known.asked(other[0]), atol=1e-6)
    assert np.allclose(known.hubness_corrected(rows), known.hubness_corrected(other), atol=1e-5)


@pytest.mark.parametrize("kind", [PHOTO, SKETCH])
def test_a_collection_too_small_to_be_fitted_is_compared_as_it_is(kind: str) -> None:
    vectors, calibration = collection(FEWEST - 1)
    comparison = Comparison(calibration, MODELS, kind)
    block = rows_of(1, seed=9)[1][0]

    for name, rows in centred_rows(vectors, calibration).items():
        assert comparison.stored_rows(name, rows) is rows
    assert np.array_equal(comparison.query_block("edges", block), block)
    assert comparison.reach(10) == 10


@pytest.mark.parametrize("k", [1, 10, 200])
def test_the_hits_for_a_drawing_are_looked_for_among_many(k: int) -> None:
    comparison = Comparison(collection()[1], MODELS, SKETCH)

    assert comparison.reach(k) == max(1000, 20 * k)
