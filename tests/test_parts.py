"""Parts of an index that were made elsewhere, and taken up."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from image_search.errors import SettingsError
from image_search.extractors import REGISTRY
from image_search.imaging.version import DECODING
from image_search.indexing import parts as reading
from image_search.indexing.parts import Shard, parse_shard
from image_search.indexing.scanning import Entries, Entry
from image_search.library import Library
from image_search.search.queries import Query
from image_search.settings import Settings
from image_search.storage import FileRecord, read_cache
from image_search.storage.columns import COLUMN
from tests.conftest import Run
from tests.counting import Counting
from tests.drawing import draw_into, picture
from tests.test_regions import pages


@pytest.fixture
def designs(folder: Path) -> Path:
    """Forty designs in two folders, a copy, a file of five pages, and two that cannot be read."""
    draw_into(folder, 20)
    draw_into(folder / "new", 20, first=20)
    (folder / "copy of 3.png").write_bytes(picture(3))
    first, *others = pages(100, 101, 102, 103, 104)
    first.save(folder / "book.tif", save_all=True, append_images=others)
    (folder / "damaged.png").write_bytes(picture(4)[:200])
    (folder / "notes.txt").write_text("not an image")
    return folder


@pytest.fixture
def both(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Two extractors, for commands too."""
    monkeypatch.setenv("IMAGE_SEARCH_EXTRACTORS", "hsv,edges")
    return replace(settings, extractors="hsv,edges")


def embedded(run: Run, out: Path, number: int, count: int = 3) -> Path:
    """A part, made by the command."""
    assert run("embed", "--shard", f"{number}/{count}", "-o", out)[0] == 0
    return out


def content(cache: Path) -> dict[str, tuple[FileRecord, Mapping[str, bytes]]]:
    """Each record of an index by its path, with all bytes of its vectors and norms."""
    snapshot, damage = read_cache(cache)
    assert damage == ""
    found: dict[str, tuple[FileRecord, Mapping[str, bytes]]] = {}
    for number, row, record in snapshot.records():
        segment = snapshot.segments[number]
        rows = segment.rows_of(np.array([row], np.intp))
        found[record.path] = (record, {
            column.extractor.name: b"".join(part.tobytes() for part in column.block(rows))
            for column in segment.columns(snapshot.extractors)
        })  # fmt: skip
    return found


def test_three_parts_make_the_index_that_one_computer_makes(
    run: Run, designs: Path, both: Settings, tmp_path: Path
) -> None:
    parts = [embedded(run, tmp_path / f"part{number}", number) for number in (1, 2, 3)]
    sizes = [len(content(part / reading.NAME)) for part in parts]
    assert sum(sizes) == 44
    assert min(sizes) > 0

    code, out, _ = run("index", "--only-search", "--json", "--take", *parts)

    report = json.loads(out)
    assert (code, report["embedded"], report["taken"], report["added"]) == (0, 0, 42, 42)
    assert report["unreadable"] == 1
    assert not [warning for warning in report["warnings"] if "part" in warning]
    alone = replace(both, cache=tmp_path / "alone" / "image_features.pkl")
    Library.open(alone).update(fingerprints=False)
    assert content(both.cache) == content(alone.cache)
    assert len(content(both.cache)["book.tif"][0].regions) == 5
    queries = [
        [(hit.id, hit.score) for hit in Library.open(one).search(query).hits]
        for query in map(like_of, (3, 101))
        for one in (both, alone)
    ]
    assert queries[0] == queries[1]
    assert queries[2] == queries[3]
    assert designs.is_dir()


def like_of(seed: int) -> Query:
    return Query((picture(seed),), k=10)


def test_what_no_part_holds_is_embedded_here(
    run: Run, designs: Path, settings: Settings, tmp_path: Path, counting: Counting
) -> None:
    part = embedded(run, tmp_path / "part", 1, 1)
    assert counting.embedded == 41 + 5  # the pages each
    (designs / "0000.png").write_bytes(picture(700))
    (designs / "0001.png").unlink()
    (designs / "later.png").write_bytes(picture(701))

    code, out, _ = run("index", "--only-search", "--json", "--take", part)

    report = json.loads(out)
    assert (code, report["embedded"], report["taken"]) == (0, 2, 40)
    first = Library.open(settings).search(like_of(700)).hits[0]
    assert (first.path, round(first.score, 3)) == ("0000.png", 1)


def test_a_part_that_is_taken_twice_adds_nothing(run: Run, designs: Path, tmp_path: Path) -> None:
    part = embedded(run, tmp_path / "part", 1, 2)
    run("index", "--only-search")

    code, out, _ = run("index", "--only-search", "--json", "--take", part)

    report = json.loads(out)
    assert (code, report["taken"], report["embedded"]) == (0, 0, 0)
    assert any("Nothing was taken from the part" in warning for warning in report["warnings"])
    assert designs.is_dir()


@pytest.mark.parametrize("shard", ["1/2", "2/3", "1/1"])
def test_another_part_is_not_written_over_one(
    run: Run, designs: Path, tmp_path: Path, shard: str
) -> None:
    part = embedded(run, tmp_path / "part", 1, 3)
    before = content(part / reading.NAME)
    code, _, err = run("embed", "--shard", shard, "-o", part)
    if shard == "1/1":  # which holds all others
        assert code == 0, err
    else:
        assert code == 2
        assert f"is not part {shard[0]} of {shard[2]}, and is left as it is" in err
        assert content(part / reading.NAME) == before
    assert designs.is_dir()


def altered(part: Path) -> None:
    column = next(part.rglob(f"*{COLUMN}"))
    data = bytearray(column.read_bytes())
    data[len(data) // 2] ^= 1
    column.write_bytes(data)


def shortened(part: Path) -> None:
    column = next(part.rglob(f"*{COLUMN}"))
    column.write_bytes(column.read_bytes()[:-1])


def emptied(part: Path) -> None:
    shutil.rmtree(part)
    part.mkdir()


def exchanged(part: Path) -> None:
    (part / reading.NAME).write_bytes(b"\x80\x04cos\nsystem\n(S'true'\ntR.")


def cut(part: Path) -> None:
    manifest = part / reading.NAME
    manifest.write_bytes(manifest.read_bytes()[:-7])


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (altered, "it is damaged: the hsv vectors of segment"),
        (shortened, "it is damaged"),
        (emptied, f"there is no {reading.NAME} in it"),
        (exchanged, "is not a cache of this program"),
        (cut, "it is damaged"),
    ],
)
def test_a_damaged_part_is_refused(
    run: Run,
    designs: Path,
    settings: Settings,
    tmp_path: Path,
    damage: Callable[[Path], None],
    said: str,
) -> None:
    run("index", "--only-search")
    before = settings.cache.read_bytes()
    whole, part = (embedded(run, tmp_path / name, 1) for name in ("whole", "part"))
    damage(part)
    (designs / "later.png").write_bytes(picture(701))

    code, _, err = run("index", "--take", whole, part)

    assert code == 2
    assert f"The part {part} cannot be taken up: " in err
    assert said in err
    assert "The index is as it was." in err
    assert settings.cache.read_bytes() == before


def test_a_part_without_an_extractor_of_the_index_is_refused(
    run: Run, designs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    part = embedded(run, tmp_path / "part", 1)
    monkeypatch.setenv("IMAGE_SEARCH_EXTRACTORS", "hsv,edges")

    code, _, err = run("index", "--take", part)

    assert code == 2
    assert "it lacks vectors by edges, which this index needs" in err
    assert designs.is_dir()


def test_a_part_with_more_extractors_is_taken_up(
    run: Run, designs: Path, both: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    part = embedded(run, tmp_path / "part", 1, 1)
    monkeypatch.setenv("IMAGE_SEARCH_EXTRACTORS", "edges")

    code, out, _ = run("index", "--only-search", "--json", "--take", part)

    assert (code, json.loads(out)["embedded"]) == (0, 0)
    assert Library.open(replace(both, extractors="edges")).status().extractors == ("edges",)
    assert designs.is_dir()


def test_a_part_by_another_model_is_refused(
    run: Run, designs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    part = embedded(run, tmp_path / "part", 1)
    monkeypatch.setitem(vars(REGISTRY["hsv"]), "model", "another/histogram/2")

    code, _, err = run("index", "--take", part)

    assert code == 2
    assert "its vectors by hsv were made by another model" in err
    assert designs.is_dir()


def test_a_part_by_another_version_is_refused(
    run: Run, designs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    part = embedded(run, tmp_path / "part", 1)
    monkeypatch.setattr("image_search.indexing.parts.DECODING", DECODING + 1)

    code, _, err = run("index", "--take", part)

    assert code == 2
    assert "another version made it, which decodes pictures in another way" in err
    assert designs.is_dir()


@given(
    paths=st.lists(st.text("abc/.-é", min_size=1, max_size=12), unique=True, max_size=60),
    count=st.integers(1, 9),
)
def test_every_file_is_in_exactly_one_share(paths: list[str], count: int) -> None:
    entries = Entries.of(Entry(path, 1, 1) for path in paths)
    shares = [Shard(number, count).of(entries).paths for number in range(1, count + 1)]
    assert sorted(path for share in shares for path in share) == sorted(paths)


@given(number=st.integers(1, 9999), more=st.integers(0, 999))
def test_a_share_as_it_is_written(number: int, more: int) -> None:
    assert parse_shard(f" {number}/{number + more}") == (number, number + more)


@pytest.mark.parametrize(
    "text", ["", "3", "0/4", "5/4", "-1/4", "1/0", "a/b", "1/2/3", "1/9999999"]
)
def test_what_is_no_share_is_refused(text: str, run: Run, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="written like 3/16"):
        parse_shard(text)
    code, _, err = run("embed", f"--shard={text}", "-o", tmp_path / "part")
    assert code == 2
    assert "3/16" in err
