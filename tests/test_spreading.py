"""Hits that differ from each other."""

from __future__ import annotations

import numpy as np

from image_search.search.spreading import spread


def test_each_is_as_unlike_those_before_as_can_be() -> None:
    angles = np.radians([0, 1, 2, 90, 91, 180, 45])
    vectors = np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)
    assert spread(vectors, 3) == [0, 5, 3]
    assert spread(vectors, 4)[3] == 6
    everything = spread(vectors, 100)
    assert everything[0] == 0
    assert sorted(everything) == list(range(len(vectors)))
    assert spread(vectors[:1], 5) == [0]
    assert spread(vectors[:0], 5) == []
    assert spread(vectors, 0) == []


def test_the_same_picture_comes_last() -> None:
    rng = np.random.default_rng(0)
    vectors = rng.standard_normal((5, 16)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    twice = np.concatenate([vectors[:1], vectors])
    assert spread(twice, 6)[-1] in {1}
