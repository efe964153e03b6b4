"""The factors of the default weights that are fitted to a collection."""

from __future__ import annotations

import numpy as np
import pytest

from image_search.extractors.base import unit_rows
from image_search.imaging.arrays import Floats
from image_search.search.ranking.weight_factors import factors_of

COUNT = 300
RNG = np.random.default_rng(4)
#: Pictures of many kinds, of which each kind has a few.
KINDS = np.eye(30, dtype=np.float32)[np.arange(COUNT) % 30]


def seen(noise: float) -> Floats:
    """Cosines by an extractor that knows the kinds, but for so much noise."""
    result = KINDS @ RNG.normal(size=(30, 40)) + noise * RNG.normal(size=(COUNT, 40))
    rows = unit_rows(np.asarray(result, np.float32))
    cosines: Floats = rows @ rows.T
    np.fill_diagonal(cosines, -np.inf)
    return cosines


def factors_for(**noise: float) -> dict[str, float]:
    cosines = {name: seen(much) for name, much in noise.items()}
    return factors_of(cosines, dict.fromkeys(cosines, 0.2))


PLAIN = {"hsv": 1.5, "edges": 1.5, "texture": 1.5}


@pytest.mark.parametrize("worse", [1.0, 2.0, 100.0])
def test_the_network_that_distinguishes_pictures_has_the_larger_factor(
    worse: float,
) -> None:
    factors = factors_for(**PLAIN, clear=0.3, vague=worse)

    assert 0 < factors["vague"] < 0.5 * factors["clear"]


def test_the_factor_of_a_network_alone_is_not_lowered() -> None:
    assert factors_for(**PLAIN, vague=1.0)["vague"] >= 1


def test_the_own_network_lowers_the_factor_of_a_worse_one_and_keeps_its_own() -> None:
    alone, clearer = factors_for(**PLAIN, design=0.3), factors_for(**PLAIN, design=0.3, vague=1.0)
    vaguer = factors_for(**PLAIN, design=2.0, clear=0.3)

    assert clearer["vague"] < 0.5
    assert clearer["design"] == pytest.approx(alone["design"], rel=0.2)
    assert vaguer["clear"] >= 1
    assert vaguer["design"] == pytest.approx(factors_for(**PLAIN, design=2.0)["design"], rel=0.2)


def test_two_equal_networks_have_equal_factors() -> None:
    factors = factors_for(**PLAIN, one=0.8, other=0.8)

    assert factors["one"] == pytest.approx(factors["other"], rel=0.3)


def test_duplicates_do_not_change_the_factors() -> None:
    std = dict.fromkeys((*PLAIN, "clear", "vague"), 0.2)
    cosines = {name: seen(much) for name, much in PLAIN.items()}
    cosines |= {"clear": seen(0.3), "vague": seen(1.0)}
    once = factors_of(cosines, std)
    for one in range(0, COUNT, 10):
        cosines["vague"][one, one + 1] = cosines["vague"][one + 1, one] = 1.0
    twice = factors_of(cosines, std)

    assert twice["vague"] == pytest.approx(once["vague"], rel=0.2)


def test_without_descriptors_only_how_networks_distinguish_pictures_counts() -> None:
    factors = factors_for(clip=0.3, resnet50=2.0)

    assert factors["clip"] == 1.0
    assert 0 < factors["resnet50"] < 1


def test_beside_the_own_network_the_factor_of_another_depends_on_it_alone() -> None:
    plain = {name: seen(much) for name, much in PLAIN.items()}
    own = [seen(much) for much in (0.3, 2.0)]
    std = dict.fromkeys((*PLAIN, "design", "other"), 0.2)
    factors = [
        [factors_of({**plain, "design": one, "other": other}, std)["other"] for one in own]
        for other in (seen(0.3), seen(0.8), seen(1.2))
    ]

    clear, vague, vaguer = (beside[0] for beside in factors)
    assert clear > 2 * vague > 4 * vaguer
    assert all(one == other for one, other in factors)
