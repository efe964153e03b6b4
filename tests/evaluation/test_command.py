"""``image-search evaluate`` and its report, as people and programs use them."""

from __future__ import annotations

import base64
import io
import json
import re
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from image_search.cli import evaluate as command
from image_search.cli import main
from image_search.evaluation import TRUTHS
from image_search.evaluation.figures import Evaluation
from image_search.search.queries import AUTO
from image_search.search.ranking.fusion import (
    KINDS,
)
from tests.evaluation.folders import COLOURS, EACH, draw_photos, draw_sketches

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def state(tmp_path: Path) -> Path:
    draw_photos(tmp_path / "photo")
    draw_sketches(tmp_path / "sketch")
    return tmp_path


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    """The command in this process: exit code, standard output, standard error."""

    def call(*arguments: str | Path) -> tuple[int, str, str]:
        capsys.readouterr()
        code = main(["evaluate", "--extractors", "hsv,edges", *map(str, arguments)])
        printed = capsys.readouterr()
        return code, printed.out, printed.err

    return call


class Page(HTMLParser):
    """Tags that were opened, where they point to, and whether all were closed."""

    VOID = frozenset({"meta", "img", "br", "link", "line", "circle", "polygon", "polyline"})

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.sources: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.sources += [value or "" for name, value in attrs if name in {"src", "href"}]
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in self.VOID:
            assert self.open.pop() == tag


def plain(run: Run, *arguments: str | Path) -> dict[str, Any]:
    code, out, _ = run("--json", *arguments)
    assert code == 0
    answer: dict[str, Any] = json.loads(out)
    return answer


def test_json_holds_all_figures_and_what_they_depend_on(run: Run, state: Path) -> None:
    answer = plain(run, "--gallery", state / "photo", "-k", "5")

    old = {"ways"}  # the name of release 0.1, beside the new one
    assert answer.keys() - old == Evaluation.__dataclass_fields__.keys()
    assert answer["asked"] == len(COLOURS) * EACH
    assert answer["queries"] is None
    assert answer["models"].keys() == {"hsv", "edges"}
    assert len(answer["gallery"]["fingerprint"]) == 16
    assert [ranking["name"] for ranking in answer["rankings"]] == ["hsv", "edges", "fusion"]
    assert answer["ways"] == answer["rankings"]
    for ranking in answer["rankings"]:
        assert ranking["measures"]["P@5"].keys() == {"mean", "low", "high"}
        assert ranking["shares"]["photo"].keys() == {"hsv", "edges"}


def test_people_get_a_table(run: Run, state: Path) -> None:
    (state / "photo" / "broken.jpg").write_bytes(b"no image")

    code, out, err = run(
        "--gallery", state / "photo", "--queries", state / "sketch", "--truth", "instance"
    )

    assert code == 0
    assert "Unreadable: broken.jpg:" in err
    assert "24 queries, 12 images of 3 classes" in out
    for name in ("hsv", "edges", "fusion"):
        assert re.search(rf"^{name} +0\.\d{{3}} \(0\.\d{{3}}-[01]\.\d{{3}}\)", out, re.MULTILINE)
    assert re.search(r"^Fusion against \w+ alone: [+-]\d+\.\d% mAP", out, re.MULTILINE)


def test_the_studios_own_index_is_left_alone(
    run: Run, state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = state / "own.pkl"
    monkeypatch.setenv("IMAGE_SEARCH_CACHE", str(own))
    monkeypatch.setenv("IMAGE_SEARCH_IMAGES", str(state / "photo"))

    assert run()[0] == 0  # the image folder is the gallery where none is named
    assert not own.exists()


def test_a_cache_that_is_named_is_kept_for_the_next_run(run: Run, state: Path) -> None:
    arguments: list[str | Path] = ["--gallery", state / "photo", "--queries", state / "sketch"]
    first = plain(run, *arguments, "--cache", state / "kept.pkl")
    again = plain(run, *arguments, "--cache", state / "kept.pkl")
    temporary = plain(run, *arguments)

    assert (state / "kept.pkl").exists()
    assert (state / "kept-queries.pkl").exists()
    for other in (again, temporary):
        assert other["rankings"] == first["rankings"]
        assert other["gallery"]["contents"] == first["gallery"]["contents"]
    assert again["gallery"]["fingerprint"] == first["gallery"]["fingerprint"]


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["--gallery", "nowhere"], "bad_setting", "cannot be read"),
        (["--truth", "instance"], "invalid_query", "needs queries"),
        (["-k", "0"], "invalid_query", "at least 1"),
        (["--report", "nowhere/report.html"], "bad_setting", "does not exist"),
        (["--report", "."], "bad_setting", "cannot be written"),
    ],
)
def test_what_cannot_be_done_is_stated(
    run: Run,
    state: Path,
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[str],
    code: str,
    says: str,
) -> None:
    monkeypatch.chdir(state)

    exit_code, out, _ = run("--json", "--gallery", "photo", *arguments)

    assert exit_code == 2
    error = json.loads(out)["error"]
    assert error["code"] == code
    assert says in error["message"]


def test_the_report_is_one_file_that_needs_nothing_else(run: Run, state: Path) -> None:
    report = state / "report.html"

    code, out, _ = run("--gallery", state / "photo", "--report", report)

    assert code == 0
    assert f"The report is {report}." in out
    page = Page(report.read_text("utf-8"))
    assert page.open == []
    assert not {"script", "link", "iframe", "object"} & set(page.tags)
    assert page.tags.count("svg") >= 2 + 3 + 3  # two plots, three keys, three distributions
    assert page.sources
    assert all(source.startswith("data:image/webp;base64,") for source in page.sources)
    sizes = []
    for source in page.sources:
        picture = Image.open(io.BytesIO(base64.b64decode(source.partition(",")[2])))
        sizes.append(max(picture.size))
    assert sizes.pop(0) == 1000  # the map
    assert sizes
    assert max(sizes) <= 128
    # Neither a plot nor a style reaches out.
    assert not re.search(r"url\(|@import|https?://", report.read_text("utf-8"))


def test_the_report_tells_the_figures(run: Run, state: Path) -> None:
    report = state / "report.html"
    arguments: list[str | Path] = [
        "--gallery",
        state / "photo",
        "--queries",
        state / "sketch",
        "--report",
        report,
    ]

    answer = plain(run, *arguments)

    text = report.read_text("utf-8")
    fusion = answer["rankings"][-1]
    for name in ("mAP", "P@10", "recall@10", "P@1"):
        assert f">{_share(fusion['measures'][name]['mean'])}<" in text
    assert f"{100 * fusion['pairs']['auc']:.1f} %" in text
    for case in fusion["worst"]:
        assert case["path"] in text
    assert TRUTHS["class"].rule.replace("'", "&#39;") in text


@pytest.mark.parametrize("extractors", ["hsv", "hsv,edges"])
def test_a_single_class_and_a_single_extractor_have_a_report_too(
    run: Run, state: Path, extractors: str
) -> None:
    report = state / "report.html"

    run("--gallery", state / "photo" / "red", "--extractors", extractors, "--report", report)

    assert Page(report.read_text("utf-8")).open == []


def test_the_command_offers_every_truth_and_kind() -> None:
    assert tuple(TRUTHS) == command.TRUTHS
    assert (AUTO, *KINDS) == command.KINDS


def test_names_of_files_are_text_and_not_markup(run: Run, state: Path) -> None:
    (state / "photo" / "<b>&amp;").mkdir()
    for number in range(3):
        shown = state / "photo" / "<b>&amp;" / f"<script>{number}.png"
        Image.new("RGB", (40, 40), (20 * number, 90, 200 - 80 * number)).save(shown)
    report = state / "report.html"

    run("--gallery", state / "photo", "--report", report)

    text = report.read_text("utf-8")
    assert "&lt;b&gt;&amp;amp;/&lt;script&gt;" in text
    assert "<script>" not in text


def _share(value: float) -> str:
    text = f"{value:.3f}"
    return text.removeprefix("0") if value < 1 else text


def test_metrics_are_shown_beside_the_fitted_scores(run: Run, state: Path) -> None:
    metrics = ("--metric", "euclidean", "--metric", "dotproduct")
    code, printed, _ = run("--gallery", state / "photo", *metrics)

    assert code == 0
    rows = [line.split("  ")[0] for line in printed.splitlines()]
    wanted = ["hsv, euclidean", "hsv, dotproduct", "hsv", "edges, euclidean", "edges, dotproduct"]
    assert [row for row in rows if row in wanted] == wanted
