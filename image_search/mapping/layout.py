"""Embeddings to places in the plane: t-SNE of some images, and the others between these.

t-SNE (van der Maaten and Hinton, "Visualizing data using t-SNE", JMLR 2008, with the Barnes-Hut
approximation of 2014) is that of scikit-learn. It begins with the principal components, so that the
same collection becomes the same map. Where scikit-learn is not installed, the two first principal
components are the map.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from image_search.imaging.arrays import Floats

TSNE, PCA = "t-SNE", "PCA"
METHODS = (TSNE, PCA)
# Images that are laid out together. All others are placed among them, which takes seconds for tens
# of thousands, and is what new images get, too.
MOST_LANDMARKS = 5000
# Of so few images t-SNE makes nothing that principal components do not show.
FEWEST = 12
# How many images that it is most like decide about the place of an image.
NEAREST = 10
# Steps of t-SNE at a time, the least that scikit-learn takes, and how many times: between them the
# work can be cancelled. In the first, clusters are drawn together.
_STEPS, ROUNDS = 250, 3
_PERPLEXITY = 30
# Principal components that t-SNE sees: what is left out is mostly noise, and would cost time.
_DIMS = 50
_SEED = 0

Indices = npt.NDArray[np.int64]
Progress = Callable[[int, int], None]
"""Is given how many steps of how many are done."""


class Cancelled(Exception):
    """The work was cancelled."""


def installed() -> bool:
    """Whether scikit-learn is there."""
    return importlib.util.find_spec("sklearn") is not None


def components(vectors: Floats, dims: int) -> Floats:
    """The first principal components (n, at most dims) of ``vectors`` (n, dim).

    They are those of a randomised decomposition (Halko, Martinsson and Tropp, SIAM Review 2011),
    which takes a second for thousands of long vectors.
    """
    centred = vectors - vectors.mean(axis=0)
    count = min(dims, *centred.shape)
    basis = np.random.default_rng(_SEED).standard_normal((centred.shape[1], count + 10))
    basis = basis.astype(np.float32)
    for _ in range(4):
        basis = np.linalg.qr(centred.T @ (centred @ basis))[0]
    _, _, rotation = np.linalg.svd(centred @ basis, full_matrices=False)
    found = centred @ (basis @ rotation[:count].T)
    # The sign of a component means nothing; let it not depend on how it was computed.
    largest = np.abs(found).argmax(axis=0)
    return np.asarray(found * np.sign(found[largest, range(count)] + 1e-30), np.float32)


def arranged(
    vectors: Floats, on_progress: Progress, cancelled: Callable[[], bool]
) -> tuple[Floats, str]:
    """The places (n, 2) of ``vectors`` (n, dim) of length 1, n at most ``MOST_LANDMARKS``, within
    0 and 1; and the method.

    Raises:
        Cancelled: ``cancelled`` returned true between the steps.
    """
    reduced = components(vectors, _DIMS)
    start = np.zeros((len(vectors), 2), np.float32)
    start[:, : reduced.shape[1]] = reduced[:, :2]
    if len(vectors) < FEWEST or not installed():
        return squared(start), PCA
    from sklearn import manifold

    places = start / max(float(start[:, 0].std()), 1e-9) * np.float32(1e-4)
    for number in range(ROUNDS):
        if cancelled():
            raise Cancelled
        on_progress(number, ROUNDS)
        made = manifold.TSNE(
            init=places,
            max_iter=_STEPS,
            early_exaggeration=1.0 if number else 12.0,
            learning_rate="auto",
            perplexity=min(_PERPLEXITY, (len(vectors) - 1) / 3),
            random_state=_SEED,
        )
        places = np.asarray(made.fit_transform(reduced), np.float32)
    return squared(places), TSNE


def squared(places: Floats) -> Floats:
    """``places`` (n, 2) moved and scaled alike in both directions into the square from 0 to 1."""
    if not len(places):
        return places
    low, high = places.min(axis=0), places.max(axis=0)
    side = max(float((high - low).max()), 1e-9)
    return np.asarray((places - (low + high) / 2) / side + 0.5, np.float32)


def nearest(vectors: Floats, known: Floats, count: int = NEAREST) -> tuple[Indices, Floats]:
    """For each of ``vectors`` (n, dim) the ``count`` most alike of ``known`` (m, dim), the best
    first: their rows and cosines, (n, at most count)."""
    count = min(count, len(known))
    cosines = vectors @ known.T
    rows = np.argpartition(-cosines, count - 1, axis=1)[:, :count]
    found = np.take_along_axis(cosines, rows, axis=1)
    order = np.argsort(-found, axis=1, kind="stable")
    return (
        np.asarray(np.take_along_axis(rows, order, axis=1), np.int64),
        np.asarray(np.take_along_axis(found, order, axis=1), np.float32),
    )


def between(rows: Indices, scores: Floats, places: Floats) -> Floats:
    """Places (n, 2): for each the mean of the ``places`` (m, 2) in ``rows`` (n, k), the more a
    place counts, the further its score (n, k) is above the lowest of the row."""
    least = scores.min(axis=1, keepdims=True)
    weights = scores - least + np.float32(0.05) * (scores.max(axis=1, keepdims=True) - least)
    weights += np.float32(1e-6)
    weights /= weights.sum(axis=1, keepdims=True)
    return np.asarray((places[rows] * weights[..., None]).sum(axis=1), np.float32)
