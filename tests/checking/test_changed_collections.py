"""Checks after files, fingerprints, thresholds or decisions have changed."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import ImageOps

from image_search.duplicates.checking import calibrating, drawn
from image_search.errors import NotReady
from image_search.indexing.reports import Progress
from image_search.library import Library
from image_search.search.queries import Query
from tests.checking.collection import IMAGES, id_of, of
from tests.drawing import ornate, saved


def test_all_copies_are_named(own: Library, folder: Path) -> None:
    for name in ("b.png", "a.png"):
        (folder / name).write_bytes((folder / "07.png").read_bytes())
    own.update()

    result = own.check(of(ornate(7)))

    assert [hit.hit.path for hit in result.hits if hit.relation == "exact"] == [
        *("07.png", "a.png", "b.png")
    ]
    like = own.check(Query(like=(id_of(own, "a.png"),)))
    assert [h.hit.path for h in like.hits if h.relation == "exact"] == ["07.png", "b.png"]


def test_a_pair_decided_to_be_different_stays_so(own: Library, folder: Path) -> None:
    mirrored = saved(ImageOps.mirror(ornate(7)))
    (folder / "mirrored.png").write_bytes(mirrored)
    own.update()
    assert [h.hit.path for h in own.check(Query(images=(mirrored,))).hits if h.evidence] == [
        *("mirrored.png", "07.png")
    ]
    first, second = id_of(own, "07.png"), id_of(own, "mirrored.png")

    own.duplicates.decide(first, second, "different")
    (folder / "mirrored.png").rename(folder / "renamed.png")
    own.update()

    for opened in (own, Library.open(own.settings)):
        result = opened.check(Query(images=(mirrored,)))
        assert [h.hit.path for h in result.hits if h.evidence] == ["renamed.png"]
        assert result.suppressed == 1
    own.duplicates.decide(first, id_of(own, "renamed.png"), "colourway")
    found = own.check(Query(images=(mirrored,))).hits
    assert [(h.hit.path, h.decision) for h in found if h.relation == "near"] == [
        ("07.png", "colourway")
    ]


def test_a_rejected_picture_that_is_not_indexed_stays_rejected(own: Library) -> None:
    query = of(ImageOps.mirror(ornate(7)))
    found = own.check(query)
    assert found.exists

    own.duplicates.decide(found.content, found.hits[0].hit.id, "different")

    assert not own.check(query).exists


def test_images_without_fingerprints_are_reported(own: Library) -> None:
    for path in (own.settings.state_dir / "fingerprints").iterdir():
        path.unlink()
    opened = Library.open(own.settings)

    result = opened.check(of(ornate(7)))
    assert (result.verdict, result.without_fingerprint) == ("exact", IMAGES)
    assert f"{IMAGES} images have no fingerprint" in result.warnings[0]
    assert opened.outdated

    assert opened.prepare()
    after = opened.check(of(ImageOps.mirror(ornate(7))))
    assert (after.verdict, after.without_fingerprint, after.warnings) == ("near", 0, ())


def test_without_thresholds_only_what_is_certain_is_stated(
    own: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(calibrating, "PICTURES", {"photo": 3, "sketch": 2})
    (own.settings.state_dir / "thresholds.pkl").write_bytes(b"rubbish")
    opened = Library.open(own.settings)

    opened.update()  # does not fit them, for that would hold it up
    result = opened.check(of(ornate(7)))

    assert result.verdict == "exact"
    assert result.certainty is None
    another = of(ImageOps.mirror(ornate(7)))
    with pytest.raises(NotReady, match="Ask again"):
        opened.check(another)
    assert not opened.prepare(cancelled=lambda: True)
    with pytest.raises(NotReady):
        opened.check(another)
    assert not opened.wait_for_thresholds(0.01)
    answer: list[Progress] = []
    assert opened.prepare(answer.append)
    drawings = min(min(IMAGES, drawn.PICTURES) * drawn.EACH, drawn.MOST)
    assert (answer[-1].phase, answer[-1].done, answer[-1].total) == (
        "thresholds",
        drawings,
        drawings,
    )
    assert opened.wait_for_thresholds(0)
    assert opened.check(another).certainty is not None


def test_a_collection_of_which_nothing_can_be_measured_is_judged_all_the_same(
    own: Library, folder: Path
) -> None:
    (own.settings.state_dir / "thresholds.pkl").unlink()
    for path in folder.rglob("*.png"):
        path.unlink()
    opened = Library.open(own.settings)

    assert opened.prepare()

    result = opened.check(of(ornate(100)))
    assert (result.exists, result.certainty) == (False, None)
    assert "are not fitted to this collection yet" in " ".join(result.warnings)


def test_fitting_ends_when_its_time_is_up(own: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calibrating, "PICTURES", {"photo": 6, "sketch": 6})
    monkeypatch.setattr(calibrating, "SECONDS", 0)
    (own.settings.state_dir / "thresholds.pkl").unlink()

    assert own.prepare()

    certainty = own.check(of(ornate(7))).certainty
    assert certainty is not None
    assert certainty.measured_on == calibrating.COPIES, "one picture was measured"


def test_an_original_that_has_gone_is_still_found(own: Library, folder: Path) -> None:
    (folder / "07.png").unlink()
    result = own.check(of(ornate(7), "BMP"))
    assert result.verdict == "near"
    assert result.hits[0].hit.path == "07.png"
