"""From folders of pictures to a file of weights that the package can use."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from image_search.extractors.base import unit_rows
from image_search.extractors.design import squeezed
from image_search.extractors.design_network import DIM, LAYOUT, LAYOUT_SHARE, MEANING, SIDE, Design
from tests.drawing import design, ornate
from tests.training.seeing import teacher
from training import sources
from training.exporting import export, save
from training.heads import with_heads
from training.judging import embedding, judge
from training.learning import Recipe, batch, learn, loss_of
from training.lessons import (
    EDITS,
    LOCATED_LABELLED,
    LOCATED_PHOTOS,
    LOCATED_RENDERINGS,
    LOCATED_SKETCHES,
    MIXTURES,
    PARTS,
    PHOTO,
    RENDERING,
    RENDERINGS,
    SKETCH,
    SKETCHES,
    Lessons,
)
from training.lines import line_rendering
from training.locating import cells_of
from training.pictures import load
from training.student import State
from training.teaching import MIXED, VIEWS, Taught, teach

pytestmark = pytest.mark.slow

RECIPE = Recipe(minutes=0.03, feeders=0, sides=((1.0, 96),))


@pytest.fixture(scope="module")
def sets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Photos of two classes of which one is held out, sketches of them, and styles."""
    folder = tmp_path_factory.mktemp("sets")
    rng = np.random.default_rng(0)
    for label, first in (("cup", 0), ("teapot", 20)):
        for number in range(first, first + 6):
            photo = folder / "sketchy" / "photo" / label / f"{number}.png"
            sketch = folder / "sketchy" / "sketch" / label / f"{number}-1.png"
            for path in (photo, sketch):
                path.parent.mkdir(parents=True, exist_ok=True)
            picture = ornate(number).resize((96, 72))
            picture.save(photo)
            Image.fromarray(line_rendering(np.asarray(picture), rng)).save(sketch)
    for style in ("photo", "sketch", "cartoon"):
        for number in range(3):
            path = folder / "pacs" / style / "cup" / f"{number}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            design(100 + number).save(path)
    return folder


@pytest.fixture(scope="module")
def taught(sets: Path) -> Taught:
    items = sources.items(sets)
    wanted = [path for item in items for path in (item.photo, *item.drawings)]
    return teach(teacher, items, [], [], load(wanted), seed=1)


@pytest.fixture(scope="module")
def state(taught: Taught) -> State:
    return learn(taught, RECIPE, tell=lambda _: None, keep=lambda _: None)


@pytest.fixture(scope="module")
def fitted(taught: Taught, state: State) -> State:
    return with_heads(state, taught, RECIPE.seed, lessons=4)


@pytest.fixture(scope="module")
def weights(fitted: State, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return export(fitted, tmp_path_factory.mktemp("weights"))


def test_the_teacher_is_asked_for_several_views_of_each(taught: Taught) -> None:
    assert taught.targets.shape == (len(taught.items), VIEWS, MEANING)
    assert np.allclose(np.linalg.norm(taught.targets, axis=2), 1, atol=1e-3)
    for item, rectangles in zip(taught.items, taught.rectangles, strict=True):
        height, width = taught.pictures[item.photo].shape[:2]
        assert (rectangles[0] == (0, 0, height, width)).all()
        assert (rectangles[:, 0] + rectangles[:, 2] <= height).all()
        assert (rectangles[:, 1] + rectangles[:, 3] <= width).all()


def test_the_teacher_is_asked_about_mixtures_of_all_photos(taught: Taught) -> None:
    assert [mixture.one for mixture, _ in taught.mixtures] == MIXED * taught.photos
    others = sorted(mixture.other for mixture, _ in taught.mixtures)
    assert others == sorted(MIXED * taught.photos)
    for _, target in taught.mixtures:
        assert np.linalg.norm(target) == pytest.approx(1, abs=1e-3)


def test_photos_of_which_nothing_is_known_teach_as_well(sets: Path, taught: Taught) -> None:
    items = [*sources.items(sets), *sources.unlabelled(sets / "sketchy" / "photo" / "cup")]
    wanted = [path for item in items for path in (item.photo, *item.drawings)]

    more = teach(teacher, items, [], [], load(wanted), seed=1)

    assert len(more.photos) == len(taught.photos) + 6
    assert "" not in more.of_class
    # The space is that of what is labelled, so weights that were learnt in it can be gone on from.
    known = [i for i, label in enumerate(more.labels) if label]
    assert np.allclose(more.targets[known, 0], taught.targets[:, 0], atol=1e-4)


def test_lessons_show_every_kind_of_picture_and_repeat_by_seed(taught: Taught) -> None:
    one, again, other = (Lessons(taught, seed).batch(96) for seed in (1, 1, 2))

    of_photos = [min(n, len(taught.photos)) for n in (PARTS, EDITS)]
    of_photos.append(min(RENDERINGS, len(taught.renderings)))
    mixed = min(MIXTURES, len(taught.mixtures))
    pairs = sum(of_photos[1:]) + min(SKETCHES, len(taught.sketches))
    assert len(one.pairs) == pairs
    assert one.photos == mixed + sum(of_photos[:2]) + pairs + LOCATED_PHOTOS
    drawings = pairs - of_photos[1]
    parts = LOCATED_PHOTOS + LOCATED_RENDERINGS + LOCATED_SKETCHES + LOCATED_LABELLED
    drawings += len(taught.labelled_sketches) + parts - LOCATED_PHOTOS
    assert len(one.squares) == one.photos + drawings
    assert one.grids.shape == (parts, cells_of(96), cells_of(96), MEANING)
    means = one.grids.reshape(parts, -1, MEANING).mean(axis=1)
    assert np.allclose(unit_rows(means), one.targets[one.located], atol=1e-3)
    assert one.squares.shape[1:] == (96, 96, 3)
    assert np.allclose(np.linalg.norm(one.targets, axis=1), 1, atol=1e-3)
    assert np.array_equal(one.squares, again.squares)
    assert not np.array_equal(one.squares, other.squares)


def test_a_drawing_is_to_be_seen_where_the_teacher_sees_that_very_drawing(taught: Taught) -> None:
    lesson = Lessons(taught, 4).batch(96)

    known = {
        kind: np.stack([drawn.target for drawn in of])
        for kind, of in ((RENDERING, taught.renderings), (SKETCH, taught.sketches))
    }
    for row in lesson.pairs[:, 0]:
        kind = int(lesson.kinds[row])
        if kind in known:
            own = known[kind] @ lesson.targets[row]
            of = taught.renderings if kind == RENDERING else taught.sketches
            assert lesson.shows[row] in {of[int(j)].shows for j in np.flatnonzero(own > 0.9999)}


def test_every_edit_and_drawing_has_its_photo_beside_it(taught: Taught) -> None:
    lesson = Lessons(taught, 3).batch(96)

    asking, photos = lesson.pairs.T
    assert len(set(photos)) == len(photos)
    assert np.array_equal(lesson.shows[asking], lesson.shows[photos])
    assert (lesson.shows[photos] >= 0).all()
    assert (lesson.kinds[photos] == PHOTO).all()
    assert set(lesson.kinds[asking]) == {PHOTO, RENDERING, SKETCH}
    assert (photos < lesson.photos).all()


def test_processes_learn_together(taught: Taught) -> None:
    messages: list[str] = []
    recipe = replace(RECIPE, workers=2, minutes=0.05)

    state = learn(taught, recipe, tell=messages.append, keep=lambda _: None)

    torch.manual_seed(recipe.seed)
    assert not messages  # it was over before there was anything to tell
    assert any(not torch.equal(state[n], v) for n, v in Design().state_dict().items())
    assert all(torch.isfinite(value).all() for value in state.values())


def test_what_is_exported_is_what_the_package_loads(weights: Path) -> None:
    embed = embedding(weights)
    pictures = [np.asarray(ornate(number), np.uint8) for number in (1, 2)]

    rows = embed(pictures)

    assert rows.shape == (2, DIM)
    assert np.allclose(np.linalg.norm(rows, axis=1), 1, atol=1e-3)
    assert not np.allclose(rows[0], rows[1], atol=1e-3)
    assert weights.stat().st_size < 8_000_000


def test_layout_tells_where_things_are_and_meaning_does_not_have_to(weights: Path) -> None:
    embed = embedding(weights)
    picture = np.asarray(ornate(3), np.uint8)

    rows = embed([picture, np.ascontiguousarray(np.roll(picture, 40, axis=1)), picture])

    assert rows.shape[1] == DIM == MEANING + LAYOUT
    meaning, layout = np.split(rows, [MEANING], axis=1)
    assert np.allclose(np.square(layout).sum(axis=1), LAYOUT_SHARE, atol=1e-3)
    assert np.allclose(np.square(meaning).sum(axis=1), 1 - LAYOUT_SHARE, atol=1e-3)
    assert layout[0] @ layout[2] > layout[0] @ layout[1]


def test_layout_is_what_photos_differ_in_most(taught: Taught, weights: Path) -> None:
    from safetensors.torch import load_file

    network = Design()
    network.load_state_dict(load_file(weights), strict=False)
    shown = [taught.pixels(i) for i in taught.photos if not taught.painted[i]]
    squares = np.stack([squeezed(pixels, SIDE) for pixels in shown])

    with torch.inference_mode():
        cells = network.eval().read_of(batch(squares, torch.device("cpu")))[1].double()
        messages = network.layout.double()(cells)

    assert messages.mean(dim=0).abs().max() < 0.05 * messages.abs().max()
    std = messages.std(dim=0)[: len(shown) - 1]
    assert (std.diff() <= 0.05 * std.max()).all()
    # What is kept of the cells is all in which these few pictures differ.
    one, other = (torch.cdist(of, of) for of in (cells, messages))
    assert torch.corrcoef(torch.stack([one.flatten(), other.flatten()]))[0, 1] > 0.9


def test_meaning_comes_nearer_to_what_the_lessons_ask_for(
    taught: Taught, state: State, fitted: State
) -> None:
    lesson = Lessons(taught, 5).batch(SIDE)

    near = []
    for weights in (state, fitted):
        network = Design()
        network.load_state_dict(weights)
        with torch.inference_mode():
            squares = batch(lesson.squares, torch.device("cpu"))
            made, _ = network.eval().halves_of(squares)
        near.append(float((made.numpy() * lesson.targets).sum(axis=1).mean()))

    assert near[1] > near[0] + 0.05


def test_it_goes_on_from_what_was_learnt(taught: Taught, weights: Path, tmp_path: Path) -> None:
    from safetensors.torch import load_file

    start = {name: tensor.float() for name, tensor in load_file(weights).items()}
    kept: list[State] = []

    over = replace(RECIPE, minutes=1e-9)  # before the first step
    unchanged = learn(taught, over, lambda _: None, kept.append, start)

    assert not kept
    assert all(torch.equal(unchanged[name], value) for name, value in start.items())


def test_it_stays_between_what_was_known_and_what_is_reached(taught: Taught, weights: Path) -> None:
    from safetensors.torch import load_file

    start = {name: tensor.float() for name, tensor in load_file(weights).items()}

    def learnt(share: float) -> State:
        recipe = replace(RECIPE, of_the_way=share)
        return learn(taught, recipe, lambda _: None, lambda _: None, start)

    stayed, gone = learnt(0.0), learnt(1.0)

    assert all(torch.equal(stayed[name], value) for name, value in start.items())
    assert any(not torch.allclose(gone[name], value) for name, value in start.items())


def test_weights_are_saved_whole_and_small(weights: Path, tmp_path: Path) -> None:
    from safetensors.torch import load_file

    state = load_file(weights)
    save(state, tmp_path / "deep" / "so-far.safetensors")

    again = load_file(tmp_path / "deep" / "so-far.safetensors")
    assert all(torch.equal(again[name], value) for name, value in state.items())
    assert [path.name for path in (tmp_path / "deep").iterdir()] == ["so-far.safetensors"]


def test_it_is_judged_by_what_was_held_out(weights: Path, sets: Path) -> None:
    figures = judge(weights, sets)

    assert set(figures) == {"sketchy: recall@10 of the very photo", "sketchy: P@10"}
    assert all(0 <= value <= 1 for value in figures.values())


def test_the_loss_is_least_where_the_rows_are_the_targets() -> None:
    rng = np.random.default_rng(5)
    targets = torch.from_numpy(unit_rows(rng.normal(size=(8, MEANING))))
    others = torch.from_numpy(unit_rows(rng.normal(size=(8, MEANING))))

    right, wrong = (loss_of(made, targets, 0.1).item() for made in (targets, others))

    assert right < wrong
    between = torch.nn.functional.normalize(targets + others, dim=1)
    assert right < loss_of(between, targets, 0.1).item() < wrong
