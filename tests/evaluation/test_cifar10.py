"""CIFAR-10's own files are read without running what a pickle names, and evaluated."""

from __future__ import annotations

import json
import pickle
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from image_search.cli import main
from image_search.errors import SettingsError
from image_search.evaluation import cifar10
from image_search.evaluation.cifar10 import class_names, read_batch, unpack
from image_search.indexing.reports import Progress
from tests.evaluation import cifar

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    return cifar.write(tmp_path / "cifar-10-batches-py")


def test_a_batch_is_read_as_python_reads_it(archive: Path) -> None:
    file = archive / "data_batch_3"
    # This one may be read in the usual way: we wrote it ourselves.
    theirs = pickle.loads(file.read_bytes(), encoding="bytes")

    ours = read_batch(file)

    planes = theirs[b"data"].reshape(-1, 3, 32, 32)
    assert np.array_equal(ours.images, planes.transpose(0, 2, 3, 1))
    assert list(ours.labels) == theirs[b"labels"]
    assert [name.encode() for name in ours.names] == theirs[b"filenames"]
    assert class_names(archive / "batches.meta") == cifar.CLASSES


@pytest.mark.parametrize("protocol", [2, 4])
def test_what_python_3_pickled_is_read_too(tmp_path: Path, protocol: int) -> None:
    images = np.random.default_rng(0).integers(0, 256, (3, 3072), dtype=np.uint8)
    names = [b"a.png", b"b.png", b"c.png"]
    plain = {b"data": images, b"labels": [0, 9, 4], b"filenames": names}
    (tmp_path / "batch").write_bytes(pickle.dumps(plain, protocol))

    found = read_batch(tmp_path / "batch")

    assert np.array_equal(found.images, images.reshape(3, 3, 32, 32).transpose(0, 2, 3, 1))
    assert (found.labels, found.names) == ((0, 9, 4), ("a.png", "b.png", "c.png"))


def test_the_images_are_written_as_they_are(archive: Path, tmp_path: Path) -> None:
    seen = list[Progress]()

    # The folder that holds the archive will do as well.
    found = unpack(archive.parent, tmp_path / "out", seen.append)

    train, test = ([*place.rglob("*.png")] for place in (found.gallery, found.queries))
    assert (len(train), len(test)) == (200, 40)
    assert {file.parent.name for file in test} == set(cifar.CLASSES)
    assert (seen[-1].phase, seen[-1].done, seen[-1].total) == ("unpacking", 240, 240)
    batch = read_batch(archive / "data_batch_2")
    for image, label, name in zip(batch.images, batch.labels, batch.names, strict=True):
        file = found.gallery / cifar.CLASSES[label] / f"{Path(name).stem}-2.png"
        assert np.array_equal(np.asarray(Image.open(file)), image)


def test_images_that_are_there_are_not_written_again(archive: Path, tmp_path: Path) -> None:
    found = unpack(archive, tmp_path / "out")
    before = {file: file.stat().st_mtime_ns for file in found.gallery.rglob("*.png")}

    unpack(archive, tmp_path / "out")

    assert before == {file: file.stat().st_mtime_ns for file in found.gallery.rglob("*.png")}


class Harmful:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        import os

        return os.system, ("touch harm",)


HARMFUL = [
    (pickle.dumps({"data": Harmful()}, 2), "asks to run .*system"),
    (pickle.dumps(Harmful(), 0), "asks to run .*system"),
    (b"cbuiltins\neval\n(S'1'\ntR.", "asks to run builtins.eval"),
    (b"\x80\x02cnumpy\nload\nU\x01x\x85R.", "asks to run numpy.load"),
    (b"\x80\x02U\x01aQ.", "outside itself"),
    (b"\x80\x02]r\xff\xff\xff\x7f.", "is no file of CIFAR-10"),
    (b"\x80\x02}(U\x04dataT\xff\xff\xff\x7f", "is no file of CIFAR-10"),
    (b"", "is no file of CIFAR-10"),
    (b"not a pickle", "is no file of CIFAR-10"),
]


@pytest.mark.parametrize(("content", "message"), HARMFUL)
def test_nothing_that_a_pickle_names_is_run(
    archive: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes, message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (archive / "test_batch").write_bytes(content)

    with pytest.raises(SettingsError, match=message):
        unpack(archive, tmp_path / "out")

    assert not (tmp_path / "harm").exists()


def test_arrays_of_objects_are_refused(tmp_path: Path) -> None:
    (tmp_path / "batch").write_bytes(cifar.batch([0, 1], 0, kind=b"O8"))
    with pytest.raises(SettingsError, match="not of bytes"):
        read_batch(tmp_path / "batch")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({b"labels": [0, 10]}, "none of 10 classes"),
        ({b"labels": [0]}, "do not fit"),
        ({b"data": np.zeros((2, 100), np.uint8)}, "do not fit"),
        ({b"filenames": [b"a.png", b"../../b.png"]}, "cannot be that of a file"),
        ({b"filenames": None}, "do not fit"),
    ],
)
def test_what_does_not_fit_is_refused(
    tmp_path: Path, change: dict[bytes, object], message: str
) -> None:
    whole = {
        b"data": np.zeros((2, 3072), np.uint8), b"labels": [0, 1], b"filenames": [b"a", b"b"],
    }  # fmt: skip
    (tmp_path / "batch").write_bytes(pickle.dumps(whole | change, 2))

    with pytest.raises(SettingsError, match=message):
        read_batch(tmp_path / "batch")


def test_large_files_are_refused_unread(
    archive: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cifar10, "_MOST_BYTES", 1000)
    with pytest.raises(SettingsError, match="larger than any file"):
        unpack(archive, tmp_path / "out")


def test_the_command(archive: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    report = tmp_path / "report.html"
    arguments = ["evaluate", "--extractors", "hsv,edges", "--cifar10", str(archive)]

    code = main([*arguments, "--metric", "cosine", "--report", str(report), "--json"])

    found = json.loads(capsys.readouterr().out)
    assert code == 0
    assert (found["gallery"]["images"], found["asked"]) == (200, 40)
    assert found["gallery"]["classes"] == 10
    by_name = {ranking["name"]: ranking for ranking in found["rankings"]}
    assert [*by_name] == ["hsv, cosine", "hsv", "edges, cosine", "edges", "fusion"]
    # Each class has a colour of its own.
    confusion = by_name["hsv, cosine"]["confusion"]
    assert confusion["right"] > 0.95
    assert confusion["classes"] == list(cifar.CLASSES)
    assert sum(map(sum, confusion["counts"])) == 40
    assert sum(confusion["counts"][n][n] for n in range(10)) == round(confusion["right"] * 40)
    text = report.read_text("utf-8")
    assert "Which classes are confused" in text
    assert "Nearest neighbours" in text
    assert text.count('<article class="case">') > 8
    assert main([*arguments, "--queries", str(tmp_path)]) == 2
    assert "leave out --gallery and --queries" in capsys.readouterr().err


def test_a_folder_that_is_none_says_what_is_missing(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"lacks batches\.meta"):
        unpack(tmp_path, tmp_path / "out")
