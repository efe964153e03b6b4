"""Drawings are found mirrored and turned, and every hit says how it was found."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from image_search.evaluation.asking import FUSION, EvaluationQuery, ranking_configs, scores
from image_search.evaluation.collection import Collection
from image_search.extractors.uprightness import QUARTERS, Uprightness, uprightness_of
from image_search.imaging.arrays import Floats, Pixels
from image_search.library import Library
from image_search.search.queries import Filter, Query, Region
from image_search.search.ranking.fusion import (
    SKETCH,
)
from image_search.search.ranking.variants import MIRRORED_BEHIND, Variant, View, lost, variants_of
from image_search.settings import Settings
from tests.drawing import saved

COUNT = 60  # enough to be calibrated
VIEWS = [View(quarters, mirrored) for mirrored in (False, True) for quarters in range(QUARTERS)]


def drawn(seed: int) -> Pixels:
    """A drawing in dark lines on paper, like none of another seed, nor like itself turned."""
    rng = np.random.default_rng(seed)
    pixels = np.full((240, 240, 3), 255, np.uint8)
    ends = rng.integers(20, 220, (6, 2))
    cv2.polylines(
        pixels, [ends.reshape(-1, 1, 2)], rng.random() < 0.5, (30, 30, 30), 3, cv2.LINE_AA
    )
    for _ in range(3):
        middle, radius = rng.integers(50, 190, 2).tolist(), int(rng.integers(10, 40))
        cv2.circle(pixels, middle, radius, (30, 30, 30), 3, cv2.LINE_AA)
    return pixels


def asked(seed: int, view: View = VIEWS[0]) -> bytes:
    """The drawing of this seed, seen otherwise, as a file."""
    return saved(Image.fromarray(view.of(drawn(seed))))


def undone(view: View) -> str:
    """The name of what brings a picture seen like this back."""
    turned = view.quarters if view.mirrored else -view.quarters
    return View(turned % QUARTERS, view.mirrored).name


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Library:
    """Drawings, half of them in a folder of their own, under what compares drawings."""
    place = tmp_path_factory.mktemp("drawings")
    (place / "images" / "late").mkdir(parents=True)
    for seed in range(COUNT):
        name = f"{'late/' * (seed % 2)}{seed:02}.png"
        (place / "images" / name).write_bytes(asked(seed))
    settings = Settings(
        images=place / "images", cache=place / "features.pkl", extractors="hsv,design,edges"
    )
    opened = Library.open(settings)
    assert opened.update(fingerprints=False).calibrated
    return opened


@pytest.mark.parametrize("view", VIEWS, ids=lambda view: view.name or "as drawn")
def test_each_view_undoes_itself(view: View) -> None:
    pixels = drawn(1)[:, :200]
    back = next(one for one in VIEWS if one.name == undone(view))
    assert np.array_equal(back.of(view.of(pixels)), pixels)


@pytest.mark.parametrize("view", VIEWS, ids=lambda view: view.name or "as drawn")
def test_what_is_known_of_a_view_is_known_of_the_drawing(view: View) -> None:
    """An upright picture turned by each quarter, and what a perfect judge would say of a view."""
    for needed in range(QUARTERS):
        # It needs so many turns; seen mirrored, in the other direction.
        left = (needed - view.quarters) % QUARTERS
        of_view = np.eye(QUARTERS, dtype=np.float32)[-left % QUARTERS if view.mirrored else left]
        assert int(np.argmax(view.before(of_view))) == needed


def test_a_drawing_is_found_mirrored_and_the_hit_says_so(library: Library) -> None:
    for seed in range(12):
        first, *_ = library.search(Query((asked(seed, View(0, True)),), kind="sketch")).hits
        assert Path(first.path).stem == f"{seed:02}"
        assert first.variant == "mirrored"


def test_a_drawing_as_it_is_is_found_first_as_drawn(library: Library) -> None:
    for seed in range(12):
        first, *others = library.search(Query((asked(seed),), kind="sketch")).hits
        assert (Path(first.path).stem, first.variant) == (f"{seed:02}", "")
        assert all(hit.score <= first.score for hit in others)


@pytest.mark.parametrize("view", VIEWS, ids=lambda view: view.name or "as drawn")
def test_turned_drawings_are_found_where_nothing_tells_which_way_up(
    library: Library, view: View, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("image_search.search.ranking.variants.uprightness_of", lambda _: None)
    for seed in range(6):
        first, *_ = library.search(Query((asked(seed, view),), kind="sketch")).hits
        assert (Path(first.path).stem, first.variant) == (f"{seed:02}", undone(view))


def test_turned_drawings_are_found_by_edges_alone(library: Library) -> None:
    query = Query((asked(5, View(1, False)),), kind="sketch", weights={"edges": 1})
    first, *_ = library.search(query).hits
    assert (first.path, first.variant) == ("late/05.png", "turned 270°")


@pytest.mark.parametrize("margin", [0, 130])
def test_a_small_drawing_is_found_whatever_room_images_leave_around(
    library: Library, tmp_path: Path, margin: int
) -> None:
    images = tmp_path / "images"
    images.mkdir()
    for seed in range(COUNT):
        image = np.pad(drawn(seed), ((margin,) * 2, (margin,) * 2, (0, 0)), constant_values=255)
        Image.fromarray(image).save(images / f"{seed:02}.png")
    settings = replace(library.settings, images=images, cache=tmp_path / "features.pkl")
    roomy = Library.open(settings)
    roomy.update(fingerprints=False)
    found = 0
    for seed in range(12):
        sheet = np.full((900, 900, 3), 255, np.uint8)
        sheet[600:840, 40:280] = drawn(seed)
        first, *_ = roomy.search(Query((saved(Image.fromarray(sheet)),), kind="sketch")).hits
        found += (Path(first.path).stem, first.variant) == (f"{seed:02}", "")
    assert found >= 11


def test_scores_stay_within_range_and_contributions_add_up(library: Library) -> None:
    for view in VIEWS:
        for hit in library.search(Query((asked(3, view),), kind="sketch", k=COUNT)).hits:
            assert -1 <= hit.score <= 1.5
            assert sum(hit.contributions.values()) == pytest.approx(hit.score, abs=3e-4)
            assert hit.contributions.keys() == hit.scores.keys()


def test_photos_several_pictures_and_indexed_ones_have_no_variants(library: Library) -> None:
    mirrored = asked(3, View(0, True))
    own = library.search(Query((asked(4),), kind="sketch")).hits[0].id
    for query in (
        Query((mirrored,), kind="photo"),
        Query((mirrored, asked(5)), kind="sketch"),
        Query((mirrored,), like=(own,), kind="sketch"),
        Query((mirrored,), kind="sketch", weights={"hsv": 1}),
        Query(text="late"),
    ):
        hits = library.search(query).hits
        assert hits
        assert not any(hit.variant for hit in hits)


def test_filters_regions_and_words_hold_for_variants(library: Library) -> None:
    mirrored = asked(7, View(0, True))
    late = library.search(Query((mirrored,), kind="sketch", filter=Filter(folder="late"))).hits
    assert late[0].path == "late/07.png"
    assert late[0].variant == "mirrored"
    assert all(hit.path.startswith("late/") for hit in late)
    sheet = np.full((480, 480, 3), 255, np.uint8)
    sheet[240:, 240:] = View(0, True).of(drawn(8))
    part = Query((saved(Image.fromarray(sheet)),), kind="sketch", region=Region(0.5, 0.5, 0.5, 0.5))
    first, *_ = library.search(part).hits
    assert (first.path, first.variant) == ("08.png", "mirrored")
    named = library.search(Query((mirrored,), text="late", kind="sketch")).hits
    assert named[0].path == "late/07.png"


def test_evaluation_scores_drawings_as_a_search_does(library: Library) -> None:
    collection = Collection.of(library.settings)
    config = next(
        config for config in ranking_configs(tuple(collection.models)) if config.name == FUSION
    )
    number = collection.paths.index("06.png")
    blocks, variants = collection.drawn(number, tuple(collection.models), SKETCH)
    one = EvaluationQuery(blocks, SKETCH, variants)
    known = (collection.calibration, collection.models, collection.centred)
    found = scores(config, [one], *known)[0]
    hits = library.search(Query((asked(6),), kind="sketch", k=COUNT)).hits
    assert len(hits) == COUNT
    for hit in hits:
        assert found[collection.paths.index(hit.path)] == pytest.approx(hit.score, abs=2e-3)


def test_evaluation_asks_with_the_cleaned_drawing(library: Library, tmp_path: Path) -> None:
    sheet = np.zeros((480, 600, 3), np.uint8)
    sheet[200:440, 40:280] = 255 - drawn(6)  # chalk on black, in a corner
    Image.fromarray(sheet).save(tmp_path / "chalk.png")
    questions = Collection.of(replace(library.settings, images=tmp_path, cache=tmp_path / "f.pkl"))
    collection = Collection.of(library.settings)
    config = next(
        config for config in ranking_configs(tuple(collection.models)) if config.name == FUSION
    )
    blocks, variants = questions.drawn(0, tuple(collection.models))
    known = (collection.calibration, collection.models, collection.centred)
    (found,) = scores(config, [EvaluationQuery(blocks, SKETCH, variants)], *known)

    assert questions.kinds == (SKETCH,)
    chalk = (tmp_path / "chalk.png").read_bytes()
    cleaned, original = (
        {hit.path: hit.score for hit in library.search(query).hits}
        for query in (
            Query((chalk,), k=COUNT),
            Query((chalk,), kind=SKETCH, k=COUNT, original=True),
        )
    )
    ours = dict(zip(collection.paths, found.tolist(), strict=True))
    assert ours == pytest.approx(cleaned, abs=2e-3)
    assert ours != pytest.approx(original, abs=2e-2)


def test_extractors_that_see_no_difference_lose_nothing() -> None:
    variants = [Variant("", {}, 0.0), Variant("mirrored", {}, 0.2)]
    assert lost(variants, {"clip": 1.0}).tolist() == [0, 0]
    assert lost(variants, {"clip": 0.5, "edges": 0.5}).tolist() == [0, pytest.approx(0.1)]


@pytest.mark.parametrize("needed", range(QUARTERS))
def test_an_unlikely_view_is_not_looked_at(monkeypatch: pytest.MonkeyPatch, needed: int) -> None:
    """What surely stands upright is only mirrored; what surely does not counts most where it does
    stand upright."""
    judge = Uprightness(30 * np.eye(QUARTERS, dtype=np.float32), np.zeros(QUARTERS, np.float32))
    monkeypatch.setattr("image_search.search.ranking.variants.uprightness_of", lambda _: judge)
    pixels, looked = drawn(1), list[str]()

    def embed(views: Sequence[Pixels], names: Sequence[str]) -> dict[str, Floats]:
        rows = []
        for seen in views:
            view = next(one for one in VIEWS if np.array_equal(one.of(pixels), seen))
            looked.append(view.name)
            left = (view.quarters - needed if view.mirrored else needed - view.quarters) % QUARTERS
            rows.append(np.eye(QUARTERS, dtype=np.float32)[left])
        return {name: np.stack(rows) for name in names}

    block = np.eye(QUARTERS, dtype=np.float32)[needed]
    found = variants_of(pixels, {"design": block}, {"design": "any"}, embed)
    behind = {variant.name: variant.behind for variant in found}
    upright, mirrored = View(needed), View(needed, True)
    assert looked == ["mirrored"] if needed == 0 else {upright.name, mirrored.name} < set(looked)
    assert min(behind, key=behind.__getitem__) == upright.name
    assert behind[mirrored.name] == pytest.approx(MIRRORED_BEHIND)


def test_the_constants_belong_to_the_model_of_the_package(settings: Settings) -> None:
    from image_search.extractors import REGISTRY

    known = uprightness_of(REGISTRY["design"].model)
    assert known is not None
    assert known.weights.shape == (QUARTERS, REGISTRY["design"].dim)
    assert np.exp(known.of(np.zeros(REGISTRY["design"].dim, np.float32))).sum() == pytest.approx(1)
    assert uprightness_of("another") is None
