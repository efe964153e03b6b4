"""``image-search verify`` finds what was altered on disk, names it, and rebuilds only that."""

from __future__ import annotations

import hashlib
import json
import shutil
import sqlite3
from pathlib import Path
from typing import Any

import filelock
import pytest

from benchmarks import damage as changed_bytes
from image_search.duplicates.pairs import Pairs
from image_search.library import Library
from image_search.maintenance.damage import Depth, Verified
from image_search.maintenance.index_files import verify_index
from image_search.maintenance.verifying import verify
from image_search.search.queries import Query
from image_search.settings import Settings
from image_search.storage import CacheWriter
from image_search.storage.columns import GrowingColumn
from tests.conftest import Run
from tests.counting import Counting
from tests.drawing import draw_into, picture
from tests.storage.files import FAKE, OTHER, blocks, record, segment_files

pytestmark = pytest.mark.service

RELEASES = Path(__file__).parents[1] / "storage" / "releases"


@pytest.fixture
def library(settings: Settings, folder: Path, counting: Counting) -> Library:
    """Two segments, of 6 and 4 images, with duplicates, thresholds and a decision."""
    draw_into(folder, 6)
    Library.open(settings).update()
    draw_into(folder, 3, first=6)
    (folder / "twin.png").write_bytes(picture(1))
    library = Library.open(settings)
    library.update()
    library.duplicates.update()
    one, other = (hit.id for hit in library.search(Query((picture(2),))).hits[:2])
    library.duplicates.decide(one, other, "different")
    counting.taken()
    return library


def flip(path: Path, place: float = 0.5) -> None:
    data = bytearray(path.read_bytes())
    data[int(place * len(data))] ^= 0x10
    path.write_bytes(data)


def files(settings: Settings, ending: str) -> list[Path]:
    found = [*settings.cache.parent.rglob("*" + ending)]
    return sorted(found, key=lambda path: path.stat().st_size)


def state_of(settings: Settings) -> dict[str, tuple[bytes, int]]:
    return {
        path.name: (path.read_bytes(), path.stat().st_mtime_ns)
        for path in settings.cache.parent.rglob("*")
        if path.is_file() and not path.name.endswith("-shm")
    }


def verified(run: Run, *options: str) -> tuple[int, dict[str, Any]]:
    code, out, err = run("verify", "--json", *options)
    assert err == ""
    return code, json.loads(out)


def test_a_sound_index_is_called_sound(run: Run, library: Library) -> None:
    read = []
    for options in ((), ("--read-data",), ("--read-data", "--repair")):
        code, found = verified(run, *options)
        assert (code, found["sound"], found["damage"]) == (0, True, [])
        assert found["images"] == library.status().images == 10
        read.append(found["bytes_read"])
    assert read[0] == 0 < read[1] == read[2]

    # A file belongs to one sample by its name, so a single sample may hold none of so few.
    samples = [verified(run, "--sample", f"{number}/3") for number in (1, 2, 3)]
    assert all(code == 0 and found["sound"] for code, found in samples)
    assert sum(found["bytes_read"] for _, found in samples) == read[1]

    code, out, _ = run("verify")
    assert code == 0
    assert out.startswith("Sound: 10 images,")
    assert "--read-data" in out


@pytest.mark.parametrize("ending", [".facts.pkl", ".pkl", ".column", ".fingerprints", ".sqlite"])
def test_nothing_is_changed_without_repair(
    run: Run, settings: Settings, library: Library, ending: str
) -> None:
    flip(files(settings, ending)[0])
    before = state_of(settings)

    code, found = verified(run, "--read-data")

    assert state_of(settings) == before
    assert code == len(found["damage"]) == 1


@pytest.mark.parametrize(
    ("ending", "kind", "embedded"),
    [
        (".facts.pkl", "records", 3),  # the twin of another image has its vector
        (".column", "column", 4),
        ("features.pkl", "manifest", 0),
        # Thresholds are measured again too, with queries.
        (".fingerprints", "fingerprints", None),
        ("duplicates.sqlite", "pairs", None),
    ],
)
def test_only_what_is_damaged_is_rebuilt(
    run: Run, settings: Settings, library: Library, counting: Counting,
    ending: str, kind: str, embedded: int | None,
) -> None:  # fmt: skip
    path = files(settings, ending)[0]
    pairs = library.duplicates.page().total
    flip(path, 0.6 if kind != "pairs" else 0.0)

    code, out, _ = run("verify", "--read-data")
    assert code == 1
    assert f"Damaged: {path.relative_to(settings.cache.parent).as_posix()}: " in out
    assert "--repair" in out
    code, found = verified(run, "--read-data", "--repair")

    assert code == 0
    assert [one["kind"] for one in found["damage"]] == [kind]
    assert embedded in (None, counting.taken())
    assert len(library.search(Query((picture(2),), k=20)).hits) == 10
    assert Library.open(settings).duplicates.page().total == pairs
    assert len(library.duplicates.export_decisions()["decisions"]) == 1
    assert verified(run, "--read-data")[0] == 0


@pytest.mark.parametrize("ending", ["features.pkl", ".facts.pkl", ".column"])
def test_a_missing_file_is_found_without_reading_data(
    run: Run, settings: Settings, library: Library, counting: Counting, ending: str
) -> None:
    path = files(settings, ending)[0]
    path.unlink()

    code, out, _ = run("verify")
    assert code == 1
    assert f"{path.name}: it is missing" in out
    assert run("verify", "--repair")[0] == 0

    assert counting.taken() == {"features.pkl": 0, ".facts.pkl": 3, ".column": 4}[ending]
    assert verified(run, "--read-data")[0] == 0
    assert library.status().images == 10


def test_a_column_that_was_computed_again_is_verified_by_its_description(
    run: Run, settings: Settings, library: Library, counting: Counting
) -> None:
    flip(files(settings, ".column")[0])
    assert run("verify", "--read-data", "--repair")[0] == 0
    counting.taken()
    [description] = files(settings, ".column.pkl")
    flip(description)

    code, out, _ = run("verify")

    assert code == 1
    assert description.name in out
    assert run("verify", "--repair")[0] == 0
    assert counting.taken() == 4


def test_an_altered_decision_is_named_and_kept(
    run: Run, settings: Settings, library: Library
) -> None:
    [kept] = library.duplicates.export_decisions()["decisions"]
    path = settings.state_dir / "decisions.sqlite"
    name = kept["paths"][0].encode()
    assert path.read_bytes().count(name) == 1
    path.write_bytes(path.read_bytes().replace(name, b"x" + name[1:]))

    code, out, _ = run("verify")
    assert code == 1
    assert "decisions.sqlite: the decision on x" in out
    code, _, err = run("verify", "--repair")

    assert code == 0
    assert f"altered: x{kept['paths'][0][1:]} and {kept['paths'][1]}" in err
    assert [path.name for path in settings.state_dir.glob("decisions.sqlite.damaged-*")]
    [now] = Library.open(settings).duplicates.export_decisions()["decisions"]
    assert (now["a"], now["b"], now["decision"]) == (kept["a"], kept["b"], kept["decision"])


def test_a_decision_whose_image_was_altered_is_reported_as_lost(
    run: Run, settings: Settings, library: Library
) -> None:
    [kept] = library.duplicates.export_decisions()["decisions"]
    path = settings.state_dir / "decisions.sqlite"
    data = path.read_bytes()
    at = data.rindex(bytes.fromhex(kept["a"]), 0, data.index(kept["paths"][0].encode()))
    path.write_bytes(data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :])

    assert run("verify")[0] == 1
    code, _, err = run("verify", "--repair")

    assert code == 0
    assert "1 was lost" in err
    assert Library.open(settings).duplicates.export_decisions()["decisions"] == []


def test_everything_may_be_damaged_at_once(run: Run, settings: Settings, library: Library) -> None:
    endings = ("features.pkl", ".facts.pkl", ".fingerprints", "duplicates.sqlite")
    paths = [files(settings, ending)[0] for ending in endings]
    whole_segment = files(settings, ".facts.pkl")[1].name.split(".")[0]
    paths.append(next(settings.state_dir.rglob(f"{whole_segment}.*.column")))
    for path in paths:
        flip(path, 0.2 if path.suffix != ".sqlite" else 0)

    code, found = verified(run, "--read-data", "--repair")

    assert code == 0
    named = {Path(one["file"]).name for one in found["damage"]}
    assert named == {path.name for path in paths}
    restored = Library.open(settings)
    assert len(restored.search(Query((picture(2),), k=20)).hits) == 10
    assert len(restored.duplicates.export_decisions()["decisions"]) == 1


def test_fingerprints_of_an_earlier_release_are_reported_as_half_verified(
    run: Run, settings: Settings, library: Library
) -> None:
    path = files(settings, ".fingerprints")[0]
    data = path.read_bytes()
    path.write_bytes(data[:36] + bytes(4) + data[40:])

    code, found = verified(run, "--read-data")

    assert code == 0
    assert "earlier release" in found["notes"][0]
    assert Library.open(settings).outdated is False
    flip(path, 40 / len(data))  # in a digest
    assert verified(run, "--read-data")[0] == 1


def test_samples_cover_everything_once(run: Run, settings: Settings, library: Library) -> None:
    for path in [*files(settings, ".column"), *files(settings, ".fingerprints")]:
        whole = path.read_bytes()
        flip(path, 0.9)
        codes = [verified(run, "--sample", f"{n}/4")[0] for n in (1, 2, 3, 4)]
        path.write_bytes(whole)

        assert sorted(codes) == [0, 0, 0, 1]


@pytest.mark.parametrize("sample", ["0/3", "4/3", "1", "1/0", "a/b", "-1/3"])
def test_a_sample_that_makes_no_sense_is_refused(run: Run, sample: str) -> None:
    code, _, err = run("verify", f"--sample={sample}")
    assert code == 2
    assert "3/7" in err


def test_a_repair_waits_for_no_other_writer(run: Run, settings: Settings, library: Library) -> None:
    flip(files(settings, ".column")[0])
    with filelock.FileLock(settings.state_dir / "lock"):
        before = state_of(settings)
        code, _, err = run("verify", "--read-data", "--repair")
        assert state_of(settings) == before

    assert code == 2
    assert "Another process is updating" in err


def test_without_an_index_there_is_an_error(run: Run) -> None:
    code, _, err = run("verify")
    assert code == 2
    assert "There is no index" in err


def test_another_file_is_no_index(run: Run, settings: Settings) -> None:
    settings.cache.parent.mkdir()
    settings.cache.write_bytes(b"no index")
    code, _, err = run("verify", "--repair")
    assert code == 2
    assert f"{settings.cache} is not an index" in err
    assert settings.cache.read_bytes() == b"no index"


def test_a_service_goes_on_during_a_repair(
    run: Run, settings: Settings, library: Library, counting: Counting
) -> None:
    found: list[int] = []
    first = library.search(Query((picture(2),))).hits[0]

    def search(_: int) -> None:
        # Its vector is stored, so that this needs no extractor, which is at work.
        found.append(len(library.search(Query(like=(first.id,), k=20)).hits))

    search(0)
    flip(files(settings, ".column")[0])
    counting.before_batch = lambda count: search(count) if len(found) < 2 else None
    assert run("verify", "--read-data", "--repair")[0] == 0
    counting.before_batch = lambda _: None
    search(0)

    assert found == [10, 6, 10]


def test_an_update_at_the_same_time_is_no_damage(
    settings: Settings, library: Library, folder: Path
) -> None:
    """Most images of a segment go, so that it is written again, and its files vanish."""
    done: list[int] = []

    def update(*_: int) -> None:
        if not done:
            done.append(1)
            for number in range(6):
                (folder / f"{number:04}.png").unlink()
            (folder / "twin.png").unlink()
            Library.open(settings).update()

    found = verify(settings, Depth(read=True), update)

    assert done
    assert found.damage == []
    assert verify(settings, Depth(read=True)).images == 3


def test_columns_in_reserve_and_in_the_making_are_verified(tmp_path: Path) -> None:
    cache, depth = tmp_path / "cache.pkl", Depth(read=True)
    records = [record(f"{n}.png", n) for n in range(4)]
    with CacheWriter(cache, tmp_path) as writer:
        writer.begin((*FAKE, *OTHER))
        writer.commit(records, blocks(records, (*FAKE, *OTHER)))
        writer.finish()
    with CacheWriter(cache, tmp_path) as writer:
        writer.begin(FAKE, kept=OTHER)
        segment = writer.finish().segments[0]

    def problems() -> list[tuple[str, str]]:
        found = Verified(depth)
        verify_index(cache, found)
        return [(one.kind, one.path.name) for one in found.damage]

    assert problems() == []
    column = next(p for p in segment_files(cache) if p.stat().st_size == 4 * (2 * 7 + 4))
    flip(column)
    assert problems() == [("reserve", column.name)]

    column.unlink()
    growing = GrowingColumn(segment.folder, segment.name, OTHER[0])
    growing.append(blocks(records[:2], OTHER)["other"])
    assert problems() == []
    flip(column)
    assert problems() == [("reserve", column.name)]


def test_the_index_of_an_earlier_release_is_left_to_its_upgrade(
    run: Run, settings: Settings, tmp_path: Path
) -> None:
    shutil.unpack_archive(RELEASES / "schema-1.zip", tmp_path / "old")
    cache = next((tmp_path / "old").rglob("*.pkl"))
    code, _, err = run("verify", "--cache", cache)
    assert code == 2
    assert "earlier release" in err


def test_decisions_of_an_earlier_version_get_checksums(
    settings: Settings, library: Library
) -> None:
    path = settings.state_dir / "decisions.sqlite"
    with sqlite3.connect(path) as file:
        file.execute("DROP TABLE checksums")
    file.close()
    assert verify(settings).damage == []

    decisions = Library.open(settings).duplicates.export_decisions()["decisions"]

    with sqlite3.connect(path) as file:
        assert len(file.execute("SELECT * FROM checksums").fetchall()) == len(decisions) == 1
    file.close()


def test_duplicates_that_were_altered_are_compared_again(
    settings: Settings, library: Library
) -> None:
    path, content = settings.state_dir / "duplicates.sqlite", hashlib.sha256(picture(3)).digest()
    data = path.read_bytes()
    assert data.count(content) == 1
    path.write_bytes(data.replace(content, content[:-1] + bytes([content[-1] ^ 1])))
    assert [one.kind for one in verify(settings).damage] == ["pairs"]

    again = Library.open(settings)
    again.duplicates.update()

    assert content in Pairs(path).seen()
    assert verify(settings).damage == []


KINDS = [*changed_bytes.KINDS]


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    with changed_bytes.quickly():
        return changed_bytes.make(tmp_path_factory.mktemp("changed"))


@pytest.mark.parametrize("kind", KINDS)
def test_a_changed_byte_is_found_named_and_repaired(small: Settings, kind: str) -> None:
    """As ``benchmarks.damage`` does it a thousand times."""
    good = {changed_bytes.EQUAL, changed_bytes.LOSS, changed_bytes.UNUSED}
    with changed_bytes.quickly():
        for number in range(2 if kind == "thresholds" else 6):
            which = 1_000_000 + number * len(KINDS) + KINDS.index(kind)
            made, outcome, explanation = changed_bytes.damaged_run(small, which)
            assert made == kind
            assert outcome in good, explanation
            if kind not in ("duplicates", "decisions"):
                assert outcome == changed_bytes.EQUAL, explanation
