"""Networks that the fusion was not made for are plugged in: it must not fall behind its best part.

Real networks and labelled pictures, which are not part of the project: without them this is
skipped. What is compared and how it is ranked is what a search does.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from benchmarks.networks import (
    PARTS,
    SQUEEZENET,
    Case,
    Network,
    Pictures,
    mean_precision,
    mobilenet,
    precision,
    squeezenet,
)
from benchmarks.report import DATASETS
from image_search.evaluation.asking import FUSION
from image_search.imaging.arrays import Floats, Pixels

#: Few pictures of each class; of sketchy, which has 1,600 photos of 64 classes, all of these. Most
#: of its sketches ``design`` has learnt, and is hard to keep up with.
CASES = (
    Case("corel1k", 30),
    Case("jewellery", 60),
    Case("clothing", 20),
    Case("caltech101", 8),
    Case("sketchy", 30, "photo", "sketch", asking=3),
    Case("pacs", 40, "photo", "sketch"),
)
#: How far behind its best part the fusion may fall.
WORST = 0.99

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        not (SQUEEZENET.is_file() and DATASETS.is_dir()),
        reason="the networks and pictures in ../shared are not here",
    ),
]

Set = tuple[Pictures, Pictures | None]


@pytest.fixture(scope="module", params=CASES, ids=lambda case: case.name)
def pictures(request: pytest.FixtureRequest) -> Set:
    case: Case = request.param
    return case.pictures()


def noise(pixels: Sequence[Pixels]) -> Floats:
    """A network that knows nothing at all."""
    return np.random.default_rng(0).normal(size=(len(pixels), 64)).astype(np.float32)


@pytest.mark.parametrize(
    "networks",
    [(squeezenet,), (mobilenet,), (noise,), (squeezenet, mobilenet), (squeezenet, noise)],
    ids=lambda networks: " and ".join(network.__name__ for network in networks),
)
def test_the_fusion_keeps_up_with_its_best_part(
    pictures: Set, networks: tuple[Network, ...]
) -> None:
    gallery, drawn = pictures
    blocks = gallery.blocks(networks)

    found = precision(
        blocks, gallery.labels, None if drawn is None else (drawn.blocks(networks), drawn.labels)
    )

    fusion = found.pop(FUSION)
    assert fusion >= WORST * max(found.values()), (fusion, found)
    if networks != (noise,):
        assert fusion > max(found[name] for name in PARTS)


def test_blocks_that_are_all_alike_fall_behind() -> None:
    """What the weights are held against: all blocks as they come."""
    gallery, _ = CASES[0].pictures()
    blocks = gallery.blocks([mobilenet])

    def alike(names: Sequence[str]) -> float:
        table = sum(blocks[name] @ blocks[name].T for name in names)
        return mean_precision(np.asarray(table), gallery.labels, gallery.labels, by_itself=True)

    assert alike(list(blocks)) < 0.95 * max(alike([name]) for name in blocks)
