"""Places in the plane: alike images lie together, with t-SNE and without it."""

from __future__ import annotations

import numpy as np
import pytest

from image_search.extractors.base import unit_rows
from image_search.imaging.arrays import Floats
from image_search.mapping import layout
from image_search.mapping.layout import (
    PCA,
    TSNE,
    Cancelled,
    arranged,
    between,
    components,
    nearest,
    squared,
)


def clusters(each: int = 40, dim: int = 24) -> Floats:
    """Unit vectors (3 * each, dim) in three clusters, one after the other."""
    rng = np.random.default_rng(0)
    middles = rng.standard_normal((3, dim))
    rows = np.repeat(middles, each, axis=0) + 0.3 * rng.standard_normal((3 * each, dim))
    return unit_rows(rows)


def share_of_own(places: Floats, each: int = 40) -> float:
    """The share of the nearest five of each place that are of its own cluster."""
    away = np.linalg.norm(places[:, None] - places[None], axis=2)
    np.fill_diagonal(away, np.inf)
    near = np.argsort(away, axis=1)[:, :5] // each
    return float((near == np.arange(len(places))[:, None] // each).mean())


def never() -> bool:
    return False


def test_clusters_become_groups_and_the_same_vectors_the_same_map() -> None:
    seen = []
    places, method = arranged(clusters(), lambda *step: seen.append(step), never)

    assert method == TSNE
    assert share_of_own(places) > 0.95
    assert (places.min(), places.max()) == pytest.approx((0, 1), abs=1e-5)
    assert seen == [(number, layout.ROUNDS) for number in range(layout.ROUNDS)]
    again, _ = arranged(clusters(), lambda *_: None, never)
    assert np.allclose(places, again, atol=1e-4)


def test_without_scikit_learn_principal_components_are_the_map(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(layout, "installed", lambda: False)

    places, method = arranged(clusters(), lambda *_: None, never)

    assert method == PCA
    assert share_of_own(places) > 0.9


@pytest.mark.parametrize("count", [1, 2, 5])
def test_a_few_images_have_places_too(count: int) -> None:
    places, method = arranged(clusters()[:count], lambda *_: None, never)

    assert (places.shape, method) == ((count, 2), PCA)
    assert np.isfinite(places).all()


def test_a_layout_can_be_cancelled() -> None:
    with pytest.raises(Cancelled):
        arranged(clusters(), lambda *_: None, lambda: True)


def test_components_are_those_of_the_exact_decomposition() -> None:
    rows = clusters()
    centred = rows - rows.mean(axis=0)
    exact = np.linalg.svd(centred, full_matrices=False)
    wanted = np.abs(exact[0][:, :2] * exact[1][:2])

    assert np.abs(components(rows, 2)) == pytest.approx(wanted, abs=1e-3)


def test_the_nearest_come_first_and_decide_about_a_place() -> None:
    known = np.eye(4, dtype=np.float32)
    asked = unit_rows(np.array([[3.0, 2.0, 0.0, 0.0]]))
    rows, cosines = nearest(asked, known, 3)

    assert rows[0, :2].tolist() == [0, 1]
    assert (np.diff(cosines[0]) <= 0).all()
    places = np.array([[0, 0], [1, 0], [0, 1], [1, 1]], np.float32)
    x, y = between(rows, cosines, places)[0]
    assert 0.2 < x < 0.5
    assert y == pytest.approx(0, abs=0.05)


def test_a_map_keeps_its_proportions() -> None:
    places = squared(np.array([[0, 0], [4, 2]], np.float32))

    assert places.tolist() == [[0, 0.25], [1, 0.75]]
