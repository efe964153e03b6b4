"""The classifier of labels, on embeddings with known answers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from image_search.errors import CacheDamaged, InvalidQuery
from image_search.extractors.base import unit_rows
from image_search.imaging.arrays import Floats
from image_search.labels.fitting import calibration_error, chosen_images, fit_head
from image_search.labels.head import LabelHead, energy, sigmoid, softmax
from image_search.storage.records import ExtractorIdentity

EXTRACTORS = (ExtractorIdentity("one", "test/1", 12), ExtractorIdentity("other", "test/2", 6))
SHARES = {"one": 0.7, "other": 0.3}


def blocks(rng: np.random.Generator, kinds: np.ndarray, noise: float = 0.4) -> dict[str, Floats]:
    """Embeddings of images of these ``kinds`` (n,), around a direction for each."""
    found = {}
    for extractor in EXTRACTORS:
        centres = np.random.default_rng(extractor.dim).normal(size=(20, extractor.dim))
        rows = centres[kinds] + rng.normal(size=(len(kinds), extractor.dim)) * noise * 3
        found[extractor.name] = unit_rows(rows)
    return found


def named(kinds: np.ndarray) -> list[frozenset[str]]:
    return [frozenset({f"kind {kind}"}) for kind in kinds.tolist()]


def fitted(kinds: np.ndarray, noise: float = 0.4) -> LabelHead:
    rng = np.random.default_rng(1)
    return fit_head(blocks(rng, kinds, noise), named(kinds), EXTRACTORS, SHARES, "folder")


def test_probabilities_are_right_and_calibrated() -> None:
    kinds = np.repeat(np.arange(4), 40)
    head = fitted(kinds)
    asked = np.repeat(np.arange(4), 200)
    found = head.probabilities(blocks(np.random.default_rng(2), asked))

    right = found.argmax(axis=1) == asked
    assert right.mean() > 0.7
    assert not right.all()  # else the calibration would not be tried
    assert calibration_error(found.max(axis=1), right) < 0.07
    assert head.assessment.accuracy == pytest.approx(right.mean(), abs=0.08)
    assert head.assessment.error is not None
    assert head.assessment.labels == {f"kind {n}": 40 for n in range(4)}


def test_what_is_unlike_all_labels_is_not_sure() -> None:
    kinds = np.repeat(np.arange(4), 40)
    head = fitted(kinds, noise=0.15)
    known = head.probabilities(blocks(np.random.default_rng(2), kinds, 0.15)).max(axis=1)
    foreign = head.probabilities(blocks(np.random.default_rng(3), kinds + 10, 0.15)).max(axis=1)

    assert (known > 0.5).mean() > 0.9
    assert (foreign > 0.5).mean() < 0.5


def test_several_labels_for_an_image() -> None:
    rng = np.random.default_rng(1)
    first, second = rng.integers(0, 2, 300), rng.integers(0, 2, 300)
    rows = np.stack([first, second], axis=1) * 2.0 - 1 + rng.normal(size=(300, 2)) * 0.5
    of = {"one": unit_rows(np.pad(rows, ((0, 0), (0, 10)), constant_values=1.0))}
    labels = [
        frozenset({"gold"} if one else ()) | frozenset({"stone"} if other else ())
        for one, other in zip(first, second, strict=True)
    ]
    head = fit_head(of, labels, EXTRACTORS[:1], SHARES, "people")
    found = head.probabilities(of)

    assert not head.exclusive
    assert head.labels == ("gold", "stone")
    truth = np.stack([first, second], axis=1) == 1
    assert ((found > 0.5) == truth).mean() > 0.9
    assert calibration_error(found.ravel(), truth.ravel()) < 0.07


def test_a_label_that_one_image_has_is_learnt_too() -> None:
    kinds = np.array([0] * 10 + [1] * 10 + [2])
    head = fitted(kinds, 0.05)
    found = head.probabilities(blocks(np.random.default_rng(1), kinds, 0.05))
    assert found.argmax(axis=1)[-1] == 2
    assert np.isfinite(head.weights).all()


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ([frozenset()] * 8, "No image has a label"),
        ([frozenset({"ring"})] * 8, "the same one"),
        ([frozenset({"ring"}), frozenset({"vase"})], "at least 4"),
    ],
)
def test_too_little_to_learn_from(labels: list[frozenset[str]], message: str) -> None:
    rows = blocks(np.random.default_rng(0), np.zeros(len(labels), int))
    with pytest.raises(InvalidQuery, match=message):
        fit_head(rows, labels, EXTRACTORS, SHARES, "folder")


def test_a_classifier_is_kept(tmp_path: Path) -> None:
    head = fitted(np.repeat(np.arange(3), 10))
    path = tmp_path / "state" / "labels.pkl"
    head.save(path)
    again = LabelHead.load(path)

    assert again is not None
    assert again.to_json() == head.to_json()
    rows = blocks(np.random.default_rng(5), np.arange(3))
    assert again.probabilities(rows).tolist() == head.probabilities(rows).tolist()
    assert LabelHead.load(tmp_path / "none.pkl") is None


def test_a_damaged_classifier_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "labels.pkl"
    fitted(np.repeat(np.arange(3), 10)).save(path)
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    with pytest.raises(CacheDamaged):
        LabelHead.load(path)


def test_every_label_takes_its_turn_among_the_chosen() -> None:
    labels = [frozenset({"many"})] * 100 + [frozenset({"few"})] * 3
    taken = chosen_images(labels, 20)
    assert len(taken) == 20
    assert {100, 101, 102} <= set(taken)
    assert taken == sorted(taken)


def test_probabilities_from_scores() -> None:
    scores = np.array([[0.0, 2.0, -1.0]], np.float32)
    assert softmax(scores).sum() == pytest.approx(1)
    assert softmax(scores + 100) == pytest.approx(softmax(scores), rel=1e-4)
    assert sigmoid(scores)[0, 0] == 0.5
    assert energy(scores)[0] == pytest.approx(np.log(np.exp(scores).sum()), rel=1e-5)


def test_the_calibration_error_is_the_gap_between_stated_and_true() -> None:
    said = np.array([0.9] * 10 + [0.1] * 10, np.float32)
    right = np.array([True] * 5 + [False] * 5 + [False] * 10)
    assert calibration_error(said, right) == pytest.approx(0.5 * 0.4 + 0.5 * 0.1, abs=1e-6)
