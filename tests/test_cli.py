"""The command line as people and programs use it."""

from __future__ import annotations

import itertools
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from image_search import __version__
from image_search.cli import COMMANDS
from image_search.extractors import REGISTRY
from image_search.library import Library
from image_search.settings import Settings
from image_search.storage import CacheWriter
from tests.conftest import Run
from tests.drawing import draw_into, picture

pytestmark = pytest.mark.service

ROOT = Path(__file__).resolve().parents[1]
# No module can be called ``import``.
NAMES = [module.__name__.rpartition(".")[2].removesuffix("_vectors") for module in COMMANDS]


def command(settings: Settings, *arguments: str | Path) -> list[str]:
    """A command for a process of its own."""
    options = ["--images", settings.images, "--cache", settings.cache]
    return [sys.executable, "-m", "image_search", *map(str, (*arguments, *options))]


def environment() -> dict[str, str]:
    return {**os.environ, "IMAGE_SEARCH_EXTRACTORS": "hsv", "OMP_NUM_THREADS": "1"}


def start(settings: Settings, *arguments: str | Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        command(settings, *arguments), cwd=ROOT, env=environment(), text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip


def finished(settings: Settings, *arguments: str | Path) -> tuple[int, str, str]:
    process = start(settings, *arguments)
    out, err = process.communicate(timeout=60)
    return process.returncode, out, err


def test_the_real_command_indexes_and_searches(
    settings: Settings, folder: Path, tmp_path: Path
) -> None:
    draw_into(folder, 5)
    (folder / "broken.png").write_bytes(b"no picture")
    (tmp_path / "query.png").write_bytes(picture(3))

    code, out, err = finished(settings, "index")
    assert code == 0, err
    assert "5 added, 0 changed, 0 moved, 0 removed, 0 unchanged, 1 unreadable" in out
    assert "Unreadable: broken.png: This is not an image" in err
    assert "images/s" in err, "no progress bar with a rate"

    code, out, err = finished(settings, "search", tmp_path / "query.png", "-k", "2")
    assert code == 0, err
    assert out.splitlines()[0].split()[:3] == ["1", "1.000", "0003.png"]
    assert "Compared with 5 images, 1 could not be read" in out


def test_index_as_json(run: Run, folder: Path) -> None:
    draw_into(folder, 2)
    (folder / "broken.png").write_bytes(b"no picture")

    code, out, err = run("index", "--json")

    report = json.loads(out)
    assert (code, err) == (0, "")
    assert (report["added"], report["unreadable"], report["cancelled"]) == (2, 1, False)
    assert report["failures"][0].keys() == {"path", "reason", "kind"}
    assert report.keys() == {
        "added", "changed", "moved", "removed", "unchanged", "unreadable", "embedded",
        "failures", "seconds", "rebuilt", "calibrated", "cancelled", "warnings", "not_images",
        "notes", "taken", "duplicate_groups", "duplicate_images",
    }  # fmt: skip


def test_index_tells_of_duplicates_and_of_the_whole_time(
    run: Run, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    draw_into(folder, 3)
    (folder / "twin.png").write_bytes(picture(1))
    clock = itertools.count(0, 100)
    monkeypatch.setattr("image_search.cli.index.time.monotonic", lambda: float(next(clock)))

    code, out, _ = run("index", "--only-search")
    assert code == 0
    assert "duplicates" not in out
    code, out, _ = run("index")
    assert code == 0
    assert "1 group of duplicates with 2 images" in out
    # The clock is the program's own: it began before the update, and ends after the duplicates.
    seconds = float(re.search(r"\(([\d.]+) s\)", out)[1])  # type: ignore[index]
    assert seconds >= 100


def test_search_as_json(run: Run, folder: Path) -> None:
    draw_into(folder, 4)
    run("index")

    code, out, _ = run("search", folder / "0002.png", "--json", "-k", "3", "--weights", "hsv=2")

    answer = json.loads(out)
    assert code == 0
    assert [hit["rank"] for hit in answer["results"]] == [1, 2, 3]
    assert answer["results"][0]["path"] == "0002.png"
    assert answer["results"][0].keys() == {
        "rank", "id", "path", "score", "scores", "contributions", "width", "height", "size",
        "modified", "note", "variant", "labels", "kind", "page", "time", "region_id",
        "closer_than", "design", "views", "confirmed", "region",
    }  # fmt: skip
    assert answer.keys() == {
        "results", "compared", "unreadable", "took_ms", "kind", "extractors", "warnings",
        "matched_by", "drawing", "named", "labels", "metric",
    }  # fmt: skip


def test_status_tells_the_state(run: Run, folder: Path, settings: Settings) -> None:
    code, out, _ = run("status")
    assert code == 0
    assert "never" in out
    assert "run image-search index" in out

    draw_into(folder, 4)
    (folder / "broken.png").write_bytes(b"no picture")
    run("index")

    code, out, _ = run("status")
    assert code == 0
    assert "Images         4" in out
    assert "run image-search index" not in out
    assert "broken.png: This is not an image" in out
    status = json.loads(run("status", "--json")[1])
    assert (status["images"], status["ready"]) == (4, True)
    assert status["failures"][0]["path"] == "broken.png"
    assert status["cache"] == str(settings.cache)


def test_models_lists_every_extractor(run: Run) -> None:
    code, out, _ = run("models", "--json")

    rows = json.loads(out)["models"]
    assert code == 0
    assert [row["name"] for row in rows] == list(REGISTRY)
    for row in rows[:2]:
        assert row["bytes"] > 10**8
        assert row["licence"]
        assert row["source"]
        assert isinstance(row["present"], bool)
    code, out, _ = run("models")
    assert code == 0
    assert "none needed" in out


def test_models_lists_every_set_and_marks_the_one_in_use(run: Run) -> None:
    rows = json.loads(run("models", "--json", "--models", "sharp")[1])["sets"]

    assert [row["name"] for row in rows] == ["classic", "sharp", "best", "light"]
    assert [row["chosen"] for row in rows] == [False, True, False, False]
    sharp, light = rows[1], rows[3]
    assert sharp["bytes"] == 693_200_000
    assert set(sharp["missing"]) <= {"clip-datacomp-256", "dinov2"}
    assert (light["bytes"], light["missing"]) == (0, [])
    out = run("models", "--models", "sharp")[1]
    assert re.search(r"^sharp: .* \(in use\)$", out, re.MULTILINE)
    assert "made of  clip-datacomp-256, dinov2, imagenet" in out


def test_models_fetch_refuses_a_name_that_there_is_not(run: Run) -> None:
    code, out, _ = run("models", "fetch", "huge", "--json")

    assert code == 2
    assert "no extractor 'huge'" in json.loads(out)["error"]["message"]


@pytest.mark.parametrize(
    ("arguments", "code", "expected"),
    [
        (["search", "nothing.png"], "unreadable_image", "nothing.png cannot be read"),
        (["search", "QUERY"], "index_empty", "holds no images"),
        (["search"], "invalid_query", "empty"),
        (["search", "QUERY", "-k", "0"], "invalid_query", "at least 1"),
        (["search", "QUERY", "--weights", "hsv"], "invalid_query", "NAME=NUMBER"),
        (["index", "--images", "/nothing/here"], "bad_setting", "/nothing/here"),
        (["index", "--extractors", "colours"], "bad_setting", "colours"),
        (["status", "--cache", "/"], "bad_setting", "folder"),
    ],
)
def test_errors_have_one_shape(
    run: Run, tmp_path: Path, arguments: list[str], code: str, expected: str
) -> None:
    (tmp_path / "query.png").write_bytes(picture(0))
    arguments = [str(tmp_path / "query.png") if a == "QUERY" else a for a in arguments]

    exit_code, out, err = run(*arguments)
    assert (exit_code, out) == (2, "")
    assert err.startswith("image-search: ")
    assert expected in err
    assert "Traceback" not in err

    exit_code, out, err = run(*arguments, "--json")
    assert (exit_code, err) == (2, "")
    error = json.loads(out)["error"]
    assert error["code"] == code
    assert expected in error["message"]


@pytest.mark.parametrize(
    "arguments",
    [[], ["draw"], ["index", "--threads", "many"], ["serve", "--port", "0"], ["search", "-k", "x"]],
)
def test_a_command_line_that_makes_no_sense_is_refused(run: Run, arguments: list[str]) -> None:
    code, out, err = run(*arguments)

    assert (code, out) == (2, "")
    assert "usage:" in err


@pytest.mark.parametrize("place", [0, 1, 2, 3])
def test_options_may_stand_between_names(run: Run, place: int) -> None:
    words = ["compare", "design", "nonsense"]
    words.insert(place, "--json")

    code, out, _ = run("models", *words)

    assert code == 2
    assert "'nonsense'" in json.loads(out)["error"]["message"]


def test_a_shortened_option_is_not_taken_for_another(run: Run, tmp_path: Path) -> None:
    (tmp_path / "query.png").write_bytes(picture(0))

    code, out, err = run("search", "--image", str(tmp_path / "query.png"))

    assert (code, out) == (2, "")
    assert "unrecognized arguments: --image" in err


def test_a_wrong_variable_is_named(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IMAGE_SEARCH_PORTT", "1")

    code, _, err = run("status")

    assert code == 2
    assert "IMAGE_SEARCH_PORTT" in err


def test_a_locked_cache_is_reported(run: Run, settings: Settings) -> None:
    with CacheWriter(settings.cache, settings.images):
        code, _, err = run("index")

    assert code == 2
    assert "Another process" in err


@pytest.mark.parametrize("name", NAMES)
def test_the_help_of_every_command_has_an_example(run: Run, name: str) -> None:
    code, out, _ = run(name, "--help")

    assert code == 0
    assert f"example:\n  image-search {name}" in out
    for option in ("--json", "--images", "--cache", "IMAGE_SEARCH_CACHE"):
        assert option in out


def test_the_help_names_every_command(run: Run) -> None:
    code, out, _ = run("--help")

    assert code == 0
    assert set(NAMES) <= set(re.findall(r"^    (\w+)\s", out, re.MULTILINE))


def test_the_version_is_shown(run: Run) -> None:
    assert run("--version")[:2] == (0, f"image-search {__version__}\n")
    assert json.loads(run("status", "--json")[1])["version"] == __version__
    assert f"Version        {__version__}\n" in run("status")[1]


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["status"], ["search", "--help"]])
def test_small_things_load_no_model_library(settings: Settings, arguments: list[str]) -> None:
    code = (
        "import sys\n"
        "from image_search.cli import main\n"
        "try: main(sys.argv[1:])\n"
        "except SystemExit: pass\n"
        "heavy = {'torch', 'torchvision', 'open_clip', 'flask', 'waitress'}\n"
        "print('loaded:', sorted(heavy & sys.modules.keys()))\n"
    )
    answer = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        cwd=ROOT, env=environment(), capture_output=True, text=True, check=True,
    )  # fmt: skip

    assert answer.stdout.endswith("loaded: []\n")


def test_names_the_terminal_cannot_show_do_not_stop_it(settings: Settings, folder: Path) -> None:
    for number, name in enumerate([b"caf\xe9 \xff.png", "图.png".encode()]):
        Path(os.fsdecode(os.fsencode(folder) + b"/" + name)).write_bytes(picture(number))
    Path(os.fsdecode(os.fsencode(folder) + b"/\xfe.png")).write_bytes(b"no picture")
    query = next(path for path in folder.iterdir() if "图" in path.name)
    commands = [
        command(settings, *arguments)[3:]
        for arguments in (["index"], ["status"], ["search", query], ["search", query, "--json"])
    ]
    # All in one process: what counts is where it prints to.
    code = (
        "import json, sys\n"
        "from image_search.cli import main\n"
        "print('codes:', [main(command) for command in json.loads(sys.argv[1])])\n"
    )
    for encoding in ("utf-8", "ascii"):
        answer = subprocess.run(
            [sys.executable, "-c", code, json.dumps(commands)],
            cwd=ROOT, env=environment() | {"PYTHONIOENCODING": encoding}, capture_output=True,
            check=True,
        )  # fmt: skip
        assert answer.stdout.endswith(b"codes: [0, 0, 0, 0]\n"), answer.stderr


def test_a_reader_that_goes_away_is_no_error(settings: Settings, folder: Path) -> None:
    draw_into(folder, 60)  # the answer is longer than what Python holds back
    Library.open(settings).update()
    process = start(settings, "search", folder / "0000.png", "-k", "60", "--json")
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.close()

    assert process.wait(60) == 0
    assert process.stderr.read() == ""
    process.stderr.close()
