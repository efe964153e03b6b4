"""Labels of a collection: trained, corrected, searched by and shown."""

from __future__ import annotations

import json
import sqlite3
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from image_search.errors import IndexEmpty, InvalidQuery, MissingPackage
from image_search.library import Library
from image_search.maintenance.repairing import repair
from image_search.maintenance.restoring import restore
from image_search.maintenance.saving import backup
from image_search.maintenance.verifying import verify
from image_search.search.queries import Filter, Query
from image_search.settings import Settings
from tests.conftest import Run

HUES = {"ruby": 0, "emerald": 120, "sapphire": 240}


def picture(hue: int, seed: int) -> Image.Image:
    rng = np.random.default_rng(seed)
    pixels = np.full((48, 48, 3), (0, 200, 200), np.uint8)
    pixels[..., 0] = (hue * 255 // 360 + rng.integers(0, 9)) % 256
    pixels[:10, :10] = (0, 0, rng.integers(0, 255))
    return Image.fromarray(pixels, "HSV").convert("RGB")


@pytest.fixture
def library(folder: Path, settings: Settings) -> Library:
    """Thirty images in a folder for each colour, and two of each outside of them."""
    for number, (name, hue) in enumerate(HUES.items()):
        (folder / name).mkdir()
        for seed in range(10):
            picture(hue, 100 * number + seed).save(folder / name / f"{seed}.png")
        for seed in range(2):
            picture(hue, 5000 + 1000 * number + seed).save(folder / f"new-{name}-{seed}.png")
    library = Library.open(settings)
    library.update(fingerprints=False)
    return library


def data_of(hue: int, tmp_path: Path) -> bytes:
    path = tmp_path / "asked.png"
    picture(hue, 77).save(path)
    return path.read_bytes()


def test_labels_are_learnt_and_filter(library: Library, tmp_path: Path) -> None:
    head = library.labels.train()
    assert head is not None
    assert head.labels == ("emerald", "ruby", "sapphire")
    assert head.assessment.accuracy == 1

    found = library.search(
        Query(images=(data_of(0, tmp_path),), filter=Filter(label=("Emerald",)), k=50)
    )
    assert {Path(hit.path).name for hit in found.hits if "/" not in hit.path} == {
        "new-emerald-0.png", "new-emerald-1.png",
    }  # fmt: skip
    assert len(found.hits) == found.compared == 12
    assert all(next(iter(hit.labels)) == "emerald" for hit in found.hits)
    assert next(iter(found.labels)) == "ruby"


def test_a_label_alone_asks_for_its_images(library: Library) -> None:
    library.labels.train()
    found = library.search(Query(text="label:sapphire", k=50))
    assert len(found.hits) == 12
    assert found.matched_by == "labels"
    assert {hit.closer_than for hit in found.hits} == {None}
    assert all("sapphire" in hit.path for hit in found.hits)


def test_the_same_labels_after_a_restart(library: Library, settings: Settings) -> None:
    library.labels.train()
    ids = [hit.id for hit in library.search(Query(text="label:ruby", k=50)).hits]
    again = Library.open(settings)
    assert again.labels.of_images(ids) == library.labels.of_images(ids)
    assert [one.images for one in again.labels.counts()] == [12, 12, 12]


def test_a_correction_counts_at_once_and_when_trained_again(library: Library) -> None:
    library.labels.train()
    hits = library.search(Query(text="label:ruby", k=50)).hits
    new = next(hit.id for hit in hits if hit.path == "new-ruby-0.png")
    labels = library.labels.decide(new, "ruby", False)
    assert "ruby" not in labels.labels
    assert labels.refused == ("ruby",)
    labels = library.labels.decide(new, "garnet", True)
    assert labels.confirmed == ("garnet",)
    assert next(iter(labels.labels.items())) == ("garnet", 1.0)

    ids = {hit.id for hit in library.search(Query(text="label:ruby", k=50)).hits}
    assert len(ids) == 11
    assert new not in ids
    [only] = library.search(Query(text="label:garnet", k=50)).hits
    assert (only.id, only.confirmed) == (new, ("garnet",))

    head = library.labels.train()
    assert head is not None
    assert head.assessment.labels["garnet"] == 1
    assert library.labels.decide(new, "garnet", None).confirmed == ()


def test_the_folder_that_was_learnt_from_states_the_label(library: Library, folder: Path) -> None:
    picture(240, 777).save(folder / "ruby" / "blue.png")
    library.update(fingerprints=False)
    library.labels.train()
    [blue] = [
        hit for hit in library.search(Query(text="label:ruby", k=50)).hits if "blue" in hit.path
    ]
    assert blue.labels == {"ruby": 1.0}
    library.labels.decide(blue.id, "ruby", False)
    paths = {hit.path for hit in library.search(Query(text="label:ruby", k=50)).hits}
    assert blue.path not in paths


def test_corrections_survive_moving(library: Library, folder: Path) -> None:
    new = library.search(Query(like=(id_of(library, "new-ruby-0.png"),), k=1)).hits[0]
    library.labels.decide(new.id, "pigeon blood", True)
    (folder / "archive").mkdir()
    (folder / "new-ruby-0.png").rename(folder / "archive" / "x.png")
    library.update(fingerprints=False)
    [hit] = library.search(Query(text='label:"pigeon blood"')).hits
    assert hit.path == "archive/x.png"


def id_of(library: Library, path: str) -> str:
    hits = library.search(Query(text=Path(path).stem, k=50)).hits
    return next(hit.id for hit in hits if hit.path == path)


def test_pictures_are_classified(library: Library, tmp_path: Path) -> None:
    with pytest.raises(InvalidQuery, match="No labels were trained"):
        library.labels.classify([data_of(0, tmp_path)])
    library.labels.train()
    ruby, sapphire = library.labels.classify([data_of(0, tmp_path), data_of(240, tmp_path)])
    assert next(iter(ruby.labels)) == "ruby"
    assert next(iter(sapphire.labels)) == "sapphire"


def test_new_images_get_labels_without_training(library: Library, folder: Path) -> None:
    library.labels.train()
    assert len(library.search(Query(text="label:ruby", k=50)).hits) == 12
    picture(0, 555).save(folder / "later.png")
    library.update(fingerprints=False)
    paths = {hit.path for hit in library.search(Query(text="label:ruby", k=50)).hits}
    assert "later.png" in paths


def test_an_unknown_label_names_those_that_may_be_meant(library: Library) -> None:
    with pytest.raises(InvalidQuery, match="No labels were trained"):
        library.search(Query(text="label:ruby"))
    library.labels.train()
    with pytest.raises(InvalidQuery, match="mean sapphire"):
        library.search(Query(text="label:saphire"))
    with pytest.raises(InvalidQuery, match="There are emerald, ruby, sapphire"):
        library.search(Query(text="label:xyz"))


def test_a_classifier_for_other_extractors_is_left_alone(
    library: Library, settings: Settings
) -> None:
    library.labels.train()
    other = Library.open(replace(settings, extractors="edges"))
    other.update(fingerprints=False)
    with pytest.raises(InvalidQuery, match="No labels were trained"):
        other.search(Query(text="label:ruby"))
    other.labels.train()
    assert other.search(Query(text="label:ruby", k=50)).compared > 0


def test_a_damaged_classifier_is_reported(library: Library, settings: Settings) -> None:
    library.labels.train()
    path = settings.state_dir / "labels.pkl"
    path.write_bytes(path.read_bytes()[:-40])
    again = Library.open(settings)
    assert again.labels.head is None
    assert any("Train labels again" in warning for warning in again.status().warnings)
    again.labels.train()
    assert again.labels.warnings == ()


def test_damaged_corrections_are_set_aside(library: Library, settings: Settings) -> None:
    library.labels.decide(id_of(library, "new-ruby-0.png"), "garnet", True)
    path = settings.state_dir / "labels.sqlite"
    sqlite3.connect(path).execute("PRAGMA wal_checkpoint(TRUNCATE)").connection.close()
    path.write_bytes(b"no database" * 100)
    again = Library.open(settings)
    assert again.labels.counts() == []
    assert any("kept as labels.sqlite.damaged" in one for one in again.labels.warnings)
    again.labels.decide(id_of(again, "new-ruby-0.png"), "garnet", True)
    assert [one.name for one in again.labels.counts()] == ["garnet"]


def test_nothing_indexed_nothing_learnt(settings: Settings) -> None:
    with pytest.raises(IndexEmpty):
        Library.open(settings).labels.train()


def test_training_is_cancelled_and_the_old_one_stays(library: Library) -> None:
    steps: list[tuple[int, int]] = []
    first = library.labels.train(on_progress=lambda *step: steps.append(step))
    assert first is not None
    assert [done for done, _ in steps] == list(range(steps[-1][1] + 1))
    assert library.labels.train("folders", cancelled=lambda: True) is None
    assert library.labels.head is not None
    assert library.labels.head.trained == first.trained


def test_without_scikit_learn_it_says_what_to_install(
    library: Library, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    library.labels.train()
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    with pytest.raises(MissingPackage, match=r"image-search\[analysis\]"):
        library.labels.train()
    # What was trained still works.
    assert library.labels.classify([data_of(0, tmp_path)])[0].labels


def test_commands(library: Library, run: Run, tmp_path: Path) -> None:
    del library
    (tmp_path / "asked.png").write_bytes(data_of(120, tmp_path))
    code, out, _ = run("train", "labels", "--from", "{label}/*.png", "--json")
    assert code == 0
    assert [one["name"] for one in json.loads(out)["labels"]] == ["emerald", "ruby", "sapphire"]

    (tmp_path / "broken.png").write_bytes(b"nothing")
    asked = [tmp_path / "asked.png", tmp_path / "broken.png"]
    code, out, _ = run("classify", *asked, "--json", "--grid", tmp_path / "grid.png")
    answer = json.loads(out)
    assert code == 2
    assert answer["images"][0]["path"] == str(asked[0])
    assert next(iter(answer["images"][0]["labels"])) == "emerald"
    assert answer["failed"][0]["path"] == str(asked[1])
    with Image.open(tmp_path / "grid.png") as grid:
        assert grid.height > 200

    code, out, _ = run("search", asked[0], "--label", "ruby", "--json", "-k", "50")
    assert code == 0
    assert len(json.loads(out)["results"]) == 12
    assert run("classify", asked[0], "--grid", tmp_path / "grid.gif")[0] == 2
    code, _, err = run("train", "labels", "--from", "nonsense")
    assert code == 2
    assert "{label}" in err


def test_labels_are_verified_backed_up_and_restored(
    library: Library, settings: Settings, tmp_path: Path
) -> None:
    library.labels.train()
    library.labels.decide(id_of(library, "new-ruby-0.png"), "garnet", True)
    before = library.labels.counts()
    backup(settings, tmp_path / "backup")

    other = replace(settings, cache=tmp_path / "other" / "image_features.pkl")
    restore(other, tmp_path / "backup")
    assert Library.open(other).labels.counts() == before

    path = settings.state_dir / "labels.pkl"
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    [damage] = verify(settings).damage
    assert damage.path == path
    repair(settings, [damage])
    assert verify(settings).damage == []
    assert [one.name for one in Library.open(settings).labels.counts()] == ["garnet"]
