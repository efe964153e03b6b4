"""How far a collection trusts its extractors."""

from __future__ import annotations

import numpy as np
import pytest

from image_search.extractors.base import unit_rows
from image_search.imaging.arrays import Floats
from image_search.search.ranking.trust import trust_in

COUNT = 300
DICE = np.random.default_rng(4)
#: Pictures of many kinds, of which each kind has a few.
KINDS = np.eye(30, dtype=np.float32)[np.arange(COUNT) % 30]


def seen(noise: float) -> Floats:
    """Cosines by an extractor that knows the kinds, but for so much noise."""
    result = KINDS @ DICE.normal(size=(30, 40)) + noise * DICE.normal(size=(COUNT, 40))
    rows = unit_rows(np.asarray(result, np.float32))
    cosines: Floats = rows @ rows.T
    np.fill_diagonal(cosines, -np.inf)
    return cosines


def trusted(**noise: float) -> dict[str, float]:
    cosines = {name: seen(much) for name, much in noise.items()}
    return trust_in(cosines, dict.fromkeys(cosines, 0.2))


PLAIN = {"hsv": 1.5, "edges": 1.5, "texture": 1.5}


@pytest.mark.parametrize("worse", [1.0, 2.0, 100.0])
def test_of_two_networks_the_one_that_tells_pictures_apart_is_trusted_more(worse: float) -> None:
    trust = trusted(**PLAIN, clear=0.3, vague=worse)

    assert 0 < trust["vague"] < 0.5 * trust["clear"]


def test_a_network_alone_shares_its_trust_with_nobody() -> None:
    assert trusted(**PLAIN, vague=1.0)["vague"] >= 1


def test_the_own_network_lowers_the_say_of_a_worse_one_and_keeps_its_own() -> None:
    alone, clearer = trusted(**PLAIN, design=0.3), trusted(**PLAIN, design=0.3, vague=1.0)
    vaguer = trusted(**PLAIN, design=2.0, clear=0.3)

    assert clearer["vague"] < 0.5
    assert clearer["design"] == pytest.approx(alone["design"], rel=0.2)
    assert vaguer["clear"] >= 1
    assert vaguer["design"] == pytest.approx(trusted(**PLAIN, design=2.0)["design"], rel=0.2)


def test_two_networks_alike_are_trusted_alike() -> None:
    trust = trusted(**PLAIN, one=0.8, other=0.8)

    assert trust["one"] == pytest.approx(trust["other"], rel=0.3)


def test_pictures_that_are_there_twice_do_not_change_whom_to_trust() -> None:
    std = dict.fromkeys((*PLAIN, "clear", "vague"), 0.2)
    cosines = {name: seen(much) for name, much in PLAIN.items()}
    cosines |= {"clear": seen(0.3), "vague": seen(1.0)}
    once = trust_in(cosines, std)
    for one in range(0, COUNT, 10):
        cosines["vague"][one, one + 1] = cosines["vague"][one + 1, one] = 1.0
    twice = trust_in(cosines, std)

    assert twice["vague"] == pytest.approx(once["vague"], rel=0.2)


def test_extractors_without_descriptors_are_trusted_by_how_they_tell_apart_alone() -> None:
    trust = trusted(clip=0.3, resnet50=2.0)

    assert trust["clip"] == 1.0
    assert 0 < trust["resnet50"] < 1


def test_beside_the_own_network_another_one_is_trusted_by_how_well_it_tells_apart_itself() -> None:
    plain = {name: seen(much) for name, much in PLAIN.items()}
    own = [seen(much) for much in (0.3, 2.0)]
    std = dict.fromkeys((*PLAIN, "design", "other"), 0.2)
    trust = [
        [trust_in({**plain, "design": one, "other": other}, std)["other"] for one in own]
        for other in (seen(0.3), seen(0.8), seen(1.2))
    ]

    clear, vague, vaguer = (beside[0] for beside in trust)
    assert clear > 2 * vague > 4 * vaguer
    assert all(one == other for one, other in trust)
