"""Parts of a picture are found inside other images, in any size, by library, HTTP and commands."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from image_search.demo import catalogue, draw
from image_search.errors import InvalidQuery, ModelUnavailable, UnknownImage
from image_search.extractors.patches import BOXES, COUNT, MIDDLES, SQUARES
from image_search.imaging.decoding import decode
from image_search.library import Library
from image_search.maintenance.damage import Depth
from image_search.maintenance.restoring import restore
from image_search.maintenance.saving import backup
from image_search.maintenance.verifying import verify
from image_search.search.inside import NO_PARTS, canvas
from image_search.search.marking import part_of
from image_search.search.queries import DIFFERENT, INSIDE, Filter, Query, Region
from image_search.search.searching import SearchResult
from image_search.settings import Settings
from tests.conftest import Run
from tests.drawing import saved

SOURCE = "pendants/sunburst-gold-01.jpg"
MARK = Region(0.25, 0.35, 0.5, 0.5)
"""Where the part, the sun, lies in the source."""
PLACES = {
    "logos/leaf-drop-ink-01.jpg": (330, 60, 260),
    "motifs/laurel-gold-on-navy-01.jpg": (60, 300, 150),
}
"""Left, top and side of the part, in pixels, in the designs that hold it."""


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A few designs of the demo, one picture of each, two of which hold a part of another."""
    folder = tmp_path_factory.mktemp("drawn") / "images"
    wanted = [one for one in catalogue() if one.kind in ("logos", "motifs", "pendants")][1::2]
    designs = [
        replace(one, colourways=one.colourways[:1], near_duplicates=(), sketched=False)
        for one in wanted
    ]
    draw(designs, folder, folder.parent / "sketches")
    sun = part_of(np.asarray(Image.open(folder / SOURCE).convert("RGB")), MARK)
    for name, (left, top, side) in PLACES.items():
        image = Image.open(folder / name).convert("RGB")
        image.paste(Image.fromarray(sun).resize((side, side)), (left, top))
        image.save(folder / name, quality=92)
    return folder


@pytest.fixture
def settings(settings: Settings, drawn: Path) -> Settings:
    shutil.copytree(drawn, settings.images, dirs_exist_ok=True)
    return replace(settings, extractors="imagenet,hsv")


@pytest.fixture(scope="module")
def source(drawn: Path) -> bytes:
    """The picture that the part is marked on."""
    return (drawn / SOURCE).read_bytes()


@pytest.fixture
def library(settings: Settings) -> Library:
    library = Library.open(settings)
    library.update(fingerprints=False)
    return library


def paths(found: SearchResult) -> list[str]:
    return [hit.path for hit in found.hits]


def covers(region: str, place: tuple[int, int, int], size: tuple[int, int]) -> bool:
    """Whether the middle of the part lies in the box."""
    box, (left, top, side) = Region(*map(float, region.split(","))), place
    x, y = (left + side / 2) / size[0], (top + side / 2) / size[1]
    return box.x <= x <= box.x + box.width and box.y <= y <= box.y + box.height


def test_a_part_finds_the_designs_that_hold_it(library: Library, source: bytes) -> None:
    found = library.search(Query((source,), k=3, region=MARK, part=INSIDE))

    assert set(paths(found)) == {SOURCE, *PLACES}
    for hit in found.hits:
        assert hit.path == SOURCE or covers(hit.region, PLACES[hit.path], (hit.width, hit.height))
    assert (found.matched_by, found.compared) == ("part", library.status().images)
    assert not any(hit.region for hit in library.search(Query((source,), region=MARK)).hits)


def test_a_part_of_an_indexed_image_asks(library: Library, source: bytes) -> None:
    first = library.search(Query((source,), k=1)).hits[0]

    found = library.search(Query(like=(first.id,), k=3, region=MARK, part=INSIDE))

    assert set(paths(found)) == {SOURCE, *PLACES}
    with pytest.raises(UnknownImage):
        library.search(Query(like=("0" * 16,), part=INSIDE))


def test_a_picture_finds_where_its_thing_stands(library: Library, source: bytes) -> None:
    sun = part_of(decode(source, max_megapixels=1).pixels, MARK)
    found = library.search(Query((saved(Image.fromarray(sun)),), k=3, part=INSIDE))
    assert set(paths(found)) == {SOURCE, *PLACES}


def test_what_is_like_the_whole_picture_comes_later(library: Library, source: bytes) -> None:
    found = library.search(Query((source,), k=3, region=MARK, part=DIFFERENT))

    assert set(paths(found)[:2]) == set(PLACES)
    for hit in found.hits:
        assert hit.score == pytest.approx(sum(hit.contributions.values()), abs=2e-4)
        assert hit.contributions["imagenet"] <= 0


def test_filters_and_ignored_areas_count(library: Library, source: bytes) -> None:
    query = Query((source,), k=30, region=MARK, part=INSIDE)
    only = library.search(replace(query, filter=Filter(folder="pendants")))
    assert only.compared == len(only.hits) == 5
    left_out = library.search(replace(query, region=None, ignore=(MARK,)))
    assert left_out.hits[0].score < 0.8 * library.search(query).hits[0].score


@pytest.mark.parametrize(
    "query",
    [
        Query((b"",), part="anywhere"),
        Query((b"", b""), part=INSIDE),
        Query(text="ring", part=INSIDE),
        Query((b"",), text="ring", part=INSIDE),
        Query((b"",), preset="form", part=INSIDE),
        Query((b"",), weights={"hsv": 1.0}, part=DIFFERENT),
    ],
)
def test_queries_that_make_no_sense(library: Library, query: Query) -> None:
    with pytest.raises(InvalidQuery):
        library.search(query)


def test_what_is_to_differ_needs_a_mark(library: Library, source: bytes) -> None:
    with pytest.raises(InvalidQuery, match="Mark the part"):
        library.search(Query((source,), part=DIFFERENT))


def test_checks_know_no_parts(library: Library, source: bytes) -> None:
    with pytest.raises(InvalidQuery, match="part"):
        library.check(Query((source,), region=MARK, part=INSIDE))


def test_an_index_without_parts_gets_them(settings: Settings, source: bytes) -> None:
    off = replace(settings, parts=0)
    before = Library.open(off)
    before.update(fingerprints=False)
    query = Query((source,), k=5, region=MARK)
    with pytest.raises(ModelUnavailable) as refused:
        before.search(replace(query, part=INSIDE))
    assert str(refused.value) == NO_PARTS

    library = Library.open(settings)
    assert library.outdated
    ranked = library.search(query).hits
    library.update(fingerprints=False)

    assert not Library.open(settings).snapshot().adding()
    assert set(paths(library.search(replace(query, k=3, part=INSIDE)))) == {SOURCE, *PLACES}
    assert library.search(query).hits == ranked

    # Without them again, their files go.
    files = library.settings.state_dir / "segments"
    with_parts = len(list(files.glob("*.column")))
    Library.open(off).update(fingerprints=False)
    assert len(list(files.glob("*.column"))) < with_parts


def test_new_images_have_parts_at_once(library: Library, settings: Settings, source: bytes) -> None:
    query = Query((source,), k=30, region=MARK, part=INSIDE)
    library.search(query)
    sun = part_of(decode(source, max_megapixels=1).pixels, MARK)
    image = Image.new("RGB", (640, 480), "#dfe6dc")
    image.paste(Image.fromarray(sun).resize((180, 180)), (240, 150))
    (settings.images / "new.png").write_bytes(saved(image))
    gone, stays = PLACES
    (settings.images / gone).rename(settings.images / "moved.jpg")
    library.update(fingerprints=False)

    found = library.search(replace(query, k=4))

    assert set(paths(found)) == {SOURCE, stays, "moved.jpg", "new.png"}


def test_parts_are_verified_and_backed_up(library: Library, tmp_path: Path, source: bytes) -> None:
    settings = library.settings
    [column] = [
        path
        for segment in library.snapshot().segments
        for path in [*segment.folder.glob("*.column")]
        if path.stat().st_size // segment.rows > COUNT * 120
    ]
    query = Query((source,), k=3, region=MARK, part=INSIDE)
    backup(settings, tmp_path / "backup")
    restored = replace(settings, cache=tmp_path / "restored" / "index.pkl")
    restore(restored, tmp_path / "backup")
    assert Library.open(restored).search(query).hits == library.search(query).hits

    content = bytearray(column.read_bytes())
    content[100] ^= 0x55
    column.write_bytes(bytes(content))

    damage = verify(settings, Depth(read=True)).damage
    assert any(one.path == column for one in damage)
    fresh = Library.open(settings)
    fresh.update(fingerprints=False)
    assert not verify(settings, Depth(read=True)).damage
    assert set(paths(fresh.search(query))) == {SOURCE, *PLACES}


def test_parts_by_the_command(
    library: Library, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, source: bytes
) -> None:
    monkeypatch.setenv("IMAGE_SEARCH_EXTRACTORS", library.settings.extractors)
    (tmp_path / "query.png").write_bytes(source)

    arguments = ["--region", str(MARK), "--part", "inside", "-k", "3"]
    code, out, _ = run("search", tmp_path / "query.png", *arguments)
    assert code == 0
    assert "Images that hold the part:" in out
    assert "[at 0." in out
    _, out, _ = run("search", tmp_path / "query.png", *arguments, "--json")
    assert {hit["path"] for hit in json.loads(out)["results"]} == {SOURCE, *PLACES}
    code, _, err = run("search", tmp_path / "query.png", "--part", "elsewhere")
    assert code != 0
    assert "part must be one of whole, inside, different" in err


def test_a_part_is_shown_in_the_middle_square() -> None:
    part = np.zeros((40, 80, 3), np.uint8)
    part[:, :40] = 255
    for size, (side, _) in enumerate(SQUARES):
        shown = canvas(part, size)
        assert shown.shape == (260, 260, 3)
        assert BOXES[MIDDLES[size]][2] == pytest.approx(side / 17)
        left, top, width, height = BOXES[MIDDLES[size]] * 260
        across = shown[round(top + height / 2), round(left) + 1 : round(left + width) - 1, 0]
        assert (across[: len(across) // 2 - 2] > 250).all()
        assert (across[len(across) // 2 + 2 :] < 5).all()
