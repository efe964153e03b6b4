"""The classifier of labels fitted to images that have labels already, and assessed on them."""

from __future__ import annotations

import importlib.util
import math
import time
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt

from image_search.errors import InvalidQuery, MissingPackage
from image_search.imaging.arrays import Floats
from image_search.labels.head import (
    MOST_LABELS,
    Assessment,
    LabelHead,
    energy,
    sigmoid,
    softmax,
    stated,
)
from image_search.storage.records import ExtractorIdentity

if TYPE_CHECKING:
    from sklearn.linear_model import LogisticRegression

# Inverse strength of the regularisation, for features of mean squared length 1. On corel1k and
# caltech101 1 to 10 are about equally good.
_C = 10.0
_MOST_STEPS = 300
_FOLDS = 5
# Images that are used at most, chosen evenly among the labels: with more, nothing is gained that a
# person would see, and memory and time grow.
MOST_IMAGES = 10_000
# Numbers per image that features are reduced to: a fit then takes seconds instead of minutes. Of
# fewer images nothing is lost at all.
_MOST_DIMS = 512
_BINS = 15
# The share of labelled images that are taken to be unlike the others.
_UNLIKE = 0.05
_SCALES = np.exp(np.linspace(np.log(0.05), np.log(20), 121))
_SEED = 0

Progress = Callable[[int, int], None]
"""Is given how many steps of how many are done."""


class Cancelled(Exception):
    """The fit was cancelled."""


def check_installed() -> None:
    """See that the package that fits classifiers is there.

    Raises:
        MissingPackage: it is not.
    """
    if importlib.util.find_spec("sklearn") is None:
        raise MissingPackage(
            "Training labels needs scikit-learn, which is not installed here. Install it with "
            '`pip install "image-search[analysis]"`, or `make setup EXTRAS=analysis`, and start '
            "again."
        )


def chosen_images(named: Sequence[frozenset[str]], most: int = MOST_IMAGES) -> list[int]:
    """Return the numbers of at most ``most`` images, each label in its turn, in ascending order."""
    if len(named) <= most:
        return list(range(len(named)))
    order = np.random.default_rng(_SEED).permutation(len(named)).tolist()
    by_label: dict[str, list[int]] = {}
    for number in order:
        for label in named[number] or {""}:
            by_label.setdefault(label, []).append(number)
    taken: dict[int, None] = {}
    for rank in range(max(map(len, by_label.values()))):
        for numbers in by_label.values():
            if rank < len(numbers):
                taken[numbers[rank]] = None
            if len(taken) == most:
                return sorted(taken)
    return sorted(taken)


def fit_head(
    blocks: Mapping[str, Floats],
    named: Sequence[frozenset[str]],
    extractors: tuple[ExtractorIdentity, ...],
    shares: Mapping[str, float],
    source: str,
    on_progress: Progress = lambda *_: None,
    cancelled: Callable[[], bool] = lambda: False,
) -> LabelHead:
    """Return a classifier fitted to labelled images, with its assessment.

    Logistic regression on frozen embeddings (a linear probe: Alain & Bengio, 2016). The scale of
    the scores is fitted to what cross-validation predicts (temperature scaling: Guo et al., ICML
    2017; with several labels per image, Platt scaling with one slope and offset for all).

    Args:
        blocks: unit embeddings (n, dim) by extractor.
        named: the labels of each image; none for one that has no label.
        extractors: whose embeddings they are, in the order of the classifier.
        shares: how much each of them counts.
        source: where the labels came from, to be kept with the classifier.
        on_progress: is called before each fold, and at the end.
        cancelled: is asked between the folds.

    Raises:
        InvalidQuery: there are too few labels or images, or too many labels.
        MissingPackage: scikit-learn is not installed.
        Cancelled: ``cancelled`` returned true.
    """
    check_installed()
    started = time.monotonic()
    labels = tuple(sorted(set().union(*named)))
    exclusive = all(len(one) == 1 for one in named)
    _check(labels, len(named), exclusive=exclusive)
    truth = np.zeros((len(named), len(labels)), np.bool_)
    column = {label: number for number, label in enumerate(labels)}
    for row, of_image in enumerate(named):
        truth[row, [column[label] for label in of_image]] = True
    features = _Features.of(blocks, extractors, shares)
    folds = _folds(truth, exclusive=exclusive)
    count = int(folds.max()) + 1
    scores = np.empty(truth.shape, np.float32)
    for fold in range(count):
        on_progress(fold, count + 1)
        if cancelled():
            raise Cancelled
        test = folds == fold
        weights, bias = _linear(features.values[~test], truth[~test], exclusive=exclusive)
        scores[test] = features.values[test] @ weights.T + bias
    on_progress(count, count + 1)
    if cancelled():
        raise Cancelled
    weights, bias = _linear(features.values, truth, exclusive=exclusive)
    scale, offset = _calibration(scores, truth, exclusive=exclusive)
    accuracy = error = None
    if len(named) >= _FOLDS * 2:
        accuracy, error = _assessed(scores, truth, folds, exclusive=exclusive)
    merged, shift = features.merged(weights, bias)
    on_progress(count + 1, count + 1)
    return LabelHead(
        labels=labels,
        extractors=extractors,
        weights=np.asarray(merged * scale, np.float32),
        bias=np.asarray(shift * scale + offset, np.float32),
        exclusive=exclusive,
        least_energy=_least_energy(scores * scale) if exclusive else -math.inf,
        source=source,
        trained=time.time(),
        assessment=Assessment(
            images=len(named),
            labels={label: int(truth[:, n].sum()) for n, label in enumerate(labels)},
            accuracy=accuracy,
            error=error,
            seconds=round(time.monotonic() - started, 3),
        ),
    )


def _check(labels: tuple[str, ...], images: int, *, exclusive: bool) -> None:
    if not labels:
        raise InvalidQuery(
            "No image has a label yet. Put images into a folder for each kind, name a pattern of "
            "file names, or give labels on the page."
        )
    if len(labels) == 1 and exclusive:
        raise InvalidQuery(
            f"Every image with a label has the same one, {labels[0]!r}; at least one other label, "
            "or images that do not have it, are needed."
        )
    if images < 4:
        raise InvalidQuery(f"Only {images} images have labels; at least 4 are needed.")
    if len(labels) > MOST_LABELS:
        raise InvalidQuery(
            f"There are {len(labels):,} labels; at most {MOST_LABELS:,} can be trained."
        )


class _Features(NamedTuple):
    """``values`` (n, d) = (joined embeddings (n, dim) - ``mean``) @ ``into`` (dim, d), or times
    ``into`` (dim,) where nothing is reduced."""

    values: Floats
    mean: Floats
    into: Floats

    @staticmethod
    def of(
        blocks: Mapping[str, Floats],
        extractors: Sequence[ExtractorIdentity],
        shares: Mapping[str, float],
    ) -> _Features:
        means, scales, parts = [], [], []
        for one in extractors:
            block = blocks[one.name]
            mean = block.mean(axis=0)
            centred = block - mean
            spread = float(np.sqrt(np.vecdot(centred, centred).mean())) or 1.0
            scale = np.float32(np.sqrt(max(shares.get(one.name, 0.0), 0.0)) / spread)
            means.append(mean)
            scales.append(np.full(block.shape[1], scale, np.float32))
            parts.append(centred * scale)
        values: Floats = np.concatenate(parts, axis=-1)
        whole: Floats = np.concatenate(means)
        each: Floats = np.concatenate(scales)
        if values.shape[1] <= _MOST_DIMS:
            return _Features(values, whole, each)
        from sklearn.utils.extmath import randomized_svd

        count = min(_MOST_DIMS, len(values))
        _, _, axes = randomized_svd(values, count, n_iter=2, random_state=_SEED)
        into = np.asarray(axes, np.float32).T
        return _Features(values @ into, whole, each[:, None] * into)

    def merged(self, weights: Floats, bias: Floats) -> tuple[Floats, Floats]:
        """Return weights (labels, dim) and bias (labels,) for joined embeddings as they are."""
        reduced = self.into.ndim > 1
        whole: Floats = weights @ self.into.T if reduced else weights * self.into
        shift: Floats = bias - whole @ self.mean
        return whole, shift


def _folds(truth: npt.NDArray[np.bool_], *, exclusive: bool) -> npt.NDArray[np.intp]:
    """Return the fold (n,) of each image; every label is spread evenly where it can be."""
    order = np.random.default_rng(_SEED).permutation(len(truth))
    if not exclusive:
        folds = np.empty(len(truth), np.intp)
        folds[order] = np.arange(len(truth)) % min(_FOLDS, len(truth))
        return folds
    kinds = truth.argmax(axis=1)[order]
    order = order[np.argsort(kinds, kind="stable")]
    folds = np.empty(len(truth), np.intp)
    folds[order] = np.arange(len(truth)) % min(_FOLDS, len(truth))
    return folds


def _linear(
    values: Floats, truth: npt.NDArray[np.bool_], *, exclusive: bool
) -> tuple[Floats, Floats]:
    """Return weights (labels, d) and bias (labels,).

    Where all images have a label or none has it, there is nothing to learn but that.
    """
    weights = np.zeros((truth.shape[1], values.shape[1]), np.float32)
    if exclusive:
        bias = np.where(truth.any(axis=0), 0, -np.inf).astype(np.float32)
    else:
        held = truth.sum(axis=0) + 0.5
        bias = np.log(held / (len(truth) + 1 - held)).astype(np.float32)
    for columns, model in _fitted(values, truth, exclusive=exclusive):
        found, shift = model.coef_, model.intercept_
        if exclusive and len(found) == 1:  # of two labels, the score of one against the other
            found, shift = np.concatenate([-found, found]) / 2, np.concatenate([-shift, shift]) / 2
        weights[columns], bias[columns] = found, shift
    return weights, bias


def _fitted(
    values: Floats, truth: npt.NDArray[np.bool_], *, exclusive: bool
) -> Iterator[tuple[npt.NDArray[np.intp], LogisticRegression]]:
    from sklearn.linear_model import LogisticRegression

    def fitted(answers: npt.NDArray[np.generic]) -> LogisticRegression:
        with warnings.catch_warnings():
            # That it stopped before the last digits: they make no difference to anybody.
            warnings.simplefilter("ignore")
            return LogisticRegression(C=_C, max_iter=_MOST_STEPS).fit(values, answers)

    if exclusive:
        kinds = truth.argmax(axis=1)
        there = np.unique(kinds)
        if len(there) > 1:
            yield there, fitted(kinds)
        return
    for number in range(truth.shape[1]):
        if 0 < truth[:, number].sum() < len(truth):
            yield np.array([number]), fitted(truth[:, number])


def _least_energy(scores: Floats) -> float:
    return float(np.quantile(energy(scores), _UNLIKE))


def _calibration(
    scores: Floats, truth: npt.NDArray[np.bool_], *, exclusive: bool
) -> tuple[float, float]:
    """Return what scores are multiplied with, and what is added, so that probabilities hold."""
    if exclusive:
        # A label that one image alone has could not be learnt without that image.
        possible = np.isfinite(scores[truth])
        if not possible.any():
            return 1.0, 0.0
        losses = [-np.log(softmax(scores * s)[truth][possible] + 1e-9).mean() for s in _SCALES]
        return float(_SCALES[int(np.argmin(losses))]), 0.0
    from sklearn.linear_model import LogisticRegression

    answers = truth.ravel()
    if answers.all() or not answers.any():
        return 1.0, 0.0
    model = LogisticRegression(C=1e6).fit(scores.reshape(-1, 1), answers)
    slope = float(model.coef_[0, 0])
    # A slope below 0 would turn the answers round: then nothing can be learnt from so few.
    return (slope, float(model.intercept_[0])) if slope > 0 else (1.0, 0.0)


def _assessed(
    scores: Floats,
    truth: npt.NDArray[np.bool_],
    folds: npt.NDArray[np.intp],
    *,
    exclusive: bool,
) -> tuple[float, float]:
    """Return accuracy and expected calibration error, each fold with the calibration of others."""
    found = np.empty_like(scores)
    for fold in np.unique(folds):
        test = folds == fold
        scale, offset = _calibration(scores[~test], truth[~test], exclusive=exclusive)
        if exclusive:
            found[test] = stated(scores[test] * scale, _least_energy(scores[~test] * scale))
        else:
            found[test] = sigmoid(scores[test] * scale + offset)
    labelled = truth.any(axis=1)
    likeliest = found.argmax(axis=1)
    right = truth[np.arange(len(truth)), likeliest]
    accuracy = float(right[labelled].mean())
    if exclusive:
        return accuracy, calibration_error(found.max(axis=1), right)
    return accuracy, calibration_error(found.ravel(), truth.ravel())


def calibration_error(probabilities: Floats, right: npt.NDArray[np.bool_]) -> float:
    """Return the expected calibration error of ``probabilities`` (n,), given which of them
    were ``right`` (n,) (Naeini et al., AAAI 2015)."""
    bins = np.minimum((probabilities * _BINS).astype(np.intp), _BINS - 1)
    gaps = [
        abs(float(probabilities[bins == one].mean()) - float(right[bins == one].mean()))
        * float((bins == one).mean())
        for one in np.unique(bins)
    ]
    return float(sum(gaps))
