"""The duplicates of a small real collection: grouped, kept, decided on, interrupted, damaged."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageOps

from image_search.duplicates import DECIDED, OPEN, Group, building
from image_search.duplicates.pairs import grouped
from image_search.errors import CacheLocked, InvalidQuery, UnknownImage
from image_search.indexing.originals import id_of
from image_search.library import Library
from image_search.settings import Settings
from tests.drawing import copy_of, ornate, saved, updated
from tests.fingerprints.renderings import necklace


def put(folder: Path, name: str, image: Image.Image, kind: str = "PNG") -> None:
    (folder / name).write_bytes(saved(image, kind))


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """Six designs; of one a mirrored and a cropped copy, of another a byte-for-byte one."""
    place = tmp_path_factory.mktemp("duplicates")
    folder = place / "images"
    folder.mkdir()
    for number in range(6):
        put(folder, f"{number}.png", ornate(number))
    put(folder, "1-mirrored.png", ImageOps.mirror(ornate(1)))
    put(folder, "1-cropped.jpg", ornate(1).crop((30, 20, 290, 220)), "JPEG")
    (folder / "2-copy.png").write_bytes((folder / "2.png").read_bytes())
    settings = Settings(folder, place / "state" / "f.pkl", extractors="hsv", threads=2)
    updated(Library.open(settings))
    return settings


@pytest.fixture
def library(made: Settings, tmp_path: Path) -> Library:
    return copy_of(made, tmp_path)


@pytest.fixture
def folder(library: Library) -> Path:
    return library.settings.images


def paths(group: Group) -> set[str]:
    return {record.path for record in group.members}


def ids(library: Library, which: str = "all") -> dict[str, str]:
    groups = library.duplicates.page(which=which).groups
    return {record.path: id_of(record) for group in groups for record in group.members}


def test_what_shows_the_same_picture_is_one_group(library: Library) -> None:
    page = library.duplicates.page()

    assert (page.state, page.total, page.undecided, page.images) == ("ready", 2, 2, 5)
    near, exact = page.groups
    assert (near.kind, paths(near)) == ("near", {"1.png", "1-mirrored.png", "1-cropped.jpg"})
    assert (exact.kind, paths(exact)) == ("exact", {"2.png", "2-copy.png"})
    assert near.members[-1].path == "1-cropped.jpg", "the largest picture comes first"
    assert [pair.words for pair in exact.pairs] == ["the same file, byte for byte"]
    assert any("mirrored" in pair.words for pair in near.pairs)
    for pair in near.pairs:
        assert {pair.a, pair.b} <= {id_of(record) for record in near.members}
        assert len(pair.evidence.outline_query) >= 3


def test_the_same_pixels_in_another_format_are_exact(library: Library, folder: Path) -> None:
    put(folder, "4.bmp", ornate(4), "BMP")
    updated(library)

    group = next(g for g in library.duplicates.page().groups if "4.bmp" in paths(g))

    assert group.kind == "exact"
    assert group.pairs[0].words == "the same pixels, in another file"


def test_only_what_is_new_is_compared(
    library: Library, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(folder, "3-turned.png", ornate(3).transpose(Image.Transpose.ROTATE_90))
    looked: list[bytes] = []
    real = building.look_at

    def spy(contents: Sequence[bytes], *rest: Any) -> building.Looked:
        looked.extend(contents)
        return real(contents, *rest)

    monkeypatch.setattr(building, "look_at", spy)
    assert library.duplicates.pending == 0

    updated(library)

    assert len(looked) == 1
    assert {"3.png", "3-turned.png"} in [paths(g) for g in library.duplicates.page().groups]
    assert Library.open(library.settings).duplicates.pending == 0


def test_a_file_that_is_gone_is_in_no_group(library: Library, folder: Path) -> None:
    (folder / "2-copy.png").unlink()
    (folder / "1-mirrored.png").unlink()
    updated(library)

    (group,) = library.duplicates.page().groups

    assert paths(group) == {"1.png", "1-cropped.jpg"}


def test_groups_come_in_pages(library: Library) -> None:
    first, second, none = (library.duplicates.page(offset, 1) for offset in range(3))
    assert first.total == second.total == none.total == 2
    assert paths(first.groups[0]) != paths(second.groups[0])
    assert none.groups == ()
    for offset, limit, which in ((-1, 1, "all"), (0, 0, "all"), (0, 2000, "all"), (0, 1, "some")):
        with pytest.raises(InvalidQuery):
            library.duplicates.page(offset, limit, which)


def test_different_pictures_leave_the_group_and_can_be_brought_back(
    library: Library, folder: Path
) -> None:
    known = ids(library)
    for name in ("1.png", "1-cropped.jpg"):
        library.duplicates.decide(known["1-mirrored.png"], known[name], "different")

    left = library.duplicates.page()
    assert {frozenset(paths(g)) for g in left.groups} == {
        frozenset({"1.png", "1-cropped.jpg"}),
        frozenset({"2.png", "2-copy.png"}),
    }
    (folder / "1-mirrored.png").rename(folder / "renamed.png")
    updated(library)
    assert "renamed.png" not in ids(Library.open(library.settings))

    (decided,) = library.duplicates.page(which=DECIDED).groups
    assert paths(decided) == {"1.png", "renamed.png", "1-cropped.jpg"}
    latest = library.duplicates.undo_latest()
    assert latest is not None
    assert latest[2] == "different"
    assert "renamed.png" in ids(library)


@pytest.mark.parametrize("decision", ["same", "colourway"])
def test_what_was_decided_stays_and_waits_no_longer(library: Library, decision: str) -> None:
    known = ids(library)

    library.duplicates.decide(known["2.png"], known["2-copy.png"], decision)

    page = library.duplicates.page()
    assert (page.total, page.undecided) == (2, 1)
    assert paths(page.groups[1]) == {"2.png", "2-copy.png"}, "what waits comes first"
    assert page.groups[1].pairs[0].decision == decision
    assert [paths(g) for g in library.duplicates.page(which=OPEN).groups] == [paths(page.groups[0])]
    assert library.duplicates.undo(known["2-copy.png"], known["2.png"]) is None
    assert library.duplicates.page().undecided == 2


def test_decisions_go_along_to_another_place(library: Library, tmp_path: Path) -> None:
    known = ids(library)
    library.duplicates.decide(known["1.png"], known["1-mirrored.png"], "colourway")
    exported = library.duplicates.export_decisions()
    assert set(exported["decisions"][0]["paths"]) == {"1.png", "1-mirrored.png"}

    (library.settings.state_dir / "decisions.sqlite").unlink()
    assert not library.duplicates.page(which=DECIDED).groups
    library.duplicates.import_decisions(exported)

    assert len(library.duplicates.page(which=DECIDED).groups) == 1


def test_a_decision_needs_two_images(library: Library) -> None:
    known = ids(library)
    with pytest.raises(InvalidQuery, match="two different images"):
        library.duplicates.decide(known["1.png"], known["1.png"], "same")
    with pytest.raises(UnknownImage):
        library.duplicates.decide(known["1.png"], "0" * 16, "same")
    with pytest.raises(InvalidQuery, match="decision must be"):
        library.duplicates.decide(known["1.png"], known["2.png"], "perhaps")


def forget(library: Library) -> Library:
    for path in library.settings.state_dir.glob("duplicates.sqlite*"):
        path.unlink()
    return Library.open(library.settings)


def test_an_interruption_in_the_middle_of_a_batch_counts_only_what_was_looked_at(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[None] = []
    opened = forget(library)

    def cancelled() -> bool:
        asked.append(None)
        return len(asked) > 3

    assert not opened.duplicates.update(cancelled=cancelled)

    again = Library.open(library.settings)
    assert 0 < again.duplicates.pending < 8
    assert again.duplicates.update()
    assert again.duplicates.page().total == 2


def test_an_interruption_keeps_what_was_compared(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(building, "SAVE_SECONDS", 0)
    monkeypatch.setattr(building, "TOGETHER", 1)
    opened = forget(library)
    assert opened.duplicates.pending == 8
    assert opened.duplicates.page().state == "building"
    result: list[int] = []

    whole = opened.duplicates.update(lambda p: result.append(p.done), lambda: len(result) >= 3)

    assert not whole
    again = Library.open(library.settings)
    assert 0 < again.duplicates.pending < 8
    assert again.duplicates.update()
    assert again.duplicates.page().total == 2
    assert again.duplicates.page().state == "ready"


def test_damaged_pairs_are_made_again(library: Library) -> None:
    path = library.settings.state_dir / "duplicates.sqlite"
    for end in ("-wal", "-shm"):
        path.with_name(path.name + end).unlink(missing_ok=True)
    path.write_bytes(b"rubbish" * 1000)

    opened = Library.open(library.settings)

    assert opened.duplicates.page().state == "building"
    assert opened.duplicates.outdated
    assert opened.duplicates.update()
    assert opened.duplicates.page().total == 2
    assert not list(path.parent.glob("duplicates.sqlite.damaged*"))


def test_two_do_not_compare_at_once(library: Library, folder: Path) -> None:
    put(folder, "new.png", ornate(30))
    with FileLock(library.settings.state_dir / "duplicates.lock"):
        with pytest.raises(CacheLocked, match="wait"):
            library.duplicates.update()
        report = library.update()
        assert (report.added, report.cancelled) == (1, False), "indexing waits for nobody"
        assert library.duplicates.pending == 1

    assert library.duplicates.update()
    assert library.duplicates.pending == 0


LINKS = st.lists(st.tuples(st.binary(min_size=1, max_size=1), st.binary(min_size=1, max_size=1)))


@given(LINKS)
def test_groups_are_the_connected_parts(links: list[tuple[bytes, bytes]]) -> None:
    groups = list(grouped(links))

    everything = [content for group in groups for content in group]
    assert len(everything) == len(set(everything))
    assert set(everything) == {content for link in links for content in link}
    where = {content: number for number, group in enumerate(groups) for content in group}
    assert all(where[one] == where[other] for one, other in links)
    for group in groups:
        reached, todo = set(), [next(iter(group))]
        while todo:
            content = todo.pop()
            reached.add(content)
            near = {b for a, b in links if a == content} | {a for a, b in links if b == content}
            todo += near - reached
        assert reached == group


def test_variants_of_one_rendering_are_no_group(library: Library, folder: Path) -> None:
    for charm in ("drop", "cross", "bow"):
        put(folder, f"{charm}.png", Image.fromarray(necklace(charm)))
    put(folder, "bow.jpg", Image.fromarray(necklace("bow")), "JPEG")
    updated(library)

    groups = [paths(group) for group in library.duplicates.page().groups]

    assert {"bow.png", "bow.jpg"} in groups
    assert not any({"drop.png", "cross.png"} & group for group in groups)


def test_a_group_is_decided_and_undone_at_once(library: Library) -> None:
    duplicates = library.duplicates
    group = next(one for one in duplicates.page().groups if len(one.members) > 2)
    first = group.pairs[0]
    duplicates.decide(first.a, first.b, "colourway")
    token = duplicates.decide_group(group.id, "variant")
    assert decided(library, group.id) == ["variant"] * len(group.pairs)
    assert duplicates.undo_group(token) == len(group.pairs)
    assert sorted(map(str, decided(library, group.id))) == sorted(
        ["colourway", *["None"] * (len(group.pairs) - 1)]
    )
    assert duplicates.undo_group(token) == 0  # it is taken back once

    token = duplicates.decide_group(group.id, "different")
    assert group.id not in {one.id for one in duplicates.page().groups}
    duplicates.decide(first.a, first.b, "same")  # later, so it stays
    assert duplicates.undo_group(token) == len(group.pairs) - 1
    with pytest.raises(InvalidQuery, match="There is no group 'x' any more"):
        duplicates.decide_group("x", "same")
    with pytest.raises(InvalidQuery, match="undo must be"):
        duplicates.undo_group("yesterday")
    with pytest.raises(InvalidQuery, match="decision must be"):
        duplicates.decide_group(group.id, "maybe")


def decided(library: Library, group_id: str) -> list[str | None]:
    [group] = [one for one in library.duplicates.page().groups if one.id == group_id]
    return [pair.decision for pair in group.pairs]


def test_what_to_keep_follows_the_rule_and_the_decisions(library: Library) -> None:
    duplicates = library.duplicates

    def kept(rule: str = "shortest") -> dict[str, list[str]]:
        found = duplicates.kept(rule)
        return {one.keep.path: [record.path for record in one.others] for one in found}

    # Files that were not decided on are not listed as superfluous.
    assert kept() == {"2.png": ["2-copy.png"]}
    group = next(one for one in duplicates.page().groups if len(one.members) > 2)
    token = duplicates.decide_group(group.id, "same")
    assert kept()["1.png"] == ["1-cropped.jpg", "1-mirrored.png"]
    assert kept("largest").keys() <= {"1.png", "1-mirrored.png", "2.png", "2-copy.png"}
    assert len(kept("newest")) == len(kept("oldest")) == len(kept("heaviest")) == 2
    duplicates.undo_group(token)
    known = ids(library)
    duplicates.decide(known["2.png"], known["2-copy.png"], "different")
    assert kept() == {}
    with pytest.raises(InvalidQuery, match="rule must be one of largest"):
        duplicates.kept("best")


def test_images_that_are_the_same_picture_have_one_group(library: Library) -> None:
    duplicates = library.duplicates
    known = {id_of(one): one.path for g in duplicates.page().groups for one in g.members}

    def groups() -> list[set[str]]:
        found: dict[str, set[str]] = {}
        for one, group in duplicates.groups_of([*known, "0" * 16]).items():
            found.setdefault(group, set()).add(known[one])
        return sorted(found.values(), key=len)

    copies, versions = {"2.png", "2-copy.png"}, {"1.png", "1-mirrored.png", "1-cropped.jpg"}
    assert groups() == [copies, versions]
    group = next(one for one in duplicates.page().groups if len(one.members) > 2)
    duplicates.decide_group(group.id, "variant")
    assert groups() == [copies]
    duplicates.decide_group(group.id, "same")
    assert groups() == [copies, versions]
