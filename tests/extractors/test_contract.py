"""What every extractor owes its callers, whichever it is."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import numpy.typing as npt
import pytest

from image_search.extractors import REGISTRY, Extractor, TextExtractor, base

Pixels = npt.NDArray[np.uint8]


def noise(*shape: int, seed: int = 0) -> Pixels:
    return np.random.default_rng(seed).integers(0, 256, (*shape, 3), dtype=np.uint8)


PICTURES: dict[str, Pixels] = {
    "ordinary": noise(300, 400),
    "one pixel": noise(1, 1),
    "very wide": noise(1, 5000),
    "very tall": noise(5000, 1),
    "grey": np.full((64, 96, 3), 128, dtype=np.uint8),
    "black": np.zeros((96, 64, 3), dtype=np.uint8),
    "white": np.full((10, 10, 3), 255, dtype=np.uint8),
    "a view, not contiguous": noise(80, 120)[::-1, ::2],
    "read-only": noise(50, 50),
}
PICTURES["read-only"].flags.writeable = False


# One more of CLIP's models would be the same network once more; SigLIP 2 and the VGGs have tests
# of their own.
LEFT_OUT = (
    "clip-datacomp", "clip-datacomp-256", "clip-siglip2", "clip-siglip2-b16", "vgg16", "vgg16-pool",
    "style-vgg19", "vae",
)  # fmt: skip


@pytest.fixture(params=[name for name in REGISTRY if name not in LEFT_OUT])
def extractor(request: pytest.FixtureRequest, loaded: Mapping[str, Extractor]) -> Extractor:
    return loaded[str(request.param)]


def test_it_is_what_its_row_says(extractor: Extractor) -> None:
    row = REGISTRY[extractor.name]

    assert (row.name, row.dim, row.model) == (extractor.name, extractor.dim, extractor.model)


@pytest.mark.parametrize("kind", list(PICTURES))
def test_any_picture_becomes_one_unit_row(extractor: Extractor, kind: str) -> None:
    before = PICTURES[kind].copy()

    rows = extractor.embed([extractor.prepare(PICTURES[kind])])

    assert rows.shape == (1, extractor.dim)
    assert rows.dtype == np.float32
    assert np.isfinite(rows).all()
    assert np.linalg.norm(rows[0]) == pytest.approx(1, abs=1e-5)
    assert np.array_equal(PICTURES[kind], before), "the caller's pixels were altered"


def test_nothing_becomes_no_rows(extractor: Extractor) -> None:
    rows = extractor.embed([])

    assert rows.shape == (0, extractor.dim)
    assert rows.dtype == np.float32


def test_a_batch_equals_its_pictures_one_by_one(extractor: Extractor) -> None:
    kinds = ("ordinary", "very tall", "grey")
    inputs = [extractor.prepare(PICTURES[kind]) for kind in kinds]

    batch = extractor.embed(inputs)

    single = np.concatenate([extractor.embed([prepared]) for prepared in inputs])
    np.testing.assert_allclose(batch, single, atol=1e-5)


def test_more_than_one_inner_batch_keeps_the_order(
    extractor: Extractor, monkeypatch: pytest.MonkeyPatch
) -> None:
    inputs = [extractor.prepare(noise(40, 40, seed=seed)) for seed in range(5)]
    whole = extractor.embed(inputs)
    monkeypatch.setattr(base, "BATCH", 2)

    np.testing.assert_allclose(extractor.embed(inputs), whole, atol=1e-5)


def test_the_same_picture_gives_the_same_row(extractor: Extractor) -> None:
    first, second = (
        extractor.embed([extractor.prepare(PICTURES["ordinary"].copy())]) for _ in range(2)
    )

    assert np.array_equal(first, second)


def test_different_pictures_give_different_rows(extractor: Extractor) -> None:
    colourful = noise(64, 64)
    colourful[:, 32:] = (250, 40, 10)

    rows = extractor.embed([extractor.prepare(p) for p in (colourful, PICTURES["black"])])

    assert float(rows[0] @ rows[1]) < 0.9999


def test_prepare_may_be_called_from_many_threads(extractor: Extractor) -> None:
    pictures = [noise(90 + seed, 120, seed=seed) for seed in range(24)]
    expected = [extractor.prepare(pixels) for pixels in pictures]

    with ThreadPoolExecutor(8) as pool:
        actual = list(pool.map(extractor.prepare, pictures))

    for one, other in zip(actual, expected, strict=True):
        assert np.array_equal(one, other)


def test_words_and_pictures_share_a_space(loaded: Mapping[str, Extractor]) -> None:
    texts = ["a ring with a blue stone", "", "ß 戒指 \N{RING}", "very long " * 500]
    for extractor in loaded.values():
        if isinstance(extractor, TextExtractor):
            rows = extractor.embed_text(texts)

            assert rows.shape == (4, REGISTRY[extractor.name].dim)
            assert rows.dtype == np.float32
            np.testing.assert_allclose(np.linalg.norm(rows, axis=1), 1, atol=1e-5)
            np.testing.assert_allclose(rows[:1], extractor.embed_text(texts[:1]), atol=1e-5)
            assert extractor.embed_text([]).shape == (0, REGISTRY[extractor.name].dim)


def test_it_reads_words_if_its_row_says_so(extractor: Extractor) -> None:
    assert isinstance(extractor, TextExtractor) == REGISTRY[extractor.name].reads
