"""The default weights: prior times a power of the contrast, over the standard deviation."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from image_search.extractors import REGISTRY
from image_search.search.ranking.fusion import (
    PHOTO,
    SKETCH,
    TEXT,
    Calibration,
    Layout,
    default_weights,
)
from image_search.search.ranking.priors import OTHER, POWER, PRIORS

NAMES = ("clip", "clip-datacomp", "resnet50", "design", "hsv", "someone")
LAYOUT = Layout(NAMES, (4,) * len(NAMES))
STD = dict(zip(NAMES, (0.1, 0.2, 0.3, 0.1, 0.4, 0.2), strict=True))
CONTRAST = dict(zip(NAMES, (3.0, 2.0, 2.5, 4.0, 1.0, 0.5), strict=True))
CALIBRATION = replace(Calibration.none(LAYOUT), std=STD, contrast=CONTRAST, fitted_on=100)


def test_every_prior_is_of_an_extractor_and_has_evidence() -> None:
    assert PRIORS.keys() <= REGISTRY.keys()
    for prior in (*PRIORS.values(), OTHER):
        assert prior.evidence
        assert all(0 <= getattr(prior, kind) <= 1 for kind in POWER)


@pytest.mark.parametrize("kind", [PHOTO, SKETCH, TEXT])
def test_a_weight_is_the_prior_times_a_power_of_the_contrast(kind: str) -> None:
    names = ("clip", "design", "hsv", "someone")
    weights = default_weights(kind, names, CALIBRATION)

    for name in names:
        prior = getattr(PRIORS.get(name, OTHER), kind)
        expected = prior * CONTRAST[name] ** POWER[kind] / STD[name]
        assert weights[name] == pytest.approx(expected)


def test_two_sets_of_weights_of_one_network_share_its_weight() -> None:
    alone = default_weights(PHOTO, ("clip", "resnet50"), CALIBRATION)
    both = default_weights(PHOTO, ("clip", "clip-datacomp", "resnet50"), CALIBRATION)

    assert both["clip"] == pytest.approx(alone["clip"] / 2)
    assert both["clip-datacomp"] == pytest.approx(
        PRIORS["clip"].photo * 2.0 ** POWER[PHOTO] / 0.2 / 2
    )
    assert both["resnet50"] == alone["resnet50"]


def test_what_is_not_meant_for_a_kind_counts_where_there_is_nothing_else() -> None:
    assert default_weights(SKETCH, ("design", "hsv"), CALIBRATION)["hsv"] == 0
    assert default_weights(SKETCH, ("hsv",), CALIBRATION)["hsv"] > 0


def test_where_nothing_was_fitted_priors_decide() -> None:
    weights = default_weights(PHOTO, NAMES[2:], Calibration.none(LAYOUT))

    assert weights == {name: PRIORS.get(name, OTHER).photo for name in NAMES[2:]}
    assert np.isfinite(list(weights.values())).all()
