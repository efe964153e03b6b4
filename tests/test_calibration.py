"""What a collection tells about its blocks."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from image_search.extractors.base import unit_rows
from image_search.imaging.arrays import Floats
from image_search.library import Library
from image_search.search.queries import Query
from image_search.search.ranking.fitting import fit, fit_block
from image_search.search.ranking.fusion import (
    FEWEST,
    PHOTO,
    Calibration,
    Layout,
    default_weights,
    stored_vectors,
)
from image_search.search.ranking.priors import PRIORS
from image_search.search.search_index import SearchIndex
from image_search.settings import Settings
from image_search.storage import Snapshot, read_snapshot
from image_search.storage.snapshot import segment_folder
from tests.drawing import draw_into, picture

LAYOUT = Layout(("hsv", "edges", "texture"), (12, 8, 6))


def collection(count: int, seed: int = 0, *, blind: str = "") -> dict[str, Floats]:
    """Blocks that share a mean and look at one hidden thing, except the ``blind`` one."""
    rng = np.random.default_rng(seed)
    hidden = rng.normal(size=(count, 4))
    blocks = {}
    for name, dim in zip(LAYOUT.names, LAYOUT.dims, strict=True):
        seen = rng.normal(size=(count, 4)) if name == blind else hidden
        rows = seen @ rng.normal(size=(4, dim)) + rng.normal(size=dim)
        blocks[name] = unit_rows(rows + 0.3 * rng.normal(size=(count, dim)))
    return blocks


def fitted(count: int = 120, **options: Any) -> tuple[dict[str, Floats], Calibration]:
    blocks = collection(count, **options)
    return blocks, fit(LAYOUT, stored_vectors(LAYOUT, blocks), count)


def test_the_mean_shrinks_as_if_blank_images_had_been_seen_too() -> None:
    for count in (FEWEST, 400):
        blocks, calibration = fitted(count)
        assert calibration.fitted_on == count
        for name, rows in blocks.items():
            expected = rows.sum(axis=0) / (count + 20)
            assert np.allclose(calibration.means[name], expected, atol=1e-5)


def test_the_spread_is_that_of_the_cosines_of_two_images() -> None:
    blocks, calibration = fitted()
    for name, rows in blocks.items():
        centred = rows - calibration.means[name]
        centred /= np.linalg.norm(centred, axis=1, keepdims=True)
        cosines = (centred @ centred.T)[np.triu_indices(len(rows), 1)]
        assert calibration.std[name] == pytest.approx(float(cosines.std()), rel=0.05)


def seen_by(noise: float, count: int = 300, kinds: int = 30) -> Floats:
    """Unit rows of an extractor that distinguishes kinds of images, but for so much noise."""
    rng = np.random.default_rng(4)
    known = np.eye(kinds)[np.arange(count) % kinds] @ rng.normal(size=(kinds, 40))
    return unit_rows(known + noise * rng.normal(size=(count, 40)) + 0.5)


def test_the_contrast_is_that_of_the_ten_nearest_among_each_other() -> None:
    rows = seen_by(0.5)
    fitted = fit_block(rows)

    centred = unit_rows(rows - fitted.mean).astype(np.float64)
    cosines = centred @ centred.T
    every = cosines[np.triu_indices(len(rows), 1)]
    among = []
    for image, row in enumerate(cosines):
        near = [other for other in np.argsort(-row).tolist() if other != image][:10]
        among += [cosines[a, b] for a in near for b in near if a < b]
    expected = (np.mean(among) - every.mean()) / every.std()
    assert fitted.contrast == pytest.approx(expected, rel=0.05)


def test_the_contrast_falls_with_noise_and_is_lowest_without_anything_to_see() -> None:
    contrasts = [fit_block(seen_by(noise)).contrast for noise in (0.2, 1.0, 2.0, 100.0)]

    assert contrasts == sorted(contrasts, reverse=True)
    assert contrasts[-1] < contrasts[0] / 3


def test_what_sees_no_difference_has_no_contrast() -> None:
    rows = np.repeat(seen_by(0.2)[:1], 300, axis=0)

    assert fit_block(rows).contrast < 0.1


def test_a_few_images_that_are_there_twice_do_not_change_the_contrast() -> None:
    rows = seen_by(1.0)
    twice = rows.copy()
    twice[1::20] = twice[::20]

    assert fit_block(twice).contrast == pytest.approx(fit_block(rows).contrast, rel=0.1)


def test_what_is_fitted_to_an_extractor_depends_on_it_alone() -> None:
    blocks, together = fitted()
    for name in LAYOUT.names:
        layout = Layout((name,), (LAYOUT.dims[LAYOUT.names.index(name)],))
        alone = fit(layout, stored_vectors(layout, blocks), 120)
        assert alone.contrast[name] == pytest.approx(together.contrast[name], rel=1e-4)
        assert alone.std[name] == pytest.approx(together.std[name], rel=1e-4)
        assert np.allclose(alone.means[name], together.means[name], atol=1e-6)


def test_the_same_images_give_the_same_calibration() -> None:
    assert fitted()[1].to_plain() == fitted()[1].to_plain()


def test_few_images_are_taken_as_they_are() -> None:
    blocks, calibration = fitted(FEWEST - 1)
    vectors = stored_vectors(LAYOUT, blocks)

    assert calibration.fitted_on == 0
    assert calibration.std == calibration.contrast == dict.fromkeys(LAYOUT.names, 1.0)
    assert np.array_equal(calibration.centred(vectors), vectors)
    assert np.array_equal(calibration.centred_block("hsv", blocks["hsv"][0]), blocks["hsv"][0])


def test_vectors_and_blocks_are_centred_alike() -> None:
    blocks, calibration = fitted()
    centred = calibration.centred(stored_vectors(LAYOUT, blocks))

    assert np.allclose(np.linalg.norm(centred, axis=1), 1, atol=1e-5)
    for name, place in LAYOUT.slices().items():
        block = calibration.centred_block(name, blocks[name][3])
        assert np.linalg.norm(block) == pytest.approx(1, abs=1e-5)
        assert np.allclose(centred[3, place] * math.sqrt(3), block, atol=1e-5)
        assert abs(centred[:, place].mean()) < abs(blocks[name].mean())


def test_images_that_are_all_alike_have_finite_scores() -> None:
    blocks = {name: np.repeat(rows[:1], 60, axis=0) for name, rows in collection(1).items()}
    vectors = stored_vectors(LAYOUT, blocks)
    calibration = fit(LAYOUT, vectors, 60)
    centred = calibration.centred(vectors)

    assert all(spread > 0 for spread in calibration.std.values())
    assert np.allclose(centred @ centred[0], 1, atol=1e-4)


@pytest.mark.parametrize(
    ("fitted_on", "images", "outdated"),
    [
        (0, 0, False),
        (0, FEWEST - 1, False),
        (0, FEWEST, True),
        (100, 100, False),
        (100, 199, False),
        (100, 200, True),
        (200, 101, False),
        (200, 100, True),
        (100, FEWEST - 1, False),
    ],
)
def test_it_is_outdated_when_the_collection_has_doubled_or_halved(
    fitted_on: int, images: int, outdated: bool
) -> None:
    assert replace(Calibration.none(LAYOUT), fitted_on=fitted_on).outdated(images) == outdated


def test_it_survives_the_cache() -> None:
    _, calibration = fitted()
    again = Calibration.from_plain(LAYOUT, calibration.to_plain())

    assert again.to_plain() == calibration.to_plain()
    for name in LAYOUT.names:
        assert np.array_equal(again.means[name], calibration.means[name])


def test_what_an_earlier_release_fitted_counts_by_priors_until_it_is_fitted_again() -> None:
    plain = fitted()[1].to_plain()
    earlier = {**plain, "trust": plain["contrast"]}
    del earlier["contrast"]

    found = Calibration.from_plain(LAYOUT, earlier)

    assert found.fitted_on == 120
    assert found.outdated(120)
    assert not Calibration.from_plain(LAYOUT, plain).outdated(120)
    weights = default_weights(PHOTO, LAYOUT.names, found)
    for name, weight in weights.items():
        assert weight * found.std[name] == pytest.approx(PRIORS[name].photo)


NAN, INF = math.nan, math.inf
NO_SPREADS: tuple[float, ...] = (0, -1, NAN, INF)
NO_COUNTS: tuple[Any, ...] = (None, "many", -5, 0, NAN, INF, [])
MALFORMED: list[dict[str, Any]] = [
    {"means": None},
    {"means": []},
    {"means": {}},
    {"means": {"hsv": b"\0" * 48, "edges": b"\0" * 32, "texture": b"\0" * 28}},
    {"means": {"hsv": b"\0" * 47, "edges": b"\0" * 32, "texture": b"\0" * 24}},
    {"means": {"hsv": [0.0] * 12, "edges": b"\0" * 32, "texture": b"\0" * 24}},
    {"means": {"hsv": b"\xff" * 48, "edges": b"\0" * 32, "texture": b"\0" * 24}},
    *({"spreads": {"hsv": wrong, "edges": 1.0, "texture": 1.0}} for wrong in NO_SPREADS),
    {"spreads": {"hsv": 1.0, "edges": 1.0}},
    {"spreads": {"hsv": "wide", "edges": 1.0, "texture": 1.0}},
    {"contrast": {"hsv": 10**400, "edges": 1.0, "texture": 1.0}},
    {"contrast": {"hsv": -1.0, "edges": 1.0, "texture": 1.0}},
    {"contrast": 1},
    *({"fitted_on": wrong} for wrong in NO_COUNTS),
]  # fmt: skip


@pytest.mark.parametrize("wrong", MALFORMED, ids=lambda wrong: str(wrong)[:30])
def test_what_is_malformed_counts_as_nothing_fitted(wrong: dict[str, Any]) -> None:
    plain = fitted()[1].to_plain()
    assert Calibration.from_plain(LAYOUT, plain).fitted_on == 120

    lacking = {k: v for k, v in plain.items() if k not in wrong or k == "contrast"}
    broken_ones = [plain | wrong, wrong, {}] + [lacking] * (lacking != plain)
    for broken in broken_ones:
        calibration = Calibration.from_plain(LAYOUT, broken)
        assert calibration.fitted_on == 0
        assert calibration.to_plain() == Calibration.none(LAYOUT).to_plain()
    assert Calibration.from_plain(Layout(("clip",), (12,)), plain).fitted_on == 0


class TestInTheLibrary:
    """Sixty designs, enough to be calibrated."""

    @pytest.fixture
    def library(self, settings: Settings, folder: Path) -> Library:
        draw_into(folder, 60)
        return Library.open(replace(settings, extractors="hsv,edges"))

    @staticmethod
    def snapshot(library: Library) -> Snapshot:
        cache = library.settings.cache
        snapshot = read_snapshot(cache, segment_folder(cache))
        assert snapshot is not None
        return snapshot

    @staticmethod
    def scores(library: Library) -> dict[str, float]:
        # The plain sum: beyond the first answers, what others show has a say as well.
        query = Query((picture(5),), k=10**6, weights={"hsv": 1, "edges": 1})
        hits = library.search(query).hits
        return {hit.path: hit.score for hit in hits if int(hit.path[:4]) < 60}

    def test_scores_stay_until_the_collection_has_doubled(self, library: Library) -> None:
        folder = library.settings.images
        assert library.update().calibrated
        first = self.scores(library)
        assert first["0005.png"] == pytest.approx(1, abs=1e-4)
        assert not library.update().calibrated

        draw_into(folder, 59, first=60)
        assert not library.update().calibrated
        assert self.scores(library) == first

        draw_into(folder, 1, first=119)
        assert library.update().calibrated
        second = self.scores(library)
        assert second != first
        assert second["0005.png"] == pytest.approx(1, abs=1e-4)

    def test_a_small_collection_is_not_calibrated(self, settings: Settings, folder: Path) -> None:
        draw_into(folder, FEWEST - 1)
        library = Library.open(settings)
        assert not library.update().calibrated
        assert self.snapshot(library).calibration is None
        draw_into(folder, 1, first=FEWEST - 1)
        assert library.update().calibrated

    def test_two_machines_come_to_the_same(self, library: Library, tmp_path: Path) -> None:
        library.update()
        other = Library.open(replace(library.settings, cache=tmp_path / "other.pkl", threads=1))
        other.update()

        assert self.snapshot(other).calibration == self.snapshot(library).calibration

    def test_only_what_changed_is_built_again(self, library: Library) -> None:
        library.update()
        before = SearchIndex.of(self.snapshot(library))
        draw_into(library.settings.images, 3, first=60)
        library.update()
        snapshot = self.snapshot(library)

        after = SearchIndex.of(snapshot, before)
        # A slow machine saves more than once, so there may be several old parts.
        old = {id(part.of) for part in before.parts}
        shared = [id(part.of) in old for part in after.parts]
        assert any(shared)
        assert not all(shared)

        refitted = replace(snapshot, calibration={**(snapshot.calibration or {}), "fitted_on": 9})
        anew = SearchIndex.of(refitted, after)
        assert all(new.of is not old.of for new, old in zip(anew.parts, after.parts, strict=True))

    def test_a_malformed_calibration_is_ignored(self, library: Library) -> None:
        library.update()
        snapshot = self.snapshot(library)
        index = SearchIndex.of(replace(snapshot, calibration={"fitted_on": 60, "means": 7}))
        plain = SearchIndex.of(replace(snapshot, calibration=None))

        assert index.calibration.fitted_on == 0
        vector = snapshot.segments[0].vectors[0]
        for one, other in zip(index.parts, plain.parts, strict=True):
            assert one.of.index.search(vector, 9)[1].tolist() == (
                other.of.index.search(vector, 9)[1].tolist()
            )
