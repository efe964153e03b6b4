"""``check`` and ``duplicates`` as people and intake scripts use them."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest
from PIL import Image, ImageOps

from image_search.library import Library
from image_search.settings import Settings
from tests.conftest import Run
from tests.drawing import copy_of, ornate, saved, updated
from tests.test_cli import finished

pytestmark = pytest.mark.service


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """Five designs, one of them twice, and a broken file; indexed."""
    place = tmp_path_factory.mktemp("check")
    images = place / "images"
    images.mkdir()
    for number in range(5):
        (images / f"{number}.png").write_bytes(saved(ornate(number)))
    (images / "copy.png").write_bytes(saved(ornate(4)))
    (images / "broken.png").write_bytes(b"no picture")
    settings = Settings(images, place / "state" / "image_features.pkl", extractors="hsv", threads=2)
    updated(Library.open(settings))
    return settings


@pytest.fixture
def indexed(made: Settings, settings: Settings, tmp_path: Path) -> Settings:
    copy_of(made, tmp_path)
    return settings


@pytest.fixture
def incoming(tmp_path: Path) -> Path:
    """A new picture, and an edited copy of one that is known."""
    place = tmp_path / "incoming"
    (place / "deep").mkdir(parents=True)
    (place / "new.png").write_bytes(saved(ornate(50)))
    (place / "deep" / "mirrored.jpg").write_bytes(saved(ImageOps.mirror(ornate(3)), "JPEG"))
    return place


@pytest.mark.usefixtures("indexed")
def test_the_exit_code_is_the_answer(
    settings: Settings, incoming: Path, tmp_path: Path, run: Run
) -> None:
    code, out, err = run("check", incoming / "new.png")
    assert (code, err) == (0, "")
    assert "new.png: " in out
    assert "Compared with 6 images; 1 could not be read: broken.png." in out
    assert "edited copies, " in out

    code, out, _ = run("check", incoming / "deep" / "mirrored.jpg")
    assert code == 1
    assert "Near-duplicate: same picture, mirrored" in out
    assert "near    3.png" in out

    (tmp_path / "bad.png").write_bytes(b"no picture")
    code, out, _ = run("check", tmp_path / "bad.png", incoming / "new.png")
    assert code == 2
    assert "bad.png: not checked: This is not an image" in out
    assert "2 pictures:" in out
    assert run("check", tmp_path / "missing.png")[0] == 2


@pytest.mark.usefixtures("indexed")
def test_a_folder_is_checked_whole(run: Run, incoming: Path) -> None:
    code, out, _ = run("check", incoming, "--json")

    answer = json.loads(out)
    assert code == 1
    verdicts = {Path(one["picture"]).name: one["verdict"] for one in answer["checks"]}
    assert verdicts["mirrored.jpg"] == "near"
    assert verdicts["new.png"] in ("new", "similar")
    near = next(one for one in answer["checks"] if one["verdict"] == "near")
    assert near.keys() >= {
        "words", "certainty", "hits", "nearest", "compared", "unreadable", "unreadable_files",
        "took_ms", "kind", "extractors", "fingerprint", "checked", "warnings",
    }  # fmt: skip
    assert near["certainty"].keys() == {
        *("false_alarms", "misses", "measured_on", "kind", "chance", "words")
    }
    (hit,) = [hit for hit in near["hits"] if hit["relation"] == "near"]
    assert hit.keys() >= {"path", "id", "score", "relation", "evidence", "width"}
    assert hit["evidence"]["mirrored"] is True


@pytest.mark.usefixtures("indexed")
def test_the_table_has_a_line_for_each_hit(run: Run, incoming: Path, tmp_path: Path) -> None:
    (incoming / "bad.png").write_bytes(b"no picture")
    code, out, _ = run("check", incoming, "--csv", "-", "-k", "1")
    rows = list(csv.DictReader(io.StringIO(out)))
    assert code == 2
    assert {Path(row["picture"]).name for row in rows} == {"new.png", "mirrored.jpg", "bad.png"}
    near = next(row for row in rows if row["relation"] == "near")
    assert (near["hit"], near["verdict"], near["compared"]) == ("3.png", "near", "6")
    assert next(row for row in rows if row["error"])["verdict"] == ""

    target = tmp_path / "table.csv"
    _, out, _ = run("check", incoming / "new.png", "--csv", target)
    assert "new.png: " in out
    assert len(list(csv.DictReader(io.StringIO(target.read_text())))) >= 1
    code, _, err = run("check", incoming / "new.png", "--csv", tmp_path / "no" / "t.csv")
    assert code == 2
    assert "cannot be written" in err


@pytest.mark.usefixtures("indexed")
def test_the_report_holds_everything(run: Run, incoming: Path, tmp_path: Path) -> None:
    (incoming / "bad <b>.png").write_bytes(b"no picture")
    report = tmp_path / "report.html"

    run("check", incoming, "--report", report)

    page = report.read_text("utf-8")
    for part in ("Near-duplicate", "3.png", "mirrored.jpg", "Compared with", "broken.png",
                 "Reviewer", "matching points", "hsv", "bad &lt;b&gt;.png"):  # fmt: skip
        assert part in page
    assert page.count("data:image/webp;base64,") >= 6
    assert "http" not in page.replace("http://www.w3.org/2000/svg", "")


@pytest.mark.usefixtures("indexed")
def test_the_real_commands(settings: Settings, incoming: Path) -> None:
    code, out, err = finished(settings, "check", incoming / "deep")
    assert code == 1, err
    assert "Near-duplicate" in out
    code, out, err = finished(settings, "duplicates")
    assert code == 0, err
    assert "1 group with 2 images, 1 of them undecided." in out


@pytest.mark.usefixtures("indexed")
def test_an_indexed_image_by_its_id(run: Run, folder: Path) -> None:
    answer = json.loads(run("check", folder / "copy.png", "--json")[1])["checks"][0]
    copy = next(hit["id"] for hit in answer["hits"] if hit["path"] == "copy.png")

    code, out, _ = run("check", "--like", copy, "--json")

    assert code == 1
    hits = json.loads(out)["checks"][0]["hits"]
    assert [hit["path"] for hit in hits if hit["relation"] == "exact"] == ["4.png"]
    assert run("check", "--like", "0" * 16)[0] == 2


@pytest.mark.parametrize("arguments", [["check"], ["check", "EMPTY"]])
def test_nothing_to_check_is_an_error(run: Run, tmp_path: Path, arguments: list[str]) -> None:
    (tmp_path / "empty").mkdir()
    given = [str(tmp_path / "empty") if a == "EMPTY" else a for a in arguments]
    code, out, err = run(*given)
    assert (code, out) == (2, "")
    assert err.startswith("image-search: ")


def test_an_empty_index_is_an_error(run: Run, incoming: Path) -> None:
    code, _, err = run("check", incoming)
    assert code == 2
    assert "holds no images" in err


@pytest.mark.usefixtures("indexed")
def test_duplicates_are_listed_decided_and_undone(run: Run, tmp_path: Path) -> None:
    code, out, _ = run("duplicates", "--json")
    (group,) = json.loads(out)["groups"]
    assert code == 0
    assert group["kind"] == "exact"
    assert {member["path"] for member in group["members"]} == {"4.png", "copy.png"}
    (pair,) = group["pairs"]

    code, out, _ = run("duplicates", "--decide", pair["a"], pair["b"], "different")
    assert code == 0
    assert "are different" in out
    assert "No duplicates." in run("duplicates")[1]
    assert json.loads(run("duplicates", "--json", "--only", "decided")[1])["total"] == 1

    kept = tmp_path / "decisions.json"
    assert "1 decisions written" in run("duplicates", "--export-decisions", kept)[1]
    assert "Undone" in run("duplicates", "--undo")[1]
    assert "no decision" in run("duplicates", "--undo")[1]
    assert json.loads(run("duplicates", "--json")[1])["total"] == 1
    plain = json.loads(kept.read_text())
    plain["decisions"][0]["decided"] += 1e6
    kept.write_text(json.dumps(plain))
    assert "1 decisions imported" in run("duplicates", "--import-decisions", kept)[1]
    assert run("duplicates", "--undo", pair["a"], pair["b"])[0] == 0


@pytest.mark.usefixtures("indexed")
def test_which_duplicates_to_keep(run: Run, tmp_path: Path) -> None:
    group = json.loads(run("duplicates", "--json")[1])["groups"][0]
    for pair in group["pairs"]:
        run("duplicates", "--decide", pair["a"], pair["b"], "same")
    code, out, _ = run("duplicates", "--keep", "oldest")
    assert code == 0
    assert "Keep " in out
    assert "Kept: the file that was altered first. No file was changed." in out
    [kept] = json.loads(run("duplicates", "--keep", "largest", "--json")[1])["groups"]
    assert len(kept["others"]) == len(group["members"]) - 1
    table = tmp_path / "keep.csv"
    assert run("duplicates", "--keep", "largest", "--csv", table)[0] == 0
    lines = table.read_text("utf-8-sig").splitlines()
    assert len(lines) == 1 + len(group["members"])
    assert [line.split(",")[1] for line in lines[1:3]] == ["yes", "no"]
    assert run("duplicates", "--keep", "best")[0] == 2


@pytest.mark.usefixtures("indexed")
def test_duplicates_as_a_table(run: Run) -> None:
    code, out, _ = run("duplicates", "--csv", "-")
    rows = list(csv.DictReader(io.StringIO(out)))
    assert code == 0
    assert {row["path"] for row in rows} == {"4.png", "copy.png"}
    assert {row["against"] for row in rows} == {"4.png", "copy.png"}
    assert rows[0]["words"] == "the same file, byte for byte"


@pytest.mark.usefixtures("indexed")
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--decide", "x", "y", "same"], "No indexed image"),
        (["--undo", "x"], "two ids"),
        (["--undo", "--export-decisions", "x"], "one at a time"),
        (["--import-decisions", "nothing.json"], "cannot be read"),
        (["--limit", "-1"], "limit"),
    ],
)
def test_what_makes_no_sense_is_refused(run: Run, arguments: list[str], message: str) -> None:
    code, _, err = run("duplicates", *arguments)
    assert code == 2
    assert message in err


@pytest.mark.usefixtures("indexed")
def test_a_part_is_checked_against_some_of_the_images(run: Run, tmp_path: Path) -> None:
    sheet = Image.new("RGB", (640, 480), "white")
    sheet.paste(ornate(3), (320, 240))
    (tmp_path / "sheet.png").write_bytes(saved(sheet))
    asked = ("check", tmp_path / "sheet.png", "--region", "0.5,0.5,0.5,0.5")

    code, out, _ = run(*asked, "--name", "3*")
    assert code == 1
    assert "only the marked part was looked for" in out
    assert "Compared with 1 images" in out

    code, out, _ = run(*asked, "--name", "2*")
    assert code == 0
    assert "3.png" not in out
    for wrong in (("--region", "0,0,2,2"), ("--after", "yesterday"), ("--orientation", "round")):
        code, _, err = run("check", tmp_path / "sheet.png", *wrong)
        assert code == 2
        assert wrong[0].strip("-") in err or "date" in err
    assert run("check", "--like", "0" * 16, "--region", "0,0,1,1")[0] == 2
