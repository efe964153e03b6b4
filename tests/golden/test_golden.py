"""Vectors, rankings and verdicts are those that were recorded. After a change that is meant to
change them, ``python -m tests.golden`` records new ones, and the difference belongs in the commit.
"""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from image_search.demo import catalogue
from tests.golden.measuring import FOLDER, Measured, measure

pytestmark = pytest.mark.slow

ANSWERS: dict[str, dict[str, Any]] = json.loads((FOLDER / "answers.json").read_text("utf-8"))
# Processors add in different orders, and some compute networks in bfloat16: cosines and scores may
# differ by so much, and chances, which depend on many scores, by more.
COSINE, SCORE, CHANCE = 2e-3, 0.03, 0.1
# An image may move by so much where others take places among the first, which decide with the rest.
MOVED = 0.1


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> Measured:
    return measure(tmp_path_factory.mktemp("golden"))


def test_the_same_things_are_asked(measured: Measured) -> None:
    assert measured.answers.keys() == ANSWERS.keys()


def test_vectors(measured: Measured) -> None:
    with np.load(FOLDER / "vectors.npz") as recorded:
        assert set(recorded) == measured.vectors.keys()
        for name, row in measured.vectors.items():
            assert float(row @ recorded[name].astype(np.float32)) > 1 - COSINE, name


@pytest.mark.parametrize("name", [name for name in ANSWERS if name.startswith("search")])
def test_ranking(measured: Measured, name: str) -> None:
    found, recorded = measured.answers[name], ANSWERS[name]
    assert {**found, "hits": None} == {**recorded, "hits": None}
    assert_same_ranking(found["hits"], recorded["hits"])


@pytest.mark.parametrize("name", [name for name in ANSWERS if name.startswith("check")])
def test_verdict(measured: Measured, name: str) -> None:
    found, recorded = measured.answers[name], ANSWERS[name]
    for part in ("kind", "verdict"):
        assert found[part] == recorded[part]
    assert found["chance"] == pytest.approx(recorded["chance"], abs=CHANCE)
    assert_same_ranking(found["nearest"], recorded["nearest"])
    # The hits of a drawing are its nearest images, among which places may differ.
    if found["verdict"] != "possible":
        assert found["first"] == recorded["first"]


def test_every_sketch_of_the_demo_finds_its_design() -> None:
    """What is recorded is right: a recording of wrong answers would pass above."""
    for design in catalogue():
        if design.sketched:
            answer = ANSWERS[f"search sketch-of-{design.name}.png"]
            assert answer["kind"] == "sketch"
            assert any(design.name in path for path, _ in answer["hits"][:5]), design.name
            assert ANSWERS[f"check sketch-of-{design.name}.png"]["verdict"] == "possible"


def assert_same_ranking(found: list[list[Any]], recorded: list[list[Any]]) -> None:
    """See that scores are alike place by place, and that places differ only among near ties."""
    assert len(found) == len(recorded)
    scores = dict(map(tuple, recorded))
    last = min(scores.values(), default=0.0)
    for (path, score), (_, expected) in zip(found, recorded, strict=True):
        assert score == pytest.approx(expected, abs=SCORE), path
        # An image that was not among the recorded ones may only have just missed them.
        assert scores.get(path, last) == pytest.approx(score, abs=MOVED), path
