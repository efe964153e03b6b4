"""What an extractor saw is written for other programs: whole, in its place, over nothing else."""

from __future__ import annotations

import csv
import json
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from image_search.errors import InvalidQuery, SettingsError
from image_search.exchange import exporting
from image_search.exchange.exporting import LIST, Exported, export
from image_search.extractors.base import unit_rows
from image_search.imaging.decoding import decode
from image_search.indexing.reports import Progress
from image_search.library import Library
from image_search.settings import Settings
from tests.conftest import Run
from tests.counting import Raw, stand_in_with_lengths
from tests.drawing import picture

PATHS = ["=cmd.png", 'rings/a, "b".png', "rings/gold.jpg", "rings/gold.png", "ßen/Ü.png"]


@pytest.fixture
def indexed(settings: Settings, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Five images in three folders, with names that tables have trouble with."""
    stand_in_with_lengths(monkeypatch)
    monkeypatch.setenv("IMAGE_SEARCH_EXTRACTORS", "hsv,edges")
    for number, path in enumerate(PATHS):
        (folder / path).parent.mkdir(exist_ok=True)
        (folder / path).write_bytes(picture(number))
    used = replace(settings, extractors="hsv,edges")
    Library.open(used).update(fingerprints=False)
    return used


def feature(number: int) -> np.ndarray:
    raw = Raw()
    pixels = decode(picture(number), max_megapixels=1).pixels
    return np.asarray(raw.features([raw.prepare(pixels)])[0])


def exported(settings: Settings, kind: str, out: Path, **options: bool) -> Exported:
    return export(Library.open(settings).snapshot(), "hsv", kind, out, **options)  # type: ignore[arg-type]


def close(found: np.ndarray, number: int) -> bool:
    """Whether a vector is what the extractor saw, to half precision."""
    return bool(np.allclose(found, feature(number), rtol=2e-3, atol=1e-2))


def test_a_table_has_the_path_first(indexed: Settings, tmp_path: Path) -> None:
    out = tmp_path / "features.csv"

    done = exported(indexed, "csv", out)

    with out.open(encoding="utf-8", newline="") as file:
        header, *rows = csv.reader(file)
    assert header == ["path", *(f"f{n}" for n in range(Raw.dim))]
    # A spreadsheet would run the first one.
    assert [row[0] for row in rows] == ["'=cmd.png", *PATHS[1:]]
    for number, row in enumerate(rows):
        assert close(np.array(row[1:], np.float64), number)
    assert (done.images, done.dim, done.extractor, done.unit) == (5, Raw.dim, "hsv", False)
    assert [path.name for path in tmp_path.iterdir() if "features" in path.name] == [out.name]


def test_features_can_be_scaled_to_length_one(indexed: Settings, tmp_path: Path) -> None:
    exported(indexed, "npy", tmp_path / "out", unit=True)

    row = np.load(tmp_path / "out" / "rings" / "gold.png.npy")
    assert np.linalg.norm(row) == pytest.approx(1, abs=1e-5)
    np.testing.assert_allclose(row, unit_rows(feature(3)[None])[0], atol=2e-3)


def test_every_image_has_an_array_of_its_name(indexed: Settings, tmp_path: Path) -> None:
    out = tmp_path / "out"

    assert exported(indexed, "npy", out).images == 5

    found = {file.relative_to(out).as_posix() for file in out.rglob("*.npy")}
    assert found == {f"{path}.npy" for path in PATHS}
    for number, path in enumerate(PATHS):
        assert close(np.load(out / f"{path}.npy"), number)


def test_arrays_are_brought_up_to_date(indexed: Settings, tmp_path: Path) -> None:
    out = tmp_path / "out"
    exported(indexed, "npy", out)
    (out / "notes.npy").write_bytes(b"mine")
    (indexed.images / PATHS[3]).unlink()
    Library.open(indexed).update(fingerprints=False)

    assert exported(indexed, "npy", out).images == 4

    assert not (out / f"{PATHS[3]}.npy").exists()
    assert (out / "notes.npy").read_bytes() == b"mine"


@pytest.mark.parametrize("kind", ["csv", "npy"])
def test_what_lies_there_is_left_alone_unless_forced(
    indexed: Settings, tmp_path: Path, kind: str
) -> None:
    out = tmp_path / "out"
    theirs = out / "rings" / "gold.jpg.npy" if kind == "npy" else out
    theirs.parent.mkdir(parents=True, exist_ok=True)
    theirs.write_bytes(b"mine")

    with pytest.raises(SettingsError, match="exists already"):
        exported(indexed, kind, out)
    assert theirs.read_bytes() == b"mine"
    assert not [*tmp_path.rglob("*.tmp")]
    assert not [*tmp_path.rglob("gold.png.npy")]

    exported(indexed, kind, out, force=True)
    assert theirs.read_bytes() != b"mine"


@pytest.mark.parametrize("path", ["../out.png", "/etc/out.png", "a/../../out.png", ".."])
def test_nothing_is_written_elsewhere(tmp_path: Path, path: str) -> None:
    """Such paths are in no index, unless they were made up."""
    with pytest.raises(SettingsError, match="No file can be named after"):
        exporting._inside(tmp_path, path)


def test_a_link_does_not_lead_out(indexed: Settings, tmp_path: Path) -> None:
    out, elsewhere = tmp_path / "out", tmp_path / "elsewhere"
    out.mkdir()
    elsewhere.mkdir()
    (out / "rings").symlink_to(elsewhere, target_is_directory=True)

    with pytest.raises(SettingsError, match="leads out of"):
        exported(indexed, "npy", out, force=True)

    assert [*elsewhere.iterdir()] == []


def test_a_damaged_list_of_ours_is_no_licence_to_overwrite(
    indexed: Settings, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    exported(indexed, "npy", out)
    (out / LIST).write_text("{", "utf-8")

    with pytest.raises(SettingsError, match="is damaged"):
        exported(indexed, "npy", out)


def test_a_failure_leaves_nothing_half_written(
    indexed: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "features.csv"
    out.write_text("before", "utf-8")

    def fail(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", fail)

    with pytest.raises(SettingsError, match="No space left"):
        exported(indexed, "csv", out, force=True)

    assert out.read_text("utf-8") == "before"
    assert [path.name for path in tmp_path.iterdir() if "features" in path.name] == [out.name]


def test_it_can_be_cancelled(
    indexed: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exporting, "_AT_ONCE", 2)
    seen = list[Progress]()
    snapshot = Library.open(indexed).snapshot()
    for kind, out in (("csv", tmp_path / "features.csv"), ("npy", tmp_path / "out")):
        seen.clear()
        done = export(
            snapshot, "hsv", kind, out, on_progress=seen.append, cancelled=lambda: bool(seen)
        )
        assert done.cancelled
        assert [(one.phase, one.done, one.total) for one in seen] == [("exporting", 2, 5)]
    assert not (tmp_path / "features.csv").exists()
    assert len([*(tmp_path / "out").rglob("*.npy")]) == 2


def test_what_cannot_be_exported_is_refused(indexed: Settings, tmp_path: Path) -> None:
    snapshot = Library.open(indexed).snapshot()
    with pytest.raises(InvalidQuery, match="no vectors by 'clip'; it has those by hsv, edges"):
        export(snapshot, "clip", "csv", tmp_path / "a.csv")
    with pytest.raises(InvalidQuery, match="csv, npy, parquet"):
        export(snapshot, "hsv", "xml", tmp_path / "a.xml")
    with pytest.raises(SettingsError, match="is a folder"):
        export(snapshot, "hsv", "csv", tmp_path)
    with pytest.raises(SettingsError, match="does not exist"):
        export(snapshot, "hsv", "csv", tmp_path / "missing" / "a.csv")
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(SettingsError, match="is a file"):
        export(snapshot, "hsv", "npy", tmp_path / "file")


def test_parquet_opens_as_it_is(indexed: Settings, tmp_path: Path) -> None:
    pq = pytest.importorskip("pyarrow.parquet", reason="needs pyarrow, of the extra parquet")
    out = tmp_path / "features.parquet"

    assert exported(indexed, "parquet", out).images == 5

    table = pq.read_table(out)
    assert table.column("path").to_pylist() == PATHS
    assert table.column("folder").to_pylist() == ["", "rings", "rings", "rings", "ßen"]
    sizes = [(indexed.images / path).stat().st_size for path in PATHS]
    assert table.column("size").to_pylist() == sizes
    assert table.column("width").to_pylist() == [96] * 5
    assert table.column("labels").to_pylist() == [[]] * 5
    assert table.schema.metadata[b"extractor"] == b"hsv"
    for number, row in enumerate(table.column("vector").to_pylist()):
        assert close(np.array(row), number)


def test_parquet_says_what_it_needs(
    indexed: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "pyarrow", None)

    with pytest.raises(SettingsError, match=r"pip install 'image-search\[parquet\]'"):
        exported(indexed, "parquet", tmp_path / "features.parquet")


def test_the_command(indexed: Settings, run: Run, tmp_path: Path) -> None:
    out = tmp_path / "features.csv"

    code, printed, _ = run("export", "--extractor", "hsv", "--out", out)
    assert code == 0
    assert printed == f"5 images with {Raw.dim} numbers each by hsv are in {out}.\n"
    code, _, error = run("export", "--extractor", "hsv", "--out", out)
    assert (code, "overwrite with --force" in error) == (2, True)
    code, printed, _ = run("export", "--extractor", "hsv", "--out", out, "--force", "--json")
    answer = json.loads(printed)
    assert (code, answer["images"], answer["format"], answer["warnings"]) == (0, 5, "csv", [])
    code, _, error = run("export", "--extractor", "hsv", "--out", tmp_path / "features")
    assert (code, "Name the format with --format" in error) == (2, True)
