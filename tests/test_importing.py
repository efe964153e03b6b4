"""Vectors of other programs become a column that searches by indexed images use."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from image_search.errors import CacheDamaged, InvalidQuery, SettingsError
from image_search.exchange import vector_files
from image_search.exchange.exporting import export
from image_search.exchange.importing import Imported, take_vectors
from image_search.exchange.vector_files import VectorFile
from image_search.imaging.arrays import Floats
from image_search.library import Library
from image_search.maintenance.restoring import restore
from image_search.maintenance.saving import backup
from image_search.search import imported
from image_search.search.queries import Filter, Hit, Query
from image_search.settings import Settings
from image_search.storage.imported import imported_folder
from tests.conftest import Run
from tests.drawing import draw_into, picture

COUNT, DIM = 60, 5
NAMES = [f"{number:04}.png" for number in range(COUNT)]


@pytest.fixture
def used(settings: Settings, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    draw_into(folder, COUNT)
    monkeypatch.setenv("IMAGE_SEARCH_EXTRACTORS", "hsv,edges")
    found = replace(settings, extractors="hsv,edges")
    Library.open(found).update(fingerprints=False)
    return found


def theirs(count: int = COUNT) -> Floats:
    """Vectors of any length, one for each picture; those of neighbours by number are alike."""
    turn = np.linspace(0, 3, count)
    rows = np.stack([np.cos(turn), np.sin(turn), np.zeros(count), turn / 9, np.ones(count)], axis=1)
    return (rows * (1 + np.arange(count))[:, None]).astype(np.float32)


def table(path: Path, names: list[str], rows: Floats, header: bool = True) -> Path:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        if header:
            writer.writerow(["path", *(f"f{n}" for n in range(rows.shape[1]))])
        writer.writerows([name, *row.tolist()] for name, row in zip(names, rows, strict=True))
    return path


def take(settings: Settings, file: Path, name: str = "theirs", **more: object) -> Imported:
    vectors = VectorFile(file, **more)  # type: ignore[arg-type]
    snapshot = Library.open(settings).snapshot()
    return take_vectors(snapshot, settings.cache, settings.images, name, vectors)


def identity(library: Library, number: int) -> str:
    hits = library.search(Query((picture(number),), k=COUNT)).hits
    return next(hit.id for hit in hits if hit.path == NAMES[number])


def ranking(library: Library, number: int, **fields: object) -> tuple[Hit, ...]:
    like = (identity(library, number),)
    return library.search(Query(like=like, k=COUNT, **fields)).hits  # type: ignore[arg-type]


def test_an_indexed_image_asks_by_imported_vectors(used: Settings, tmp_path: Path) -> None:
    done = take(used, table(tmp_path / "vectors.csv", NAMES, theirs()))
    library = Library.open(used)

    hits = ranking(library, 20, weights={"theirs": 1})

    assert (done.images, done.dim, done.without, done.unknown) == (COUNT, DIM, 0, 0)
    assert len(hits) == COUNT
    assert hits[0].path == NAMES[20]
    assert {hit.path for hit in hits[1:5]} == {NAMES[n] for n in (18, 19, 21, 22)}
    assert all(hit.scores.keys() == {"theirs"} for hit in hits)
    # As an extractor's: about the mean.
    rows = theirs()
    units = rows / np.linalg.norm(rows, axis=1)[:, None]
    centred = units - units.mean(axis=0) * COUNT / (COUNT + 20)
    centred /= np.linalg.norm(centred, axis=1)[:, None]
    wanted = centred @ centred[20]
    for hit in hits:
        assert hit.score == pytest.approx(wanted[int(hit.path[:4])], abs=5e-3)


def test_metrics_take_the_raw_vectors(used: Settings, tmp_path: Path) -> None:
    take(used, table(tmp_path / "vectors.csv", NAMES, theirs()))
    library = Library.open(used)
    rows = theirs().astype(np.float64)

    for metric, wanted in (
        ("euclidean", -np.linalg.norm(rows - rows[20], axis=1)),
        ("dotproduct", rows @ rows[20]),
    ):
        hits = ranking(library, 20, weights={"theirs": 1}, metric=metric)
        for hit in hits:
            assert hit.score == pytest.approx(wanted[int(hit.path[:4])], rel=3e-3, abs=0.05)
    with pytest.raises(InvalidQuery, match="weigh no other"):
        ranking(library, 20, weights={"theirs": 1, "hsv": 1}, metric="cosine")


def test_it_takes_part_beside_extractors(
    used: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    take(used, table(tmp_path / "vectors.csv", NAMES, theirs()))
    library = Library.open(used)
    weights = {"theirs": 3.0, "hsv": 1.0, "edges": 0.5}

    found = library.search(Query(like=(identity(library, 20),), weights=weights, k=COUNT))

    assert found.extractors == ("hsv", "edges", "theirs")
    alone = {
        name: {hit.path: hit.score for hit in ranking(library, 20, weights={name: 1})}
        for name in weights
    }
    index = library._serving.index()
    std = {**index.calibration.std, "theirs": library.imported.among(["theirs"])["theirs"].std}
    total = sum(weights[name] / std[name] for name in weights)
    for hit in found.hits:
        wanted = sum(weights[n] / std[n] / total * alone[n][hit.path] for n in weights)
        assert hit.score == pytest.approx(wanted, abs=2e-3)
        assert sum(hit.contributions.values()) == pytest.approx(hit.score, abs=3e-4)
    # In large collections only what one side finds near is scored by both.
    monkeypatch.setattr(imported, "REACH", 4)
    near = library.search(Query(like=(identity(library, 20),), weights=weights, k=4)).hits
    assert [hit.path for hit in near[:2]] == [hit.path for hit in found.hits[:2]]


def test_images_without_a_vector_are_left_out_where_nothing_else_counts(
    used: Settings, tmp_path: Path
) -> None:
    done = take(used, table(tmp_path / "vectors.csv", NAMES[:40], theirs(40)))
    library = Library.open(used)

    alone = library.search(Query(like=(identity(library, 20),), weights={"theirs": 1}, k=COUNT))
    both = ranking(library, 20, weights={"theirs": 1, "hsv": 1})

    assert (done.images, done.without) == (40, 20)
    assert (len(alone.hits), alone.compared) == (40, 40)
    assert alone.warnings == ("20 images have no vector in theirs.",)
    assert len(both) == COUNT
    assert {hit.scores["theirs"] for hit in both if hit.path >= NAMES[40]} == {0}
    with pytest.raises(InvalidQuery, match="has no vector in theirs"):
        ranking(library, 50, weights={"theirs": 1})


def test_filters_hold(used: Settings, tmp_path: Path) -> None:
    take(used, table(tmp_path / "vectors.csv", NAMES, theirs()))

    hits = ranking(Library.open(used), 20, weights={"theirs": 1}, filter=Filter(name="001*"))

    assert sorted(hit.path for hit in hits) == NAMES[10:20]


@pytest.mark.parametrize("fields", [{"images": (picture(1),)}, {"text": "ring"}])
def test_nothing_new_can_ask(used: Settings, tmp_path: Path, fields: dict[str, object]) -> None:
    take(used, table(tmp_path / "vectors.csv", NAMES, theirs()))
    library = Library.open(used)

    for weights in ({"theirs": 1}, {"theirs": 1, "hsv": 1}):
        with pytest.raises(InvalidQuery, match="were imported, so there is nothing here that"):
            library.search(Query(weights=weights, **fields))  # type: ignore[arg-type]
    assert library.search(Query((picture(1),), weights={"theirs": 0, "hsv": 1}, k=1)).hits


def test_it_stays_with_files_that_move(used: Settings, tmp_path: Path) -> None:
    take(used, table(tmp_path / "vectors.csv", NAMES, theirs()))
    (used.images / "moved").mkdir()
    (used.images / NAMES[21]).rename(used.images / "moved" / "new name.png")
    library = Library.open(used)
    library.update(fingerprints=False)

    hits = ranking(library, 20, weights={"theirs": 1})

    assert "moved/new name.png" in {hit.path for hit in hits[1:3]}
    assert library.status().imported == ("theirs",)


def test_what_was_exported_can_be_imported(used: Settings, tmp_path: Path) -> None:
    library = Library.open(used)
    expected = {n: [h.path for h in ranking(library, n, weights={"hsv": 1})][:5] for n in (3, 33)}
    for kind, out in (("csv", tmp_path / "a.csv"), ("npy", tmp_path / "arrays")):
        export(library.snapshot(), "hsv", kind, out)
        assert take(used, out, f"of-{kind}").images == COUNT
        for number, paths in expected.items():
            hits = ranking(library, number, weights={f"of-{kind}": 1})
            assert [hit.path for hit in hits[:5]] == paths


def test_parquet_is_read(used: Settings, tmp_path: Path) -> None:
    pa = pytest.importorskip("pyarrow", reason="needs pyarrow, of the extra parquet")
    pq = pytest.importorskip("pyarrow.parquet")
    columns = {"path": NAMES, "vector": theirs().tolist(), "size": list(range(COUNT))}
    file = tmp_path / "vectors.parquet"
    pq.write_table(pa.table(columns), file)

    assert take(used, file).images == COUNT
    assert ranking(Library.open(used), 20, weights={"theirs": 1})[0].path == NAMES[20]
    pq.write_table(pa.table(columns | {"other": theirs().tolist()}), file)
    with pytest.raises(SettingsError, match="2 columns of vectors"):
        take(used, file)
    assert take(used, file, column="other").images == COUNT
    file.write_bytes(b"PAR1 and nothing more")
    with pytest.raises(SettingsError, match="cannot be read"):
        take(used, file)


def test_an_array_needs_its_paths(used: Settings, tmp_path: Path) -> None:
    np.save(tmp_path / "vectors.npy", theirs())
    (tmp_path / "paths.txt").write_text("\n".join(NAMES), "utf-8")

    with pytest.raises(SettingsError, match="--paths"):
        take(used, tmp_path / "vectors.npy")
    assert take(used, tmp_path / "vectors.npy", paths=tmp_path / "paths.txt").images == COUNT
    (tmp_path / "paths.txt").write_text("\n".join(NAMES[1:]), "utf-8")
    with pytest.raises(SettingsError, match=r"has 60 rows, and .* has 59 paths"):
        take(used, tmp_path / "vectors.npy", paths=tmp_path / "paths.txt")


def test_paths_may_be_whole_or_names_alone(
    used: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(vector_files, "_AT_ONCE", 7)
    (used.images / "a").mkdir()
    (used.images / "b").mkdir()
    for number, path in enumerate(("a/same.png", "b/same.png", "a/only.png"), start=100):
        (used.images / path).write_bytes(picture(number))
    Library.open(used).update(fingerprints=False)
    names = [str((used.images / NAMES[0]).resolve()), f"./{NAMES[1]}", "a\\only.png", "only.png",
             "same.png", "nothing.png", NAMES[2]]  # fmt: skip

    done = take(used, table(tmp_path / "vectors.csv", names, theirs(len(names)), header=False))

    # One of two that are called the same stands for neither.
    assert (done.images, done.unknown, done.examples) == (4, 2, ("same.png", "nothing.png"))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is empty"),
        ("path,f0\nno.png,1\n", "None of the 1 paths in .*such as 'no.png'"),
        ("path,f0,f1\n0001.png,1\n", "Line 2 of .* has 1 numbers, and the first has 2"),
        ("path,f0\n0001.png,one\n", "Line 2 of .*: could not convert"),
        ("path,f0\n0001.png,nan\n", "no finite number"),
        ("path,f0\n0001.png,0\n", "is zero, which has no direction"),
        ("path\n0001.png\n", "have 0 numbers"),
    ],
)
def test_bad_tables_are_refused(used: Settings, tmp_path: Path, text: str, message: str) -> None:
    file = tmp_path / "vectors.csv"
    file.write_text(text, "utf-8")

    with pytest.raises(SettingsError, match=message):
        take(used, file)

    assert [*imported_folder(used.cache).glob("*")] == []


def test_no_array_is_unpickled(used: Settings, tmp_path: Path) -> None:
    np.save(tmp_path / "vectors.npy", np.array([{"a": 1}], object), allow_pickle=True)
    (tmp_path / "paths.txt").write_text(NAMES[0], "utf-8")

    with pytest.raises(SettingsError, match="no NumPy array of numbers"):
        take(used, tmp_path / "vectors.npy", paths=tmp_path / "paths.txt")


@pytest.mark.parametrize("name", ["hsv", "colour", "light", "auto", "../x", "A", "", "x" * 41])
def test_some_names_are_taken(used: Settings, tmp_path: Path, name: str) -> None:
    file = table(tmp_path / "vectors.csv", NAMES, theirs())

    with pytest.raises(InvalidQuery, match=r"cannot be the name|is a name of this program"):
        take(used, file, name)


def test_an_import_replaces_the_one_before(used: Settings, tmp_path: Path) -> None:
    library = Library.open(used)
    take(used, table(tmp_path / "vectors.csv", NAMES, theirs()))
    first = ranking(library, 20, weights={"theirs": 1})
    turned = theirs()[np.random.default_rng(0).permutation(COUNT)]

    take(used, table(tmp_path / "vectors.csv", NAMES, turned))

    assert ranking(library, 20, weights={"theirs": 1}) != first
    assert len([*imported_folder(used.cache).iterdir()]) == 2


def test_an_interrupted_import_leaves_the_one_before(
    used: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(vector_files, "_AT_ONCE", 10)
    library = Library.open(used)
    file = table(tmp_path / "vectors.csv", NAMES, theirs())
    take(used, file)
    before = sorted(path.name for path in imported_folder(used.cache).iterdir())
    calls = iter([False, False, True])

    done = take_vectors(
        library.snapshot(), used.cache, used.images, "theirs", VectorFile(file),
        cancelled=lambda: next(calls),
    )  # fmt: skip

    assert done.cancelled
    assert sorted(path.name for path in imported_folder(used.cache).iterdir()) == before


def test_damage_is_found(used: Settings, tmp_path: Path) -> None:
    take(used, table(tmp_path / "vectors.csv", NAMES, theirs()))
    [rows] = imported_folder(used.cache).glob("*.imported")
    assert ranking(Library.open(used), 20, weights={"theirs": 1})
    data = bytearray(rows.read_bytes())
    data[7] ^= 1
    rows.write_bytes(data)

    with pytest.raises(CacheDamaged, match=r"do not match their checksum.*import them again"):
        ranking(Library.open(used), 20, weights={"theirs": 1})
    rows.unlink()
    with pytest.raises(CacheDamaged, match="import them again"):
        ranking(Library.open(used), 20, weights={"theirs": 1})


def test_verify_finds_damage_and_a_repair_removes_it(
    used: Settings, run: Run, tmp_path: Path
) -> None:
    take(used, table(tmp_path / "vectors.csv", NAMES, theirs()))
    take(used, table(tmp_path / "more.csv", NAMES, theirs()), "more")
    assert run("verify")[0] == 0
    [rows] = imported_folder(used.cache).glob("theirs.*.imported")
    rows.write_bytes(bytes(rows.stat().st_size))

    code, printed, _ = run("verify", "--json")
    [damage] = json.loads(printed)["damage"]
    assert (code, damage["kind"]) == (1, "imported vectors")
    assert "import them again" in damage["cost"]

    assert run("verify", "--repair")[0] == 0
    assert run("verify")[0] == 0
    assert Library.open(used).status().imported == ("more",)
    assert not list(imported_folder(used.cache).glob("theirs.*"))


def test_a_backup_holds_them(used: Settings, tmp_path: Path) -> None:
    take(used, table(tmp_path / "vectors.csv", NAMES, theirs()))
    before = ranking(Library.open(used), 20, weights={"theirs": 1})
    backup(used, tmp_path / "backup")
    again = replace(used, cache=tmp_path / "again.pkl")

    restore(again, tmp_path / "backup")

    assert ranking(Library.open(again), 20, weights={"theirs": 1}) == before
    take(again, table(tmp_path / "vectors.csv", NAMES[:30], theirs(30)), "more")
    restore(again, tmp_path / "backup", force=True)
    [aside] = tmp_path.glob("again.pkl.before-restore-*.pkl")
    assert Library.open(replace(again, cache=aside)).status().imported == ("more", "theirs")


def test_a_damaged_column_is_not_backed_up(used: Settings, tmp_path: Path) -> None:
    take(used, table(tmp_path / "vectors.csv", NAMES, theirs()))
    [rows] = imported_folder(used.cache).glob("*.imported")
    rows.write_bytes(bytes(rows.stat().st_size))

    with pytest.raises(CacheDamaged, match="import them again"):
        backup(used, tmp_path / "backup")


def test_the_command(used: Settings, run: Run, tmp_path: Path) -> None:
    file = table(tmp_path / "vectors.csv", [*NAMES[:50], "no.png"], theirs(51))

    code, printed, _ = run("import", file, "--name", "theirs")
    assert code == 0
    assert printed.splitlines() == [
        f"50 images have a vector of {DIM} numbers in theirs.",
        "10 images have none.",
        "1 paths are of no indexed image, such as no.png.",
        "Search with it: image-search search --like ID --weights theirs=1",
    ]
    code, printed, _ = run("import", file, "--name", "theirs", "--json")
    answer = json.loads(printed)
    assert (code, answer["images"], answer["unknown"], answer["examples"]) == (
        0, 50, 1, ["no.png"],
    )  # fmt: skip
    like = identity(Library.open(used), 20)
    code, printed, _ = run("search", "--like", like, "--weights", "theirs=1", "-k", "3", "--json")
    assert (code, json.loads(printed)["results"][0]["path"]) == (0, NAMES[20])
    code, _, error = run("search", used.images / NAMES[20], "--weights", "theirs=1")
    assert (code, "nothing here that could compute one" in error) == (2, True)
    assert run("import", "--name", "theirs", "--remove")[0] == 0
    code, _, error = run("import", "--name", "theirs", "--remove")
    assert (code, "no imported vectors" in error) == (2, True)
    assert run("search", "--like", like, "--weights", "theirs=1")[0] == 2
    assert [*imported_folder(used.cache).iterdir()] == []
